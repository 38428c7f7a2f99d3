"""A model behind a provider that LiteLLM knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from trueup.errors import UserError
from trueup.guards.verdict import AttemptError
from trueup.probe.attempts import failure_of_status
from trueup.probe.model import Question, Reply, Settings
from trueup.probe.reading import block_reason, reply_of_completion, reply_of_text
from trueup.remote import load_litellm, retry_after

__all__ = ["Provider"]

_PASSING_NAMES = frozenset({"Timeout", "APITimeoutError", "APIConnectionError", "RateLimitError"})


class Provider:
    """Asks through LiteLLM, which reads the provider's key from its environment variable."""

    where = "the provider"

    def __init__(self, model: str, settings: Settings) -> None:
        self.name = model
        self._timeout_s = settings.timeout_s
        self._litellm = load_litellm("Asking a provider", ", or name a server with --api-base URL.")
        _check_key(self._litellm, model)
        self.takes_seed = _takes_seed(self._litellm, model)

    async def ask(self, question: Question) -> Reply:
        seed = {} if question.seed is None else {"seed": question.seed}
        try:
            answer = await self._litellm.acompletion(
                model=self.name,
                messages=[dict(message) for message in question.messages],
                timeout=self._timeout_s,
                num_retries=0,
                max_retries=0,
                drop_params=True,
                **question.sampling,
                **seed,
            )
        except Exception as error:  # LiteLLM raises many types
            return _failed(error)
        return replace(reply_of_completion(_plain(answer)), cost=self._cost(answer))

    def _cost(self, answer: Any) -> float | None:
        """The price by LiteLLM's list; None for a model that is not on it."""
        try:
            cost = self._litellm.completion_cost(completion_response=answer, model=self.name)
        except Exception:  # not mapped, or no usage
            return None
        return reply_of_text("", cost=cost).cost

    async def close(self) -> None:
        await self._litellm.close_litellm_async_clients()


def _check_key(litellm: Any, model: str) -> None:
    """Raise `UserError` when the provider needs a key and its variable is not set."""
    try:
        missing = litellm.validate_environment(model=model)["missing_keys"]
    except Exception:  # an unknown provider: asking will say so
        return
    if len(missing) == 1 and missing[0].endswith("_API_KEY"):  # others have other ways to log in
        raise UserError(
            f"Model {model!r} needs a key, but {missing[0]} is not set.",
            f"Set {missing[0]}, or name a server of your own with --api-base URL.",
        )


def _takes_seed(litellm: Any, model: str) -> bool:
    try:
        return "seed" in (litellm.get_supported_openai_params(model) or ())
    except Exception:  # an unknown provider: asking will say so
        return True


def _plain(answer: Any) -> Any:
    return answer.model_dump() if hasattr(answer, "model_dump") else answer


def _failed(error: Exception) -> Reply:
    names = {kind.__name__ for kind in type(error).__mro__}
    blocked = block_reason(getattr(error, "body", None))
    if blocked or "ContentPolicyViolationError" in names:
        reason = blocked or "provider: content policy"
        return Reply("blocked", reason=reason, finish_reason="content_filter")
    status = getattr(error, "status_code", None)
    reason = f"{type(error).__name__}: {str(error) or 'no message'}"
    if names & _PASSING_NAMES:
        raise AttemptError(reason, wait_s=_asked_wait(error)) from error
    if "LLM Provider NOT provided" in reason:
        raise UserError(
            f"LiteLLM does not know the provider of a model ({type(error).__name__}).",
            "Write PROVIDER/MODEL, such as openai/gpt-x, or name a server with --api-base URL.",
        ) from error
    if isinstance(status, int):
        raise failure_of_status(status, reason, _asked_wait(error)) from error
    raise AttemptError(reason) from error


def _asked_wait(error: Exception) -> float | None:
    # LiteLLM keeps the provider's headers beside a response that it may have made up.
    headers = getattr(error, "litellm_response_headers", None) or getattr(
        getattr(error, "response", None), "headers", None
    )
    return retry_after(headers) if headers is not None else None
