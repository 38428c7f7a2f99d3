"""Guardrail results as Amazon Bedrock logs them, as layer events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trueup.sources.exchange import Event

__all__ = ["BEDROCK_KEYS", "bedrock_events"]

BEDROCK_KEYS = frozenset(("amazon-bedrock-guardrailAction", "amazon-bedrock-trace", "trace"))


def bedrock_events(record: dict[str, Any]) -> list[Event]:
    """Amazon Bedrock: the guardrail's action, and by category from the trace where it is logged."""
    trace = record.get("amazon-bedrock-trace") or record.get("trace")
    found = trace.get("guardrail") if type(trace) is dict else None
    events = list(_bedrock_trace(found)) if type(found) is dict else []
    action = record.get("amazon-bedrock-guardrailAction")
    if action is not None and not any(event.action != "allow" for event in events):
        intervened = action == "INTERVENED"
        events.append(Event("bedrock-guardrail", action="block" if intervened else "allow"))
    return events


def _bedrock_trace(guardrail: dict[str, Any]) -> Iterator[Event]:
    for stage, keys in (
        ("input", ("input", "inputAssessment", "inputAssessments")),
        ("output", ("outputs", "outputAssessments")),
    ):
        for key in keys:
            for assessment in _assessments(guardrail.get(key)):
                yield from _assessed(assessment, stage)


def _assessments(value: Any) -> Iterator[dict[str, Any]]:
    """Assessments are nested by guardrail id, in lists or not, depending on the API."""
    if type(value) is list:
        for item in value:
            yield from _assessments(item)
    elif type(value) is dict:
        if any(key.endswith("Policy") for key in value):
            yield value
        else:
            for item in value.values():
                if type(item) in (dict, list):
                    yield from _assessments(item)


_BEDROCK_ACTIONS = {
    "BLOCKED": "block",
    "ANONYMIZED": "rewrite",
    "NONE": "allow",
    "MASKED": "rewrite",
}


def _assessed(assessment: dict[str, Any], stage: str) -> Iterator[Event]:
    for policy in assessment.values():
        for findings in policy.values() if type(policy) is dict else ():
            for finding in findings if type(findings) is list else ():
                if type(finding) is dict and str(finding.get("action")) in _BEDROCK_ACTIONS:
                    action = _BEDROCK_ACTIONS[finding["action"]]
                    category = finding.get("name") or finding.get("type") or finding.get("match")
                    detected = finding.get("detected")
                    fired = action != "allow" if detected is None else detected
                    yield Event(
                        "bedrock-guardrail",
                        stage=stage,
                        category=category,
                        score=finding.get("score"),
                        threshold=finding.get("threshold"),
                        fired=fired,
                        action=action,
                    )
