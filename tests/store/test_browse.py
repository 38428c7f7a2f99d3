from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from trueup.errors import UserError
from trueup.schema import ANNOTATIONS, INTERACTIONS, LABELS, LAYER_EVENTS, OUTCOMES
from trueup.store import Workspace
from trueup.store.browse import Filters, find, read


def interaction(key: str, day: int, prompt: str, domain: str) -> dict:
    return {
        "id": key,
        "content_hash": key,
        "at": datetime(2026, 9, day, tzinfo=UTC),
        "prompt": prompt,
        "response": "…",
        "segments": [("domain", domain), ("plan", "team")],
    }


def annotation(key: str, compliance: str) -> dict:
    return {
        "interaction_id": key,
        "compliance": compliance,
        "p_refusal": float(compliance == "refusal"),
        "basis": "text",
        "annotator_version": "1",
    }


@pytest.fixture
def ws(tmp_path: Path):
    rows = [
        interaction("alpha-1", 1, "How do I KILL a process?", "coding"),
        interaction("alpha-2", 2, "Draft a lease.", "legal"),
        interaction("beta", 3, "What is a lethal dose?", "medical"),
    ]
    event = {
        "id": "e",
        "interaction_id": "beta",
        "layer": "topic",
        "fired": True,
        "action": "block",
    }
    label = {"target_id": "beta", "question": "legitimate", "source": "human", "value": "yes"}
    with Workspace.open(tmp_path / "w.duckdb", create=True) as made:
        made.ingest(
            INTERACTIONS.from_rows(rows),
            LAYER_EVENTS.from_rows([event]),
            OUTCOMES.from_rows([]),
            np.array([2]),
            np.array([], dtype=int),
        )
        made.append(
            "annotations",
            ANNOTATIONS.from_rows(
                [annotation("alpha-1", "refusal"), annotation("alpha-2", "full")]
            ),
        )
        made.append("labels", LABELS.from_rows([{"id": "1", **label}]))
        yield made


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), ["beta", "alpha-2", "alpha-1"]),
        (Filters(refused=True), ["beta", "alpha-1"]),
        (Filters(compliance="full"), ["alpha-2"]),
        (Filters(layer="topic"), ["beta"]),
        (Filters(segments=("legal",)), ["alpha-2"]),
        (Filters(segments=("domain=coding", "plan=team")), ["alpha-1"]),
        (Filters(segments=("plan=legal",)), []),
        (Filters(contains="kill"), ["alpha-1"]),
        (Filters(contains="%"), []),
        (Filters(legitimate="yes"), ["beta"]),
        (Filters(unlabeled=True), ["alpha-2", "alpha-1"]),
    ],
)
def test_find(ws: Workspace, filters: Filters, expected: list[str]) -> None:
    total, rows = find(ws, filters)
    assert [row["id"] for row in rows] == expected
    assert total == len(expected)


def test_the_limit_keeps_the_newest_and_the_count(ws: Workspace) -> None:
    total, rows = find(ws, Filters(), limit=1)
    assert (total, [row["id"] for row in rows]) == (3, ["beta"])


def test_read_brings_everything_together(ws: Workspace) -> None:
    detail = read(ws, "beta")
    assert detail.layer_events[0]["layer"] == "topic"
    assert detail.labels[0]["value"] == "yes"
    assert detail.annotation is None


def test_read_takes_a_prefix_that_is_unique(ws: Workspace) -> None:
    assert read(ws, "bet").interaction["id"] == "beta"
    with pytest.raises(UserError, match="Several"):
        read(ws, "alpha")
    with pytest.raises(UserError, match="trueup ls"):
        read(ws, "gamma")


def test_a_verdict_that_does_not_exist_is_refused(ws: Workspace) -> None:
    with pytest.raises(UserError, match="got 'refused'"):
        find(ws, Filters(compliance="refused"))
