"""Two versions paired by prompt: the identity that every estimate of the comparison shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.compare.answers import Answers, is_known, is_refused
from trueup.compare.prompts import (
    cluster_codes,
    legitimacy,
    mean_per_prompt,
    prompt_codes,
    share,
)

__all__ = ["Pairs", "Samples", "newly_refused", "paired", "refused_most"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Samples:
    """One version's answers per prompt, all of shape (K,).

    known, refused: samples with a verdict, and those that refused. labelled: samples that a person
    labelled; label_refused: those of them that refused. read, read_refused: the annotator's.
    first: row of the first sample with a verdict, else of the first one; −1: no such prompt there.
    """

    known: Floats
    refused: Floats
    read: Floats
    read_refused: Floats
    labelled: Floats
    label_refused: Floats
    first: Ints

    @property
    def share(self) -> Floats:
        """Share of the samples that refused; NaN without a verdict."""
        return share(self.refused, self.known)

    @property
    def read_share(self) -> Floats:
        return share(self.read_refused, self.read)

    @property
    def label_share(self) -> Floats:
        return share(self.label_refused, self.labelled)


@dataclass(frozen=True)
class Pairs:
    """Every prompt of two versions.

    key: shape (K,), in the order of the first version. legitimate: 1, 0 or −1, −1 also where the
    versions contradict each other, of which there are `contradicted`. cluster: codes. code_before,
    code_after: of each row of a version, the place of its prompt.
    """

    before: Answers
    after: Answers
    key: NDArray[np.object_]
    code_before: Ints
    code_after: Ints
    one: Samples
    two: Samples
    legitimate: NDArray[np.int8]
    contradicted: int
    cluster: Ints | None

    @property
    def both(self) -> NDArray[np.bool_]:
        """Prompts with a verdict on both sides."""
        return (self.one.known > 0) & (self.two.known > 0)

    @property
    def difference(self) -> Floats:
        """Share refused after, minus before; NaN where a side has no verdict."""
        return self.two.share - self.one.share

    def mean(self, before: Floats | None, after: Floats | None) -> tuple[Floats, Floats]:
        """Means per prompt of a value that each row of a version has; NaN where it is not known."""
        size = len(self.key)
        unknown = np.full(size, np.nan)
        return (
            unknown if before is None else mean_per_prompt(self.code_before, before, size),
            unknown if after is None else mean_per_prompt(self.code_after, after, size),
        )

    def slice(self, column: str) -> NDArray[np.object_]:
        """The value of a slice column for each prompt, by its first row that has one."""
        out = np.full(len(self.key), None, dtype=object)
        for side, code in ((self.after, self.code_after), (self.before, self.code_before)):
            values = side.slices.get(column)
            if values is None:
                continue
            there = np.array([value is not None for value in values], dtype=bool)
            rows = np.flatnonzero(there)[::-1]  # so that the first row of a prompt is written last
            out[code[rows]] = values[rows]
        return out


def refused_most(share: Floats) -> NDArray[np.bool_]:
    """Whether at least half of a prompt's samples refused."""
    return np.asarray(share >= 0.5)


def newly_refused(before: Floats, after: Floats) -> NDArray[np.bool_]:
    """Whether each prompt, by its shares refused, was answered before and is refused after."""
    return np.asarray(refused_most(after) & (before < 0.5))


def paired(before: Answers, after: Answers) -> Pairs:
    """Pair two versions by prompt; a prompt that one side lacks stays, with no verdict there."""
    sides = (before, after)
    keys, codes = prompt_codes(sides)
    size = len(keys)
    legitimate, contradicted = legitimacy(sides, codes, size)
    return Pairs(
        before,
        after,
        keys,
        codes[0],
        codes[1],
        _samples(before, codes[0], size),
        _samples(after, codes[1], size),
        legitimate,
        contradicted,
        cluster_codes(sides, codes, size),
    )


def _samples(side: Answers, code: Ints, size: int) -> Samples:
    def count(rows: NDArray[np.bool_]) -> Floats:
        return np.bincount(code[rows], minlength=size).astype(np.float64)

    verdict, read = side.verdict, side.read
    known = is_known(verdict)
    label = np.full(len(side), -1, dtype=np.int8) if side.label is None else side.label
    first = np.full(size, -1, dtype=np.int64)
    for rows in (np.arange(len(side)), np.flatnonzero(known)):
        first[code[rows[::-1]]] = rows[::-1]
    return Samples(
        known=count(known),
        refused=count(is_refused(verdict)),
        read=count(is_known(read)),
        read_refused=count(is_refused(read)),
        labelled=count(is_known(label)),
        label_refused=count(is_refused(label)),
        first=first,
    )
