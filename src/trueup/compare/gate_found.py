"""What a gate holds against its limits: a value with its one-sided confidence limits."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from trueup.compare.limits import Drop
from trueup.compare.result import Comparison, GroupChange, MeasureChange

__all__ = [
    "LOWER_IS_BETTER",
    "Found",
    "new_refusals",
    "rate_after",
    "refusal_fall",
    "refusal_rise",
    "score_fall",
]

LOWER_IS_BETTER = " (lower is better)"  # how `compare.capability` marks such a score's name
_EXACT = "exact (Clopper-Pearson)"
_NAN = math.nan


@dataclass(frozen=True, slots=True)
class Found:
    """A value with its limits: fields as in `Check`. counted: its limits are those of a count."""

    value: float = _NAN
    low: float = _NAN
    high: float = _NAN
    n: int = 0
    count: int | None = None
    before: float = _NAN
    after: float = _NAN
    misread: float | None = None
    method: str = ""
    reason: str = ""
    corrected: bool = False
    counted: bool = False


def new_refusals(comparison: Comparison, change: GroupChange) -> Found:
    """Flips, not the net."""
    found = change.new_refusals
    corrected = _is_corrected(comparison, change)  # a corrected share is no count
    return Found(
        found.value,
        found.low,
        found.high,
        change.n,
        None if corrected else change.newly_refused,
        misread=change.annotator_error,
        method=_method(comparison, change),
        corrected=corrected,
        counted=_counted(comparison),
    )


def refusal_rise(comparison: Comparison, change: GroupChange) -> Found:
    difference = change.difference
    return Found(
        difference.value,
        difference.low,
        difference.high,
        change.n,
        before=change.before.value,
        after=change.after.value,
        misread=change.annotator_error,
        method=difference.method,
        corrected=_is_corrected(comparison, change),
    )


def refusal_fall(comparison: Comparison, change: GroupChange) -> Found:
    rise = refusal_rise(comparison, change)
    return replace(rise, value=-rise.value + 0.0, low=-rise.high + 0.0, high=-rise.low + 0.0)


def rate_after(comparison: Comparison, change: GroupChange) -> Found:
    after = change.after
    # Nor is a mean of several samples per prompt.
    same = math.isclose(change.refused_after / change.n, after.value, abs_tol=1e-12)
    corrected = _is_corrected(comparison, change)
    return Found(
        after.value,
        after.low,
        after.high,
        change.n,
        change.refused_after if same and not corrected else None,
        misread=_NAN if change.annotator_error is not None else None,
        method=_method(comparison, change),
        corrected=corrected,
        counted=_counted(comparison),
    )


def _counted(comparison: Comparison) -> bool:
    """Whether the limits are those of a count: labels on one answer to each independent prompt."""
    samples = max(comparison.before.samples, comparison.after.samples)
    return comparison.truth == "labels" and samples <= 1 and not comparison.clustered


def _method(comparison: Comparison, change: GroupChange) -> str:
    return _EXACT if _counted(comparison) else change.difference.method


def _is_corrected(comparison: Comparison, change: GroupChange) -> bool:
    return comparison.truth != "labels" and change.annotator_error is None


def score_fall(one: MeasureChange, drop: Drop) -> Found:
    sign = 1 if one.name.endswith(LOWER_IS_BETTER) else -1
    difference = one.difference
    low, high = sorted((sign * difference.low, sign * difference.high))
    found = Found(
        sign * difference.value + 0.0,
        low + 0.0,
        high + 0.0,
        difference.n,
        before=one.before,
        after=one.after,
        method=difference.method,
    )
    return replace(found, reason=_off_scale(one, drop, found))


def _off_scale(one: MeasureChange, drop: Drop, found: Found) -> str:
    """Why the limit does not suit the score: on another scale it would pass or fail always."""
    if not math.isfinite(found.low) or not math.isfinite(found.high):
        return f"it has no interval ({found.method})"
    share = all(0 <= mean <= 1 for mean in (one.before, one.after))
    if drop.points and not share:
        return "it is no score between 0 and 1, so say the drop on its own scale: NAME=NUMBER"
    if drop.amount >= 1 and share and max(abs(found.low), abs(found.high)) <= 1:
        return f"a score between 0 and 1 cannot fall by {drop.amount:g}: say {drop.amount:g}pp"
    return ""
