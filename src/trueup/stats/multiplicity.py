"""Many tests at once: p-values that stay honest when the smallest is picked."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from trueup.stats._check import FloatArray

__all__ = ["holm"]


def holm(p: ArrayLike) -> FloatArray:
    """Adjusted p-values of Holm (1979): reject those ≤ α, and P(any false rejection) ≤ α.

    Parameters
    ----------
    p
        Any shape, each in [0, 1]; NaN stands for a test that was not done, stays NaN and does not
        count. Whether it was done must not depend on the outcomes of the others.

    Returns
    -------
    ndarray
        The shape of `p`: the i-th smallest of m times (m − i + 1), made non-decreasing, at most 1.

    Notes
    -----
    Needs no independence. Voided by leaving out tests because of what they showed.
    """
    raw = np.asarray(p, dtype=np.float64)
    if ((raw < 0) | (raw > 1)).any():
        got = raw[(raw < 0) | (raw > 1)].flat[0]
        raise ValueError(f"p must be in [0, 1], got {got:g}")
    adjusted = np.full(raw.shape, np.nan)
    known = ~np.isnan(raw)
    values = raw[known]
    order = np.argsort(values, kind="stable")
    steps = values[order] * np.arange(len(values), 0, -1)
    out = np.empty_like(values)
    out[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    adjusted[known] = out
    return adjusted
