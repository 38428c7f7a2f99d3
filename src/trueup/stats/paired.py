"""Before against after on the same prompts: the difference, its interval, and its test."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from trueup.stats import _check
from trueup.stats._check import FloatArray
from trueup.stats._resampling import ClusterSums, Limits, mean_limits, sign_flip_p
from trueup.stats.estimate import Interval

__all__ = ["PairedDifference", "is_equivalent", "mcnemar", "paired_difference", "tango_interval"]

_ROUNDS = 80  # of bisection
_BY_FLIPS = "score interval for pairs, exact McNemar test"


@dataclass(frozen=True)
class PairedDifference:
    """A mean difference, after minus before, over prompts that were asked of both.

    Attributes
    ----------
    value
        Mean over rows; NaN without rows.
    n, n_clusters
        Rows, and clusters of them that are independent of each other.
    p_value
        Two-sided, of "no difference"; NaN without rows.
    method
        A short phrase: how interval and p-value were obtained.
    """

    value: float
    n: int
    n_clusters: int
    p_value: float
    method: str
    limits: Limits = field(repr=False, compare=False)

    def interval(self, level: float = 0.95) -> Interval:
        """The confidence interval at `level`, in (0, 1)."""
        level = _check.open_unit("level", level)
        low, high = self.limits(level)
        if math.isnan(self.value):
            return Interval(math.nan, math.nan, math.nan, level, 0)
        return Interval(self.value, min(low, self.value), max(high, self.value), level, self.n)


def mcnemar(newly: int, fixed: int) -> float:
    """Exact two-sided McNemar test: are flips one way as likely as the other?

    Parameters
    ----------
    newly, fixed
        Prompts that flipped one way and the other, whole numbers ≥ 0.

    Returns
    -------
    float
        2 · P(Binomial(newly + fixed, ½) ≤ the smaller), at most 1; 1 without flips (McNemar 1947,
        exact form). Voided by prompts that depend on each other.
    """
    b, c = _check.whole("newly", newly), _check.whole("fixed", fixed)
    return min(1.0, 2.0 * float(special.bdtr(min(b, c), b + c, 0.5)))


def tango_interval(newly: int, fixed: int, n: int, level: float = 0.95) -> Interval:
    """Score interval for the difference of paired proportions, (newly − fixed) / n.

    Tango (1998, Statistics in Medicine 17:891, eq. 10-14): every difference that the score test,
    with the discordance fitted under it, does not reject.

    Parameters
    ----------
    newly, fixed, n
        Flips one way and the other, and all pairs; newly + fixed ≤ n. n = 0 gives NaN and [-1, 1].
    level
        Confidence level in (0, 1).

    Notes
    -----
    Never zero-width. At least nominal on average, not for each truth: at 0.95 it covers some
    differences near ±1 in 90 % of draws. Voided by clustered pairs.
    """
    b, c, n = (_check.whole(k, v) for k, v in (("newly", newly), ("fixed", fixed), ("n", n)))
    level = _check.open_unit("level", level)
    if b + c > n:
        raise ValueError(f"newly + fixed must be at most n = {n}, got {b + c}")
    if n == 0:
        return Interval(math.nan, -1.0, 1.0, level, 0)
    high = _tango_upper(b, c, n, level)
    return Interval((b - c) / n, -_tango_upper(c, b, n, level), high, level, n)


def paired_difference(
    before: ArrayLike,
    after: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    bounds: tuple[float, float] | None = (0.0, 1.0),
    rng: np.random.Generator | None = None,
    replicates: int = 1000,
) -> PairedDifference:
    """Mean of after − before over prompts, with an interval and a test that respect pairing.

    Parameters
    ----------
    before, after
        Shape (n,): one row per prompt, for example the share of its samples that were refused.
    clusters
        Shape (n,), any codes: prompts that share one are not independent. None: each is its own.
    bounds
        The range of the values; None: any finite number, such as words or scores.
    rng
        For the bootstrap; None: `numpy.random.default_rng(0)`, the same answer each time.
    replicates
        Of the bootstrap, at least 200.

    Notes
    -----
    The value is the mean over rows, also where clusters differ in size.

    Rows of 0 and 1 that are their own clusters: flips tell everything, so the interval is the score
    interval for pairs (Tango 1998, no shorter than Bonett & Price 2012) and the test is `mcnemar`.
    It covers at least as well as a bootstrap of the same rows, which would only add the noise of
    its draws. All else (clusters, shares, scores): bootstrap-t over clusters (Hall 1988), or with
    fewer than 10 clusters unlike the rest a skewness-corrected interval; the test flips the signs
    of cluster sums, so that 12 repeats of 5 prompts are 5 observations, whose smallest p is 1/16.

    Never zero-width; infinite where values without bounds say nothing. Interval and test are not
    each other's inverse and may disagree near the edge.

    Voided by clusters that depend on each other, and approximate below about five of them; by
    pairing that depends on the answers; by prompts that are not those one asks about.
    """
    x, y = _values("before", before, bounds), _values("after", after, bounds)
    n = _check.same_length(before=x, after=y)
    index = _check.cluster_codes(clusters, n)
    replicates = _check.whole("replicates", replicates, least=200)
    rng = np.random.default_rng(0) if rng is None else rng
    if n == 0:
        return PairedDifference(math.nan, 0, 0, math.nan, "no prompts", _unknown)
    sums = ClusterSums.of(y - x, index)
    if len(sums) == n and np.isin(np.concatenate([x, y]), (0.0, 1.0)).all():
        newly, fixed = int((y > x).sum()), int((y < x).sum())
        limits: Limits = partial(_scored, newly, fixed, n)
        return PairedDifference(sums.mean, n, n, mcnemar(newly, fixed), _BY_FLIPS, limits)
    p_value = sign_flip_p(sums.total, rng)
    how, limits = mean_limits(
        y - x,
        index,
        reach=_reach(x, y, bounds),
        bounded=bounds is not None,
        rng=rng,
        replicates=replicates,
    )
    method = f"{how}, sign-flip test"
    return PairedDifference(sums.mean, n, len(sums), p_value, method, limits)


def is_equivalent(change: PairedDifference, margin: float, level: float = 0.95) -> bool:
    """Whether the difference is shown to lie within ± margin.

    Two one-sided tests at 1 − level each (Schuirmann 1987): the interval at 2 · level − 1 lies
    inside (−margin, margin). False when nothing is known.

    Parameters
    ----------
    change
        The difference.
    margin
        > 0, in the unit of the difference: 0.02 is two percentage points.
    level
        In (0.5, 1).
    """
    margin, level = _check.positive("margin", margin), _check.open_unit("level", level)
    if level <= 0.5:
        raise ValueError(f"level must be in the open interval (0.5, 1), got {level!r}")
    got = change.interval(2 * level - 1)
    return bool(-margin < got.low and got.high < margin)


def _values(name: str, values: ArrayLike, bounds: tuple[float, float] | None) -> FloatArray:
    return _check.vector(name, values) if bounds is None else _check.within(name, values, *bounds)


def _reach(x: FloatArray, y: FloatArray, bounds: tuple[float, float] | None) -> float:
    """The largest difference that such values can make, or were seen to."""
    if bounds is not None:
        return bounds[1] - bounds[0]
    return float(max(x.max(), y.max()) - min(x.min(), y.min()))


def _unknown(level: float) -> tuple[float, float]:
    return math.nan, math.nan


def _scored(newly: int, fixed: int, n: int, level: float) -> tuple[float, float]:
    """Tango's interval, no shorter than Bonett & Price's (2012, J Educ Behav Stat 37:479).

    The second adds a flip each way and two pairs. At 0.95 the first alone covers as little as 90 %
    (nearly all flip), the second 92 % (flips go one way); together 93 % of 8 prompts, 95 % of 30.
    """
    score = tango_interval(newly, fixed, n, level)
    up, down = (newly + 1) / (n + 2), (fixed + 1) / (n + 2)
    z = float(special.ndtri(0.5 + level / 2))
    half = z * math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    return min(score.low, max(up - down - half, -1.0)), max(score.high, min(up - down + half, 1.0))


def _tango_upper(b: int, c: int, n: int, level: float) -> float:
    z = float(special.ndtri(0.5 + level / 2))
    inside, outside = (b - c) / n, 1.0
    if inside >= 1.0:
        return 1.0
    for _ in range(_ROUNDS):
        middle = (inside + outside) / 2
        if _tango_score(b, c, n, middle) > -z:
            inside = middle
        else:
            outside = middle
    return outside


def _tango_score(b: int, c: int, n: int, delta: float) -> float:
    """The score statistic of "the difference is delta", for delta < 1."""
    linear = (2 * n - b + c) * delta - b - c
    root = math.sqrt(max(linear**2 + 8 * n * c * delta * (1 - delta), 0.0))
    back = (root - linear) / (4 * n)  # the share of the other flips, fitted under delta
    return (b - c - n * delta) / math.sqrt(n * (2 * back + delta * (1 - delta)))
