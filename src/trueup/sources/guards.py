"""Guardrail results in the shapes that providers and gateways log, as layer events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from trueup.schema import FILTER_REASONS
from trueup.sources.bedrock_guards import BEDROCK_KEYS, bedrock_events
from trueup.sources.exchange import BadRecordError, Event
from trueup.sources.guard_libraries import LIBRARY_KEYS, Context, library_events, record_events
from trueup.sources.guard_libraries.common import reason
from trueup.sources.values import ACTION_WORDS, shown, stage_of, words

__all__ = ["EVENT_KEYS", "events_of", "guardrail_event", "is_blocked_reason"]

_Reader = Callable[[dict[str, Any], Context], list[Event]]


@lru_cache(maxsize=1024)
def is_blocked_reason(reason: str) -> bool:
    """True for a finish reason that means the provider's filter stopped the answer."""
    return reason.lower() in FILTER_REASONS


def events_of(record: dict[str, Any], delivered: bool, texts: Sequence[Any] = ()) -> list[Event]:
    """All guardrail results found at the top level of `record`.

    delivered: a normal answer is on record, so a verdict that only says "flagged" stopped nothing.
    texts: the last user message and the response of the exchange, where they are known.
    """
    returned = delivered and ("choices" in record or record.get("object") == "response")
    context = Context(delivered=delivered, returned=returned, texts=tuple(texts))
    return [event for read in _readers(tuple(record)) for event in read(record, context)]


@lru_cache(maxsize=4096)
def _readers(keys: tuple[str, ...]) -> tuple[_Reader, ...]:
    """The shapes that a record with these keys may hold."""
    return tuple(read for read, names in _SHAPES.items() if not names.isdisjoint(keys))


def _own(record: dict[str, Any], context: Context) -> list[Event]:
    """Verdicts under a name of their own: a library's, or trueup's convention."""
    return [
        event
        for key in ("guardrails", "guardrail_results", "layer_events")
        if record.get(key)
        for event in _listed(record[key], key, context)
    ]


def guardrail_event(item: Any, name: str | None = None) -> Event:
    """An event from an object that describes one guard's verdict, by its usual field names."""
    if type(item) is not dict:
        raise BadRecordError(f"guardrails must hold objects, got {shown(item)}.")
    get = item.get
    layer = get("name") or get("layer") or get("guardrail") or get("guardrail_name") or name
    score, threshold, fired = get("score"), get("threshold"), get("fired")
    if fired is None and (score is None or threshold is None):
        fired = _fired(item)
    action, latency = get("action"), get("latency_ms")
    return Event(
        layer,
        get("position"),
        get("stage") or get("source"),
        get("category"),
        score,
        threshold,
        fired,
        action if type(action) is str else _first(item, "action", "decision", "verdict", "result"),
        _latency(item) if latency is None else latency,
        get("config_version") or get("version"),
        get("failure"),
    )


def _fired(item: dict[str, Any]) -> Any:
    for key in ("flagged", "triggered", "blocked", "detected", "tripwire_triggered"):
        if item.get(key) is not None:
            return item[key]
    for key in ("passed", "safe", "is_valid", "valid", "allowed"):
        if type(item.get(key)) is bool:
            return not item[key]
    return None


def _first(item: dict[str, Any], *keys: str) -> Any:
    for key in keys:
        value = item.get(key)
        if type(value) is str or type(value) is bool:
            return value
    return None


def _latency(item: dict[str, Any]) -> Any:
    if item.get("latency_ms") is not None:
        return item["latency_ms"]
    if item.get("duration_ms") is not None:
        return item["duration_ms"]
    for key in ("latency_s", "duration_s", "duration"):
        seconds = item.get(key)
        if type(seconds) is float or type(seconds) is int:
            return seconds * 1000
    return None


def _listed(value: Any, key: str, context: Context) -> list[Event]:
    """A list of verdicts, or an object of verdicts by guard name or by stage."""
    known = library_events(value, context)
    if known is not None:
        return known
    if type(value) is list:
        return [event for item in value for event in _item(item, context)]
    if type(value) is not dict:
        raise BadRecordError(f"{key} must be a list of objects, got {shown(value)}.")
    if {"name", "layer", "action"} & value.keys():
        return [guardrail_event(value)]
    events: list[Event] = []
    for name, item in value.items():
        within = context._replace(name=name, stage=stage_of(name))
        events += _item(item if type(item) in (dict, list) else {"action": item}, within)
    return events


def _item(item: Any, context: Context) -> list[Event]:
    known = library_events(item, context)
    return [guardrail_event(item, context.name)] if known is None else known


def _azure_record(record: dict[str, Any], context: Context) -> list[Event]:
    """Azure OpenAI: results for each prompt in the list, and for the answer."""
    events: list[Event] = []
    for key in ("prompt_filter_results", "prompt_annotations"):
        events += _azure_prompt(record.get(key))
    return events + _azure(record.get("content_filter_results"), "output")


def _azure_prompt(results: Any) -> list[Event]:
    events: list[Event] = []
    for entry in results if type(results) is list else [results]:
        if type(entry) is dict:
            found = entry.get("content_filter_results") or entry.get("content_filter_result")
            events += _azure(found or entry, "input")
    return events


def _azure(results: Any, stage: str) -> list[Event]:
    """Azure OpenAI: verdicts by category; severity and detected say fired, filtered blocked."""
    if type(results) is not dict:
        return []
    events = []
    for category, verdict in results.items():
        if type(verdict) is not dict or not verdict.keys() & {"filtered", "severity", "detected"}:
            continue
        filtered = verdict.get("filtered") is True
        severe = verdict.get("severity") not in (None, "safe")
        detected = verdict.get("detected") is True
        events.append(
            Event(
                "azure-content-filter",
                stage=stage,
                category=category,
                fired=filtered or detected or severe,
                action="block" if filtered else "allow",
            )
        )
    return events


def _litellm(record: dict[str, Any], context: Context) -> list[Event]:
    """LiteLLM: success, blocked or guardrail_intervened; flagged in a mode that only logs; failed.

    After `StandardLoggingGuardrailInformation` of BerriAI/litellm, `litellm/types/utils.py`.
    """
    value = record.get("guardrail_information")
    items = value if type(value) is list else [value]
    return [
        _litellm_event(item)
        for item in items
        if type(item) is dict and item.get("guardrail_status") not in ("not_run", None)
    ]


def _litellm_event(item: dict[str, Any]) -> Event:
    status, response = item["guardrail_status"], item.get("guardrail_response")
    mode = item.get("guardrail_mode")
    mode = mode[0] if type(mode) is list and mode else mode
    masked = item.get("masked_entity_count")
    name = item.get("guardrail_name") or "litellm-guardrail"
    event = Event(name, stage=mode, action=status, latency_ms=_latency(item))
    if status in ("failure", "guardrail_failed_to_respond"):
        did = _first(item, "action", "guardrail_action")
        if did is None and type(response) is dict:
            did = _first(response, "action")
        blocked = did is True or ACTION_WORDS.get(str(did).lower()) == "block"
        why = reason(response, item.get("error"), default=status)
        return event._replace(action="block" if blocked else "allow", failure=why)
    if status == "guardrail_flagged":
        return event._replace(fired=True, action="allow")
    if status == "success" and type(masked) is dict and any(masked.values()):
        return event._replace(action="rewrite")
    return event


def _moderations(record: dict[str, Any], context: Context) -> list[Event]:
    """OpenAI-style moderation: {results: [{flagged, categories, category_scores}]} or parts."""
    return [
        event
        for key in ("moderation", "moderations", "moderation_results")
        if record.get(key)
        for event in _moderation(record[key], context.delivered)
    ]


def _moderation(value: Any, delivered: bool) -> list[Event]:
    if type(value) is dict and {"input", "output"} & value.keys():
        return [
            event._replace(stage=stage)
            for stage in ("input", "output")
            for event in _moderation(value.get(stage) or [], delivered)
        ]
    if type(value) is dict and type(value.get("results")) is list:
        value = value["results"]
    events = []
    for item in value if type(value) is list else [value]:
        if type(item) is not dict or "flagged" not in item:
            continue
        flagged = item["flagged"] is True
        category, score = _worst_category(item)
        events.append(
            Event(
                item.get("name") or "moderation",
                stage=item.get("stage"),
                category=category,
                score=score,
                fired=flagged,
                action=item.get("action") or ("block" if flagged and not delivered else "allow"),
                latency_ms=_latency(item),
            )
        )
    return events


def _worst_category(item: dict[str, Any]) -> tuple[str | None, float | None]:
    scores = item.get("category_scores")
    if type(scores) is dict:
        numbers = {k: v for k, v in scores.items() if type(v) is float or type(v) is int}
        if numbers:
            worst = max(numbers, key=numbers.__getitem__)
            return worst, numbers[worst]
    categories = item.get("categories")
    if type(categories) is dict:
        return next((name for name, hit in categories.items() if hit is True), None), None
    return None, None


def _bedrock(record: dict[str, Any], context: Context) -> list[Event]:
    return bedrock_events(record)


def _gemini(record: dict[str, Any], context: Context) -> list[Event]:
    """Gemini: promptFeedback.blockReason stops the request before the model."""
    feedback = record.get("promptFeedback") or record.get("prompt_feedback")
    if type(feedback) is not dict:
        return []
    reason = feedback.get("blockReason") or feedback.get("block_reason")
    if not reason:
        return []
    return [Event("provider", stage="input", category=str(reason).lower(), action="block")]


# The shapes, in the order in which their guards usually run, and the keys that announce each.
_SHAPES: dict[_Reader, frozenset[str]] = {
    _own: frozenset(("guardrails", "guardrail_results", "layer_events")),
    _azure_record: frozenset(
        words("prompt_filter_results prompt_annotations content_filter_results")
    ),
    _litellm: frozenset(("guardrail_information",)),
    _moderations: frozenset(("moderation", "moderations", "moderation_results")),
    _bedrock: BEDROCK_KEYS,
    _gemini: frozenset(("promptFeedback", "prompt_feedback")),
    record_events: LIBRARY_KEYS,
}
EVENT_KEYS = frozenset().union(*_SHAPES.values())
