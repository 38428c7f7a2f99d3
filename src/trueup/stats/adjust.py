"""What an intervention cost: differences in outcome, adjusted from logs or from a random arm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from trueup.stats import _check
from trueup.stats._check import FloatArray, IntArray
from trueup.stats.estimate import Estimate

__all__ = [
    "Cells",
    "OutcomeDifference",
    "adjusted_difference",
    "randomised_difference",
]

TRIM = 0.05  # propensities outside [TRIM, 1 − TRIM] leave too few people to compare with
MIN_OVERLAP = 0.5  # share of the target that must be comparable
MIN_EFFECTIVE = 20.0  # effective rows per arm
FOLDS = 5
RIDGE = 1.0  # pseudo-rows that hold a coefficient at 0


@dataclass(frozen=True)
class Cells:
    """A log grouped by covariates, bucket and arm, one entry per cell.

    Attributes
    ----------
    covariates
        Shape (K, p), whole-number codes of categories; binned numbers count as categories.
    bucket
        Shape (K,), hash bucket of the user or conversation id: what is independent.
    treated
        Shape (K,), 1 where the safety layer intervened.
    weight
        Shape (K,), rows in the cell, ≥ 0; fractional when rows count by their probability of
        being legitimate.
    sum_y, sum_y2
        Shape (K,), sums of the outcome and of its square, weighted alike.

    Raises
    ------
    ValueError
        Unequal lengths, values that are not finite, negative weights, or squares that are smaller
        than the mean allows.
    """

    covariates: IntArray
    bucket: IntArray
    treated: IntArray
    weight: FloatArray
    sum_y: FloatArray
    sum_y2: FloatArray

    def __post_init__(self) -> None:
        x = np.asarray(self.covariates)
        if x.ndim == 1:
            x = x[:, None]
        if x.ndim != 2 or (x.size and x.dtype.kind not in "iub"):
            raise ValueError(
                f"covariates must be whole numbers of shape (K, p), got {x.dtype} of {x.shape}"
            )
        object.__setattr__(self, "covariates", x.astype(np.int64))
        object.__setattr__(self, "bucket", _check.codes("bucket", self.bucket))
        treated = _check.codes("treated", self.treated)
        if not np.isin(treated, (0, 1)).all():
            raise ValueError(f"treated must be 0 or 1, got {np.setdiff1d(treated, (0, 1))[0]}")
        object.__setattr__(self, "treated", treated)
        for name in ("weight", "sum_y", "sum_y2"):
            object.__setattr__(self, name, _check.vector(name, getattr(self, name)))
        _check.same_length(
            covariates=x,
            bucket=self.bucket,
            treated=self.treated,
            weight=self.weight,
            sum_y=self.sum_y,
            sum_y2=self.sum_y2,
        )
        if (self.weight < 0).any():
            raise ValueError(f"weight must be at least 0, got {self.weight.min():g}")
        short = self.sum_y2 * self.weight < self.sum_y**2 - 1e-6 * (1 + self.sum_y**2)
        if short.any():
            i = int(np.flatnonzero(short)[0])
            raise ValueError(
                f"sum_y2 must be at least sum_y²/weight "
                f"({self.sum_y[i]:g}² / {self.weight[i]:g}), got {self.sum_y2[i]:g}"
            )


@dataclass(frozen=True, slots=True)
class OutcomeDifference:
    """An outcome tax and whether the two groups could be compared at all.

    Attributes
    ----------
    estimate
        E[Y | no intervention] − E[Y | intervention]: what is lost, positive when outcomes were
        worse with the intervention. `value` NaN, limits NaN, when it was refused.
    overlap
        Share of the target's weight whose propensity leaves somebody to compare with, in [0, 1].
    effective_treated, effective_control
        Effective sample sizes, (Σw)²/Σw², of the weights used in each arm.
    reason
        Why no number is given; None when one is.
    """

    estimate: Estimate
    overlap: float
    effective_treated: float
    effective_control: float
    reason: str | None = None


def adjusted_difference(
    cells: Cells,
    *,
    target: Literal["treated", "all"] = "treated",
    level: float = 0.95,
    name: str = "outcome tax",
    segment: str | None = None,
    layer: str | None = None,
) -> OutcomeDifference:
    """Difference in mean outcome adjusted for covariates: no intervention minus intervention.

    Doubly robust (AIPW; Robins, Rotnitzky & Zhao 1994), right if either the logistic propensity
    or the linear outcome model in the covariates' main effects is, cross-fitted over buckets
    (Chernozhukov et al. 2018). The interval is the grouped jackknife over buckets.

    Parameters
    ----------
    cells
        One GROUP BY of the log.
    target
        "treated": what the intervention took from those who met it. "all": what it would take
        from everyone, which needs overlap everywhere.
    level
        Confidence level in (0, 1).
    name, segment, layer
        Carried into the result.

    Returns
    -------
    OutcomeDifference
        Refused, with the reason, when an arm is empty, overlap is below `MIN_OVERLAP`, an arm's
        effective size is below `MIN_EFFECTIVE`, or there are fewer than 10 buckets.

    Notes
    -----
    Call the result *adjusted*, not *caused*. Voided by anything that moved both the intervention
    and the outcome and is not among the covariates, and by users spread over several buckets.
    """
    level = _check.open_unit("level", level)
    if target not in ("treated", "all"):
        raise ValueError(f"target must be 'treated' or 'all', got {target!r}")
    labels = _Labels(name, segment, layer, level)
    weight, treated = cells.weight, cells.treated == 1
    n = round(float(weight.sum()))
    if not (weight[treated].sum() > 0 and weight[~treated].sum() > 0):
        return labels.refused(n, "One of the two groups is empty.")
    bucket = np.unique(cells.bucket[weight > 0])
    if len(bucket) < 2 * FOLDS:
        return labels.refused(n, f"Fewer than {2 * FOLDS} independent buckets.")
    fit = _cross_fit(cells)
    overlap, effective = _overlap(cells, fit, target)
    reason = _objection(overlap, effective)
    if reason is not None:
        return labels.refused(n, reason, overlap, effective)
    parts = _influence(cells, fit, target)
    value, half = _jackknife(parts, cells.bucket, level)
    estimate = labels.estimate(value, half, n, _ADJUSTED, _ADJUSTED_ASSUMES)
    return OutcomeDifference(estimate, overlap, *effective)


def randomised_difference(
    y: ArrayLike,
    treated: ArrayLike,
    propensity: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    weights: ArrayLike | None = None,
    level: float = 0.95,
    name: str = "outcome tax",
    segment: str | None = None,
    layer: str | None = None,
) -> OutcomeDifference:
    """Difference in mean outcome between logged random arms: no intervention minus intervention.

    Hájek estimate with weights 1/probability of the arm taken, cluster-robust (linearised) with a
    Student quantile.

    Parameters
    ----------
    y
        Shape (n,), outcomes.
    treated
        Shape (n,), 1 where the arm with the intervention was drawn.
    propensity
        Shape (n,), the logged probability of the intervention arm, in (0, 1).
    clusters
        Shape (n,), what was randomised together (user); None: rows.
    weights
        Shape (n,), ≥ 0, for example the probability of being legitimate; None: 1.
    level
        Confidence level in (0, 1).
    name, segment, layer
        Carried into the result.

    Notes
    -----
    Voided by arms that were not drawn with the logged probability and by outcomes missing more in
    one arm. Refused with fewer than two clusters in either arm.
    """
    level = _check.open_unit("level", level)
    outcome = _check.vector("y", y)
    arm = _check.codes("treated", treated)
    if not np.isin(arm, (0, 1)).all():
        raise ValueError(f"treated must be 0 or 1, got {np.setdiff1d(arm, (0, 1))[0]}")
    chance = _check.within("propensity", propensity, 0.0, 1.0)
    if ((chance == 0) | (chance == 1)).any():
        raise ValueError("propensity must be in the open interval (0, 1), got 0 or 1")
    w = np.ones_like(outcome) if weights is None else _check.within("weights", weights, 0, np.inf)
    n = _check.same_length(y=outcome, treated=arm, propensity=chance, weights=w)
    index = _check.cluster_codes(clusters, n)
    labels = _Labels(name, segment, layer, level)
    used = w > 0
    in_arm = [used & (arm == 0), used & (arm == 1)]
    if min(len(np.unique(index[rows])) for rows in in_arm) < 2:
        return labels.refused(n, "An arm has fewer than two independent users.")
    inverse = w / np.where(arm == 1, chance, 1 - chance)
    contribution = np.zeros(n)
    means = []
    for sign, rows in ((1.0, in_arm[0]), (-1.0, in_arm[1])):
        share = inverse[rows] / inverse[rows].sum()
        mean = float(share @ outcome[rows])
        members = len(np.unique(index[rows]))
        means.append(mean)
        contribution[rows] = sign * share * (outcome[rows] - mean) * _small(members)
    totals = np.bincount(index, contribution)
    sizes = [_effective(inverse[rows]) for rows in in_arm]
    freedom = min(len(np.unique(index[rows])) for rows in in_arm) - 1
    error = math.hypot(math.sqrt(float((totals**2).sum())), _floor(outcome[used], sizes))
    half = float(special.stdtrit(max(freedom, 1), 0.5 + level / 2)) * error
    estimate = labels.estimate(means[0] - means[1], half, n, _RANDOM, _RANDOM_ASSUMES)
    return OutcomeDifference(estimate, 1.0, sizes[1], sizes[0])


_ADJUSTED = "adjusted difference, doubly robust, clustered by user"
_ADJUSTED_ASSUMES = (
    "Nothing outside the listed covariates moved both the intervention and the outcome.",
    "Users are independent of each other.",
)
_RANDOM = "randomised arms, weighted by the logged propensity, clustered by user"
_RANDOM_ASSUMES = (
    "Arms were drawn with the logged probabilities.",
    "Outcomes are recorded alike in both arms.",
)


@dataclass(frozen=True, slots=True)
class _Labels:
    name: str
    segment: str | None
    layer: str | None
    level: float

    def estimate(
        self, value: float, half: float, n: int, method: str, assumptions: tuple[str, ...]
    ) -> Estimate:
        return Estimate(
            self.name,
            value,
            value - half,
            value + half,
            self.level,
            n,
            0,
            method,
            assumptions,
            self.segment,
            self.layer,
        )

    def refused(
        self,
        n: int,
        reason: str,
        overlap: float = math.nan,
        effective: tuple[float, float] = (math.nan, math.nan),
    ) -> OutcomeDifference:
        estimate = self.estimate(math.nan, math.nan, n, "not estimated", (reason,))
        return OutcomeDifference(estimate, overlap, *effective, reason=reason)


@dataclass(frozen=True, slots=True)
class _Fit:
    """Cross-fitted predictions per cell: propensity and outcome without and with treatment."""

    propensity: FloatArray
    without: FloatArray
    treated: FloatArray


def _cross_fit(cells: Cells) -> _Fit:
    design = _one_hot(cells.covariates)
    fold = np.unique(cells.bucket, return_inverse=True)[1] % FOLDS
    arm = cells.treated == 1
    propensity, without, treated = (np.empty(len(fold)) for _ in range(3))
    for k in range(FOLDS):
        test, train = fold == k, fold != k
        x, w = design[train], cells.weight[train]
        propensity[test] = special.expit(design[test] @ _logistic(x, arm[train] * w, w))
        for out, rows in ((without, train & ~arm), (treated, train & arm)):
            beta = _least_squares(design[rows], cells.sum_y[rows], cells.weight[rows])
            out[test] = design[test] @ beta
    return _Fit(np.clip(propensity, 1e-6, 1 - 1e-6), without, treated)


def _one_hot(covariates: IntArray) -> FloatArray:
    """Intercept and main effects; a category's first level is the reference."""
    columns = [np.ones((len(covariates), 1))]
    for j in range(covariates.shape[1]):
        levels = np.unique(covariates[:, j])[1:]
        columns.append((covariates[:, j, None] == levels).astype(np.float64))
    return np.concatenate(columns, axis=1)


def _penalty(width: int) -> FloatArray:
    ridge = np.full(width, RIDGE)
    ridge[0] = 1e-9  # the intercept is free
    return np.diag(ridge)


def _least_squares(x: FloatArray, sum_y: FloatArray, weight: FloatArray) -> FloatArray:
    """Weighted ridge regression of cell means, from their sums."""
    normal = x.T @ (x * weight[:, None]) + _penalty(x.shape[1])
    return np.asarray(np.linalg.solve(normal, x.T @ sum_y), dtype=np.float64)


def _logistic(x: FloatArray, events: FloatArray, weight: FloatArray) -> FloatArray:
    """Ridge logistic regression of events among `weight` trials, by Newton's method."""
    beta = np.zeros(x.shape[1])
    share = np.clip(events.sum() / max(weight.sum(), 1e-12), 1e-6, 1 - 1e-6)
    beta[0] = special.logit(share)
    penalty = _penalty(x.shape[1])
    for _ in range(50):
        p = special.expit(x @ beta)
        gradient = x.T @ (events - weight * p) - penalty @ beta
        curvature = x.T @ (x * (weight * p * (1 - p))[:, None]) + penalty
        step = np.linalg.solve(curvature, gradient)
        beta = beta + step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-8:
            break
    return beta


def _arm_weights(cells: Cells, fit: _Fit, target: str) -> tuple[FloatArray, FloatArray]:
    """Weight of one row of each cell, in the control and in the treated arm."""
    e = fit.propensity
    arm = cells.treated == 1
    if target == "treated":
        return np.where(arm, 0.0, e / (1 - e)), np.where(arm, 1.0, 0.0)
    return np.where(arm, 0.0, 1 / (1 - e)), np.where(arm, 1 / e, 0.0)


def _overlap(cells: Cells, fit: _Fit, target: str) -> tuple[float, tuple[float, float]]:
    e, weight = fit.propensity, cells.weight
    if target == "treated":  # only the treated need a counterpart
        about, comparable = weight * (cells.treated == 1), e <= 1 - TRIM
    else:
        about, comparable = weight, (e >= TRIM) & (e <= 1 - TRIM)
    share = float((about * comparable).sum() / about.sum())
    control, treated = _arm_weights(cells, fit, target)
    return share, (_effective(treated, weight), _effective(control, weight))


def _effective(row_weight: FloatArray, rows: FloatArray | None = None) -> float:
    """Effective sample size (Σw)²/Σw² (Kish 1965)."""
    count = np.ones_like(row_weight) if rows is None else rows
    square = float((count * row_weight**2).sum())
    return float((count * row_weight).sum()) ** 2 / square if square > 0 else 0.0


def _objection(overlap: float, effective: tuple[float, float]) -> str | None:
    if overlap < MIN_OVERLAP:
        return f"Only {overlap:.0%} of the rows have anyone comparable in the other group."
    if min(effective) < MIN_EFFECTIVE:
        return f"The comparison rests on {min(effective):.0f} effective rows in one group."
    return None


def _influence(cells: Cells, fit: _Fit, target: str) -> FloatArray:
    """Per cell: adjustment sums and the weights that normalise them, shape (6, K).

    Rows: outcome-model difference and its weight; control residuals and weights; treated
    residuals and weights. The estimate is r0/r1 + r2/r3 − r4/r5.
    """
    weight, arm = cells.weight, cells.treated == 1
    about = weight * arm if target == "treated" else weight
    control, treated = _arm_weights(cells, fit, target)
    return np.stack(
        [
            about * (fit.without - fit.treated),
            about,
            control * (cells.sum_y - weight * fit.without),
            control * weight,
            treated * (cells.sum_y - weight * fit.treated),
            treated * weight,
        ]
    )


def _combine(parts: FloatArray) -> FloatArray:
    return parts[0] / parts[1] + parts[2] / parts[3] - parts[4] / parts[5]


def _jackknife(parts: FloatArray, bucket: IntArray, level: float) -> tuple[float, float]:
    """Estimate and half width, leaving out one bucket at a time (nuisance fits held)."""
    index = np.unique(bucket, return_inverse=True)[1]
    n_buckets = int(index.max()) + 1
    totals = np.stack([np.bincount(index, row, minlength=n_buckets) for row in parts])
    whole = totals.sum(axis=1)
    without = _combine(whole[:, None] - totals)
    value = float(_combine(whole))
    variance = (n_buckets - 1) / n_buckets * float(((without - without.mean()) ** 2).sum())
    return value, float(special.stdtrit(n_buckets - 1, 0.5 + level / 2)) * math.sqrt(variance)


def _small(members: int) -> float:
    return math.sqrt(members / (members - 1))


def _floor(outcome: FloatArray, sizes: list[float]) -> float:
    """Least standard error: one outcome at the far end of the range among each arm's rows.

    An arm in which all agree has a spread of 0 in the sample, not in the world.
    """
    reach = float(np.ptp(outcome)) or 1.0
    return reach * math.hypot(*(1.0 / max(size, 1.0) for size in sizes))
