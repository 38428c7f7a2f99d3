"""The curves to show: readings of the proxy and of the truth, and the course through them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from trueup.goodhart.divergence.best_step import unit_errors
from trueup.goodhart.divergence.result import Curve, Visible
from trueup.goodhart.divergence.table import Run
from trueup.stats.course import fit_course
from trueup.stats.series_noise import LEAST_READINGS, LONGEST_MEMORY

__all__ = ["noise_of", "proxy_curve", "truth_curve"]

FloatArray = NDArray[np.float64]


def proxy_curve(run: Run, level: float, memory: float = LONGEST_MEMORY) -> Curve:
    """The proxy's readings with a smooth course and its pointwise limits."""
    return _series(run.proxy, level, memory)


def truth_curve(run: Run, level: float, memory: float = LONGEST_MEMORY) -> Curve | None:
    """The truth likewise; by example the means with their limits. None: never measured."""
    if not len(run.measured):
        return None
    if run.units is None:
        return _series(run.truth, level, memory)
    values = run.units.values
    means = np.nanmean(values, axis=0)
    error = np.sqrt((unit_errors(run.units) ** 2).sum(axis=0))
    free = np.maximum(np.isfinite(values).sum(axis=0) - 1, 1)
    half = stats.t.ppf(0.5 + level / 2, free) * error
    return _curve(run.units.at, means, means, means - half, means + half)


def noise_of(run: Run, memory: float = LONGEST_MEMORY) -> Visible | None:
    """The noise of the truth's readings; None with too few, or by example."""
    if run.units is not None or len(run.measured) < LEAST_READINGS:
        return None
    course = fit_course(run.truth[run.measured], memory)
    return Visible(course.deviation, float(course.model.correlation(np.array([1.0]))[0]))


def _series(readings: FloatArray, level: float, memory: float) -> Curve:
    at = np.flatnonzero(np.isfinite(readings))
    y = readings[at]
    if len(at) < LEAST_READINGS:
        unknown = np.full(len(at), np.nan)
        return _curve(at, y, unknown, unknown, unknown)
    course = fit_course(y, memory)
    low, high = course.limits(level)
    return _curve(at, y, course.fit, low, high)


def _curve(
    at: NDArray[np.int64], value: FloatArray, fit: FloatArray, low: FloatArray, high: FloatArray
) -> Curve:
    def listed(numbers: FloatArray) -> tuple[float, ...]:
        return tuple(map(float, numbers))

    return Curve(tuple(map(int, at)), listed(value), listed(fit), listed(low), listed(high))
