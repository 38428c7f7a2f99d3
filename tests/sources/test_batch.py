"""Ids, hashes and the bookkeeping of batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from trueup.schema import INTERACTIONS, LABELS, LAYER_EVENTS, OUTCOMES
from trueup.sources import batch

from .conftest import Load


def record(text: str, **more: Any) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "a"}],
        **more,
    }


def ids(got: Any) -> list[str]:
    return [row["id"] for row in got.interactions]


GUARD = [{"name": "g", "action": "block"}]
THUMB = [{"kind": "thumb", "value": 1}]


def test_reading_again_gives_the_same_rows(load: Load) -> None:
    records = [record("a"), record("a"), record("b", guardrails=GUARD, feedback=THUMB)]
    first = load(*records, by="chat")
    again = load(*records, by="chat", name="moved.jsonl", batch_size=1)
    for rows in ("events", "outcomes"):
        assert getattr(first, rows) == getattr(again, rows)
    without_source = [{**row, "source": ""} for row in first.interactions]
    assert without_source == [{**row, "source": ""} for row in again.interactions]


def test_identical_records_stay_apart(load: Load) -> None:
    got = load(record("a"), record("a"), record("a"), record("b"), by="chat")
    assert len(set(ids(got))) == 4
    hashes = [row["content_hash"] for row in got.interactions]
    assert hashes[0] == hashes[1] == hashes[2] != hashes[3]


def test_a_rejected_copy_does_not_count(load: Load) -> None:
    broken = record("a", guardrails=[{"name": "g", "action": "?"}])
    assert ids(load(record("a"), broken, record("a"), by="chat")) == ids(
        load(record("a"), record("a"), by="chat")
    )


def test_an_export_with_more_feedback_is_the_same_interaction(load: Load) -> None:
    before = load(record("a", id="1"), record("b"), by="chat")
    after = load(
        record("a", id="1", guardrails=GUARD, feedback=THUMB),
        record("b", feedback=THUMB),
        by="chat",
    )
    for column in ("id", "content_hash"):
        assert [row[column] for row in before.interactions] == [
            row[column] for row in after.interactions
        ]
    assert {row["interaction_id"] for row in after.outcomes} == set(ids(before))


def test_the_hash_covers_the_exchange(load: Load) -> None:
    variants = [
        record("a", id="1"),
        record("b", id="1"),
        record("a", id="1", model="m"),
        record("a", id="1", finish_reason="stop"),
        record("a", id="1", created_at=1_700_000_000),
        record("a", id="1", metadata={"domain": "x"}),
        record("a", id="1", user="u"),
    ]
    got = load(*variants, by="chat")
    assert len({row["content_hash"] for row in got.interactions}) == len(variants)
    assert set(ids(got)) == {"1"}
    assert got.lines == [1, 2, 3, 4, 5, 6, 7]


def test_equal_instants_and_key_orders_are_equal_content(load: Load) -> None:
    got = load(
        record("a", created_at="2026-01-01T00:00:00Z", metadata={"a": "1", "b": "2"}),
        record("a", created_at=1_767_225_600_000, metadata={"b": "2", "a": "1"}),
        by="chat",
    )
    assert len({row["content_hash"] for row in got.interactions}) == 1


def test_users_are_pseudonyms_that_depend_on_the_key(load: Load) -> None:
    records = [record("a", user="ann"), record("b", user="bob"), record("c", user="ann")]

    def users(key: bytes) -> list[str]:
        return [row["user_id"] for row in load(*records, by="chat", user_key=key).interactions]

    ann, bob, same = users(b"k" * 100)
    assert ann == same != bob
    assert len(ann) == 12
    assert set(users(b"other")).isdisjoint({ann, bob})
    assert all(b"ann" not in orjson.dumps(row, default=str) for row in
               load(*records, by="chat").interactions)  # fmt: skip


def test_children_point_at_their_rows_in_every_batch(load: Load) -> None:
    records = [
        record(str(n), id=n, guardrails=GUARD * (n % 3), feedback=THUMB * (n % 2))
        for n in range(50)
    ]
    got = load(*records, by="chat", batch_size=7)
    assert len(got.batches) == 8
    assert len(got.events) == sum(n % 3 for n in range(50))
    for one in got.batches:
        keys = np.array(one.interactions["id"].to_pylist())
        for children, rows in (
            (one.layer_events, one.event_rows),
            (one.outcomes, one.outcome_rows),
        ):
            assert list(keys[rows]) == children["interaction_id"].to_pylist()
        INTERACTIONS.validate(one.interactions)
        LAYER_EVENTS.validate(one.layer_events)
        OUTCOMES.validate(one.outcomes)
        LABELS.validate(one.labels)
    keys = [row["id"] for row in got.events + got.outcomes]
    assert len(set(keys)) == len(keys)


def test_long_texts_end_a_batch_early(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "BATCH_BYTES", 10_000)
    got = load(*[record("x" * 3_000) for _ in range(9)], by="chat", batch_size=1_000)
    assert [len(one.interactions) for one in got.batches] == [2, 2, 2, 2, 1]


def test_only_bad_records(load: Load) -> None:
    got = load(record("a", propensity=2), record("b", propensity=2), by="chat")
    assert not got.interactions
    assert [bad.line for bad in got.bad] == [1, 2]
    assert {bad.file for bad in got.bad} == {got.bad[0].file}
    assert got.bad[0].file.endswith("log.jsonl")
