"""Guardrails AI: validation outcomes, calls of a guard's history, validator logs and their spans.

Shapes after guardrails-ai/guardrails: `guardrails/classes/validation_outcome.py`,
`classes/history/call.py`, `iteration.py` and `outputs.py`, `classes/validation/validator_logs.py`
and `validation_summary.py`, `telemetry/validator_tracing.py`; and guardrails-ai/guardrails-api:
`guardrails_api/utils/openai.py` (the outcome as `guardrails` of a completion). Newer versions write
names in camel case, older ones and the server in snake case.

What a validator does when it fails (`types/on_fail.py`) is in its spans, not in these objects.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from trueup.schema import ACTIONS
from trueup.sources.exchange import BadRecordError, Event
from trueup.sources.guard_libraries.common import Context, flag, reason, text
from trueup.sources.messages import parsed
from trueup.sources.values import time_of

__all__ = [
    "CALL_IDS",
    "KEYS",
    "SIGNS",
    "call_as_chat",
    "is_validator",
    "read",
    "validator_event",
    "validator_in_span",
]

_OWN_KEYS = ("validation_passed", "validation_summaries", "validator_logs")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


KEYS = frozenset((*_OWN_KEYS, *map(_camel, _OWN_KEYS), "iterations"))
SIGNS = KEYS | {"outputs", "validator_name", "validatorName"}
# Ids of calls are addresses in the memory of a process, which another call may have.
CALL_IDS = ("call_id", "callId")
_GUARD = "guardrails-ai"
_ON_FAIL = {
    "exception": "block",
    "refrain": "block",
    "filter": "block",
    "fix": "rewrite",
    "reask": "rewrite",
    "fix_reask": "rewrite",
    "noop": "allow",
}
# The message of the exception by which a validator of on_fail `exception` stops the call.
_FAILED_VALIDATION = "Validation failed"


class _Outcome(NamedTuple):
    """How the whole guard ended. whole: the record would show an output if there was one."""

    passed: bool | None = None
    error: Any = None
    raw: Any = None
    validated: Any = None
    whole: bool = False


def _field(value: dict[str, Any], name: str) -> Any:
    found = value.get(name)
    return value.get(_camel(name)) if found is None else found


def read(value: Any, context: Context) -> list[Event] | None:
    """The validators' verdicts, one for each validator; None for what is no object of the library.

    A validator that ran several times (for parts of an output, or again after a reask) counts by
    the most that it did.
    """
    if type(value) is not dict:
        return None
    logs, outcome = _call(value) if type(value.get("iterations")) is list else _parts(value)
    if logs is None:
        return None
    if context.stage is None:
        own = outcome.raw is not None and outcome.raw == (context.texts or (None,))[0]
        context = context._replace(stage="input" if own else "output")
    most: dict[tuple[Any, Any], Event] = {}
    for log in logs:
        event = validator_event(log, context, outcome)
        key = event.layer, event.stage
        if key not in most or _weight(event) > _weight(most[key]):
            most[key] = event
    events = list(most.values())
    return [*events, *_guard(outcome, events, context)]


def _call(value: dict[str, Any]) -> tuple[list[dict[str, Any]] | None, _Outcome]:
    """The logs of all iterations of a call, and how it ended: as its last iteration did."""
    iterations = [item for item in value["iterations"] if type(item) is dict]
    if len(iterations) != len(value["iterations"]):
        return None, _Outcome()
    logs: list[dict[str, Any]] = []
    outcome = _Outcome()
    for iteration in iterations:
        found, outcome = _parts(iteration)
        logs += found or []
    error = value.get("exception") or outcome.error
    return logs, outcome._replace(error=error, whole=True)


def _parts(value: dict[str, Any]) -> tuple[list[dict[str, Any]] | None, _Outcome]:
    """The logs or summaries in an outcome, an iteration or its outputs, or one log alone."""
    inner = value.get("outputs")
    if type(inner) is dict and _names(value, "call_id", "index"):
        value = inner
    elif _names(value, "validator_name") and _names(value, "validation_result", "validator_status"):
        return [value], _Outcome()
    elif not _names(value, *_OWN_KEYS):
        return None, _Outcome()
    logs = _field(value, "validator_logs") or _field(value, "validation_summaries")
    logs = [item for item in logs if type(item) is dict] if type(logs) is list else []
    raw = _field(value, "raw_llm_output") or _field(value, "raw_output")
    validated = _field(value, "validated_output") or _field(value, "guarded_output")
    outcome = _Outcome(
        flag(_field(value, "validation_passed")),
        value.get("error"),
        raw,
        validated,
        raw is not None,
    )
    return logs, outcome


def _names(value: dict[str, Any], *names: str) -> bool:
    return any(name in value or _camel(name) in value for name in names)


def validator_event(
    log: dict[str, Any], context: Context, outcome: _Outcome | None = None
) -> Event:
    """What one run of a validator said, from its log, its summary or its span."""
    outcome = outcome or _Outcome()
    result = _field(log, "validation_result")
    status = result.get("outcome") if type(result) is dict else _field(log, "validator_status")
    path = text(_field(log, "property_path"))
    event = Event(
        text(_field(log, "validator_name"), _field(log, "registered_name"), context.name) or _GUARD,
        stage="input" if path is not None and path.startswith("messages") else context.stage,
        latency_ms=_latency(log),
    )
    if status == "pass":
        return event._replace(action="rewrite" if _changed(log) else "allow")
    if status == "fail":
        return event._replace(fired=True, action=_action(log, outcome, context))
    return event._replace(
        action="allow",
        failure=reason(log.get("error"), outcome.error, default="no verdict on record"),
    )


def _changed(log: dict[str, Any]) -> bool:
    before = _field(log, "value_before_validation")
    after = _field(log, "value_after_validation")
    return type(before) is str and type(after) is str and before != after


def _action(log: dict[str, Any], outcome: _Outcome, context: Context) -> str:
    """What a failed validation led to: by its setting, else by its value, else by the outcome."""
    setting = text(_field(log, "on_fail"), _field(log, "on_fail_descriptor"))
    if setting in _ON_FAIL:
        return _ON_FAIL[setting]
    before = _field(log, "value_before_validation")
    after = _field(log, "value_after_validation")
    if type(after) is str and (".Refrain" in after or ".Filter" in after):
        return "block"
    if after is not None and after == before:
        return "allow"
    # A text was fixed; an object with fail_results asks the model again.
    asked = type(after) is dict and _names(after, "fail_results", "incorrect_value")
    if _changed(log) or (asked and outcome.validated is not None):
        return "rewrite"
    return _ended(outcome, context)


def _ended(outcome: _Outcome, context: Context) -> str:
    """What a guard that did not simply pass did with the output."""
    if outcome.validated is not None:
        changed = outcome.passed is not False or outcome.validated != outcome.raw
        return "rewrite" if changed and outcome.raw is not None else "allow"
    if _is_verdict(outcome.error) or (outcome.passed is not True and outcome.whole):
        return "block"
    return "block" if outcome.passed is False and not context.delivered else "allow"


def _is_verdict(error: Any) -> bool:
    return type(error) is str and _FAILED_VALIDATION in error


def _guard(outcome: _Outcome, events: list[Event], context: Context) -> list[Event]:
    """What the guard as a whole did, where no validator on record accounts for it."""
    event = Event(context.name or _GUARD, stage=context.stage)
    if outcome.error and not _is_verdict(outcome.error):
        if any(known.fired or known.failure for known in events):
            return []
        return [event._replace(action="allow", failure=reason(outcome.error, default="error"))]
    failed = outcome.passed is False or _is_verdict(outcome.error)
    if failed and not any(known.fired for known in events):
        return [event._replace(fired=True, action=_ended(outcome, context))]
    if outcome.passed is True and not events:
        return [event._replace(fired=False, action="allow")]
    return []


def _weight(event: Event) -> tuple[bool, bool, int]:
    return event.fired is True, event.failure is not None, ACTIONS.index(event.action)


def _latency(log: dict[str, Any]) -> float | None:
    try:
        start = time_of(_field(log, "start_time"), "start_time")
        end = time_of(_field(log, "end_time"), "end_time")
    except BadRecordError:
        return None
    return None if start is None or end is None or end < start else (end - start) / 1000


def is_validator(attributes: dict[str, Any]) -> bool:
    """True for the attributes of a span that is the run of one validator."""
    return attributes.get("type") == "guardrails/guard/step/validator"


def validator_in_span(attributes: dict[str, Any]) -> dict[str, Any]:
    """The run of a validator that a span tells of, as a validator's log."""
    result = parsed(attributes.get("output.value"))
    status = result.get("outcome") if type(result) is dict else None
    if text(attributes.get("validator.validate.output.error_message")):
        status = "fail"
    return {
        "validator_name": attributes.get("validator.name"),
        "validator_status": status or attributes.get("validator.validate.output.outcome"),
        "on_fail": attributes.get("validator.on_fail"),
    }


def call_as_chat(call: dict[str, Any]) -> dict[str, Any]:
    """A call of a guard's history as a chat record: the messages asked, and what came out."""
    inputs = call.get("inputs")
    inputs = inputs if type(inputs) is dict else {}
    iterations = call.get("iterations")
    outputs: Any = None
    if type(iterations) is list and iterations and type(iterations[-1]) is dict:
        outputs = iterations[-1].get("outputs")
    validated = _field(outputs, "guarded_output") if type(outputs) is dict else None
    record = {key: value for key, value in call.items() if key not in ("id", "inputs")}
    return record | {"messages": inputs.get("messages") or [], "response": validated}
