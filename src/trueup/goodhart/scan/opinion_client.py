"""One question to one model through LiteLLM, asked again on failures that pass."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from trueup.errors import UserError
from trueup.remote import FATAL_STATUS, LONGEST_WAIT_S, is_passing, load_litellm, retry_after

__all__ = ["Asked", "Client"]

_PASSING = {"Timeout", "APITimeoutError", "APIConnectionError", "RateLimitError"}


@dataclass(frozen=True, slots=True)
class Asked:
    """The model's text, or the reason for having none. calls: requests sent."""

    text: str | None
    reason: str
    calls: int


@dataclass(frozen=True)
class Client:
    """How to reach the model.

    model: LiteLLM's name of it; with `api_base`, the name that the OpenAI-compatible server knows.
    api_base, api_key: without them the provider's own. attempts: requests for a question at most.
    backoff_s: first wait, doubled each time; a Retry-After header wins. stop: set when the run ends
    early.
    """

    model: str
    api_base: str | None = None
    api_key: str | None = None
    timeout_s: float = 60.0
    attempts: int = 5
    backoff_s: float = 1.0
    max_tokens: int = 1024
    stop: Event = field(default_factory=Event)

    def ask(self, messages: list[dict[str, str]]) -> Asked:
        """Raises `UserError` when no question can succeed: the key or the model is refused."""
        reason = ""
        for attempt in range(1, self.attempts + 1):
            try:
                return Asked(self._complete(messages), "", attempt)
            except UserError:
                raise
            except Exception as error:  # LiteLLM raises many types; the status code decides
                status = getattr(error, "status_code", None)
                reason = f"{type(error).__name__}: {ascii(str(error))[:200]}"
                if status in FATAL_STATUS:
                    raise self._refused(reason) from error
                if not _passes(error, status):
                    return Asked(None, reason, attempt)
                if attempt < self.attempts and self.stop.wait(self._wait(error, attempt)):
                    return Asked(None, f"stopped: {reason}", attempt)
        return Asked(None, f"gave up after {self.attempts} attempts: {reason}", self.attempts)

    def _complete(self, messages: list[dict[str, str]]) -> str:
        extra: dict[str, Any] = {}
        model = self.model
        if self.api_base:
            model = model.removeprefix("openai/")
            extra = {
                "api_base": self.api_base,
                "custom_llm_provider": "openai",
                "api_key": self.api_key or os.environ.get("OPENAI_API_KEY") or "none",
            }
        elif self.api_key:
            extra = {"api_key": self.api_key}
        answer = load_litellm("The second opinion").completion(
            model=model, messages=messages, temperature=0, max_tokens=self.max_tokens,
            timeout=self.timeout_s, num_retries=0, max_retries=0, drop_params=True, **extra,
        )  # fmt: skip
        return answer.choices[0].message.content or ""

    def _wait(self, error: Exception, attempt: int) -> float:
        headers = getattr(error, "litellm_response_headers", None) or getattr(
            getattr(error, "response", None), "headers", {}
        )
        asked = retry_after(headers)
        if asked is not None:
            return min(asked, LONGEST_WAIT_S)
        return min(self.backoff_s * 2 ** (attempt - 1), LONGEST_WAIT_S) * random.uniform(0.7, 1.3)

    def _refused(self, reason: str) -> UserError:
        where = self.api_base or "the provider"
        return UserError(
            f"{where} refused the key or the model {self.model!r} ({reason}).",
            "Check --opinion, --api-base (it usually ends in /v1) and the key, for instance in "
            "OPENAI_API_KEY.",
        )


def _passes(error: Exception, status: object) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    return (isinstance(status, int) and is_passing(status)) or bool(names & _PASSING)
