"""Langfuse exports. Field names follow the public API's reference; the texts are made up."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from .conftest import Load

GUARD = {
    "id": "o1",
    "traceId": "tr",
    "type": "GUARDRAIL",
    "name": "topic",
    "startTime": "2026-01-01T00:00:00.100Z",
    "endTime": "2026-01-01T00:00:00.200Z",
    "input": "hello",
    "output": {"action": "allow", "score": 0.2, "threshold": 0.5},
}
GENERATION = {
    "id": "o2",
    "traceId": "tr",
    "type": "GENERATION",
    "name": "llm",
    "model": "m-1",
    "modelParameters": {"temperature": 1},
    "startTime": "2026-01-01T00:00:00.300Z",
    "endTime": "2026-01-01T00:00:01.000Z",
    "input": [{"role": "system", "content": "be"}, {"role": "user", "content": "hello"}],
    "output": {"role": "assistant", "content": "world"},
    "promptName": "support",
    "promptVersion": 3,
}
TRACE = {
    "id": "tr",
    "timestamp": "2026-01-01T00:00:00.000Z",
    "name": "chat",
    "userId": "ann",
    "sessionId": "s1",
    "input": "hello",
    "output": "world",
    "metadata": {"domain": "legal", "requestId": "r"},
    "tags": ["plan:pro", "beta"],
    "latency": 1.5,
    "observations": [GENERATION, GUARD],
    "scores": [
        {"name": "user-feedback", "value": 1, "dataType": "NUMERIC", "source": "API",
         "timestamp": "2026-01-01T00:01:00Z"},
        {"name": "rating", "value": 4, "source": "API"},
        {"name": "thumbs", "stringValue": "down", "dataType": "CATEGORICAL", "source": "API"},
        {"name": "rating", "value": 1, "source": "EVAL"},
        {"name": "helpfulness-judge", "value": 0.4, "source": "API"},
    ],
}  # fmt: skip


def changed(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(TRACE), **changes}


def detached() -> dict[str, Any]:
    trace = {key: value for key, value in TRACE.items() if key != "observations"}
    return {"trace": trace, "observations": TRACE["observations"]}


@pytest.mark.parametrize(
    "raw",
    [
        orjson.dumps(TRACE),
        json.dumps([TRACE], indent=2).encode(),
        json.dumps(detached(), indent=2).encode(),
        json.dumps({"data": [TRACE], "meta": {"page": 1}}).encode(),
    ],
    ids=["line", "array", "page download", "api page"],
)
def test_a_trace_in_every_wrapping(load: Load, raw: bytes) -> None:
    got = load(by="langfuse", raw=raw, name="traces.json")
    row = got.one
    assert (row["id"], row["conversation_id"]) == ("tr", "s1")
    assert row["user_id"] is not None
    assert row["at"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert orjson.loads(row["messages"]) == GENERATION["input"]
    assert (row["prompt"], row["response"], row["model"]) == ("hello", "world", "m-1")
    assert (row["prompt_version"], row["latency_ms"]) == ("support@3", 1500.0)
    assert row["segments"] == {
        "domain": "legal", "name": "chat", "plan": "pro", "tag.beta": "true"
    }  # fmt: skip
    (event,) = got.events
    assert (event["layer"], event["stage"], event["fired"]) == ("topic", "input", False)
    assert (event["score"], event["threshold"], event["latency_ms"]) == (0.2, 0.5, 100.0)
    assert [(o["kind"], o["value"]) for o in got.outcomes] == [
        ("thumb", 1.0),
        ("rating", 4.0),
        ("thumb", 0.0),
    ]
    assert got.outcomes[0]["at"] == datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


def test_bare_observations_are_put_together_by_trace(load: Load) -> None:
    other = {**GENERATION, "id": "o3", "traceId": "t2", "output": "else"}
    got = load(GENERATION, other, GUARD, by="langfuse")
    assert [(row["id"], row["response"]) for row in got.interactions] == [
        ("tr", "world"),
        ("t2", "else"),
    ]
    assert [event["interaction_id"] for event in got.events] == ["tr"]
    assert got.lines == [1, 2]


@pytest.mark.parametrize(
    ("given", "answer", "prompt", "response"),
    [
        ({"question": "why?"}, {"answer": "so"}, "why?", "so"),
        ({"messages": [{"role": "user", "content": "why?"}]}, "so", "why?", "so"),
        ('{"query": "why?"}', '{"output": "so"}', "why?", "so"),
        ([{"role": "user", "content": "why?"}], {"choices": [{"message": {"content": "so"}}]},
         "why?", "so"),
        ("why?", [{"role": "user", "content": "why?"}, {"role": "assistant", "content": "so"}],
         "why?", "so"),
        (None, None, "hello", "world"),
        ("why?", "", "why?", ""),
    ],
)  # fmt: skip
def test_free_form_inputs_and_outputs(
    load: Load, given: Any, answer: Any, prompt: str, response: str
) -> None:
    row = load(changed(input=given, output=answer), by="langfuse").one
    assert (row["prompt"], row["response"]) == (prompt, response)


@pytest.mark.parametrize(
    ("changes", "stage", "action"),
    [
        ({"output": {"passed": False}}, "input", "block"),
        ({"output": "flagged", "name": "output-guard"}, "output", "block"),
        ({"output": True, "startTime": "2026-01-01T00:00:02Z", "endTime": None}, "output", "block"),
        ({"type": "SPAN", "name": "moderation", "output": {"flagged": False}}, "input", "allow"),
    ],
)
def test_guardrail_observations(load: Load, changes: Any, stage: str, action: str) -> None:
    got = load(changed(observations=[GENERATION, {**GUARD, **changes}]), by="langfuse")
    (event,) = got.events
    assert (event["stage"], event["action"]) == (stage, action)


def test_a_guard_that_failed_said_nothing(load: Load) -> None:
    silent = {**GUARD, "output": None, "level": "ERROR"}
    got = load(changed(observations=[silent]), by="langfuse")
    assert got.one["response"] == "world"
    assert not got.events


def test_bad_traces_are_set_aside(load: Load) -> None:
    got = load(
        TRACE,
        changed(id="2", timestamp="never"),
        changed(id="3", input=None, output=None, observations=[], scores=[]),
        changed(id="4", latency=-1),
        7,
        by="langfuse",
    )
    assert [row["id"] for row in got.interactions] == ["tr"]
    assert [bad.line for bad in got.bad] == [2, 3, 4, 5]
    assert "created_at must be ISO 8601" in got.bad[0].reason
    assert "no input, no output" in got.bad[1].reason
    assert "latency_ms must be at least 0" in got.bad[2].reason
