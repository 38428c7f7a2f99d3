"""The sample drawn so far: the rows of the order, the human labels, and what follows for each.

No engine in here: `trueup.judge.queue` reads the rows and labels, and writes what changes.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from trueup.judge.design import Design
from trueup.judge.order import Row
from trueup.schema import ANSWERS

__all__ = ["QUESTIONS", "Item", "Sample", "next_items"]

QUESTIONS = tuple(ANSWERS)
_LEAST_ANSWERED = 5  # in a class with holes, to stand for itself

Label = dict[str, Any]  # a row of `trueup.schema.LABELS`


@dataclass(frozen=True, slots=True)
class Item:
    """One interaction in the queue.

    Attributes
    ----------
    id
        The interaction.
    place
        u / size: its place in the permanent order.
    size
        Its chance is min(1, frontier · size).
    asked
        The questions that this rater has not answered.
    second
        True when other raters have answered all: asked again to learn how far raters agree.
    """

    id: str
    place: float
    size: float
    asked: tuple[str, ...]
    second: bool


class Sample:
    """The beginning of the order, with the human labels known so far.

    Parameters
    ----------
    design
        Its frontier says how far the rows have been offered.
    rows
        In the order of their places, from the first.
    labels
        All human labels, by label id.
    complete
        Whether `rows` are all there are.
    """

    def __init__(
        self, design: Design, rows: Sequence[Row], labels: Mapping[str, Label], complete: bool
    ) -> None:
        self.design = design
        self.rows = rows
        self.complete = complete
        self.labels = dict(labels)
        self._raters: dict[str, dict[str, set[str | None]]] = {
            question: defaultdict(set) for question in QUESTIONS
        }
        for label in self.labels.values():
            self._raters[label["question"]][label["target_id"]].add(label["rater"])

    def settled(self, key: str) -> bool:
        """Whether every question about an interaction has a human answer."""
        return all(key in raters for raters in self._raters.values())

    def missing(self, key: str, rater: str) -> tuple[str, ...]:
        """The questions about an interaction that a rater has not answered."""
        return tuple(q for q in QUESTIONS if rater not in self._raters[q].get(key, ()))

    def labeled(self) -> int:
        """Interactions with a human answer to every question."""
        first, *others = self._raters.values()
        return sum(all(key in other for other in others) for key in first)

    def put(self, label: Label) -> None:
        """Add or replace a label."""
        self.labels[label["id"]] = label
        self._raters[label["question"]][label["target_id"]].add(label["rater"])

    def offer(self, frontier: float) -> bool:
        """Extend the sample up to a frontier; False when it reached as far before."""
        if frontier <= self.design.frontier:
            return False
        self.design = replace(self.design, frontier=frontier)
        return True

    def refresh(self) -> set[str]:
        """Bring the probabilities up to date; return the ids of the labels that changed."""
        changed = set()
        for key, probability in self._probabilities():
            before = self.labels[key]["probability"]
            if before is None or abs(before - probability) > 1e-12 * probability:
                self.labels[key] = {**self.labels[key], "probability": probability}
                changed.add(key)
        return changed

    def _probabilities(self) -> Iterator[tuple[str, float]]:
        """Label id and inclusion probability of every label below the frontier."""
        frontier = self.design.frontier
        below = [row for row in self.rows if row.place < frontier]
        rows = {row.id: row for row in below}
        shares = {question: self._shares(below, question) for question in QUESTIONS}
        for key, label in self.labels.items():
            row = rows.get(label["target_id"])
            if row is not None:
                chance = 1.0 if math.isinf(frontier) else min(1.0, frontier * row.size)
                yield key, chance * shares[label["question"]][row.group]

    def _shares(self, below: Sequence[Row], question: str) -> dict[tuple[str, bool], float]:
        """Share answered in each class; a class with holes and few answers joins the largest."""
        offered: dict[tuple[str, bool], int] = defaultdict(int)
        given: dict[tuple[str, bool], int] = defaultdict(int)
        for row in below:
            offered[row.group] += 1
            given[row.group] += row.id in self._raters[question]
        if not offered:
            return {}
        largest = max(offered, key=lambda group: (given[group], offered[group], group))
        joined = {g for g in offered if given[g] < min(offered[g], _LEAST_ANSWERED)}
        joined.add(largest)
        pooled = sum(given[g] for g in joined) / sum(offered[g] for g in joined)
        return {g: pooled if g in joined else given[g] / offered[g] for g in offered}


def next_items(
    sample: Sample, n: int, rater: str, overlap: float
) -> tuple[tuple[Item, ...], float]:
    """The next items for a rater, and the place of the first row beyond them.

    Arguments as in `trueup.judge.queue.draw`. Second opinions are spread evenly over the queue; the
    others keep the order of their places.
    """
    fresh = [row for row in sample.rows if not sample.settled(row.id)]
    settled = [row for row in sample.rows if sample.settled(row.id)]
    again = [row for row in settled if sample.missing(row.id, rater)]
    again.sort(key=lambda row: _second_number(row.id))
    seconds = min(len(again), max(round(overlap * n), n - len(fresh)))
    served = fresh[: n - seconds]
    after = fresh[len(served)].place if len(fresh) > len(served) else math.inf
    both = _interleaved(served, again[:seconds])
    items = (
        Item(row.id, row.place, row.size, sample.missing(row.id, rater) or QUESTIONS, second)
        for row, second in both
    )
    return tuple(items), after


def _second_number(key: str) -> bytes:
    """Puts what is asked a second time in an order that has nothing to do with the first."""
    return hashlib.blake2b(b"second:" + key.encode(), digest_size=8).digest()


def _interleaved(fresh: list[Row], again: list[Row]) -> Iterator[tuple[Row, bool]]:
    total = len(fresh) + len(again)
    taken = 0
    for position in range(total):
        if (position + 1) * len(again) // total > taken:
            yield again[taken], True
            taken += 1
        else:
            yield fresh[position - taken], False
