from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import world as w

from trueup.schema import CERTIFICATES
from trueup.store import Workspace
from trueup.tax import measure
from trueup.tax.certified import certified_actions


def row(**changes: Any) -> dict[str, Any]:
    made = {
        "id": "a",
        "at": datetime(2026, 1, 2, tzinfo=UTC),
        "changes": json.dumps([{"layer": "topic", "segment": None, "from": 0.5, "to": 0.6}]),
        "risk": "new_miss",
        "alpha": 0.1,
        "delta": 0.05,
        "risk_bound": 0.08,
        "won_back": 0.03,
        "won_back_low": 0.01,
        "won_back_high": 0.05,
        "level": 0.95,
        "examples": json.dumps(["i1"]),
        "n": 1000,
        "n_labeled": 200,
        "certificate": json.dumps({"empirical_risk": 0.02, "assumptions": ["A."]}),
    }
    return made | changes


def remembered(ws: Workspace, *rows: dict[str, Any]) -> None:
    ws.append(CERTIFICATES.name, CERTIFICATES.from_rows(rows))


def test_a_certified_policy_comes_first_and_a_guess_at_its_threshold_gives_way() -> None:
    with w.workspace(w.World()) as ws:
        guessed = measure(ws).actions
        remembered(ws, row())
        actions = measure(ws).actions
    assert not any(action.certified for action in guessed)
    first = actions[0]
    assert first.certified
    assert first.title == "certified: topic"
    assert first.sentence == (
        "Raise topic from 0.5 to 0.6: wins back 3.0 points (1.0 to 5.0) of legitimate traffic; at "
        "most 10.0 % of harmful traffic is newly let through, with 95 % confidence."
    )
    assert (first.recoverable.value, first.risk.value, first.risk.high) == (0.03, 0.02, 0.08)
    assert first.example_ids == ("i1",)
    assert not any("threshold of topic" in action.sentence for action in actions[1:])


def test_only_the_newest_certificates_count_one_per_segment() -> None:
    legal = json.dumps([{"layer": "topic", "segment": "domain=legal", "from": 0.5, "to": None}])
    with Workspace.scratch() as ws:
        remembered(
            ws,
            row(id="old", at=datetime(2025, 1, 2, tzinfo=UTC), won_back=0.9),
            row(id="all"),
            row(id="legal", changes=legal, risk="miss"),
        )
        actions, layers = certified_actions(ws)
    assert {action.title for action in actions} == {
        "certified: topic",
        "certified: topic for domain=legal",
    }
    assert any("Turn topic off for domain=legal" in action.sentence for action in actions)
    assert layers == {"topic"}


@pytest.mark.parametrize("changes", [{"changes": "[]"}, {"won_back": 0.0}, {"won_back": -0.1}])
def test_what_changes_or_wins_nothing_is_no_advice(changes: dict[str, Any]) -> None:
    with Workspace.scratch() as ws:
        remembered(ws, row(**changes))
        assert certified_actions(ws) == ((), frozenset())


def test_without_a_certificate_there_is_nothing() -> None:
    with Workspace.scratch() as ws:
        assert certified_actions(ws) == ((), frozenset())
