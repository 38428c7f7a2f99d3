"""Read what a model sent back: an answer, an empty one, a provider's block. Never a guess."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from trueup.guards.verdict import AttemptError, one_line
from trueup.probe.model import Reply
from trueup.schema import FILTER_REASONS

__all__ = ["block_reason", "clean", "reply_of_completion", "reply_of_text"]

# Codes of errors that mean the same of the prompt: Azure, OpenAI, gateways.
_BLOCKED_CODES = frozenset(
    {
        *("content_filter", "content_policy_violation", "responsibleaipolicyviolation"),
        *("content_policy_violation_error", "moderation_blocked", "cyber_policy_violation"),
    }
)
_MAX_FINISH = 100


def reply_of_completion(answer: Any) -> Reply:
    """Read an answer in the shape of OpenAI's chat completions. Raises `AttemptError`."""
    if not isinstance(answer, Mapping):
        raise AttemptError("the answer is not a JSON object")
    blocked = block_reason(answer)
    choices = answer.get("choices")
    if blocked is not None and not choices:
        return Reply("blocked", reason=blocked, finish_reason="content_filter")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise AttemptError(_error_message(answer) or "the answer holds no choice")
    message = choices[0].get("message")
    if not isinstance(message, Mapping):
        raise AttemptError("the answer holds no message")
    text = _text(message.get("content"))
    if not text and isinstance(message.get("refusal"), str):
        text = message["refusal"]  # the model's own words, which OpenAI keeps apart
    usage = answer.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    return reply_of_text(
        text,
        choices[0].get("finish_reason"),
        input_tokens=usage.get("prompt_tokens"),
        output_tokens=usage.get("completion_tokens"),
    )


def reply_of_text(
    text: str | None,
    finish_reason: Any = None,
    *,
    input_tokens: Any = None,
    output_tokens: Any = None,
    cost: Any = None,
) -> Reply:
    """What a text and the reason for its end amount to."""
    finish = one_line(str(finish_reason))[:_MAX_FINISH] or None if finish_reason else None
    text = clean(text) if text is not None else None
    status, reason = "answered", None
    if finish is not None and finish.lower() in FILTER_REASONS:
        status, reason = "blocked", f"provider: {finish}"
        text = text if text and text.strip() else None
    elif text is None or not text.strip():
        status = "empty"
        reason = "ended at the token limit" if finish == "length" else None
    return Reply(
        status,
        text,
        reason,
        finish,
        input_tokens=_count(input_tokens),
        output_tokens=_count(output_tokens),
        cost=_price(cost),
    )


def block_reason(body: Any) -> str | None:
    """Why a provider's filter refused the prompt, when that is what an error's body says."""
    if not isinstance(body, Mapping):
        return None
    feedback = body.get("promptFeedback") or body.get("prompt_feedback")
    if isinstance(feedback, Mapping):
        reason = feedback.get("blockReason") or feedback.get("block_reason")
        if reason:
            return f"provider: {one_line(str(reason))}"
    error = body.get("error")
    error = error if isinstance(error, Mapping) else body
    inner = error.get("innererror") or error.get("inner_error")
    metadata = error.get("metadata")
    codes = [error.get("code"), error.get("type")]
    codes += [inner.get("code")] if isinstance(inner, Mapping) else []
    for code in codes:
        if isinstance(code, str) and code.lower() in _BLOCKED_CODES:
            return f"provider: {one_line(code)}"
    if isinstance(metadata, Mapping) and "flagged_input" in metadata:
        return "provider: moderation"
    return None


def clean(text: str) -> str:
    """The text as UTF-8 can hold it: halves of characters become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _text(content: Any) -> str | None:
    """The text of a message: a string, or the text among a list of parts."""
    if content is None or isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise AttemptError(f"the content is not text but {type(content).__name__}")
    parts = [part.get("text") for part in content if isinstance(part, Mapping)]
    return "".join(part for part in parts if isinstance(part, str))


def _error_message(answer: Mapping[str, Any]) -> str | None:
    error = answer.get("error")
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("code")
    return f"the server said: {error}" if error else None


def _count(value: Any) -> int | None:
    known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
    return value if known else None


def _price(value: Any) -> float | None:
    """A price above nothing; price lists hold 0 for what they do not know."""
    known = isinstance(value, int | float) and math.isfinite(value) and value > 0
    return float(value) if known else None
