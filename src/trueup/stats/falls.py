"""Has a noisy series fallen? A test for all earlier places, all widths and all looks at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtri_exp

from trueup.stats import _check
from trueup.stats._check import FloatArray, IntArray
from trueup.stats.series_noise import (
    LEAST_READINGS,
    LONGEST_MEMORY,
    MODELS,
    SeriesNoise,
    noise_basis,
    series_noise,
)

__all__ = ["FallScores", "Falls", "fall_doubt", "fall_threshold", "look_times"]

_GROWTH = 1.03  # of the readings between two looks, once there are many
_NARROWEST = 3  # readings of a block: the median of fewer follows a single outlier
_PRIOR = np.array([0.1, 0.1, 0.1, 0.15, 0.3, 0.25, *[0.03] * 9])  # of MODELS: more for long memory
_MARGIN = 0.2  # of memory
_NEGLIGIBLE = -60.0  # log of a share
_ROUNDING = 1e-9  # of the range of the readings: a smaller difference is none
# By simulation of the largest score ever, over up to 2,000 readings, AR(1) noise with memory up to
# 0.9, normal or Student t with 3 degrees of freedom, and mixtures (tests/validity).
# A level truth is the worst: of one that rises, far fewer falls are shown.
_DOUBTS = np.log([0.5, 0.2, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001])
_SCORES = np.array([1.75, 2.85, 3.6, 4.4, 5.2, 6.4, 7.6, 9.5])


def fall_threshold(doubt: float) -> float:
    """The score that a series which never falls ever reaches with at most this probability."""
    doubt = _check.open_unit("doubt", doubt)
    slope = (_SCORES[-1] - _SCORES[-2]) / (_DOUBTS[-2] - _DOUBTS[-1])
    beyond = max(0.0, float(_DOUBTS[-1] - math.log(doubt)))
    inside = float(np.interp(-math.log(doubt), -_DOUBTS, _SCORES))
    return inside + float(slope) * beyond


def fall_doubt(score: float) -> float:
    """The probability that a series which never falls ever reaches this score: at most 0.001 shown.

    The inverse of `fall_threshold`; 1 for a score below its table.
    """
    if score < _SCORES[0]:
        return 1.0
    return math.exp(float(np.interp(score, _SCORES, _DOUBTS)))


def look_times(n: int) -> list[int]:
    """After how many readings to look: each time up to 34, then whenever there are 3 % more.

    They do not depend on how many there will be, so that no later reading takes an alarm back.
    """
    times, at = [], LEAST_READINGS
    while at <= n:
        times.append(at)
        at = max(at + 1, int(at * _GROWTH))
    return times


@dataclass(frozen=True, slots=True)
class FallScores:
    """The falls until now, from the blocks that end at each reading.

    Attributes
    ----------
    score
        Shape (R, s): the highest over all widths; minus infinity where no block has room, or where
        it would be below the table of `fall_threshold`.
    width
        Shape (R, s): readings of the block that has it; 0 where none has room.
    """

    score: FloatArray
    width: IntArray


class Falls:
    """Scores of falls in R series of readings, as of any of their first s readings.

    A fall is a difference between the median of a block of readings and that of the last block of
    the same width. Under a course that never falls, each such difference is at most noise, whatever
    its shape. How improbable it then is, is averaged over what the noise may be: models of it
    (`trueup.stats.series_noise`) count by their likelihood so far, around a course that may rise
    and fall, and by a prior that favours long memory. The score is −log of that average less what
    so many blocks and looks reach by chance; `fall_threshold` is where it becomes evidence.

    Parameters
    ----------
    readings
        Shape (n,) or (R, n), finite, in order.
    memory
        The longest memory that the noise can have, 0 (independent) to 0.95. The test allows for
        one that is longer by two tenths or a little more.

    Notes
    -----
    Voided by noise that does not return to the course: a random walk cannot be told from a fall.
    Calibrated by simulation, not by a theorem.
    """

    def __init__(self, readings: ArrayLike, memory: float = LONGEST_MEMORY) -> None:
        self.readings = np.atleast_2d(np.asarray(readings, dtype=np.float64))
        self.memory = memory
        self._medians: dict[int, FloatArray] = {}

    def scores(self, s: int) -> FallScores:
        """The falls from each earlier block to the last of the first s ≥ `LEAST_READINGS`."""
        now = self.readings[:, :s]
        noise = series_noise(now, _with_margin(self.memory))
        least = _ROUNDING * np.ptp(now, axis=1, keepdims=True)
        best, width_of = np.full(now.shape, -np.inf), np.zeros(now.shape, dtype=np.int64)
        tails = _Tails(noise, s)
        for width in _widths(s):
            medians = self._blocks(width)
            falls = medians[:, : s - 2 * width + 1] - medians[:, s - width, None]
            score = tails.surprise(np.where(falls > least, falls, 0.0), width)
            score -= _by_chance(s, width)
            ends = slice(width - 1, s - width)
            higher = score > best[:, ends]
            width_of[:, ends][higher] = width
            np.maximum(best[:, ends], score, out=best[:, ends])
        return FallScores(best, width_of)

    def first(self, doubt: float) -> int | None:
        """After how many readings a fall is first shown in the first series; None: so far none."""
        threshold = fall_threshold(doubt)
        for s in look_times(self.readings.shape[1]):
            if self.scores(s).score[0].max() >= threshold:
                return s
        return None

    def _blocks(self, width: int) -> FloatArray:
        if width not in self._medians:
            view = sliding_window_view(self.readings, width, axis=1)
            self._medians[width] = np.median(view, axis=-1)
        return self._medians[width]


def _with_margin(memory: float) -> float:
    """A longer memory among `MODELS`: an average that ended at the true one would understate it."""
    longer = [model.memory for model in MODELS if model.memory >= memory + _MARGIN]
    return min(longer, default=LONGEST_MEMORY)


def _by_chance(s: int, width: int) -> float:
    """What the search adds: about the logarithm of how many falls are looked at, and more later.

    Late looks see small falls anyway, and single shocks of heavy tails are found among so many.
    """
    return math.log(s / width) + 2 * math.log(max(s / 20, 1.0)) + 2.5 * math.log(max(s / 200, 1.0))


def _widths(s: int) -> list[int]:
    """3, 7, 15, …: odd, and two blocks of each find room."""
    found, width = [], _NARROWEST
    while 2 * width <= s:
        found.append(width)
        width = 2 * width + 1
    return found


class _Tails:
    """How improbable falls are when nothing falls: averaged over what the noise may be.

    Each of `MODELS` counts by its likelihood after the first s readings times its prior; under each
    a fall over its standard error is Student's t, as the size of the noise is estimated.
    """

    def __init__(self, noise: SeriesNoise, s: int) -> None:
        self.s, self.free = s, s - noise_basis(s).shape[1]
        self.variance = noise.variance
        shares = noise.likelihood + np.log(_PRIOR)
        self.share = shares - np.logaddexp.reduce(shares, axis=1, keepdims=True)
        self.likeliest = self.share.argmax(axis=1)

    def surprise(self, falls: FloatArray, width: int) -> FloatArray:
        """−log P(a fall as large), shape (R, s − 2·width + 1); −∞ where it is surely no evidence.

        The average is at least the likeliest model's part, so most falls need only that one.
        """
        shape = self._shapes(width)
        rows = np.arange(len(falls))
        error = np.sqrt(self.variance[rows, self.likeliest, None] * shape[self.likeliest]) + 1e-300
        needed = _SCORES[0] + _by_chance(self.s, width) + self.share[rows, self.likeliest]
        row, place = np.nonzero(falls > error * _t_quantile(-needed, self.free)[:, None])
        total = np.full(len(row), -np.inf)
        for model in range(len(MODELS)):
            counts = np.flatnonzero(self.share[row, model] > _NEGLIGIBLE)
            r, p = row[counts], place[counts]
            error = np.sqrt(self.variance[r, model] * shape[model, p]) + 1e-300
            part = self.share[r, model] + _log_tail(falls[r, p] / error, self.free)
            total[counts] = np.logaddexp(total[counts], part)
        found = np.full(falls.shape, -np.inf)
        found[row, place] = -total
        return found

    def _shapes(self, width: int) -> FloatArray:
        """Shape (M, s − 2·width + 1): variance of each difference for readings of variance 1."""
        alone, together = _block_moments(width, 1 << (self.s - 1).bit_length())
        lag = np.arange(self.s - width, width - 1, -1) - width
        return np.asarray(2 * (alone[:, None] - together[:, lag]))


def _log_tail(t: FloatArray, free: int) -> FloatArray:
    """log P(T ≥ t) of Student's t for t ≥ 0, to about 1 % (Wallace 1959)."""
    squared = np.minimum(t, 1e100) ** 2
    normal = (8 * free + 1) / (8 * free + 3) * np.sqrt(free * np.log1p(squared / free))
    return np.asarray(log_ndtr(-normal))


def _t_quantile(log_tail: FloatArray, free: int) -> FloatArray:
    """The inverse of `_log_tail`, at least 0."""
    normal = -ndtri_exp(np.minimum(log_tail, math.log(0.5)))
    scaled = (8 * free + 3) / (8 * free + 1) * normal
    return np.sqrt(free * np.expm1(np.minimum(scaled**2 / free, 500.0)))


@lru_cache(maxsize=256)
def _block_moments(width: int, most: int) -> tuple[FloatArray, FloatArray]:
    """Variance of a block's median, shape (M,), and covariance with one that begins `width` or more
    later, shape (M, most + 1), for readings of variance 1.

    The median of Gaussian readings with correlations ρ has variance Σ arcsin(ρ) / width², up to
    terms that vanish with the width.
    """
    triangle = width - np.abs(np.arange(1 - width, width))
    alone, together = [], []
    for model in MODELS:
        lags = np.arcsin(model.correlation(np.arange(most + 2 * width, dtype=np.float64)))
        both = np.concatenate([lags[:0:-1], lags])
        summed = np.convolve(both, triangle, "same") / width**2
        middle = len(lags) - 1
        alone.append(summed[middle])
        together.append(summed[middle + width : middle + width + most + 1])
    return np.array(alone), np.array(together)
