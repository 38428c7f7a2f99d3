"""The workspace's log as scored examples: labels as they were, layers as they are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trueup.errors import UserError
from trueup.schema import TABLES
from trueup.store import Workspace
from trueup.tune import HARMFUL, LEGITIMATE, NEITHER, OFF, UNKNOWN, log_texts, scored_log

START = datetime(2026, 3, 1, tzinfo=UTC)


def moment(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def put(ws: Workspace, table: str, *rows: dict[str, Any]) -> None:
    ws.append(table, TABLES[table].from_rows(list(rows)))


def ask(ws: Workspace, key: str, hour: float = 0, **more: Any) -> None:
    put(
        ws,
        "interactions",
        {"id": key, "content_hash": key, "prompt": f"ask {key}", "at": moment(hour), **more},
    )


def event(ws: Workspace, key: str, layer: str, score: float | None, **more: Any) -> None:
    row = {"threshold": 0.5, "fired": score is not None and score >= 0.5, "position": 0, **more}
    row.setdefault("action", "block" if row["fired"] else "allow")
    put(
        ws,
        "layer_events",
        {
            "id": f"{key}/{layer}/{more.get('category')}",
            "interaction_id": key,
            "layer": layer,
            "score": score,
            **row,
        },
    )


def answer(ws: Workspace, key: str, value: str, hour: float | None, **more: Any) -> None:
    rater = more.get("rater", "ann")
    put(
        ws,
        "labels",
        {
            "id": f"{key}/{rater}",
            "target_id": key,
            "question": "legitimate",
            "value": value,
            "source": "human",
            "rater": rater,
            "at": None if hour is None else moment(hour),
            **more,
        },
    )


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    """Five interactions that one guard scored 0.1 to 0.9, four of them labelled in reverse."""
    with Workspace.open(tmp_path / "w.duckdb", create=True) as made:
        for n in range(5):
            ask(made, f"i{n}", n)
            event(made, f"i{n}", "guard", 0.1 + 0.2 * n)
        for n, value in enumerate(("mismatch", "yes", "no", "no")):
            answer(made, f"i{n}", value, 14 - n)
        yield made


def test_labels_and_thresholds(ws: Workspace) -> None:
    scored, notes = scored_log(ws)
    assert scored.layers == ("guard",)
    assert scored.scores[:, 0] == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    assert scored.label.tolist() == [NEITHER, LEGITIMATE, HARMFUL, HARMFUL, UNKNOWN]
    assert scored.today is not None
    assert scored.today.tolist() == [0.5]
    assert (scored.weight, scored.cluster, notes) == (None, None, ())
    assert log_texts(ws, list(scored.ids))([4, 0]) == ["ask i4", "ask i0"]


def test_later_labels_leave_earlier_ones_as_they_were(ws: Workspace) -> None:
    before, _ = scored_log(ws)
    until = datetime.fromisoformat(str(before.source["labels_until"]))
    answer(ws, "i4", "yes", 20)
    answer(ws, "i1", "no", 21, rater="bob")  # now a tie
    answer(ws, "i2", "no", 22, rater="bob", probability=0.5)  # now others are picked by hand
    again, _ = scored_log(ws, until=until)
    assert again.label.tolist() == before.label.tolist()
    assert again.weight is None
    assert scored_log(ws)[0].label.tolist() != before.label.tolist()


def test_after_a_moment_only_what_was_unlabelled_then(ws: Workspace) -> None:
    until = datetime.fromisoformat(str(scored_log(ws)[0].source["labels_until"]))
    ask(ws, "i5", 6)
    event(ws, "i5", "guard", 0.2)
    answer(ws, "i4", "yes", 21)
    answer(ws, "i5", "no", 20)
    answer(ws, "i2", "no", 22, rater="bob")
    later, _ = scored_log(ws, after=until)
    assert list(later.ids) == ["i5", "i4"]  # in the order of their labels
    nothing, _ = scored_log(ws, after=moment(99))
    assert len(nothing) == 0


def test_later_interactions_are_left_out(ws: Workspace) -> None:
    before, _ = scored_log(ws)
    until = datetime.fromisoformat(str(before.source["asked_until"]))
    ask(ws, "a9", 30)
    event(ws, "a9", "guard", 0.2)
    again, _ = scored_log(ws, asked_until=until)
    assert list(again.ids) == list(before.ids)
    assert len(scored_log(ws)[0]) == len(before) + 1


def test_drawn_labels_weigh_and_picked_ones_drop_out(ws: Workspace) -> None:
    answer(ws, "i4", "no", 20, probability=0.25)
    scored, notes = scored_log(ws)
    assert scored.label.tolist() == [UNKNOWN] * 4 + [HARMFUL]
    assert scored.weight is not None
    assert scored.weight[4] == 4.0
    assert any("4 labels were picked by hand" in note for note in notes)


def test_layers_that_fail_watch_or_say_yes_or_no(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w.duckdb", create=True) as made:
        for n in range(4):
            ask(made, f"i{n}", n, user_id=f"u{n // 2}")
            answer(made, f"i{n}", "no", 9)
            event(made, f"i{n}", "words", None, fired=n == 1, action="block" if n == 1 else "allow")
            event(made, f"i{n}", "watcher", 0.9, fired=True, action="allow", position=1)
        event(made, "i0", "guard", None, failure="timeout", action="allow", position=2)
        event(made, "i1", "guard", None, failure="timeout", action="block", position=2)
        event(made, "i2", "guard", 0.8, position=2)
        scored, notes = scored_log(made)
        assert scored.layers == ("words", "watcher", "guard")
        assert scored.today is not None
        assert scored.today.tolist() == [0.5, OFF, 0.5]
        assert scored.scores[:, 0].tolist() == [0, 1, 0, 0]
        assert scored.scores[:, 2].tolist() == [-np.inf, np.inf, 0.8, -np.inf]
        assert scored.cluster is not None
        assert scored.cluster.tolist() == [0, 0, 1, 1]
        assert any("watcher" in note for note in notes)
        one, notes = scored_log(made, layers=["guard"])
        # What the untouched word list blocks is flagged whatever the guard's threshold.
        assert one.scores[:, 0].tolist() == [-np.inf, np.inf, 0.8, -np.inf]
        assert any("words, watcher" in note for note in notes)


def test_mistakes(ws: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Did you mean 'guard'"):
        scored_log(ws, layers=["gard"])
    with pytest.raises(UserError, match="no column 'plan'"):
        scored_log(ws, segment="plan")
    with Workspace.open(tmp_path / "none.duckdb", create=True) as empty:
        with pytest.raises(UserError, match="no guard scores"):
            scored_log(empty)
        ask(empty, "i0")
        event(empty, "i0", "guard", 0.5)
        with pytest.raises(UserError, match="No human label"):
            scored_log(empty)
