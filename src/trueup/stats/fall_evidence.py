"""Has a mean fallen between two samples? Evidence that may be added up and looked at any time."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from trueup.stats import _check
from trueup.stats._check import FloatArray

__all__ = ["fall_evidence"]

_STAKES = np.geomspace(0.01, 0.9, 12)  # of the capital, on each difference
_TILTS = np.geomspace(0.01, 2.0, 16)  # for values without bounds, in standard deviations
_LEAST = 4  # values without which nothing says how far unbounded ones spread


def fall_evidence(differences: ArrayLike, reach: float | None) -> FloatArray:
    """Logarithms of e-values against "the mean difference, before − after, is at most 0".

    An e-value has mean at most 1 under its hypothesis, so that it reaches 1/δ with probability at
    most δ, and so does any average of several with weights fixed in advance (Vovk & Wang 2021).

    Parameters
    ----------
    differences
        Shape (n, P): before minus after, a column per comparison, a row per independent unit.
        NaN: the unit is not in that comparison, and does not bet.
    reach
        The largest difference that there can be, > 0: then bets ∏(1 + λ·d/reach), averaged over
        stakes λ in (0, 1); exact (Waudby-Smith & Ramdas 2023). None: any finite numbers, and
        exp(λS − λ²(ΣX² + 2nσ²)/6), averaged over λ (Delyon 2009; Howard et al. 2020, table 3), with
        σ² the sample's own: approximate, unless the variance is finite and n large.

    Returns
    -------
    ndarray
        Shape (P,). The order of the rows does not matter.

    Notes
    -----
    Voided by rows that depend on each other, and by rows that are missing because of their value.
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 2:
        raise ValueError(f"differences must be two-dimensional, got shape {d.shape}")
    if reach is None:
        return _unbounded(d)
    reach = _check.positive("reach", reach)
    if (np.abs(d) > reach * (1 + 1e-12)).any():
        raise ValueError(f"differences must be in ±{reach:g}, got {np.nanmax(np.abs(d)):g}")
    bets = np.nan_to_num(d / reach)
    return _averaged(np.stack([np.log1p(stake * bets).sum(axis=0) for stake in _STAKES]))


def _unbounded(d: FloatArray) -> FloatArray:
    n = np.isfinite(d).sum(axis=0)
    x = np.nan_to_num(d)
    total, squares = x.sum(axis=0), (x * x).sum(axis=0)
    spread = np.maximum(squares - total**2 / np.maximum(n, 1), 0.0) / np.maximum(n - 1, 1)
    known = (n >= _LEAST) & (spread > 0)
    tilt = _TILTS[:, None] / np.sqrt(np.where(known, spread, 1.0))
    found = _averaged(tilt * total - tilt**2 * (squares + 2 * n * spread) / 6)
    return np.where(known, found, 0.0)


def _averaged(logs: FloatArray) -> FloatArray:
    top = logs.max(axis=0)
    return np.asarray(top + np.log(np.exp(logs - top).sum(axis=0)) - math.log(len(logs)))
