"""OpenTelemetry traces with GenAI spans, as OTLP JSON (the file exporter's lines or one object).

The outermost span that holds a conversation is the interaction; model calls below it are its inner
workings. Read are the content attributes of the semantic conventions (`gen_ai.input.messages`), the
events before them (`gen_ai.user.message`, `gen_ai.choice`; on the span or as log records), and the
numbered attributes of OpenLLMetry and OpenInference. Guardrail spans become layer events of the
interaction that they protect; a trace that a guard stopped before any model was called is an
interaction too.

Spans of a trace may lie in several lines: they are held until `_MAX_TRACES` traces have begun.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from trueup.sources.exchange import Event, Exchange
from trueup.sources.guard_libraries.nemo import is_judging
from trueup.sources.json_reading import add, json_records
from trueup.sources.json_records import loads
from trueup.sources.otlp_content import content_of, has_content
from trueup.sources.otlp_guards import guard_event, is_guard
from trueup.sources.otlp_spans import Span, logs_in, spans_in
from trueup.sources.values import action_of, text_of, words

if TYPE_CHECKING:
    from trueup.sources.batch import Batch, BatchBuilder
    from trueup.sources.files import ByteStream, Head

__all__ = ["convert", "detect", "read"]

_MAX_TRACES = 5_000
_TOP_KEYS = frozenset(("resourceSpans", "resource_spans", "resourceLogs", "resource_logs"))
_NOT_CHAT = words("embeddings execute_tool create_agent retrieval rerank invoke_workflow")


def detect(head: Head) -> bool:
    """True for JSON records of OTLP: `resourceSpans` or `resourceLogs` at the top."""
    if head.records:
        return any(_TOP_KEYS & record.keys() for record in head.records)
    return bool(_TOP_KEYS & head.keys)


def read(
    head: Head, stream: ByteStream, builder: BatchBuilder, mapping: object = None
) -> Iterator[Batch]:
    """Read traces; spans are put together by trace, whatever lines they lie in."""
    traces: OrderedDict[str, list[Span]] = OrderedDict()
    for record in json_records(head, stream):
        try:
            if record.problem is not None:
                raise ValueError(record.problem)
            for span in _spans(loads(record.raw), record.number):
                traces.setdefault(span.trace_id, []).append(span)
        except (ValueError, TypeError, AttributeError) as error:
            builder.reject(record.number, _sentence(error), record.raw)
        while len(traces) > _MAX_TRACES:
            _, spans = traces.popitem(last=False)
            _add_trace(spans, builder)
        if builder.full:
            builder.done = stream.position
            yield builder.flush()
    for spans in traces.values():
        _add_trace(spans, builder)
        if builder.full:
            builder.done = stream.position
            yield builder.flush()


def _sentence(error: Exception) -> str:
    if isinstance(error, ValueError):
        return str(error)
    return "The record does not have the shape of OTLP JSON."


def _spans(value: Any, line: int) -> Iterator[Span]:
    if type(value) is not dict or not _TOP_KEYS & value.keys():
        raise ValueError("A record must be an object with resourceSpans.")
    yield from spans_in(value, line)
    yield from logs_in(value, line)


def _add_trace(spans: list[Span], builder: BatchBuilder) -> None:
    line = next((span.line for span in spans if has_content(span)), spans[0].line)
    add(convert, spans, line, f"trace {spans[0].trace_id}", builder)


def convert(spans: list[Span]) -> Iterable[Exchange]:
    """Convert the spans of one trace to its interactions."""
    spans = _merged(spans)
    by_id = {span.span_id: span for span in spans}
    guards = [span for span in spans if is_guard(span)]
    chats = [
        span
        for span in spans
        if _is_chat(span) and not is_guard(span) and not _is_judging(span, by_id)
    ]
    outermost = [span for span in chats if not _has_above(span, chats, by_id)]
    outermost.sort(key=lambda span: (span.start or 0, span.span_id))
    exchanges = {span.span_id: _exchange(span, spans, by_id) for span in outermost}
    verdicts = [(guard, event) for guard in guards if (event := guard_event(guard)) is not None]
    verdicts.sort(key=lambda verdict: (verdict[0].start or 0, verdict[0].span_id))
    if not outermost and any(_stopped(event) for _, event in verdicts):
        root = _root(verdicts[0][0], by_id)
        outermost, exchanges = [root], {root.span_id: _exchange(root, spans, by_id)}
    for guard, event in verdicts if outermost else ():
        owner = _owner(guard, event, outermost, by_id)
        _append_event(exchanges[owner.span_id], event, guard, owner)
    return exchanges.values()


def _merged(spans: list[Span]) -> list[Span]:
    """Each span once, with the events that came as log records."""
    merged: dict[str, Span] = {}
    for span in spans:
        known = merged.get(span.span_id)
        if known is None:
            merged[span.span_id] = span
        else:
            merged[span.span_id] = known.joined(span)
    return list(merged.values())


def _is_judging(span: Span, by_id: dict[str, Span]) -> bool:
    """True for a model call within a guard, which answers nobody."""
    return any(is_judging(above.attributes) for above in _ancestors(span, by_id))


def _is_chat(span: Span) -> bool:
    operation = span.attributes.get("gen_ai.operation.name")
    return operation not in _NOT_CHAT and has_content(span)


def _has_above(span: Span, chats: list[Span], by_id: dict[str, Span]) -> bool:
    holders = {chat.span_id for chat in chats}
    return any(above.span_id in holders for above in _ancestors(span, by_id))


def _ancestors(span: Span, by_id: dict[str, Span]) -> Iterator[Span]:
    seen = {span.span_id}
    while True:
        parent = by_id.get(span.parent_id or "")
        if parent is None or parent.span_id in seen:
            return
        seen.add(parent.span_id)
        yield parent
        span = parent


def _owner(guard: Span, event: Event, chats: list[Span], by_id: dict[str, Span]) -> Span:
    """The interaction that a guard protects: above it, else the nearest in time in its trace."""
    above = {span.span_id for span in _ancestors(guard, by_id)}
    for chat in chats:
        if chat.span_id in above:
            return chat
    later = [chat for chat in chats if (chat.start or 0) >= (guard.start or 0)]
    earlier = [chat for chat in chats if (chat.start or 0) < (guard.start or 0)]
    if event.stage == "output" and earlier:
        return earlier[-1]
    return later[0] if later else earlier[-1]


def _stopped(event: Event) -> bool:
    action = action_of(event.action, f"action of guard '{event.layer}'")
    return action == "block" if action is not None else event.fired is True


def _root(guard: Span, by_id: dict[str, Span]) -> Span:
    """The span to stand for an exchange in which no model was called: the outermost one."""
    above = list(_ancestors(guard, by_id))
    return above[-1] if above else guard


def _append_event(exchange: Exchange, event: Event, guard: Span, owner: Span) -> None:
    stage = event.stage
    if stage is None and guard is not owner and guard.start is not None:
        if owner.start is not None and guard.start < owner.start:
            stage = "input"
        elif owner.end is not None and guard.start >= owner.end:
            stage = "output"
    exchange.events = (*exchange.events, event._replace(stage=stage))


_SAMPLING = words(
    "temperature top_p top_k max_tokens seed frequency_penalty presence_penalty stop_sequences"
)


def _exchange(span: Span, spans: list[Span], by_id: dict[str, Span]) -> Exchange:
    exchange = Exchange()
    content = content_of(span)
    exchange.messages, exchange.response = content.messages, content.response
    family = (span, *_ancestors(span, by_id))
    inner = [item for item in spans if span in _ancestors(item, by_id)]

    def first(*names: str) -> Any:
        for holder in family:
            for name in names:
                if holder.attributes.get(name) not in (None, ""):
                    return holder.attributes[name]
        return None

    def deep(*names: str) -> Any:
        found = first(*names)
        for item in reversed(inner) if found is None else ():
            for name in names:
                if item.attributes.get(name) not in (None, ""):
                    return item.attributes[name]
        return found

    exchange.id = f"{span.trace_id}-{span.span_id}"
    exchange.at = None if span.start is None else span.start // 1000
    if span.start is not None and span.end is not None and span.end >= span.start:
        exchange.latency_ms = (span.end - span.start) / 1e6
    reasons = deep("gen_ai.response.finish_reasons", "llm.response.finish_reason")
    exchange.finish_reason = reasons if reasons else content.finish_reason
    exchange.model = deep(
        "gen_ai.response.model", "gen_ai.request.model", "llm.model_name", "ai.model.id"
    )
    exchange.conversation_id = first(
        "gen_ai.conversation.id", "session.id", "traceloop.association.properties.session_id"
    )
    exchange.user = first("enduser.id", "user.id", "traceloop.association.properties.user_id")
    sampling = {name: deep(f"gen_ai.request.{name}") for name in _SAMPLING}
    exchange.sampling = {name: value for name, value in sampling.items() if value is not None}
    exchange.prompt_version = first("gen_ai.prompt.version", "trueup.prompt_version")
    exchange.policy_version = first("trueup.policy_version")
    exchange.arm, exchange.propensity = first("trueup.arm"), first("trueup.propensity")
    exchange.segments = _segments(family)
    return exchange


_SEGMENT_ATTRIBUTES = {
    "service.name": "service",
    "deployment.environment": "environment",
    "deployment.environment.name": "environment",
    "gen_ai.agent.name": "agent",
}
_SEGMENT_PREFIXES = ("trueup.segment.", "metadata.", "traceloop.association.properties.")
_NOT_SEGMENTS = ("session_id", "user_id")


def _segments(family: Iterable[Span]) -> dict[str, str]:
    segments: dict[str, str] = {}
    for span in family:
        for name, value in (span.resource | span.attributes).items():
            key = _SEGMENT_ATTRIBUTES.get(name)
            for prefix in _SEGMENT_PREFIXES:
                if name.startswith(prefix) and name.removeprefix(prefix) not in _NOT_SEGMENTS:
                    key = name.removeprefix(prefix)
            text = text_of(value) if key and type(value) in (str, bool, int) else None
            if key and text is not None and len(text) <= 80:
                segments.setdefault(key, text)
    return segments
