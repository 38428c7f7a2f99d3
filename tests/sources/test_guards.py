"""Guardrail results as gateways and providers log them, after their API references."""

from __future__ import annotations

from typing import Any

import pytest

from trueup.sources.guards import events_of

from .conftest import Load

MESSAGES = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
BEDROCK_POLICIES = {
    "contentPolicy": {
        "filters": [
            {"type": "VIOLENCE", "confidence": "HIGH", "action": "BLOCKED", "detected": True},
            {"type": "HATE", "confidence": "LOW", "action": "NONE", "detected": True},
        ]
    },
    "sensitiveInformationPolicy": {"piiEntities": [{"type": "EMAIL", "action": "ANONYMIZED"}]},
    "invocationMetrics": {"guardrailProcessingLatency": 20},
}
CASES: dict[str, tuple[dict[str, Any], list[tuple[Any, ...]]]] = {
    "bedrock action only": (
        {"amazon-bedrock-guardrailAction": "INTERVENED"},
        [("bedrock-guardrail", None, None, True, "block")],
    ),
    "bedrock passed": (
        {"amazon-bedrock-guardrailAction": "NONE"},
        [("bedrock-guardrail", None, None, False, "allow")],
    ),
    "bedrock trace": (
        {
            "amazon-bedrock-guardrailAction": "INTERVENED",
            "amazon-bedrock-trace": {"guardrail": {"input": {"gr-1": BEDROCK_POLICIES}}},
        },
        [
            ("bedrock-guardrail", "input", "VIOLENCE", True, "block"),
            ("bedrock-guardrail", "input", "HATE", True, "allow"),
            ("bedrock-guardrail", "input", "EMAIL", True, "rewrite"),
        ],
    ),
    "bedrock converse trace": (
        {"trace": {"guardrail": {"outputAssessments": {"gr-1": [BEDROCK_POLICIES]}}}},
        [
            ("bedrock-guardrail", "output", "VIOLENCE", True, "block"),
            ("bedrock-guardrail", "output", "HATE", True, "allow"),
            ("bedrock-guardrail", "output", "EMAIL", True, "rewrite"),
        ],
    ),
    "litellm": (
        {
            "guardrail_information": [
                {"guardrail_name": "a", "guardrail_mode": "pre_call",
                 "guardrail_status": "success"},
                {"guardrail_name": "b", "guardrail_mode": ["post_call"],
                 "guardrail_status": "guardrail_intervened", "duration": 0.2},
                {"guardrail_name": "c", "guardrail_status": "success",
                 "masked_entity_count": {"EMAIL": 2}},
                {"guardrail_name": "d", "guardrail_status": "failure"},
            ]
        },
        [
            ("a", "input", None, False, "allow"),
            ("b", "output", None, True, "block"),
            ("c", None, None, True, "rewrite"),
            ("d", None, None, False, "allow"),
        ],
    ),
    "moderation of a delivered answer": (
        {"moderation": {"results": [{"flagged": True, "categories": {"hate": True},
                                     "category_scores": {"hate": 0.9, "violence": 0.1}}]}},
        [("moderation", None, "hate", True, "allow")],
    ),
    "moderation by stage": (
        {"moderation": {"input": {"flagged": False}, "output": [{"flagged": True}]}},
        [
            ("moderation", "input", None, False, "allow"),
            ("moderation", "output", None, True, "allow"),
        ],
    ),
    "gemini": (
        {"promptFeedback": {"blockReason": "SAFETY"}},
        [("provider", "input", "safety", True, "block")],
    ),
    "by name": (
        {"guardrails": {"topic": "pass", "tox": {"flagged": True, "category": "hate"}}},
        [("topic", None, None, False, "allow"), ("tox", None, "hate", True, "block")],
    ),
    "passed and tripwire": (
        {"guardrails": [{"name": "a", "passed": False},
                        {"name": "b", "tripwire_triggered": False}]},
        [("a", None, None, True, "block"), ("b", None, None, False, "allow")],
    ),
    "score below the threshold with another action": (
        {"guardrails": [{"name": "a", "score": 0.4, "threshold": 0.5, "flagged": True}]},
        [("a", None, None, False, "allow")],
    ),
    "audited": (
        {"guardrails": [{"name": "a", "action": "audit"}]},
        [("a", None, None, True, "allow")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("record", "expected"), CASES.values(), ids=CASES)
def test_shapes(load: Load, record: dict[str, Any], expected: list[tuple[Any, ...]]) -> None:
    got = load({"id": "1", "messages": MESSAGES, **record}, by="chat")
    assert not got.bad, got.bad
    found = [(e["layer"], e["stage"], e["category"], e["fired"], e["action"]) for e in got.events]
    assert found == expected
    assert [event["position"] for event in got.events] == list(range(len(expected)))


def test_moderation_of_a_blocked_request(load: Load) -> None:
    record = {"messages": MESSAGES[:1], "moderation": {"results": [{"flagged": True}]}}
    (event,) = load(record, by="chat").events
    assert event["action"] == "block"


@pytest.mark.parametrize("junk", [7, "x", [], {}, [None], [[]], {"a": None}, True])
@pytest.mark.parametrize(
    "key",
    [
        "prompt_filter_results",
        "content_filter_results",
        "trace",
        "guardrail_information",
        "moderation",
        "promptFeedback",
    ],
)
def test_shapes_that_mean_nothing_give_nothing(key: str, junk: Any) -> None:
    assert events_of({key: junk}, delivered=True) == []
