"""The noise floor: how often a model disagrees with itself, which no change explains."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from trueup.stats import _check
from trueup.stats._check import FloatArray, IntArray
from trueup.stats.estimate import Interval
from trueup.stats.intervals import cluster_mean

__all__ = ["between_disagreement", "disagreement", "excess_flips", "noise_floor"]


def disagreement(refused: ArrayLike, samples: ArrayLike) -> FloatArray:
    """Share of pairs of samples of one prompt that differ: unbiased for 2p(1 − p).

    Parameters
    ----------
    refused, samples
        Shape (n,), whole numbers: of `samples` answers to each prompt, `refused` were refused.

    Returns
    -------
    ndarray
        Shape (n,): 2k(m − k) / (m(m − 1)), in [0, 1]; NaN with fewer than two samples.
    """
    k, m = _sampled("refused", refused, "samples", samples)
    pairs = m * (m - 1)
    return np.divide(2 * k * (m - k), pairs, out=np.full(len(m), np.nan), where=pairs > 0)


def between_disagreement(
    refused_before: ArrayLike, n_before: ArrayLike, refused_after: ArrayLike, n_after: ArrayLike
) -> FloatArray:
    """Share of pairs, one sample of each version, that differ, per prompt.

    Parameters
    ----------
    refused_before, n_before, refused_after, n_after
        Shape (n,), whole numbers: refused answers and all answers of each version.

    Returns
    -------
    ndarray
        Shape (n,), in [0, 1]; NaN where a version has no sample.
    """
    k, m = _sampled("refused_before", refused_before, "n_before", n_before)
    j, h = _sampled("refused_after", refused_after, "n_after", n_after)
    _check.same_length(n_before=m, n_after=h)
    pairs = m * h
    differ = k * (h - j) + (m - k) * j
    return np.divide(differ, pairs, out=np.full(len(m), np.nan), where=pairs > 0)


def noise_floor(
    refused: ArrayLike,
    samples: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
) -> Interval:
    """Mean disagreement of a version with itself, over prompts with two samples or more.

    Parameters
    ----------
    refused, samples
        As in `disagreement`.
    clusters
        Shape (n,), any codes: prompts that share one are not independent.
    level
        Confidence level in (0, 1).

    Returns
    -------
    Interval
        In [0, 1], never zero-width; value NaN when no prompt has two samples.
    """
    level = _check.open_unit("level", level)
    k, m = _sampled("refused", refused, "samples", samples)
    values, rows, index = _repeated(disagreement(k, m), clusters)
    if len(values) == 0:
        return Interval(math.nan, 0.0, 1.0, level, 0)
    return cluster_mean(values, index, level, high=float(_most(m[rows]).max()))


def excess_flips(
    refused_before: ArrayLike,
    n_before: ArrayLike,
    refused_after: ArrayLike,
    n_after: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
) -> Interval:
    """How much more two versions disagree than each with itself: what the change itself did.

    Mean over prompts of between − (within before + within after) / 2. Its expectation is the mean
    of (p_after − p_before)², so it is zero only if no prompt's probability of refusal changed,
    also where changes both ways cancel in the rate. The estimate can be negative by chance.

    Parameters
    ----------
    refused_before, n_before, refused_after, n_after
        As in `between_disagreement`; prompts with fewer than two samples of either are left out.
    clusters, level
        As in `noise_floor`.

    Returns
    -------
    Interval
        In [-1, 1], never zero-width; value NaN when no prompt has two samples of both.

    Notes
    -----
    Per prompt the estimate is (p̂_after − p̂_before)² less p̂(1 − p̂)/(m − 1) of each version,
    so that it lies between minus the largest that these can be and 1. A bootstrap covers too
    little, because most of the excess sits in few prompts; hence `cluster_mean`.
    """
    level = _check.open_unit("level", level)
    k, m = _sampled("refused_before", refused_before, "n_before", n_before)
    j, h = _sampled("refused_after", refused_after, "n_after", n_after)
    within = disagreement(k, m) + disagreement(j, h)
    values, rows, index = _repeated(between_disagreement(k, m, j, h) - within / 2, clusters)
    if len(values) == 0:
        return Interval(math.nan, -1.0, 1.0, level, 0)
    m, h = m[rows], h[rows]
    lowest = -float((_most(m) / (2 * m) + _most(h) / (2 * h)).max())
    return cluster_mean(np.maximum(values, lowest), index, level, low=lowest)


def _repeated(
    values: FloatArray, clusters: ArrayLike | None
) -> tuple[FloatArray, IntArray, IntArray]:
    """What is known, in which rows, and their clusters."""
    index = _check.cluster_codes(clusters, len(values))
    rows = np.flatnonzero(~np.isnan(values))
    return values[rows], rows, index[rows]


def _most(samples: FloatArray) -> FloatArray:
    """The largest disagreement that so many samples can show."""
    return disagreement(samples // 2, samples)


def _sampled(
    count_name: str, count: ArrayLike, of_name: str, of: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    k, m = _check.within(count_name, count, 0.0, math.inf), _check.vector(of_name, of)
    _check.same_length(**{count_name: k, of_name: m})
    if (k > m).any():
        i = int(np.flatnonzero(k > m)[0])
        raise ValueError(f"{count_name} must be at most {of_name} ({m[i]:g}), got {k[i]:g}")
    return k, m
