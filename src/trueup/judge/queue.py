"""The label queue: which interactions to label next, and with what probability they were drawn.

`draw` takes the next rows of one permanent random order (see `trueup.judge.design`), in which an
informative row comes early *in proportion to* its informativeness and never with certainty. That is
how "most informative first" and valid inference go together: at every moment the next row is a
random one whose chance is known, so that one may stop anywhere.

`Recorder` stores answers. After each, the probabilities of all labels of the sample are brought up
to date: they are the total inclusion probabilities to date, min(1, f·s), with f the place of the
first row not yet offered. Stored labels are therefore always a valid sample, whatever ends the
session.

Rows offered but left unanswered (skipped, missing from a file that came back, or imported into the
log since) are holes in that sample. They are served first by the next `draw`. Until then their like
stand in for them: probabilities are multiplied by the share answered among the rows of the same
file and annotator verdict. That is exact without holes, and otherwise assumes that holes are
missing at random within such a class.

Labels chosen by hand (no probability) join the sample, and get a probability, once the queue has
passed their place; until then they are left as they are, as are labels of a design of one's own.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError
from trueup.judge.design import Design, Stratum, design_for, expected_below, frontier_for
from trueup.judge.label_values import label_id
from trueup.judge.order import arrays, count_strata, first_rows, places, usual_segment
from trueup.judge.sample import QUESTIONS, Item, Sample, next_items
from trueup.schema import ANSWERS, LABELS

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from trueup.store import Workspace

__all__ = [
    "QUESTIONS",
    "Item",
    "Queue",
    "Recorder",
    "advance",
    "draw",
    "has_design",
    "queue_rows",
    "resume",
]

DEFAULT_SEED = 0
_SETTING = "label_design"
_SPARE = 10_000  # rows below the frontier that are read at most, beside 50 per label


@dataclass(frozen=True)
class Queue:
    """What one rater is asked to label, in order.

    Attributes
    ----------
    rater
        Who answers.
    items
        In the order to be served.
    after
        Place of the first row beyond the queue; infinite when the queue holds all there is.
    population, labeled
        Interactions in the log, and those with a human answer to every question.
    holes
        Items of the queue that were offered before and left unanswered, or were imported since.
    sample
        The sample that the queue continues.
    """

    rater: str
    items: tuple[Item, ...]
    after: float
    population: int
    labeled: int
    holes: int
    sample: Sample

    def probability(self, item: Item) -> float:
        """Inclusion probability of an item once the whole queue has been answered."""
        return min(1.0, max(self.sample.design.frontier, self.after) * item.size)


def draw(
    ws: Workspace,
    n: int,
    *,
    rater: str,
    seed: int | None = None,
    per: str | None = None,
    overlap: float = 0.2,
) -> Queue:
    """Draw the next interactions for a rater to label.

    Parameters
    ----------
    ws
        Workspace; annotations make the queue efficient but are not needed.
    n
        Length of the queue, at least 1. It is shorter when the log holds no more.
    rater
        Name of the rater; what this rater has answered is not asked again.
    seed
        Seed of the permanent random numbers, default 0. One per workspace: it is remembered, and
        another one later is an error.
    per
        Key of the log's segments by which to stratify, remembered likewise. None: the one that
        most interactions have.
    overlap
        Share of the queue, in [0, 1], taken from what other raters have labelled, when there is
        any, so that agreement can be measured. The rest is new to everybody.

    Raises
    ------
    UserError
        The workspace is empty, or an argument is out of range or not the one remembered.

    Notes
    -----
    In the engine: one GROUP BY over the log, and one scan filtered by the permanent random number
    that returns about as many rows as have been labelled and are to be. Recorded probabilities are
    exact for answers that come through `Recorder`, or through an exported queue, in one workspace;
    see the module for what holes do. Voided by choosing which items to answer by what is in them.
    """
    if n < 1:
        raise UserError(f"n must be at least 1, got {n}.", "For example: trueup label --n 50")
    if not 0.0 <= overlap <= 1.0:
        raise UserError(f"overlap must be in [0, 1], got {overlap!r}.", "For example: 0.2")
    design, counts = _design(ws, seed, per)
    labels = _human_labels(ws)
    design = _bounded(design, counts, len(labels) + n)
    wanted = expected_below(design.frontier, *arrays(counts, design)) + n
    sample = _read(ws, design, counts, labels, wanted, lambda found: _open(found) > n)
    items, after = next_items(sample, n, rater, overlap)
    return Queue(
        rater=rater,
        items=items,
        after=after,
        population=sum(stratum.n for stratum in counts),
        labeled=sample.labeled(),
        holes=sum(item.place < design.frontier and not item.second for item in items),
        sample=sample,
    )


class Recorder:
    """Stores a rater's answers to a queue, each with its probability, as they are given.

    Parameters
    ----------
    ws, queue
        As drawn; labels must not be added to the workspace by anything else meanwhile.
    guideline
        Version of the guideline that the rater follows.
    saved
        Called each time that something has been stored.
    """

    def __init__(
        self,
        ws: Workspace,
        queue: Queue,
        *,
        guideline: str | None = None,
        saved: Callable[[], None] | None = None,
    ) -> None:
        self._ws = ws
        self._saved = saved
        self._rater = queue.rater
        self._sample = queue.sample
        self._guideline = guideline
        fresh = [item for item in queue.items if not item.second]
        ends = [*(item.place for item in fresh[1:]), queue.after]
        self._end = {item.id: end for item, end in zip(fresh, ends, strict=False)}

    def answer(self, item: Item, question: str, value: str, *, at: datetime | None = None) -> None:
        """Store one answer, in place of an earlier one by this rater.

        When this returns the answer is on disk, and so are the probabilities that follow from it.
        """
        if value not in ANSWERS.get(question, ()):
            raise ValueError(
                f"value must answer {question!r} ({ANSWERS.get(question)}), got {value!r}"
            )
        key = label_id(item.id, question, "human", self._rater)
        before = self._sample.labels.get(key, {})
        self._sample.put(
            {
                "id": key,
                "target_id": item.id,
                "question": question,
                "value": value,
                "source": "human",
                "rater": self._rater,
                "guideline_version": self._guideline,
                "at": at or datetime.now(UTC),
                "probability": before.get("probability"),
            }
        )
        self._offered(item, {key})

    def skip(self, item: Item) -> None:
        """Pass over an item: it counts as unanswered and comes first next time."""
        self._offered(item, set())

    def value(self, item: Item, question: str) -> str | None:
        """This rater's stored answer."""
        label = self._sample.labels.get(label_id(item.id, question, "human", self._rater))
        return label["value"] if label else None

    def _offered(self, item: Item, changed: set[str]) -> None:
        moved = self._sample.offer(self._end.get(item.id, 0.0))
        _store(self._ws, self._sample, changed | self._sample.refresh(), moved)
        if self._saved:
            self._saved()


def has_design(ws: Workspace) -> bool:
    """Whether a queue was ever drawn in this workspace."""
    return _stored_design(ws) is not None


def advance(ws: Workspace, ids: Iterable[str]) -> None:
    """Take in answers to an exported queue: the sample now reaches as far as the last of `ids`.

    Does nothing when no queue was ever drawn in this workspace.
    """
    design = _stored_design(ws)
    found = places(ws, design, sorted(set(ids))) if design else []
    if design is None or not found:
        return
    last = max(found)
    counts = count_strata(ws, design)
    wanted = expected_below(max(last, design.frontier), *arrays(counts, design)) + 1
    sample = _read(
        ws, design, counts, _human_labels(ws), wanted, lambda s: _next(s, last) < math.inf
    )
    moved = sample.offer(_next(sample, last))
    _store(ws, sample, sample.refresh(), moved)


def resume(ws: Workspace) -> None:
    """Take up a sample from its labels alone, in a workspace that was made anew from the log."""
    drawn = {
        label["target_id"]
        for label in _human_labels(ws).values()
        if label["probability"] is not None
    }
    if drawn:
        _design(ws, None, None)
        advance(ws, drawn)


def queue_rows(ws: Workspace, queue: Queue) -> pa.Table:
    """A queue as a table for another labelling tool, in the order to be labelled.

    Columns: id, prompt, response, layers (name and action of each that fired), probability (once
    all are answered), draw_size (length of the queue), rater, and `legitimate` and `compliance`,
    blank.
    """
    import ibis
    import pyarrow as pa

    ids = [item.id for item in queue.items]
    batch = ibis.memtable(pa.table({"id": pa.array(ids, pa.string())}))
    texts = ws.table("interactions").select("id", "prompt", "response").semi_join(batch, "id")
    by_id = {row["id"]: row for row in texts.to_pyarrow().to_pylist()}
    fired = _fired_layers(ws, batch)
    blank = pa.array([""] * len(ids), pa.string())
    return pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "prompt": pa.array([by_id[key]["prompt"] for key in ids], pa.string()),
            "response": pa.array([by_id[key]["response"] for key in ids], pa.string()),
            "layers": pa.array([", ".join(fired[key]) for key in ids], pa.string()),
            "probability": pa.array(map(queue.probability, queue.items), pa.float64()),
            "draw_size": pa.array([len(ids)] * len(ids), pa.int64()),
            "rater": pa.array([queue.rater] * len(ids), pa.string()),
            "legitimate": blank,
            "compliance": blank,
        }
    )


def _fired_layers(ws: Workspace, batch: ir.Table) -> dict[str, list[str]]:
    events = ws.table("layer_events")
    events = events.filter(events.fired).semi_join(batch, events.interaction_id == batch.id)
    found: dict[str, list[str]] = defaultdict(list)
    for row in events.order_by("position", "layer").to_pyarrow().to_pylist():
        found[row["interaction_id"]].append(f"{row['layer']}: {row['action']}")
    return found


# The sample: read and stored


def _read(
    ws: Workspace,
    design: Design,
    counts: Sequence[Stratum],
    labels: dict[str, dict[str, Any]],
    wanted: float,
    enough: Callable[[Sample], bool],
) -> Sample:
    """The beginning of the order, `wanted` rows or as many more as it takes."""
    while True:
        rows, complete = first_rows(ws, design, counts, wanted)
        sample = Sample(design, rows, labels, complete)
        if complete or enough(sample):
            return sample
        wanted = 2 * wanted + 10


def _open(sample: Sample) -> int:
    return sum(not sample.settled(row.id) for row in sample.rows)


def _next(sample: Sample, last: float) -> float:
    """Place of the first row after `last` that nobody has labelled; infinite when there is none."""
    beyond = (row.place for row in sample.rows if row.place > last and not sample.settled(row.id))
    return next(beyond, math.inf)


def _human_labels(ws: Workspace) -> dict[str, dict[str, Any]]:
    table = ws.table(LABELS.name)
    rows = table.filter(table.source == "human").to_pyarrow().to_pylist()
    return {row["id"]: row for row in rows}


def _store(ws: Workspace, sample: Sample, changed: Collection[str], moved: bool) -> None:
    if changed:
        rows = LABELS.from_rows(sample.labels[key] for key in sorted(changed))
        ws.upsert(LABELS.name, rows)
    if moved:
        ws.set_setting(_SETTING, sample.design.dumps())


# The design


def _design(ws: Workspace, seed: int | None, per: str | None) -> tuple[Design, list[Stratum]]:
    """The design that the workspace holds, else a new one, which it then holds; and the strata."""
    design = _stored_design(ws)
    if design is None:
        segment = usual_segment(ws) if per is None else per
        return _new_design(ws, DEFAULT_SEED if seed is None else seed, segment, per)
    for name, given, kept in (("seed", seed, design.seed), ("per", per, design.segment)):
        if given is not None and given != kept:
            raise UserError(
                f"{name} must be {kept!r}, as when labelling began here, got {given!r}.",
                f"Leave out {name}: the probabilities of earlier labels rest on it.",
            )
    if not design.frontier:  # nothing rests on it yet, and the log may have been judged since
        return _new_design(ws, design.seed, design.segment or usual_segment(ws), per)
    return design, count_strata(ws, design)


def _new_design(
    ws: Workspace, seed: int, segment: str | None, per: str | None
) -> tuple[Design, list[Stratum]]:
    counts = count_strata(ws, Design(seed, 0.1, 1.0, 0.0, segment))
    if not counts:
        raise UserError(
            "The workspace holds no interactions.", "Import a log: trueup import LOGFILE"
        )
    if per is not None and not any(stratum.segment for stratum in counts):
        raise UserError(
            f"per must be a segment of the log, got {per!r}.", "List some with: trueup ls"
        )
    design = design_for(counts, seed=seed, segment=segment)
    ws.set_setting(_SETTING, design.dumps())
    return design, counts


def _stored_design(ws: Workspace) -> Design | None:
    text = ws.setting(_SETTING)
    return Design.loads(text) if text else None


def _bounded(design: Design, counts: Sequence[Stratum], labels: int) -> Design:
    """Keep the sample's reach within what can be read back, after a log has grown manyfold."""
    n, size = arrays(counts, design)
    most = _SPARE + 50 * labels
    if expected_below(design.frontier, n, size) <= most:
        return design
    return replace(design, frontier=frontier_for(most, n, size))
