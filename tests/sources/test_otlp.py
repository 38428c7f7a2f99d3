"""OpenTelemetry GenAI spans. Spans of the first tests are made with the real SDK and encoded as the
OTLP specification prescribes for JSON; the rest are written by hand after the conventions."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from .conftest import Load

START = 1_700_000_000_000_000_000
ASK = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "hi?"}]}])
SAY = json.dumps(
    [
        {
            "role": "assistant",
            "parts": [{"type": "reasoning", "content": "hm"}, {"type": "text", "content": "ho"}],
            "finish_reason": "stop",
        }
    ]
)
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.input.messages": ASK,
    "gen_ai.output.messages": SAY,
}


def value(given: Any) -> dict[str, Any]:
    """An OTLP AnyValue; integers are strings in OTLP JSON."""
    if isinstance(given, bool):
        return {"boolValue": given}
    if isinstance(given, int):
        return {"intValue": str(given)}
    if isinstance(given, float):
        return {"doubleValue": given}
    if isinstance(given, list | tuple):
        return {"arrayValue": {"values": [value(item) for item in given]}}
    if isinstance(given, dict):
        return {"kvlistValue": {"values": attributes(given)}}
    return {"stringValue": given}


def attributes(given: Any) -> list[dict[str, Any]]:
    return [{"key": key, "value": value(item)} for key, item in given.items()]


def span(
    trace: str,
    ident: str,
    parent: str = "",
    name: str = "chat m",
    start: int = 0,
    end: int = 10,
    events: Any = (),
    **given: Any,
) -> dict[str, Any]:
    """A span; times in milliseconds after START."""
    return {
        "traceId": trace,
        "spanId": ident,
        "parentSpanId": parent,
        "name": name,
        "startTimeUnixNano": str(START + start * 10**6),
        "endTimeUnixNano": str(START + end * 10**6),
        "attributes": attributes(given),
        "events": [{"name": n, "attributes": attributes(a)} for n, a in events],
    }


def export(*spans: dict[str, Any], **resource: Any) -> dict[str, Any]:
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": attributes(resource)},
                "scopeSpans": [{"scope": {"name": "test"}, "spans": list(spans)}],
            }
        ]
    }


def real_spans() -> Any:
    """A guarded chat as the OpenTelemetry SDK records it."""
    trace = pytest.importorskip("opentelemetry.sdk.trace")
    export_ = pytest.importorskip("opentelemetry.sdk.trace.export")
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter = memory.InMemorySpanExporter()
    provider = trace.TracerProvider()
    provider.add_span_processor(export_.SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("POST /chat", attributes={"enduser.id": "ann"}):
        with tracer.start_as_current_span("apply_guardrail topic") as guard:
            guard.set_attribute("gen_ai.operation.name", "apply_guardrail")
            guard.set_attribute("gen_ai.guardian.name", "topic")
            guard.set_attribute("gen_ai.security.target.type", "llm_input")
            guard.set_attribute("gen_ai.security.decision.type", "audit")
        with tracer.start_as_current_span("chat m") as chat:
            chat.set_attributes(CHAT)
            chat.set_attribute("gen_ai.request.temperature", 0.5)
            chat.set_attribute("gen_ai.response.finish_reasons", ["stop"])
    return exporter.get_finished_spans()


def encoded(real: Any) -> dict[str, Any]:
    """One real span in OTLP JSON, as the specification's field names have it."""
    return {
        "traceId": format(real.context.trace_id, "032x"),
        "spanId": format(real.context.span_id, "016x"),
        "parentSpanId": format(real.parent.span_id, "016x") if real.parent else "",
        "name": real.name,
        "startTimeUnixNano": str(real.start_time),
        "endTimeUnixNano": str(real.end_time),
        "attributes": attributes(real.attributes),
        "events": [],
    }


@pytest.mark.parametrize("layout", ["one line per span", "one object", "reversed lines"])
def test_spans_of_the_real_sdk(load: Load, layout: str) -> None:
    spans = [encoded(real) for real in real_spans()]
    if layout == "one object":
        raw = json.dumps(export(*spans), indent=2).encode()
    else:
        order = spans if layout == "one line per span" else spans[::-1]
        raw = b"\n".join(orjson.dumps(export(one)) for one in order)
    got = load(by="otlp", raw=raw, name="traces.json")
    row = got.one
    assert (row["prompt"], row["response"], row["finish_reason"]) == ("hi?", "ho", "stop")
    assert orjson.loads(row["sampling"]) == {"temperature": 0.5}
    assert row["user_id"] is not None
    assert row["latency_ms"] >= 0
    (event,) = got.events
    assert (event["layer"], event["stage"], event["action"]) == ("topic", "input", "allow")
    assert event["fired"]  # an audit: it fired, and nothing was done
    assert event["interaction_id"] == row["id"]


EVENTS = (
    ("gen_ai.system.message", {"content": "be"}),
    ("gen_ai.user.message", {"content": "hi?"}),
    (
        "gen_ai.choice",
        {"index": 0, "finish_reason": "stop", "message": '{"role":"assistant","content":"ho"}'},
    ),
)
NUMBERED = {
    "gen_ai.prompt.0.role": "system",
    "gen_ai.prompt.0.content": "be",
    "gen_ai.prompt.1.role": "user",
    "gen_ai.prompt.1.content": "hi?",
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.content": "ho",
    "gen_ai.completion.0.finish_reason": "stop",
}
INFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": "be",
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.content": "hi?",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": "ho",
}
CONVENTIONS = {
    "attributes": span("t", "a", **CHAT, **{
        "gen_ai.system_instructions": '[{"type":"text","content":"be"}]'}),
    "structured attributes": span("t", "a", **{
        "gen_ai.operation.name": "chat",
        "gen_ai.system_instructions": [{"type": "text", "content": "be"}],
        "gen_ai.input.messages": json.loads(ASK), "gen_ai.output.messages": json.loads(SAY)}),
    "events": span("t", "a", events=EVENTS, **{"gen_ai.operation.name": "chat"}),
    "details event": span("t", "a", events=[("gen_ai.client.inference.operation.details", {
        "gen_ai.system_instructions": "be", "gen_ai.input.messages": ASK,
        "gen_ai.output.messages": SAY})], **{"gen_ai.operation.name": "chat"}),
    "numbered": span("t", "a", name="openai.chat", **NUMBERED),
    "openinference": span("t", "a", name="llm", **INFERENCE),
    "prompt and completion": span("t", "a", **{
        "gen_ai.prompt": '[{"role":"system","content":"be"},{"role":"user","content":"hi?"}]',
        "gen_ai.completion": '[{"role":"assistant","content":"ho"}]'}),
}  # fmt: skip


@pytest.mark.parametrize("one", CONVENTIONS.values(), ids=CONVENTIONS)
def test_every_convention_says_the_same(load: Load, one: dict[str, Any]) -> None:
    row = load(export(one, **{"service.name": "shop"}), by="otlp").one
    assert orjson.loads(row["messages"]) == [
        {"role": "system", "content": "be"},
        {"role": "user", "content": "hi?"},
    ]
    assert (row["prompt"], row["response"]) == ("hi?", "ho")
    assert row["id"] == "t-a"
    assert row["segments"] == {"service": "shop"}
    assert row["latency_ms"] == 10.0


def test_events_as_log_records(load: Load) -> None:
    def log(name: str, body: Any) -> dict[str, Any]:
        return {"traceId": "t", "spanId": "a", "eventName": name, "body": value(body)}

    records = [
        log("gen_ai.user.message", {"content": "hi?"}),
        log("gen_ai.choice", {"finish_reason": "stop", "message": {"content": "ho"}}),
    ]
    logs = {"resourceLogs": [{"resource": {}, "scopeLogs": [{"logRecords": records}]}]}
    one = span("t", "a", **{"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"})
    row = load(logs, export(one), by="otlp").one
    assert (row["prompt"], row["response"], row["model"]) == ("hi?", "ho", "m")


def test_a_blocked_request_without_a_model_call_is_an_interaction(load: Load) -> None:
    root = span("t", "r", name="POST /chat", end=9)
    passed = span("t", "g", "r", name="guardrail.pii", **{"guardrail.flagged": False})
    verdict = {"action": "block", "score": 0.9, "threshold": 0.5}
    given = {f"guardrail.{name}": value for name, value in verdict.items()}
    blocked = span("t", "h", "r", name="guardrail.topic", **given)
    got = load(export(root, passed, blocked), by="otlp")
    assert got.one["id"] == "t-r"
    assert got.one["response"] is None
    assert [(e["layer"], e["action"], e["score"]) for e in got.events] == [
        ("pii", "allow", None),
        ("topic", "block", 0.9),
    ]
    nothing = load(export(span("t", "r"), passed), by="otlp")
    assert not nothing.interactions
    assert not nothing.bad


def test_guards_belong_to_the_call_that_they_protect(load: Load) -> None:
    spans = [
        span("t", "r", name="agent", end=100),
        span(
            "t", "g1", "r", name="guardrail input", start=1, end=2, **{"guardrail.flagged": False}
        ),
        span("t", "c1", "r", start=3, end=10, **CHAT),
        span(
            "t", "g2", "r", name="guardrail output", start=11, end=13, **{"guardrail.passed": True}
        ),
        span("t", "c2", "r", start=20, end=30, **CHAT),
        span(
            "t", "g3", "c2", name="guardrail tox", start=25, end=26, **{"guardrail.blocked": True}
        ),
    ]
    got = load(export(*spans), by="otlp")
    assert [row["id"] for row in got.interactions] == ["t-c1", "t-c2"]
    owners = [(e["layer"], e["interaction_id"], e["latency_ms"], e["fired"]) for e in got.events]
    assert owners == [
        ("input", "t-c1", 1.0, False),
        ("output", "t-c1", 2.0, False),
        ("tox", "t-c2", 1.0, True),
    ]


def test_the_outermost_conversation_is_the_interaction(load: Load) -> None:
    outer = {**CHAT, "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helper"}
    spans = [
        span("t", "a", name="invoke_agent helper", end=50, **outer),
        span("t", "b", "a", **CHAT, **{"gen_ai.response.model": "m"}),
        span("t", "e", "a", **{"gen_ai.operation.name": "embeddings"}),
    ]
    row = load(export(*spans), by="otlp").one
    assert (row["id"], row["model"], row["segments"]) == ("t-a", "m", {"agent": "helper"})


def test_a_content_filter_finish_is_a_provider_block(load: Load) -> None:
    one = span("t", "a", **{**CHAT, "gen_ai.response.finish_reasons": ["content_filter"]})
    got = load(export(one), by="otlp")
    assert [(e["layer"], e["action"]) for e in got.events] == [("provider", "block")]


def test_bad_lines_stop_nothing(load: Load) -> None:
    raw = b"\n".join(
        [
            orjson.dumps(export(span("t", "a", **CHAT))),
            b'{"resourceSpans": 7}',
            b'{"other": 1}',
            b'{"resourceSpans": [{"scopeSpans": [{"spans": ["x", null]}]}]}',
            b"{",
            orjson.dumps(export(span("u", "a", **CHAT, **{"trueup.propensity": 3.0}))),
            orjson.dumps(export(span("v", "a", **CHAT))),
        ]
    )
    got = load(by="otlp", raw=raw)
    assert [row["id"] for row in got.interactions] == ["t-a", "v-a"]
    assert [bad.line for bad in got.bad] == [3, 5, 6]
    assert got.lines == [1, 7]


RAIL = {"rail.type": "input", "rail.name": "self check input"}
JUDGE = span("t", "j", "a", **CHAT)
ACTION = span("t", "a", "i", name="guardrails.action", **{"action.name": "self_check_input"})


def test_rails_of_nemo_guardrails(load: Load) -> None:
    """After NVIDIA/NeMo-Guardrails, tracing/constants.py and guardrails/telemetry.py."""
    asked = {"guardrails.request.input": '[{"role": "user", "content": "q"}]'}
    request = {"gen_ai.operation.name": "guardrails", **asked, "guardrails.request.output": "No."}
    rail = span("t", "i", "r", name="guardrails.rail", **RAIL, **{"rail.stop": True})
    output = span(
        "t", "o", "r", name="guardrails.rail", **{"rail.type": "output", "rail.name": "o"}
    )
    dialog = span(
        "t", "d", "r", name="guardrails.rail", **{"rail.type": "dialog", "rail.name": "d"}
    )
    root = span("t", "r", name="guardrails.request", end=50, **request)
    got = load(export(root, rail, ACTION, JUDGE, output, dialog), by="otlp")
    assert (got.one["prompt"], got.one["response"]) == ("q", "No.")
    said = [(e["layer"], e["stage"], e["action"], e["latency_ms"]) for e in got.events]
    assert sorted(said) == [
        ("o", "output", "allow", 10.0),
        (RAIL["rail.name"], "input", "block", 10.0),
    ]


def test_a_model_that_judges_answers_nobody(load: Load) -> None:
    rail = span("t", "i", "r", name="guardrails.rail", **RAIL, **{"rail.stop": True})
    root = span("t", "r", name="guardrails.request", **{"gen_ai.operation.name": "guardrails"})
    got = load(export(root, rail, ACTION, JUDGE), by="otlp")
    assert got.one["response"] is None
    assert [event["action"] for event in got.events] == ["block"]


def test_a_rail_that_failed(load: Load) -> None:
    rail = span("t", "i", "r", name="guardrails.rail", **RAIL, **{"error.type": "TimeoutError"})
    (event,) = load(export(span("t", "r", **CHAT), rail), by="otlp").events
    assert (event["failure"], event["action"]) == ("TimeoutError", "allow")


def test_validators_of_guardrails_ai(load: Load) -> None:
    """After guardrails-ai/guardrails, guardrails/telemetry/validator_tracing.py."""

    def validator(ident: str, on_fail: str, result: str | None, events: Any = ()) -> dict[str, Any]:
        given = {
            "type": "guardrails/guard/step/validator",
            "openinference.span.kind": "GUARDRAIL",
            "validator.name": ident,
            "validator.on_fail": on_fail,
            **({} if result is None else {"output.value": result}),
        }
        return span("t", ident, "g", f"{ident}.validate", 20, 21, events, **given)

    guard = {"type": "guardrails/guard", "guard.name": "g", "validation_passed": False}
    spans = [
        span("t", "g", name="guard", end=50, **{"openinference.span.kind": "GUARDRAIL"}, **guard),
        span("t", "c", "g", start=1, end=10, **CHAT),
        validator("A", "refrain", '{"outcome": "fail", "error_message": "bad"}'),
        validator("B", "noop", '{"outcome": "fail", "error_message": "bad"}'),
        validator("C", "fix", '{"outcome": "pass"}'),
        validator("D", "fix", None, [("exception", {"exception.message": "timed out"})]),
    ]
    got = load(export(*spans), by="otlp")
    assert got.one["id"] == "t-c"
    said = [(e["layer"], e["stage"], e["fired"], e["action"], e["failure"]) for e in got.events]
    assert said == [
        ("A", "output", True, "block", None),
        ("B", "output", True, "allow", None),
        ("C", "output", False, "allow", None),
        ("D", "output", False, "allow", "timed out"),
    ]
