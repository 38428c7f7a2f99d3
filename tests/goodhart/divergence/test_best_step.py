from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from trueup.goodhart.divergence.best_step import best_step, unit_errors
from trueup.goodhart.divergence.curves import noise_of, proxy_curve, truth_curve
from trueup.goodhart.divergence.delay import delays
from trueup.goodhart.divergence.table import Run, tabulate


def test_the_planted_peak_is_found(series: Callable[..., Run]) -> None:
    found = best_step(series(300, 0.4), 0.95)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 120 <= found.high
    assert found.low <= found.at <= found.high
    assert found.high - found.low < 150
    assert found.drop.low <= -0.4 <= found.drop.high < 0


def test_a_run_that_still_rises_is_best_at_its_end() -> None:
    x = np.linspace(0, 1, 100)
    found = best_step(tabulate(x, x + np.random.default_rng(0).normal(0, 0.02, 100)), 0.95)
    assert found is not None
    assert found.high == 99
    assert found.drop.high == 0
    assert found.drop.value <= 0


def test_few_readings_give_a_step_and_no_interval() -> None:
    found = best_step(tabulate([1, 2, 3], [0.5, 0.7, 0.6]), 0.95)
    assert found is not None
    assert (found.at, found.low, found.high) == (1, None, None)
    assert found.drop.value == pytest.approx(-0.1)
    assert found.drop.low == -np.inf
    assert best_step(tabulate([1, 2, 3]), 0.95) is None


def test_by_example(examples: Callable[..., Run]) -> None:
    found = best_step(examples(500, [0.3, 0.5, 0.7, 0.5, 0.3]), 0.95)
    assert found is not None
    assert (found.low, found.at, found.high) == (2, 2, 2)
    assert found.drop.low < -0.4 < found.drop.high < 0
    level = best_step(examples(500, [0.5] * 5), 0.95)
    assert level is not None
    assert level.low is not None
    assert level.high is not None
    assert level.high - level.low >= 2


def test_errors_of_units_are_those_of_means(examples: Callable[..., Run]) -> None:
    """The variance of a mean is that of its values over n, as everywhere."""
    run = examples(80, [0.3, 0.6, 0.9])
    assert run.units is not None
    errors = unit_errors(run.units)
    expected = run.units.values.var(axis=0, ddof=1) / 80
    assert (errors**2).sum(axis=0) == pytest.approx(expected)


def test_curves_have_limits_around_them(series: Callable[..., Run]) -> None:
    run = series(100, 0.3)
    for curve in (proxy_curve(run, 0.95), truth_curve(run, 0.95)):
        assert curve is not None
        assert len(curve.at) == 100
        assert all(a <= b <= c for a, b, c in zip(curve.low, curve.fit, curve.high, strict=True))
    noise = noise_of(run)
    assert noise is not None
    assert 0.02 < noise.deviation < 0.06  # 0.03, and the kink of the truth
    assert truth_curve(tabulate([1.0, 2.0]), 0.95) is None
    assert np.isnan(proxy_curve(tabulate([1.0, 2.0]), 0.95).fit).all()


def test_larger_falls_are_seen_sooner(
    series: Callable[..., Run], examples: Callable[..., Run]
) -> None:
    for found in (
        delays(series(80, 0.0), 0.025),
        delays(examples(300, [0.5, 0.5, 0.5]), 0.05, reach=1.0),
    ):
        assert [one.size for one in found] == sorted(one.size for one in found)
        assert found[-1].seen > 0.9
        assert found[-1].median <= found[0].median
    assert delays(tabulate([1, 2], [1, 2]), 0.05) == ()
    assert delays(tabulate(range(20), np.ones(20)), 0.05) == ()
