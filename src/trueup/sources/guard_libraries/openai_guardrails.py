"""OpenAI Guardrails and the guardrails of the OpenAI Agents SDK.

Shapes after openai/openai-guardrails-python: `src/guardrails/types.py` (GuardrailResult),
`_base_client.py` (GuardrailResults by stage), `checks/text/*.py` (what `info` holds), `agents.py`
(info as output_info); and openai/openai-agents-python: `src/agents/guardrail.py`
(InputGuardrailResult: guardrail and output) and `tool_guardrails.py` (behavior).
"""

from __future__ import annotations

import re
from typing import Any

from trueup.sources.exchange import Event
from trueup.sources.guard_libraries.common import Context, consistent, flag, number, reason, text
from trueup.sources.messages import parsed

__all__ = ["KEYS", "SIGNS", "read"]

KEYS = frozenset(("tripwire_triggered",))
SIGNS = KEYS | {"preflight", "pre_flight", "input", "output", "output_info"}
_STAGES = {
    "preflight": "input",
    "pre_flight": "input",
    "input": "input",
    "output": "output",
    "tool_input": None,
    "tool_output": None,
}
# A verdict with a name of its own and none of the library's fields is somebody else's.
_FIELDS = frozenset(("info", "execution_failed", "original_exception"))
_NAMES = frozenset(("name", "layer", "guardrail"))
_RESULTS = ("preflight", "pre_flight", "input", "output")
_BEHAVIORS = {"allow": False, "reject_content": True, "raise_exception": True}
_FUNCTION = re.compile(r"<function (\S+) at ")


def read(value: Any, context: Context) -> list[Event] | None:
    """The guardrails' verdicts; None for what is no result of theirs.

    A tripwire blocks, unless the result came with the answer, which only happens when tripwires are
    suppressed. A guardrail that flags and does not trip let the text pass.
    """
    if type(value) is not dict:
        return None
    if _is_organised(value):
        return [
            event
            for key in _RESULTS
            for item in _list(value.get(key))
            for event in read(item, context._replace(stage=_STAGES[key])) or ()
        ]
    output = value.get("output")
    if type(output) is dict and ("guardrail" in value or "output_info" in output):
        return _agents(value, output, context)
    if "output_info" in value and ("tripwire_triggered" in value or "behavior" in value):
        return [_event(_tripped(value), value["output_info"], value, context)]
    if "tripwire_triggered" in value and (value.keys() & _FIELDS or not value.keys() & _NAMES):
        return [_event(_tripped(value), parsed(value.get("info")), value, context)]
    return None


def _is_organised(value: dict[str, Any]) -> bool:
    """True for results by stage: lists of results, of which some hold one."""
    lists = [value[key] for key in _RESULTS if value.get(key) is not None]
    if not lists or not all(type(item) is list for item in lists):
        return False
    results = [item for items in lists for item in items]
    if not results:
        return "preflight" in value or "pre_flight" in value
    return all(type(item) is dict and "tripwire_triggered" in item for item in results)


def _agents(value: dict[str, Any], output: dict[str, Any], context: Context) -> list[Event] | None:
    if "tripwire_triggered" not in output and "behavior" not in output:
        return None
    guardrail = value.get("guardrail")
    name = _guardrail_name(guardrail) if type(guardrail) is dict else text(guardrail)
    context = context._replace(name=name or context.name)
    return [_event(_tripped(output), output.get("output_info"), output, context)]


def _guardrail_name(guardrail: dict[str, Any]) -> str | None:
    function = text(guardrail.get("guardrail_function"))
    match = _FUNCTION.match(function) if function is not None else None
    return text(guardrail.get("name")) or (match[1] if match else function)


def _tripped(value: dict[str, Any]) -> bool | None:
    """Whether the guardrail stopped the run; None when the record does not tell."""
    behavior = value.get("behavior")
    kind = behavior.get("type") if type(behavior) is dict else behavior
    if type(kind) is str and kind in _BEHAVIORS:
        return _BEHAVIORS[kind]
    return flag(value.get("tripwire_triggered"))


def _event(tripped: bool | None, logged: Any, value: dict[str, Any], context: Context) -> Event:
    info = logged if type(logged) is dict else {}
    name = text(info.get("guardrail_name"), value.get("guardrail_name"), context.name)
    stage = info.get("stage_name")
    stage = _STAGES[stage] if type(stage) is str and stage in _STAGES else context.stage
    event = Event(
        name or "openai-guardrails",
        stage=stage,
        category=_category(info),
        action=_action(tripped, info, context),
    )
    failure = _failure(tripped, logged, value)
    if failure is not None:
        return event._replace(action="block" if tripped else "allow", failure=failure)
    threshold = number(info.get("threshold", info.get("confidence_threshold")))
    return consistent(
        event._replace(
            score=number(info.get("confidence")),
            threshold=threshold,
            fired=tripped or any(flag(info.get(key)) for key in ("flagged", "pii_detected")),
        )
    )


def _action(tripped: bool | None, info: dict[str, Any], context: Context) -> str:
    if tripped:
        return "allow" if context.returned else "block"
    # Only before the model is called does the client put the masked text in place of the text.
    early = info.get("stage_name") in ("pre_flight", "preflight")
    masked = early and flag(info.get("pii_detected")) and not flag(info.get("block_mode"))
    return "rewrite" if masked else "allow"


def _failure(tripped: bool | None, logged: Any, value: dict[str, Any]) -> str | None:
    """Why a guardrail gave no verdict; also one that was skipped, or that does not say whether."""
    info = logged if type(logged) is dict else {}
    error, exception = info.get("error"), value.get("original_exception")
    if flag(value.get("execution_failed")) or error or exception:
        return reason(error, exception, default="execution failed")
    if type(logged) is str and "due to error" in logged:
        return reason(logged, default="skipped")
    return "no verdict on record" if tripped is None else None


def _category(info: dict[str, Any]) -> str | None:
    """The first category or kind of entity that was found."""
    for key in ("flagged_categories", "detected_entities"):
        found = info.get(key)
        if type(found) in (list, dict) and found:
            return text(next(iter(found)))
    return None


def _list(value: Any) -> list[Any]:
    return value if type(value) is list else []
