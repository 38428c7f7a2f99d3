"""The side over all rows: bucket totals of the predictions and the moments that follow."""

from __future__ import annotations

import numpy as np

from trueup.stats import skewed
from trueup.stats._check import FloatArray, IntArray
from trueup.stats._fieller import LinearSum
from trueup.stats.ppi_inputs import Population

__all__ = ["PopulationSide", "PredictedMoments", "Shifted"]


class PopulationSide:
    """Totals per group of strata and per bucket.

    Attributes
    ----------
    size
        Rows.
    group_share, group_top, group_bottom
        Shape (G,): share of the rows, mean predicted numerator and denominator, of each group.
    df
        Degrees of freedom of a variance over buckets.
    """

    def __init__(self, population: Population, group: IntArray | None = None) -> None:
        cells = len(population.n)
        part = np.zeros(cells, dtype=np.int64) if group is None else group
        n_groups = int(part.max()) + 1 if cells else 1
        bucket = np.unique(population.bucket, return_inverse=True)[1]
        self.n_buckets = int(bucket.max()) + 1 if cells else 0
        flat = part * self.n_buckets + bucket

        def table(values: FloatArray) -> FloatArray:
            sums = np.bincount(flat, values, minlength=n_groups * self.n_buckets)
            return sums.astype(np.float64).reshape(n_groups, self.n_buckets)

        self._n = table(population.n)
        top, bottom = table(population.numerator), table(population.denominator)
        self._top, self._bottom = top.sum(axis=0), bottom.sum(axis=0)
        sizes = self._n.sum(axis=1)
        self.size = max(float(sizes.sum()), 1.0)
        self.group_share = sizes / self.size
        filled = np.where(sizes > 0, sizes, 1.0)
        self.group_top = top.sum(axis=1) / filled
        self.group_bottom = bottom.sum(axis=1) / filled
        self.df = float(max(self.n_buckets - 1, 1))

    def shifted(self, scale: float, top_shift: FloatArray, bottom_shift: FloatArray) -> Shifted:
        """Moments of the mean over rows of scale·ẑ_θ + (top_shift − θ·bottom_shift) of the group.

        The shifts have shape (G,).
        """
        rows = self._n.sum(axis=0) / self.size
        top = (scale * self._top + top_shift @ self._n) / self.size
        bottom = (scale * self._bottom + bottom_shift @ self._n) / self.size
        sums = LinearSum(top - top.sum() * rows, bottom - bottom.sum() * rows)
        return Shifted(sums, self.n_buckets, self._rows_alone(scale))

    def _rows_alone(self, scale: float) -> float:
        """Largest variance that independent rows could give: for a single bucket."""
        return max(scale, 1.0) ** 2 / 4 / self.size


class Shifted:
    """Variance and third moment at each θ; a single bucket says nothing about spread."""

    def __init__(self, sums: LinearSum, n_buckets: int, rows_alone: float) -> None:
        self._sums, self._n_buckets, self._rows_alone = sums, n_buckets, rows_alone

    def variance(self, theta: FloatArray) -> FloatArray:
        """Variance of the mean for each θ."""
        if self._n_buckets < 2:
            return np.full(len(theta), self._rows_alone)
        return self._n_buckets / (self._n_buckets - 1) * self._sums.second(theta)

    def third(self, theta: FloatArray) -> FloatArray:
        """Third central moment of the mean for each θ."""
        return np.zeros(len(theta)) if self._n_buckets < 2 else self._sums.third(theta)


class PredictedMoments:
    """Moments of mean(ẑ_θ): the annotator's own rate."""

    def __init__(self, population: Population) -> None:
        self._side = PopulationSide(population)
        self.top = float(population.numerator.sum()) / self._side.size
        self.bottom = float(population.denominator.sum()) / self._side.size
        self._sums = self._side.shifted(1.0, np.zeros(1), np.zeros(1))

    def limit(self, theta: FloatArray, tail: float) -> FloatArray:
        """See `Moments`."""
        one_row = 1.0 / self._side.size
        return skewed.limit(
            tail,
            mean=self.top - theta * self.bottom,
            variance=self._sums.variance(theta),
            third=self._sums.third(theta),
            push=one_row * ((1.0 - theta) if tail > 0.5 else -theta),
            df=np.full(len(theta), self._side.df),
        )
