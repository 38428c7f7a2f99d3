"""How far the annotator's rates may be off when nobody labelled anything.

The rates of misreading below are the worst over the published models whose answers people labelled
(XSTest: two Llama-2 and Mistral; chatgpt_refusals), each read by an annotator that was trained on
none of that set's rows, or on none of that model's; rates of fewer than ten answers are passed
over. `benchmarks/bench_judge.py` prints them. They are what was seen, not a bound on what can be:
another model may be misread more often.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MISREAD", "Misread", "difference_error", "rate_limits"]


@dataclass(frozen=True, slots=True)
class Misread:
    """false_alarm: share of answered prompts read as refused; missed: of refused, as answered."""

    false_alarm: float
    missed: float


# Soft refusals of harmful requests (Mistral's "I'd rather suggest …") are what it misses most.
MISREAD = {
    "legitimate": Misread(0.10, 0.14),
    "harmful": Misread(0.01, 0.56),
    "all": Misread(0.10, 0.14),
}


def rate_limits(read: float, by: Misread) -> tuple[float, float]:
    """The least and greatest true share refused that can be read as `read`.

    read = true · (1 − missed) + (1 − true) · false_alarm, solved for `true` with either kind of
    misreading at its worst and the other at none (Rogan & Gladen 1978).
    """
    low = max(0.0, (read - by.false_alarm) / (1 - by.false_alarm))
    return low, min(1.0, read / (1 - by.missed))


def difference_error(
    before: float, after: float, changed: float, by: Misread
) -> tuple[float, float]:
    """How far the difference of two read shares may lie below and above the truth.

    Parameters
    ----------
    before, after
        Shares read as refused among the prompts whose answers differ in their text. Equal texts
        are read equally, so they add nothing.
    changed
        The share of prompts whose answers differ.

    Returns
    -------
    below, above
        Shares, ≥ 0: the truth may be as much below the difference as read, and above it.
    """
    least_before, most_before = rate_limits(before, by)
    least_after, most_after = rate_limits(after, by)
    read = after - before
    below = changed * max(0.0, read - (least_after - most_before))
    above = changed * max(0.0, (most_after - least_before) - read)
    return below, above
