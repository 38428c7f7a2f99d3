"""Sentences of the report: shares in plain words, with the right grammar."""

from __future__ import annotations

import math

from trueup.stats import Estimate, Interval

__all__ = ["between", "of_every", "percent", "points", "points_between"]

_BASES = (100, 1_000, 10_000, 100_000)


def of_every(share: float, noun: str, verb: tuple[str, str] = ("is", "are")) -> str:
    """ "14 of every 100 legitimate requests are", with the base that gives a whole number."""
    if share <= 0:
        return f"none of the {noun} {verb[0]}"
    base = base_of(share)
    count = round(share * base)
    return f"{count:,} of every {base:,} {noun} {verb[0] if count == 1 else verb[1]}"


def base_of(share: float) -> int:
    """The smallest of 100, 1,000, … in which the share makes up at least about two."""
    for base in _BASES:
        if share * base >= 1.95 or share * base == 1.0:
            return base
    return _BASES[-1]


def between(found: Estimate | Interval, share: float | None = None) -> str:
    """ "12 to 17", in the base of the value."""
    base = base_of(found.value if share is None else share)
    return f"{_count(found.low * base)} to {_count(found.high * base)}"


def _count(value: float) -> str:
    return f"{round(value):,}"


def percent(share: float) -> str:
    """ "3.1 %", "< 0.1 %", or "unknown"."""
    if math.isnan(share):
        return "unknown"
    if 0 < share < 0.0005:
        return "< 0.1 %"
    return f"{100 * share:.1f} %"


def points(share: float) -> str:
    """Percentage points without the unit."""
    return f"{100 * share:.1f}"


def points_between(found: Estimate | Interval) -> str:
    """ "3.1 points (2.2 to 4.0)"."""
    word = "point" if points(found.value) == "1.0" else "points"
    return f"{points(found.value)} {word} ({points(found.low)} to {points(found.high)})"
