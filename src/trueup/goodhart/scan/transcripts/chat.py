"""Messages of OpenAI's chat API, with tool calls, and the dialects that resemble them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trueup.goodhart.scan.transcripts.anthropic import block_steps, text_in
from trueup.goodhart.scan.transcripts.responses import is_item, item_steps
from trueup.goodhart.scan.transcripts.steps import Role, Step, arguments_of, role_of

__all__ = ["conversation_in", "is_message", "message_steps"]

_LISTS = ("messages", "conversation", "conversations", "history", "steps", "turns", "items")
_REASONING = ("reasoning_content", "reasoning", "thinking", "thought")


def unwrapped(value: dict[str, Any]) -> dict[str, Any]:
    """The message inside the line of a session file, where it is wrapped in an event."""
    for key in ("message", "payload"):
        inside = value.get(key)
        if isinstance(inside, dict) and ("role" in inside or "type" in inside):
            return inside
    return value


def is_message(value: object) -> bool:
    """True for one message, item or step, alone or wrapped in an event."""
    if not isinstance(value, dict):
        return False
    inner = unwrapped(value)
    if "role" in inner or is_item(inner):
        return True
    if "from" in inner and "value" in inner:
        return True
    return "source" in inner and bool({"message", "action", "observation"} & set(inner))


def conversation_in(record: object) -> list[Any] | None:
    """The messages of one record that holds a conversation, None when it holds none."""
    if isinstance(record, list):
        return record if any(map(is_message, record)) else None
    if not isinstance(record, dict):
        return None
    for key in _LISTS:
        value = record.get(key)
        if isinstance(value, list) and any(map(is_message, value)):
            return value
    return _exchange(record)


def _exchange(record: dict[str, Any]) -> list[Any] | None:
    """A logged request and its reply: the messages or input, then the choices or output."""
    request, response = record.get("request", record), record.get("response", record)
    if isinstance(response, str) or not isinstance(request, dict):
        return None
    response = response if isinstance(response, dict) else {}
    asked = request.get("messages") or request.get("input")
    found = [{"role": "user", "content": asked}] if isinstance(asked, str) else list(asked or ())
    choices, output = response.get("choices"), response.get("output")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        found.append(choices[0].get("message"))
    elif isinstance(output, list):
        found.extend(output)
    return found if any(map(is_message, found)) else None


def message_steps(value: object, place: int) -> Iterator[Step]:
    """Steps of one message in the order they were written: reasoning, text, calls."""
    if not isinstance(value, dict):
        return
    message = unwrapped(value)
    if is_item(message):
        yield from item_steps(message, place)
        return
    role = _role(message)
    for key in _REASONING:
        said = text_in(message.get(key))
        if said and role == "agent":
            yield Step(place, role, "reasoning", said)
            break
    if "action" in message and isinstance(message.get("args"), dict):
        yield from _event(message, role, place)
        return
    content = message.get("content", message.get("value", message.get("message")))
    yield from block_steps(content if content is not None else "", role, place)
    yield from _calls(message, role, place)


def _role(message: dict[str, Any]) -> Role:
    for key in ("role", "from", "source"):
        if key in message:
            role = role_of(message[key])
            # An event of an agent that reports what came back is context.
            return "tool" if role == "agent" and "observation" in message else role
    return "agent" if message.get("type") == "assistant" else "user"


def _event(message: dict[str, Any], role: Role, place: int) -> Iterator[Step]:
    """An action of an event stream: what it thought, what it did."""
    arguments = message["args"]
    if role == "agent":
        said = text_in(arguments.get("thought")) or text_in(arguments.get("content"))
        if said and message["action"] in ("message", "think", "finish"):
            yield Step(place, role, "text", said)
        elif text_in(arguments.get("thought")):
            yield Step(place, role, "reasoning", text_in(arguments.get("thought")))
    yield Step(place, role, "call", tool=str(message["action"]), arguments=arguments)


def _calls(message: dict[str, Any], role: Role, place: int) -> Iterator[Step]:
    calls = message.get("tool_calls")
    found = list(calls) if isinstance(calls, list) else []
    if isinstance(message.get("function_call"), dict):
        found.append(message["function_call"])
    for call in found:
        if not isinstance(call, dict):
            continue
        inner = call.get("function")
        source = inner if isinstance(inner, dict) else call
        name = source.get("name") or call.get("function_name") or inner or ""
        given = source.get("arguments", source.get("args", source.get("input")))
        yield Step(place, role, "call", tool=str(name), arguments=arguments_of(given))
