"""Coverage and error rates of everything that compares before with after, on a known truth.

0/1 rows that are their own clusters need no simulation: every outcome is listed, and coverage is a
sum of probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest
from scipy import stats
from slack import assert_covers, covers

from trueup.stats import (
    Interval,
    PairedDifference,
    Population,
    Sample,
    excess_flips,
    holm,
    is_equivalent,
    mcnemar,
    noise_floor,
    paired_difference,
    ppi_mean,
    tango_interval,
)

Array = np.ndarray
RATES = (0.0, 0.001, 0.01, 0.04, 0.1, 0.3, 0.6, 0.9, 0.99)
TRUTHS = [(p, q) for p in RATES for q in RATES if q <= p and p + q < 1]


def outcomes(n: int, p: float, q: float) -> Iterator[tuple[int, int, float]]:
    """All counts of flips that matter, with their probability."""

    def likely(trials: int, rate: float) -> Iterator[tuple[int, float]]:
        ends = stats.binom.ppf([1e-6, 1 - 1e-6], trials, rate).astype(int)
        counts = np.arange(ends[0], ends[1] + 1)
        yield from zip(counts.tolist(), stats.binom.pmf(counts, trials, rate).tolist(), strict=True)

    for b, first in likely(n, p):
        for c, second in likely(n - b, q / (1 - p)):
            yield b, c, first * second


@cache
def change(newly: int, fixed: int, n: int) -> PairedDifference:
    after, before = np.zeros(n), np.zeros(n)
    after[:newly] = 1
    before[newly : newly + fixed] = 1
    return paired_difference(before, after)


def coverage(of: Callable[[int, int, int], Interval], n: int, p: float, q: float) -> float:
    """Probability that the interval holds p − q when prompts flip with these probabilities."""
    total = 0.0
    for b, c, chance in outcomes(n, p, q):
        got = of(b, c, n)
        total += chance * (got.low - 1e-12 <= p - q <= got.high + 1e-12)
    return total


def hits(run: Callable[[np.random.Generator], tuple[Interval, float]], trials: int) -> int:
    """How often the interval that `run` draws holds the truth it returns."""
    rng = np.random.default_rng(17)
    found = 0
    for _ in range(trials):
        interval, truth = run(rng)
        assert interval.low < interval.high
        found += interval.low <= truth <= interval.high
    return found


# -- 0/1 rows, listed -------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "least"), [(8, 0.93), (30, 0.947), (90, 0.948), (250, 0.95)])
def test_flips_of_independent_prompts(n: int, least: float) -> None:
    truths = [(p, q) for p, q in TRUTHS if n * q < 30]
    found = [coverage(lambda b, c, n: change(b, c, n).interval(), n, p, q) for p, q in truths]
    assert min(found) >= least, truths[int(np.argmin(found))]
    assert np.mean(found) < 0.995


def test_tango_covers_on_average_and_dips_where_nearly_all_flip() -> None:
    # Which is why `paired_difference` joins it with another interval.
    found = [coverage(tango_interval, 30, p, q) for p, q in TRUTHS]
    assert np.mean(found) >= 0.95
    assert coverage(tango_interval, 10, 0.99, 0.0) < 0.91
    assert coverage(lambda b, c, n: change(b, c, n).interval(), 10, 0.99, 0.0) >= 0.95


@pytest.mark.parametrize("discordance", [0.02, 0.2, 0.9])
@pytest.mark.parametrize("n", [10, 60, 250])
def test_mcnemar_rejects_seldom_enough(n: int, discordance: float) -> None:
    half = discordance / 2
    for alpha in (0.05, 0.01):
        wrong = sum(w for b, c, w in outcomes(n, half, half) if mcnemar(b, c) <= alpha)
        assert wrong <= alpha


@pytest.mark.parametrize(
    ("n", "margin"), [(30, 0.2), (60, 0.1), (100, 0.05), (120, 0.1), (250, 0.05)]
)
def test_equivalence_at_the_margin_is_claimed_seldom_enough(n: int, margin: float) -> None:
    # The truth is just not equivalent; score intervals may exceed 5 % by their discreteness.
    for fixed in (0.0, 0.005, 0.02, 0.05):
        wrong = sum(
            w
            for b, c, w in outcomes(n, margin + fixed, fixed)
            if is_equivalent(change(b, c, n), margin)
        )
        assert wrong <= 0.06, fixed


# -- clusters, shares, scores -----------------------------------------------------------------


def clustered(
    clusters: int, p: float, q: float
) -> Callable[[np.random.Generator], tuple[Array, Array, Array | None]]:
    """0/1 rows in clusters of uneven size with own rates, intraclass correlation 0.2."""

    def draw(g: np.random.Generator) -> tuple[Array, Array, Array]:
        index = np.repeat(np.arange(clusters), 1 + g.poisson(3, clusters))
        rate = [g.beta(4 * r + 1e-9, 4 * (1 - r), clusters)[index] for r in (p, q)]
        before, after = (g.random(len(index)) < r for r in rate)
        return before.astype(float), after.astype(float), index

    return draw


def sampled(
    prompts: int, before: tuple[float, float], after: tuple[float, float]
) -> Callable[[np.random.Generator], tuple[Array, Array, Array | None]]:
    """Shares of 5 samples per prompt; each prompt has its own probabilities, Beta distributed."""

    def draw(g: np.random.Generator) -> tuple[Array, Array, None]:
        p, q = g.beta(*before, prompts), g.beta(*after, prompts)
        return g.binomial(5, p) / 5, g.binomial(5, q) / 5, None

    return draw


def worded(prompts: int) -> Callable[[np.random.Generator], tuple[Array, Array, Array | None]]:
    """Word counts, lognormal: means 54.97 and 61.87."""

    def draw(g: np.random.Generator) -> tuple[Array, Array, None]:
        before, after = (np.round(g.lognormal(4, s, prompts)) for s in (0.12, 0.5))
        return before, after, None

    return draw


WORDS = float(np.exp(4 + 0.5**2 / 2) - np.exp(4 + 0.12**2 / 2))


@pytest.mark.parametrize(
    ("draw", "truth", "bounds"),
    [
        (clustered(6, 0.1, 0.3), 0.2, (0.0, 1.0)),
        (clustered(16, 0.2, 0.3), 0.1, (0.0, 1.0)),
        (clustered(30, 0.05, 0.05), 0.0, (0.0, 1.0)),
        (clustered(40, 0.3, 0.8), 0.5, (0.0, 1.0)),
        (clustered(100, 0.0, 0.02), 0.02, (0.0, 1.0)),
        (sampled(8, (0.3, 0.7), (0.4, 0.6)), 0.1, (0.0, 1.0)),
        (sampled(20, (0.3, 0.7), (0.4, 0.6)), 0.1, (0.0, 1.0)),
        (sampled(60, (0.02, 0.98), (0.05, 0.95)), 0.03, (0.0, 1.0)),
        (sampled(150, (0.3, 0.7), (0.3, 0.7)), 0.0, (0.0, 1.0)),
        (worded(12), WORDS, None),
        (worded(60), WORDS, None),
    ],
    ids=[
        "6 clusters",
        "16 clusters",
        "30 clusters, few flips",
        "40 clusters, many flips",
        "100 clusters, flips one way",
        "8 prompts sampled",
        "20 prompts sampled",
        "60 prompts, seldom refused",
        "150 prompts, unchanged",
        "words of 12 prompts",
        "words of 60 prompts",
    ],
)
def test_clusters_shares_and_words(draw, truth: float, bounds) -> None:
    trials = 250
    found = dict.fromkeys((0.9, 0.95), 0)
    rng = np.random.default_rng(23)
    for _ in range(trials):
        before, after, index = draw(rng)
        got = paired_difference(before, after, clusters=index, bounds=bounds, rng=rng)
        for level in found:
            interval = got.interval(level)
            assert interval.low < interval.high
            found[level] += interval.low <= truth <= interval.high
    for level, count in found.items():
        assert_covers(count, trials, level, (truth, bounds), doubt=1e-3)


def test_treating_repeats_as_rows_undercovers() -> None:
    # Each of 40 prompts was asked 12 times of a version that always answers it the same.
    def run(g: np.random.Generator) -> tuple[Interval, float]:
        before, after = (np.repeat(g.random(40) < r, 12).astype(float) for r in (0.3, 0.5))
        return paired_difference(before, after).interval(), 0.2

    assert not covers(hits(run, 100), 100, 0.95)


@pytest.mark.parametrize(
    "draw", [clustered(5, 0.3, 0.3), clustered(9, 0.1, 0.1), sampled(12, (0.3, 0.7), (0.3, 0.7))]
)
def test_sign_flips_reject_seldom_enough(draw) -> None:
    rng, kept, trials = np.random.default_rng(29), 0, 800
    for _ in range(trials):
        before, after, index = draw(rng)
        kept += paired_difference(before, after, clusters=index, rng=rng).p_value > 0.05
    assert_covers(kept, trials, 0.95, "sign flips")


def test_holm_keeps_all_true_nulls_together() -> None:
    # 20 correlated tests, 5 of them of real effects, one not done; any false rejection counts.
    rng, kept, trials = np.random.default_rng(31), 0, 3000
    z = 0.6 * rng.normal(size=(trials, 1)) + 0.8 * rng.normal(size=(trials, 20))
    z[:, :5] += 3
    p = 2 * stats.norm.sf(np.abs(z))
    p[:, 19] = np.nan
    for row in p:
        kept += not (holm(row)[5:] <= 0.05).any()
    assert_covers(kept, trials, 0.95, "Holm")
    assert not covers(int((p[:, 5:19] > 0.05).all(axis=1).sum()), trials, 0.95)


# -- the noise floor --------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [2, 5])
@pytest.mark.parametrize("prompts", [10, 50, 200])
@pytest.mark.parametrize("share", [0.03, 1.0])
def test_noise_floor_and_excess(prompts: int, samples: int, share: float) -> None:
    # A share of the prompts is refused with a probability from Beta(0.3, 0.7), the rest never; the
    # new version draws a fifth of those anew. E[2p(1 − p)] = 0.21; E[(p − p')²] = 2 · 0.105.
    trials, m = 250, np.full(prompts, samples)

    def draw(g: np.random.Generator) -> tuple[Array, Array]:
        shaky = g.random(prompts) < share
        p = g.beta(0.3, 0.7, prompts) * shaky
        q = np.where(g.random(prompts) < 0.2, g.beta(0.3, 0.7, prompts) * shaky, p)
        return g.binomial(samples, p), g.binomial(samples, q)

    def floor(g: np.random.Generator) -> tuple[Interval, float]:
        return noise_floor(draw(g)[0], m), share * 0.21

    def excess(g: np.random.Generator) -> tuple[Interval, float]:
        before, after = draw(g)
        return excess_flips(before, m, after, m), share * 0.2 * 0.21

    assert_covers(hits(floor, trials), trials, 0.95, "noise floor")
    assert_covers(hits(excess, trials), trials, 0.95, "excess")


def test_noise_floor_of_clustered_prompts() -> None:
    # 40 templates of 4 prompts, which share their probability.
    index, m = np.repeat(np.arange(40), 4), np.full(160, 3)

    def floor(g: np.random.Generator) -> tuple[Interval, float]:
        p = g.beta(0.3, 0.7, 40)[index]
        return noise_floor(g.binomial(3, p), m, clusters=index), 0.21

    def excess(g: np.random.Generator) -> tuple[Interval, float]:
        p, q = g.beta(0.3, 0.7, (2, 40))[:, index]
        return excess_flips(g.binomial(3, p), m, g.binomial(3, q), m, clusters=index), 0.21

    assert_covers(hits(floor, 250), 250, 0.95, "noise floor, clustered")
    assert_covers(hits(excess, 250), 250, 0.95, "excess, clustered")


# -- the annotator, corrected -----------------------------------------------------------------


@pytest.mark.parametrize("target", ["traffic", "log"])
@pytest.mark.parametrize(("labels", "error"), [(50, 0.1), (100, 0.05)])
@pytest.mark.parametrize(("newly", "fixed"), [(0.0, 0.0), (0.03, 0.0), (0.4, 0.02), (0.2, 0.2)])
def test_corrected_difference(
    newly: float, fixed: float, labels: int, error: float, target
) -> None:
    # 250 prompts, of which some are labelled on both sides; the difference d in {−1, 0, 1} is
    # estimated as the share (d + 1) / 2. The annotator misreads each side alike, so errs towards 0.
    prompts, trials = 250, 200
    none, one = np.zeros(prompts, int), np.ones(prompts)

    def run(g: np.random.Generator) -> tuple[Interval, float]:
        kind = g.choice([1, -1, 0], prompts, p=[newly, fixed, 1 - newly - fixed])
        before = np.where(kind == 0, g.random(prompts) < 0.3, kind < 0)
        after = np.where(kind == 0, before, kind > 0)
        read = [side ^ (g.random(prompts) < error) for side in (before, after)]
        truth = (after.astype(float) - before + 1) / 2
        guess = (read[1].astype(float) - read[0] + 1) / 2
        rows = g.choice(prompts, labels, replace=False)
        population = Population(none, np.arange(prompts), one, guess, one)
        sample = Sample(none[rows], rows, one[rows], truth[rows], one[rows], guess[rows], one[rows])
        got = ppi_mean(population, sample, target=target)
        aim = newly - fixed if target == "traffic" else 2 * float(truth.mean()) - 1
        slack = 1e-9
        low, high = 2 * got.low - 1 - slack, 2 * got.high - 1 + slack
        return Interval(2 * got.value - 1, low, high, got.level, got.n), aim

    assert_covers(hits(run, trials), trials, 0.95, (newly, fixed, labels, target))
