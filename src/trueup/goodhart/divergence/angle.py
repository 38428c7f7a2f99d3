"""Stop while the proxy still points the right way: the angle rule on tabular decision processes.

Karwowski et al. 2023 (arXiv:2310.09144), Corollary 1. A policy of a tabular MDP is a point of a
polytope, its occupancy measure η, on which every return is linear: J(π) = ⟨η, R⟩. When the true
reward R₀ is within an angle θ of the proxy R₁, a step along which the proxy rises steeply enough
cannot lower the true return.

This needs every return and occupancy exactly. For a language model neither is known, so it is an
instrument for understanding, not an alarm: watch held-out quality instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trueup.goodhart.divergence.result import AngleStop

__all__ = [
    "Process",
    "angle_stop",
    "gridworld",
    "occupancy",
    "on_the_cone",
    "random_process",
    "soft_path",
    "tangent",
    "true_drop",
]

FloatArray = NDArray[np.float64]

_SWEEPS = 10_000
_SETTLED = 1e-12


@dataclass(frozen=True)
class Process:
    """A Markov decision process without its reward.

    Attributes
    ----------
    transition
        Shape (S, A, S): probabilities of the next state.
    start
        Shape (S,): probabilities of the first one.
    discount
        In (0, 1).
    """

    transition: FloatArray
    start: FloatArray
    discount: float

    @property
    def shape(self) -> tuple[int, int]:
        """States and actions."""
        return self.transition.shape[0], self.transition.shape[1]


def random_process(
    rng: np.random.Generator, states: int = 10, actions: int = 4, discount: float = 0.9
) -> Process:
    """Transitions and start drawn from flat Dirichlet distributions."""
    transition = rng.dirichlet(np.ones(states), (states, actions))
    return Process(transition, rng.dirichlet(np.ones(states)), discount)


def gridworld(size: int = 4, slip: float = 0.1, discount: float = 0.9) -> Process:
    """A square of cells, four moves, each of which goes astray with probability `slip`."""
    moves = [(-1, 0), (1, 0), (0, -1), (0, 1)]
    cells = size * size
    transition = np.zeros((cells, 4, cells))
    for cell in range(cells):
        row, column = divmod(cell, size)
        for meant in range(4):
            for went, (down, right) in enumerate(moves):
                chance = slip / 4 + (1 - slip if went == meant else 0.0)
                there = min(max(row + down, 0), size - 1) * size
                there += min(max(column + right, 0), size - 1)
                transition[cell, meant, there] += chance
    start = np.zeros(cells)
    start[0] = 1.0
    return Process(transition, start, discount)


def occupancy(process: Process, policy: FloatArray) -> FloatArray:
    """η(s, a) = Σ γᵗ P(sₜ = s, aₜ = a), shape (S, A); policy of the same shape, rows sum to 1."""
    states, _ = process.shape
    step = np.einsum("sa,sat->st", policy, process.transition)
    visits = np.linalg.solve(np.eye(states) - process.discount * step.T, process.start)
    return np.asarray(visits[:, None] * policy)


def tangent(process: Process) -> FloatArray:
    """M_τ: the projection onto the directions in which an occupancy can move, shape (SA, SA).

    These are the v with Σₐ v(s′, a) = γ Σ P(s′ | s, a) v(s, a) for every s′.
    """
    states, actions = process.shape
    flow = np.repeat(np.eye(states), actions, axis=1)
    flow -= process.discount * process.transition.reshape(states * actions, states).T
    return np.asarray(np.eye(states * actions) - np.linalg.pinv(flow) @ flow)


def soft_path(
    process: Process, reward: FloatArray, temperatures: Sequence[float]
) -> list[FloatArray]:
    """Policies that are optimal for the reward plus an entropy bonus, from warm to cold.

    Soft value iteration; the coldest is nearly greedy. reward: shape (S, A).
    """
    value = np.zeros(process.shape[0])
    found = []
    for warmth in temperatures:
        for _ in range(_SWEEPS):
            q = reward + process.discount * process.transition @ value
            top = q.max(axis=1)
            new = top + warmth * np.log(np.exp((q - top[:, None]) / warmth).sum(axis=1))
            settled = np.abs(new - value).max() < _SETTLED * max(1.0, float(np.abs(new).max()))
            value = new
            if settled:
                break
        found.append(np.exp((q - q.max(axis=1, keepdims=True)) / warmth))
        found[-1] /= found[-1].sum(axis=1, keepdims=True)
    return found


def angle_stop(
    process: Process,
    proxy: FloatArray,
    true: FloatArray,
    policies: Sequence[FloatArray],
    theta: float,
) -> AngleStop:
    """Walk along the policies and stop before the first step that is too flat for the angle.

    Step i is too flat when (J₁(πᵢ₊₁) − J₁(πᵢ)) / ‖ηᵢ₊₁ − ηᵢ‖ < sin θ · ‖M_τ R₁‖. Up to the stop no
    step lowers the return of any R₀ whose projection is within θ of that of R₁. The rule does not
    look at `true`; it is there to be reported.

    Parameters
    ----------
    proxy, true
        Shape (S, A): R₁ and R₀.
    policies
        At least one, of shape (S, A).
    theta
        In radians, [0, π/2]; below the angle that it really is, the promise is void.
    """
    if not 0 <= theta <= math.pi / 2:
        raise ValueError(f"theta must be in [0, π/2], got {theta!r}")
    visits = [occupancy(process, policy).ravel() for policy in policies]
    steepest = float(np.linalg.norm(tangent(process) @ proxy.ravel()))
    stop = len(visits) - 1
    for i, (now, then) in enumerate(pairwise(visits)):
        moved = then - now
        length = float(np.linalg.norm(moved))
        if length > 0 and moved @ proxy.ravel() < math.sin(theta) * steepest * length:
            stop = i
            break
    return AngleStop(
        stop=stop,
        proxy=tuple(float(one @ proxy.ravel()) for one in visits),
        true=tuple(float(one @ true.ravel()) for one in visits),
    )


def on_the_cone(
    process: Process, proxy: FloatArray, theta: float, towards: FloatArray
) -> FloatArray:
    """A reward whose projection is at the angle θ from the proxy's, leaning towards a direction.

    Shape (S, A). towards: shape (S, A), not along the proxy; minus the last steps of a path gives
    the reward that this path harms most.
    """
    project = tangent(process)
    along = project @ proxy.ravel()
    size = float(np.linalg.norm(along))
    along = along / size
    aside = project @ towards.ravel()
    aside = aside - (aside @ along) * along
    aside = aside / np.linalg.norm(aside)
    leaning = size * (math.cos(theta) * along + math.sin(theta) * aside)
    return np.asarray(leaning.reshape(proxy.shape))


def true_drop(found: AngleStop, stop: int | None = None) -> float:
    """NDH of the true return along the path until `stop`: its last value less its highest, ≤ 0.

    In shares of the range of the true return over the whole path; NaN where that is 0.
    """
    until = found.true[: (found.stop if stop is None else stop) + 1]
    spread = max(found.true) - min(found.true)
    return (until[-1] - max(until)) / spread if spread > 0 else math.nan
