"""Guardrail spans: which spans are one, and what the guard said."""

from __future__ import annotations

import re
from typing import Any

from trueup.sources.exchange import Event
from trueup.sources.guard_libraries import Context, guardrails_ai, nemo
from trueup.sources.guards import guardrail_event
from trueup.sources.messages import parsed
from trueup.sources.otlp_spans import Span
from trueup.sources.values import stage_of, words

__all__ = ["guard_event", "is_guard"]

_OPERATIONS = ("apply_guardrail", "run_guardrail", "guardrail", "evaluate_guardrail")
_KIND_ATTRIBUTES = (
    "openinference.span.kind",
    "traceloop.span.kind",
    "langfuse.observation.type",
    "gen_ai.span.kind",
)
_OWN = re.compile(
    r"(?:gen_ai\.)?(?:security\.)?(?:guardrail|guardian|security|guard|moderation)[._]"
)
# What is left of an attribute's name after the prefix, and the field of a verdict that it fills.
_FIELDS = {
    "decision.type": "action",
    "action.type": "action",
    "verdict.type": "verdict",
    "target.type": "stage",
    "risk.category": "category",
    "risk.finding": "category",
    "risk.score": "score",
    "id": "identifier",
    "mode": "stage",
    "type": "category",
    "status": "result",
    "outcome": "result",
    "duration": None,
}
_NAME = re.compile(r"^(?:apply_guardrail|run_guardrail|guardrail|guard)[ :./_-]+", re.IGNORECASE)


def is_guard(span: Span) -> bool:
    """True for a span that is the run of one guard."""
    attributes = span.attributes
    if attributes.get("gen_ai.operation.name") in _OPERATIONS or _is_library(span):
        return True
    if any(str(attributes.get(name)).lower() == "guardrail" for name in _KIND_ATTRIBUTES):
        return True
    if "gen_ai.operation.name" in attributes:
        return False
    return any(_OWN.match(name) for name in attributes) or bool(_NAME.match(span.name))


def guard_event(span: Span) -> Event | None:
    """The guard's verdict; None when the span does not say what it decided."""
    if _is_library(span):
        return _library_event(span)
    verdict = _verdict(span)
    default = verdict.pop("identifier", None) or _NAME.sub("", span.name).strip() or span.name
    verdict.setdefault("latency_ms", _latency(span))
    event = guardrail_event(verdict, name=str(default))
    scored = event.score is not None and event.threshold is not None
    if (event.fired is None and event.action is None and not scored) or event.action == "error":
        return None
    stage = stage_of(event.stage) or _stage_in(span.name)
    return event._replace(stage=stage)


def _is_library(span: Span) -> bool:
    """True for a rail of NeMo Guardrails, or the run of a validator of Guardrails AI."""
    attributes = span.attributes
    return nemo.rail_in_span(attributes) is not None or guardrails_ai.is_validator(attributes)


def _library_event(span: Span) -> Event | None:
    context = Context(name=span.name)
    thrown = (event.attributes for event in span.events if event.name == "exception")
    raised = next(thrown, {}).get("exception.message") or span.attributes.get("error.type")
    rail = nemo.rail_in_span(span.attributes)
    if rail is not None:
        event = nemo.rail_event(rail | {"error": raised}, context)
    else:
        log = guardrails_ai.validator_in_span(span.attributes)
        event = guardrails_ai.validator_event(log | {"error": raised}, context)
    return None if event is None else event._replace(latency_ms=_latency(span))


def _latency(span: Span) -> float | None:
    if span.start is None or span.end is None or span.end < span.start:
        return None
    return (span.end - span.start) / 1e6


def _stage_in(name: str) -> str | None:
    for word in re.split(r"[^a-z]+", name.lower()):
        if stage_of(word) is not None:
            return stage_of(word)
    return None


def _verdict(span: Span) -> dict[str, Any]:
    found: dict[str, Any] = {}
    output = parsed(span.attributes.get("output.value"))
    if type(output) is dict:
        found |= output
    finding = next((event.attributes for event in span.events if "finding" in event.name), {})
    for name, value in {**finding, **span.attributes}.items():
        match = _OWN.match(name)
        rest = name[match.end() :] if match else name
        for inner in ("guardrail.", "guardian."):
            rest = rest.removeprefix(inner)
        field = _FIELDS.get(rest, rest)
        if field is not None and "." not in field and (match or rest in _PLAIN):
            found[field] = value
    return found


# Fields that are taken without a prefix too.
_PLAIN = frozenset(
    words(
        "action decision flagged blocked triggered passed score threshold category stage fired "
        "verdict tripwire_triggered config_version"
    )
)
