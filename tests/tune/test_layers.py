"""What a log shows of its layers, written straight into the tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from trueup.errors import UserError
from trueup.schema import INTERACTIONS, LABELS, LAYER_EVENTS
from trueup.store import Workspace
from trueup.tune import HARMFUL, LEGITIMATE, NEITHER, OFF, scored_log
from trueup.tune.layers import log_layers, tuned_layers

START = datetime(2026, 1, 1, tzinfo=UTC)


def log(*events: dict[str, Any], domains: tuple[str, ...] = ("law", "code")) -> Workspace:
    """A workspace with one event per interaction, a day apart, domains in turn."""
    ws = Workspace.scratch()
    rows = [{"action": "allow", "layer": "topic", **event} for event in events]
    asked = [
        {
            "id": f"i{n}",
            "content_hash": f"h{n}",
            "at": START + timedelta(days=n),
            "prompt": f"prompt {n}",
            "segments": [("domain", domains[n % len(domains)])],
        }
        for n in range(len(rows))
    ]
    made = [
        {
            "id": f"e{n}",
            "interaction_id": f"i{n}",
            "fired": row["action"] != "allow",
            "position": 0,
            **row,
        }
        for n, row in enumerate(rows)
    ]
    ws.append("interactions", INTERACTIONS.from_rows(asked))
    ws.append("layer_events", LAYER_EVENTS.from_rows(made))
    return ws


def labelled(ws: Workspace, **answers: str) -> Workspace:
    rows = [
        {"id": key, "target_id": key, "question": "legitimate", "value": value, "source": "human"}
        for key, value in answers.items()
    ]
    ws.append("labels", LABELS.from_rows(rows))
    return ws


def test_the_threshold_in_force_is_the_latest_one() -> None:
    with log(
        {"score": 0.9, "threshold": 0.5, "action": "block"},
        {"score": 0.1, "threshold": 0.4},
        {"score": 0.1},
    ) as ws:
        (topic,) = log_layers(ws)
    assert (topic.name, topic.today, topic.had) == ("topic", 0.4, 2)


def test_a_layer_that_fires_and_never_blocks_is_off() -> None:
    with log({"score": 0.9, "threshold": 0.5, "fired": True}) as ws:
        assert log_layers(ws)[0].today == OFF


def test_a_layer_without_a_score_says_yes_or_no() -> None:
    with labelled(
        log({"action": "block"}, {}, {"layer": "other", "score": 0.2, "threshold": 0.9}),
        i0="no",
        i1="yes",
        i2="mismatch",
    ) as ws:
        scored, _ = scored_log(ws, layers=["topic"])
    assert scored.today is not None
    assert scored.today.tolist() == [0.5]
    assert scored.scores[:, 0].tolist() == [1.0, 0.0, -np.inf]
    assert scored.label.tolist() == [HARMFUL, LEGITIMATE, NEITHER]


def test_where_a_layer_warns_first_its_block_begins_at_the_lowest_score_it_blocked() -> None:
    events = [
        {"score": 0.4, "threshold": 0.3, "action": "warn"},
        {"score": 0.62, "threshold": 0.3, "action": "block"},
        {"score": 0.8, "threshold": 0.3, "action": "block"},
    ]
    with labelled(log(*events), i0="yes", i2="no") as ws:
        (topic,) = log_layers(ws)
        _, notes = scored_log(ws)
    assert (topic.today, topic.banded) == (0.62, True)
    assert any("milder below its block" in note for note in notes)


def test_a_warning_above_a_block_is_no_band() -> None:
    with log(
        {"score": 0.9, "threshold": 0.3, "action": "warn"},
        {"score": 0.6, "threshold": 0.3, "action": "block"},
    ) as ws:
        assert log_layers(ws)[0].today == 0.3


def test_categories_with_thresholds_of_their_own_are_tuned_apart() -> None:
    with labelled(
        log(
            {"category": "self_harm", "score": 0.3, "threshold": 0.2, "action": "block"},
            {"category": "violence", "score": 0.5, "threshold": 0.8},
            {"category": "violence", "score": 0.9, "threshold": 0.8, "action": "block"},
        ),
        i0="no",
        i1="yes",
        i2="no",
    ) as ws:
        scored, _ = scored_log(ws)
        chosen = tuned_layers(log_layers(ws), ["topic/violence"])
    assert scored.layers == ("topic/self_harm", "topic/violence")
    assert scored.today is not None
    assert scored.today.tolist() == [0.2, 0.8]
    assert scored.scores.tolist() == [[0.3, -np.inf], [-np.inf, 0.5], [-np.inf, 0.9]]
    assert [one.category for one in chosen] == ["violence"]


def test_categories_under_one_threshold_are_one_layer() -> None:
    with log(
        {"category": "self_harm", "score": 0.3, "threshold": 0.5},
        {"category": "violence", "score": 0.9, "threshold": 0.5, "action": "block"},
    ) as ws:
        assert [one.name for one in log_layers(ws)] == ["topic"]


def test_each_segment_has_the_threshold_that_is_in_force_there() -> None:
    with labelled(
        log(
            {"score": 0.9, "threshold": 0.8, "action": "block"},  # law
            {"score": 0.5, "threshold": 0.4, "action": "block"},  # code
            {"score": 0.1, "threshold": 0.8},
            {"score": 0.1, "threshold": 0.4},
        ),
        i0="no",
        i1="yes",
    ) as ws:
        scored, _ = scored_log(ws, segment="domain")
    law, code = scored.part("domain", "law"), scored.part("domain", "code")
    assert law.today is not None
    assert code.today is not None
    assert (law.today.tolist(), code.today.tolist()) == ([0.8], [0.4])
    assert law.flagged_today().tolist() == [True, False]


def test_a_failure_never_flags_or_always_does() -> None:
    with labelled(
        log(
            {"failure": "timeout", "threshold": 0.5},
            {"failure": "timeout", "threshold": 0.5, "action": "block"},
            {"score": 0.7, "threshold": 0.5, "action": "block"},
        ),
        i2="no",
    ) as ws:
        scored, _ = scored_log(ws)
    assert scored.scores[:, 0].tolist() == [-np.inf, np.inf, 0.7]


def test_an_untouched_layer_goes_on_flagging() -> None:
    with labelled(
        log(
            {"score": 0.9, "threshold": 0.5, "action": "block"},
            {"layer": "words", "score": 1.0, "threshold": 0.5, "action": "block"},
            {"layer": "words", "score": 0.0, "threshold": 0.5},
        ),
        i0="no",
        i2="yes",
    ) as ws:
        scored, notes = scored_log(ws, layers=["topic"])
    assert scored.scores[:, 0].tolist() == [0.9, np.inf, -np.inf]
    assert any("Left as they are: words" in note for note in notes)


def test_what_is_not_there_is_named() -> None:
    with labelled(log({"score": 0.9, "threshold": 0.5}), i0="yes") as ws:
        with pytest.raises(UserError, match="No layer of the log is called 'topics'"):
            scored_log(ws, layers=["topics"])
        with pytest.raises(UserError, match="no column 'domains'"):
            scored_log(ws, segment="domains")
    with Workspace.scratch() as ws, pytest.raises(UserError, match="no guard scores"):
        scored_log(ws)
    with log({"score": 0.9, "threshold": 0.5}) as ws, pytest.raises(UserError, match="No human"):
        scored_log(ws)
