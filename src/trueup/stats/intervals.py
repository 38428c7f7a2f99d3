"""Confidence intervals for proportions and bounded means, exact, anytime-valid and clustered."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from trueup.stats import _check, skewed
from trueup.stats._check import FloatArray
from trueup.stats.estimate import Interval

__all__ = [
    "ConfidenceSequence",
    "betting_interval",
    "clopper_pearson",
    "cluster_mean",
    "confidence_sequence",
    "difference",
    "ratio",
    "wilson",
]

_GRID = 1000  # candidate means; the limits are widened outwards by one cell


def clopper_pearson(k: int, n: int, level: float = 0.95) -> Interval:
    """Exact interval for a proportion (Clopper & Pearson 1934).

    Parameters
    ----------
    k, n
        Events and trials, whole numbers with 0 ≤ k ≤ n. With n = 0 the value is NaN and the
        interval is [0, 1].
    level
        Confidence level in (0, 1).

    Notes
    -----
    Coverage is at least `level` for independent trials of equal probability. Clustered or
    unequally sampled rows void it: use `cluster_mean` or `ppi_ratio`.
    """
    k, n, level = _counts(k, n, level)
    if n == 0:
        return Interval(math.nan, 0.0, 1.0, level, 0)
    tail = (1.0 - level) / 2
    low = 0.0 if k == 0 else float(special.betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(special.betainccinv(k + 1, n - k, tail))
    return Interval(k / n, low, high, level, n)


def wilson(k: int, n: int, level: float = 0.95) -> Interval:
    """Score interval for a proportion (Wilson 1927): near nominal on average, not guaranteed.

    Arguments as in `clopper_pearson`. Use it for display of large counts; coverage can fall below
    `level` for rare events.
    """
    k, n, level = _counts(k, n, level)
    if n == 0:
        return Interval(math.nan, 0.0, 1.0, level, 0)
    z = float(special.ndtri(0.5 + level / 2))
    p = k / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low = 0.0 if k == 0 else max(0.0, centre - half)
    high = 1.0 if k == n else min(1.0, centre + half)
    return Interval(p, low, high, level, n)


def cluster_mean(
    values: ArrayLike,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    *,
    weights: ArrayLike | None = None,
    low: float = 0.0,
    high: float = 1.0,
) -> Interval:
    """Mean of bounded values with a cluster-robust, skewness-corrected interval.

    Parameters
    ----------
    values
        Shape (n,), each in [low, high].
    clusters
        Shape (n,), any hashable codes: rows of one user or prompt share one. None: every row is
        independent.
    level
        Confidence level in (0, 1).
    weights
        Shape (n,), greater than 0, for example inverse sampling probabilities; scale is free.
    low, high
        The range that values can take; it decides how wide the interval stays when all agree.

    Notes
    -----
    Method in `trueup.stats.skewed`. Voided by clusters that depend on each other, and approximate
    below about five clusters. No rows: value NaN, interval [low, high].
    """
    level = _check.open_unit("level", level)
    x = _check.within("values", values, low, high)
    index = _check.cluster_codes(clusters, len(x))
    w = np.ones_like(x) if weights is None else _check.vector("weights", weights)
    _check.same_length(values=x, weights=w)
    if (w <= 0).any():
        raise ValueError(f"weights must be greater than 0, got {w.min():g}")
    if len(x) == 0:
        return Interval(math.nan, low, high, level, 0)
    share = w / w.sum()
    mean = float(share @ x)
    n_clusters = int(index.max()) + 1
    if n_clusters < 2:  # one cluster tells nothing about others
        return Interval(mean, low, high, level, len(x))
    totals = np.bincount(index, share * (x - mean)) * math.sqrt(n_clusters / (n_clusters - 1))
    heaviest = float(share.max()) * len(x) / n_clusters  # of one more cluster, not seen yet
    ends = []
    for tail, furthest in ((0.5 - level / 2, low), (0.5 + level / 2, high)):
        end = skewed.limit(
            tail,
            mean=np.array(mean),
            variance=np.array((totals**2).sum()),
            third=np.array((totals**3).sum()),
            push=np.array(heaviest * (furthest - mean)),
            df=np.array(n_clusters - 1.0),
        )
        ends.append(min(max(float(end), low), high))
    return Interval(mean, min(ends[0], mean), max(ends[1], mean), level, len(x))


def difference(a: Interval, b: Interval) -> Interval:
    """Interval for a − b of two independent estimates from their own intervals.

    MOVER (Zou & Donner 2008, Statistics in Medicine 27:1693, eq. 2): keeps the asymmetry of each
    interval. Voided by dependence between the two and by differing levels (ValueError).
    """
    level = _common_level(a, b)
    n = a.n + b.n
    if math.isnan(a.value) or math.isnan(b.value):
        return Interval(math.nan, a.low - b.high, a.high - b.low, level, n)
    value = a.value - b.value
    low = value - math.hypot(a.value - a.low, b.high - b.value)
    high = value + math.hypot(a.high - a.value, b.value - b.low)
    return Interval(value, low, high, level, n)


def ratio(a: Interval, b: Interval) -> Interval:
    """Interval for a / b of two independent estimates of non-negative quantities.

    MOVER-R (Donner & Zou 2012, Statistics in Medicine 31:1716, eq. 5). When b cannot be told from
    0 the upper limit is infinite; when b is 0 the value is NaN.
    """
    level = _common_level(a, b)
    n = a.n + b.n
    if min(a.low, b.low) < 0:
        raise ValueError(f"ratio needs non-negative limits, got {a.low:g} and {b.low:g}")
    if not (b.value > 0 and math.isfinite(a.value)):
        return Interval(math.nan, 0.0, math.inf, level, n)
    product = a.value * b.value
    low_cross = a.low * (2 * a.value - a.low) * b.high * (2 * b.value - b.high)
    high_cross = a.high * (2 * a.value - a.high) * b.low * (2 * b.value - b.low)
    low_scale = b.high * (2 * b.value - b.high)
    high_scale = b.low * (2 * b.value - b.low)
    low = 0.0
    if low_scale > 0:
        low = (product - math.sqrt(max(product**2 - low_cross, 0.0))) / low_scale
    elif low_scale < 0:
        low = (product - math.sqrt(product**2 - low_cross)) / low_scale
    high = math.inf
    if high_scale > 0:
        high = (product + math.sqrt(max(product**2 - high_cross, 0.0))) / high_scale
    value = a.value / b.value
    return Interval(value, min(max(low, 0.0), value), max(high, value), level, n)


@dataclass(frozen=True, slots=True)
class ConfidenceSequence:
    """Intervals that hold at every moment at once, so that one may look whenever one likes.

    Attributes
    ----------
    value, low, high
        Shape (n,): after each label, the weighted mean so far and its limits, which never widen.
    level
        Probability that *all* the intervals cover, in (0, 1).
    """

    value: FloatArray
    low: FloatArray
    high: FloatArray
    level: float

    @property
    def last(self) -> Interval:
        """The interval after all the labels; [0, 1] and NaN before the first."""
        if len(self.value) == 0:
            return Interval(math.nan, 0.0, 1.0, self.level, 0)
        return Interval(
            float(self.value[-1]),
            float(self.low[-1]),
            float(self.high[-1]),
            self.level,
            len(self.value),
        )


def betting_interval(
    x: ArrayLike,
    level: float = 0.95,
    weights: ArrayLike | None = None,
    rng: np.random.Generator | None = None,
) -> Interval:
    """Interval for the mean of independent values in [0, 1], valid at every sample size.

    Hedged capital of Waudby-Smith & Ramdas (2023, JRSS B 86:1, Theorem 3, with the fixed-n bets of
    their eq. 26).

    Parameters
    ----------
    x
        Shape (n,), each in [0, 1], in the order drawn.
    level
        Confidence level in (0, 1).
    weights
        Shape (n,), greater than 0: inverse sampling probabilities, any scale. The largest must be
        fixed by the design, not by what was found.
    rng
        Shuffles x first, for data that were stored sorted. None: the order given.

    Notes
    -----
    Never zero-width. Voided by dependent rows (clusters) and by an order that depends on the
    values.
    """
    level = _check.open_unit("level", level)
    values, w = _bounded_and_weights(x, weights)
    if rng is not None:
        order = rng.permutation(len(values))
        values, w = values[order], w[order]
    if len(values) == 0:
        return Interval(math.nan, 0.0, 1.0, level, 0)
    sequence = _hedged_capital(values, w, level, horizon=len(values))
    return sequence.last


def confidence_sequence(
    values: ArrayLike,
    level: float = 0.95,
    weights: ArrayLike | None = None,
) -> ConfidenceSequence:
    """Anytime-valid intervals for the mean of values in [0, 1], for people who peek.

    Hedged capital of Waudby-Smith & Ramdas (2023, Theorem 3, predictable plug-in bets of eq. 24),
    intersected over time. Arguments as in `betting_interval`. With probability `level` every
    interval of the sequence covers, so labelling may stop at any moment for any reason.
    """
    level = _check.open_unit("level", level)
    x, w = _bounded_and_weights(values, weights)
    return _hedged_capital(x, w, level, horizon=None)


def _hedged_capital(
    x: FloatArray, w: FloatArray, level: float, horizon: int | None
) -> ConfidenceSequence:
    n = len(x)
    if n == 0:
        empty = np.empty(0)
        return ConfidenceSequence(empty, empty, empty, level)
    alpha = 1.0 - level
    share = w / w.max()
    stakes = _bets(x, share, alpha, horizon)
    grid = np.linspace(0.0, 1.0, _GRID + 1)
    up = np.zeros(_GRID + 1)
    down = np.zeros(_GRID + 1)
    alive = np.ones(_GRID + 1, dtype=bool)
    low, high = np.empty(n), np.empty(n)
    threshold = math.log(2.0 / alpha)
    # A bet may cost at most three quarters of the capital, whatever the value drawn.
    with np.errstate(divide="ignore"):
        cap_up, cap_down = 0.75 / grid, 0.75 / (1.0 - grid)
    for i in range(n):
        gain = share[i] * (x[i] - grid)
        up += np.log1p(np.minimum(stakes[i], cap_up) * gain)
        down += np.log1p(-np.minimum(stakes[i], cap_down) * gain)
        if horizon is None or i == n - 1:
            alive &= np.maximum(up, down) < threshold
        low[i], high[i] = _hull(grid, alive)
    mean = np.cumsum(w * x) / np.cumsum(w)
    return ConfidenceSequence(np.clip(mean, low, high), low, high, level)


def _bets(x: FloatArray, share: FloatArray, alpha: float, horizon: int | None) -> FloatArray:
    """Bet sizes that use only what came before: √(2 log(2/α) / (σ̂² · time))."""
    n = len(x)
    t = np.arange(1, n + 1)
    running_mean = (0.5 + np.cumsum(share * x)) / (1.0 + np.cumsum(share))
    spread = (0.25 + np.cumsum((share * (x - running_mean)) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], spread[:-1]])
    time = np.full(n, float(horizon)) if horizon else t * np.log1p(t)
    return np.sqrt(2.0 * math.log(2.0 / alpha) / (before * time))


def _hull(grid: FloatArray, alive: np.ndarray) -> tuple[float, float]:
    """Smallest and largest candidate left, one grid cell outwards: a grid must not shorten."""
    left = np.flatnonzero(alive)
    if len(left) == 0:  # only possible when the assumptions fail; admit ignorance
        return 0.0, 1.0
    step = grid[1]
    return max(0.0, float(grid[left[0]] - step)), min(1.0, float(grid[left[-1]] + step))


def _bounded_and_weights(
    values: ArrayLike, weights: ArrayLike | None
) -> tuple[FloatArray, FloatArray]:
    x = _check.within("x", values, 0.0, 1.0)
    w = np.ones_like(x) if weights is None else _check.vector("weights", weights)
    _check.same_length(x=x, weights=w)
    if (w <= 0).any():
        raise ValueError(f"weights must be greater than 0, got {w.min():g}")
    return x, w


def _counts(k: int, n: int, level: float) -> tuple[int, int, float]:
    trials = _check.whole("n", n)
    events = _check.whole("k", k)
    if events > trials:
        raise ValueError(f"k must be at most n = {trials}, got {events}")
    return events, trials, _check.open_unit("level", level)


def _common_level(a: Interval, b: Interval) -> float:
    if a.level != b.level:
        raise ValueError(f"both intervals must have one level, got {a.level} and {b.level}")
    return a.level
