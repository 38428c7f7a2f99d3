"""Limits for a mean of bounded, weighted, clustered terms that may be rare: the shared engine.

A normal interval fails where it matters most here: one event in 300 labels, or none. Each limit is
therefore the quantile of a gamma distribution that matches mean, variance and skewness after one
more term at the worst value still possible has been added on that side. For equally weighted 0/1
terms with few events this *is* the exact Poisson interval; for weighted ones it is the gamma
interval of Fay & Feuer (1997, Statistics in Medicine 16:791, eq. 4-6); with many terms it is the
skewness-corrected normal interval of Hall (1992, JRSS B 54:221).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from trueup.stats._check import FloatArray

__all__ = ["limit", "skewed_quantile", "student_inflation"]

_NO_SKEW = 1e-4  # below this the gamma quantile equals the normal one to 1e-5


def skewed_quantile(probability: float, skew: ArrayLike) -> FloatArray:
    """Quantile of the standardised gamma (Pearson III) distribution with the given skewness.

    Parameters
    ----------
    probability
        In (0, 1).
    skew
        Any shape; 0 gives the normal quantile, a negative value mirrors.
    """
    g = np.asarray(skew, dtype=np.float64)
    size = np.maximum(np.abs(g), _NO_SKEW)
    shape = 4.0 / size**2
    upper = np.where(g >= 0, probability, 1.0 - probability)
    quantile = (special.gammaincinv(shape, upper) - shape) / np.sqrt(shape)
    signed = np.where(g >= 0, quantile, -quantile)
    return np.where(np.abs(g) < _NO_SKEW, special.ndtri(probability), signed)


def student_inflation(tail: float, df: ArrayLike) -> FloatArray:
    """Ratio of the Student to the normal quantile: the price of an estimated variance."""
    freedom = np.maximum(np.asarray(df, dtype=np.float64), 1.0)
    outer = max(tail, 1.0 - tail)
    return np.asarray(special.stdtrit(freedom, outer) / special.ndtri(outer))


def limit(
    tail: float,
    *,
    mean: FloatArray,
    variance: FloatArray,
    third: FloatArray,
    push: FloatArray,
    df: FloatArray,
) -> FloatArray:
    """One confidence limit of a sum of independent terms.

    Parameters
    ----------
    tail
        Probability below the limit: (1 − level)/2 for the lower one, (1 + level)/2 for the upper.
    mean, variance, third
        Estimate of the sum, of its variance and of its third central moment; one shape.
    push
        The largest contribution that one further, unseen, independent term could make in the
        direction of this limit: ≤ 0 for the lower, ≥ 0 for the upper. It keeps the interval open
        when nothing was seen.
    df
        Degrees of freedom behind `variance`.

    Notes
    -----
    Inverting a test on the mean doubles the skewness of the estimate to first order (compare the
    Poisson count, skewness 1/√y, with its chi-square limits, skewness 2/√y).
    """
    spread = np.sqrt(variance + push**2)
    skew = 2.0 * (third + push**3) / np.where(spread > 0, spread, 1.0) ** 3
    quantile = skewed_quantile(tail, np.clip(skew, -2.0, 2.0)) * student_inflation(tail, df)
    return mean + push + spread * quantile
