"""Guardrail results in the shapes that providers and gateways log, as layer events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from trueup.sources.exchange import BadRecordError, Event
from trueup.sources.values import shown, words

__all__ = ["EVENT_KEYS", "events_of", "guardrail_event", "is_blocked_reason"]

# Finish reasons by which a provider says that its own filter stopped the answer: OpenAI and Azure,
# Gemini, Bedrock, Anthropic, Mistral, Cohere.
BLOCKED_REASONS = frozenset(
    words(
        "content_filter content_filtered safety prohibited_content blocklist spii recitation "
        "image_safety guardrail_intervened guardrail refusal blocked error_toxic model_armor"
    )
)

_Reader = Callable[[dict[str, Any], bool], list[Event]]


@lru_cache(maxsize=1024)
def is_blocked_reason(reason: str) -> bool:
    """True for a finish reason that means the provider's filter stopped the answer."""
    return reason.lower() in BLOCKED_REASONS


def events_of(record: dict[str, Any], delivered: bool) -> list[Event]:
    """All guardrail results found at the top level of `record`.

    delivered: a normal answer is on record, so a verdict that only says "flagged" stopped nothing.
    """
    return [event for read in _readers(tuple(record)) for event in read(record, delivered)]


@lru_cache(maxsize=4096)
def _readers(keys: tuple[str, ...]) -> tuple[_Reader, ...]:
    """The shapes that a record with these keys may hold."""
    return tuple(read for read, names in _SHAPES.items() if not names.isdisjoint(keys))


def _own(record: dict[str, Any], delivered: bool) -> list[Event]:
    """Lists of verdicts under a name of their own: trueup's convention, and the commonest."""
    return [
        event
        for key in ("guardrails", "guardrail_results", "layer_events")
        if record.get(key)
        for event in _listed(record[key], key)
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


def _listed(value: Any, key: str) -> list[Event]:
    """A list of verdicts, or an object of verdicts by guard name."""
    if type(value) is list:
        return [guardrail_event(item) for item in value]
    if type(value) is not dict:
        raise BadRecordError(f"{key} must be a list of objects, got {shown(value)}.")
    if {"name", "layer", "action"} & value.keys():
        return [guardrail_event(value)]
    return [
        guardrail_event(item if type(item) is dict else {"action": item}, name)
        for name, item in value.items()
    ]


def _azure_record(record: dict[str, Any], delivered: bool) -> list[Event]:
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


def _litellm(record: dict[str, Any], delivered: bool) -> list[Event]:
    """LiteLLM: status success, blocked or guardrail_intervened; a failure said nothing."""
    events = []
    value = record.get("guardrail_information")
    for item in value if type(value) is list else [value]:
        if type(item) is not dict:
            continue
        status = item.get("guardrail_status")
        if status in ("failure", "guardrail_failed_to_respond", "not_run", None):
            continue
        mode = item.get("guardrail_mode")
        mode = mode[0] if type(mode) is list and mode else mode
        masked = item.get("masked_entity_count")
        action = "allow" if status == "success" else status
        if status == "success" and type(masked) is dict and any(masked.values()):
            action = "rewrite"
        latency = _latency(item)
        name = item.get("guardrail_name") or "litellm-guardrail"
        events.append(Event(name, stage=mode, action=action, latency_ms=latency))
    return events


def _moderations(record: dict[str, Any], delivered: bool) -> list[Event]:
    """OpenAI-style moderation: {results: [{flagged, categories, category_scores}]} or parts."""
    return [
        event
        for key in ("moderation", "moderations", "moderation_results")
        if record.get(key)
        for event in _moderation(record[key], delivered)
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


def _bedrock(record: dict[str, Any], delivered: bool) -> list[Event]:
    """Amazon Bedrock: the guardrail's action, and by category from the trace where it is logged."""
    trace = record.get("amazon-bedrock-trace") or record.get("trace")
    found = trace.get("guardrail") if type(trace) is dict else None
    events = list(_bedrock_trace(found)) if type(found) is dict else []
    action = record.get("amazon-bedrock-guardrailAction")
    if action is not None and not any(event.action != "allow" for event in events):
        intervened = action == "INTERVENED"
        events.append(Event("bedrock-guardrail", action="block" if intervened else "allow"))
    return events


def _bedrock_trace(guardrail: dict[str, Any]) -> Iterator[Event]:
    for stage, keys in (
        ("input", ("input", "inputAssessment", "inputAssessments")),
        ("output", ("outputs", "outputAssessments")),
    ):
        for key in keys:
            for assessment in _assessments(guardrail.get(key)):
                yield from _assessed(assessment, stage)


def _assessments(value: Any) -> Iterator[dict[str, Any]]:
    """Assessments are nested by guardrail id, in lists or not, depending on the API."""
    if type(value) is list:
        for item in value:
            yield from _assessments(item)
    elif type(value) is dict:
        if any(key.endswith("Policy") for key in value):
            yield value
        else:
            for item in value.values():
                if type(item) in (dict, list):
                    yield from _assessments(item)


_BEDROCK_ACTIONS = {
    "BLOCKED": "block",
    "ANONYMIZED": "rewrite",
    "NONE": "allow",
    "MASKED": "rewrite",
}


def _assessed(assessment: dict[str, Any], stage: str) -> Iterator[Event]:
    for policy in assessment.values():
        for findings in policy.values() if type(policy) is dict else ():
            for finding in findings if type(findings) is list else ():
                if type(finding) is dict and str(finding.get("action")) in _BEDROCK_ACTIONS:
                    action = _BEDROCK_ACTIONS[finding["action"]]
                    category = finding.get("name") or finding.get("type") or finding.get("match")
                    detected = finding.get("detected")
                    fired = action != "allow" if detected is None else detected
                    yield Event(
                        "bedrock-guardrail",
                        stage=stage,
                        category=category,
                        score=finding.get("score"),
                        threshold=finding.get("threshold"),
                        fired=fired,
                        action=action,
                    )


def _gemini(record: dict[str, Any], delivered: bool) -> list[Event]:
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
    _bedrock: frozenset(("amazon-bedrock-guardrailAction", "amazon-bedrock-trace", "trace")),
    _gemini: frozenset(("promptFeedback", "prompt_feedback")),
}
EVENT_KEYS = frozenset().union(*_SHAPES.values())
