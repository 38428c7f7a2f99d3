"""The noise of a series of readings around a smooth course: its size and its memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import BSpline
from scipy.signal import lfilter

from trueup.stats._check import FloatArray

__all__ = [
    "LEAST_READINGS",
    "LONGEST_MEMORY",
    "MODELS",
    "NoiseModel",
    "SeriesNoise",
    "course_basis",
    "noise_basis",
    "noise_like",
    "series_noise",
]

LEAST_READINGS = 8
LONGEST_MEMORY = 0.95
_JUMPS = (5, 10)  # readings ago
_TRUST = 0.6  # power of the likelihood: of few readings it is too sure that none remembers
_CACHED = 1024


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """Noise of variance 1: a part that remembers and one that does not.

    Attributes
    ----------
    memory
        φ in [0, 1): the first part is AR(1), with correlation φ^h after h readings.
    fresh
        In [0, 1): share of the variance that is new at each reading, such as that of a small
        sample of examples.
    """

    memory: float
    fresh: float = 0.0

    def correlation(self, lag: FloatArray) -> FloatArray:
        """Correlation of two readings that are `lag` ≥ 0 apart."""
        return np.where(lag == 0, 1.0, (1 - self.fresh) * self.memory**lag)

    def innovations(self, columns: FloatArray) -> FloatArray:
        """Columns of shape (s, ...) turned so that such noise becomes independent, of variance 1.

        As an ARMA(1, 1) in its invertible form, with the second reading predicted from the first as
        if it stood alone: nearly exact, and as fast as a filter.
        """
        echo, size = self._moving_average()
        change = columns[1:] - self.memory * columns[:-1]
        if echo:
            change = lfilter([1.0], [1.0, -echo], change, axis=0, zi=echo * size**2 * columns[:1])[
                0
            ]
        return np.concatenate([columns[:1], change / size])

    def log_scale(self, n: int) -> float:
        """The logarithm of the determinant of `innovations` of n readings."""
        return (1 - n) * math.log(self._moving_average()[1])

    def _moving_average(self) -> tuple[float, float]:
        """θ and σ of (1 − φB) noise = (1 − θB) innovations with standard deviation σ."""
        fresh, memory = self.fresh, self.memory
        zero = (1 - fresh) * (1 - memory**2) + fresh * (1 + memory**2)
        one = memory * fresh
        if one == 0:
            return 0.0, math.sqrt(zero)
        half = zero / (2 * one)
        echo = half - math.sqrt(half * half - 1)
        return echo, math.sqrt(one / echo)


MODELS = (
    *(NoiseModel(memory) for memory in (0.0, 0.3, 0.55, 0.75, 0.87, 0.95)),
    *(NoiseModel(memory, fresh) for memory in (0.75, 0.87, 0.95) for fresh in (0.35, 0.65, 0.85)),
)


@dataclass(frozen=True, slots=True)
class SeriesNoise:
    """What is known of the noise of R series after their first s readings.

    Attributes
    ----------
    variance
        Shape (R, M): variance of one reading around the course under each of `MODELS`.
    likelihood
        Shape (R, M): logarithm of the restricted likelihood, up to a constant of each row.
    weight
        Shape (R, M): share of each of `MODELS`, by its tempered likelihood; in total 1.
    """

    variance: FloatArray
    likelihood: FloatArray
    weight: FloatArray


def course_basis(n: int) -> FloatArray:
    """Cubic B-splines over n readings, shape (n, p): few, and closer together near the beginning.

    p = 4 up to 23 readings, and one more at each doubling: curves of training bend most where they
    begin.
    """
    inner = np.arange(1, max(0, int(math.log2(n / 12))) + 1, dtype=np.float64)
    knots = np.concatenate([[0.0] * 4, (inner / (len(inner) + 1)) ** 2, [1.0] * 4])
    return np.asarray(BSpline.design_matrix(np.linspace(0, 1, n), knots, 3).toarray())


def noise_basis(n: int) -> FloatArray:
    """The courses that do not count as noise, shape (n, q): smooth ones, and with a recent jump.

    A jump 5 or 10 readings ago: a collapse would else be taken for noise that remembers, and the
    larger it were the less it would be seen.
    """
    jumps = [(np.arange(n) >= n - ago).astype(np.float64) for ago in _JUMPS if n >= 6 * ago]
    return np.column_stack([course_basis(n), *jumps])


def series_noise(readings: FloatArray, memory: float = LONGEST_MEMORY) -> SeriesNoise:
    """Estimate the noise of each row by restricted maximum likelihood.

    A reading is a course (`noise_basis`) plus noise like one of `MODELS` (Patterson & Thompson 1971
    for the likelihood). The course may rise and fall, so neither counts as noise.

    Parameters
    ----------
    readings
        Shape (R, s), finite, s ≥ `LEAST_READINGS`, equally spaced in what makes noise forget.
    memory
        Models that remember longer are left out.
    """
    rows, n = readings.shape
    centred = (readings - readings.mean(axis=1, keepdims=True)).T  # a constant is a course too
    likelihood = np.empty((rows, len(MODELS)))
    variance = np.empty_like(likelihood)
    for place, (model, (frame, logdet)) in enumerate(zip(MODELS, _frames(n), strict=True)):
        white = model.innovations(centred)
        total = np.einsum("sr,sr->r", white, white)
        rest = np.maximum(total - ((frame.T @ white) ** 2).sum(axis=0), 1e-12 * total + 1e-300)
        free = n - frame.shape[1]
        likelihood[:, place] = model.log_scale(n) - (logdet + free * np.log(rest)) / 2
        variance[:, place] = rest / free
    likelihood[:, [model.memory > memory for model in MODELS]] = -np.inf
    top = likelihood.max(axis=1, keepdims=True)
    weight = np.exp(_TRUST * (likelihood - top))
    weight /= weight.sum(axis=1, keepdims=True)
    return SeriesNoise(variance, likelihood, weight)


@lru_cache(maxsize=_CACHED)
def _frames(n: int) -> tuple[tuple[FloatArray, float], ...]:
    """Of each model: an orthonormal basis of the whitened courses, and log det(XᵀX)."""
    basis = noise_basis(n)
    found = []
    for model in MODELS:
        frame, upper = np.linalg.qr(model.innovations(basis))
        found.append((frame, 2 * float(np.log(np.abs(np.diag(upper))).sum())))
    return tuple(found)


def noise_like(
    rng: np.random.Generator, shape: tuple[int, int], model: NoiseModel, deviation: float = 1.0
) -> FloatArray:
    """Stationary Gaussian noise, a row each, with this standard deviation of one reading."""
    memory = model.memory
    innovations = rng.normal(0.0, math.sqrt(1 - memory**2), shape)
    before = memory * rng.normal(0.0, 1.0, (shape[0], 1))
    lasting = lfilter([1.0], [1.0, -memory], innovations, axis=1, zi=before)[0]
    fresh = rng.normal(0.0, 1.0, shape)
    return deviation * (math.sqrt(1 - model.fresh) * lasting + math.sqrt(model.fresh) * fresh)
