"""The conversation that a GenAI span carries, in any of the conventions in use."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from trueup.sources.messages import conversation_of, parsed, part_text, split
from trueup.sources.otlp_spans import Span, SpanEvent
from trueup.sources.texts import input_messages, output_text

__all__ = ["Content", "content_of", "has_content"]

# Attributes that hold input or output whole, the current convention first. The last are what
# NeMo Guardrails was asked and what it answered, which may be a refusal of its own.
_INPUTS = (
    "gen_ai.input.messages",
    "gen_ai.prompt",
    "ai.prompt.messages",
    "ai.prompt",
    "guardrails.request.input",
)
_OUTPUTS = (
    "gen_ai.output.messages",
    "gen_ai.completion",
    "ai.response.text",
    "guardrails.request.output",
)
_PLAIN_INPUTS = ("traceloop.entity.input", "input.value")
_PLAIN_OUTPUTS = ("traceloop.entity.output", "output.value")
_SYSTEM = "gen_ai.system_instructions"
_MESSAGE_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_NUMBERED_INPUT = re.compile(r"(?:gen_ai\.prompt|llm\.prompts|llm\.input_messages)\.(\d+)\.(.+)")
_NUMBERED_OUTPUT = re.compile(
    r"(?:gen_ai\.completion|llm\.completions|llm\.output_messages)\.(\d+)\.(.+)"
)
_LLM_KINDS = ("LLM", "AGENT", "CHAIN")


@dataclass(frozen=True)
class Content:
    """The conversation of one span."""

    messages: list[dict[str, Any]] | None = None
    response: Any = None
    finish_reason: Any = None


def has_content(span: Span) -> bool:
    """True when the span carries a conversation or the events of one."""
    names = span.attributes
    if any(name in names for name in (*_INPUTS, *_OUTPUTS)):
        return True
    if any(_NUMBERED_INPUT.match(name) or _NUMBERED_OUTPUT.match(name) for name in names):
        return True
    if any(event.name.startswith("gen_ai.") and _speaks(event) for event in span.events):
        return True
    if names.get("openinference.span.kind") in _LLM_KINDS:
        return any(name in names for name in (*_PLAIN_INPUTS, *_PLAIN_OUTPUTS))
    return names.get("gen_ai.operation.name") in ("chat", "text_completion", "generate_content")


def _speaks(event: SpanEvent) -> bool:
    return event.name in _MESSAGE_EVENTS or event.name in (
        "gen_ai.choice",
        "gen_ai.content.prompt",
        "gen_ai.content.completion",
        "gen_ai.client.inference.operation.details",
    )


def content_of(span: Span) -> Content:
    """The conversation of a span, from the first convention in which it has one."""
    for holder in (span.attributes, *_detail_events(span)):
        content = _whole(holder, _INPUTS, _OUTPUTS)
        if content is not None:
            return content
    for found in (_from_events(span.events), _from_numbered(span.attributes)):
        if found is not None:
            return found
    return _whole(span.attributes, _PLAIN_INPUTS, _PLAIN_OUTPUTS) or Content()


def _detail_events(span: Span) -> Iterable[dict[str, Any]]:
    for event in span.events:
        if event.name.startswith(("gen_ai.client", "gen_ai.content")):
            body = event.body if type(event.body) is dict else {}
            yield body | event.attributes


def _whole(
    holder: dict[str, Any], inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> Content | None:
    given = next((holder[name] for name in inputs if name in holder), None)
    answer = next((holder[name] for name in outputs if name in holder), None)
    if given is None and answer is None:
        return None
    messages = input_messages(given) or []
    system = part_text(parsed(holder.get(_SYSTEM)))
    if system and not any(message["role"] == "system" for message in messages):
        messages = [{"role": "system", "content": system}, *messages]
    answer = parsed(answer)
    reason = None
    if type(answer) is list and answer and type(answer[-1]) is dict:
        answer = [message for message in answer if type(message) is dict][:1]
        reason = answer[0].get("finish_reason")
    response = output_text(answer) if answer else None
    if answer is None:
        messages, response = split(messages)
    return Content(messages or None, response, reason)


def _from_events(events: tuple[SpanEvent, ...]) -> Content | None:
    """Messages of the events-based convention; prompt and completion may be one event each."""
    messages: list[dict[str, Any]] = []
    content: dict[str, Any] = {}
    seen = False
    for event in events:
        if event.name in _MESSAGE_EVENTS:
            seen = True
            message = {"role": _MESSAGE_EVENTS[event.name], "content": None} | _body(event)
            messages += conversation_of([message])
        elif event.name == "gen_ai.choice" and "response" not in content:
            seen = True
            body = _body(event)
            content["response"] = output_text(_choice_message(body))
            content["finish_reason"] = body.get("finish_reason")
    return Content(messages or None, **content) if seen else None


def _body(event: SpanEvent) -> dict[str, Any]:
    """What an event says: its body, its attributes, or JSON text in one of them."""
    body = parsed(event.body)
    merged = dict(body) if type(body) is dict else {}
    if type(body) is str:
        merged["content"] = body
    for name, value in event.attributes.items():
        if name in ("gen_ai.event.content", "event.body"):
            inner = parsed(value)
            merged |= inner if type(inner) is dict else {"content": value}
        elif not name.startswith(("gen_ai.", "event.")):
            merged[name] = parsed(value) if name in ("message", "tool_calls") else value
    if merged.get("role") is None:
        merged.pop("role", None)
    return merged


def _choice_message(body: dict[str, Any]) -> Any:
    message = body.get("message")
    if message is None:
        message = {key: body[key] for key in ("role", "content", "tool_calls") if key in body}
    return {"role": "assistant", **message} if type(message) is dict else message


def _from_numbered(attributes: dict[str, Any]) -> Content | None:
    """`gen_ai.prompt.0.role` and the like, of OpenLLMetry and OpenInference."""
    given = _numbered(attributes, _NUMBERED_INPUT)
    answers = _numbered(attributes, _NUMBERED_OUTPUT)
    if not given and not answers:
        return None
    messages = conversation_of([_numbered_message(entry, "user") for entry in given])
    answer = answers[0] if answers else {}
    response = output_text(_numbered_message(answer, "assistant")) if answers else None
    return Content(messages or None, response, answer.get("finish_reason"))


def _numbered(attributes: dict[str, Any], pattern: re.Pattern[str]) -> list[dict[str, Any]]:
    entries: dict[int, dict[str, Any]] = {}
    for name, value in attributes.items():
        found = pattern.fullmatch(name)
        if found:
            entries.setdefault(int(found[1]), {})[found[2].removeprefix("message.")] = value
    return [entries[place] for place in sorted(entries)]


def _numbered_message(entry: dict[str, Any], role: str) -> dict[str, Any]:
    parts = [entry[key] for key in sorted(entry) if key.endswith("message_content.text")]
    content = entry.get("content")
    message = {"role": entry.get("role") or role, "content": parsed(content)}
    if content is None and parts:
        message["content"] = "\n".join(map(str, parts))
    names = [value for key, value in entry.items() if re.fullmatch(r"tool_calls\.\d+\..*name", key)]
    if names:
        message["tool_calls"] = [{"name": name} for name in names]
    return message
