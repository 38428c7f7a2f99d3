"""Coverage of the intervals that do not use predictions, on data with a known truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from slack import assert_covers, covers

from trueup.stats import (
    Interval,
    betting_interval,
    clopper_pearson,
    cluster_mean,
    cohen_kappa,
    confidence_sequence,
    difference,
    error_rates,
    f1_score,
    ratio,
    wilson,
)

Array = np.ndarray


def hits(run: Callable[[np.random.Generator], tuple[Interval, float]], trials: int) -> int:
    """How often the interval that `run` draws holds the truth it returns."""
    rng = np.random.default_rng(11)
    found = 0
    for _ in range(trials):
        interval, truth = run(rng)
        assert interval.low < interval.high
        found += interval.low <= truth <= interval.high
    return found


def clustered(rng: np.random.Generator, p: float, users: int = 60) -> tuple[Array, Array]:
    """0/1 rows of users with uneven activity and own rates, intraclass correlation 0.2."""
    user = np.repeat(np.arange(users), 1 + rng.poisson(3, users))
    rate = rng.beta(4 * p, 4 * (1 - p), users)[user]
    return (rng.random(len(user)) < rate).astype(float), user


@pytest.mark.parametrize("level", [0.90, 0.95])
@pytest.mark.parametrize("n", [5, 30, 200])
@pytest.mark.parametrize("p", [0.001, 0.05, 0.3, 0.99])
def test_clopper_pearson_and_betting(p: float, n: int, level: float) -> None:
    trials = 300
    exact = hits(lambda g: (clopper_pearson(int(g.binomial(n, p)), n, level), p), trials)
    assert_covers(exact, trials, level, ("clopper_pearson", p, n))
    bet = hits(lambda g: (betting_interval(g.random(n) < p, level), p), 60)
    assert_covers(bet, 60, level, ("betting_interval", p, n))


def test_wilson_covers_on_average_over_p() -> None:
    # Brown, Cai & DasGupta (2001): near nominal averaged over p, not for each p.
    def run(g: np.random.Generator) -> tuple[Interval, float]:
        p = g.random()
        return wilson(int(g.binomial(50, p)), 50), p

    assert_covers(hits(run, 3000), 3000, 0.95, "wilson")


@pytest.mark.parametrize("level", [0.90, 0.95])
@pytest.mark.parametrize("p", [0.003, 0.05, 0.3, 0.98])
def test_cluster_mean(p: float, level: float) -> None:
    def run(g: np.random.Generator) -> tuple[Interval, float]:
        values, user = clustered(g, p)
        return cluster_mean(values, user, level), p

    assert_covers(hits(run, 600), 600, level, ("cluster_mean", p))


def test_ignoring_clusters_undercovers() -> None:
    # Pooling the repeats of one user as independent rows is what clustering exists to prevent.
    def run(g: np.random.Generator) -> tuple[Interval, float]:
        user = np.repeat(np.arange(20), 12)
        values = (g.random(20) < 0.3).astype(float)[user]
        return clopper_pearson(int(values.sum()), len(values)), 0.3

    assert not covers(hits(run, 200), 200, 0.95)


def test_weighted_cluster_mean_and_betting() -> None:
    # Rows of kind A (30 %, rate 0.6) are picked four times as often as kind B (rate 0.1).
    truth = 0.3 * 0.6 + 0.7 * 0.1

    def labels(g: np.random.Generator) -> tuple[Array, Array]:
        kind = g.random(150) < 0.3 * 4 / (0.3 * 4 + 0.7)
        return (g.random(150) < np.where(kind, 0.6, 0.1)).astype(float), np.where(kind, 1.0, 4.0)

    def by_mean(g: np.random.Generator) -> tuple[Interval, float]:
        x, w = labels(g)
        return cluster_mean(x, weights=w), truth

    def by_bets(g: np.random.Generator) -> tuple[Interval, float]:
        x, w = labels(g)
        return betting_interval(x, weights=w, rng=g), truth

    assert_covers(hits(by_mean, 600), 600, 0.95, "weighted cluster_mean")
    assert_covers(hits(by_bets, 100), 100, 0.95, "weighted betting_interval")


@pytest.mark.parametrize("p", [0.02, 0.4])
def test_confidence_sequence_holds_at_every_moment(p: float) -> None:
    rng, found, trials = np.random.default_rng(4), 0, 100
    for _ in range(trials):
        path = confidence_sequence(rng.random(250) < p, 0.9)
        found += bool(((path.low <= p) & (p <= path.high)).all())
        assert (np.diff(path.low) >= 0).all()
        assert (np.diff(path.high) <= 0).all()
    assert_covers(found, trials, 0.9, "confidence_sequence")


def test_peeking_at_a_fixed_interval_undercovers() -> None:
    # What the sequence is for: Clopper–Pearson looked at after each of 250 labels.
    rng, found, trials = np.random.default_rng(4), 0, 100
    for _ in range(trials):
        counts = np.cumsum(rng.random(250) < 0.4)
        looks = [clopper_pearson(int(counts[i - 1]), i, 0.9) for i in range(10, 251, 10)]
        found += all(look.low <= 0.4 <= look.high for look in looks)
    assert not covers(found, trials, 0.9)


@pytest.mark.parametrize(("p", "q"), [(0.02, 0.01), (0.3, 0.5)])
def test_difference_and_ratio(p: float, q: float) -> None:
    def pair(g: np.random.Generator) -> tuple[Interval, Interval]:
        return clopper_pearson(int(g.binomial(200, p)), 200), clopper_pearson(
            int(g.binomial(150, q)), 150
        )

    assert_covers(hits(lambda g: (difference(*pair(g)), p - q), 800), 800, 0.95, "difference")
    assert_covers(hits(lambda g: (ratio(*pair(g)), p / q), 800), 800, 0.95, "ratio")


def judged(g: np.random.Generator, users: int = 50) -> tuple[Array, Array, Array]:
    """Truth (rate 0.4) and a judge with FNR 0.15, FPR 0.1; some users are harder for it."""
    user = np.repeat(np.arange(users), 4)
    truth = g.random(len(user)) < 0.4
    fails = np.where(truth, 0.15, 0.1)
    hard = g.beta(4 * 0.5, 4 * 0.5, users)[user] * 2  # mean 1: the rates hold on average
    wrong = g.random(len(user)) < fails * hard
    return truth, truth ^ wrong, user


def test_error_rates() -> None:
    positive = hits(lambda g: (error_rates(*judged(g)).false_positive, 0.1), 400)
    negative = hits(lambda g: (error_rates(*judged(g)).false_negative, 0.15), 400)
    assert_covers(positive, 400, 0.95, "false positives")
    assert_covers(negative, 400, 0.95, "false negatives")


def test_f1_and_kappa() -> None:
    hit, missed, false = 0.4 * 0.85, 0.4 * 0.15, 0.6 * 0.1
    f1 = 2 * hit / (2 * hit + missed + false)
    said = hit + false
    chance = 0.4 * said + 0.6 * (1 - said)
    kappa = (1 - missed - false - chance) / (1 - chance)
    assert_covers(hits(lambda g: (f1_score(*judged(g), draws=400), f1), 200), 200, 0.95, "F1")

    def run(g: np.random.Generator) -> tuple[Interval, float]:
        truth, said, user = judged(g)
        return cohen_kappa(truth.astype(int), said.astype(int), user, draws=400), kappa

    assert_covers(hits(run, 200), 200, 0.95, "kappa")
