"""Gold reward against how far the policy has moved: the two forms of Gao et al. 2022, fitted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from trueup.goodhart.divergence.result import ScalingFit
from trueup.stats import Interval

__all__ = ["fit_scaling", "peak_of", "reward_at"]

FloatArray = NDArray[np.float64]
Form = Literal["best-of-n", "rl"]

_LEAST = 4  # distinct distances: a start, α, β and one to tell the noise
_DRAWS = 4000
_GRID = 400


def reward_at(form: Form, d: ArrayLike, alpha: float, beta: float) -> FloatArray:
    """Reward above the start at d = √KL: d(α − βd) for best-of-n, d(α − β ln d) for RL; 0 at 0."""
    return _basis(form, np.asarray(d, dtype=np.float64)) @ np.array([alpha, beta])


def peak_of(form: Form, alpha: float, beta: float) -> float:
    """Where it is highest: α/2β for best-of-n, exp(α/β − 1) for RL; NaN unless β > 0 (and α)."""
    if not beta > 0 or (form == "best-of-n" and not alpha > 0):
        return math.nan
    return alpha / (2 * beta) if form == "best-of-n" else math.exp(min(alpha / beta - 1, 700.0))


def fit_scaling(
    form: Form,
    d: ArrayLike,
    reward: ArrayLike,
    *,
    level: float = 0.95,
    start: float | None = None,
    covariance: ArrayLike | None = None,
    units: int = 0,
) -> ScalingFit | None:
    """Fit start + the form by least squares, with Student's intervals; None with too few distances.

    Parameters
    ----------
    form
        Which of the two.
    d, reward
        Shape (n,): √KL in √nats, ≥ 0, and the gold reward there.
    level
        Confidence level in (0, 1).
    start
        The reward at d = 0, where it is known, such as 0 for rewards counted from there. None: it
        is fitted too.
    covariance, units
        Shape (n, n): covariance of the rewards, from so many independent units (prompts), when they
        are means over the same ones. None: the points scatter independently around the form.

    Notes
    -----
    The peak is a function of α/β, so its limits are Fieller's (1954). It is unknown, and not
    extrapolated, when β's interval reaches 0 or when the peak lies beyond the data.

    Voided by a policy that moves otherwise than such curves, by errors that depend on each other
    (checkpoints of one run) unless `covariance` says how, and, for best-of-n, by KL that is only an
    upper bound.
    """
    x, y = np.asarray(d, dtype=np.float64), np.asarray(reward, dtype=np.float64)
    if (x < 0).any():
        raise ValueError(f"d must be at least 0, got {x.min():g}")
    parameters = 2 if start is not None else 3
    if len(np.unique(x)) < _LEAST - (start is not None):
        return None
    known = None if covariance is None else np.asarray(covariance, dtype=np.float64)
    found = _least_squares(form, x, y - (start or 0.0), level, start is None, known, units)
    base = found.interval(2) if start is None else Interval(start, start, start, level, len(x))
    alpha, beta = found.interval(0), found.interval(1)
    peak, unknown = _peak(form, found, float(x.max()))
    highest = None if peak is None else _highest(form, found, peak, start or 0.0)
    return ScalingFit(
        form=form,
        start=base,
        alpha=alpha,
        beta=beta,
        peak=peak,
        peak_reward=highest,
        peak_n=_in_n(peak) if peak is not None and form == "best-of-n" else None,
        unknown=unknown,
        rmse=found.size,
        d=tuple(map(float, x)),
        value=tuple(map(float, y)),
        method=f"least squares, {parameters} parameters, {len(x)} points; limits of Fieller "
        + ("from the scatter" if known is None else f"over {units:,} prompts"),
    )


@dataclass(frozen=True)
class _Fitted:
    """Coefficients (α, β, start), their covariance, and Student's quantile."""

    form: Form
    coefficient: FloatArray
    covariance: FloatArray
    size: float
    free: int
    level: float
    n: int

    def interval(self, place: int) -> Interval:
        value = float(self.coefficient[place])
        half = self.quantile * math.sqrt(float(self.covariance[place, place]))
        return Interval(value, value - half, value + half, self.level, self.n)

    @property
    def quantile(self) -> float:
        return float(stats.t.ppf(0.5 + self.level / 2, self.free))


def _basis(form: Form, d: FloatArray) -> FloatArray:
    if form == "best-of-n":
        return np.stack([d, -d * d], axis=-1)
    return np.stack([d, -d * np.log(np.where(d > 0, d, 1.0))], axis=-1)


def _least_squares(
    form: Form,
    x: FloatArray,
    y: FloatArray,
    level: float,
    intercept: bool,
    known: FloatArray | None,
    units: int,
) -> _Fitted:
    columns = _basis(form, x)
    if intercept:
        columns = np.column_stack([columns, np.ones(len(x))])
    coefficient, *_ = np.linalg.lstsq(columns, y, rcond=None)
    free = len(x) - columns.shape[1]
    rest = y - columns @ coefficient
    size = math.sqrt(float(rest @ rest) / free)
    covariance = np.asarray(size**2 * np.linalg.pinv(columns.T @ columns), dtype=np.float64)
    if known is not None:
        weights = np.linalg.pinv(columns)  # the coefficients are these sums of the rewards
        covariance = np.asarray(weights @ known @ weights.T, dtype=np.float64)
        free = units - 1
    fitted = np.asarray(coefficient, dtype=np.float64)
    return _Fitted(form, fitted, covariance, size, free, level, len(x))


def _peak(form: Form, found: _Fitted, furthest: float) -> tuple[Interval | None, str]:
    """The peak with Fieller's limits, or why it is unknown."""
    beta = found.interval(1)
    if not beta.low > 0:
        return None, "The interval of β reaches 0: the data do not show that the truth turns."
    ratio = _fieller(found)
    if ratio is None:
        return None, "The ratio of α to β has no bounded interval."
    to_peak: Callable[[float], float] = (
        (lambda r: max(r, 0.0) / 2)
        if form == "best-of-n"
        else (lambda r: math.exp(min(r - 1, 700.0)))
    )
    value, low, high = (to_peak(r) for r in ratio)
    if value > furthest:
        return None, "The peak of the fit lies beyond the data, and is not extrapolated."
    if form == "best-of-n" and not value > 0:
        return None, "The fit falls from the start: it has no peak."
    return Interval(value, low, high, found.level, found.n), ""


def _fieller(found: _Fitted) -> tuple[float, float, float] | None:
    """α/β with the limits of all ratios that are not rejected; None where they are unbounded."""
    alpha, beta = (float(one) for one in found.coefficient[:2])
    q = found.quantile**2
    vaa, vab, vbb = (float(found.covariance[i, j]) for i, j in ((0, 0), (0, 1), (1, 1)))
    a, b, c = beta**2 - q * vbb, alpha * beta - q * vab, alpha**2 - q * vaa
    if not (math.isfinite(a) and a > 0):
        return None
    root = math.sqrt(max(b * b - a * c, 0.0))
    return alpha / beta, (b - root) / a, (b + root) / a


def _highest(form: Form, found: _Fitted, peak: Interval, start: float) -> Interval:
    """The reward at the peak: highest of curves drawn around the fit, within the peak's limits."""
    rng = np.random.default_rng(0)
    scale = np.sqrt(found.free / rng.chisquare(found.free, _DRAWS))
    rough = rng.multivariate_normal(np.zeros(len(found.coefficient)), found.covariance, _DRAWS)
    drawn = found.coefficient + scale[:, None] * rough
    grid = np.linspace(peak.low, peak.high, _GRID)
    columns = _basis(form, grid)
    if len(found.coefficient) == 3:
        columns = np.column_stack([columns, np.ones(_GRID)])
    tops = (drawn @ columns.T).max(axis=1)
    at_peak = _basis(form, np.array([peak.value]))[0] @ found.coefficient[:2]
    value = start + float(at_peak + found.coefficient[2:].sum())
    tail = (1 - found.level) / 2
    low, high = start + np.quantile(tops, [tail, 1 - tail])
    return Interval(value, min(float(low), value), max(float(high), value), found.level, found.n)


def _in_n(peak: Interval) -> Interval:
    """From d = √KL to the n of best-of-n that has it."""
    ends = (_n_of(one) for one in (peak.value, peak.low, peak.high))
    value, low, high = ends
    return Interval(value, low, high, peak.level, peak.n)


def _n_of(d: float) -> float:
    """The n ≥ 1 with ln n − (n − 1)/n = d²."""
    low, high = 0.0, d * d + 1.0 + 1e-9  # of ln n
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if middle - 1 + math.exp(-middle) < d * d else (low, middle)
    return math.exp(min(low, 700.0))
