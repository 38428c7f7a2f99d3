"""What prediction-powered estimation reads: sums of predictions, and the labelled rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from trueup.stats import _check
from trueup.stats._check import FloatArray, IntArray

__all__ = ["Population", "Sample"]

_SLACK = 1e-9  # rounding allowed when sums of predictions are compared


@dataclass(frozen=True)
class Population:
    """Sums of the predictions over all rows, one entry per (stratum, bucket) cell.

    Attributes
    ----------
    stratum
        Shape (K,), whole numbers; neighbouring codes should mean alike strata, because a stratum
        with too few labels joins the one beside it.
    bucket
        Shape (K,), whole numbers: hash bucket of the cluster (user, conversation) id, so that all
        rows of one cluster share a bucket. A few hundred buckets or more serve well.
    n
        Shape (K,), rows in the cell, ≥ 0.
    numerator, denominator
        Shape (K,), sums over the rows of the predicted numerator and denominator, each row's
        prediction in [0, 1].

    Raises
    ------
    ValueError
        Unequal lengths, values that are not finite, or sums outside [0, n].
    """

    stratum: IntArray
    bucket: IntArray
    n: FloatArray
    numerator: FloatArray
    denominator: FloatArray

    def __post_init__(self) -> None:
        for name in ("stratum", "bucket"):
            object.__setattr__(self, name, _check.codes(name, getattr(self, name)))
        for name in ("n", "numerator", "denominator"):
            object.__setattr__(self, name, _check.vector(name, getattr(self, name)))
        _check.same_length(
            stratum=self.stratum,
            bucket=self.bucket,
            n=self.n,
            numerator=self.numerator,
            denominator=self.denominator,
        )
        if (self.n < 0).any():
            raise ValueError(f"n must be at least 0, got {self.n.min():g}")
        for name in ("numerator", "denominator"):
            sums = getattr(self, name)
            wrong = (sums < -_SLACK) | (sums > self.n * (1 + _SLACK) + _SLACK)
            if wrong.any():
                i = int(np.flatnonzero(wrong)[0])
                raise ValueError(f"{name} must be in [0, n] = [0, {self.n[i]:g}], got {sums[i]:g}")

    @property
    def size(self) -> float:
        """Number of rows."""
        return float(self.n.sum())

    def where(self, keep: ArrayLike) -> Population:
        """Return the cells for which the boolean mask `keep` is true."""
        mask = np.asarray(keep, dtype=bool)
        return Population(
            self.stratum[mask],
            self.bucket[mask],
            self.n[mask],
            self.numerator[mask],
            self.denominator[mask],
        )


@dataclass(frozen=True)
class Sample:
    """The labelled rows: truth beside prediction.

    Attributes
    ----------
    stratum
        Shape (n,), codes as in `Population`.
    cluster
        Shape (n,), whole numbers: rows of one user or conversation share one.
    probability
        Shape (n,), in (0, 1]: the chance with which the row was picked for labelling. Only the
        proportions matter.
    numerator, denominator
        Shape (n,), the truth, in [0, 1], numerator ≤ denominator.
    numerator_hat, denominator_hat
        Shape (n,), predictions for the same rows by the same annotator that filled `Population`.

    Raises
    ------
    ValueError
        Unequal lengths or values out of range.
    """

    stratum: IntArray
    cluster: IntArray
    probability: FloatArray
    numerator: FloatArray
    denominator: FloatArray
    numerator_hat: FloatArray
    denominator_hat: FloatArray

    def __post_init__(self) -> None:
        for name in ("stratum", "cluster"):
            object.__setattr__(self, name, _check.codes(name, getattr(self, name)))
        for name in ("numerator", "denominator", "numerator_hat", "denominator_hat"):
            object.__setattr__(self, name, _check.within(name, getattr(self, name), 0.0, 1.0))
        probability = _check.within("probability", self.probability, 0.0, 1.0)
        if (probability == 0).any():
            raise ValueError("probability must be in (0, 1], got 0")
        object.__setattr__(self, "probability", probability)
        _check.same_length(
            stratum=self.stratum,
            cluster=self.cluster,
            probability=self.probability,
            numerator=self.numerator,
            denominator=self.denominator,
            numerator_hat=self.numerator_hat,
            denominator_hat=self.denominator_hat,
        )
        above = self.numerator > self.denominator + _SLACK
        if above.any():
            i = int(np.flatnonzero(above)[0])
            raise ValueError(
                f"numerator must be at most denominator ({self.denominator[i]:g}), "
                f"got {self.numerator[i]:g}"
            )

    def __len__(self) -> int:
        return len(self.numerator)

    @classmethod
    def empty(cls) -> Sample:
        """A sample without labels."""
        codes = np.empty(0, dtype=np.int64)
        none = np.empty(0)
        return cls(codes, codes, none, none, none, none, none)

    def where(self, keep: ArrayLike) -> Sample:
        """Return the rows for which the boolean mask `keep` is true."""
        mask = np.asarray(keep, dtype=bool)
        return Sample(
            self.stratum[mask],
            self.cluster[mask],
            self.probability[mask],
            self.numerator[mask],
            self.denominator[mask],
            self.numerator_hat[mask],
            self.denominator_hat[mask],
        )
