"""Several thresholds at once: a path through their combinations, learned on a part of the data.

Pareto testing (Laufer-Goldshtein et al. 2023, arXiv:2210.07913): one part of the examples finds the
settings worth testing and their order, the rest certifies along it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from trueup.stats import most_losses
from trueup.tune.dial import Dial
from trueup.tune.risks import RiskKind, at_stake, risks_at
from trueup.tune.scored import OFF, Scored
from trueup.tune.taxes import Taxes
from trueup.tune.thresholds import quantile_levels

__all__ = ["ORDER_SHARE", "joint_dial", "split"]

FloatArray = NDArray[np.float64]

ORDER_SHARE = 0.3  # of the labelled examples, spent on the order,
ORDER_MOST = 5000  # but of more than so many harmful clusters nothing is learned
_MOST_CELLS = 2_000_000  # of the grid of combinations
_MOST_LEVELS = 60  # per layer
_PATH = 80  # settings on a path
_YES_OR_NO = 8  # levels up to which a layer's score is no scale
_WIDTH = 0.12  # of the blur, in shares of the levels, for one example; falls with n to the 1/5
_STEPS = np.concatenate([np.linspace(0, 1, _PATH), np.geomspace(1e-4, 1, _PATH // 2)])
_NEAR = (0.7, 1.4)  # of the best one's tax: where the second pass looks
_ZOOM = 2  # levels to either side of the best one, cut finer in the second pass
_FEW = 1000  # harmful examples below which counts are too rough to be read level by level
_ORDER = "Pareto path learned on labelled examples drawn at random, which take no part in the test"


def split(scored: Scored, rng: np.random.Generator) -> tuple[Scored, Scored]:
    """Part for the order, part for the test: whole clusters, legitimate and harmful ones alike."""
    codes = np.arange(len(scored)) if scored.cluster is None else scored.cluster
    names, code = np.unique(codes, return_inverse=True)
    harmful = np.zeros(len(names), dtype=bool)
    harmful[code[scored.positive]] = True
    order = np.zeros(len(names), dtype=bool)
    share = min(ORDER_SHARE, ORDER_MOST / max(1, harmful.sum()))
    for group in (np.flatnonzero(harmful), np.flatnonzero(~harmful)):
        order[rng.permutation(group)[: round(share * len(group))]] = True
    return scored.where(order[code]), scored.where(~order[code])


def joint_dial(
    scored: Scored, kind: RiskKind, alpha: float, delta: float, rng: np.random.Generator
) -> tuple[Dial, Scored]:
    """Settings of all layers, safest first, and the examples that their risks are measured on.

    On the first part every combination of some levels per layer is counted at once, as cumulative
    sums over a histogram with a dimension per layer; for each level of tax the combination with the
    least risk is kept. Where there are harmful examples enough to tell finer levels apart, a second
    pass cuts them around the setting that should just certify.
    """
    first, rest = split(scored, rng)
    weights = Taxes(first, 0.95).chances
    levels = [_levels(first, kind, weights, layer) for layer in range(len(scored.layers))]
    paths = [_path(first, kind, weights, levels, _STEPS)]
    if at_stake(first, kind).sum() >= _FEW:
        best = _target(paths[0], most_losses(int(rest.positive.sum()), alpha, delta), rest)
        near = paths[0].tax[best] * np.linspace(*_NEAR, _PATH)
        finer = _finer(first, levels, paths[0].settings[best])
        paths.append(_path(first, kind, weights, finer, near))
    settings = _ordered(*paths)
    if np.isfinite(settings[-1]).any():  # nothing is cheaper, on the rest too, than all of it off
        settings = np.vstack([settings, np.full(len(scored.layers), OFF)])
    if scored.today is not None and kind == "new_miss":
        settings = np.vstack([scored.today, settings])
    settings = settings[np.sort(np.unique(settings, axis=0, return_index=True)[1])]
    dial = Dial(
        settings,
        risks_at(rest, kind, settings),
        Taxes(rest, 0.95).means(settings),
        "fixed sequence",
        _ORDER,
    )
    return dial, rest


@dataclass(frozen=True)
class _Path:
    """Settings by falling tax, with the tax and the risk that the first part shows."""

    settings: FloatArray
    tax: FloatArray
    risk: FloatArray


def _levels(part: Scored, kind: RiskKind, weights: FloatArray, layer: int) -> FloatArray:
    """Finite thresholds of a layer, dense where it flags little legitimate traffic, rising.

    They are quantiles of the legitimate scores at falling shares, a few of the harmful ones, and
    the threshold in force. Where only new misses count, thresholds are raised and never lowered.
    """
    most = _per_layer(len(part.layers))
    scores = part.scores[:, layer]
    legit = np.sort(scores[(weights > 0) & np.isfinite(scores)])
    wanted = max(2, most - 2 - most // 4)
    parts = [quantile_levels(scores[part.positive], most // 4)]
    if len(legit):
        shares = np.geomspace(1.0 / len(legit), 1.0, wanted)
        places = np.unique(np.clip(len(legit) - shares * len(legit), 0, len(legit) - 1).astype(int))
        parts += [legit[places], legit[:1]]
    if part.today is not None and np.isfinite(part.today[layer]):
        parts.append(part.today[[layer]])
    found = np.unique(np.concatenate(parts))
    if kind == "new_miss" and part.today is not None:
        found = found[found >= part.today[layer]]
    while len(found) > most:
        found = np.delete(found, np.arange(1, len(found) - 1, 2)[: len(found) - most])
    return found


def _per_layer(layers: int) -> int:
    """Levels per layer that keep the grid of combinations in memory; "off" comes on top."""
    return max(2, min(_MOST_LEVELS, int(_MOST_CELLS ** (1.0 / layers)) - 1))


def _path(
    part: Scored,
    kind: RiskKind,
    weights: FloatArray,
    levels: Sequence[FloatArray],
    steps: FloatArray,
) -> _Path:
    stake = at_stake(part, kind)
    mass = np.ones(len(part)) if part.weight is None else part.weight
    total = float(mass[part.positive].sum())
    shape = tuple(len(one) + 1 for one in levels)
    if _cells(shape) > 4 * _MOST_CELLS:
        raise ValueError(f"{len(levels)} layers are too many to be tuned together")
    at = np.stack(
        [np.searchsorted(one, part.scores[:, i], "right") for i, one in enumerate(levels)], axis=1
    )
    always = np.isposinf(part.scores).any(axis=1)  # failed closed: flagged at every setting
    kept = _histogram(at[~always], weights[~always], shape)
    whole = float(weights.sum())
    tax = 1.0 - _cumulative(kept) / whole if whole else np.zeros(shape)
    lost = _histogram(at[stake & ~always], mass[stake & ~always], shape)
    if stake.sum() < _FEW:
        lost = _blurred(lost, int(stake.sum()))
    risk = _cumulative(lost) / total if total else np.zeros(shape)
    return _least_risk(tax, risk, levels, np.unique(steps))


def _cells(shape: tuple[int, ...]) -> int:
    return int(np.prod([float(n) for n in shape]))


def _histogram(at: NDArray[np.int64], weight: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    if not len(at):
        return np.zeros(shape)
    flat = np.ravel_multi_index(tuple(at.T), shape)
    counted = np.bincount(flat, weight, minlength=_cells(shape))
    return counted.reshape(shape).astype(np.float64)


def _cumulative(cells: FloatArray) -> FloatArray:
    """Mass that no layer flags at each combination: entry c means "flag from level c on"."""
    for axis in range(cells.ndim):
        cells = np.cumsum(cells, axis=axis)
    return cells


def _blurred(cells: FloatArray, n: int) -> FloatArray:
    """The mass of n examples spread over neighbouring levels; a yes or no is left as it is."""
    for axis, size in enumerate(cells.shape):
        if size > _YES_OR_NO:
            width = _WIDTH * size * max(n, 1) ** -0.2
            cells = gaussian_filter1d(cells, width, axis=axis, mode="nearest")
    return cells


def _least_risk(
    tax: FloatArray, risk: FloatArray, levels: Sequence[FloatArray], steps: FloatArray
) -> _Path:
    """For each step of tax, the combination of least risk that costs no more."""
    flat_tax, flat_risk = tax.ravel(), risk.ravel()
    step = np.searchsorted(steps, flat_tax - 1e-12)  # the cheapest step that it fits under
    inside = step < len(steps)
    # By step, then least risk, then most tax: the first of each step is its best.
    order = np.lexsort((-flat_tax, flat_risk, step))
    order = order[inside[order]]
    firsts = order[np.flatnonzero(np.diff(step[order], prepend=-1))]
    chosen: list[int] = []
    for cell in firsts:  # rising tax: a dearer one must be safer, or as safe
        if not chosen or flat_risk[cell] <= flat_risk[chosen[-1]]:
            chosen.append(int(cell))
    chosen.reverse()
    places = np.unravel_index(np.array(chosen, dtype=np.int64), tax.shape)
    columns = [np.append(one, OFF)[place] for one, place in zip(levels, places, strict=True)]
    return _Path(np.stack(columns, axis=1), flat_tax[chosen], flat_risk[chosen])


def _target(path: _Path, allowed: int, rest: Scored) -> int:
    """The cheapest setting on the path that should lose no more than is allowed on the rest."""
    meets = np.flatnonzero(path.risk * rest.positive.sum() <= allowed)
    return int(meets[-1]) if len(meets) else 0


def _finer(part: Scored, levels: Sequence[FloatArray], target: FloatArray) -> list[FloatArray]:
    """Levels between the neighbours of the target, as fine as the scores there."""
    most = _per_layer(len(levels))
    out = []
    for layer, (grid, at) in enumerate(zip(levels, target, strict=True)):
        ends = np.append(grid, OFF)
        place = int(np.searchsorted(ends, at))
        low = ends[max(0, place - _ZOOM)]
        high = ends[min(len(ends) - 1, place + _ZOOM)]
        scores = part.scores[:, layer]
        near = quantile_levels(scores[(scores >= low) & (scores <= high)], most)
        out.append(near if len(near) else grid)
    return out


def _ordered(*paths: _Path) -> FloatArray:
    """All settings of the paths, safest first; those beaten in tax and risk by another drop out."""
    settings = np.vstack([path.settings for path in paths])
    tax = np.concatenate([path.tax for path in paths])
    risk = np.concatenate([path.risk for path in paths])
    order = np.lexsort((risk, tax))  # rising tax
    kept: list[int] = []
    for i in order:
        if not kept or risk[i] <= risk[kept[-1]]:
            kept.append(int(i))
    kept.reverse()
    return settings[kept]
