"""Clusters drawn again with their signs or as a whole: the shared engine of paired comparisons."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from scipy import special

from trueup.stats._check import FloatArray, IntArray
from trueup.stats.intervals import cluster_mean

__all__ = ["ClusterSums", "Limits", "mean_limits", "sign_flip_p"]

Limits = Callable[[float], tuple[float, float]]  # level to lower and upper limit

FEW = 10  # clusters unlike the rest, below which a bootstrap has too little to draw from

_FEW_KINDS = 300  # of clusters, up to which counting them beats drawing them
_MOST_OUTCOMES = 2**17  # of signs, that are listed one by one
_MOST_FLIPPED = 10_000  # clusters beyond which the sum of random signs is normal
_DRAWS = 9_999
_CHUNK = 2**22  # numbers drawn at once


@dataclass(frozen=True)
class ClusterSums:
    """Sums over clusters, the unit of independence.

    Attributes
    ----------
    total
        Shape (C,): sum of the values in each cluster.
    size
        Shape (C,): rows in each, > 0.
    """

    total: FloatArray
    size: FloatArray

    @classmethod
    def of(cls, values: FloatArray, index: IntArray) -> ClusterSums:
        """From values per row and 0-based codes of their clusters."""
        size = np.bincount(index).astype(np.float64)
        return cls(np.bincount(index, values).astype(np.float64), size)

    def __len__(self) -> int:
        return len(self.total)

    @cached_property
    def mean(self) -> float:
        """Mean over rows: ratio of the sums."""
        return float(self.total.sum() / self.size.sum())

    @cached_property
    def telling(self) -> int:
        """Clusters whose mean is not the most common one: what a bootstrap has to work with."""
        counts = np.unique(np.round(self.total / self.size, 12), return_counts=True)[1]
        return len(self) - int(counts.max())

    @cached_property
    def error(self) -> float:
        """Standard error of the mean, linearised."""
        return float(_means_and_errors(self._moments(self.total, self.size).sum(axis=1))[1])

    def _moments(self, total: FloatArray, size: FloatArray) -> FloatArray:
        """What such clusters add to the sums that the mean and its error are made of, centred."""
        d = total - self.mean * size
        return np.stack([np.ones(len(size)), size, d, d * d, d * size, size * size])

    def studentised(self, rng: np.random.Generator, replicates: int) -> FloatArray:
        """Sorted (mean* − mean) / error* over clusters drawn again with replacement, shape (R,).

        Equal clusters are drawn by one multinomial count, so that 0/1 rows cost three numbers per
        replicate, however many there are. (einsum, since the threads of BLAS make such thin
        products slower.)
        """
        c = len(self)
        both = np.column_stack([self.total, self.size])
        kinds, counts = np.unique(both, axis=0, return_counts=True)
        few = len(kinds) <= max(_FEW_KINDS, c // 4)
        moments = self._moments(*(kinds.T if few else both.T))
        sums = np.empty((len(moments), replicates))
        step = max(1, _CHUNK // len(kinds)) if few else 1
        for at in range(0, replicates, step):
            if few:
                times = rng.multinomial(c, counts / c, min(step, replicates - at))
            else:
                times = np.bincount(rng.integers(0, c, c), minlength=c)[None]
            sums[:, at : at + step] = np.einsum("mk,rk->mr", moments, times.astype(np.float64))
        apart, errors = _means_and_errors(sums)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.sort(np.where(np.abs(apart) < 1e-9 * self.error, 0.0, apart / errors))


def _means_and_errors(sums: FloatArray) -> tuple[FloatArray, FloatArray]:
    c, n, d, dd, dn, nn = sums
    mean = d / n
    spread = np.maximum(dd - 2 * mean * dn + mean**2 * nn, 0.0)
    return mean, np.sqrt(spread * c / np.maximum(c - 1, 1)) / n


def mean_limits(
    values: FloatArray,
    index: IntArray,
    *,
    reach: float,
    bounded: bool,
    rng: np.random.Generator,
    replicates: int,
) -> tuple[str, Limits]:
    """How to take limits for the mean of values in [−reach, reach], and the limits by level.

    Bootstrap-t over clusters (Hall 1988, Annals of Statistics 16:927), or with fewer than `FEW`
    clusters unlike the rest `cluster_mean`, which stays open when nothing was seen. `bounded`:
    whether `reach` is known, or only as far as the values were seen to go.
    """
    sums = ClusterSums.of(values, index)
    few = partial(_few_limits, values, index, reach, bounded)
    if sums.telling < FEW:
        return "skewness-corrected interval over clusters", few
    draws = sums.studentised(rng, replicates)
    edge = reach if bounded else math.inf
    return "bootstrap-t over clusters", partial(
        _bootstrap_t, sums.mean, sums.error, draws, edge, few
    )


def _few_limits(
    values: FloatArray, index: IntArray, reach: float, bounded: bool, level: float
) -> tuple[float, float]:
    if not bounded and (reach == 0 or index.max() == 0):  # nothing says how far they can go
        return -math.inf, math.inf
    got = cluster_mean(values, index, level, low=-reach, high=reach)
    return got.low, got.high


def _bootstrap_t(
    mean: float, error: float, draws: FloatArray, edge: float, few: Limits, level: float
) -> tuple[float, float]:
    """One Monte Carlo standard error outwards: few replicates must not shorten the interval."""
    tail = (1 - level) / 2
    cut = int((len(draws) + 1) * tail - math.sqrt(len(draws) * tail * (1 - tail)))
    if cut < 1:  # too few replicates for this level
        return few(level)
    low, high = mean - error * draws[-cut], mean - error * draws[cut - 1]
    return max(float(low), -edge), min(float(high), edge)


def sign_flip_p(totals: FloatArray, rng: np.random.Generator) -> float:
    """Two-sided p of "each cluster's sum is as likely as its opposite" (Fisher 1935, §21).

    All outcomes are listed where they are few (equal magnitudes count as one, so that 0/1 rows
    give McNemar's exact test); else 9,999 draws, counting the one observed (Phipson & Smyth 2010),
    or beyond 10,000 clusters the normal limit.
    """
    moved = np.abs(totals[totals != 0])
    if len(moved) == 0:
        return 1.0
    scale = float(moved.sum())
    least = abs(float(totals.sum())) - 1e-9 * scale
    size, times = np.unique(np.round(moved / scale, 12), return_counts=True)
    if np.log2(times + 1.0).sum() <= math.log2(_MOST_OUTCOMES):
        return _listed_p(size * scale, times, least)
    if len(moved) > _MOST_FLIPPED:
        return float(2 * special.ndtr(-max(least, 0.0) / math.sqrt(float(moved @ moved))))
    found, step = 0, max(1, _CHUNK // len(moved))
    for at in range(0, _DRAWS, step):
        signs = rng.integers(0, 2, (min(step, _DRAWS - at), len(moved)), dtype=np.int8)
        found += int((np.abs(2 * np.einsum("rk,k->r", signs, moved) - scale) >= least).sum())
    return (found + 1) / (_DRAWS + 1)


def _listed_p(size: FloatArray, times: IntArray, least: float) -> float:
    sums, chance = np.zeros(1), np.ones(1)
    for magnitude, m in zip(size, times, strict=True):
        up = np.arange(m + 1)
        ways = special.gammaln(m + 1) - special.gammaln(up + 1) - special.gammaln(m - up + 1)
        sums = np.add.outer(sums, magnitude * (2 * up - m)).ravel()
        chance = np.multiply.outer(chance, np.exp(ways - m * math.log(2))).ravel()
    return min(1.0, float(chance[np.abs(sums) >= least].sum()))
