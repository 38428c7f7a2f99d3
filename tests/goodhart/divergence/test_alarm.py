from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from trueup.goodhart.divergence.alarm import assumed, find_alarm, regime_of
from trueup.goodhart.divergence.table import Run, tabulate

HUMP = [0.4, 0.5, 0.6, 0.7, 0.7, 0.6, 0.5, 0.35, 0.3, 0.3]
RISE = [0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.7, 0.7, 0.7, 0.7]


def test_a_planted_fall_in_a_series_is_seen(series: Callable[..., Run]) -> None:
    found = find_alarm(series(200, 0.4), 0.05)
    assert found.fired
    assert found.at is not None
    assert found.since is not None
    assert 80 < found.at < 200
    assert found.since < found.at
    assert found.truth is not None
    assert found.truth[0] > found.truth[1]
    assert found.proxy is not None
    assert found.proxy[0] < found.proxy[1]


def test_no_fall_no_alarm(series: Callable[..., Run]) -> None:
    found = find_alarm(series(200, 0.0), 0.05)
    assert not found.fired
    assert found.fell_at is None
    assert 0 <= found.evidence < 1
    assert found.looks > 50


@pytest.mark.parametrize("same", [True, False])
def test_a_planted_fall_by_example_is_seen(examples: Callable[..., Run], same: bool) -> None:
    run = examples(400, HUMP, same=same)
    assert regime_of(run) == ("paired" if same else "fresh")
    found = find_alarm(run, 0.05)
    assert found.fired
    assert found.at is not None
    assert found.at <= 9
    assert not find_alarm(examples(400, RISE, same=same), 0.05).fired


def test_repeats_are_no_evidence(examples: Callable[..., Run]) -> None:
    """The same examples twenty times over say what they say once."""
    weak = [0.5, 0.55, 0.6, 0.55, 0.5]
    once, often = examples(60, weak), examples(60, weak, repeats=20)
    assert find_alarm(once, 0.05) == find_alarm(often, 0.05)
    assert not find_alarm(often, 0.05).fired


def test_both_sides_are_needed(series: Callable[..., Run]) -> None:
    run = series(200, 0.4)
    flat = tabulate(np.full(200, 0.5), run.truth)
    falling = tabulate(-run.proxy, run.truth)
    for other in (flat, falling):
        found = find_alarm(other, 0.05)
        assert not found.fired
        assert found.fell_at is not None  # and is said to have fallen


def test_a_proxy_by_example_is_tested_too(examples: Callable[..., Run]) -> None:
    run = examples(400, HUMP)
    assert run.units is not None
    noise = np.random.default_rng(3).normal(0, 0.2, run.units.values.shape)
    step = np.tile(np.arange(10), 400).tolist()
    example = np.repeat(np.arange(400), 10).tolist()
    truth = run.units.values.ravel()
    for slope, expected in ((0.1, True), (0.0, False), (-0.1, False)):
        proxy = (noise + slope * np.arange(10)).ravel()
        made = tabulate(proxy, truth, step=step, example=example)
        assert made.proxy_units is not None
        assert find_alarm(made, 0.05).fired is expected


@pytest.mark.parametrize("seed", range(3))
def test_more_rows_never_take_an_alarm_back(series: Callable[..., Run], seed: int) -> None:
    run = series(150, 0.5, seed=seed)
    whole = find_alarm(run, 0.05)
    assert whole.at is not None
    for n in (60, whole.at, whole.at + 1, 149):
        part = find_alarm(tabulate(run.proxy[:n], run.truth[:n]), 0.05)
        assert part.fired is (n > whole.at)
        if part.fired:
            assert part.at == whole.at


def test_sparse_truth_with_a_dense_proxy(series: Callable[..., Run]) -> None:
    run = series(600, 0.6)
    truth = np.where(np.arange(600) % 10 == 0, run.truth, np.nan)
    found = find_alarm(tabulate(run.proxy, truth), 0.05)
    assert found.fired
    assert found.at is not None
    assert found.at % 10 == 0


def test_units_and_shifts_of_both_columns_change_nothing(series: Callable[..., Run]) -> None:
    run = series(120, 0.5)
    plain = find_alarm(run, 0.05)
    other = find_alarm(tabulate(1000 * run.proxy + 7, 0.001 * run.truth - 50), 0.05)
    assert (plain.at, plain.since) == (other.at, other.since)


def test_too_early_is_no_look() -> None:
    found = find_alarm(tabulate(range(7), [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]), 0.05)
    assert (found.fired, found.looks, found.evidence) == (False, 0, 0.0)


def test_a_constant_truth_and_a_constant_proxy() -> None:
    for truth, proxy in ((np.full(60, 0.7), np.arange(60.0)), (np.arange(60.0), np.ones(60))):
        found = find_alarm(tabulate(proxy, truth), 0.05)
        assert not found.fired
        assert found.fell_at is None


def test_a_noiseless_fall_is_seen_and_a_noiseless_rise_is_not() -> None:
    x = np.linspace(0, 1, 60)
    assert find_alarm(tabulate(x, -((x - 0.4) ** 2)), 0.05).fired
    assert not find_alarm(tabulate(x, 1 - np.exp(-9 * x)), 0.05).fired


def test_what_is_assumed_is_said(series: Callable[..., Run], examples: Callable[..., Run]) -> None:
    assert "random walk" in " ".join(assumed(series(50, 0.0), None, 0.95))
    few = assumed(examples(50, [0.5, 0.5, 0.5]), None, 0.95)
    assert any("too few readings" in one for one in few)
    assert assumed(tabulate([1.0, 2.0]), None, 0.95) == ()
