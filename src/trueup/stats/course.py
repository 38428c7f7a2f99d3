"""The smooth course through a noisy series: its fit, its limits, and how far it fell at the end."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from trueup.stats import _check
from trueup.stats._check import FloatArray
from trueup.stats.estimate import Interval
from trueup.stats.series_noise import (
    LEAST_READINGS,
    LONGEST_MEMORY,
    MODELS,
    NoiseModel,
    course_basis,
    noise_basis,
    series_noise,
)

__all__ = ["Course", "drop_from_highest", "fit_course", "highest_drop", "peak_places", "unbeaten"]

_DRAWS = 1500
_PLACES = 60  # at which a course is compared with itself


@dataclass(frozen=True)
class Course:
    """A course fitted through n readings.

    Attributes
    ----------
    fit
        Shape (n,).
    errors
        Shape (B, n): draws of what the fit may be off by, the noise being estimated too.
    model
        The likeliest noise.
    deviation
        Standard deviation of one reading around the course, under it.
    """

    fit: FloatArray
    errors: FloatArray
    model: NoiseModel
    deviation: float

    def limits(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Pointwise limits of the course."""
        low, high = np.quantile(self.errors, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return self.fit + np.minimum(low, 0.0), self.fit + np.maximum(high, 0.0)


def fit_course(
    readings: ArrayLike, memory: float = LONGEST_MEMORY, rng: np.random.Generator | None = None
) -> Course:
    """Fit a smooth course (`course_basis`) by generalised least squares.

    Each of `MODELS` of the noise counts by its share of the restricted likelihood; under each the
    course is Student's t around its fit, as from a flat prior.

    Parameters
    ----------
    readings
        Shape (n,), finite, n ≥ `LEAST_READINGS`.
    memory
        The longest memory of the noise, see `series_noise`.
    rng
        For the draws; None: `numpy.random.default_rng(0)`, the same answer each time.

    Notes
    -----
    Voided by bends sharper than the basis can follow: a kink is rounded.
    """
    y = _check.vector("readings", readings)
    _check.whole("the number of readings", len(y), least=LEAST_READINGS)
    rng = np.random.default_rng(0) if rng is None else rng
    noise, basis = series_noise(y[None], memory), course_basis(len(y))
    weight, variance = noise.weight[0], noise.variance[0]
    free = len(y) - noise_basis(len(y)).shape[1]
    counts = rng.multinomial(_DRAWS, weight)
    drawn = []
    fit = np.zeros(len(y))
    for model, share, size, count in zip(MODELS, weight, variance, counts, strict=True):
        if share < 1e-6:
            continue
        frame, upper = np.linalg.qr(model.innovations(basis))
        middle = frame.T @ model.innovations(y)
        scale = np.sqrt(size * free / rng.chisquare(free, count))
        coefficients = middle[:, None] + scale * rng.standard_normal((len(middle), count))
        drawn.append(basis @ np.linalg.solve(upper, coefficients))
        fit += share * (basis @ np.linalg.solve(upper, middle))
    best = int(weight.argmax())
    errors = np.concatenate(drawn, axis=1).T - fit
    return Course(fit, errors, MODELS[best], math.sqrt(float(variance[best])))


def highest_drop(course: Course, level: float) -> Interval:
    """The course at its last reading minus its highest, ≤ 0, with limits."""
    return drop_from_highest(course.fit, course.errors, level)


def peak_places(course: Course, level: float) -> tuple[int, int]:
    """The first and the last reading at which the course may be highest: hull of the `unbeaten`."""
    n = len(course.fit)
    places = np.unique(np.append(np.linspace(0, n - 1, min(n, _PLACES)), course.fit.argmax()))
    places = places.astype(np.int64)
    left = np.flatnonzero(unbeaten(course.fit[places], course.errors[:, places], level))
    first = places[left[0] - 1] + 1 if left[0] else 0  # up to the next one that is left out
    last = places[left[-1] + 1] - 1 if left[-1] + 1 < len(places) else n - 1
    return int(first), int(last)


def unbeaten(means: FloatArray, draws: FloatArray, level: float) -> np.ndarray:
    """Which of K means may be the highest, shape (K,): with the best of many others (Hsu 1984).

    A place is left out when another is ahead of it by more than the largest standardised difference
    that places which are no better would show. So the true best is left out with probability at
    most 1 − level, and no correction is needed for there being K of them.

    Parameters
    ----------
    means, draws
        As in `drop_from_highest`.
    """
    kept = np.ones(len(means), dtype=bool)
    tiny = 1e-9 * max(float(np.abs(means).max()), 1e-300)
    for k in range(len(means)):
        apart = draws - draws[:, [k]]
        spread = apart.std(axis=0)
        known = spread > tiny
        ahead = means - means[k]
        if (ahead[~known] > tiny).any():
            kept[k] = False
        elif known.any():
            largest = (apart[:, known] / spread[known]).max(axis=1)
            half = float(np.quantile(largest, level))
            kept[k] = not (ahead[known] > half * spread[known]).any()
    kept[means.argmax()] = True
    return kept


def drop_from_highest(means: FloatArray, draws: FloatArray, level: float) -> Interval:
    """Limits of the last of K means minus the highest, by the largest of all standardised errors.

    The truth is min over k of (last − mean k), so limits that hold for all k at once give limits
    for it: the least lower and the least upper one.

    Parameters
    ----------
    means
        Shape (K,).
    draws
        Shape (B, K): draws of the errors of the means.
    """
    apart = draws[:, [-1]] - draws
    spread = apart.std(axis=0)
    value = float(means[-1] - means.max())
    known = spread > 1e-9 * max(float(np.abs(means).max()), 1e-300)
    if not known.any():
        return Interval(value, value, value, level, len(means))
    largest = np.abs(apart[:, known] / spread[known]).max(axis=1)
    reach = np.where(known, float(np.quantile(largest, level)) * spread, 0.0)
    gap = means[-1] - means
    low, high = float((gap - reach).min()), float((gap + reach).min())
    return Interval(value, min(low, value), max(min(high, 0.0), value), level, len(means))
