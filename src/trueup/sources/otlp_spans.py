"""OTLP JSON unwrapped: spans with plain values, and log records as events of their span."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

__all__ = ["Span", "SpanEvent", "logs_in", "plain", "spans_in"]


@dataclass(frozen=True)
class SpanEvent:
    """An event of a span. body: what a log record carries beside its attributes."""

    name: str
    attributes: dict[str, Any]
    body: Any = None


@dataclass(frozen=True, eq=False)
class Span:
    """A span with plain values; times in nanoseconds since 1970."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    start: int | None
    end: int | None
    attributes: dict[str, Any]
    events: tuple[SpanEvent, ...]
    line: int
    resource: dict[str, Any] = field(default_factory=dict)

    def joined(self, other: Span) -> Span:
        """This span with what another record says of it."""
        full, part = (self, other) if self.start is not None else (other, self)
        return replace(
            full,
            attributes=part.attributes | full.attributes,
            events=full.events + tuple(event for event in part.events if event not in full.events),
        )


def spans_in(record: dict[str, Any], line: int) -> Iterator[Span]:
    """The spans of one OTLP record."""
    for resource, scopes in _resources(record, "spans"):
        for scope in scopes:
            for span in _list(scope.get("spans")):
                yield Span(
                    trace_id=str(_get(span, "traceId") or ""),
                    span_id=str(_get(span, "spanId") or ""),
                    parent_id=str(_get(span, "parentSpanId") or "") or None,
                    name=str(span.get("name") or ""),
                    start=_nanos(_get(span, "startTimeUnixNano")),
                    end=_nanos(_get(span, "endTimeUnixNano")),
                    attributes=_attributes(span.get("attributes")),
                    events=tuple(_event(event) for event in _list(span.get("events"))),
                    line=line,
                    resource=resource,
                )


def logs_in(record: dict[str, Any], line: int) -> Iterator[Span]:
    """The GenAI log records of one OTLP record, each as a span of which only this is known."""
    for resource, scopes in _resources(record, "logs"):
        for scope in scopes:
            for log in _list(_get(scope, "logRecords")):
                attributes = _attributes(log.get("attributes"))
                name = _get(log, "eventName") or attributes.get("event.name") or ""
                span_id = _get(log, "spanId")
                if not str(name).startswith("gen_ai.") or not span_id:
                    continue
                event = SpanEvent(str(name), attributes, plain(log.get("body")))
                trace_id = str(_get(log, "traceId") or "")
                yield Span(
                    trace_id, str(span_id), None, "", None, None, {}, (event,), line, resource
                )


def _resources(
    record: dict[str, Any], what: str
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    suffix = what.capitalize()
    for entry in _list(record.get(f"resource{suffix}") or record.get(f"resource_{what}")):
        scopes = entry.get(f"scope{suffix}") or entry.get(f"scope_{what}")
        scopes = scopes or entry.get(f"instrumentationLibrary{suffix}")
        resource = entry.get("resource")
        described = _attributes(resource.get("attributes")) if type(resource) is dict else {}
        yield described, _list(scopes)


def _event(event: dict[str, Any]) -> SpanEvent:
    return SpanEvent(str(event.get("name") or ""), _attributes(event.get("attributes")))


def _list(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if type(item) is dict] if type(value) is list else []


def _get(holder: dict[str, Any], name: str) -> Any:
    """A field by its JSON name or, as some exporters write it, in snake case."""
    if name in holder:
        return holder[name]
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return holder.get(snake)


def _nanos(value: Any) -> int | None:
    try:
        nanos = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return nanos if nanos > 0 else None


def _attributes(pairs: Any) -> dict[str, Any]:
    if type(pairs) is dict:
        return pairs
    return {str(pair.get("key")): plain(pair.get("value")) for pair in _list(pairs)}


def plain(value: Any) -> Any:
    """The value in an OTLP AnyValue."""
    if type(value) is not dict:
        return value
    for kind, inner in value.items():
        name = kind.replace("_", "").lower()
        if name in ("stringvalue", "boolvalue", "doublevalue", "bytesvalue"):
            return inner
        if name == "intvalue":
            return int(inner) if type(inner) is str and inner.lstrip("-").isdigit() else inner
        if name == "arrayvalue":
            items = inner.get("values") if type(inner) is dict else None
            return [plain(item) for item in items] if type(items) is list else []
        if name == "kvlistvalue":
            return _attributes(inner.get("values") if type(inner) is dict else None)
    return value or None
