"""The side of the labels: strata, weights, λ, and the moments of the corrected estimate."""

from __future__ import annotations

import numpy as np

from trueup.stats import skewed
from trueup.stats._check import FloatArray, IntArray
from trueup.stats._fieller import LinearSum
from trueup.stats._population import PopulationSide
from trueup.stats.ppi_inputs import Population, Sample

__all__ = ["MIN_TO_TUNE", "LabelledMoments", "equal_probabilities"]

MIN_TO_TUNE = 20  # labels below which predictions cannot be judged and are not used
MIN_PER_STRATUM = 10  # labelled clusters below which a stratum joins a neighbour
MISSED_BY_CHANCE = 4.0  # expected labels; e⁻⁴ ≈ 2 %: beyond it, having none is no accident
MAX_SCALE = 2.0  # λ beyond this is noise: predictions are probabilities


class LabelledMoments:
    """Moments of the stratified, weighted, λ-tuned estimate of E[z_θ].

    In a group g of strata with population share W_g, labelled row i has weight
    ω_i = W_g · (1/π_i) / Σ_g(1/π) and residual r_i = z_i − λ_i (ẑ_i − mean of ẑ over all rows of
    g); the estimate is Σ ω_i r_i. z, ẑ and r are linear in θ, so each is kept as (a, b): a − θb.
    `log_is_drawn`: whether the population is itself a sample, of the traffic.
    """

    def __init__(
        self, population: Population, sample: Sample, *, log_is_drawn: bool = True
    ) -> None:
        codes = np.unique(population.stratum)
        merged = _merge_strata(codes, sample)
        self._group = merged[np.searchsorted(codes, sample.stratum)]
        self._side = PopulationSide(population, merged[np.searchsorted(codes, population.stratum)])
        self._cluster = np.unique(sample.cluster, return_inverse=True)[1]
        self.n, self.n_groups = len(sample), len(self._side.group_share)
        self.n_clusters = int(self._cluster.max()) + 1
        self.equal_weights = equal_probabilities(sample)
        self._weight = _row_weights(sample.probability, self._group, self._side.group_share)
        self._group_weight = self._per_group(np.ones(self.n))
        self._unreached = _unreached(population, sample, float(self._weight.max()))

        hat_a = sample.numerator_hat - self._side.group_top[self._group]
        hat_b = sample.denominator_hat - self._side.group_bottom[self._group]
        self._scale, self._slope = self._tune(sample, hat_a, hat_b)
        self._fitted = (self._scale * hat_a, self._scale * hat_b)
        a, b = sample.numerator - self._fitted[0], sample.denominator - self._fitted[1]
        self.top, self.bottom = float(self._weight @ a), float(self._weight @ b)
        self._mean = (self._group_mean(a), self._group_mean(b))
        self._sample_sums = LinearSum(*(self._cluster_sums(v, small=True) for v in (a, b)))
        self._extremes = {upper: self._furthest(upper) for upper in (False, True)}
        self._log_is_drawn = log_is_drawn
        self._set_population_sums()

    @property
    def scale(self) -> float:
        """Mean λ: 0 ignores the predictions, 1 trusts their spread."""
        return float(self._weight @ self._scale)

    @property
    def reach_is_full(self) -> bool:
        """Whether every part of the population had labels, or lacks them by chance only."""
        return self._unreached == 0.0

    def limit(self, theta: FloatArray, tail: float) -> FloatArray:
        """See `Moments`."""
        of_sample = self._sample_sums.second(theta)
        of_population = self._population_variance(theta)
        upper = tail > 0.5
        end = skewed.limit(
            tail,
            mean=self.top - theta * self.bottom,
            variance=of_sample + of_population,
            third=self._sample_sums.third(theta) + self._population_third(theta),
            push=self._unseen(theta, upper),
            df=self._freedom(of_sample, of_population),
        )
        return end + self._unreached if upper else end - self._unreached

    def spread(self) -> tuple[float, float, float]:
        """At the estimate: variance · n of the labels, variance of the log, push · n."""
        theta = np.array([min(max(self.top / self.bottom, 0.0), 1.0)])
        push = max(abs(float(self._unseen(theta, upper)[0])) for upper in (False, True))
        of_sample = float(self._sample_sums.second(theta)[0])
        return of_sample * self.n, float(self._population_variance(theta)[0]), push * self.n

    # -- λ ----------------------------------------------------------------------------------

    def _tune(
        self, sample: Sample, hat_a: FloatArray, hat_b: FloatArray
    ) -> tuple[FloatArray, float]:
        """λ per row, fitted without the row's own cluster, and the plain regression slope."""
        scale, slope = np.zeros(self.n), 0.0
        if self.n < MIN_TO_TUNE:
            return scale, slope
        for _ in range(2):  # the second pass linearises at the corrected rate
            theta = self._rate(sample.numerator - scale * hat_a, sample.denominator - scale * hat_b)
            truth = self._cluster_sums(sample.numerator - theta * sample.denominator)
            guess = self._cluster_sums(hat_a - theta * hat_b)
            cross, square = truth * guess, guess**2
            if not square.sum() > 0:
                return np.zeros(self.n), 0.0
            ridge = square.max()  # as much as the most telling cluster: one row decides nothing
            without = (cross.sum() - cross) / (square.sum() - square + ridge)
            scale = np.clip(without, 0.0, MAX_SCALE)[self._cluster]
            slope = float(cross.sum() / square.sum())
        return scale, slope

    def _rate(self, a: FloatArray, b: FloatArray) -> float:
        below = float(self._weight @ b)
        return min(max(float(self._weight @ a) / below, 0.0), 1.0) if below > 0 else 0.5

    # -- sums -------------------------------------------------------------------------------

    def _per_group(self, values: FloatArray) -> FloatArray:
        sums = np.bincount(self._group, self._weight * values, minlength=self.n_groups)
        return sums.astype(np.float64)

    def _group_mean(self, values: FloatArray) -> FloatArray:
        return self._per_group(values) / self._group_weight

    def _cluster_sums(self, values: FloatArray, *, small: bool = False) -> FloatArray:
        """Weighted deviations from the group mean, summed by cluster.

        `small` enlarges them for the fitted means: √(m/(m − 1)) with m clusters in the group.
        """
        deviation = self._weight * (values - self._group_mean(values)[self._group])
        if small:
            clusters = _clusters_per_code(self._group, self._cluster, self.n_groups)
            deviation = deviation * np.sqrt(clusters / np.maximum(clusters - 1, 0.5))[self._group]
        return np.bincount(self._cluster, deviation).astype(np.float64)

    def _set_population_sums(self) -> None:
        side, scale = self._side, self.scale
        self._population = side.shifted(
            scale,
            self._mean[0] - scale * side.group_top,
            self._mean[1] - scale * side.group_bottom,
        )
        # The sample is part of the population: where λ falls short of the regression slope the
        # residual still moves with the prediction, and so does the log's own truth.
        self._short = 2.0 * scale * max(min(self._slope, MAX_SCALE) - scale, 0.0)
        self._within = side.shifted(1.0, -side.group_top, -side.group_bottom)

    def _population_third(self, theta: FloatArray) -> FloatArray:
        return self._population.third(theta) if self._log_is_drawn else np.zeros(len(theta))

    def _population_variance(self, theta: FloatArray) -> FloatArray:
        if not self._log_is_drawn:
            return np.zeros(len(theta))
        return self._population.variance(theta) + self._short * self._within.variance(theta)

    def _unseen(self, theta: FloatArray, upper: bool) -> FloatArray:
        """Largest contribution of one more cluster like those sampled, its truth at an extreme."""
        at_0, at_1 = self._extremes[upper]
        return (1.0 - theta) * at_0 + theta * at_1

    def _furthest(self, upper: bool) -> tuple[float, float]:
        """The largest contribution at θ = 0 and θ = 1, truth at its extreme for each sampled row.

        Each row's contribution is a line in θ. The largest of lines is convex, so that the chord
        between the two ends is on the safe side of it.
        """
        heaviest = np.zeros(self.n_groups)
        np.maximum.at(heaviest, self._group, self._weight)
        heaviest *= self.n / self.n_clusters
        ends = []
        for theta in (0.0, 1.0):
            offset = self._fitted[0] - theta * self._fitted[1]
            offset = offset + (self._mean[0] - theta * self._mean[1])[self._group]
            truth = 1.0 - theta if upper else -theta
            reach = (truth - offset) * heaviest[self._group]
            ends.append(max(float(reach.max()), 0.0) if upper else min(float(reach.min()), 0.0))
        return ends[0], ends[1]

    def _freedom(self, of_sample: FloatArray, of_population: FloatArray) -> FloatArray:
        """Satterthwaite degrees of freedom of the summed variance."""
        sample_df = max(self.n_clusters - self.n_groups, 1)
        squares = of_sample**2 / sample_df + of_population**2 / self._side.df
        total = (of_sample + of_population) ** 2
        return np.where(squares > 0, total / np.where(squares > 0, squares, 1.0), sample_df)


def equal_probabilities(sample: Sample) -> bool:
    """Whether all labelled rows were equally likely to be picked."""
    return bool(np.ptp(sample.probability) <= 1e-9 * sample.probability.max())


def _row_weights(probability: FloatArray, group: IntArray, share: FloatArray) -> FloatArray:
    """Weights that sum to each group's share of the population, ∝ 1/probability within it."""
    inverse = probability.min() / probability
    total = np.bincount(group, inverse, minlength=len(share))
    return inverse * (share / total)[group]


def _clusters_per_code(code: IntArray, cluster: IntArray, n_codes: int) -> FloatArray:
    """Number of distinct clusters that occur with each code."""
    pairs = np.unique(code * (int(cluster.max()) + 1) + cluster)
    return np.bincount(pairs // (int(cluster.max()) + 1), minlength=n_codes).astype(np.float64)


def _merge_strata(codes: IntArray, sample: Sample) -> IntArray:
    """Group of each population stratum (sorted codes) so that every group has enough labels.

    The group with the fewest labelled clusters joins the neighbour with fewer of them, until all
    have `MIN_PER_STRATUM` or one group is left.
    """
    cluster = np.unique(sample.cluster, return_inverse=True)[1]
    per_code = _clusters_per_code(np.searchsorted(codes, sample.stratum), cluster, len(codes))
    counts = per_code.tolist()
    members = [[i] for i in range(len(codes))]
    while len(counts) > 1 and min(counts) < MIN_PER_STRATUM:
        i = counts.index(min(counts))
        beside = [j for j in (i - 1, i + 1) if 0 <= j < len(counts)]
        j = min(beside, key=counts.__getitem__)
        first, second = min(i, j), max(i, j)
        counts[first] += counts.pop(second)
        members[first] += members.pop(second)
    group = np.empty(len(codes), dtype=np.int64)
    for number, strata in enumerate(members):
        group[strata] = number
    return group


def _unreached(population: Population, sample: Sample, heaviest: float) -> float:
    """Share of the population in strata without labels, where chance does not explain it.

    A stratum that no label reached says nothing about its truth. With equal probabilities that is
    bad luck, which the weights allow for. With unequal ones it is so only while the stratum is
    worth no more than a few labels of the heaviest kind.
    """
    if equal_probabilities(sample):
        return 0.0
    empty = ~np.isin(population.stratum, sample.stratum)
    share = float(population.n[empty].sum()) / population.size
    return share if share > MISSED_BY_CHANCE * heaviest else 0.0
