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

__all__ = ["bounds", "skewed_quantile", "student_inflation"]

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


def student_inflation(level: float, df: ArrayLike) -> FloatArray:
    """Ratio of the Student to the normal two-sided quantile: the price of an estimated variance."""
    tail = 0.5 + level / 2
    freedom = np.maximum(np.asarray(df, dtype=np.float64), 1.0)
    return special.stdtrit(freedom, tail) / special.ndtri(tail)


def bounds(
    *,
    mean: FloatArray,
    variance: FloatArray,
    third: FloatArray,
    push_low: FloatArray,
    push_high: FloatArray,
    df: FloatArray,
    level: float,
) -> tuple[FloatArray, FloatArray]:
    """Lower and upper confidence limits of a sum of independent terms.

    Parameters
    ----------
    mean, variance, third
        Estimate of the sum, of its variance and of its third central moment.
    push_low, push_high
        The largest downward (≤ 0) and upward (≥ 0) contribution that one further, unseen,
        independent term could make. They keep the interval open when nothing was seen.
    df
        Degrees of freedom behind `variance`.
    level
        Two-sided confidence level in (0, 1).

    Notes
    -----
    Inverting a test on the mean doubles the skewness of the estimate to first order (compare the
    Poisson count, skewness 1/√y, with its chi-square limits, skewness 2/√y).
    """
    inflate = student_inflation(level, df)
    limits = []
    for tail, push in ((0.5 - level / 2, push_low), (0.5 + level / 2, push_high)):
        spread = np.sqrt(variance + push**2)
        with np.errstate(divide="ignore", invalid="ignore"):
            skew = np.where(spread > 0, 2.0 * (third + push**3) / spread**3, 0.0)
        quantile = skewed_quantile(tail, np.clip(skew, -2.0, 2.0)) * inflate
        limits.append(mean + push + spread * quantile)
    return limits[0], limits[1]
