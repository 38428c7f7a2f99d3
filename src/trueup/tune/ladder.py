"""The dial of an action ladder: where warning, escalating and blocking begin on one score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trueup.errors import UserError, did_you_mean
from trueup.schema import ACTIONS
from trueup.stats import BoundedRisks
from trueup.tune.dial import Dial
from trueup.tune.thresholds import quantile_levels

__all__ = ["ladder_dial"]

FloatArray = NDArray[np.float64]

_LEVELS = 24  # of the score at which a band may begin


def ladder_dial(
    scores: ArrayLike,
    label: ArrayLike,
    *,
    risk: Mapping[str, float],
    tax: Mapping[str, float],
    levels: Sequence[float] | None = None,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
) -> Dial:
    """Every way to cut a score into bands of rising severity, from the strictest to the mildest.

    Parameters
    ----------
    scores
        Shape (n,), finite; a band begins at its threshold.
    label
        Shape (n,): 1 harmful, 0 legitimate, anything else is left out.
    risk
        What a harmful example loses under each action, in [0, 1], as in {"allow": 1, "warn": 0.5,
        "block": 0}.
    tax
        What a legitimate example pays under each action, as in {"allow": 0, "warn": 0.1, "block":
        1}. The same actions; severity is their order in `trueup.schema.ACTIONS`.
    levels
        Where bands may begin. Fix them before you see the harmful examples. Default: quantiles of
        the legitimate scores, which harmful examples have no part in.
    weights, clusters
        Shape (n,); see `trueup.stats.betting_p`.

    Returns
    -------
    Dial
        Settings are mappings of action to threshold (None: off). Holm's procedure: ladders have no
        order of their own.

    Raises
    ------
    UserError
        Actions that are unknown or differ, losses outside [0, 1].
    """
    actions = _actions(risk, tax)
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(label)
    if not np.isfinite(s).all():
        raise UserError("scores must be finite numbers.", "Leave out rows without a score.")
    grid = quantile_levels(s[y == 0], _LEVELS) if levels is None else np.unique(levels)
    cuts = [*(float(level) for level in grid), np.inf]
    settings = list(combinations_with_replacement(cuts, len(actions) - 1))
    order = np.array(settings)
    return Dial(
        [_named(actions, cut) for cut in settings],
        BoundedRisks(
            _losses(s[y == 1], order, [risk[action] for action in actions]),
            None if weights is None else np.asarray(weights, dtype=np.float64)[y == 1],
            None if clusters is None else np.asarray(clusters)[y == 1],
        ),
        _mean(_losses(s[y == 0], order, [tax[action] for action in actions])),
        "Holm",
        "none: every ladder is tested by itself",
    )


def _actions(risk: Mapping[str, float], tax: Mapping[str, float]) -> list[str]:
    """The actions from mildest to most severe."""
    for name in (*risk, *tax):
        if name not in ACTIONS:
            raise UserError(f"{name!r} is not an action.", did_you_mean(name, ACTIONS))
    if set(risk) != set(tax) or "allow" not in risk or len(risk) < 2:
        raise UserError("risk and tax must name the same actions, allow among them.")
    if not all(0 <= value <= 1 for value in risk.values()):
        raise UserError("risk must lie in [0, 1]; divide by the greatest loss.")
    return [action for action in ACTIONS if action in risk]


def _losses(scores: FloatArray, cuts: FloatArray, losses: Sequence[float]) -> FloatArray:
    """Shape (n, K): the loss of the band that each score falls in, for each row of cuts (K, B)."""
    bands = (scores[:, None, None] >= cuts[None, :, :]).sum(axis=2)
    return np.asarray(losses, dtype=np.float64)[bands]


def _mean(values: FloatArray) -> FloatArray:
    return values.mean(axis=0) if len(values) else np.full(values.shape[1], np.nan)


def _named(actions: Sequence[str], cut: Sequence[float]) -> dict[str, float | None]:
    pairs = zip(actions[1:], cut, strict=True)
    return {action: value if np.isfinite(value) else None for action, value in pairs}
