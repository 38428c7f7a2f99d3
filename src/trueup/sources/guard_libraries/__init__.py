"""Guard libraries: what LLM Guard, NeMo Guardrails, Guardrails AI and OpenAI Guardrails log.

One module for each library reads its objects, wherever they lie in a record: `SIGNS` are keys of
which each of its objects has one, `KEYS` those by which a record is such an object itself. What is
not certain is read so that no failure and no guard that fired becomes a pass, and that no block is
made up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from trueup.sources.exchange import Event
from trueup.sources.guard_libraries import guardrails_ai, llm_guard, nemo, openai_guardrails
from trueup.sources.guard_libraries.common import Context
from trueup.sources.messages import parsed
from trueup.sources.values import stage_of, words

__all__ = [
    "LIBRARY_KEYS",
    "RESULT_KEYS",
    "Context",
    "as_chat",
    "library_events",
    "record_events",
    "taken_keys",
]

_Reader = Callable[[Any, Context], list[Event] | None]
_LIBRARIES = (llm_guard, nemo, guardrails_ai, openai_guardrails)
# Names under which records keep a library's object, and the stage that a name tells.
_INPUT = (
    "llm_guard_input llm_guard_prompt input_scan prompt_scan scan_prompt analyze_prompt "
    "input_guardrail_results input_guardrails"
)
_OUTPUT = (
    "llm_guard_output llm_guard_response output_scan response_scan scan_output analyze_output "
    "output_guardrail_results output_guardrails"
)
_EITHER = (
    "llm_guard llm_guard_result llm_guard_results scan_result scan_results nemo nemo_guardrails "
    "nemoguardrails generation_log log rails rails_result guardrails_ai validation_outcome "
    "guard_result guard_history call_history openai_guardrails guardrail_result "
    "tool_input_guardrail_results tool_output_guardrail_results"
)
_HOLDERS: dict[str, str | None] = {
    **dict.fromkeys(words(_INPUT), "input"),
    **dict.fromkeys(words(_EITHER)),
    **dict.fromkeys(words(_OUTPUT), "output"),
}
# Fields by which a record is a library's result itself.
RESULT_KEYS = frozenset().union(*(library.KEYS for library in _LIBRARIES))
LIBRARY_KEYS = frozenset(_HOLDERS) | RESULT_KEYS
_DEPTH = 3


def record_events(record: dict[str, Any], context: Context) -> list[Event]:
    """The verdicts in a record that holds a library's objects, or is one itself."""
    events: list[Event] = []
    if not RESULT_KEYS.isdisjoint(record):
        own = {key: value for key, value in record.items() if key not in _HOLDERS}
        for library in _LIBRARIES:
            events += library.read(own, context) or ()
    for key, stage in _HOLDERS.items():
        if key in record:
            events += _events_in(parsed(record[key]), context._replace(stage=stage), _DEPTH)
    return events


def library_events(value: Any, context: Context) -> list[Event] | None:
    """The verdicts in one object; None when no library is known to write it."""
    if type(value) is list:
        return llm_guard.read(value, context)
    if type(value) is dict:
        for read in _readers(tuple(value)):
            events = read(value, context)
            if events is not None:
                return events
    return None


@lru_cache(maxsize=4096)
def _readers(keys: tuple[str, ...]) -> tuple[_Reader, ...]:
    """The libraries that may have written an object with these keys."""
    return tuple(library.read for library in _LIBRARIES if not library.SIGNS.isdisjoint(keys))


def _events_in(value: Any, context: Context, depth: int) -> list[Event]:
    """The verdicts in an object, in a list of them, or in an object of them by stage or name."""
    found = library_events(value, context)
    if found is not None or depth == 0:
        return found or []
    events: list[Event] = []
    if type(value) is list:
        for item in value:
            events += _events_in(item, context, depth - 1)
    elif type(value) is dict:
        for key, item in value.items():
            if type(item) is dict or type(item) is list:
                stage = stage_of(key) or context.stage
                events += _events_in(item, context._replace(name=key, stage=stage), depth - 1)
    return events


def taken_keys(keys: Iterable[str]) -> tuple[str, ...]:
    """Keys that are no column of an exchange: a library's, and its id where that is no id."""
    calls = () if guardrails_ai.KEYS.isdisjoint(keys) else guardrails_ai.CALL_IDS
    return (*LIBRARY_KEYS, *calls)


def as_chat(record: dict[str, Any]) -> dict[str, Any] | None:
    """A record that is a library's own object of a whole exchange, as a chat record; else None."""
    if type(record.get("iterations")) is list and "inputs" in record:
        return guardrails_ai.call_as_chat(record)
    if type(record.get("spans")) is list and "trace_id" in record:
        rails = nemo.rails_in_trace(record)
        return {"id": record["trace_id"], "activated_rails": rails} if rails else None
    return None
