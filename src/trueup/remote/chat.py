"""One question to one model through LiteLLM: retries, waits, and a reason when it fails."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from trueup.errors import UserError
from trueup.remote import (
    FATAL_STATUS,
    LONGEST_WAIT_S,
    is_passing,
    load_litellm,
    retry_after,
)

__all__ = ["Asked", "Client"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a question: the model's text, or the reason for having none.

    calls: requests sent. unreachable: the server gave no usable answer at all.
    """

    text: str | None
    reason: str
    calls: int
    unreachable: bool = False


@dataclass(frozen=True)
class Client:
    """How to reach the model.

    Parameters
    ----------
    model
        LiteLLM's model name; with `api_base`, the name that the OpenAI-compatible server knows.
    api_base, api_key
        Server and key. Without `api_base` LiteLLM chooses the provider by the model's name and
        reads the key from its environment variable.
    timeout_s
        Limit for one request, seconds.
    attempts
        Requests per question at most, for rate limits, server errors and timeouts.
    backoff_s
        First wait; doubled each time, with jitter, at most a minute. A Retry-After header wins.
    max_tokens
        Of the reply.
    what, flag
        Who asks, and the option that named the model, for the sentences of errors.
    stop
        Set when the run ends early: waits end at once and nothing more is asked.
    """

    model: str
    api_base: str | None = None
    api_key: str | None = None
    timeout_s: float = 60.0
    attempts: int = 5
    backoff_s: float = 1.0
    max_tokens: int = 2048
    what: str = "The LLM judge"
    flag: str = "--model"
    stop: Event = field(default_factory=Event)

    def ask(self, messages: list[dict[str, str]]) -> Asked:
        """Ask once, again on passing failures. Raises `UserError` when no question can succeed."""
        reason = ""
        for attempt in range(1, self.attempts + 1):
            try:
                return Asked(self._complete(messages), "", attempt)
            except UserError:  # LiteLLM is missing
                raise
            except Exception as error:  # LiteLLM raises many types; the status code decides
                status = _status(error)
                reason = f"{type(error).__name__}: {ascii(str(error))[:200]}"
                if status in FATAL_STATUS:
                    raise _refused(self, status, reason) from error
                if not _passing(error, status):
                    return Asked(None, reason, attempt)
                if attempt < self.attempts and self.stop.wait(self._wait(error, attempt)):
                    return Asked(None, f"stopped: {reason}", attempt)
        return Asked(None, f"gave up after {self.attempts} attempts: {reason}", self.attempts, True)

    def _complete(self, messages: list[dict[str, str]]) -> str:
        extra: dict[str, Any] = {}
        model = self.model
        if self.api_base:
            # A server of one's own: its model names may look like a provider's (org/model).
            model = model.removeprefix("openai/")
            extra = {
                "api_base": self.api_base,
                "custom_llm_provider": "openai",
                "api_key": self.api_key or os.environ.get("OPENAI_API_KEY") or "none",
            }
        elif self.api_key:
            extra = {"api_key": self.api_key}
        answer = load_litellm(self.what).completion(
            model=model,
            messages=messages,
            temperature=0,
            max_tokens=self.max_tokens,
            timeout=self.timeout_s,
            num_retries=0,
            max_retries=0,
            drop_params=True,
            **extra,
        )
        return answer.choices[0].message.content or ""

    def _wait(self, error: Exception, attempt: int) -> float:
        asked = _retry_after(error)
        if asked is not None:
            return min(asked, LONGEST_WAIT_S)
        return min(self.backoff_s * 2 ** (attempt - 1), LONGEST_WAIT_S) * random.uniform(0.7, 1.3)


def _status(error: Exception) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _passing(error: Exception, status: int | None) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    return (status is not None and is_passing(status)) or bool(
        names & {"Timeout", "APITimeoutError", "APIConnectionError", "RateLimitError"}
    )


def _retry_after(error: Exception) -> float | None:
    # LiteLLM keeps the provider's headers beside a response that it may have made up.
    headers = getattr(error, "litellm_response_headers", None) or getattr(
        getattr(error, "response", None), "headers", {}
    )
    return retry_after(headers)


def _refused(client: Client, status: int | None, reason: str) -> UserError:
    where = client.api_base or "the provider"
    if status == 404:
        return UserError(
            f"model {client.model!r} was not found at {where} ({reason}).",
            f"Check {client.flag} and --api-base (it usually ends in /v1).",
        )
    return UserError(
        f"{where} refused the key for model {client.model!r} ({reason}).",
        "Give a valid key, for instance in OPENAI_API_KEY.",
    )
