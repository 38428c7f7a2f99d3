"""The interval of a speedup against the binomial that it is made of."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from trueup.goodhart.grade.speedup import is_clear, look, measure, pairs_needed

TIMES = st.lists(st.floats(1e-6, 1e3), min_size=6, max_size=40)


def test_fewer_than_six_pairs_show_nothing() -> None:
    assert pairs_needed(0.95) == 6  # 2 * (1/2)**6 = 0.031, 2 * (1/2)**5 = 0.0625
    found = measure([2.0] * 5, [1.0] * 5)
    assert found.ratio == pytest.approx(2.0)
    assert found.low is None
    assert found.high is None
    assert not is_clear(found, 1.0)


def test_a_look_has_a_third_of_the_error() -> None:
    assert pairs_needed() == 7  # 2 * (1/2)**7 = 0.0156 <= 0.05 / 3
    times = [2.0] * 14
    disturbed = [1.0] * 12 + [9.0] * 2
    assert not is_clear(look(times[:7], disturbed[7:]), 1.5)
    assert is_clear(look(times, disturbed), 1.5)
    assert is_clear(look(times, times), 1.5)


@pytest.mark.parametrize("n", [6, 7, 15, 30, 101])
def test_the_places_are_those_of_the_sign_test(n: int) -> None:
    found = measure([math.exp(one) for one in range(n)], [1.0] * n)
    assert found.low is not None
    place = round(math.log(found.low))
    assert binom.cdf(place, n, 0.5) <= 0.025 < binom.cdf(place + 1, n, 0.5)
    assert found.high == pytest.approx(math.exp(n - 1 - place))


@given(TIMES, st.floats(0.1, 10))
def test_it_is_the_ratio_when_nothing_varies(times: list[float], ratio: float) -> None:
    found = measure([ratio * one for one in times], times)
    assert found.ratio == pytest.approx(ratio)
    assert found.low == pytest.approx(ratio)
    assert found.high == pytest.approx(ratio)


@given(TIMES, st.randoms(use_true_random=False))
def test_swapping_the_sides_inverts_it(times: list[float], rng: object) -> None:
    others = list(reversed(times))
    one, other = measure(times, others), measure(others, times)
    assert one.ratio == pytest.approx(1 / other.ratio)
    assert one.low is not None
    assert other.high is not None
    assert one.low == pytest.approx(1 / other.high)


@pytest.mark.parametrize(
    ("reference", "submission", "level"),
    [([1.0], [0.0], 0.95), ([], [], 0.95), ([1.0], [1.0, 2.0], 0.95), ([1.0], [1.0], 1.0)],
)
def test_what_is_no_time_is_refused(
    reference: list[float], submission: list[float], level: float
) -> None:
    with pytest.raises(ValueError, match="must be"):
        measure(reference, submission, level)
