"""Rank agreement across models, and which of them nobody beats on every axis."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trueup.stats import _check

__all__ = ["pareto_set", "spearman"]


def spearman(x: ArrayLike, y: ArrayLike) -> float:
    """Spearman's rank correlation, ties given their mean rank (Pearson's r of the ranks).

    Parameters
    ----------
    x, y
        Shape (n,), finite.

    Returns
    -------
    float
        In [-1, 1]; NaN with fewer than two rows or when either side is constant.
    """
    a, b = _check.vector("x", x), _check.vector("y", y)
    _check.same_length(x=a, y=b)
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    from scipy.stats import rankdata  # slow to import, and only needed here

    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def pareto_set(costs: ArrayLike) -> NDArray[np.bool_]:
    """Mark the rows that no other row beats: no worse on every axis and better on one.

    Parameters
    ----------
    costs
        Shape (n, d), finite, smaller is better on every axis (negate what should be large).

    Returns
    -------
    ndarray of bool
        Shape (n,); equal rows are all kept.
    """
    table = np.asarray(costs, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"costs must have shape (n, d), got {table.shape}")
    if not np.isfinite(table).all():
        raise ValueError("costs must hold finite numbers only, got NaN or infinity")
    no_worse = (table[:, None, :] <= table[None, :, :]).all(axis=2)
    better = (table[:, None, :] < table[None, :, :]).any(axis=2)
    return np.logical_not(np.asarray((no_worse & better).any(axis=0), dtype=np.bool_))
