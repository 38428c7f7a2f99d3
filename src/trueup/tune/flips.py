"""Real examples whose fate a new setting changes, most surprising first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from trueup.tune.result import Flip
from trueup.tune.scored import HARMFUL, LEGITIMATE, Scored, flags, named

__all__ = ["flips"]

FloatArray = NDArray[np.float64]

_MOST = 25  # of each fate
_NAMES = {HARMFUL: "harmful", LEGITIMATE: "legitimate"}


def flips(
    scored: Scored,
    then: FloatArray | None,
    texts: Callable[[Sequence[int]], Sequence[str]] | None = None,
) -> tuple[tuple[Flip, ...], dict[str, int]]:
    """The examples that newly pass and those newly blocked, and how many there are of each.

    Most surprising first: a harmful one that passes, a legitimate one that is blocked; then those
    that were furthest beyond the threshold.
    """
    counts = {"passes": 0, "blocked": 0}
    if then is None or scored.today is None:
        return (), counts
    today, new = flags(scored.scores, scored.today), flags(scored.scores, then)
    found: list[Flip] = []
    for fate, rows, at, wrong in (
        ("passes", np.flatnonzero(today & ~new), scored.today, HARMFUL),
        ("blocked", np.flatnonzero(~today & new), then, LEGITIMATE),
    ):
        counts[fate] = len(rows)
        found += _described(scored, fate, rows, at, then, wrong, texts)
    return tuple(found), counts


def _described(
    scored: Scored,
    fate: str,
    rows: NDArray[np.int64],
    at: FloatArray,
    then: FloatArray,
    wrong: int,
    texts: Callable[[Sequence[int]], Sequence[str]] | None,
) -> list[Flip]:
    if not len(rows):
        return []
    # How far beyond the threshold, in steps of the score's spread: layers differ in scale.
    spread = np.array([_spread(scored.scores[:, k]) for k in range(len(scored.layers))])
    beyond = np.where(np.isfinite(at), scored.scores[rows] - at, -np.inf) / spread
    layer = beyond.argmax(axis=1)
    margin = beyond.max(axis=1)
    order = np.lexsort((-margin, scored.label[rows] != wrong))[:_MOST]
    picked = rows[order]
    shown = list(texts([int(i) for i in picked])) if texts else [""] * len(picked)
    new = named(scored.layers, then)
    out = []
    for row, which, text in zip(picked, layer[order], shown, strict=True):
        name = scored.layers[which]
        out.append(
            Flip(
                id=str(scored.ids[row]) if len(scored.ids) else f"row {row + 1}",
                fate=fate,
                label=_NAMES.get(int(scored.label[row]), "unknown"),
                text=text,
                layer=name,
                score=float(scored.scores[row, which]),
                threshold=new[name],
            )
        )
    return out


def _spread(scores: FloatArray) -> float:
    finite = scores[np.isfinite(scores)]
    with np.errstate(over="ignore"):
        return (float(finite.std()) if len(finite) else 0.0) or 1.0
