"""Disagreement of a version with itself and with another, against counting the pairs."""

from __future__ import annotations

import math
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.stats import between_disagreement, disagreement, excess_flips, noise_floor

COUNT = st.integers(1, 7).flatmap(lambda m: st.tuples(st.integers(0, m), st.just(m)))
SOME = st.lists(st.tuples(COUNT, COUNT), min_size=1, max_size=12)


def answers(k: int, m: int) -> list[int]:
    return [1] * k + [0] * (m - k)


@given(COUNT, COUNT)
def test_shares_of_pairs_that_differ(before: tuple[int, int], after: tuple[int, int]) -> None:
    pairs = list(combinations(answers(*before), 2))
    within = disagreement(*([v] for v in before))[0]
    if pairs:
        assert within == pytest.approx(np.mean([a != b for a, b in pairs]))
    else:
        assert math.isnan(within)
    across = list(product(answers(*before), answers(*after)))
    between = between_disagreement(*([v] for v in (*before, *after)))[0]
    assert between == pytest.approx(np.mean([a != b for a, b in across]))


def test_disagreement_is_unbiased() -> None:
    # E over k ~ Binomial(m, p) is 2p(1 − p), whatever m.
    for m, p in ((2, 0.3), (5, 0.05), (9, 0.5)):
        k = np.arange(m + 1)
        chance = np.array([math.comb(m, i) * p**i * (1 - p) ** (m - i) for i in k])
        assert chance @ disagreement(k, np.full(m + 1, m)) == pytest.approx(2 * p * (1 - p))


def test_excess_is_the_squared_change_on_average() -> None:
    m, p, q = 3, 0.2, 0.7
    k = np.arange(m + 1)
    total = 0.0
    for i, j in product(k, k):
        chance = math.comb(m, i) * p**i * (1 - p) ** (m - i)
        chance *= math.comb(m, j) * q**j * (1 - q) ** (m - j)
        total += chance * excess_flips([i], [m], [j], [m]).value
    assert total == pytest.approx((q - p) ** 2)


def test_flips_that_cancel_in_the_rate_still_show() -> None:
    before, after = np.repeat([0, 5], 40), np.repeat([5, 0], 40)
    five = np.full(80, 5)
    got = excess_flips(before, five, after, five)
    assert got.value == 1.0
    assert got.low > 0.9


def test_a_version_against_itself_has_no_excess() -> None:
    rng = np.random.default_rng(0)
    p, five = rng.beta(0.5, 0.5, 400), np.full(400, 5)
    got = excess_flips(rng.binomial(5, p), five, rng.binomial(5, p), five)
    assert got.low < 0 < got.high
    assert got.high - got.low < 0.05


@given(SOME)
def test_intervals_hold_their_value_and_are_never_points(rows: list) -> None:
    (k, m), (j, h) = (np.array(side).T for side in zip(*rows, strict=True))
    floor, excess = noise_floor(k, m), excess_flips(k, m, j, h)
    repeated = m > 1
    assert floor.n == repeated.sum()
    assert excess.n == (repeated & (h > 1)).sum()
    for got, low in ((floor, 0.0), (excess, -1.0)):
        assert low <= got.low < got.high <= 1
        assert math.isnan(got.value) if got.n == 0 else got.low <= got.value <= got.high


def test_prompts_asked_once_say_nothing() -> None:
    got = noise_floor([0, 1], [1, 1])
    assert math.isnan(got.value)
    assert (got.low, got.high, got.n) == (0.0, 1.0, 0)


def test_clusters_are_the_unit() -> None:
    k, m = np.tile([0, 1, 2, 3], 30), np.full(120, 4)
    alone = noise_floor(k, m)
    together = noise_floor(np.repeat(k, 5), np.repeat(m, 5), clusters=np.repeat(range(120), 5))
    assert together.value == pytest.approx(alone.value)
    assert together.high - together.low == pytest.approx(alone.high - alone.low, rel=1e-6)


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"refused must be at most samples \(2\), got 3"):
        disagreement([1, 3], [2, 2])
    with pytest.raises(ValueError, match="n_after must be as long as n_before"):
        between_disagreement([1], [2], [1, 1], [2, 2])
    with pytest.raises(ValueError, match="level must be in the open interval"):
        noise_floor([], [], level=1.0)
