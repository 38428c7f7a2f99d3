"""What legitimate users pay at a setting: the share of legitimate examples that it flags."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trueup.stats import (
    Estimate,
    Interval,
    Population,
    Sample,
    clopper_pearson,
    cluster_mean,
    ppi_ratio,
)
from trueup.tune.scored import UNKNOWN, Scored, flags

__all__ = ["Taxes"]

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]

_BUCKETS = 256


@dataclass(frozen=True)
class Taxes:
    """Estimates of the tax on some examples, labelled wholly or by a sample.

    Where only a sample is labelled, every row's flag is known and takes part: the share is
    prediction-powered (`trueup.stats.ppi_ratio`), with "every request is legitimate" as the cheap
    prediction that the labels correct.
    """

    scored: Scored
    level: float

    @cached_property
    def sampled(self) -> bool:
        """Whether some rows have no label, so that the labelled ones speak for them."""
        return bool((self.scored.label == UNKNOWN).any() and self.scored.weight is not None)

    @cached_property
    def chances(self) -> FloatArray:
        """Shape (n,): the chance that each example is legitimate; labels where there are some."""
        legit = self.scored.negative.astype(np.float64)
        if self.sampled:
            unknown = self.scored.label == UNKNOWN
            flagged = self._flagged_today
            for group in (flagged, ~flagged):
                legit[unknown & group] = self._labelled_share(group)
        return legit

    @cached_property
    def _flagged_today(self) -> Mask:
        if self.scored.today is None:
            return np.zeros(len(self.scored), dtype=bool)
        return self.scored.flagged_today()

    def _labelled_share(self, group: Mask) -> float:
        """Share of legitimate examples among the labelled ones of a group, weighted."""
        known = self.scored.label != UNKNOWN
        pick = known & group if (known & group).any() else known
        if not pick.any():
            return 1.0
        weights = None if self.scored.weight is None else self.scored.weight[pick]
        return float(np.average(self.scored.negative[pick], weights=weights))

    def means(self, settings: FloatArray) -> FloatArray:
        """Shape (K,): the tax at each row of thresholds (K, L), as a plain weighted share."""
        weight = self.chances
        total = weight.sum()
        if not total:
            return np.full(len(settings), np.nan)
        rows = weight > 0
        scores, weight = self.scored.scores[rows], weight[rows]
        if scores.shape[1] == 1:
            flagged = self._single(scores[:, 0], weight, settings[:, 0])
        else:
            flagged = np.array([weight[flags(scores, row)].sum() for row in settings])
        return np.minimum(flagged / total, 1.0)

    @staticmethod
    def _single(scores: FloatArray, weight: FloatArray, thresholds: FloatArray) -> FloatArray:
        order = np.argsort(scores, kind="stable")
        above = np.concatenate([np.cumsum(weight[order][::-1])[::-1], [0.0]])
        return above[np.searchsorted(scores[order], thresholds, side="left")]

    def interval(self, thresholds: FloatArray) -> Interval:
        """The tax at one setting with its two-sided interval."""
        found = self._share(flags(self.scored.scores, thresholds), self.level)
        return Interval(found.value, found.low, found.high, found.level, found.n)

    def won_back(self, then: FloatArray) -> Estimate | None:
        """Tax today minus tax then; negative when it grows. None: what is in force is not known.

        Where some legitimate examples pass newly and others are newly blocked, each share gets half
        of the doubt (Bonferroni), because the same rows speak of both.
        """
        if self.scored.today is None:
            return None
        today, new = self.scored.flagged_today(), flags(self.scored.scores, then)
        if not (new & ~today).any():
            return replace(self._share(today & ~new, self.level), name="won_back")
        if not (today & ~new).any():
            cost = self._share(new & ~today, self.level)
            return replace(cost, name="won_back", value=-cost.value, low=-cost.high, high=-cost.low)
        level = (1.0 + self.level) / 2
        gained = self._share(today & ~new, level)
        lost = self._share(new & ~today, level)
        return replace(
            gained,
            name="won_back",
            value=gained.value - lost.value,
            low=gained.low - lost.high,
            high=gained.high - lost.low,
            level=self.level,
        )

    def _share(self, which: Mask, level: float) -> Estimate:
        """The share of legitimate traffic that these rows are."""
        if self.sampled:
            return self._powered(which.astype(np.float64), level)
        one, legit = self.scored, self.scored.negative
        if one.cluster is None and one.weight is None:
            found = clopper_pearson(int(which[legit].sum()), int(legit.sum()), level)
            method = "Clopper–Pearson"
        else:
            found = cluster_mean(
                which[legit].astype(np.float64),
                None if one.cluster is None else one.cluster[legit],
                level,
                weights=None if one.weight is None else one.weight[legit],
            )
            method = "mean, clustered by user" if one.cluster is not None else "weighted mean"
        return Estimate(
            "tax",
            found.value,
            found.low,
            found.high,
            level,
            len(one),
            found.n,
            method,
            ("The labels are taken as the truth.", "Legitimate examples are a random sample."),
        )

    def _powered(self, value: FloatArray, level: float) -> Estimate:
        """E[value · legitimate] / E[legitimate]; value in [0, 1] is known for every row."""
        known = self.scored.label != UNKNOWN
        legit = self.scored.negative[known].astype(np.float64)
        cluster = self._clusters
        stratum = self._flagged_today.astype(np.int64)
        weight = np.ones(len(known)) if self.scored.weight is None else self.scored.weight
        sample = Sample(
            stratum=stratum[known],
            cluster=cluster[known],
            probability=np.clip(1.0 / weight[known], 0.0, 1.0),
            numerator=value[known] * legit,
            denominator=legit,
            numerator_hat=value[known],
            denominator_hat=np.ones(known.sum()),
        )
        cell = stratum * _BUCKETS + cluster % _BUCKETS
        cells = np.arange(2 * _BUCKETS)
        counts = np.bincount(cell, minlength=len(cells)).astype(np.float64)
        population = Population(
            cells // _BUCKETS,
            cells % _BUCKETS,
            counts,
            np.minimum(np.bincount(cell, value, len(cells)), counts),
            counts,
        )
        found = ppi_ratio(population, sample, level=level, name="tax")
        # Limits that exclude nothing: the labels say too little for a value to be shown.
        return replace(found, value=math.nan) if found.low <= 0 and found.high >= 1 else found

    @cached_property
    def _clusters(self) -> NDArray[np.int64]:
        if self.scored.cluster is not None:
            return self.scored.cluster
        return np.arange(len(self.scored), dtype=np.int64)
