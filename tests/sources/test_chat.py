"""Chat records. Shapes follow the providers' published API references; the texts are made up."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Load

USER = {"role": "user", "content": "How do I kill a process?"}
ANSWER = {"role": "assistant", "content": "Use kill."}
ASKED = [USER]
CHOICES = {"choices": [{"message": ANSWER, "finish_reason": "stop"}]}


def messages_of(row: dict[str, Any]) -> Any:
    return orjson.loads(row["messages"])


def test_messages_with_own_conventions(load: Load) -> None:
    record = {
        "id": "r1",
        "created_at": "2026-03-01T10:00:00+01:00",
        "user": "ann",
        "conversation_id": "c1",
        "model": "m",
        "prompt_version": "p3",
        "policy_version": "g2",
        "arm": "enforced",
        "propensity": 0.9,
        "finish_reason": "stop",
        "latency_ms": 812.5,
        "sampling": {"temperature": 0.2},
        "metadata": {"domain": "legal", "pro": True, "request_id": "x", "user_id": "ignored"},
        "messages": [USER, ANSWER],
    }
    row = load(record, by="chat", user_key=b"secret").one
    expected = blake2b(b"ann", key=b"secret", digest_size=6).hexdigest()
    assert row["id"] == "r1"
    assert row["at"] == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert row["user_id"] == expected
    assert messages_of(row) == ASKED
    assert (row["prompt"], row["response"]) == (USER["content"], ANSWER["content"])
    assert row["segments"] == {"domain": "legal", "pro": "true"}
    kept = {name: row[name] for name in ("conversation_id", "model", "prompt_version", "arm")}
    assert kept == {
        "conversation_id": "c1",
        "model": "m",
        "prompt_version": "p3",
        "arm": "enforced",
    }
    assert (row["policy_version"], row["propensity"], row["latency_ms"]) == ("g2", 0.9, 812.5)
    assert orjson.loads(row["sampling"]) == {"temperature": 0.2}
    assert row["source"].endswith("log.jsonl")


def test_guardrails_and_feedback(load: Load) -> None:
    record = {
        "id": "r1",
        "messages": [USER, ANSWER],
        "guardrails": [
            {"name": "topic", "stage": "input", "score": 0.5, "threshold": 0.5, "action": "warn"},
            {"name": "tox", "stage": "output", "score": 0.1, "threshold": 0.5, "latency_ms": 3},
            {"name": "pii", "stage": "post_call", "action": "masked", "config_version": 7},
            {"name": "shadow", "flagged": True, "action": "allow", "category": "hate"},
        ],
        "feedback": [
            {"kind": "thumb", "value": "down", "at": 1_767_225_600, "simulated": True},
            {"kind": "rating", "value": 4},
            {"kind": "regenerate"},
        ],
    }
    got = load(record, by="chat")
    events = [
        (e["layer"], e["position"], e["stage"], e["fired"], e["action"], e["interaction_id"])
        for e in got.events
    ]
    assert events == [
        ("topic", 0, "input", True, "warn", "r1"),
        ("tox", 1, "output", False, "allow", "r1"),
        ("pii", 2, "output", True, "rewrite", "r1"),
        ("shadow", 3, None, True, "allow", "r1"),
    ]
    assert got.events[2]["config_version"] == "7"
    assert [(o["kind"], o["value"], o["simulated"]) for o in got.outcomes] == [
        ("thumb", 0.0, True),
        ("rating", 4.0, None),
        ("regenerate", 1.0, None),
    ]
    assert got.outcomes[0]["at"] == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("record", "response"),
    [
        ({"prompt": "q", "choices": [{"text": "a", "finish_reason": "length"}]}, "a"),
        ({"messages": ASKED} | CHOICES, "Use kill."),
        ({"messages": ASKED, "response": "plain"}, "plain"),
        ({"messages": ASKED, "response": CHOICES}, "Use kill."),
        ({"request": {"messages": ASKED}, "response": CHOICES}, "Use kill."),
        ({"custom_id": "c", "response": {"status_code": 200, "body": CHOICES}}, "Use kill."),
        ({"prompt": ASKED, "completion": [ANSWER]}, "Use kill."),
        ({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}, "a"),
        (
            {"request": {"system": "s", "messages": ASKED},
             "response": {"content": [{"type": "text", "text": "a"}]}},
            "a",
        ),
        ({"contents": [{"role": "user", "parts": [{"text": "q"}]}],
          "candidates": [{"content": {"role": "model", "parts": [{"text": "a"}]}}]}, "a"),
        (
            {"input": ASKED, "output": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
                {"type": "message", "role": "assistant",
                 "content": [{"type": "output_text", "text": "a"}]},
            ]},
            "a",
        ),
        (
            {"request": {"messages": ASKED}, "response": {
                "output": {"message": {"role": "assistant", "content": [{"text": "a"}]}},
                "stopReason": "end_turn"}},
            "a",
        ),
        (
            {"request": orjson.dumps({"messages": ASKED}).decode(),
             "response": orjson.dumps(CHOICES).decode()},
            "Use kill.",
        ),
    ],
)  # fmt: skip
def test_bodies_of_providers(load: Load, record: dict[str, Any], response: str) -> None:
    row = load(record, by="chat").one
    assert row["response"] == response
    if "custom_id" not in record:
        assert messages_of(row)[-1]["role"] == "user"


def test_request_and_response_bodies_fill_the_columns(load: Load) -> None:
    record = {
        "request": {"model": "alias", "user": "u", "temperature": 0.3, "messages": ASKED},
        "response": {
            "id": "cmpl-1",
            "created": 1_700_000_000,
            "model": "exact-1",
            "choices": [{"message": ANSWER, "finish_reason": "length"}],
        },
    }
    row = load(record, by="chat").one
    assert (row["id"], row["model"], row["finish_reason"]) == ("cmpl-1", "exact-1", "length")
    assert row["at"] == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert orjson.loads(row["sampling"]) == {"temperature": 0.3}
    assert row["user_id"] is not None


def test_parts_tools_roles_and_hidden_reasoning(load: Load) -> None:
    record = {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:..."}},
            ]},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "a cat"}]},
            {"role": "function", "name": "older", "content": "42"},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"},
                                              {"type": "text", "text": "A cat."}],
             "reasoning_content": "It has whiskers."},
        ]
    }  # fmt: skip
    row = load(record, by="chat").one
    assert messages_of(row) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is this?\n[image]"},
        {"role": "assistant", "content": "", "tool_calls": [{"name": "look", "arguments": "{}"}]},
        {"role": "tool", "content": "a cat"},
        {"role": "tool", "content": "42", "name": "older"},
    ]
    assert row["prompt"] == "What is this?\n[image]"
    assert row["response"] == "A cat."


@pytest.mark.parametrize(
    ("message", "response"),
    [
        ({"role": "assistant", "content": None, "refusal": "I can't."}, "I can't."),
        ({"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}, "No."),
        ({"role": "assistant", "content": ""}, ""),
        ({"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f"}}]}, None),
    ],
)  # fmt: skip
def test_refusals_empty_answers_and_tool_calls(load: Load, message: Any, response: Any) -> None:
    answered = {"messages": [USER], "choices": [{"message": message}]}
    rows = load({"messages": [USER, message]}, answered, by="chat").interactions
    assert [row["response"] for row in rows] == [response, response]


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (3.5, "3.5"), (0, "0"), (["a", 1], '["a",1]'), ("", ""), (None, None)],
)
def test_responses_that_are_not_text(load: Load, value: Any, text: str | None) -> None:
    assert load({"messages": ASKED, "response": value}, by="chat").one["response"] == text


def test_an_unanswered_turn_has_no_response(load: Load) -> None:
    row = load({"messages": [USER, ANSWER, USER]}, by="chat").one
    assert row["response"] is None
    assert len(messages_of(row)) == 3


@pytest.mark.parametrize(
    "reason", ["content_filter", "SAFETY", "PROHIBITED_CONTENT", "guardrail_intervened", "refusal"]
)
def test_a_provider_block_is_a_layer(load: Load, reason: str) -> None:
    got = load({"messages": [USER, ANSWER], "finish_reason": reason}, by="chat")
    (event,) = got.events
    assert (event["layer"], event["action"], event["fired"]) == ("provider", "block", True)
    assert event["category"] == reason


def test_a_provider_block_is_not_counted_twice(load: Load) -> None:
    record = {
        "messages": ASKED,
        "choices": [{
            "message": {"role": "assistant", "content": ""},
            "finish_reason": "content_filter",
            "content_filter_results": {
                "hate": {"filtered": True, "severity": "high"},
                "violence": {"filtered": False, "severity": "low"},
                "sexual": {"filtered": False, "severity": "safe"},
            },
        }],
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {
            "jailbreak": {"filtered": False, "detected": False}}}],
    }  # fmt: skip
    got = load(record, by="chat").events
    assert {(e["stage"], e["category"], e["fired"], e["action"]) for e in got} == {
        ("output", "hate", True, "block"),
        ("output", "violence", True, "allow"),
        ("output", "sexual", False, "allow"),
        ("input", "jailbreak", False, "allow"),
    }
    assert {e["layer"] for e in got} == {"azure-content-filter"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"propensity": 1.7}, "propensity must be in (0, 1], got 1.7."),
        ({"propensity": 0}, "propensity must be in (0, 1], got 0."),
        ({"latency_ms": -1}, "latency_ms must be at least 0, got -1."),
        ({"created_at": "noon"}, "created_at must be ISO 8601 or an epoch number, got 'noon'."),
        ({"feedback": [{"kind": "bogus", "value": 1}]}, "feedback.kind must be one of"),
        ({"feedback": [{"kind": "thumb", "value": 3}]}, "must be 1 (up) or 0 (down), got 3."),
        ({"guardrails": [{"name": "g", "action": "zap"}]}, "action of guard 'g' must be one of"),
        ({"guardrails": [{"action": "block"}]}, "A guardrail result must name its guard"),
        ({"guardrails": [{"name": "g"}]}, "must have an action, a flag, or a score"),
        ({"guardrails": [{"name": "g", "action": 0, "latency_ms": -2}]}, "at least 0, got -2."),
        ({"guardrails": [{"name": "g", "action": 0, "score": "high"}]}, "must be a number"),
        ({"messages": [1]}, "A message must be an object, got 1."),
        ({"messages": [{"role": "wizard", "content": ""}]}, "role must be system, user"),
        ({"id": 1e300}, "id must be text or a whole number"),
    ],
)  # fmt: skip
def test_bad_fields_are_set_aside_with_a_sentence(load: Load, changes: Any, sentence: str) -> None:
    good = {"messages": [USER, ANSWER]}
    got = load(good, good | changes, good, by="chat")
    assert len(got.interactions) == 2
    assert got.lines == [1, 3]
    (bad,) = got.bad
    assert sentence in bad.reason
    assert bad.line == 2
    assert bad.excerpt
    assert len(bad.excerpt) <= 200
    assert not got.events
    assert not got.outcomes


INNER_KEYS = (
    "role content type text messages choices message response request body feedback kind value "
    "guardrails name action score metadata id created_at output input parts"
)
TOP_KEYS = (
    "messages choices response request prompt completion output input body feedback guardrails "
    "metadata id created_at user finish_reason moderation trace guardrail_information "
    "prompt_filter_results content_filter_results contents candidates conversations"
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text()
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(INNER_KEYS.split()) | st.text(max_size=5), inner, max_size=5
        )
    ),
    max_leaves=20,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(record=st.dictionaries(st.sampled_from(TOP_KEYS.split()), JSON, max_size=6))
def test_any_json_is_read_or_set_aside_with_a_reason_of_its_own(
    load: Load, record: dict[str, Any]
) -> None:
    """No shape may surprise the converter: each is an interaction or a sentence about a field."""
    got = load({"messages": [USER, ANSWER]}, record, by="chat")
    assert len(got.interactions) + len(got.bad) == 2
    assert not any("could not be converted" in bad.reason for bad in got.bad), got.bad


text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    turns=st.lists(st.tuples(text, text), min_size=1, max_size=3),
    name=st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1),
    score=st.floats(0, 1),
    when=st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)),
)
def test_round_trip(load: Load, turns: Any, name: str, score: float, when: datetime) -> None:
    conversation = [
        {"role": role, "content": content}
        for turn in turns
        for role, content in zip(("user", "assistant"), turn, strict=True)
    ]
    record = {
        "id": name,
        "created_at": when.isoformat(),
        "messages": conversation,
        "guardrails": [{"name": name, "score": score, "threshold": 0.5, "action": "allow"}],
    }
    got = load(record, by="chat")
    row = got.one
    assert messages_of(row) == conversation[:-1]
    assert (row["prompt"], row["response"]) == turns[-1]
    assert row["at"] == when.replace(tzinfo=UTC)
    assert (got.events[0]["score"], got.events[0]["fired"]) == (score, score >= 0.5)
