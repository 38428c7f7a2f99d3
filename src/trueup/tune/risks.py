"""What is missed at a setting: the share of harmful examples that no layer flags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trueup.stats import BoundedRisks, CountedRisks, Risks
from trueup.tune.scored import Scored, flags

__all__ = ["RiskKind", "at_stake", "effective_n", "missed", "risks_at"]

FloatArray = NDArray[np.float64]
RiskKind = Literal["miss", "new_miss"]


def at_stake(scored: Scored, kind: RiskKind) -> NDArray[np.bool_]:
    """Which harmful examples a setting can lose: all, or those that are flagged today."""
    if kind == "new_miss":
        return scored.positive & scored.flagged_today()
    return scored.positive


def missed(scored: Scored, kind: RiskKind, settings: Iterable[FloatArray]) -> FloatArray:
    """Shape (positives, K): 1 where a setting loses a harmful example."""
    stake = at_stake(scored, kind)[scored.positive]
    scores = scored.scores[scored.positive]
    columns = [stake & ~flags(scores, row) for row in settings]
    return np.array(columns, dtype=np.float64).T.reshape(len(scores), len(columns))


def risks_at(scored: Scored, kind: RiskKind, settings: FloatArray) -> Risks:
    """The risk of each row of thresholds (K, L).

    Equally weighted, independent examples are counted (exact binomial); weights or several harmful
    examples of one user call for bets.
    """
    weight, cluster = _weights(scored), _clusters(scored)
    n = int(scored.positive.sum())
    if weight is None and cluster is None:
        if settings.shape[1] == 1:
            stake = np.sort(scored.scores[at_stake(scored, kind), 0])
            lost = np.searchsorted(stake, settings[:, 0], side="left")
        else:
            stake = scored.scores[at_stake(scored, kind)]
            lost = np.array([(~flags(stake, row)).sum() for row in settings])
        return CountedRisks(lost.astype(np.float64), np.full(len(settings), float(n)))
    return BoundedRisks(missed(scored, kind, settings), weight, cluster)


def effective_n(scored: Scored) -> float:
    """How many equally weighted, independent positives the labelled ones are worth to a bet."""
    weight, cluster = _weights(scored), _clusters(scored)
    n = int(scored.positive.sum())
    if not n:
        return 0.0
    mass = np.ones(n) if weight is None else weight
    heaviest = float(mass.max())
    if cluster is not None:  # no user counts for more than one row
        codes = np.unique(cluster, return_inverse=True)[1]
        mass = np.bincount(codes, mass).astype(np.float64)
    return float(np.minimum(mass / heaviest, 1.0).sum())


def _weights(scored: Scored) -> FloatArray | None:
    """Weights of the positives; None when all are equal."""
    if scored.weight is None or not scored.positive.any():
        return None
    weight = scored.weight[scored.positive]
    return None if np.ptp(weight) <= 1e-12 * weight.max() else weight


def _clusters(scored: Scored) -> NDArray[np.int64] | None:
    """Clusters of the positives; None when every one has a single positive."""
    if scored.cluster is None:
        return None
    cluster = scored.cluster[scored.positive]
    return None if len(np.unique(cluster)) == len(cluster) else cluster
