"""NeMo Guardrails: the generation log, the results of a check, and the spans of its traces.

Shapes after NVIDIA/NeMo-Guardrails: `nemoguardrails/rails/llm/options.py` (GenerationResponse,
GenerationLog, ActivatedRail, RailsResult; durations in seconds), `server/schemas/openai.py`
(`guardrails: {config_id, log}` in a completion), `tracing/adapters/filesystem.py` (lines of
{trace_id, spans}) and `tracing/constants.py` (rail.type, rail.name, rail.stop, rail.decisions).
"""

from __future__ import annotations

from typing import Any

from trueup.sources.exchange import Event
from trueup.sources.guard_libraries.common import (
    Context,
    flag,
    milliseconds,
    number,
    reason,
    text,
)

__all__ = ["KEYS", "SIGNS", "is_judging", "rail_event", "rail_in_span", "rails_in_trace", "read"]

KEYS = frozenset(("activated_rails",))
SIGNS = KEYS | {"log", "config_id", "config_ids", "rail", "stop", "spans"}
_STATUSES = {"passed": "allow", "modified": "rewrite", "blocked": "block"}
_STAGES = {"input": "input", "output": "output"}
# Flows of the conversation itself, which guard nothing unless they refuse.
_FLOWS = ("dialog", "generation")


def read(value: Any, context: Context) -> list[Event] | None:
    """The verdicts of the rails; None for what is no object of NeMo Guardrails."""
    if type(value) is not dict:
        return None
    if type(value.get("activated_rails")) is list:
        return _rails(value["activated_rails"], context)
    log = value.get("log")
    if type(log) is dict and "activated_rails" in log:
        return read(log, context) or []
    if "config_id" in value or "config_ids" in value:
        return []
    status = text(value.get("status"))
    if status in _STATUSES and "rail" in value:
        name = text(value["rail"], context.name) or "nemo-guardrails"
        return [Event(name, stage=context.stage, action=_STATUSES[status])]
    if "stop" in value and ("decisions" in value or "executed_actions" in value):
        return _rails([value], context)
    rails = rails_in_trace(value)
    return _rails(rails, context) if rails else None


def _rails(rails: list[Any], context: Context) -> list[Event]:
    events = [rail_event(rail, context) for rail in rails if type(rail) is dict]
    return [event for event in events if event is not None]


def rail_event(rail: dict[str, Any], context: Context) -> Event | None:
    """What one activated rail did; None for a flow of the conversation that refused nothing."""
    decisions = _texts(rail.get("decisions"))
    stopped = flag(rail.get("stop")) is True or "stop" in decisions
    failure = _failure(rail, decisions)
    kind = rail.get("type")
    if stopped or (failure is None and any("refuse" in words.split() for words in decisions)):
        action = "block"
    elif any(_rewrote(action) for action in _dicts(rail.get("executed_actions"))):
        action = "rewrite"
    else:
        action = "allow"
    if kind in _FLOWS and action == "allow" and failure is None:
        return None
    return Event(
        text(rail.get("name"), context.name) or "nemo-guardrails",
        stage=_STAGES.get(kind, context.stage) if type(kind) is str else context.stage,
        action=action,
        latency_ms=_latency(rail),
        failure=failure,
    )


def _failure(rail: dict[str, Any], decisions: list[str]) -> str | None:
    """Why a rail failed: its span's error, or the bot's words for an action that raised."""
    error = rail.get("error")
    if error is not None and error is not False:
        return reason(error, default="error")
    return next((words for words in decisions if "internal error" in words), None)


def _rewrote(action: dict[str, Any]) -> bool:
    """True for an action that masks, and returned another text than it was given."""
    given, got = action.get("action_params"), action.get("return_value")
    before = given.get("text") if type(given) is dict else None
    masks = "mask" in str(action.get("action_name"))
    return masks and type(got) is str and type(before) is str and got != before


def _latency(rail: dict[str, Any]) -> float | None:
    known = milliseconds(rail.get("duration"))
    if known is not None:
        return known
    start, end = number(rail.get("started_at")), number(rail.get("finished_at"))
    return None if start is None or end is None else milliseconds(end - start)


def is_judging(attributes: dict[str, Any]) -> bool:
    """True for the span of a rail that guards: models called in it answer nobody."""
    return rail_in_span(attributes) is not None and attributes.get("rail.type") not in _FLOWS


def rail_in_span(attributes: dict[str, Any]) -> dict[str, Any] | None:
    """The rail that a span tells of, as an activated rail; None for another span."""
    if "rail.name" not in attributes and "rail.type" not in attributes:
        return None
    return {
        "type": attributes.get("rail.type"),
        "name": attributes.get("rail.name"),
        "stop": attributes.get("rail.stop"),
        "decisions": attributes.get("rail.decisions"),
        "error": attributes.get("error.type"),
    }


def rails_in_trace(value: dict[str, Any]) -> list[dict[str, Any]]:
    """The rails of a line {trace_id, spans}; spans of the first schema say no verdict."""
    rails = []
    for span in _dicts(value.get("spans")):
        attributes = span.get("attributes")
        rail = rail_in_span(attributes) if type(attributes) is dict else None
        if rail is not None:
            rails.append(rail | {"duration": span.get("duration"), "error": span.get("error")})
    return rails


def _texts(value: Any) -> list[str]:
    return [item for item in value if type(item) is str] if type(value) is list else []


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if type(item) is dict] if type(value) is list else []
