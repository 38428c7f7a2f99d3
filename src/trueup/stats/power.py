"""How many: rows for a test, labels for an interval, and where to spend them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from trueup.stats import _check
from trueup.stats._check import FloatArray
from trueup.stats._labelled import MIN_TO_TUNE, LabelledMoments
from trueup.stats._population import PopulationSide
from trueup.stats.ppi_inputs import Population, Sample

__all__ = [
    "LabelPlan",
    "equivalence_n",
    "interval_half_width_after",
    "labels_needed",
    "neyman_allocation",
    "paired_n",
    "two_proportion_n",
]


def two_proportion_n(p1: float, p2: float, *, power: float = 0.8, level: float = 0.95) -> int:
    """Rows per arm to see a change from p1 to p2: two-sided test, unpooled variance.

    n = (z₁₋α/₂ + z_power)² · (p1(1 − p1) + p2(1 − p2)) / (p1 − p2)², rounded up.

    Parameters
    ----------
    p1, p2
        Proportions in [0, 1], different from each other.
    power
        Chance of seeing it, in (0, 1).
    level
        1 − α, in (0, 1).
    """
    first, second = (float(_check.within(k, [v], 0.0, 1.0)[0]) for k, v in (("p1", p1), ("p2", p2)))
    if first == second:
        raise ValueError(f"p1 and p2 must differ, got {p1!r} twice")
    z = special.ndtri(0.5 + _check.open_unit("level", level) / 2)
    z += special.ndtri(_check.open_unit("power", power))
    spread = first * (1 - first) + second * (1 - second)
    return max(1, math.ceil(float(z**2) * spread / (first - second) ** 2))


def paired_n(newly: float, fixed: float, *, power: float = 0.8, level: float = 0.95) -> int | None:
    """Prompts for McNemar's test to see these shares of flips.

    Connor (1987, Biometrics 43:207), with ψ = newly + fixed and d = newly − fixed:
    n = (z₁₋α/₂ √ψ + z_power √(ψ − d²))² / d², rounded up.

    Parameters
    ----------
    newly, fixed
        Shares of prompts that flip each way, ≥ 0, together at most 1.
    power
        Chance of seeing it, in (0, 1).
    level
        1 − α, in (0, 1).

    Returns
    -------
    int or None
        None when both are equal: no number of prompts shows a difference that is none.
    """
    shares = _check.within("newly and fixed", [newly, fixed], 0.0, 1.0)
    flips, change = float(shares.sum()), float(shares[0] - shares[1])
    if flips > 1.0:
        raise ValueError(f"newly + fixed must be at most 1, got {flips:g}")
    z = special.ndtri(0.5 + _check.open_unit("level", level) / 2)
    z_power = special.ndtri(_check.open_unit("power", power))
    if change == 0.0:
        return None
    root = float(z * math.sqrt(flips) + z_power * math.sqrt(max(flips - change**2, 0.0)))
    return max(1, math.ceil(root**2 / change**2))


def equivalence_n(
    discordance: float, margin: float, *, power: float = 0.8, level: float = 0.95
) -> int:
    """Prompts that show that no difference is there, to within ± margin (`is_equivalent`).

    Two one-sided tests at 1 − level when the true difference is 0, by the normal approximation
    (Schuirmann 1987; Chow, Shao & Wang 2008, §3.1.3): n = (z_level + z₍₁₊power₎/₂)² · ψ / margin².

    Parameters
    ----------
    discordance
        ψ, in (0, 1]: share of prompts that flip, both ways together; for shares of several samples
        the variance of the difference.
    margin
        In (0, 1); 0.02 is two percentage points.
    power
        Chance of showing it, in (0, 1).
    level
        In (0.5, 1).
    """
    if not 0.0 < discordance <= 1.0:
        raise ValueError(f"discordance must be in (0, 1], got {discordance!r}")
    margin = _check.open_unit("margin", margin)
    level = _check.open_unit("level", level)
    if level <= 0.5:
        raise ValueError(f"level must be in the open interval (0.5, 1), got {level!r}")
    z = special.ndtri(level) + special.ndtri((1 + _check.open_unit("power", power)) / 2)
    return max(1, math.ceil(float(z**2) * discordance / margin**2))


def neyman_allocation(
    stratum_sizes: ArrayLike, stratum_sd: ArrayLike, n: int, floor: float = 0.5
) -> FloatArray:
    """Sampling probability per stratum for the smallest variance of the overall mean.

    Labels go in proportion to size × standard deviation (Neyman 1934), mixed with a share given
    in proportion to size alone, so that no row has probability 0 and a wrong guess of the
    deviations costs at most 1/floor in variance.

    Parameters
    ----------
    stratum_sizes
        Shape (H,), rows per stratum, ≥ 0.
    stratum_sd
        Shape (H,), guessed standard deviation of the residual, ≥ 0.
    n
        Labels to spend; more than there are rows means all of them.
    floor
        Share of the labels spread in proportion to size, in (0, 1].

    Returns
    -------
    ndarray
        Shape (H,), probabilities in [0, 1]; 0 only for an empty stratum or n = 0. Expected labels,
        Σ size · probability, equal min(n, rows).
    """
    sizes = _check.within("stratum_sizes", stratum_sizes, 0.0, math.inf)
    sd = _check.within("stratum_sd", stratum_sd, 0.0, math.inf)
    _check.same_length(stratum_sizes=sizes, stratum_sd=sd)
    budget = _check.whole("n", n)
    if not 0.0 < floor <= 1.0:
        raise ValueError(f"floor must be in (0, 1], got {floor!r}")
    probability = np.zeros_like(sizes)
    open_ = sizes > 0
    left = min(float(budget), float(sizes.sum()))
    while left > 1e-12 and open_.any():
        size, deviation = sizes[open_], sd[open_]
        even = size / size.sum()
        aim = size * deviation
        aim = aim / aim.sum() if aim.sum() > 0 else even
        wanted = left * (floor * even + (1 - floor) * aim) / size
        if (wanted <= 1.0).all():
            probability[open_] = wanted
            break
        full = np.flatnonzero(open_)[wanted >= 1.0]  # take these strata whole, share out the rest
        probability[full] = 1.0
        left -= float(sizes[full].sum())
        open_[full] = False
    return probability


@dataclass(frozen=True, slots=True)
class LabelPlan:
    """How many labels bring an interval to the width asked for.

    Attributes
    ----------
    n_labels
        Labels in total, those already given included; None when no number of labels is enough,
        because the log itself is too small.
    half_width
        The half width aimed at.
    level
        Confidence level.
    assumptions
        Short plain sentences: what the number rests on.
    """

    n_labels: int | None
    half_width: float
    level: float
    assumptions: tuple[str, ...]


def interval_half_width_after(
    population: Population, sample: Sample | None, n_new: int, level: float = 0.95
) -> float:
    """Expected half width of `ppi_ratio` once `n_new` further labels have been given.

    Parameters
    ----------
    population, sample
        As in `ppi_ratio`. With fewer than `MIN_TO_TUNE` labels the spread comes from the
        predictions, p(1 − p) within each stratum, as if they explained nothing beyond it.
    n_new
        Further labels, drawn as before; ≥ 0.
    level
        Confidence level in (0, 1).

    Returns
    -------
    float
        In [0, 1]; 1 when there is no label at all. NaN for an empty population.
    """
    labelled = Sample.empty() if sample is None else sample
    total = len(labelled) + _check.whole("n_new", n_new)
    spread = _spread(population, labelled)
    return spread.half_width(total, _check.open_unit("level", level))


def labels_needed(
    population: Population,
    sample: Sample | None = None,
    *,
    half_width: float = 0.01,
    level: float = 0.95,
) -> LabelPlan:
    """Labels in total that bring the interval of `ppi_ratio` to ± `half_width`.

    Parameters
    ----------
    population, sample
        As in `interval_half_width_after`.
    half_width
        In (0, 1); 0.01 is one percentage point.
    level
        Confidence level in (0, 1).
    """
    aim = _check.open_unit("half_width", half_width)
    level = _check.open_unit("level", level)
    labelled = Sample.empty() if sample is None else sample
    spread = _spread(population, labelled)
    most = max(round(population.size), 1)
    if math.isnan(spread.half_width(most, level)):
        return LabelPlan(None, aim, level, ("There are no rows to label.",))
    if spread.half_width(most, level) > aim:
        reason = "The log is too small: its own sampling error is wider than that."
        return LabelPlan(None, aim, level, (reason, spread.basis))
    few, many = 0, most
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if spread.half_width(middle, level) <= aim else (middle, many)
    return LabelPlan(many, aim, level, (spread.basis, "Labels are drawn as the queue draws them."))


@dataclass(frozen=True, slots=True)
class _Spread:
    """Variance of the estimate as fixed + per_label / n; `push` is one unseen event's share."""

    fixed: float
    per_label: float
    push: float
    bottom: float
    basis: str

    def half_width(self, n: int, level: float) -> float:
        if math.isnan(self.per_label) or not self.bottom > 0:
            return math.nan
        if n == 0:
            return 1.0
        z = float(special.ndtri(0.5 + level / 2))
        half = z * math.sqrt(self.fixed + self.per_label / n) + 0.5 * self.push / n
        return min(1.0, half / self.bottom)


def _spread(population: Population, sample: Sample) -> _Spread:
    if population.size <= 0:
        return _Spread(math.nan, math.nan, math.nan, math.nan, "")
    if len(sample) >= MIN_TO_TUNE and sample.denominator.sum() > 0:
        return _spread_of_labels(population, sample)
    return _spread_of_predictions(population)


def _spread_of_labels(population: Population, sample: Sample) -> _Spread:
    moments = LabelledMoments(population, sample)
    per_label, fixed, push = moments.spread()
    # One pseudo-event keeps a pilot that saw no error from promising a perfect annotator.
    basis = f"The spread is that of the {len(sample)} labels so far."
    return _Spread(fixed, per_label + push**2 / len(sample), push, moments.bottom, basis)


def _spread_of_predictions(population: Population) -> _Spread:
    group = np.unique(population.stratum, return_inverse=True)[1]
    side = PopulationSide(population, group)
    bottom = float(side.group_share @ side.group_bottom)
    if not bottom > 0:
        return _Spread(math.nan, math.nan, math.nan, bottom, "")
    theta = float(side.group_share @ side.group_top) / bottom
    top, below = np.minimum(side.group_top, side.group_bottom), side.group_bottom
    # Var(z) for 0/1 truth with these means: P(num)(1 − θ)² + P(den, not num)θ² − E[z]².
    second = top * (1 - theta) ** 2 + (below - top) * theta**2
    variance = second - (top - theta * below) ** 2
    none = np.zeros(len(side.group_share))
    fixed = side.shifted(1.0, none, none).variance(np.array([theta]))
    basis = "Without labels the spread is guessed from the predictions, p(1 − p) in each stratum."
    return _Spread(float(fixed[0]), float(side.group_share @ variance), 1.0, bottom, basis)
