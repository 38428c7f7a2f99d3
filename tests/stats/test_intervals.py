"""Intervals against published values and against their own definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trueup.stats import (
    Interval,
    betting_interval,
    clopper_pearson,
    cluster_mean,
    confidence_sequence,
    difference,
    ratio,
    wilson,
)
from trueup.stats.skewed import limit, skewed_quantile

LEVELS = st.floats(0.5, 0.999)
COUNTS = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
UNIT_LISTS = st.lists(st.floats(0, 1), min_size=1, max_size=25)


def test_clopper_pearson_matches_scipy() -> None:
    # Program: scipy.stats.binomtest, method "exact".
    for k, n in ((7, 21), (0, 10), (10, 10), (1, 5000)):
        expected = stats.binomtest(k, n).proportion_ci(0.95, "exact")
        got = clopper_pearson(k, n)
        assert (got.low, got.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_clopper_pearson_inverts_the_binomial() -> None:
    got = clopper_pearson(3, 40, 0.9)
    assert stats.binom.sf(2, 40, got.low) == pytest.approx(0.05, rel=1e-9)
    assert stats.binom.cdf(3, 40, got.high) == pytest.approx(0.05, rel=1e-9)


def test_wilson_solves_the_score_equation() -> None:
    # Definition: |p̂ − p| = z √(p(1 − p)/n) at both limits.
    got, z = wilson(4, 37), stats.norm.ppf(0.975)
    for p in (got.low, got.high):
        assert abs(4 / 37 - p) == pytest.approx(z * math.sqrt(p * (1 - p) / 37), rel=1e-9)


@pytest.mark.parametrize("make", [clopper_pearson, wilson])
def test_nothing_known_is_the_whole_range(make) -> None:
    got = make(0, 0)
    assert math.isnan(got.value)
    assert (got.low, got.high) == (0.0, 1.0)


def test_no_rows_is_the_whole_range() -> None:
    for got in (betting_interval([]), cluster_mean([]), confidence_sequence([]).last):
        assert math.isnan(got.value)
        assert (got.low, got.high, got.n) == (0.0, 1.0, 0)


@given(COUNTS, LEVELS, LEVELS)
def test_proportions_hold_their_value_and_widen_with_level(
    count: tuple[int, int], a: float, b: float
) -> None:
    for make in (clopper_pearson, wilson):
        narrow, wide = make(*count, min(a, b)), make(*count, max(a, b))
        assert 0 <= wide.low <= narrow.low <= narrow.value <= narrow.high <= wide.high <= 1
        assert narrow.low < narrow.high


@given(UNIT_LISTS, st.integers(1, 6), LEVELS, LEVELS, st.randoms(use_true_random=False))
def test_cluster_mean_properties(values, groups: int, a: float, b: float, shuffle) -> None:
    clusters = [i % groups for i in range(len(values))]
    narrow = cluster_mean(values, clusters, min(a, b))
    wide = cluster_mean(values, clusters, max(a, b))
    assert 0 <= wide.low <= narrow.low + 1e-9
    assert narrow.high - 1e-9 <= wide.high <= 1
    assert narrow.low <= narrow.value <= narrow.high
    assert narrow.low < narrow.high
    order = list(range(len(values)))
    shuffle.shuffle(order)
    again = cluster_mean([values[i] for i in order], [clusters[i] for i in order], min(a, b))
    assert (again.low, again.high) == pytest.approx((narrow.low, narrow.high), abs=1e-9)


@given(UNIT_LISTS, st.floats(0.5, 0.98))
def test_betting_properties(values: list[float], level: float) -> None:
    narrow, wide = betting_interval(values, level), betting_interval(values, level + 0.01)
    assert 0 <= narrow.low <= narrow.value <= narrow.high <= 1
    assert narrow.low < narrow.high
    assert wide.level > narrow.level


def test_betting_narrows_with_data() -> None:
    x = np.random.default_rng(0).random(800) < 0.1
    widths = [(lambda i: i.high - i.low)(betting_interval(x[:n])) for n in (20, 100, 800)]
    assert widths[0] > widths[1] > widths[2]
    assert widths[2] < 0.08


def test_limit_is_the_exact_poisson_limit_for_rare_equal_events() -> None:
    # Garwood (1936): χ²(2y + 2)/2 and χ²(2y)/2; terms of weight 1, no Student inflation.
    for y in (0, 1, 4, 30):
        events = np.array(float(y))
        args = {"mean": events, "variance": events, "third": events, "df": np.array(1e12)}
        upper = limit(0.975, push=np.array(1.0), **args)
        assert upper == pytest.approx(stats.chi2.ppf(0.975, 2 * y + 2) / 2, rel=1e-6)
        if y:
            lower = limit(0.025, push=np.array(0.0), **args)
            assert lower == pytest.approx(stats.chi2.ppf(0.025, 2 * y) / 2, rel=1e-6)


def test_skewed_quantile_is_pearson_three() -> None:
    for skew in (-1.5, -0.2, 0.0, 0.7, 2.0):
        expected = stats.pearson3.ppf(0.9, skew)
        assert skewed_quantile(0.9, skew) == pytest.approx(expected, abs=1e-6)


def test_cluster_mean_of_one_cluster_says_nothing() -> None:
    got = cluster_mean([0.0, 1.0, 1.0], [7, 7, 7])
    assert (got.low, got.high) == (0.0, 1.0)


def test_cluster_mean_counts_clusters_not_rows() -> None:
    one_each = cluster_mean(np.tile([0.0, 1.0], 30))
    repeated = cluster_mean(np.repeat(np.tile([0.0, 1.0], 30), 12), np.repeat(np.arange(60), 12))
    assert repeated.high - repeated.low == pytest.approx(one_each.high - one_each.low, rel=1e-6)


def test_difference_is_newcombes_hybrid_score() -> None:
    # Newcombe (1998, Stat Med 17:873) table II, method 10, 56/70 − 48/80: 0.0524 to 0.3339.
    got = difference(wilson(56, 70), wilson(48, 80))
    assert (got.low, got.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_ratio_limits_solve_their_definition() -> None:
    # Fieller form of MOVER-R: at the lower limit L, (a − L b)² = (a − a_l)² + L² (b_u − b)².
    a, b = Interval(0.2, 0.12, 0.31, 0.95, 90), Interval(0.4, 0.3, 0.5, 0.95, 90)
    got = ratio(a, b)
    low, high = got.low, got.high
    assert (0.2 - low * 0.4) ** 2 == pytest.approx(0.08**2 + low**2 * 0.1**2)
    assert (0.2 - high * 0.4) ** 2 == pytest.approx(0.11**2 + high**2 * 0.1**2)


def test_ratio_to_what_may_be_zero_is_unbounded() -> None:
    got = ratio(clopper_pearson(3, 10), clopper_pearson(0, 10))
    assert math.isnan(got.value)
    assert got.high == math.inf
    assert ratio(clopper_pearson(3, 10), Interval(0.1, 0.0, 0.3, 0.95, 10)).high == math.inf


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: clopper_pearson(3, 2), "k must be at most n = 2, got 3"),
        (lambda: clopper_pearson(-1, 2), "k must be a whole number of at least 0, got -1"),
        (lambda: wilson(1, 2, 1.5), r"level must be in the open interval \(0, 1\), got 1.5"),
        (lambda: cluster_mean([0.2, 1.4]), r"values must be in \[0, 1\], got 1.4"),
        (lambda: cluster_mean([math.nan]), "values must hold finite numbers only"),
        (lambda: cluster_mean([0.5], [1, 2]), "clusters must be one-dimensional of length 1"),
        (lambda: betting_interval([0.5], weights=[0.0]), "weights must be greater than 0"),
        (lambda: difference(wilson(1, 2), wilson(1, 2, 0.9)), "one level, got 0.95 and 0.9"),
    ],
)
def test_errors_name_argument_rule_and_value(call, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()
