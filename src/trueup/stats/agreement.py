"""How far two raters, or a judge and the truth, agree."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trueup.stats import _check
from trueup.stats._check import FloatArray, IntArray
from trueup.stats.estimate import Interval
from trueup.stats.intervals import clopper_pearson, cluster_mean

__all__ = ["ErrorRates", "cohen_kappa", "error_rates", "f1_score", "krippendorff_alpha"]

MISSING = -1


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """A judge's two errors.

    Attributes
    ----------
    false_positive
        P(judge says yes | truth is no); `n` counts the rows whose truth is no.
    false_negative
        P(judge says no | truth is yes); `n` counts the rows whose truth is yes.
    """

    false_positive: Interval
    false_negative: Interval


def error_rates(
    truth: ArrayLike,
    judged: ArrayLike,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
) -> ErrorRates:
    """Both error rates of a yes/no judge against the truth.

    Parameters
    ----------
    truth, judged
        Shape (n,), 0/1 or booleans.
    clusters
        Shape (n,), codes of prompt or user: `cluster_mean` then gives the intervals. None, or all
        different: Clopper–Pearson.
    level
        Confidence level in (0, 1).

    Notes
    -----
    A failed judge call is not an answer: leave such rows out and report how many there were.
    """
    yes, said = _binary("truth", truth), _binary("judged", judged)
    _check.same_length(truth=yes, judged=said)
    index = _check.cluster_codes(clusters, len(yes))
    return ErrorRates(
        false_positive=_rate(said[~yes], index[~yes], level),
        false_negative=_rate(~said[yes], index[yes], level),
    )


def _rate(events: NDArray[np.bool_], index: IntArray, level: float) -> Interval:
    if len(np.unique(index)) == len(index):
        return clopper_pearson(int(events.sum()), len(events), level)
    return cluster_mean(events.astype(np.float64), index, level)


def cohen_kappa(
    a: ArrayLike,
    b: ArrayLike,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    *,
    rng: np.random.Generator | None = None,
    draws: int = 2000,
) -> Interval:
    """Agreement of two raters beyond chance (Cohen 1960), with a cluster bootstrap interval.

    Parameters
    ----------
    a, b
        Shape (n,), category codes as whole numbers.
    clusters
        Shape (n,): rows of one prompt or user share a code; None: rows are independent.
    level
        Confidence level in (0, 1).
    rng, draws
        Source of the bootstrap (default: a fixed seed, so that a report repeats) and its size.

    Returns
    -------
    Interval
        Limits in [-1, 1]. Value NaN without rows or when both raters use one category throughout
        (agreement by chance is then certain and κ is undefined).

    Notes
    -----
    The bootstrap is joined with the exact interval of the raw agreement at the observed chance
    agreement, so that perfect agreement on a few rows never looks certain.
    """
    left, right = _check.codes("a", a), _check.codes("b", b)
    n = _check.same_length(a=left, b=right)
    level = _check.open_unit("level", level)
    index = _check.cluster_codes(clusters, n)
    categories, coded = np.unique(np.concatenate([left, right]), return_inverse=True)
    size = len(categories)
    if n == 0 or size < 2:
        return Interval(math.nan, -1.0, 1.0, level, n)
    cell = coded[:n] * size + coded[n:]
    tables = _table_per_cluster(cell, index, size * size)
    value = float(_kappa(tables.sum(axis=0)[None, :], size)[0])
    low, high = _cluster_bootstrap(lambda t: _kappa(t, size), tables, level, rng, draws)
    agreed = cluster_mean((left == right).astype(np.float64), index, level)
    chance = _chance(tables.sum(axis=0), size)
    ends = [(limit - chance) / (1 - chance) for limit in (agreed.low, agreed.high)]
    return Interval(value, max(-1.0, min(low, ends[0])), min(1.0, max(high, ends[1])), level, n)


def _chance(table: FloatArray, size: int) -> float:
    square = table.reshape(size, size) / table.sum()
    return float(square.sum(axis=0) @ square.sum(axis=1))


def _kappa(tables: FloatArray, size: int) -> FloatArray:
    """κ of each flattened confusion table, shape (B,)."""
    square = tables.reshape(-1, size, size)
    total = square.sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = np.trace(square, axis1=1, axis2=2) / total
        chance = (square.sum(axis=1) * square.sum(axis=2)).sum(axis=1) / total**2
        return (observed - chance) / (1 - chance)


def f1_score(
    truth: ArrayLike,
    judged: ArrayLike,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    *,
    rng: np.random.Generator | None = None,
    draws: int = 2000,
) -> Interval:
    """F1 of a yes/no judge, with a cluster bootstrap interval.

    Parameters
    ----------
    truth, judged
        Shape (n,), 0/1 or booleans.
    clusters, level, rng, draws
        As in `cohen_kappa`.

    Returns
    -------
    Interval
        Limits in [0, 1]. Value NaN when neither side ever says yes.

    Notes
    -----
    F1 = 2J/(1 + J) with J the share of rows where both say yes among those where either does. The
    bootstrap is joined with the interval of J carried through that formula, which stays open when
    the bootstrap sees no error.
    """
    yes, said = _binary("truth", truth), _binary("judged", judged)
    n = _check.same_length(truth=yes, judged=said)
    level = _check.open_unit("level", level)
    index = _check.cluster_codes(clusters, n)
    either = yes | said
    if not either.any():
        return Interval(math.nan, 0.0, 1.0, level, n)
    tables = _table_per_cluster(yes * 2 + said, index, 4)
    value = float(_f1(tables.sum(axis=0)[None, :])[0])
    low, high = _cluster_bootstrap(_f1, tables, level, rng, draws)
    shared = _rate((yes & said)[either], index[either], level)
    ends = [2 * j / (1 + j) for j in (shared.low, shared.high)]
    return Interval(value, min(low, ends[0]), max(high, ends[1]), level, n)


def _f1(tables: FloatArray) -> FloatArray:
    """F1 of each flattened 2 × 2 table (truth major), shape (B,); NaN where undefined."""
    hit, wrong = tables[:, 3], tables[:, 1] + tables[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        return 2 * hit / (2 * hit + wrong)


def _table_per_cluster(cell: NDArray[np.int64], index: IntArray, cells: int) -> FloatArray:
    n_clusters = int(index.max()) + 1
    flat = np.bincount(index * cells + cell, minlength=n_clusters * cells)
    return flat.reshape(n_clusters, cells).astype(np.float64)


def _cluster_bootstrap(
    statistic: Callable[[FloatArray], FloatArray],
    tables: FloatArray,
    level: float,
    rng: np.random.Generator | None,
    draws: int,
) -> tuple[float, float]:
    """Percentile limits over resampled clusters; undefined draws are left out."""
    generator = np.random.default_rng(0) if rng is None else rng
    _check.whole("draws", draws, least=1)
    n_clusters = len(tables)
    values = []
    for start in range(0, draws, 100):  # blocks bound the memory
        block = min(100, draws - start)
        times = generator.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), size=block)
        values.append(statistic(times @ tables))
    drawn = np.concatenate(values)
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) == 0:
        whole = float(statistic(tables.sum(axis=0)[None, :])[0])
        return whole, whole
    low, high = np.quantile(drawn, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def krippendorff_alpha(ratings: ArrayLike) -> float:
    """Krippendorff's α for nominal categories and any number of raters, with missing answers.

    Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", section C.

    Parameters
    ----------
    ratings
        Shape (items, raters), category codes ≥ 0 as whole numbers; -1 where a rater did not
        answer.

    Returns
    -------
    float
        At most 1; NaN when no item has two answers or only one category occurs.
    """
    table = np.asarray(ratings)
    if table.ndim != 2 or (table.size and table.dtype.kind not in "iu"):
        raise ValueError(
            f"ratings must be whole numbers of shape (items, raters), got {table.dtype} "
            f"of shape {table.shape}"
        )
    if table.size and table.min() < MISSING:
        raise ValueError(f"ratings must be codes ≥ 0, or -1 for missing, got {table.min()}")
    categories = np.unique(table[table != MISSING])
    counts = (table[:, :, None] == categories).sum(axis=1).astype(np.float64)
    answers = counts.sum(axis=1)
    counts, answers = counts[answers >= 2], answers[answers >= 2]
    total = answers.sum()
    if total == 0:
        return math.nan
    overall = counts.sum(axis=0)
    expected = total**2 - (overall**2).sum()
    if expected == 0:
        return math.nan
    disagreeing = ((answers**2 - (counts**2).sum(axis=1)) / (answers - 1)).sum()
    return float(1 - (total - 1) * disagreeing / expected)


def _binary(name: str, values: ArrayLike) -> NDArray[np.bool_]:
    array = np.asarray(values)
    if array.ndim != 1 or not np.isin(array, (0, 1)).all():
        raise ValueError(f"{name} must be one-dimensional and hold 0/1 or booleans only")
    return array.astype(bool)
