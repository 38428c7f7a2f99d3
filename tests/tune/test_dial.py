"""Selection on a dial: fixed sequence and Holm, undefined risks, exact thresholds, plain plans."""

from __future__ import annotations

import csv
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from trueup.errors import UserError
from trueup.stats import CountedRisks, betting_p, binomial_p, least_n, most_losses
from trueup.tune import (
    HARMFUL,
    LEGITIMATE,
    Dial,
    Scored,
    flags,
    ladder_dial,
    losses_dial,
    select,
)
from trueup.tune.thresholds import threshold_dial

Array = np.ndarray
RATES = st.floats(0.02, 0.6)


def dial(losses: list, n: list, tax: list, procedure: str = "Holm") -> Dial:
    counted = CountedRisks(np.array(losses, float), np.array(n, float))
    return Dial(range(len(losses)), counted, np.array(tax, float), procedure, "made up")


def examples(positive: Array, negative: Array, **more: object) -> Scored:
    label = np.repeat([HARMFUL, LEGITIMATE], [len(positive), len(negative)]).astype(np.int8)
    scores = np.concatenate([positive, negative]).astype(float)[:, None]
    return Scored(("g",), scores, label, **more)


# Selection


def test_a_fixed_sequence_stops_at_the_first_failure() -> None:
    # p at 100 examples and alpha 0.1: 2 losses 0.0019, 9 losses 0.45.
    found = select(dial([2, 2, 9, 2], [100] * 4, [4, 3, 2, 1], "fixed sequence"), 0.1, 0.05)
    assert found.certified.tolist() == [True, True, False, False]
    assert found.chosen == 1


def test_holm_needs_no_order_and_pays_for_it() -> None:
    found = select(dial([9, 2, 9, 2], [100] * 4, [4, 3, 2, 1]), 0.1, 0.05)
    assert found.certified.tolist() == [False, True, False, True]
    assert found.chosen == 3
    # 4 losses: p = 0.024 passes by itself and not among four, where it must be below 0.05 / 4.
    assert select(dial([4], [100], [1]), 0.1, 0.05).chosen == 0
    assert select(dial([4, 9, 9, 9], [100] * 4, [1] * 4), 0.1, 0.05).chosen is None


@pytest.mark.parametrize("procedure", ["fixed sequence", "Holm"])
def test_undefined_risks_are_passed_over(procedure: str) -> None:
    found = select(dial([0, 2, 0, 2], [0, 100, 0, 100], [9, 4, 0, 2], procedure), 0.1, 0.05)
    assert found.p[[0, 2]].tolist() == [1, 1]
    assert found.certified.tolist() == [False, True, False, True]
    assert found.chosen == 3
    # They do not count against the others either: m is 2, not 4.
    assert select(dial([0, 3, 0, 3], [0, 100, 0, 100], [1] * 4), 0.1, 0.0157).chosen == 1
    nothing = select(dial([0, 0], [0, 0], [1, 1], procedure), 0.1, 0.05)
    assert (nothing.chosen, nothing.certified.any()) == (None, False)


def precision(score: Array, label: Array) -> Dial:
    """What is flagged wrongly among what is flagged, at 50 thresholds up to 1: undefined on top."""
    at = np.linspace(0, 1, 51)[1:]
    flagged = score[:, None] >= at
    wrong = (flagged & (label != 1)[:, None]).sum(axis=0)
    missed = 1 - (flagged & (label == 1)[:, None]).sum(axis=0) / (label == 1).sum()
    counted = CountedRisks(wrong.astype(float), flagged.sum(axis=0).astype(float))
    return Dial(at, counted, missed, "Holm", "none")


def assert_certifies(found: Dial, alpha: float) -> None:
    empty = found.risks.n == 0
    assert empty.any()
    assert np.isnan(found.risks.mean[empty]).all()
    selection = select(found, alpha, 0.1)
    assert selection.chosen is not None
    assert found.risks.mean[selection.chosen] < alpha
    assert not selection.certified[empty].any()


def test_precision_with_thresholds_that_flag_nothing() -> None:
    # MAPIE 1.6's Holm procedure stops at the NaN of such thresholds and certifies nothing.
    rng = np.random.default_rng(0)
    label = (rng.random(2000) < 0.3).astype(int)
    score = np.clip(rng.normal(0.25 + 0.35 * label, 0.12), 0, 0.9)
    assert_certifies(precision(score, label), 0.4)


def test_precision_on_a_real_table(shared_data: Path) -> None:
    with (shared_data / "guard_scores.csv").open(newline="", encoding="utf-8") as file:
        rows = [(int(row["hostile"]), float(row["pred_hostile"])) for row in csv.DictReader(file)]
    label, score = np.array(rows).T
    # 2.4 % of the rows are hostile and no score is above 0.59: nine of ten flags are wrong ones.
    assert_certifies(precision(score, label), 0.9)


def test_the_choice_is_cheap_then_safe_then_early() -> None:
    assert select(dial([0, 1, 0], [200] * 3, [2, 1, 1]), 0.1, 0.1).chosen == 2
    assert select(dial([0, 0, 0], [200] * 3, [1, 1, 1]), 0.1, 0.1).chosen == 0
    assert select(dial([0, 0], [200] * 2, [np.nan, 5]), 0.1, 0.1).chosen == 1
    assert select(dial([0], [200], [np.nan]), 0.1, 0.1).chosen is None


def test_dials_of_uneven_length_are_bugs() -> None:
    with pytest.raises(ValueError, match="of one length"):
        dial([0, 1], [5, 5], [1])


SETTINGS = st.lists(
    st.tuples(st.integers(0, 80), st.integers(0, 80), st.floats(0, 1)), min_size=1, max_size=12
).map(lambda rows: [(min(k, n), n, tax) for k, n, tax in rows])


@given(SETTINGS, RATES, RATES)
def test_holm_is_its_definition(rows: list, alpha: float, delta: float) -> None:
    losses, n, tax = zip(*rows, strict=True)
    found = select(dial(losses, n, tax), alpha, delta)
    p = [binom.cdf(k, m, alpha) for k, m in zip(losses, n, strict=True) if m]
    left, passed = sorted(p), 0
    while left and left[0] <= delta / len(left) * (1 + 1e-12):
        passed, left = passed + 1, left[1:]
    assert abs(int(found.certified.sum()) - passed) <= sum(
        np.isclose(q, delta / m, rtol=1e-9) for q in p for m in range(1, len(p) + 1)
    )


@given(SETTINGS, RATES, st.tuples(RATES, RATES), st.sampled_from(["Holm", "fixed sequence"]))
def test_more_doubt_certifies_more(
    rows: list, alpha: float, deltas: tuple[float, float], procedure: str
) -> None:
    losses, n, tax = zip(*rows, strict=True)
    made = dial(losses, n, tax, procedure)
    less, more = (select(made, alpha, delta) for delta in sorted(deltas))
    assert (less.certified <= more.certified).all()
    if less.chosen is not None:
        assert more.chosen is not None
        assert made.tax[more.chosen] <= made.tax[less.chosen]
        assert less.certified[less.chosen]


# One threshold


@settings(max_examples=150)
@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=120),
    st.lists(st.integers(0, 30), min_size=1, max_size=30),
    RATES,
    RATES,
)
def test_one_threshold_is_an_order_statistic_and_the_best_there_is(
    positive: list[int], negative: list[int], alpha: float, delta: float
) -> None:
    # Wilks (1941): with k losses allowed, the (k + 1)-th smallest score of a positive.
    n = len(positive)
    # Two programs may round the last digit of a p-value that is delta itself differently.
    assume(not np.isclose(binom.cdf(np.arange(n + 1), n, alpha), delta, rtol=1e-9).any())
    scored = examples(np.array(positive), np.array(negative))
    made = threshold_dial(scored, "miss", alpha, delta)
    found = select(made, alpha, delta)
    allowed = max((k for k in range(n + 1) if binom.cdf(k, n, alpha) <= delta), default=-1)
    if allowed < 0:
        assert found.chosen is None
        return
    assert found.chosen is not None
    at = float(made.settings[found.chosen, 0])
    wilks = sorted(positive)[allowed] if allowed < n else np.inf
    tax = np.mean(np.array(negative) >= wilks)
    assert made.tax[found.chosen] == pytest.approx(tax)
    assert np.max(made.settings[found.certified, 0]) >= wilks
    # Brute force: of all thresholds that lose no more than is allowed, none costs less.
    every = np.unique([*positive, *negative, np.inf])
    lost = (np.array(positive)[:, None] < every).sum(axis=0)
    costs = (np.array(negative)[:, None] >= every).mean(axis=0)
    assert made.tax[found.chosen] == pytest.approx(costs[lost <= allowed].min())
    assert (np.array(positive) < at).sum() <= allowed


@given(st.integers(0, 10_000), RATES)
def test_losses_grow_and_taxes_fall_along_the_thresholds(seed: int, alpha: float) -> None:
    rng = np.random.default_rng(seed)
    scored = examples(
        np.round(rng.normal(1, 1, 40), 1),
        np.round(rng.normal(0, 1, 60), 1),
        today=np.array([0.3]),
        weight=rng.choice([1.0, 3.0], 100) if seed % 2 else None,
    )
    for kind in ("miss", "new_miss"):
        made = threshold_dial(scored, kind, alpha, 0.1)
        assert (np.diff(made.settings[:, 0]) > 0).all()
        assert np.isinf(made.settings[-1, 0])
        assert (np.diff(made.risks.mean) >= -1e-12).all()
        assert (np.diff(made.risks.p_values(alpha)) >= -1e-12).all()
        assert (np.diff(made.tax) <= 1e-12).all()
        assert 0.3 in made.settings


def test_weights_and_users_change_the_test() -> None:
    positive, negative = np.arange(100.0), np.zeros(1)
    plain = threshold_dial(examples(positive, negative), "miss", 0.2, 0.1)
    assert plain.risks.method == "exact binomial"
    same = examples(positive, negative, weight=np.full(101, 7.0), cluster=np.arange(101))
    assert threshold_dial(same, "miss", 0.2, 0.1).risks.method == "exact binomial"
    for more in ({"weight": np.linspace(1, 2, 101)}, {"cluster": np.arange(101) // 2}):
        found = threshold_dial(examples(positive, negative, **more), "miss", 0.2, 0.1)
        assert found.risks.method == "betting"
        chosen = select(found, 0.2, 0.1).chosen
        assert chosen is not None


def test_a_layer_that_failed_open_or_closed() -> None:
    # Of 50 positives 10 have no score (never flagged) and 5 are always flagged.
    positive = np.concatenate([np.full(10, -np.inf), np.full(5, np.inf), np.arange(35.0)])
    negative = np.array([-np.inf, 3.0, np.inf, 40.0])
    made = threshold_dial(examples(positive, negative), "miss", 0.3, 0.1)
    lowest, off = made.risks.mean[[0, -1]]
    assert np.isfinite(made.settings[0, 0])
    assert (lowest, off) == (10 / 50, 45 / 50)
    assert made.tax[[0, -1]].tolist() == [3 / 4, 1 / 4]


def test_several_layers_are_no_single_threshold() -> None:
    two = Scored(("a", "b"), np.zeros((1, 2)), np.ones(1, np.int8))
    with pytest.raises(ValueError, match="one layer was expected, got 2"):
        threshold_dial(two, "miss", 0.1, 0.1)


# Plain numbers


@given(st.integers(0, 3000), RATES, RATES)
def test_most_losses(n: int, alpha: float, delta: float) -> None:
    found = most_losses(n, alpha, delta)
    if found >= 0:
        assert binom.cdf(found, n, alpha) <= delta * (1 + 1e-9)
    assert binom.cdf(found + 1, n, alpha) > delta * (1 - 1e-9)


@given(st.floats(0.005, 0.5), RATES)
def test_least_n_without_a_loss(alpha: float, delta: float) -> None:
    n = least_n(alpha, delta)
    assert n is not None
    assert (1 - alpha) ** n <= delta * (1 + 1e-9)
    assert (1 - alpha) ** (n - 1) > delta * (1 - 1e-9)


@settings(max_examples=40)
@given(st.floats(0.01, 0.3), st.floats(0.05, 0.8), st.floats(0.02, 0.3))
def test_least_n_with_losses(alpha: float, share: float, delta: float) -> None:
    n = least_n(alpha, delta, share * alpha)
    assert n is not None
    allowed = int(binom.ppf(delta, n, alpha))
    while allowed >= 0 and binom.cdf(allowed, n, alpha) > delta:
        allowed -= 1
    assert binom.cdf(allowed, n, share * alpha) >= 0.8


def test_known_numbers() -> None:
    # The "rule of three": 59 without a loss for 5 % at 95 %, 299 for 1 %.
    assert (least_n(0.05, 0.05), least_n(0.01, 0.05)) == (59, 299)
    assert least_n(0.05, 0.05, 0.05) is None
    assert most_losses(58, 0.05, 0.05) == -1
    assert most_losses(59, 0.05, 0.05) == 0
    assert most_losses(0, 0.1, 0.1) == -1


@pytest.mark.parametrize("bad", [0.0, 1.0, -1.0, float("nan")])
def test_levels_out_of_range_are_bugs(bad: float) -> None:
    for call in (
        lambda: binomial_p(1, 2, bad),
        lambda: betting_p([0.0], bad),
        lambda: most_losses(5, bad, 0.1),
        lambda: most_losses(5, 0.1, bad),
    ):
        with pytest.raises(ValueError, match="open interval"):
            call()
    with pytest.raises(ValueError, match="between 0 and n"):
        binomial_p(3, 2, 0.1)


@given(st.integers(0, 10_000))
def test_bets_do_not_depend_on_order_or_scale(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    losses, weights = rng.random((n, 3)), rng.random(n) + 0.1
    users, order = rng.integers(0, 9, n), rng.permutation(n)
    for clusters in (None, users):
        p = betting_p(losses, 0.3, weights=weights, clusters=clusters)
        shuffled = None if clusters is None else clusters[order] + 7
        again = betting_p(losses[order], 0.3, weights=5 * weights[order], clusters=shuffled)
        assert p == pytest.approx(again)
        better = betting_p(losses / 2, 0.3, weights=weights, clusters=clusters)
        assert (better <= p + 1e-12).all()
        assert ((p > 0) & (p <= 1)).all()


# Dials of losses and of ladders


def test_losses_of_prompts() -> None:
    risk = np.zeros((60, 2))
    risk[:20, 1] = 1
    found = losses_dial(["terse", "chatty"], risk, [[0.5, 0.1], [0.7, 0.1]])
    assert (found.procedure, found.risks.method) == ("Holm", "exact binomial")
    assert found.tax.tolist() == [0.6, 0.1]
    chosen = select(found, 0.1, 0.05).chosen
    assert chosen is not None
    assert found.settings[chosen] == "terse"
    assert losses_dial(["a"], risk[:, :1], np.zeros((0, 1)), ordered="by date").procedure == (
        "fixed sequence"
    )
    assert losses_dial(["a"], [[0.5]], [[1]]).risks.method == "betting"
    for wrong in (([[1, 0]], [[1]]), ([[2]], [[1]]), ([[np.nan]], [[1]]), ([1], [[1]])):
        with pytest.raises(UserError):
            losses_dial(["a"], *wrong)


def test_a_ladder_loses_what_its_bands_lose() -> None:
    rng = np.random.default_rng(0)
    scores, label = rng.random(300), rng.integers(0, 3, 300)
    risk = {"block": 0.0, "allow": 1.0, "warn": 0.25}
    tax = {"allow": 0.0, "warn": 0.2, "block": 1.0}
    levels = [0.2, 0.5, 0.8]
    found = ladder_dial(scores, label, risk=risk, tax=tax, levels=levels)
    pairs = {(s["warn"], s["block"]) for s in found.settings}
    ends = [*levels, None]
    assert pairs == {
        (a, b) for a, b in product(ends, ends) if (a or np.inf) <= (b or np.inf)
    }  # warning never begins above blocking
    for k, setting in enumerate(found.settings):
        warn, block = (np.inf if setting[a] is None else setting[a] for a in ("warn", "block"))
        action = np.where(scores >= block, "block", np.where(scores >= warn, "warn", "allow"))
        assert found.risks.mean[k] == pytest.approx(np.mean([risk[a] for a in action[label == 1]]))
        assert found.tax[k] == pytest.approx(np.mean([tax[a] for a in action[label == 0]]))


def test_mistakes_about_ladders() -> None:
    fine = {"allow": 1.0, "block": 0.0}
    for risk, tax, message in (
        ({"allow": 1, "blok": 0}, fine, "Did you mean 'block'"),
        ({"allow": 1}, {"allow": 0}, "same actions"),
        ({"warn": 1, "block": 0}, {"warn": 1, "block": 0}, "same actions"),
        (fine, {"allow": 0, "warn": 1}, "same actions"),
        ({"allow": 3, "block": 0}, fine, "in \\[0, 1\\]"),
    ):
        with pytest.raises(UserError, match=message):
            ladder_dial([0.5], [1], risk=risk, tax=tax)
    with pytest.raises(UserError, match="finite"):
        ladder_dial([np.nan], [1], risk=fine, tax=fine)


def test_flags_are_at_or_above() -> None:
    scores = np.array([[0.5, 0.0], [0.49, 0.0], [0.0, np.inf], [-np.inf, -np.inf]])
    assert flags(scores, np.array([0.5, np.inf])).tolist() == [True, False, True, False]
