"""The label queue in a workspace: who is asked what, and with what probability."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trueup.cli._rows import write_rows
from trueup.errors import UserError
from trueup.judge.design import BLOCKED, Design
from trueup.judge.labels import export_labels, import_labels
from trueup.judge.order import count_strata, permanent_number
from trueup.judge.queue import (
    QUESTIONS,
    Item,
    Queue,
    Recorder,
    advance,
    draw,
    queue_rows,
    resume,
)
from trueup.judge.session import Session
from trueup.schema import ANNOTATIONS, INTERACTIONS, LABELS, LAYER_EVENTS
from trueup.store import Workspace

GOOD = {"legitimate": "yes", "compliance": "full"}


def add_log(ws: Workspace, rows: int, *, source: str = "a.jsonl", start: int = 0) -> None:
    """Made-up interactions: one in eight refused, one in ten blocked, three segments."""
    ids = [f"i{number}" for number in range(start, start + rows)]
    rng = np.random.default_rng(start)
    risk = rng.beta(0.1, 0.8, rows)
    ws.append(
        "interactions",
        INTERACTIONS.from_rows(
            {
                "id": key,
                "content_hash": "x",
                "prompt": f"prompt {key}",
                "response": f"=response {key}",
                "source": source,
                "segments": {"domain": ("code", "code", "legal", "med")[n % 4], "n": str(n)},
            }
            for n, key in enumerate(ids)
        ),
    )
    ws.append(
        "annotations",
        ANNOTATIONS.from_rows(
            {
                "interaction_id": key,
                "compliance": "refusal" if p > 0.5 else "full",
                "p_refusal": p,
                "p_partial": 0.0,
                "p_full": 1 - p,
                "basis": "text",
                "annotator_version": "1",
            }
            for key, p in zip(ids, risk.tolist(), strict=True)
        ),
    )
    ws.append(
        "layer_events",
        LAYER_EVENTS.from_rows(
            {
                "id": f"e{key}",
                "interaction_id": key,
                "layer": "topic",
                "fired": True,
                "action": "block",
            }
            for n, key in enumerate(ids)
            if n % 10 == 0
        ),
    )


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with Workspace.scratch() as workspace:
        add_log(workspace, 300)
        yield workspace


@pytest.fixture
def small() -> Iterator[Workspace]:
    with Workspace.scratch() as workspace:
        add_log(workspace, 30)
        yield workspace


def label_all(ws: Workspace, queue: Queue, *, stop: int | None = None, **answers: str) -> None:
    recorder = Recorder(ws, queue, guideline="g1")
    for item in queue.items[:stop]:
        for question in item.asked:
            recorder.answer(item, question, {**GOOD, **answers}[question])


def stored(ws: Workspace) -> dict[tuple[str, str, str | None], dict[str, Any]]:
    rows = ws.table("labels").to_pyarrow().to_pylist()
    return {(row["target_id"], row["question"], row["rater"]): row for row in rows}


def design_of(ws: Workspace) -> Design:
    text = ws.setting("label_design")
    assert text
    return Design.loads(text)


def assert_probabilities(ws: Workspace, items: list[Item], after: float) -> None:
    rows = stored(ws)
    for item in items:
        for question in QUESTIONS:
            found = rows[item.id, question, "ann"]["probability"]
            assert found == pytest.approx(min(1.0, after * item.size)), item


def test_places_are_permanent_numbers_over_sizes(ws: Workspace) -> None:
    """MD5 from hashlib, not from the engine."""
    queue = draw(ws, 300, rater="ann", seed=5)
    assert len(queue.items) == 300
    for item in queue.items:
        digest = hashlib.md5(f"5:{item.id}".encode()).hexdigest()
        assert item.place == pytest.approx(permanent_number(digest) / item.size)
    assert [item.place for item in queue.items] == sorted(item.place for item in queue.items)
    assert math.isinf(queue.after)


def test_a_short_queue_begins_a_long_one(ws: Workspace) -> None:
    """The filtered scan finds the first rows and no others."""
    whole = draw(ws, 300, rater="ann").items
    for n in (1, 7, 60):
        queue = draw(ws, n, rater="ann")
        assert queue.items == whole[:n]
        assert queue.after == whole[n].place
        assert queue.population == 300


def test_the_numbers_are_uniform() -> None:
    numbers = [permanent_number(hashlib.md5(f"0:{n}".encode()).hexdigest()) for n in range(4000)]
    assert all(0 < number < 1 for number in numbers)
    counts = np.histogram(numbers, 20, (0, 1))[0]
    assert ((counts - 200) ** 2 / 200).sum() < 43.8  # χ², 19 degrees of freedom, p = 0.001


def test_refusals_and_blocks_come_early(ws: Workspace) -> None:
    items = {item.id: item for item in draw(ws, 300, rater="ann").items}
    strata = count_strata(ws, design_of(ws))
    assert {stratum.segment for stratum in strata} == {"code", "legal", "med"}
    assert sum(stratum.n for stratum in strata if stratum.layers == BLOCKED) == 30
    blocked = [item.size for key, item in items.items() if int(key[1:]) % 10 == 0]
    others = [item.size for key, item in items.items() if int(key[1:]) % 10]
    assert np.mean(blocked) > 1.5 * np.mean(others)


def test_probabilities_are_those_of_the_whole_sample_so_far(ws: Workspace) -> None:
    first = draw(ws, 20, rater="ann")
    assert first.probability(first.items[0]) == min(1, first.after * first.items[0].size)
    label_all(ws, first)
    assert_probabilities(ws, list(first.items), first.after)
    second = draw(ws, 30, rater="ann")
    assert not {item.id for item in first.items} & {item.id for item in second.items}
    label_all(ws, second, stop=10)
    assert_probabilities(ws, [*first.items, *second.items[:10]], second.items[10].place)


def test_every_moment_leaves_a_valid_sample(ws: Workspace) -> None:
    queue = draw(ws, 5, rater="ann")
    recorder = Recorder(ws, queue)
    ends = [item.place for item in queue.items[1:]] + [queue.after]
    for number, (item, end) in enumerate(zip(queue.items, ends, strict=True), start=1):
        recorder.answer(item, "legitimate", "no")
        recorder.answer(item, "compliance", "partial")
        assert design_of(ws).frontier == end
        assert_probabilities(ws, list(queue.items[:number]), end)
    assert {row["guideline_version"] for row in stored(ws).values()} == {None}


def test_all_labelled_means_certainty(small: Workspace) -> None:
    label_all(small, draw(small, 30, rater="ann"))
    assert {row["probability"] for row in stored(small).values()} == {1.0}
    assert not draw(small, 10, rater="ann").items


def test_skipped_rows_count_as_unanswered_and_come_first_next_time(ws: Workspace) -> None:
    queue = draw(ws, 40, rater="ann")
    recorder = Recorder(ws, queue)
    for number, item in enumerate(queue.items):
        if number % 4 == 3:
            recorder.skip(item)
        else:
            for question in QUESTIONS:
                recorder.answer(item, question, GOOD[question])
    found = [row["probability"] for row in stored(ws).values()]
    full = [min(1, queue.after * item.size) for n, item in enumerate(queue.items) if n % 4 != 3]
    assert 1 / np.mean(1 / np.array(found)) == pytest.approx(
        0.75 / np.mean(1 / np.array(full)), rel=0.1
    )
    again = draw(ws, 20, rater="ann")
    assert again.holes == 10
    assert [item.id for item in again.items[:10]] == [item.id for item in queue.items[3::4]]
    label_all(ws, again)
    assert_probabilities(ws, [*queue.items, *again.items[10:]], again.after)


def test_half_an_answer_is_asked_for_the_other_half(ws: Workspace) -> None:
    queue = draw(ws, 2, rater="ann")
    Recorder(ws, queue).answer(queue.items[0], "legitimate", "yes")
    again = draw(ws, 2, rater="ann")
    assert [item.id for item in again.items] == [item.id for item in queue.items]
    assert [item.asked for item in again.items] == [("compliance",), QUESTIONS]


def test_an_answer_can_be_changed(ws: Workspace) -> None:
    queue = draw(ws, 2, rater="ann")
    recorder = Recorder(ws, queue)
    recorder.answer(queue.items[0], "legitimate", "yes")
    recorder.answer(queue.items[0], "legitimate", "no")
    assert recorder.value(queue.items[0], "legitimate") == "no"
    assert [row["value"] for row in stored(ws).values()] == ["no"]
    with pytest.raises(ValueError, match="value must answer"):
        recorder.answer(queue.items[0], "legitimate", "full")


def test_a_second_rater_repeats_some_and_adds_the_rest(ws: Workspace) -> None:
    first = draw(ws, 30, rater="ann")
    label_all(ws, first)
    queue = draw(ws, 20, rater="bob", overlap=0.25)
    seconds = [item for item in queue.items if item.second]
    fresh = [item for item in queue.items if not item.second]
    assert len(seconds) == 5
    assert {item.id for item in seconds} <= {item.id for item in first.items}
    assert fresh[0].place == first.after
    positions = [n for n, item in enumerate(queue.items) if item.second]
    assert positions == [3, 7, 11, 15, 19]
    label_all(ws, queue)
    rows = stored(ws)
    for item in (*first.items, *fresh):
        rater = "bob" if item in fresh else "ann"
        found = rows[item.id, "legitimate", rater]["probability"]
        assert found == pytest.approx(min(1, queue.after * item.size))
    for item in seconds:
        both = {rows[item.id, "legitimate", rater]["probability"] for rater in ("ann", "bob")}
        assert len(both) == 1


def test_a_second_rater_can_repeat_all_when_nothing_is_new(small: Workspace) -> None:
    label_all(small, draw(small, 30, rater="ann"))
    queue = draw(small, 50, rater="bob")
    assert len(queue.items) == 30
    assert all(item.second for item in queue.items)


def test_labels_chosen_by_hand_join_when_the_queue_passes_them(ws: Workspace) -> None:
    order = draw(ws, 300, rater="ann").items
    chosen = [order[3], order[200]]
    rows = [
        {
            "id": f"{item.id}{question}",
            "target_id": item.id,
            "question": question,
            "value": GOOD[question],
            "source": "human",
            "rater": "ann",
        }
        for item in chosen
        for question in QUESTIONS
    ]
    ws.append("labels", LABELS.from_rows(rows))
    queue = draw(ws, 10, rater="ann")
    assert [item.id for item in queue.items] == [i.id for n, i in enumerate(order[:11]) if n != 3]
    label_all(ws, queue)
    found = {row["target_id"]: row["probability"] for row in stored(ws).values()}
    assert found[order[3].id] == pytest.approx(min(1, order[11].place * order[3].size))
    assert found[order[200].id] is None


def test_after_the_log_has_grown_the_new_rows_below_come_first(ws: Workspace) -> None:
    label_all(ws, draw(ws, 25, rater="ann"))
    before = design_of(ws)
    add_log(ws, 300, source="b.jsonl", start=300)
    queue = draw(ws, 60, rater="ann")
    assert 10 < queue.holes < 50
    assert all(int(item.id[1:]) >= 300 for item in queue.items[: queue.holes])
    label_all(ws, queue, stop=queue.holes)
    rows = {row["target_id"]: row["probability"] for row in stored(ws).values()}
    assert len(rows) == 25 + queue.holes
    items = {item.id: item for item in draw(ws, 600, rater="zoe").items}
    frontier = design_of(ws).frontier
    assert frontier >= before.frontier
    for key, probability in rows.items():
        assert probability == pytest.approx(min(1, frontier * items[key].size))


def test_a_small_log_labelled_whole_that_then_grows_manyfold(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sample's reach is cut to what can be read back; old labels keep their certainty."""
    monkeypatch.setattr("trueup.judge.queue._SPARE", 0)
    with Workspace.scratch() as grown:
        add_log(grown, 3)
        label_all(grown, draw(grown, 3, rater="ann"))
        assert math.isinf(design_of(grown).frontier)
        add_log(grown, 1200, source="b.jsonl", start=3)
        queue = draw(grown, 2, rater="ann")
        assert len(queue.sample.rows) < 700
        label_all(grown, queue)
        rows = stored(grown)
        assert len(rows) == 10
        assert all(0 < row["probability"] <= 1 for row in rows.values())
        assert all(rows[item.id, "legitimate", "ann"]["probability"] < 0.5 for item in queue.items)


def test_a_queue_comes_back_from_another_tool(ws: Workspace, tmp_path: Path) -> None:
    queue = draw(ws, 30, rater="ann")
    rows = queue_rows(ws, queue)
    path = tmp_path / "todo.csv"
    write_rows(rows.to_batches(), rows.schema, path)
    assert rows.column("draw_size").to_pylist() == [30] * 30
    assert "topic: block" in rows.column("layers").to_pylist()
    filled = rows.to_pylist()
    for row in filled:
        row.update(legitimate="yes", compliance="full")
    whole = rows.schema.empty_table().from_pylist(filled, schema=rows.schema)
    write_rows(whole.to_batches(), whole.schema, path)
    done = import_labels(ws, [path])
    assert (done.added, done.bad) == (60, ())
    assert_probabilities(ws, list(queue.items), queue.after)
    before = export_labels(ws)
    assert import_labels(ws, [path]).unchanged == 60
    assert export_labels(ws).equals(before)
    following = draw(ws, 5, rater="ann")
    assert following.items[0].place == queue.after
    assert following.holes == 0


def test_a_queue_that_comes_back_half_done_is_a_shorter_queue(
    ws: Workspace, tmp_path: Path
) -> None:
    queue = draw(ws, 30, rater="ann")
    rows = queue_rows(ws, queue)
    filled = rows.to_pylist()
    for row in filled[:12]:
        row.update(legitimate="yes", compliance="full")
    half = rows.schema.empty_table().from_pylist(filled, schema=rows.schema)
    path = tmp_path / "todo.jsonl"
    write_rows(half.to_batches(), half.schema, path)
    done = import_labels(ws, [path])
    assert (done.added, done.blank) == (24, 36)
    assert_probabilities(ws, list(queue.items[:12]), queue.items[12].place)


def test_a_half_done_queue_without_its_workspace_is_scaled(ws: Workspace, tmp_path: Path) -> None:
    from trueup.judge.labels import read_labels

    rows = queue_rows(ws, draw(ws, 20, rater="ann"))
    filled = rows.to_pylist()
    for row in filled[:5]:
        row.update(legitimate="yes")
    half = rows.schema.empty_table().from_pylist(filled, schema=rows.schema)
    path = tmp_path / "todo.csv"
    write_rows(half.to_batches(), half.schema, path)
    read = read_labels([path])
    expected = {row["id"]: row["probability"] * 0.25 for row in filled[:5]}
    got = dict(
        zip(
            read.labels.column("target_id").to_pylist(),
            read.labels.column("probability").to_pylist(),
            strict=True,
        )
    )
    assert got == pytest.approx(expected)


def test_a_sample_is_taken_up_from_its_labels(ws: Workspace) -> None:
    """As `trueup label LOG -o labels.jsonl` does, whose workspace is made anew each time."""
    queue = draw(ws, 25, rater="ann")
    label_all(ws, queue)
    labels = ws.table("labels").to_pyarrow()
    with Workspace.scratch() as anew:
        add_log(anew, 300)
        anew.append("labels", labels)
        resume(anew)
        following = draw(anew, 5, rater="ann")
        assert following.items == draw(ws, 5, rater="ann").items
        label_all(anew, following)
        assert_probabilities(anew, [*queue.items, *following.items], following.after)


def test_one_seed_and_one_segment_per_workspace(ws: Workspace) -> None:
    draw(ws, 5, rater="ann", seed=3, per="domain")
    assert draw(ws, 5, rater="ann", seed=3, per="domain").items == draw(ws, 5, rater="b").items
    with pytest.raises(UserError, match="seed must be 3"):
        draw(ws, 5, rater="ann", seed=4)
    with pytest.raises(UserError, match="per must be 'domain'"):
        draw(ws, 5, rater="ann", per="n")


def test_arguments_are_checked(ws: Workspace) -> None:
    with pytest.raises(UserError, match="n must be at least 1"):
        draw(ws, 0, rater="ann")
    with pytest.raises(UserError, match="overlap must be in"):
        draw(ws, 1, rater="ann", overlap=1.5)
    with pytest.raises(UserError, match="per must be a segment"):
        draw(ws, 1, rater="ann", per="nothing")
    with Workspace.scratch() as empty, pytest.raises(UserError, match="no interactions"):
        draw(empty, 1, rater="ann")


def test_judging_before_the_first_label_is_not_too_late() -> None:
    with Workspace.scratch() as ws, Workspace.scratch() as judged_first:
        add_log(ws, 40)
        annotations = ws.table("annotations").to_pyarrow()
        ws.clear("annotations")
        unjudged = draw(ws, 5, rater="ann")
        ws.append("annotations", annotations)
        add_log(judged_first, 40)
        assert draw(ws, 5, rater="ann").items == draw(judged_first, 5, rater="ann").items
        assert draw(ws, 5, rater="ann").items != unjudged.items


def test_without_annotations_all_chances_are_equal() -> None:
    with Workspace.scratch() as ws:
        ws.append(
            "interactions",
            INTERACTIONS.from_rows({"id": str(n), "content_hash": "x"} for n in range(40)),
        )
        queue = draw(ws, 10, rater="ann")
        assert len({item.size for item in queue.items}) == 1
        label_all(ws, queue)
        assert len({row["probability"] for row in stored(ws).values()}) == 1
        advance(ws, ["not there"])


# A sitting


def test_a_sitting_steps_back_and_on(ws: Workspace) -> None:
    session = Session(*_opened(ws, 3))
    assert not session.back()
    session.answer("yes")
    assert (session.position, session.question) == (1, "compliance")
    assert session.back()
    assert session.value == "yes"
    session.answer("no")
    session.answer("refusal")
    session.skip()
    assert (session.position, session.skipped, session.answers) == (3, 1, 2)
    session.answer("yes")
    session.answer("full")
    assert session.done
    assert {row["value"] for row in stored(ws).values()} == {"no", "refusal", "yes", "full"}


def test_skipping_what_has_been_answered_keeps_the_answers(ws: Workspace) -> None:
    session = Session(*_opened(ws, 2))
    session.answer("yes")
    session.answer("full")
    session.back()
    session.skip()
    assert session.skipped == 0
    assert ws.count("labels") == 2


def test_the_interval_narrows_as_labels_come(ws: Workspace) -> None:
    queue, recorder = _opened(ws, 30)
    session = Session(queue, recorder)
    assert (session.interval().low, session.interval().high) == (0.0, 1.0)
    widths = []
    while not session.done:
        session.answer(GOOD[session.question])
        found = session.interval()
        widths.append(found.high - found.low)
    assert widths[-1] < 0.5
    assert session.interval().value == 0.0
    assert session.interval().high > 0.0


def _opened(ws: Workspace, n: int) -> tuple[Queue, Recorder]:
    queue = draw(ws, n, rater="ann")
    return queue, Recorder(ws, queue)
