"""From limits on E[numerator − θ·denominator] to limits on θ = E[numerator] / E[denominator]."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trueup.stats._check import FloatArray
from trueup.stats.estimate import Interval

__all__ = ["LinearSum", "Moments", "invert"]

_ROUNDS = 5  # each narrows the bracket 16-fold: 16⁻⁵ = 1e-6


class Moments(Protocol):
    """An estimate of E[z_θ], z_θ = numerator − θ·denominator: top − θ·bottom, with its limits."""

    top: float
    bottom: float

    def limit(self, theta: FloatArray, tail: float) -> FloatArray:
        """Limit of E[z_θ] with probability `tail` below it, for each θ of shape (T,)."""
        ...


class LinearSum:
    """Second and third power sums of a − θ·b over independent units, for any θ.

    They are polynomials in θ, so that one pass over the units serves every θ.
    """

    def __init__(self, a: FloatArray, b: FloatArray) -> None:
        self._second = (a @ a, -2.0 * (a @ b), b @ b)
        a2, b2 = a * a, b * b
        self._third = (a2 @ a, -3.0 * (a2 @ b), 3.0 * (a @ b2), -(b2 @ b))

    def second(self, theta: FloatArray) -> FloatArray:
        """Σ (a − θb)² for each θ; rounding below 0 is cut off."""
        return np.maximum(np.polynomial.polynomial.polyval(theta, self._second), 0.0)

    def third(self, theta: FloatArray) -> FloatArray:
        """Σ (a − θb)³ for each θ."""
        return np.asarray(np.polynomial.polynomial.polyval(theta, self._third))


def invert(moments: Moments, level: float, n: int) -> Interval:
    """Return the θ in [0, 1] for which E[z_θ] = 0 is not rejected (Fieller 1954).

    Value NaN and interval [0, 1] where the denominator is not positive.
    """
    if not moments.bottom > 0:
        return Interval(math.nan, 0.0, 1.0, level, n)
    value = min(max(moments.top / moments.bottom, 0.0), 1.0)
    # An estimate beyond 0 or 1 is moved there, and its interval with it: it must not vanish.
    shift = moments.top - value * moments.bottom

    def below(theta: FloatArray) -> NDArray[np.bool_]:
        return moments.limit(theta, 0.5 - level / 2) - shift > 0

    def above(theta: FloatArray) -> NDArray[np.bool_]:
        return moments.limit(theta, 0.5 + level / 2) - shift < 0

    return Interval(value, _edge(below, 0.0, value), _edge(above, 1.0, value), level, n)


def _edge(
    rejected: Callable[[FloatArray], NDArray[np.bool_]], outside: float, inside: float
) -> float:
    """The θ nearest to `outside` that is not rejected, searched from the outside in."""
    for _ in range(_ROUNDS):
        steps = outside + (inside - outside) * np.linspace(0.0, 1.0, 17)
        kept = np.flatnonzero(~rejected(steps))
        if len(kept) == 0:
            return inside
        first = int(kept[0])
        if first == 0:
            return outside
        outside, inside = float(steps[first - 1]), float(steps[first])
    return outside
