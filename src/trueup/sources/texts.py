"""Free-form inputs and outputs of traces as messages and text."""

from __future__ import annotations

from typing import Any

from trueup.sources.messages import (
    conversation_of,
    is_messages,
    message_text,
    parsed,
    part_text,
)
from trueup.sources.values import json_text

__all__ = ["input_messages", "output_text"]

_INPUT_KEYS = ("messages", "input", "prompt", "question", "query", "user_input", "message", "text")
_OUTPUT_KEYS = (
    "content",
    "output",
    "response",
    "answer",
    "completion",
    "text",
    "generated_text",
    "reply",
    "message",
    "result",
)


def input_messages(value: Any) -> list[dict[str, Any]] | None:
    """Messages out of whatever was logged as input; None when nothing was.

    A text, a list of messages, or an object that holds either under a usual name.
    """
    value = parsed(value)
    if value is None or value == "" or value == [] or value == {}:
        return None
    if type(value) is str:
        return [{"role": "user", "content": value}]
    if is_messages(value):
        return conversation_of(value)
    if type(value) is dict:
        if "role" in value and "content" in value:
            return conversation_of([value])
        for key in _INPUT_KEYS:
            if value.get(key):
                return input_messages(value[key])
        for key in ("args", "kwargs"):  # what a decorated function was called with
            inner = value.get(key)
            found = inner[0] if type(inner) is list and inner else inner
            if found and found is not value:
                return input_messages(found)
    return [{"role": "user", "content": part_text(value) or json_text(value)}]


def output_text(value: Any) -> Any:
    """Text out of whatever was logged as output; None when nothing was, or only tool calls."""
    value = parsed(value)
    if value is None or type(value) is str:
        return value
    if type(value) is list:
        if is_messages(value):
            last = value[-1]
            return output_text(last) if type(last) is dict else None
        return part_text(value) or None
    if type(value) is not dict:
        return json_text(value)
    choices = value.get("choices")
    if type(choices) is list and choices and type(choices[0]) is dict:
        return output_text(choices[0].get("message") or choices[0].get("text"))
    if "role" in value or "tool_calls" in value:
        return message_text(value) or ("" if value.get("content") == "" else None)
    for key in _OUTPUT_KEYS:
        if value.get(key) is not None:
            return output_text(value[key])
    return json_text(value) if value else None
