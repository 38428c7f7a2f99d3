"""Outcome differences: by hand, and refused where nothing can be compared."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trueup.stats import Cells, adjusted_difference, randomised_difference


def grouped(x: np.ndarray, bucket: np.ndarray, treated: np.ndarray, y: np.ndarray) -> Cells:
    """One cell per row."""
    return Cells(x, bucket, treated, np.ones(len(y)), y, y**2)


def test_saturated_adjustment_is_standardisation_by_hand() -> None:
    # Two strata. Treated: 100 rows at rate 0.4, 300 at 0.2. Controls: 300 at 0.6, 100 at 0.3.
    # Over the treated: 0.25 · (0.6 − 0.4) + 0.75 · (0.3 − 0.2) = 0.125; naive 0.525 − 0.25.
    x = np.repeat([0, 1, 0, 1], [100, 300, 300, 100])
    treated = np.repeat([1, 1, 0, 0], [100, 300, 300, 100])
    y = np.concatenate([np.arange(n) < k for n, k in ((100, 40), (300, 60), (300, 180), (100, 30))])
    rng = np.random.default_rng(0)
    bucket = rng.integers(0, 80, 800)
    got = adjusted_difference(grouped(x, bucket, treated, y.astype(float)))
    assert got.estimate.value == pytest.approx(0.125, abs=0.01)
    assert got.estimate.low < 0.125 < got.estimate.high
    assert got.overlap == 1.0
    assert got.effective_treated == pytest.approx(400)
    assert "adjusted" in got.estimate.method


def test_refuses_without_overlap() -> None:
    rng = np.random.default_rng(1)
    x = np.repeat([0, 1], 500)
    treated = x.copy()
    treated[:3] = 1
    treated[-3:] = 0
    got = adjusted_difference(grouped(x, rng.integers(0, 50, 1000), treated, rng.random(1000)))
    assert math.isnan(got.estimate.value)
    assert math.isnan(got.estimate.low)
    assert got.reason is not None
    assert "comparable" in got.reason
    assert got.estimate.assumptions == (got.reason,)


def test_refuses_an_empty_arm_and_too_few_buckets() -> None:
    rng = np.random.default_rng(2)
    y, x = rng.random(200), np.zeros(200, int)
    empty = adjusted_difference(grouped(x, np.arange(200), np.zeros(200, int), y))
    assert empty.reason == "One of the two groups is empty."
    few = adjusted_difference(grouped(x, np.arange(200) % 5, np.arange(200) % 2, y))
    assert few.reason == "Fewer than 10 independent buckets."


def test_rows_and_their_sums_give_the_same_answer() -> None:
    rng = np.random.default_rng(3)
    n = 600
    x, bucket, treated = rng.integers(0, 2, n), rng.integers(0, 40, n), rng.integers(0, 2, n)
    y = rng.random(n)
    key, index = np.unique((x * 40 + bucket) * 2 + treated, return_inverse=True)
    summed = Cells(
        key // 80,
        key // 2 % 40,
        key % 2,
        np.bincount(index),
        np.bincount(index, y),
        np.bincount(index, y**2),
    )
    a = adjusted_difference(grouped(x, bucket, treated, y)).estimate
    b = adjusted_difference(summed).estimate
    assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=1e-9)


def test_randomised_difference_is_hajek_by_hand() -> None:
    # Control weights 1/0.5, 1/0.8: (2·1 + 1.25·0)/3.25; treated 1/0.5, 1/0.2: (2·0 + 5·1)/7.
    got = randomised_difference([1, 0, 0, 1], [0, 0, 1, 1], [0.5, 0.2, 0.5, 0.2])
    assert got.estimate.value == pytest.approx(2 / 3.25 - 5 / 7)
    assert got.effective_control == pytest.approx(3.25**2 / (4 + 1.5625))


def test_randomised_difference_never_claims_certainty() -> None:
    got = randomised_difference([1.0] * 8, [0, 1] * 4, [0.5] * 8).estimate
    assert got.value == 0
    assert got.low < -0.1 < 0.1 < got.high


def test_randomised_difference_refuses_one_user_per_arm() -> None:
    got = randomised_difference([1, 0, 1], [0, 1, 1], [0.5] * 3, [1, 2, 2])
    assert math.isnan(got.estimate.value)
    assert got.reason == "An arm has fewer than two independent users."


def test_errors() -> None:
    with pytest.raises(ValueError, match="treated must be 0 or 1, got 2"):
        Cells([0], [0], [2], [1], [0], [0])
    with pytest.raises(ValueError, match="sum_y2 must be at least"):
        Cells([0], [0], [1], [4], [4], [2])
    with pytest.raises(ValueError, match=r"open interval \(0, 1\), got 0 or 1"):
        randomised_difference([1], [1], [1.0])
    with pytest.raises(ValueError, match="target must be 'treated' or 'all', got 'some'"):
        adjusted_difference(Cells([0], [0], [1], [1], [1], [1]), target="some")  # type: ignore[arg-type]
