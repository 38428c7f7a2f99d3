"""P-values and bounds for "the risk is above alpha": what certifies a setting of a dial.

References: Angelopoulos, Bates, Candès, Jordan & Lei (2021, Learn then Test, arXiv:2110.01052) for
testing settings one by one; Bates et al. (2021, JACM 68:43) for the Hoeffding–Bentkus p-value;
Waudby-Smith & Ramdas (2023, JRSS B 86:1) for bets on bounded means.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from trueup.stats import _check
from trueup.stats._check import FloatArray, IntArray

__all__ = [
    "BoundedRisks",
    "CountedRisks",
    "Risks",
    "betting_p",
    "binomial_p",
    "hoeffding_bentkus_p",
    "least_n",
    "most_losses",
]

_BETS = (1.0, 0.75, 0.5, 0.25)  # on a risk of 0, 1/4, 1/2 and 3/4 of alpha
_STEPS = 50  # of a bisection: far below any figure that is printed


def binomial_p(losses: ArrayLike, n: ArrayLike, alpha: float) -> FloatArray:
    """Exact p-value of "risk ≥ alpha" for 0/1 losses: P(Binomial(n, alpha) ≤ losses).

    Parameters
    ----------
    losses, n
        Any common shape, whole numbers with 0 ≤ losses ≤ n.
    alpha
        In (0, 1).

    Returns
    -------
    ndarray
        In [0, 1]; 1 where n is 0, because nothing was seen.

    Notes
    -----
    Super-uniform when the examples are independent draws from the traffic, and for a sample drawn
    without replacement (Hoeffding 1963, Theorem 4). Voided by clustered examples.
    """
    alpha = _check.open_unit("alpha", alpha)
    k, m = np.broadcast_arrays(np.asarray(losses, float), np.asarray(n, float))
    if (k < 0).any() or (k > m).any():
        raise ValueError("losses must be between 0 and n")
    return np.where(m > 0, special.bdtr(k, m.astype(np.int64), alpha), 1.0)


def hoeffding_bentkus_p(mean: ArrayLike, n: ArrayLike, alpha: float) -> FloatArray:
    """P-value of "risk ≥ alpha" for independent losses in [0, 1] (Bates et al. 2021, Theorem 5).

    The smaller of Hoeffding's exp(−n·h(min(mean, α), α)), h the binary relative entropy, and
    Bentkus's e·P(Binomial(n, α) ≤ ⌈n·mean⌉). Shapes and voids as in `binomial_p`; 1 where n is 0.
    """
    alpha = _check.open_unit("alpha", alpha)
    r, m = np.broadcast_arrays(np.asarray(mean, float), np.asarray(n, float))
    below = np.minimum(r, alpha)
    entropy = special.rel_entr(below, alpha) + special.rel_entr(1 - below, 1 - alpha)
    hoeffding = np.exp(-m * entropy)
    losses = np.ceil(np.where(m > 0, r * m, 0.0) - 1e-9)
    bentkus = math.e * special.bdtr(losses, m.astype(np.int64), alpha)
    return np.where(m > 0, np.minimum(np.minimum(hoeffding, bentkus), 1.0), 1.0)


def betting_p(
    losses: ArrayLike,
    alpha: float,
    *,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
) -> FloatArray:
    """P-value of "weighted risk ≥ alpha" for losses in [0, 1]: one over the capital of some bets.

    Each cluster c bets on z = Σ w·(loss − α) / M, M the largest weight, its mass Σ w cut to M where
    it is more. Under the hypothesis the z add up to at least 0 in expectation, so the capital
    Π(1 − λz) has expectation at most 1 (log(1 − λz) ≤ −λz), and Markov's inequality makes 1/capital
    a p-value. Four bets λ share the capital equally: those best against a risk of 0, α/4, α/2 and
    3α/4.

    Parameters
    ----------
    losses
        Shape (n,) or (n, K), each in [0, 1]: K settings on the same examples.
    alpha
        In (0, 1).
    weights
        Shape (n,), greater than 0: inverse sampling probabilities, any scale. The largest must be
        fixed by the design, not by what was found.
    clusters
        Shape (n,), codes; rows of one user share one. The risk is then one in which no user counts
        for more than the heaviest single row: with equal weights, each user counts once. None:
        every row is its own.

    Returns
    -------
    ndarray
        Shape (K,), in (0, 1]; 1 when n is 0. The order of the rows does not matter.

    Notes
    -----
    Holds for independent draws, and for stratified ones with known probabilities. Voided by wrong
    probabilities, and by clusters that depend on each other.
    """
    alpha = _check.open_unit("alpha", alpha)
    lost, mass = _masses(*_loss_matrix(losses, weights, clusters))
    return _capital_p(lost, mass, alpha)


def most_losses(n: int, alpha: float, delta: float) -> int:
    """The largest k with P(Binomial(n, alpha) ≤ k) ≤ delta; −1 when there is none.

    With n positives in a calibration set, the threshold at the (k + 1)-th smallest of their scores
    misses more than alpha with probability at most delta (Wilks 1941: its order statistic).
    """
    alpha, delta = _check.open_unit("alpha", alpha), _check.open_unit("delta", delta)
    low, high = -1, _check.whole("n", n)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if special.bdtr(middle, n, alpha) <= delta else (low, middle)
    return low


def least_n(alpha: float, delta: float, rate: float = 0.0, *, power: float = 0.8) -> int | None:
    """Examples needed to certify "risk ≤ alpha" when the risk is really `rate`.

    With rate 0 none is lost and the answer is ⌈log delta / log(1 − alpha)⌉; otherwise the least n
    (searched by doubling and halving) at which an exact binomial test succeeds with probability
    `power`. None when rate ≥ alpha: no number is enough.
    """
    alpha, delta = _check.open_unit("alpha", alpha), _check.open_unit("delta", delta)
    if rate >= alpha:
        return None
    needed = math.ceil(math.log(delta) / math.log1p(-alpha))
    if rate <= 0:
        return needed
    low, high = needed - 1, needed
    while not _succeeds(high, alpha, delta, rate, power):
        low, high = high, 2 * high
        if high > 1e9:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (low, middle) if _succeeds(middle, alpha, delta, rate, power) else (middle, high)
        )
    return high


def _succeeds(n: int, alpha: float, delta: float, rate: float, power: float) -> bool:
    allowed = most_losses(n, alpha, delta)
    return allowed >= 0 and special.bdtr(allowed, n, rate) >= power


class Risks(Protocol):
    """One risk per setting, with its evidence. Undefined (no examples): mean NaN, p-value 1."""

    @property
    def method(self) -> str: ...

    @property
    def n(self) -> FloatArray:
        """Shape (K,): examples behind each setting's risk."""

    @property
    def mean(self) -> FloatArray:
        """Shape (K,): the empirical risk."""

    def p_values(self, alpha: float) -> FloatArray:
        """Shape (K,): of the hypothesis that the risk is alpha or more."""

    def upper(self, setting: int, delta: float) -> float:
        """The least alpha that this setting alone would be certified at."""


@dataclass(frozen=True)
class CountedRisks:
    """0/1 losses of independent, equally weighted examples.

    Attributes
    ----------
    losses, n
        Shape (K,): examples lost at each setting, and examples there are.
    """

    losses: FloatArray
    n: FloatArray
    method: str = "exact binomial"

    @property
    def mean(self) -> FloatArray:
        with np.errstate(invalid="ignore"):
            return np.where(self.n > 0, self.losses / self.n, np.nan)

    def p_values(self, alpha: float) -> FloatArray:
        return binomial_p(self.losses, self.n, alpha)

    def upper(self, setting: int, delta: float) -> float:
        """Clopper–Pearson, one-sided."""
        k, n = float(self.losses[setting]), float(self.n[setting])
        if n == 0 or k >= n:
            return 1.0
        return float(special.betaincinv(k + 1, n - k, 1 - delta))


@dataclass(frozen=True)
class BoundedRisks:
    """Losses in [0, 1], weighted or clustered: tested by betting.

    Attributes
    ----------
    values
        Shape (n, K): the loss of each example at each setting.
    weights, clusters
        Shape (n,), or None.
    """

    values: FloatArray
    weights: FloatArray | None = None
    clusters: IntArray | None = None
    method: str = "betting"

    @property
    def n(self) -> FloatArray:
        return np.full(self.values.shape[1], float(len(self.values)))

    @property
    def mean(self) -> FloatArray:
        if not len(self.values):
            return np.full(self.values.shape[1], np.nan)
        lost, mass = _masses(*_loss_matrix(self.values, self.weights, self.clusters))
        return lost.sum(axis=0) / mass.sum()

    def p_values(self, alpha: float) -> FloatArray:
        return betting_p(self.values, alpha, weights=self.weights, clusters=self.clusters)

    def upper(self, setting: int, delta: float) -> float:
        if not len(self.values):
            return 1.0
        lost, mass = _masses(*_loss_matrix(self.values[:, [setting]], self.weights, self.clusters))
        low, high = 0.0, 1.0
        for _ in range(_STEPS):
            middle = (low + high) / 2
            if _capital_p(lost, mass, middle)[0] <= delta:
                high = middle
            else:
                low = middle
        return high


def _loss_matrix(
    losses: ArrayLike, weights: ArrayLike | None, clusters: ArrayLike | None
) -> tuple[FloatArray, FloatArray, np.ndarray]:
    values = np.asarray(losses, dtype=np.float64)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or not ((values >= 0) & (values <= 1)).all():
        raise ValueError("losses must have one or two dimensions and lie in [0, 1]")
    w = np.ones(len(values)) if weights is None else _check.vector("weights", weights)
    if len(w) != len(values):
        raise ValueError(f"weights must be as long as losses ({len(values)}), got {len(w)}")
    if (w <= 0).any():
        raise ValueError(f"weights must be greater than 0, got {w.min():g}")
    return values, w, _check.cluster_codes(clusters, len(values))


def _masses(values: FloatArray, w: FloatArray, index: np.ndarray) -> tuple[FloatArray, FloatArray]:
    """Per cluster the weight lost at each setting, and its weight, in shares of the largest row's.

    A cluster that weighs more than one row can is cut to that.
    """
    if not len(values):
        return values, np.zeros((0, 1))
    order = np.argsort(index, kind="stable")
    starts = np.flatnonzero(np.diff(index[order], prepend=-1))
    share = (w / w.max())[order, None]
    mass = np.add.reduceat(share, starts, axis=0)
    lost = np.add.reduceat(values[order] * share, starts, axis=0)
    cut = np.minimum(1.0, 1.0 / mass)
    return lost * cut, mass * cut


def _capital_p(lost: FloatArray, mass: FloatArray, alpha: float) -> FloatArray:
    """1 over the mixed capital; shapes (clusters, K) and (clusters, 1)."""
    if not len(lost):
        return np.ones(lost.shape[1])
    z = lost - alpha * mass
    logs = []
    with np.errstate(divide="ignore"):
        for bet in _BETS:
            growth = np.maximum(-bet / (1 - alpha) * z, -1.0)  # rounding must not pass -1
            logs.append(np.log1p(growth).sum(axis=0))
    log_capital = special.logsumexp(logs, axis=0) - math.log(len(_BETS))
    return np.exp(-np.maximum(log_capital, 0.0))
