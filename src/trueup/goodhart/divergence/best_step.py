"""The checkpoint to keep, where the best may be instead, and how far the truth has dropped."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from trueup.goodhart.divergence.result import BestStep
from trueup.goodhart.divergence.table import Held, Run
from trueup.stats import Interval
from trueup.stats.course import (
    drop_from_highest,
    fit_course,
    highest_drop,
    peak_places,
    unbeaten,
)
from trueup.stats.series_noise import LEAST_READINGS, LONGEST_MEMORY

__all__ = ["best_step", "unit_errors"]

FloatArray = NDArray[np.float64]

_DRAWS = 4000


def best_step(run: Run, level: float, *, memory: float = LONGEST_MEMORY) -> BestStep | None:
    """The measured step with the highest truth, with the steps that may be the best; None without.

    Notes
    -----
    The limits are the first and the last step that no other is shown to beat, by the largest
    standardised difference to any other (multiple comparisons with the best: Hsu 1984). By example
    the means are drawn again with the examples (multiplier bootstrap: Chernozhukov et al. 2013);
    for a series, with the noise of a smooth course.
    """
    at = run.measured
    if not len(at):
        return None
    if run.units is not None:
        return _of_units(run.units, level)
    truth = run.truth[at]
    if len(at) < LEAST_READINGS:
        best = int(truth.argmax())
        drop = Interval(float(truth[-1] - truth.max()), -math.inf, 0.0, level, len(at))
        return BestStep(int(at[best]), None, None, float(truth[best]), drop, "the highest reading")
    course = fit_course(truth, memory)
    best = int(course.fit.argmax())
    first, last = peak_places(course, level)
    return BestStep(
        at=int(at[best]),
        low=int(at[first]),
        high=int(at[last]),
        truth=float(course.fit[best]),
        drop=highest_drop(course, level),
        method="smooth course; every step that no other is shown to beat",
    )


def unit_errors(units: Held) -> FloatArray:
    """Shape (C, M): what each unit adds to the error of each step's mean, so that sums of squares
    are variances and sums of products covariances."""
    there = np.isfinite(units.values)
    n = there.sum(axis=0)
    rest = np.where(there, units.values - np.nanmean(units.values, axis=0), 0.0)
    return np.asarray(rest / np.maximum(n, 1) * np.sqrt(n / np.maximum(n - 1, 1)))


def _of_units(units: Held, level: float) -> BestStep:
    means = np.nanmean(units.values, axis=0)
    draws = _draws(units)
    kept = np.flatnonzero(unbeaten(means, draws, level))
    best = int(means.argmax())
    return BestStep(
        at=int(units.at[best]),
        low=int(units.at[kept[0]]),
        high=int(units.at[kept[-1]]),
        truth=float(means[best]),
        drop=drop_from_highest(means, draws, level),
        method="means of the examples; every step that no other is shown to beat",
    )


def _draws(units: Held) -> FloatArray:
    """Shape (B, M): errors of the means, with every unit's share times a normal number.

    As Student's t: of so few units the spread itself is an estimate.
    """
    rng = np.random.default_rng(0)
    errors = unit_errors(units)
    free = max(int(np.median(np.isfinite(units.values).sum(axis=0))) - 1, 1)
    scale = np.sqrt(free / rng.chisquare(free, (_DRAWS, 1)))
    if units.paired:
        return np.asarray(scale * (rng.standard_normal((_DRAWS, len(errors))) @ errors))
    spread = np.sqrt((errors**2).sum(axis=0))
    return np.asarray(scale * rng.standard_normal((_DRAWS, errors.shape[1])) * spread)
