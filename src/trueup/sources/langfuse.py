"""Langfuse exports: traces with their observations and scores.

A trace is an interaction: what went in and came out of the application, its last generation for the
model and, where the trace has no text of its own, for the text. Guardrail observations become layer
events; scores that users gave become outcomes (scores by evaluators are not what a user did).
Accepted are a trace per line or in an array, `{"trace", "observations"}` as the page downloads it,
`{"data": [...]}` as the API answers, and bare observations, which are put together by trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from trueup.sources.columns import slices_of
from trueup.sources.exchange import BadRecordError, Event, Exchange, Outcome
from trueup.sources.guards import guardrail_event
from trueup.sources.json_reading import add, json_records
from trueup.sources.json_records import loads
from trueup.sources.messages import conversation_of, is_messages, parsed, split
from trueup.sources.texts import input_messages, output_text
from trueup.sources.values import KIND_WORDS, number_of, stage_of, time_of, words

if TYPE_CHECKING:
    from trueup.sources.batch import Batch, BatchBuilder
    from trueup.sources.files import ByteStream, Head

__all__ = ["convert", "detect", "read"]

_OBSERVATION_TYPES = frozenset(
    words("GENERATION SPAN EVENT GUARDRAIL AGENT TOOL CHAIN RETRIEVER EVALUATOR EMBEDDING")
)
_GUARD_NAMES = ("guardrail", "moderation", "content_filter", "safety_check", "safety-check")
_TRACE_KEYS = frozenset(
    ("sessionId", "htmlPath", "observations", "totalCost", "projectId", "userId")
)
_MAX_LOOSE = 200_000


def detect(head: Head) -> bool:
    """True for records with the keys of Langfuse traces or observations."""
    if head.records:
        return any(_is_langfuse(record) for record in head.records)
    return {"trace", "observations"} <= head.keys or {"projectId", "sessionId"} <= head.keys


def _is_langfuse(record: dict[str, Any]) -> bool:
    if type(record.get("data")) is list and record["data"] and type(record["data"][0]) is dict:
        record = record["data"][0]
    if type(record.get("trace")) is dict and "observations" in record:
        return True
    if _is_observation(record):
        return True
    named = {"id", "timestamp"} <= record.keys() and bool({"input", "output"} & record.keys())
    return named and len(_TRACE_KEYS & record.keys()) >= 2


def _is_observation(record: dict[str, Any]) -> bool:
    return record.get("type") in _OBSERVATION_TYPES and "traceId" in record


def read(
    head: Head, stream: ByteStream, builder: BatchBuilder, mapping: object = None
) -> Iterator[Batch]:
    """Read an export trace by trace; bare observations are held until their trace is complete."""
    loose: dict[Any, tuple[int, dict[str, Any]]] = {}
    for record in json_records(head, stream):
        try:
            if record.problem is not None:
                raise ValueError(record.problem)
            value = loads(record.raw)
        except ValueError as error:
            builder.reject(record.number, str(error), record.raw)
            continue
        for item in _items(value):
            if type(item) is dict and _is_observation(item):
                _, trace = loose.setdefault(item["traceId"], (record.number, _loose_trace(item)))
                trace["observations"].append(item)
            else:
                add(convert, item, record.number, record.raw, builder)
        while len(loose) > _MAX_LOOSE:
            number, trace = loose.pop(next(iter(loose)))
            add(convert, trace, number, trace["id"], builder)
        if builder.full:
            builder.done = stream.position
            yield builder.flush()
    for number, trace in loose.values():
        add(convert, trace, number, trace["id"], builder)
        if builder.full:
            builder.done = stream.position
            yield builder.flush()


def _items(value: Any) -> list[Any]:
    """The traces or observations of a record: itself, or what it wraps."""
    if type(value) is dict:
        if type(value.get("data")) is list:
            return value["data"]
        if type(value.get("traces")) is list and "observations" not in value:
            return value["traces"]
    return [value]


def _loose_trace(observation: dict[str, Any]) -> dict[str, Any]:
    keys = ("userId", "sessionId", "environment", "release")
    kept = {key: observation[key] for key in keys if observation.get(key) is not None}
    return {"id": str(observation["traceId"]), "observations": [], **kept}


def convert(record: Any) -> Iterable[Exchange]:
    """Convert one trace. Raises `BadRecordError`."""
    if type(record) is not dict:
        raise BadRecordError("A trace must be a JSON object.")
    trace = record["trace"] if type(record.get("trace")) is dict else record
    observations = _observations(record, trace)
    generation: dict[str, Any] = next(
        (item for item in reversed(observations) if _is_generation(item)), {}
    )
    exchange = Exchange()
    exchange.id = trace.get("id")
    exchange.at = trace.get("timestamp") or trace.get("startTime") or _first_start(observations)
    exchange.user = trace.get("userId")
    exchange.conversation_id = trace.get("sessionId")
    _fill_texts(exchange, trace, generation)
    _fill_generation(exchange, trace, generation, observations)
    exchange.events = [event for item in observations for event in _events(item, generation)]
    exchange.outcomes = _outcomes(_list(trace.get("scores")) or _list(record.get("scores")))
    exchange.segments = _segments(trace)
    if exchange.messages is None and exchange.response is None and not exchange.events:
        raise BadRecordError("The trace has no input, no output and no guardrail.")
    return (exchange,)


def _list(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if type(item) is dict] if type(value) is list else []


def _observations(record: dict[str, Any], trace: dict[str, Any]) -> list[dict[str, Any]]:
    found = _list(trace.get("observations")) or _list(record.get("observations"))
    return sorted(found, key=lambda item: str(item.get("startTime") or ""))


def _is_generation(item: dict[str, Any]) -> bool:
    return item.get("type") == "GENERATION"


def _first_start(observations: list[dict[str, Any]]) -> Any:
    return observations[0].get("startTime") if observations else None


def _fill_texts(exchange: Exchange, trace: dict[str, Any], generation: dict[str, Any]) -> None:
    given, full = input_messages(trace.get("input")), input_messages(generation.get("input"))
    # The generation has the whole conversation; the trace has what the user wrote.
    if given is None or (full is not None and len(given) == 1 and _ends_with(full, given)):
        given = full
    response = output_text(trace.get("output"))
    if response is None:
        response = output_text(generation.get("output"))
    if given is not None and response is None and is_messages(parsed(trace.get("output"))):
        response = split(conversation_of(parsed(trace["output"])))[1]
    exchange.messages, exchange.response = given, response


def _ends_with(full: list[dict[str, Any]], given: list[dict[str, Any]]) -> bool:
    return bool(full) and full[-1].get("content") == given[-1].get("content")


def _fill_generation(
    exchange: Exchange,
    trace: dict[str, Any],
    generation: dict[str, Any],
    observations: list[dict[str, Any]],
) -> None:
    exchange.model = generation.get("model")
    exchange.sampling = generation.get("modelParameters")
    exchange.finish_reason = _finish_reason(generation)
    name, version = generation.get("promptName"), generation.get("promptVersion")
    if name is not None:
        exchange.prompt_version = name if version is None else f"{name}@{version}"
    seconds = number_of(trace.get("latency"), "latency")
    exchange.latency_ms = 1000 * seconds if seconds else _span_ms(generation)


def _finish_reason(generation: dict[str, Any]) -> Any:
    for holder in (parsed(generation.get("output")), generation.get("metadata")):
        if type(holder) is dict:
            choices = holder.get("choices")
            if type(choices) is list and choices and type(choices[0]) is dict:
                holder = choices[0]
            for key in ("finish_reason", "finishReason", "stop_reason"):
                if holder.get(key) is not None:
                    return holder[key]
    return None


def _span_ms(item: dict[str, Any]) -> float | None:
    start, end = (
        time_of(item.get("startTime"), "startTime"),
        time_of(item.get("endTime"), "endTime"),
    )
    return None if start is None or end is None or end < start else (end - start) / 1000


def _events(item: dict[str, Any], generation: dict[str, Any]) -> Iterator[Event]:
    """The verdict of a guardrail observation; an error inside the guard is no verdict."""
    name = str(item.get("name") or "")
    kind = item.get("type")
    if kind != "GUARDRAIL" and (
        kind not in ("SPAN", "EVENT") or not any(word in name.lower() for word in _GUARD_NAMES)
    ):
        return
    verdict = _verdict(item)
    if not verdict:
        return
    event = guardrail_event({"latency_ms": _span_ms(item), **verdict}, name=name or "guardrail")
    if event.fired is None and event.action is None and event.threshold is None:
        return
    yield event._replace(stage=event.stage or _stage(item, generation))


def _verdict(item: dict[str, Any]) -> dict[str, Any]:
    output, metadata = parsed(item.get("output")), parsed(item.get("metadata"))
    verdict = dict(metadata) if type(metadata) is dict else {}
    if type(output) is dict:
        verdict |= output
    elif output is not None:
        verdict["action"] = output
    verdict.pop("name", None)
    return verdict


def _stage(item: dict[str, Any], generation: dict[str, Any]) -> str | None:
    """From the guard's name, else from when it ran: before the answer was ready, or after."""
    for word in str(item.get("name") or "").lower().replace("-", "_").split("_"):
        if stage_of(word) is not None:
            return stage_of(word)
    start, ready = item.get("startTime"), generation.get("endTime")
    if start is None or ready is None:
        return None
    before = time_of(start, "startTime") or 0
    return "input" if before < (time_of(ready, "endTime") or 0) else "output"


def _outcomes(scores: list[dict[str, Any]]) -> list[Outcome]:
    """Scores under a name for feedback; those of evaluators and annotators are not the user's."""
    found = []
    for score in scores:
        name = str(score.get("name") or "").strip().lower().replace("-", "_").replace(" ", "_")
        if name not in KIND_WORDS or score.get("source") in ("EVAL", "ANNOTATION"):
            continue
        text = score.get("stringValue")
        value = text if text is not None and score.get("dataType") == "CATEGORICAL" else None
        value = score.get("value") if value is None else value
        found.append(Outcome(_feedback_kind(name, value), value, score.get("timestamp")))
    return found


def _feedback_kind(name: str, value: Any) -> str:
    """A score called feedback is a thumb when it is one of 0, 1 and -1, else a rating."""
    if name in ("feedback", "user_feedback") and type(value) in (int, float):
        return "thumb" if value in (0, 1, -1) else "rating"
    return name


def _segments(trace: dict[str, Any]) -> dict[str, str]:
    segments = slices_of(trace.get("metadata"))
    for key in ("name", "environment", "release", "version"):
        if type(trace.get(key)) is str and trace[key].strip():
            segments[key] = trace[key]
    for tag in _strings(trace.get("tags")):
        name, sign, value = tag.partition(":")
        segments[name if sign else f"tag.{tag}"] = value.strip() if sign else "true"
    return segments


def _strings(value: Any) -> list[str]:
    return [item for item in value if type(item) is str] if type(value) is list else []
