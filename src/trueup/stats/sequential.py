"""Has the risk risen above alpha? A test that may be looked at after every example, for ever."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from trueup.stats import _check
from trueup.stats._check import FloatArray

__all__ = ["RiskAlarm", "risk_alarm", "typical_delay"]

_RISES = (1.25, 1.5, 2.0, 3.0, 5.0)  # times alpha: what the bets are best against


@dataclass(frozen=True, slots=True)
class RiskAlarm:
    """Evidence that the risk is above alpha, after each example.

    Attributes
    ----------
    capital
        Shape (n,): an e-process. Under "the risk is at most alpha" it ever reaches 1/delta with
        probability at most delta.
    first
        Examples seen when it first reached 1/delta; None: never so far.
    """

    capital: FloatArray
    first: int | None
    alpha: float
    delta: float


def risk_alarm(
    losses: ArrayLike, alpha: float, delta: float, *, weights: ArrayLike | None = None
) -> RiskAlarm:
    """Watch a stream of losses in [0, 1] for a risk above alpha.

    Bets on each loss that it exceeds alpha, from capital that is split in advance among five sizes
    of the rise and among the moments at which it may begin: the j-th block of 1/alpha examples gets
    a share 1/(j(j + 1)) (Ville 1939; Waudby-Smith & Ramdas 2023 for the bets; Shin, Ramdas &
    Rinaldo 2022, arXiv:2203.03532, for mixing over starts). So a rise late in a long quiet stream
    is seen almost as fast as one at its beginning, and still the probability of any false alarm,
    ever, is at most delta.

    Parameters
    ----------
    losses
        Shape (n,), in the order in which they came to be known.
    alpha, delta
        Bound on the risk, and on the probability of a false alarm; in (0, 1).
    weights
        Shape (n,), in (0, 1]: inverse sampling probabilities in shares of the largest that the
        design allows, so that a later example cannot change what was said of the earlier ones.

    Notes
    -----
    Voided by an order that depends on the losses, such as harmful examples labelled first.
    """
    alpha, delta = _check.open_unit("alpha", alpha), _check.open_unit("delta", delta)
    x = _check.within("losses", losses, 0.0, 1.0)
    w = np.ones_like(x) if weights is None else _check.vector("weights", weights)
    _check.same_length(losses=x, weights=w)
    if len(w) and not ((w > 0) & (w <= 1)).all():
        raise ValueError(f"weights must be in (0, 1], got {w.min():g} to {w.max():g}")
    rises = np.array([min(rise * alpha, (1 + alpha) / 2) for rise in _RISES])
    stakes = (rises - alpha) / (alpha * (1 - alpha))
    growth = 1.0 + np.outer(w * (x - alpha), stakes)
    capital = np.empty(len(x))
    running = np.zeros(len(stakes))
    block = round(1 / alpha)
    for j, start in enumerate(range(0, len(x), block), 1):
        path = (running + 1.0 / (j * (j + 1))) * np.cumprod(growth[start : start + block], axis=0)
        capital[start : start + block] = path.mean(axis=1) + 1.0 / (j + 1)
        running = path[-1]
    reached = np.flatnonzero(capital >= 1.0 / delta)
    first = int(reached[0]) + 1 if len(reached) else None
    return RiskAlarm(capital, first, alpha, delta)


def typical_delay(alpha: float, risk: float, delta: float) -> float:
    """Examples until an alarm when the risk has always been `risk` > alpha, roughly.

    log(5·2/delta) over the growth of the best bet per example, the divergence of `risk` from alpha.
    """
    alpha, risk = _check.open_unit("alpha", alpha), _check.open_unit("risk", risk)
    growth = risk * math.log(risk / alpha) + (1 - risk) * math.log((1 - risk) / (1 - alpha))
    return math.log(2 * len(_RISES) / delta) / growth if risk > alpha else math.inf
