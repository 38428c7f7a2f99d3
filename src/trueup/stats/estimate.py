"""The result types that every other area reads: an interval, and an estimate with its story."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

__all__ = ["Estimate", "Interval"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its confidence limits.

    Attributes
    ----------
    value
        Point estimate; NaN when there is nothing to estimate it from.
    low, high
        Limits, `low <= value <= high` whenever the value is known.
    level
        Confidence level in (0, 1).
    n
        Number of rows that the interval rests on.
    """

    value: float
    low: float
    high: float
    level: float
    n: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number of a report, with how it was obtained.

    Attributes
    ----------
    name
        What was estimated.
    value
        Point estimate; NaN means unknown, never 0.
    low, high
        Confidence limits at `level`.
    level
        Confidence level in (0, 1).
    n
        Rows in the population that the number is about.
    n_labeled
        How many of them a human (or another trusted source) labelled.
    method
        A short phrase: what was done.
    assumptions
        Short plain sentences: what must hold for the interval to mean what it says.
    segment, layer
        Which part of the traffic and which layer; None means all.
    """

    name: str
    value: float
    low: float
    high: float
    level: float
    n: int
    n_labeled: int
    method: str
    assumptions: tuple[str, ...]
    segment: str | None = None
    layer: str | None = None

    @property
    def verified(self) -> bool:
        """Whether any trusted label stands behind the number."""
        return self.n_labeled > 0

    def to_dict(self) -> dict[str, object]:
        """Return the fields in declared order, ready for JSON: NaN and infinities become None."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def _plain(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, tuple):
        return list(value)
    return value
