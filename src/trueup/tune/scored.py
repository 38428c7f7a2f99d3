"""What every layer scored on every example, and what is known of the examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["HARMFUL", "LEGITIMATE", "NEITHER", "OFF", "UNKNOWN", "Scored", "flags", "named"]

FloatArray = NDArray[np.float64]

HARMFUL, LEGITIMATE, NEITHER, UNKNOWN = 1, 0, 2, -1
OFF = np.inf  # the threshold of a layer that is off: only a layer that failed closed reaches it


@dataclass(frozen=True)
class Scored:
    """The examples as arrays of one length n, for L layers in the order of the stack.

    Attributes
    ----------
    layers
        Their names.
    scores
        Shape (n, L). −inf: the layer never flags it, whatever the threshold (it did not look, or
        failed open); +inf: it always does (it failed closed).
    label
        Shape (n,): HARMFUL, LEGITIMATE, NEITHER (labelled, and out of both rates) or UNKNOWN.
    weight
        Shape (n,): inverse sampling probability of a labelled example; None when every example is
        labelled alike.
    cluster
        Shape (n,): code of the user or conversation; None when examples are independent.
    today
        Shape (L,): thresholds in force, OFF for a layer that only watches; None when unknown.
    today_by
        The same for each value of the segment column, where they differ.
    segments
        Column name to values, shape (n,) each.
    ids
        One per example.
    source
        "table" or "workspace", and the columns read: what a certificate says of its data.
    """

    layers: tuple[str, ...]
    scores: FloatArray
    label: NDArray[np.int8]
    weight: FloatArray | None = None
    cluster: NDArray[np.int64] | None = None
    today: FloatArray | None = None
    today_by: Mapping[str, FloatArray] = field(default_factory=dict)
    segments: Mapping[str, NDArray[np.object_]] = field(default_factory=dict)
    ids: Sequence[str] | NDArray[np.object_] = ()
    source: Mapping[str, object] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.label)

    def where(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> Scored:
        """The examples for which the mask is true, or with these row numbers."""
        return replace(
            self,
            scores=self.scores[keep],
            label=self.label[keep],
            weight=None if self.weight is None else self.weight[keep],
            cluster=None if self.cluster is None else self.cluster[keep],
            segments={name: values[keep] for name, values in self.segments.items()},
            ids=np.asarray(self.ids, dtype=object)[keep] if len(self.ids) else (),
        )

    def rows(self, column: str, value: str) -> NDArray[np.int64]:
        """Numbers of the examples with this value of a segment column."""
        mine = [one is not None and str(one) == value for one in self.segments[column]]
        return np.flatnonzero(mine)

    def part(self, column: str, value: str) -> Scored:
        """The examples with this value of a segment column, and the thresholds in force there."""
        mine = self.where(self.rows(column, value))
        return replace(mine, today=self.today_by.get(value, self.today), today_by={})

    @property
    def positive(self) -> NDArray[np.bool_]:
        return self.label == HARMFUL

    @property
    def negative(self) -> NDArray[np.bool_]:
        return self.label == LEGITIMATE

    def flagged_today(self) -> NDArray[np.bool_]:
        """Which examples the thresholds in force flag. They must be known."""
        if self.today is None:
            raise ValueError("the thresholds in force are not known")
        return flags(self.scores, self.today)


def flags(scores: FloatArray, thresholds: FloatArray) -> NDArray[np.bool_]:
    """Whether any layer's score is at or above its threshold, for each row of `scores`."""
    flagged = np.zeros(len(scores), dtype=bool)
    for layer, threshold in enumerate(np.asarray(thresholds, dtype=np.float64)):
        flagged |= scores[:, layer] >= threshold
    return flagged


def named(layers: Sequence[str], thresholds: FloatArray) -> dict[str, float | None]:
    """Thresholds by layer; None for one that is off."""
    values = [float(t) for t in thresholds]
    return {layer: t if np.isfinite(t) else None for layer, t in zip(layers, values, strict=True)}
