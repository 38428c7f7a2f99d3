"""Best of n: what picking by the proxy brings in truth, without bias from the samples at hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from trueup.errors import UserError
from trueup.goodhart.divergence.result import BestOfN
from trueup.stats import Interval
from trueup.stats.paired import paired_difference

__all__ = ["best_of_n", "best_of_n_curve", "best_of_n_kl", "best_of_n_table"]

FloatArray = NDArray[np.float64]


def best_of_n_kl(n: ArrayLike) -> FloatArray:
    """ln n − (n − 1)/n nats, for n ≥ 1.

    An upper bound of the divergence of best-of-n from the policy sampled, and far above it where
    few distinct answers are likely (Beirami et al. 2024).
    """
    many = np.asarray(n, dtype=np.float64)
    if not (many >= 1).all():
        raise ValueError(f"n must be at least 1, got {many.min():g}")
    return np.asarray(np.log(many) - (many - 1) / many)


def best_of_n(proxy: ArrayLike, truth: ArrayLike, n: int) -> float:
    """Mean truth of the sample that the proxy picks from n, unbiased, from N ≥ n samples.

    Sorted by the proxy, sample i of N is picked from C(i − 1, n − 1) of the C(N, n) subsets of n
    (Nakano et al. 2021, appendix I). Equal proxies share the chances of their ranks: a tie is
    broken at random. It equals the mean over all subsets.

    Parameters
    ----------
    proxy, truth
        Shape (N,), finite: samples of one policy for one prompt.
    n
        1 ≤ n ≤ N.
    """
    score, value = np.asarray(proxy, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if not 1 <= n <= len(score):
        raise ValueError(f"n must be between 1 and the {len(score)} samples, got {n}")
    order = np.argsort(score, kind="stable")
    chance = _rank_chances(len(score), n)
    group = np.unique(score[order], return_inverse=True)[1]
    shared = np.bincount(group, chance) / np.bincount(group)
    return float(shared[group] @ value[order])


def best_of_n_curve(
    prompt: Sequence[object],
    proxy: ArrayLike,
    truth: ArrayLike,
    *,
    level: float = 0.95,
    n: Sequence[int] | None = None,
) -> BestOfN:
    """Best of n over prompts, with intervals over prompts.

    Parameters
    ----------
    prompt, proxy, truth
        Shape (rows,): a row per sample; a prompt needs at least two.
    n
        Which; None: 1, 2, 4, … up to the fewest samples that a prompt has.
    """
    score, value = np.asarray(proxy, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    rows: dict[object, list[int]] = {}
    for row, name in enumerate(prompt):
        rows.setdefault(name, []).append(row)
    fewest = min((len(one) for one in rows.values()), default=0)
    if fewest < 2:
        raise UserError(
            "Best of n needs at least two samples of each prompt.",
            "Give a row per sample, and name the prompt with --prompt.",
        )
    chosen = list(n) if n is not None else _doubling(fewest)
    places = [np.array(one) for one in rows.values()]
    table = np.array([[best_of_n(score[one], value[one], k) for k in chosen] for one in places])
    picked = np.array([[best_of_n(score[one], score[one], k) for k in chosen] for one in places])
    truth_at = tuple(_mean(table[:, i], level) for i in range(len(chosen)))
    return BestOfN(
        n=tuple(map(float, chosen)),
        kl=tuple(map(float, best_of_n_kl(chosen))),
        truth=truth_at,
        proxy=tuple(_mean(picked[:, i], level) for i in range(len(chosen))),
        n_prompts=len(rows),
        best_n=float(chosen[int(np.argmax([one.value for one in truth_at]))]),
        covariance=_of_means(table),
    )


def best_of_n_table(n: ArrayLike, proxy: ArrayLike, truth: ArrayLike, level: float) -> BestOfN:
    """A table that holds the means at each n already; rows of one n are averaged."""
    many = np.asarray(n, dtype=np.float64)
    kinds, place = np.unique(many, return_inverse=True)
    count = np.bincount(place)

    def means(values: ArrayLike) -> tuple[Interval, ...]:
        found = np.bincount(place, np.asarray(values, dtype=np.float64)) / count
        return tuple(Interval(float(x), math.nan, math.nan, level, 1) for x in found)

    at = means(truth)
    best = int(np.argmax([one.value for one in at]))
    kl = best_of_n_kl(kinds)
    return BestOfN(tuple(kinds), tuple(map(float, kl)), at, means(proxy), 0, float(kinds[best]))


def _of_means(table: FloatArray) -> tuple[tuple[float, ...], ...]:
    """Covariance of the columns' means, the rows being independent."""
    if len(table) < 2:
        return ()
    rest = table - table.mean(axis=0)
    found = rest.T @ rest / (len(table) - 1) / len(table)
    return tuple(tuple(map(float, row)) for row in found)


def _rank_chances(size: int, n: int) -> FloatArray:
    """C(i − 1, n − 1) / C(N, n) for i = 1 … N, by logarithms."""
    i = np.arange(1, size + 1, dtype=np.float64)
    logs = np.full(size, -np.inf)
    there = i >= n
    logs[there] = _log_choose(i[there] - 1, n - 1.0) - _log_choose(np.array(float(size)), float(n))
    return np.asarray(np.exp(logs))


def _log_choose(n: FloatArray, k: float) -> FloatArray:
    return np.asarray(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1))


def _doubling(most: int) -> list[int]:
    found = [2**k for k in range(int(math.log2(most)) + 1)]
    return found if found[-1] == most else [*found, most]


def _mean(values: FloatArray, level: float) -> Interval:
    """Mean over prompts, with the interval of a paired difference from nothing."""
    return paired_difference(np.zeros_like(values), values, bounds=None).interval(level)
