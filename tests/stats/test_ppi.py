"""Prediction-powered rates: identities, properties, and what happens at the edges."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from trueup.stats import Population, Sample, ppi_mean, ppi_ratio, prediction_interval


def make(seed: int, rows: int, labels: int, *, users: int = 0, uneven: bool = False):
    """A small log and a sample of it; made up for these tests."""
    rng = np.random.default_rng(seed)
    user = rng.integers(0, users, rows) if users else np.arange(rows)
    legal = rng.random(rows) < 0.8
    refused = legal & (rng.random(rows) < 0.2)
    top = np.clip(0.7 * refused + 0.2 * rng.random(rows), 0, 1)
    bottom = np.clip(np.maximum(top, 0.6 * legal + 0.3 * rng.random(rows)), 0, 1)
    stratum = (top > 0.3).astype(int)
    cell = stratum * 100 + user % 100
    values, index = np.unique(cell, return_inverse=True)
    population = Population(
        values // 100,
        values % 100,
        np.bincount(index),
        np.bincount(index, top),
        np.bincount(index, bottom),
    )
    chance = np.where(stratum == 1, 0.9, 0.3) if uneven else np.full(rows, 0.5)
    picked = rng.choice(rows, size=labels, replace=False, p=chance / chance.sum())
    sample = Sample(
        stratum[picked],
        user[picked],
        chance[picked],
        refused[picked].astype(float),
        legal[picked].astype(float),
        top[picked],
        bottom[picked],
    )
    return population, sample


CASES = st.tuples(
    st.integers(0, 10_000),
    st.integers(80, 400),
    st.integers(1, 80),
    st.sampled_from([0, 9, 50]),
    st.booleans(),
).map(lambda c: make(c[0], c[1], c[2], users=c[3], uneven=c[4]))


@settings(max_examples=60)
@given(CASES, st.floats(0.6, 0.99))
def test_interval_properties(case: tuple[Population, Sample], level: float) -> None:
    population, sample = case
    got = ppi_ratio(population, sample, level=level)
    wide = ppi_ratio(population, sample, level=level + 0.005)
    assert 0 <= got.low <= got.value <= got.high <= 1
    assert got.high - got.low > 1e-4
    assert wide.low <= got.low + 1e-5
    assert wide.high >= got.high - 1e-5
    assert got.n == population.size
    assert got.n_labeled == len(sample)


@settings(max_examples=40)
@given(CASES, st.integers(0, 1000))
def test_order_and_cell_splitting_do_not_matter(case: tuple[Population, Sample], seed: int) -> None:
    population, sample = case
    rng = np.random.default_rng(seed)
    whole = ppi_ratio(population, sample)
    order = rng.permutation(len(sample))
    cells = rng.permutation(len(population.n))
    shuffled = ppi_ratio(
        population.where(np.ones(len(cells), bool)),
        Sample(*(getattr(sample, f)[order] for f in FIELDS)),
    )
    half = [np.concatenate([getattr(population, f)[cells] / 2] * 2) for f in PARTS]
    keys = [np.tile(getattr(population, f)[cells], 2) for f in ("stratum", "bucket")]
    split = ppi_ratio(Population(*keys, *half), sample)
    for other in (shuffled, split):
        assert (other.value, other.low, other.high) == pytest.approx(
            (whole.value, whole.low, whole.high), abs=2e-6
        )


FIELDS = (
    "stratum",
    "cluster",
    "probability",
    "numerator",
    "denominator",
    "numerator_hat",
    "denominator_hat",
)
PARTS = ("n", "numerator", "denominator")


def test_few_uniform_labels_are_exactly_clopper_pearson() -> None:
    # Program: scipy.stats.binomtest(2, 15), method "exact".
    n = 16
    population = Population([0], [0], [1000], [100], [1000])
    truth = np.array([1.0] * 2 + [0.0] * 14)
    legal = np.array([1.0] * 15 + [0.0])
    sample = Sample(
        np.zeros(n, int), np.arange(n), np.full(n, 0.1), truth, legal, np.zeros(n), np.ones(n)
    )
    got = ppi_ratio(population, sample)
    expected = binomtest(2, 15).proportion_ci(0.95, "exact")
    assert (got.low, got.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert got.method == "Clopper–Pearson on 15 labels"


def test_perfect_predictions_give_the_population_rate() -> None:
    rng = np.random.default_rng(1)
    truth = (rng.random(5000) < 0.2).astype(float)
    ones = np.ones(5000)
    bucket = np.arange(5000) % 500
    population = Population(
        np.zeros(500, int),
        np.arange(500),
        np.bincount(bucket),
        np.bincount(bucket, truth),
        np.bincount(bucket),
    )
    i = rng.choice(5000, 400, replace=False)
    sample = Sample(np.zeros(400, int), i, np.full(400, 0.08), truth[i], ones[i], truth[i], ones[i])
    got = ppi_mean(population, sample)
    # λ leaves each row out and is held back by one row's worth: within a fifth of a point.
    assert got.value == pytest.approx(truth.mean(), abs=0.002)
    assert got.high - got.low < 0.05
    alone = 2 * 1.96 * math.sqrt(0.2 * 0.8 / 400)
    assert got.high - got.low < 0.6 * alone


def test_a_constant_prediction_leaves_the_weighted_human_rate() -> None:
    # Hájek within strata: 0.8 · 10/40 + 0.2 · 30/40 = 0.35, by hand.
    population = Population([0, 1], [0, 1], [800, 200], [80, 20], [800, 200])
    stratum = np.repeat([0, 1], 40)
    truth = np.concatenate([np.arange(40) < 10, np.arange(40) < 30]).astype(float)
    constant, ones = np.full(80, 0.1), np.ones(80)
    sample = Sample(stratum, np.arange(80), np.repeat([0.05, 0.2], 40), truth, ones, constant, ones)
    got = ppi_mean(population, sample)
    assert got.value == pytest.approx(0.35, abs=1e-12)
    assert got.method == "human labels, stratified, weighted"


def test_unequal_probabilities_are_undone() -> None:
    # One stratum, rows with the event four times as likely to be labelled: the plain mean is 0.5.
    truth = np.array([1.0] * 40 + [0.0] * 40)
    population = Population([0] * 50, range(50), [20] * 50, [0] * 50, [20] * 50)
    sample = Sample(
        np.zeros(80, int),
        np.arange(80),
        np.where(truth == 1, 0.4, 0.1),
        truth,
        np.ones(80),
        np.zeros(80),
        np.ones(80),
    )
    assert ppi_mean(population, sample).value == pytest.approx(0.2, abs=1e-12)


def test_strata_that_no_label_could_reach_keep_the_interval_open() -> None:
    # 90 % of the log never gets a label while the rest does, with unequal probabilities.
    population = Population([0, 1], [0, 1], [900, 100], [9, 90], [900, 100])
    n = 40
    sample = Sample(
        np.ones(n, int),
        np.arange(n),
        np.linspace(0.3, 0.5, n),
        np.ones(n),
        np.ones(n),
        np.full(n, 0.9),
        np.ones(n),
    )
    got = ppi_mean(population, sample)
    assert got.high - got.low >= 0.85
    assert any("no labels beyond chance" in sentence for sentence in got.assumptions)


def test_labels_outside_the_denominator_prove_nothing() -> None:
    population = Population([0], [0], [100], [10], [50])
    n = 30
    zeros = np.zeros(n)
    sample = Sample(zeros.astype(int), np.arange(n), np.full(n, 0.3), zeros, zeros, zeros, zeros)
    got = ppi_ratio(population, sample)
    assert (got.value, got.low, got.high) == (0.2, 0.0, 1.0)
    assert "no label applies" in got.method


def test_labels_of_one_user_prove_nothing_about_others() -> None:
    population, sample = make(0, 200, 30)
    one = Sample(*(np.zeros(30, int) if f == "cluster" else getattr(sample, f) for f in FIELDS))
    got = ppi_ratio(population, one)
    assert (got.low, got.high) == (0.0, 1.0)


def test_repeats_of_a_user_are_not_independent() -> None:
    population, sample = make(3, 400, 80)
    twins = Sample(*(np.repeat(getattr(sample, f), 4) for f in FIELDS))
    once, again = ppi_ratio(population, sample), ppi_ratio(population, twins)
    assert again.high - again.low == pytest.approx(once.high - once.low, rel=0.02)
    assert "clustered by user" in again.method


def test_empty_segment_is_unknown() -> None:
    none = np.empty(0)
    population = Population(none.astype(int), none.astype(int), none, none, none)
    got = ppi_ratio(population, None, name="wrongful refusal", segment="legal")
    assert math.isnan(got.value)
    assert (got.low, got.high, got.n) == (0.0, 1.0, 0)
    assert got.to_dict()["value"] is None
    assert math.isnan(prediction_interval(population).value)


def test_prediction_interval_holds_the_ratio_of_sums() -> None:
    population, _ = make(4, 400, 1, users=60)
    got = prediction_interval(population)
    assert got.value == pytest.approx(population.numerator.sum() / population.denominator.sum())
    assert got.low < got.value < got.high


def test_one_bucket_is_treated_as_independent_rows() -> None:
    got = prediction_interval(Population([0], [0], [400], [100], [400]))
    assert got.high - got.low > 2 * 1.96 * math.sqrt(0.25 * 0.75 / 400)


def test_the_log_itself_is_known_better_than_its_traffic() -> None:
    population, sample = make(6, 300, 80)
    log = ppi_ratio(population, sample, target="log")
    traffic = ppi_ratio(population, sample)
    assert log.value == traffic.value
    assert log.high - log.low < traffic.high - traffic.low


def test_speed_on_fifty_thousand_cells() -> None:
    # Budget 100 ms per call; five times that here, for machines that are busy or slow.
    rng = np.random.default_rng(0)
    k, n = 50_000, 2_000
    bottom = rng.random(k) * 10 + 5
    population = Population(
        rng.integers(0, 50, k), rng.integers(0, 1000, k), np.full(k, 20), bottom * 0.1, bottom
    )
    sample = Sample(
        rng.integers(0, 50, n),
        rng.integers(0, 1500, n),
        rng.uniform(0.1, 1, n),
        (rng.random(n) < 0.1).astype(float),
        np.ones(n),
        rng.random(n) * 0.3,
        rng.random(n),
    )
    ppi_ratio(population, sample)
    spent = []
    for _ in range(5):
        start = time.perf_counter()
        ppi_ratio(population, sample)
        spent.append(time.perf_counter() - start)
    assert min(spent) < 0.5


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"probability": [0.0]}, r"probability must be in \(0, 1\], got 0"),
        (
            {"numerator": [1.0], "denominator": [0.0]},
            r"numerator must be at most denominator \(0\)",
        ),
        ({"numerator_hat": [1.5]}, r"numerator_hat must be in \[0, 1\], got 1.5"),
        ({"cluster": [0.5]}, "cluster must hold whole numbers, got dtype float64"),
        ({"cluster": [1, 2]}, r"cluster must be as long as stratum \(1\), got 2"),
    ],
)
def test_sample_errors(change: dict[str, list[float]], says: str) -> None:
    good: dict[str, list[float]] = {f: [1] for f in FIELDS}
    with pytest.raises(ValueError, match=says):
        Sample(**{**good, **change})  # type: ignore[arg-type]


def test_population_and_call_errors() -> None:
    with pytest.raises(ValueError, match=r"numerator must be in \[0, n\] = \[0, 2\], got 3"):
        Population([0], [0], [2], [3], [2])
    population, sample = make(0, 100, 20)
    with pytest.raises(ValueError, match="must occur in population, got 1"):
        ppi_ratio(population.where(population.stratum == 0), sample)
    with pytest.raises(ValueError, match="level must be in the open interval"):
        ppi_ratio(population, sample, level=95)
    with pytest.raises(ValueError, match="target must be 'traffic' or 'log', got 'all'"):
        ppi_ratio(population, sample, target="all")  # type: ignore[arg-type]
