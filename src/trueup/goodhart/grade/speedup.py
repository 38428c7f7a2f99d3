"""How much faster, from paired times: the median of the paired log ratios, with an exact interval.

The interval is that of the sign test: two order statistics of the log ratios, so placed that they
enclose the median with at least the level, whatever the distribution of the times. It needs no
symmetry and no common spread, and it is valid at every number of pairs; where there are too few
there is none, and the limits are unknown.

One disturbed repetition among few hides any speedup, so where the first repetitions leave it open
there are twice and then four times as many. Each of the three looks has its share of the error
(Bonferroni), so the interval that is reported keeps its level although there was a choice to stop.

Voided by pairs that depend on each other (a machine that slows down for one side and not for the
other) and by grading again until it passes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["LEVEL", "LOOKS", "Speedup", "is_clear", "look", "measure", "pairs_needed"]

LEVEL = 0.95
LOOKS = (1, 2, 4)  # times the repetitions of the task
_LOOK_LEVEL = 1 - (1 - LEVEL) / len(LOOKS)


@dataclass(frozen=True, slots=True)
class Speedup:
    """ratio: the median of reference time over submission time, above 1 when the submission is
    faster. low, high: None when there are too few pairs for an interval. n: pairs."""

    ratio: float
    low: float | None
    high: float | None
    n: int


def measure(
    reference: Sequence[float], submission: Sequence[float], level: float = LEVEL
) -> Speedup:
    """Parameters
    ----------
    reference, submission
        Seconds, above 0, of the same inputs in the same order.
    level
        Of the two-sided interval; its lower limit alone errs with at most (1 - level) / 2.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be in the open interval (0, 1), got {level}")
    if len(reference) != len(submission) or not reference:
        raise ValueError("reference and submission must be of the same length, at least 1")
    if min(*reference, *submission) <= 0:
        raise ValueError("times must be above 0")
    ratios = sorted(math.log(one / other) for one, other in zip(reference, submission, strict=True))
    n, place = len(ratios), _place(len(ratios), level)
    low = math.exp(ratios[place]) if place is not None else None
    high = math.exp(ratios[n - 1 - place]) if place is not None else None
    return Speedup(math.exp(median(ratios)), low, high, n)


def look(reference: Sequence[float], submission: Sequence[float]) -> Speedup:
    """`measure` at one of the looks: all of them together err with at most 1 - LEVEL."""
    return measure(reference, submission, _LOOK_LEVEL)


def is_clear(found: Speedup, at_least: float) -> bool:
    """Whether the interval lies on one side of the speedup that is asked for."""
    if found.low is None or found.high is None:
        return False
    return found.low >= at_least or found.high < at_least


def pairs_needed(level: float = _LOOK_LEVEL) -> int:
    """The least number of pairs for which there is an interval."""
    n = 1
    while _place(n, level) is None:
        n += 1
    return n


def _place(n: int, level: float) -> int | None:
    """The largest k for which the order statistics k and n - 1 - k, from 0, enclose the median
    with the level: P(Binomial(n, 1/2) <= k) <= (1 - level) / 2."""
    most, below, found = (1 - level) / 2 * 2**n, 0, None
    for k in range(n // 2):
        below += math.comb(n, k)
        if below > most:
            break
        found = k
    return found
