"""Paired differences against other programs, published figures and their own definitions."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from trueup.stats import is_equivalent, mcnemar, paired_difference, tango_interval
from trueup.stats._resampling import ClusterSums, sign_flip_p

FLIPS = st.integers(1, 60).flatmap(
    lambda n: st.integers(0, n).flatmap(
        lambda b: st.tuples(st.just(b), st.integers(0, n - b), st.just(n))
    )
)
SHARES = st.lists(
    st.tuples(st.sampled_from([0, 0.2, 0.5, 1]), st.sampled_from([0, 0.4, 0.5, 1])), min_size=1
)


def flipped(newly: int, fixed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Refusals before and after with so many flips; the rest was answered both times."""
    before, after = np.zeros(n), np.zeros(n)
    after[:newly] = 1
    before[newly : newly + fixed] = 1
    return before, after


# -- McNemar and Tango ------------------------------------------------------------------------


def test_mcnemar_is_the_binomial_test() -> None:
    # Program: scipy.stats.binomtest.
    for newly, fixed in ((80, 5), (3, 3), (0, 7), (1, 0), (41, 60)):
        expected = stats.binomtest(newly, newly + fixed, 0.5).pvalue
        assert mcnemar(newly, fixed) == pytest.approx(expected)
    assert mcnemar(0, 0) == 1.0


def test_published_table() -> None:
    # Cavo et al. (2012), complete response before and after consolidation, 161 patients, 6 and 16
    # discordant. Program: R package contingencytables (Fagerland, Lydersen & Laake 2017, ch. 8).
    got = tango_interval(6, 16, 161)
    assert (got.low, got.high) == pytest.approx((-0.1240, -0.0054), abs=5e-5)
    assert mcnemar(6, 16) == pytest.approx(0.052479, abs=5e-7)
    # The same source for Bonett & Price: -0.1195 to -0.0032; ours is no shorter than either.
    joined = paired_difference(*flipped(6, 16, 161)).interval()
    assert (joined.low, joined.high) == pytest.approx((-0.1240, -0.0032), abs=5e-5)


def fitted_score(b: int, c: int, n: int, delta: float) -> float:
    """The score statistic with the likelihood maximised by search, not by Tango's formula."""

    def surprise(back: float) -> float:
        cells = (back + delta, back, 1 - 2 * back - delta)
        return -sum(k * math.log(p) for k, p in zip((b, c, n - b - c), cells, strict=True) if k)

    low, high = max(0.0, -delta), (1 - delta) / 2
    edge = 1e-13
    best = optimize.minimize_scalar(
        surprise, bounds=(low + edge, high - edge), method="bounded", options={"xatol": 1e-13}
    ).x
    return (b - c - n * delta) / math.sqrt(n * (2 * best + delta - delta**2))


@pytest.mark.parametrize("flips", [(80, 5, 250), (0, 0, 50), (3, 0, 40), (9, 9, 20), (1, 7, 21)])
def test_tango_inverts_the_score_test(flips: tuple[int, int, int]) -> None:
    for level in (0.9, 0.99):
        got, z = tango_interval(*flips, level), stats.norm.ppf(0.5 + level / 2)
        assert fitted_score(*flips, got.high) == pytest.approx(-z, rel=1e-3)
        assert fitted_score(*flips, got.low) == pytest.approx(z, rel=1e-3)


def test_tango_at_the_ends() -> None:
    # Without flips ± z²/(n + z²); when all flip one way the difference may be 1.
    z2 = stats.norm.ppf(0.975) ** 2
    got = tango_interval(0, 0, 50)
    assert (got.low, got.high) == pytest.approx((-z2 / (50 + z2), z2 / (50 + z2)))
    assert tango_interval(12, 0, 12).high == 1.0
    assert tango_interval(0, 12, 12).low == -1.0
    assert math.isnan(tango_interval(0, 0, 0).value)


@given(FLIPS, st.floats(0.5, 0.999), st.floats(0.5, 0.999))
def test_flip_intervals_mirror_nest_and_are_never_points(flips, a: float, b: float) -> None:
    newly, fixed, n = flips
    change = paired_difference(*flipped(newly, fixed, n))
    back = paired_difference(*flipped(fixed, newly, n))
    assert back.p_value == pytest.approx(change.p_value)
    for of in (lambda level: tango_interval(newly, fixed, n, level), change.interval):
        narrow, wide = of(min(a, b)), of(max(a, b))
        assert -1 <= wide.low <= narrow.low + 1e-9
        assert narrow.high - 1e-9 <= wide.high <= 1
        assert narrow.low <= narrow.value <= narrow.high
        assert narrow.low < narrow.high
    got, mirrored = change.interval(), back.interval()
    assert (-mirrored.high, -mirrored.low) == pytest.approx((got.low, got.high), abs=1e-9)


def test_xstest_with_the_safety_prompt() -> None:
    # XSTest (Röttger et al. 2023), Llama-2 without and with its safety prompt, 250 safe prompts:
    # 74 and 149 refused, 80 new, 5 fixed.
    before, after = flipped(80, 5, 250)
    before[100:169] = after[100:169] = 1
    assert (before.sum(), after.sum()) == (74, 149)
    change = paired_difference(before, after)
    got = change.interval()
    assert change.value == pytest.approx(0.3)
    assert (round(100 * got.low), round(100 * got.high)) == (24, 36)
    assert change.p_value == mcnemar(80, 5) < 1e-17


# -- clusters and shares ----------------------------------------------------------------------


def test_pooling_repeats_does_not_make_evidence() -> None:
    # A public report pooled 12 repeats of 5 prompts as rows: p = 1/16 became 1/4096.
    same = paired_difference(np.zeros(5), np.ones(5))
    repeated = paired_difference(np.zeros(60), np.ones(60), clusters=np.repeat(range(5), 12))
    assert same.p_value == repeated.p_value == pytest.approx(1 / 16)
    assert paired_difference(np.zeros(13), np.ones(13)).p_value == pytest.approx(1 / 4096)
    assert (repeated.n, repeated.n_clusters) == (60, 5)


@given(st.lists(st.integers(-4, 4), max_size=9))
def test_sign_flips_are_all_listed(totals: list[int]) -> None:
    sums = [
        sum(s * t for s, t in zip(signs, totals, strict=True))
        for signs in product((-1, 1), repeat=len(totals))
    ]
    expected = np.mean(np.abs(sums) >= abs(sum(totals)))
    got = sign_flip_p(np.array(totals, dtype=float), np.random.default_rng(0))
    assert got == pytest.approx(expected)


def test_sign_flips_of_ranks_are_wilcoxons_test() -> None:
    # Program: scipy.stats.wilcoxon, exact, on differences whose magnitudes are their own ranks.
    for n, slack in ((15, 1e-9), (40, 0.01)):  # listed; drawn (four standard errors)
        ranks = np.arange(1.0, n + 1) * np.where(np.arange(n) % 3 == 0, -1, 1)
        got = sign_flip_p(ranks, np.random.default_rng(1))
        assert got == pytest.approx(stats.wilcoxon(ranks, method="exact").pvalue, abs=slack)


def test_many_clusters_take_the_normal_limit() -> None:
    rng = np.random.default_rng(2)
    totals = rng.normal(0.025, 1, 20_000)
    expected = 2 * stats.norm.sf(abs(totals.sum()) / np.sqrt((totals**2).sum()))
    assert sign_flip_p(totals, rng) == pytest.approx(expected, rel=1e-6)


def test_drawn_signs_never_give_zero() -> None:
    rng = np.random.default_rng(3)
    assert sign_flip_p(rng.random(200) + 1, rng) == pytest.approx(1e-4)


def test_standard_error_is_the_textbooks() -> None:
    d = np.random.default_rng(4).normal(size=50)
    own = ClusterSums.of(d, np.arange(50))
    assert own.error == pytest.approx(d.std(ddof=1) / math.sqrt(50))
    repeated = ClusterSums.of(np.repeat(d, 7), np.repeat(np.arange(50), 7))
    assert repeated.error == pytest.approx(own.error)


def test_counting_equal_clusters_is_drawing_them_one_by_one() -> None:
    # Few kinds are drawn as multinomial counts, many one by one: one distribution.
    d = np.repeat([-1.0, 0.0, 1.0], [80, 400, 240])
    few = ClusterSums(d, np.ones(720))
    many = ClusterSums(d + np.linspace(0, 1e-7, 720), np.ones(720))
    a = few.studentised(np.random.default_rng(5), 4000)
    b = many.studentised(np.random.default_rng(6), 4000)
    assert stats.ks_2samp(np.round(a, 4), np.round(b, 4)).pvalue > 0.001


def test_repeats_of_a_prompt_are_one_cluster() -> None:
    rng = np.random.default_rng(7)
    before, after = rng.integers(0, 6, 80) / 5, rng.integers(0, 6, 80) / 5
    once = paired_difference(before, after)
    thrice = paired_difference(
        np.repeat(before, 3), np.repeat(after, 3), clusters=np.repeat(np.arange(80), 3)
    )
    assert thrice.interval().low == pytest.approx(once.interval().low)
    assert thrice.p_value == pytest.approx(once.p_value)


@given(SHARES, st.integers(1, 5), st.floats(0.5, 0.99), st.floats(0.5, 0.99))
def test_share_intervals_nest_and_are_never_points(rows, groups: int, a: float, b: float) -> None:
    before, after = np.array(rows).T
    change = paired_difference(before, after, clusters=np.arange(len(rows)) % groups)
    narrow, wide = change.interval(min(a, b)), change.interval(max(a, b))
    assert change.value == pytest.approx((after - before).mean())
    assert -1 <= wide.low <= narrow.low + 1e-9
    assert narrow.high - 1e-9 <= wide.high <= 1
    assert narrow.low <= narrow.value <= narrow.high
    assert narrow.low < narrow.high
    assert 0 < change.p_value <= 1


def test_answers_are_the_same_each_time() -> None:
    rng = np.random.default_rng(8)
    before, after = rng.random(60), rng.random(60)
    one, two = (paired_difference(before, after).interval() for _ in range(2))
    other = paired_difference(before, after, rng=np.random.default_rng(9)).interval()
    assert one == two
    assert one != other
    assert (other.low, other.high) == pytest.approx((one.low, one.high), abs=0.03)


def test_words_have_no_bounds() -> None:
    rng = np.random.default_rng(10)
    before = rng.integers(50, 400, 120)
    got = paired_difference(before, before + 30 + rng.integers(-5, 6, 120), bounds=None).interval()
    assert 28 < got.low < 30 < got.high < 32


def test_a_large_common_change_costs_no_digits() -> None:
    rng = np.random.default_rng(12)
    before, after = rng.random(80), rng.random(80)
    small = paired_difference(before, after, bounds=None).interval()
    large = paired_difference(before, after + 1e6, bounds=None).interval()
    assert (large.low - 1e6, large.high - 1e6) == pytest.approx((small.low, small.high), abs=1e-6)


def test_more_replicates_than_given_are_not_invented() -> None:
    # 200 replicates say nothing of 1 in 10,000: the wider interval without draws is taken.
    rng = np.random.default_rng(11)
    change = paired_difference(rng.random(60), rng.random(60), replicates=200)
    wide, usual = change.interval(0.9999), change.interval(0.95)
    assert wide.low < usual.low - 0.05
    assert wide.high > usual.high + 0.05


def test_nothing_known() -> None:
    none = paired_difference([], [])
    for value in (none.value, none.p_value, none.interval().low, none.interval().high):
        assert math.isnan(value)
    assert (none.n, none.interval().n) == (0, 0)
    one = paired_difference([0.2], [0.6]).interval()
    assert (one.low, one.high) == (-1.0, 1.0)
    for before, after in (([3], [5]), ([3, 3], [3, 3])):
        got = paired_difference(before, after, bounds=None).interval()
        assert (got.low, got.high) == (-math.inf, math.inf)


# -- equivalence ------------------------------------------------------------------------------


def test_equivalence_is_two_one_sided_tests() -> None:
    change = paired_difference(*flipped(4, 4, 400))
    got = change.interval(0.9)
    assert is_equivalent(change, got.high + 1e-6)
    assert not is_equivalent(change, got.high - 1e-6)
    assert not is_equivalent(change, got.high + 1e-6, level=0.99)


def test_nothing_known_is_not_equivalent() -> None:
    assert not is_equivalent(paired_difference([], []), 0.5)
    assert not is_equivalent(paired_difference(np.zeros(20), np.zeros(20)), 0.02)
    assert not is_equivalent(paired_difference([3, 3], [3, 3], bounds=None), 1e9)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: mcnemar(-1, 2), "newly must be a whole number of at least 0, got -1"),
        (lambda: tango_interval(3, 2, 4), r"newly \+ fixed must be at most n = 4, got 5"),
        (lambda: paired_difference([0.5], [1.5]), r"after must be in \[0, 1\], got 1.5"),
        (lambda: paired_difference([0.5], [0, 1]), "after must be as long as before"),
        (lambda: paired_difference([math.nan], [0]), "before must hold finite numbers only"),
        (lambda: paired_difference([0], [1], clusters=[1, 2]), "clusters must be one-dimensional"),
        (lambda: paired_difference([0], [1], replicates=20), "replicates must be a whole number"),
        (lambda: paired_difference([0], [1]).interval(1), "level must be in the open interval"),
        (lambda: is_equivalent(paired_difference([0], [1]), 0), "margin must be finite and"),
        (lambda: is_equivalent(paired_difference([0], [1]), 0.1, 0.5), r"interval \(0.5, 1\)"),
    ],
)
def test_errors_name_argument_rule_and_value(call, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()
