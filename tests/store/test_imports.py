from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trueup.schema import INTERACTIONS, LABELS, LAYER_EVENTS, OUTCOMES
from trueup.store import Workspace, import_batches


@dataclass
class Bad:
    file: str = "log.jsonl"
    line: int = 7
    reason: str = "The line is not JSON."
    excerpt: str = "{oops"


@dataclass
class Batch:
    ids: list[tuple[str, str]]
    lines: Any = None
    bad: tuple[Bad, ...] = ()
    layer_events: Any = field(default_factory=lambda: LAYER_EVENTS.from_rows([]))
    outcomes: Any = field(default_factory=lambda: OUTCOMES.from_rows([]))
    labels: Any = field(default_factory=lambda: LABELS.from_rows([]))
    event_rows: Any = field(default_factory=lambda: np.array([], dtype=int))
    outcome_rows: Any = field(default_factory=lambda: np.array([], dtype=int))
    label_rows: Any = field(default_factory=lambda: np.array([], dtype=int))

    def __post_init__(self) -> None:
        self.lines = np.arange(1, len(self.ids) + 1)

    @property
    def interactions(self):
        rows = [{"id": i, "content_hash": c, "prompt": f"prompt of {i}"} for i, c in self.ids]
        return INTERACTIONS.from_rows(rows)


@pytest.fixture
def ws(tmp_path: Path):
    with Workspace.open(tmp_path / "w.duckdb", create=True) as made:
        yield made


def run(ws: Workspace, *batches: Batch):
    return import_batches(ws, batches, file="log.jsonl", format="chat")


def test_counts(ws: Workspace) -> None:
    summary = run(ws, Batch([("a", "1"), ("b", "2")], bad=(Bad(),)), Batch([("a", "1")]))
    assert (summary.records, summary.added, summary.existing, summary.quarantined) == (4, 2, 1, 1)


def test_a_conflict_is_set_aside_with_its_line(ws: Workspace) -> None:
    summary = run(ws, Batch([("a", "1"), ("a", "2")]))
    assert summary.quarantined == 1
    row = ws.table("quarantine").to_pyarrow().to_pylist()[0]
    assert (row["file"], row["line"], row["excerpt"]) == ("log.jsonl", 2, "prompt of a")
    assert "already taken" in row["reason"]


def test_a_second_import_changes_nothing(ws: Workspace) -> None:
    batch = Batch([("a", "1"), ("a", "2")], bad=(Bad(),))
    run(ws, batch)
    run(ws, batch)
    assert [ws.count(name) for name in ("interactions", "quarantine", "imports")] == [1, 2, 1]


def test_children_come_with_their_interaction(ws: Workspace) -> None:
    label = {"id": "1", "target_id": "a", "question": "legitimate", "value": "yes"}
    rows = LABELS.from_rows([{**label, "source": "human"}])
    summary = run(ws, Batch([("a", "1")], labels=rows, label_rows=np.array([0])))
    assert summary.labels == 1
    refused = run(ws, Batch([("a", "other")], labels=rows, label_rows=np.array([0])))
    assert (refused.labels, refused.quarantined) == (0, 1)
