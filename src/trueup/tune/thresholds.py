"""The dial of one threshold: exact, with every positive used, because a miss can only grow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trueup.stats import most_losses
from trueup.tune.dial import Dial
from trueup.tune.risks import RiskKind, at_stake, risks_at
from trueup.tune.scored import OFF, Scored
from trueup.tune.taxes import Taxes

__all__ = ["quantile_levels", "threshold_dial"]

FloatArray = NDArray[np.float64]

_LEVELS = 200
_MOST_CELLS = 5_000_000  # of a matrix positives × settings
_ORDER = "rising thresholds: a miss can only grow, so that every real threshold is tested at once"


def threshold_dial(scored: Scored, kind: RiskKind, alpha: float, delta: float) -> Dial:
    """Thresholds of a single layer from lowest (flags most) to off.

    The grid is quantiles of the scores, today's threshold, and the very threshold beyond which too
    many positives are lost. That it is read off the same data voids nothing: the loss is monotone,
    so passing the p-value at a threshold above the critical one happens only if it passes at the
    critical one, a single fixed hypothesis.
    """
    if len(scored.layers) != 1:
        raise ValueError(f"one layer was expected, got {len(scored.layers)}")
    grid = _grid(scored, kind, alpha, delta)
    risks = risks_at(scored, kind, grid)
    return Dial(grid, risks, Taxes(scored, 0.95).means(grid), "fixed sequence", _ORDER)


def _grid(scored: Scored, kind: RiskKind, alpha: float, delta: float) -> FloatArray:
    """Shape (K, 1), rising."""
    stake = scored.scores[at_stake(scored, kind), 0]
    n = int(scored.positive.sum())
    levels = max(20, min(_LEVELS, _MOST_CELLS // max(n, 1)))
    parts = [
        quantile_levels(scored.scores[:, 0], levels),
        quantile_levels(stake, levels),
        _critical(stake, n, alpha, delta),
        np.array([OFF]),
    ]
    if scored.today is not None:
        parts.append(scored.today)
    return np.unique(np.concatenate(parts))[:, None]


def _critical(stake: FloatArray, n: int, alpha: float, delta: float) -> FloatArray:
    """The highest threshold that an exact test allows, and its neighbours below."""
    allowed = most_losses(n, alpha, delta)
    if allowed < 0:
        return np.empty(0)
    ordered = np.sort(stake) if len(stake) <= allowed + 1 else np.partition(stake, allowed)
    nearest = ordered[: allowed + 1]
    return np.sort(nearest[np.isfinite(nearest)])[-20:]


def quantile_levels(scores: FloatArray, most: int) -> FloatArray:
    """At most so many distinct finite scores: all of them, or their quantiles."""
    finite = np.sort(scores[np.isfinite(scores)])
    if not len(finite):
        return finite
    places = np.unique(np.linspace(0, len(finite) - 1, min(most, len(finite))).astype(np.int64))
    return np.unique(finite[places])
