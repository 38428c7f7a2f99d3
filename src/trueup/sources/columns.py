"""Which key of a record fills which column: the usual names, found once per set of keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple

from trueup.sources.exchange import BadRecordError, Exchange, Outcome
from trueup.sources.values import FEEDBACK_WORDS, KIND_WORDS, number_of, shown, text_of, words

__all__ = [
    "FIELD_NAMES",
    "PROMPT_NAMES",
    "RESPONSE_NAMES",
    "Plan",
    "fill",
    "plan_for",
    "segment_text",
    "slices_of",
]

# Names under which logs keep a column, the likeliest first.
FIELD_NAMES: dict[str, Sequence[str]] = {
    "id": words(
        "id interaction_id request_id uuid message_id response_id completion_id "
        "generation_id trace_id custom_id event_id _id record_id call_id"
    ),
    "at": words(
        "at created_at timestamp created time ts datetime date start_time started_at "
        "request_time createdAt startTime request_timestamp received_at logged_at"
    ),
    "conversation_id": words(
        "conversation_id session_id thread_id chat_id conversation session sessionId "
        "conversationId threadId dialog_id"
    ),
    "user": words("user_id userId user uid customer_id account_id end_user end_user_id"),
    "finish_reason": words(
        "finish_reason stop_reason finishReason stopReason completion_reason finish_reasons"
    ),
    "model": words(
        "model model_name model_id generator deployment engine modelId model_version llm"
    ),
    "prompt_version": ["prompt_version", "system_prompt_version", "prompt_template_version"],
    "policy_version": ["policy_version", "guardrail_version", "guardrails_version"],
    "sampling": words(
        "sampling sampling_params parameters params generation_config model_parameters "
        "generation_kwargs modelParameters"
    ),
    "arm": ["arm", "experiment_arm", "variant", "treatment", "experiment_group"],
    "propensity": ["propensity", "arm_probability", "assignment_probability"],
    "latency_ms": words(
        "latency_ms duration_ms response_time_ms latencyMs total_latency_ms elapsed_ms"
    ),
}

_SECONDS_NAMES = ("latency_s", "latency_seconds", "duration_s", "duration_seconds", "elapsed_s")
_FEEDBACK_NAMES = ("feedback", "user_feedback", "feedbacks", "outcomes")
# Feedback as a column of its own. Not every word for a kind: `edited` may well hold the new text.
_OUTCOME_NAMES = words(
    "thumb thumbs thumbs_up thumbs_down liked disliked rating user_rating star_rating csat "
    "regenerated copied retried rephrased abandoned completed task_completed"
)

PROMPT_NAMES = words(
    "prompt question instruction query user_prompt user_message user_input user_query "
    "input_text prompt_text request_text request human input sanitized_prompt"
)
RESPONSE_NAMES = words(
    "response completion output answer generation assistant reply model_output "
    "model_response assistant_response ai_response bot_response llm_response generated_text "
    "output_text response_text completion_text model_answer text validated_output "
    "validatedoutput sanitized_output"
)
MESSAGES_NAMES = words(
    "messages conversation conversations chat dialog dialogue history input_messages chat_history"
)

# Columns that by their name are slices of the traffic.
_SEGMENT_NAMES = frozenset(
    words(
        "type category subcategory domain subdomain segment country region locale language "
        "lang plan tier product feature topic channel platform task task_type dataset group "
        "cohort market app application environment env vertical industry intent use_case "
        "usecase split persona surface subject department team device client tenant brand "
        "role_type difficulty functionality"
    )
)
_SEGMENT_ENDINGS = ("_type", "_category", "_segment", "_group", "_tier", "_plan", "_domain")
# In `metadata` everything is a slice, but for what identifies a request or a person.
_IDENTIFYING = re.compile(
    r"(^|_)(id|ids|uuid|guid|hash|key|token|url|uri|ip|email|mail|phone|name|firstname|lastname|"
    r"address|time|timestamp|date|at|ts|created|updated|version_hash|path|trace|span)$|Id$|At$"
)
_MAX_SEGMENT = 80
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Plan(NamedTuple):
    """How the records with one set of keys fill an exchange.

    columns: columns of the exchange that `values` takes out of a record, in this order.
    """

    columns: tuple[str, ...]
    values: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    latency_s: str | None
    metadata: str | None
    feedback: tuple[str, ...]
    outcomes: tuple[str, ...]
    segments: tuple[str, ...]


def plan_for(
    keys: Iterable[str], taken: Iterable[str] = (), mapped: Mapping[str, str] = _NOTHING
) -> Plan:
    """Match the keys of a record against the usual names.

    taken: keys that already have a use. mapped: keys named by the user for some of the columns,
    "" for a column that is to stay empty.
    """
    free = dict.fromkeys(keys)
    there = set(free)
    for key in taken:
        free.pop(key, None)
    by_name = {key.lower(): key for key in reversed(free)} | {key: key for key in free}
    chosen: dict[str, str | None] = {}
    for column, names in FIELD_NAMES.items():
        given = mapped.get(column)
        chosen[column] = _take(names, by_name, free) if given is None else given
    found = {column: key for column, key in chosen.items() if key in there}
    seconds = None if chosen["latency_ms"] else _take(_SECONDS_NAMES, by_name, free)
    return Plan(
        columns=tuple(found),
        values=_getter(tuple(found.values())),
        latency_s=seconds if "latency_ms" not in mapped else None,
        metadata=_take(("metadata", "meta", "tags", "attributes"), by_name, free),
        feedback=tuple(key for key in _FEEDBACK_NAMES if key in free),
        outcomes=tuple(key for key in free if key.lower() in _OUTCOME_NAMES),
        segments=tuple(key for key in free if _is_segment(key)),
    )


def _getter(keys: tuple[Any, ...]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """A function that takes the values of these keys out of a record that has them all."""
    if len(keys) > 1:
        return itemgetter(*keys)
    return lambda record: tuple(record[key] for key in keys)


def _take(names: Iterable[str], by_name: dict[str, str], free: dict[str, None]) -> str | None:
    for name in names:
        key = by_name.get(name)
        if key is not None and key in free:
            del free[key]
            return key
    return None


def _is_segment(key: str) -> bool:
    name = key.lower()
    return name in _SEGMENT_NAMES or name.endswith(_SEGMENT_ENDINGS)


def fill(exchange: Exchange, record: Mapping[str, Any], plan: Plan) -> None:
    """Fill an exchange's columns from a record that has the keys the plan was made for."""
    columns, values, latency_s, metadata, feedback, outcomes, segments = plan
    vars(exchange).update(zip(columns, values(record), strict=True))
    if latency_s is not None:
        seconds = number_of(record.get(latency_s), latency_s)
        exchange.latency_ms = None if seconds is None else seconds * 1000
    if metadata is not None or segments:
        _fill_segments(exchange, record, metadata, segments)
    if feedback or outcomes:
        exchange.outcomes = (
            *[outcome for key in feedback for outcome in outcomes_of(record.get(key))],
            *[Outcome(key, record[key]) for key in outcomes if not _blank(record.get(key))],
        )


def _fill_segments(
    exchange: Exchange, record: Mapping[str, Any], metadata: str | None, keys: tuple[str, ...]
) -> None:
    found: dict[str, str] = {}
    slices = None if metadata is None else record.get(metadata)
    if type(slices) is dict:
        for key, value in slices.items():
            if _is_slice(key):
                text = segment_text(value)
                if text is not None:
                    found[key] = text
            elif key in _METADATA_COLUMNS:
                column = _METADATA_COLUMNS[key]
                if getattr(exchange, column) is None:
                    setattr(exchange, column, value)
    for key in keys:
        text = segment_text(record.get(key))
        if text is not None:
            found[key] = text
    if found:
        exchange.segments = found


_METADATA_COLUMNS = {
    "user_id": "user",
    "session_id": "conversation_id",
    "conversation_id": "conversation_id",
    "thread_id": "conversation_id",
    "prompt_version": "prompt_version",
    "policy_version": "policy_version",
    "arm": "arm",
    "propensity": "propensity",
}


@lru_cache(maxsize=4096)
def _is_slice(key: str) -> bool:
    """True for a key of the metadata by which traffic can be sliced."""
    return key not in _METADATA_COLUMNS and not _IDENTIFYING.search(key)


def slices_of(metadata: Any) -> dict[str, str]:
    """The slices among the entries of a metadata object, as segments."""
    if type(metadata) is not dict:
        return {}
    texts = {key: segment_text(value) for key, value in metadata.items() if _is_slice(key)}
    return {key: text for key, text in texts.items() if text is not None}


def segment_text(value: Any) -> str | None:
    """A slice's value as text; None when blank, nested or too long to be a slice."""
    if type(value) is str:
        text = value.strip()
        return text if text and len(text) <= _MAX_SEGMENT else None
    if value is None or type(value) is dict or type(value) is list:
        return None
    return text_of(value)


def outcomes_of(value: Any) -> list[Outcome]:
    """Feedback as a list of {kind, value, at}, as an object by kind, or as one word or number."""
    if value is None or value == "":
        return []
    if type(value) is list:
        return [outcome for item in value for outcome in outcomes_of(item)]
    if type(value) is dict:
        return _outcomes_of_object(value)
    if type(value) is str and value.strip().lower().replace(" ", "_") in KIND_WORDS:
        return [Outcome(value)]
    if value in (0, 1, -1) or (type(value) is str and value.strip().lower() in FEEDBACK_WORDS):
        return [Outcome("thumb", value)]
    if type(value) is int or type(value) is float:
        return [Outcome("rating", value)]
    raise BadRecordError(
        f"feedback must be a list of {{kind, value}}, a thumb or a rating, got {shown(value)}."
    )


def _outcomes_of_object(value: dict[str, Any]) -> list[Outcome]:
    kind = value.get("kind") or value.get("type") or value.get("name")
    if kind is not None:
        at = value.get("at") or value.get("created_at") or value.get("timestamp")
        given = value.get("value", value.get("score"))
        return [Outcome(kind, given, at, value.get("simulated"))]
    simulated, at = value.get("simulated"), value.get("at")
    known = {key: item for key, item in value.items() if key.lower() in KIND_WORDS}
    if not known and value.get("score") is not None:
        return outcomes_of(value["score"])
    return [Outcome(key, item, at, simulated) for key, item in known.items() if not _blank(item)]


def _blank(value: Any) -> bool:
    return value is None or (type(value) is str and not value.strip()) or value != value
