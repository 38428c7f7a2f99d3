"""Moments of the linearised estimate, z_θ = numerator − θ·denominator, and their inversion to θ."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trueup.stats import skewed
from trueup.stats._check import FloatArray, IntArray
from trueup.stats.estimate import Interval
from trueup.stats.ppi_inputs import Population, Sample

__all__ = ["LabelledMoments", "Moments", "PredictedMoments", "invert"]

Mask = NDArray[np.bool_]

MIN_TO_TUNE = 20  # labels below which predictions cannot be judged and are not used
MIN_PER_STRATUM = 10  # labels below which a stratum joins a neighbour
MISSED_BY_CHANCE = 4.0  # expected labels; e⁻⁴ ≈ 2 %: beyond it, having none is no accident
MAX_SCALE = 2.0  # λ beyond this is noise: predictions are probabilities


class Moments(Protocol):
    """What `invert` needs: E[z_θ] is top − θ·bottom, with confidence limits at each θ."""

    top: float
    bottom: float

    def limits(self, theta: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
        """Limits of E[z_θ] for each θ of shape (T,)."""
        ...


def invert(moments: Moments, level: float, n: int) -> Interval:
    """Return the θ in [0, 1] for which E[z_θ] = 0 is not rejected (Fieller 1954)."""
    if not moments.bottom > 0:
        return Interval(math.nan, 0.0, 1.0, level, n)
    value = min(max(moments.top / moments.bottom, 0.0), 1.0)

    def too_low(theta: FloatArray) -> Mask:
        return moments.limits(theta, level)[0] > 0

    def too_high(theta: FloatArray) -> Mask:
        return moments.limits(theta, level)[1] < 0

    low = _edge(too_low, 0.0, value)
    high = _edge(too_high, 1.0, value)
    return Interval(value, low, high, level, n)


def _edge(rejected: Callable[[FloatArray], Mask], outside: float, inside: float) -> float:
    """The θ nearest to `outside` that is not rejected, refined from the outside in."""
    for _ in range(6):
        steps = _steps(outside, inside)
        kept = np.flatnonzero(~rejected(steps))
        if len(kept) == 0:
            return inside
        first = int(kept[0])
        if first == 0:
            return outside
        outside, inside = float(steps[first - 1]), float(steps[first])
    return outside


def _steps(outside: float, inside: float) -> FloatArray:
    return outside + (inside - outside) * np.linspace(0.0, 1.0, 17)


class PopulationSide:
    """Bucket totals of the predictions, and the sampling moments that follow from them."""

    def __init__(self, population: Population, group: IntArray | None = None) -> None:
        cells = len(population.n)
        self._group = np.zeros(cells, dtype=np.int64) if group is None else group
        n_groups = int(self._group.max()) + 1 if cells else 1
        bucket = np.unique(population.bucket, return_inverse=True)[1]
        self.n_buckets = int(bucket.max()) + 1 if cells else 0
        shape = (n_groups, self.n_buckets)
        flat = self._group * self.n_buckets + bucket

        def table(values: FloatArray) -> FloatArray:
            sums = np.bincount(flat, values, minlength=shape[0] * shape[1])
            return sums.astype(np.float64).reshape(shape)

        self._n = table(population.n)
        self._top = table(population.numerator).sum(axis=0)
        self._bottom = table(population.denominator).sum(axis=0)
        self.size = max(float(self._n.sum()), 1.0)
        sizes = self._n.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            self.group_top = np.nan_to_num(table(population.numerator).sum(axis=1) / sizes)
            self.group_bottom = np.nan_to_num(table(population.denominator).sum(axis=1) / sizes)
        self.group_share = sizes / self.size
        self.df = float(max(self.n_buckets - 1, 1))

    def moments(
        self, theta: FloatArray, scale: float, top_shift: FloatArray, bottom_shift: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Variance and third moment of the mean over rows of scale·ẑ_θ + shift of the row's group.

        `theta` has shape (T,); the shifts have one entry per group and are themselves linearised:
        top_shift − θ·bottom_shift. One bucket alone says nothing about spread: rows then count
        as independent.
        """
        top = scale * self._top + top_shift @ self._n
        bottom = scale * self._bottom + bottom_shift @ self._n
        rows = self._n.sum(axis=0)
        totals = top - theta[:, None] * bottom
        centred = totals - totals.sum(axis=1, keepdims=True) / self.size * rows
        if self.n_buckets < 2:
            spread = np.full(len(theta), max(scale, 1.0) ** 2 / 4 / self.size)
            return spread, np.zeros(len(theta))
        small = self.n_buckets / (self.n_buckets - 1)
        return (
            small * (centred**2).sum(axis=1) / self.size**2,
            (centred**3).sum(axis=1) / self.size**3,
        )


class PredictedMoments:
    """Moments of mean(ẑ_θ): the annotator's own rate."""

    def __init__(self, population: Population) -> None:
        self._side = PopulationSide(population)
        self.top = float(population.numerator.sum()) / self._side.size
        self.bottom = float(population.denominator.sum()) / self._side.size

    def limits(self, theta: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
        """See `Moments`."""
        none = np.zeros(1)
        variance, third = self._side.moments(theta, 1.0, none, none)
        one_row = 1.0 / self._side.size
        return skewed.bounds(
            mean=self.top - theta * self.bottom,
            variance=variance,
            third=third,
            push_low=-one_row * theta,
            push_high=one_row * (1.0 - theta),
            df=np.full(len(theta), self._side.df),
            level=level,
        )


class LabelledMoments:
    """Moments of the stratified, weighted, λ-tuned estimate of E[z_θ]."""

    def __init__(self, population: Population, sample: Sample) -> None:
        lookup = _merge_strata(population, sample)
        codes = np.unique(population.stratum)
        side = PopulationSide(population, lookup[np.searchsorted(codes, population.stratum)])
        group = lookup[np.searchsorted(codes, sample.stratum)]
        self.n_groups = len(side.group_share)
        self._side, self._group = side, group
        self._cluster = np.unique(sample.cluster, return_inverse=True)[1]
        self.n_clusters = int(self._cluster.max()) + 1
        self.n = len(sample)
        self._weight = _row_weights(sample.probability, group, side.group_share)
        self._top_hat = sample.numerator_hat - side.group_top[group]
        self._bottom_hat = sample.denominator_hat - side.group_bottom[group]
        self._scale, self._slope = self._tune(sample)
        self._a = sample.numerator - self._scale * self._top_hat
        self._b = sample.denominator - self._scale * self._bottom_hat
        self.top = float(self._weight @ self._a)
        self.bottom = float(self._weight @ self._b)
        self._missing = _unreached(population, sample, float(self._weight.max()))
        self._correct_for_means()
        self.equal_weights = bool(np.ptp(sample.probability) <= 1e-9 * sample.probability.max())

    @property
    def scale(self) -> float:
        """Mean λ: 0 ignores the predictions, 1 trusts their spread."""
        return float(self._weight @ self._scale)

    @property
    def reach_is_full(self) -> bool:
        """Whether every part of the population had labels, or lacks them by chance only."""
        return self._missing == 0.0

    # -- tuning -----------------------------------------------------------------------------

    def _tune(self, sample: Sample) -> tuple[FloatArray, float]:
        """λ per row without the row's own cluster, and the plain regression slope."""
        zero = np.zeros(self.n)
        if self.n < MIN_TO_TUNE:
            return zero, 0.0
        scale, slope = zero, 0.0
        for _ in range(2):  # the second pass linearises at the corrected rate
            theta = self._ratio(
                sample.numerator - scale * self._top_hat,
                sample.denominator - scale * self._bottom_hat,
            )
            truth = self._cluster_totals(sample.numerator - theta * sample.denominator)
            guess = self._cluster_totals(self._top_hat - theta * self._bottom_hat)
            cross, square = truth * guess, guess**2
            if not square.sum() > 0:
                return zero, 0.0
            ridge = square.max()  # as much as the most telling cluster: one row decides nothing
            without = (cross.sum() - cross) / (square.sum() - square + ridge)
            scale = np.clip(without, 0.0, MAX_SCALE)[self._cluster]
            slope = float(cross.sum() / square.sum())
        return scale, slope

    def _ratio(self, top: FloatArray, bottom: FloatArray) -> float:
        below = float(self._weight @ bottom)
        return min(max(float(self._weight @ top) / below, 0.0), 1.0) if below > 0 else 0.5

    def _cluster_totals(self, values: FloatArray) -> FloatArray:
        totals = np.bincount(self._cluster, self._weight * self._centre(values))
        return totals.astype(np.float64)

    def _centre(self, values: FloatArray) -> FloatArray:
        share = np.bincount(self._group, self._weight, minlength=self.n_groups)
        mean = np.bincount(self._group, self._weight * values, minlength=self.n_groups) / share
        return values - mean[self._group]

    # -- moments ----------------------------------------------------------------------------

    def _correct_for_means(self) -> None:
        """Centred contributions of each cluster, enlarged for the fitted stratum means."""
        group, n_groups = self._group, self.n_groups
        pairs = np.unique(np.stack([group, self._cluster]), axis=1)[0]
        members = np.bincount(pairs, minlength=n_groups).astype(np.float64)
        enlarge = np.sqrt(members / np.maximum(members - 1, 0.5))[group]
        deviation = np.stack([self._centre(self._a), self._centre(self._b)])
        parts = self._weight * enlarge * deviation
        self._part_a = np.bincount(self._cluster, parts[0])
        self._part_b = np.bincount(self._cluster, parts[1])
        share = np.bincount(group, self._weight, minlength=n_groups)
        self._mean_a = np.bincount(group, self._weight * self._a, minlength=n_groups) / share
        self._mean_b = np.bincount(group, self._weight * self._b, minlength=n_groups) / share
        self._members = members
        sizes = np.bincount(self._cluster).astype(np.float64)
        self._rows_per_cluster = float((sizes**2).sum() / sizes.sum())
        heaviest = np.zeros(n_groups)
        np.maximum.at(heaviest, group, self._weight)
        self._heaviest = heaviest[group] * self._rows_per_cluster

    def limits(self, theta: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
        """See `Moments`."""
        parts = self._part_a - theta[:, None] * self._part_b
        sample_variance = (parts**2).sum(axis=1)
        population_variance, population_third = self._population_moments(theta)
        push_low, push_high = self._unseen(theta)
        low, high = skewed.bounds(
            mean=self.top - theta * self.bottom,
            variance=sample_variance + population_variance,
            third=(parts**3).sum(axis=1) + population_third,
            push_low=push_low,
            push_high=push_high,
            df=self._freedom(sample_variance, population_variance),
            level=level,
        )
        return low - self._missing, high + self._missing

    def spread(self) -> tuple[float, float, float]:
        """Variance per label, variance left with infinite labels, and push of one label · n."""
        theta = np.array([min(max(self.top / self.bottom, 0.0), 1.0)])
        parts = self._part_a - theta * self._part_b
        fixed, _ = self._population_moments(theta)
        push = max(abs(float(p[0])) for p in self._unseen(theta))
        return float((parts**2).sum()) * self.n, float(fixed[0]), push * self.n

    def _population_moments(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        side, scale = self._side, self.scale
        top = self._mean_a - scale * side.group_top
        bottom = self._mean_b - scale * side.group_bottom
        variance, third = side.moments(theta, scale, top, bottom)
        # The sample is part of the population: where λ falls short of the regression slope the
        # residual still moves with the prediction, and so does the log's own truth.
        short = 2.0 * scale * max(min(self._slope, MAX_SCALE) - scale, 0.0)
        if short > 0:
            within, _ = side.moments(theta, 1.0, -side.group_top, -side.group_bottom)
            variance = variance + short * within
        return variance, third

    def _unseen(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Largest contribution of one more cluster like those sampled: truth at its extremes."""
        residual = self._scale * (self._top_hat - theta[:, None] * self._bottom_hat)
        centre = (self._mean_a - theta[:, None] * self._mean_b)[:, self._group]
        low = ((-theta[:, None] - residual - centre) * self._heaviest).min(axis=1)
        high = ((1.0 - theta[:, None] - residual - centre) * self._heaviest).max(axis=1)
        return np.minimum(low, 0.0), np.maximum(high, 0.0)

    def _freedom(self, of_sample: FloatArray, of_population: FloatArray) -> FloatArray:
        """Satterthwaite degrees of freedom of the summed variance."""
        sample_df = max(self.n_clusters - self.n_groups, 1)
        squares = of_sample**2 / sample_df + of_population**2 / self._side.df
        with np.errstate(divide="ignore", invalid="ignore"):
            df = (of_sample + of_population) ** 2 / squares
        return np.where(np.isfinite(df), df, float(sample_df))


def _row_weights(probability: FloatArray, group: IntArray, share: FloatArray) -> FloatArray:
    """Weights that sum to each group's share of the population, ∝ 1/probability within it."""
    inverse = probability.min() / probability
    total = np.bincount(group, inverse, minlength=len(share))
    return inverse * (share / total)[group]


def _merge_strata(population: Population, sample: Sample) -> IntArray:
    """Group of each population stratum (sorted codes) so that every group has enough labels.

    The group with the fewest labels joins the neighbour with fewer labels until all have
    `MIN_PER_STRATUM` or one group is left.
    """
    codes = np.unique(population.stratum)
    counts = [
        int(c) for c in np.bincount(np.searchsorted(codes, sample.stratum), minlength=len(codes))
    ]
    members = [[i] for i in range(len(codes))]
    while len(counts) > 1 and min(counts) < MIN_PER_STRATUM:
        i = counts.index(min(counts))
        sides = [j for j in (i - 1, i + 1) if 0 <= j < len(counts)]
        j = min(sides, key=lambda s: counts[s])
        first, second = min(i, j), max(i, j)
        counts[first] += counts.pop(second)
        members[first] += members.pop(second)
    lookup = np.empty(len(codes), dtype=np.int64)
    for number, strata in enumerate(members):
        lookup[strata] = number
    return lookup


def _unreached(population: Population, sample: Sample, heaviest: float) -> float:
    """Share of the population in strata without labels, where chance does not explain it.

    A stratum that no label reached says nothing about its truth. With equal probabilities that is
    bad luck, which the weights allow for. With unequal ones it is so only while the stratum is
    worth no more than a few labels of the heaviest kind.
    """
    if np.ptp(sample.probability) <= 1e-9 * sample.probability.max():
        return 0.0
    empty = ~np.isin(population.stratum, sample.stratum)
    share = float(population.n[empty].sum()) / population.size
    return share if share > MISSED_BY_CHANCE * heaviest else 0.0
