"""Chat messages of any provider, normalised to role and content."""

from __future__ import annotations

from typing import Any

import orjson

from trueup.sources.exchange import BadRecordError
from trueup.sources.values import json_text, words

__all__ = ["conversation_of", "is_messages", "last_user_text", "message_of", "part_text", "split"]

# Role words of OpenAI, Anthropic, Gemini, LangChain, ShareGPT, Cohere and the older function calls.
ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "customer": "user",
    "assistant": "assistant",
    "model": "assistant",
    "ai": "assistant",
    "bot": "assistant",
    "gpt": "assistant",
    "chatbot": "assistant",
    "agent": "assistant",
    "tool": "tool",
    "function": "tool",
    "ipython": "tool",
    "observation": "tool",
}
_PLAIN_ROLES = ("system", "user", "assistant", "tool")
_PLACEHOLDERS = {
    "image_url": "[image]",
    "input_image": "[image]",
    "image": "[image]",
    "image_file": "[image]",
    "input_audio": "[audio]",
    "audio": "[audio]",
    "audio_url": "[audio]",
    "video": "[video]",
    "video_url": "[video]",
    "file": "[file]",
    "input_file": "[file]",
    "document": "[file]",
    "blob": "[file]",
    "uri": "[file]",
    "inline_data": "[file]",
}
_HIDDEN = frozenset(
    words(
        "reasoning thinking redacted_thinking reasoning_content encrypted_content tool_call "
        "tool_use toolUse function_call"
    )
)
_TEXT_KEYS = ("text", "content", "refusal", "input_text", "output_text", "value")


def is_messages(value: Any) -> bool:
    """True for a list that looks like chat messages."""
    if type(value) is not list or not value:
        return False
    first = value[0]
    return type(first) is dict and (
        "role" in first or "from" in first or first.get("type") in ROLES
    )


def conversation_of(value: Any) -> list[dict[str, Any]]:
    """Normalise a list of messages. Raises `BadRecordError` when it is not one."""
    if type(value) is not list:
        raise BadRecordError(f"messages must be a list, got {json_text(value)[:60]}.")
    for message in value:
        if (
            type(message) is not dict
            or len(message) != 2
            or message.get("role") not in _PLAIN_ROLES
            or type(message.get("content")) is not str
        ):
            return [message_of(item) for item in value]
    return value


def message_of(message: Any) -> dict[str, Any]:
    """Normalise one message to role and content, and name and tool_calls where it has them."""
    if type(message) is str:
        return {"role": "user", "content": message}
    if type(message) is not dict:
        raise BadRecordError(f"A message must be an object, got {json_text(message)[:60]}.")
    role = message.get("role") or message.get("from") or message.get("type")
    kind = ROLES.get(role.lower()) if type(role) is str else None
    if kind is None:
        raise BadRecordError(
            f"A message's role must be system, user, assistant or tool, got {json_text(role)[:60]}."
        )
    clean: dict[str, Any] = {"role": kind, "content": message_text(message)}
    name = message.get("name")
    if type(name) is str and name:
        clean["name"] = name
    calls = _tool_calls(message)
    if calls:
        clean["tool_calls"] = calls
    return clean


def message_text(message: dict[str, Any]) -> str:
    """Text of a message: its content, else its refusal; hidden reasoning is left out."""
    for key in ("content", "parts", "value", "text"):
        text = part_text(message.get(key))
        if text:
            return text
    refusal = message.get("refusal")
    return refusal if type(refusal) is str else ""


def part_text(content: Any) -> str:
    """Text of content given as text, as one part or as a list of parts; other media by a word."""
    kind = type(content)
    if kind is str:
        return content
    if content is None:
        return ""
    if kind is list:
        texts = [part_text(part) for part in content]
        return "\n".join(text for text in texts if text)
    if kind is not dict:
        return json_text(content)
    name = content.get("type")
    if type(name) is str:
        if name in _HIDDEN:
            return ""
        if name in _PLACEHOLDERS:
            return _PLACEHOLDERS[name]
    if content.get("thought") is True:
        return ""
    return _dict_text(content)


def _dict_text(part: dict[str, Any]) -> str:
    for key in _TEXT_KEYS:
        value = part.get(key)
        if type(value) is str:
            return value
        if type(value) is list or type(value) is dict:
            return part_text(value)
    for key, word in _PLACEHOLDERS.items():
        if key in part:
            return word
    if "inlineData" in part or "fileData" in part:
        return "[file]"
    for key in ("response", "result", "output", "functionResponse", "toolResult", "json"):
        if part.get(key) is not None:
            return part_text(part[key])
    if part.keys() & {"functionCall", "function_call", "toolUse"}:
        return ""
    return json_text(part) if part and "type" not in part else ""


def _tool_calls(message: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    calls = message.get("tool_calls")
    if type(calls) is list:
        found += [_call(_function(call)) for call in calls if type(call) is dict]
    if type(message.get("function_call")) is dict:
        found.append(_call(message["function_call"]))
    for key in ("content", "parts"):
        if type(message.get(key)) is list:
            found += [_call(part) for part in message[key] if _is_call(part)]
    return [call for call in found if call["name"]]


def _function(call: dict[str, Any]) -> dict[str, Any]:
    function = call.get("function")
    return function if type(function) is dict else call


def _is_call(part: Any) -> bool:
    return type(part) is dict and part.get("type") in ("tool_use", "tool_call", "function_call")


def _call(call: Any) -> dict[str, Any]:
    if type(call) is not dict:
        return {"name": None, "arguments": None}
    arguments = call.get("arguments", call.get("input"))
    text = arguments if type(arguments) is str or arguments is None else json_text(arguments)
    return {"name": call.get("name") or call.get("function"), "arguments": text}


def split(messages: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str | None]:
    """The conversation up to the response, and the response: the last message if the assistant's.

    A last message that only calls tools showed the user nothing, so its response is None.
    """
    if not messages or messages[-1]["role"] != "assistant":
        return messages, None
    last = messages[-1]
    response = last["content"]
    if not response and "tool_calls" in last:
        return messages, None
    return messages[:-1], response


def last_user_text(messages: list[dict[str, Any]]) -> str | None:
    """Text of the last message of the user."""
    for message in reversed(messages):
        if message["role"] == "user":
            return message["content"]
    return None


def parsed(value: Any) -> Any:
    """A JSON list or object that was stored as text, parsed; anything else unchanged."""
    if type(value) is not str or value[:1] not in ("[", "{"):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
