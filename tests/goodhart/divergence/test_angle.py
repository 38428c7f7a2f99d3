"""Karwowski et al. 2023, Corollary 1: its two properties, on random and grid-like processes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from trueup.goodhart.divergence.angle import (
    Process,
    angle_stop,
    gridworld,
    occupancy,
    on_the_cone,
    random_process,
    soft_path,
    tangent,
    true_drop,
)

Array = np.ndarray
TEMPERATURES = np.geomspace(10, 0.02, 20).tolist()


@cache
def worlds() -> list[tuple[Process, Array, list[Array], list[Array]]]:
    """(process, proxy, policies, directions that a true reward may lean towards)."""
    rng = np.random.default_rng(0)
    found = []
    for k in range(18):
        process = random_process(rng, 6, 3) if k % 3 else gridworld(3)
        proxy = rng.normal(size=process.shape)
        path = soft_path(process, proxy, TEMPERATURES)
        first, before, last = (occupancy(process, path[i]) for i in (0, -2, -1))
        towards = [rng.normal(size=process.shape), first - last, before - last]
        found.append((process, proxy, path, towards))
    return found


def cases(theta: float) -> Iterator[tuple[Process, Array, Array, list[Array]]]:
    """Every process with true rewards on the boundary of the cone."""
    for process, proxy, path, towards in worlds():
        for direction in towards:
            yield process, proxy, on_the_cone(process, proxy, theta, direction), path


def test_occupancies_are_what_the_policy_does() -> None:
    """The return is that of solving the Bellman equations; total occupancy is 1/(1 − γ)."""
    process, reward, path, _ = worlds()[1]
    for policy in path[::7]:
        eta = occupancy(process, policy)
        step = np.einsum("sa,sat->st", policy, process.transition)
        value = np.linalg.solve(
            np.eye(len(step)) - process.discount * step, (policy * reward).sum(axis=1)
        )
        assert (eta * reward).sum() == pytest.approx(process.start @ value)
        assert eta.sum() == pytest.approx(1 / (1 - process.discount))


def test_the_projection_is_one_and_keeps_what_policies_can_change() -> None:
    process, _, path, _ = worlds()[0]
    project = tangent(process)
    assert np.allclose(project, project.T)
    assert np.allclose(project @ project, project)
    states, actions = process.shape
    assert np.trace(project) == pytest.approx(states * (actions - 1))
    moved = (occupancy(process, path[-1]) - occupancy(process, path[0])).ravel()
    assert np.allclose(project @ moved, moved)


def test_the_cone_s_boundary_is_at_its_angle() -> None:
    for process, proxy, true, _ in cases(0.7):
        a, b = (tangent(process) @ one.ravel() for one in (proxy, true))
        assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) == pytest.approx(np.cos(0.7))


@pytest.mark.parametrize("theta", [0.2, 0.6, 1.0, 1.4])
def test_the_true_return_never_falls_before_the_stop(theta: float) -> None:
    for process, proxy, true, path in cases(theta):
        found = angle_stop(process, proxy, true, path, theta)
        until = np.array(found.true[: found.stop + 1])
        assert (np.diff(until) >= -1e-9 * max(1.0, float(np.abs(until).max()))).all()


def test_goodharting_happens_and_the_stop_removes_it_unless_it_comes_late() -> None:
    theta = 0.6
    without, with_stop, late, later = [], [], [], []
    for process, proxy, true, path in cases(theta):
        found = angle_stop(process, proxy, true, path, theta)
        without.append(true_drop(found, len(path) - 1))
        with_stop.append(true_drop(found))
        late.append(true_drop(angle_stop(process, proxy, true, path, 0.8 * theta)))
        later.append(true_drop(angle_stop(process, proxy, true, path, 0.4 * theta)))
    fell = [float(np.mean(np.array(one) < -1e-6)) for one in (without, with_stop, late, later)]
    assert fell[0] > 0.5
    assert fell[1] == 0
    assert 0 < fell[2] <= fell[3] <= fell[0]


def test_a_larger_angle_stops_no_later() -> None:
    for process, proxy, true, path in cases(0.5):
        stops = [angle_stop(process, proxy, true, path, x).stop for x in (0, 0.3, 0.8, np.pi / 2)]
        assert stops == sorted(stops, reverse=True)
    with pytest.raises(ValueError, match="theta must be"):
        angle_stop(process, proxy, true, path, 2.0)
