"""Chat logs as JSON: OpenAI-style messages, request and response bodies, batch output.

Also the bodies of Anthropic, Gemini and the Responses API, and trueup's own conventions at the top
level: id, created_at, user, metadata (slices), guardrails, feedback, arm and propensity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trueup.sources.columns import Plan, fill, plan_for
from trueup.sources.exchange import BadRecordError, Exchange
from trueup.sources.guard_libraries import as_chat, taken_keys
from trueup.sources.guards import EVENT_KEYS, events_of
from trueup.sources.json_reading import json_exchanges
from trueup.sources.messages import (
    conversation_of,
    is_messages,
    last_user_text,
    message_of,
    message_text,
    parsed,
    part_text,
    split,
)

if TYPE_CHECKING:
    from trueup.sources.batch import Batch, BatchBuilder
    from trueup.sources.files import ByteStream, Head

__all__ = ["convert", "detect", "read"]

_REQUEST_KEYS = ("request", "request_body", "requestBody", "input", "body")
_RESPONSE_KEYS = ("response", "response_body", "responseBody", "output", "completion")
_LIST_KEYS = ("messages", "conversations", "conversation", "contents", "input_messages")
# Answers as text; guard libraries name it after what they did with it.
_ANSWER_KEYS = ("answer", "text", "validated_output", "validatedOutput", "sanitized_output")
_BODY_KEYS = (*_LIST_KEYS, *_REQUEST_KEYS, *_RESPONSE_KEYS, "prompt", "choices", "candidates")
_SAMPLING_KEYS = (
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "stop",
)


def detect(head: Head) -> bool:
    """True for JSON records that hold chat messages or a provider's request or response body."""
    if head.records:
        return any(map(_is_chat, head.records))
    return bool(head.keys & {"messages", "choices", "request", "conversations"})


def read(
    head: Head, stream: ByteStream, builder: BatchBuilder, mapping: object = None
) -> Iterator[Batch]:
    """Read a file of chat records batch by batch."""
    yield from json_exchanges(head, stream, builder, convert)


def _is_chat(record: dict[str, Any]) -> bool:
    if as_chat(record) is not None:
        return True
    if any(is_messages(parsed(record.get(key))) for key in _LIST_KEYS):
        return True
    if type(record.get("choices")) is list or type(record.get("candidates")) is list:
        return True
    return any(_is_body(parsed(record.get(key))) for key in (*_REQUEST_KEYS, *_RESPONSE_KEYS)) or (
        is_messages(record.get("prompt"))
    )


def _is_body(value: Any) -> bool:
    """True for the body of a provider's request or response, or a list of messages or items."""
    if type(value) is list:
        return is_messages(value) or (
            bool(value) and type(value[0]) is dict and value[0].get("type") == "message"
        )
    if type(value) is not dict:
        return False
    if value.keys() & {"messages", "choices", "contents", "candidates", "body", "prompt"}:
        return True
    if is_messages(value.get("response")):  # NeMo Guardrails
        return True
    return value.get("role") == "assistant" or value.get("object") in (
        "response",
        "chat.completion",
    )


def convert(record: Any) -> Iterable[Exchange]:
    """Convert one chat record. Raises `BadRecordError`."""
    if type(record) is not dict:
        raise BadRecordError("A chat record must be a JSON object.")
    record = as_chat(record) or record
    plan, bodies, guarded = _plan(tuple(record))
    exchange = Exchange()
    fill(exchange, record, plan)
    messages = record.get("messages")
    if bodies or type(messages) is not list:
        _from_bodies(exchange, record)
    else:
        exchange.messages, exchange.response = split(conversation_of(messages))
    if guarded:
        exchange.events = (
            *exchange.events,
            *events_of(record, bool(exchange.response), _texts(exchange)),
        )
    return (exchange,)


def _texts(exchange: Exchange) -> tuple[Any, Any]:
    """The last user message and the response."""
    return last_user_text(exchange.messages or []), exchange.response


@lru_cache(maxsize=4096)
def _plan(keys: tuple[str, ...]) -> tuple[Plan, bool, bool]:
    """How a record with these keys is read: its columns, has it bodies, has it guardrails."""
    plan = plan_for(keys, taken=(*_BODY_KEYS, *EVENT_KEYS, *_ANSWER_KEYS, *taken_keys(keys)))
    bodies = not {"messages"}.issuperset(set(_BODY_KEYS).intersection(keys)) or any(
        key in keys for key in (*_ANSWER_KEYS, "system")
    )
    return plan, bodies, any(key in keys for key in EVENT_KEYS)


def _from_bodies(exchange: Exchange, record: dict[str, Any]) -> None:
    """Fill in messages, response and what else the request and response bodies say."""
    request = _request(record)
    answer = _answer(record)
    system = _system(request) or (_system(record) if request is not record else [])
    messages = system + _messages(request, record)
    if answer is None:
        exchange.messages, exchange.response = split(messages)
    else:
        exchange.messages = messages
        _fill_answer(exchange, answer, record)
    if not exchange.messages:
        exchange.messages = None
        if exchange.response is None and not _events_anywhere(record, answer):
            raise BadRecordError("The record holds no messages and no response.")
    if request is not record:
        _fill_request(exchange, request)
        if any(key in request for key in EVENT_KEYS):
            exchange.events = (*exchange.events, *events_of(request, True))


def _events_anywhere(record: dict[str, Any], answer: Any) -> bool:
    return any(key in record for key in EVENT_KEYS) or (
        type(answer) is dict and (any(key in answer for key in EVENT_KEYS) or "error" in answer)
    )


def _request(record: dict[str, Any]) -> dict[str, Any]:
    """The request body; the record itself when it has none of its own."""
    for key in _REQUEST_KEYS:
        value = parsed(record.get(key))
        if type(value) is dict:
            inner = parsed(value.get("body"))
            return inner if type(inner) is dict else value
    return record


def _messages(request: dict[str, Any], record: dict[str, Any]) -> list[dict[str, Any]]:
    for source in (request, record) if request is not record else (record,):
        for key in _LIST_KEYS:
            value = parsed(source.get(key))
            if type(value) is list:
                return conversation_of(value)
        for key in ("prompt", "input", "inputText", "question", "query"):
            value = parsed(source.get(key))
            if value is None:
                continue
            if type(value) is list:
                return _items(value)
            if type(value) is str:
                return [{"role": "user", "content": value}]
    return []


def _items(value: list[Any]) -> list[dict[str, Any]]:
    """Messages, or the items of the Responses API, of which some are tool calls and results."""
    messages = []
    for item in value:
        if type(item) is dict and "role" not in item and "from" not in item:
            item = _item_message(item)
        if item is not None:
            messages.append(message_of(item))
    return messages


def _item_message(item: dict[str, Any]) -> dict[str, Any] | None:
    kind = item.get("type")
    if kind == "function_call":
        return {"role": "assistant", "content": "", "function_call": item}
    if kind == "function_call_output":
        return {"role": "tool", "content": item.get("output")}
    if kind in ("text", "input_text", "input_image", "image_url"):
        return {"role": "user", "content": [item]}
    return None if kind in ("reasoning", "item_reference") or kind is None else item


def _system(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The system prompt where it stands beside the messages (Anthropic, Gemini, Responses API)."""
    for key in ("system", "instructions", "systemInstruction", "system_instruction"):
        text = part_text(body.get(key))
        if text:
            return [{"role": "system", "content": text}]
    return []


def _answer(record: dict[str, Any]) -> Any:
    """The response body, text or message; None when the record has none."""
    if "choices" in record or "candidates" in record:
        return record
    for key in _RESPONSE_KEYS:
        if key not in record:
            continue
        value = parsed(record[key])
        if type(value) is dict and "body" in value:
            value = parsed(value["body"])
        if value is not None:
            return value
    for key in _ANSWER_KEYS:
        if type(record.get(key)) is str:
            return record[key]
    if record.get("error") is not None:
        return {"error": record["error"]}
    return None


def _fill_request(exchange: Exchange, request: dict[str, Any]) -> None:
    _default(exchange, "model", request.get("model") or request.get("modelId"))
    _default(exchange, "user", request.get("user"))
    sampling = {key: request[key] for key in _SAMPLING_KEYS if request.get(key) is not None}
    for key in ("generationConfig", "inferenceConfig"):
        if type(request.get(key)) is dict:
            sampling.update(request[key])
    _default(exchange, "sampling", sampling or None)


def _fill_answer(exchange: Exchange, answer: Any, record: dict[str, Any]) -> None:
    if type(answer) is not dict:
        exchange.response = _answer_text(answer)
        return
    if type(answer.get("model")) is str:
        exchange.model = answer["model"]  # the version that answered, not the alias asked for
    _default(exchange, "id", answer.get("id"))
    _default(exchange, "at", answer.get("created") or answer.get("created_at"))
    choice = _choice(answer)
    exchange.response = _choice_text(choice)
    reason = _reason(choice)
    _default(exchange, "finish_reason", _reason(answer) if reason is None else reason)
    _fill_error(exchange, answer)
    delivered = bool(exchange.response)
    for holder in (answer, choice) if choice is not answer else (answer,):
        if holder is not record and any(key in holder for key in EVENT_KEYS):
            found = events_of(holder, delivered, _texts(exchange))
            exchange.events = (*exchange.events, *found)


def _default(exchange: Exchange, column: str, value: Any) -> None:
    if value is not None and getattr(exchange, column) is None:
        setattr(exchange, column, value)


def _reason(holder: dict[str, Any]) -> Any:
    for key in ("finish_reason", "stop_reason", "finishReason", "stopReason", "completionReason"):
        if holder.get(key) is not None:
            return holder[key]
    details = holder.get("incomplete_details")
    return details.get("reason") if type(details) is dict else None


def _choice(answer: dict[str, Any]) -> dict[str, Any]:
    """The first choice or candidate of a response, or the response itself."""
    for key in ("choices", "candidates", "results", "completions"):
        choices = answer.get(key)
        if type(choices) is list:
            return choices[0] if choices and type(choices[0]) is dict else {}
    return answer


def _choice_text(choice: dict[str, Any]) -> Any:
    """Text of a choice; None where it has none or only calls tools."""
    for key in ("message", "delta", "content", "output"):
        value = choice.get(key)
        if value is None:
            continue
        if type(value) is dict and "message" in value:  # Bedrock Converse
            value = value["message"]
        return _answer_text(value)
    for key in ("text", "outputText", "completion", "generation", "output_text", "response"):
        if choice.get(key) is not None:
            return _answer_text(choice[key])
    if "refusal" in choice and "role" in choice:
        return choice["refusal"]
    return None


def _answer_text(value: Any) -> Any:
    if type(value) is dict:
        if type(value.get("content")) is str and value["content"]:
            return value["content"]
        text = message_text(value)
        if text:
            return text
        return None if value.get("tool_calls") or value.get("function_call") else _empty(value)
    if type(value) is list:
        messages = [item for item in value if type(item) is dict]
        if len(messages) != len(value):
            return value if not all(type(item) is str for item in value) else "\n".join(value)
        texts = [_item_text(item) for item in messages]
        return "\n".join(text for text in texts if text) or (None if messages else "")
    return value


def _item_text(item: dict[str, Any]) -> str:
    if item.get("role") not in (None, "assistant", "model"):
        return ""
    if item.get("type") in ("function_call", "reasoning") or str(item.get("type")).endswith(
        "_call"
    ):
        return ""
    return (
        message_text(item) if "role" in item or item.get("type") == "message" else part_text(item)
    )


def _empty(message: dict[str, Any]) -> str | None:
    """An empty answer was shown as such; null content was not recorded."""
    return "" if message.get("content") == "" else None


def _fill_error(exchange: Exchange, answer: dict[str, Any]) -> None:
    """An error that is a content filter is a block; Azure reports its input filter that way."""
    error = answer.get("error")
    if type(error) is not dict:
        return
    code = error.get("code") or error.get("type")
    inner = error.get("innererror")
    if type(inner) is dict:
        result = inner.get("content_filter_result") or inner.get("content_filter_results")
        if type(result) is dict:
            blocks = events_of({"prompt_filter_results": [result]}, False)
            exchange.events = (*exchange.events, *blocks)
    if exchange.finish_reason is None and code in ("content_filter", "content_policy_violation"):
        exchange.finish_reason = "content_filter"
