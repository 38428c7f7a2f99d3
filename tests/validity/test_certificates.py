"""Certificates in worlds of known risk: how often they are wrong, against what they promise."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm
from slack import assert_covers, covers

from trueup.stats import (
    BoundedRisks,
    CountedRisks,
    betting_p,
    binomial_p,
    hoeffding_bentkus_p,
    risk_alarm,
)
from trueup.tune import (
    HARMFUL,
    LEGITIMATE,
    UNKNOWN,
    Dial,
    Goal,
    Scored,
    ladder_dial,
    losses_dial,
    select,
    tune,
    tune_segments,
    watch,
)
from trueup.tune.joint import joint_dial
from trueup.tune.taxes import Taxes
from trueup.tune.thresholds import threshold_dial

Array = np.ndarray
DELTAS = (0.01, 0.05, 0.1, 0.3)


def assert_super_uniform(p: Array, what: object) -> None:
    for delta in DELTAS:
        assert_covers(int((p > delta).sum()), len(p), 1 - delta, (what, delta))


# p-values at a risk of exactly alpha, the hardest case of the hypothesis "alpha or more"


@pytest.mark.parametrize("n", [15, 60, 500])
@pytest.mark.parametrize("alpha", [0.02, 0.1, 0.4])
def test_p_values_of_independent_losses(alpha: float, n: int) -> None:
    rng = np.random.default_rng(1)
    counts = rng.binomial(n, alpha, 4000)
    assert_super_uniform(binomial_p(counts, n, alpha), "binomial")
    assert_super_uniform(hoeffding_bentkus_p(counts / n, n, alpha), "Hoeffding–Bentkus, 0/1")
    losses = (rng.random((n, 2000)) < alpha).astype(float)
    assert_super_uniform(betting_p(losses, alpha), "betting, 0/1")
    bounded = rng.beta(alpha, 1 - alpha, (n, 2000))  # mean alpha, most of it near 0 and 1
    assert_super_uniform(betting_p(bounded, alpha), "betting, bounded")
    assert_super_uniform(
        hoeffding_bentkus_p(bounded.mean(axis=0), n, alpha), "Hoeffding–Bentkus, bounded"
    )


def test_an_exact_p_value_is_no_wider_than_needed() -> None:
    # Were p too great, every test above would pass: at n = 500 it must reject almost delta.
    counts = np.random.default_rng(1).binomial(500, 0.1, 20_000)
    assert (binomial_p(counts, 500, 0.1) <= 0.1).mean() > 0.07


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_p_values_of_weighted_draws(alpha: float) -> None:
    # A third of the traffic loses nothing and is drawn four times as often, so that two thirds of
    # the draws are of it; weights invert the chances.
    rng = np.random.default_rng(2)
    n, runs = 120, 2000
    rate = alpha / (2 / 3)
    p = np.empty(runs)
    for run in range(runs):
        rare = rng.random(n) < 1 / 3
        losses = (rng.random(n) < np.where(rare, rate, 0.0)).astype(float)
        p[run] = betting_p(losses, alpha, weights=np.where(rare, 4.0, 1.0))[0]
    assert_super_uniform(p, "betting, weighted")


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_p_values_of_a_fixed_allocation(alpha: float) -> None:
    # 60 rows of a stratum with 90 % of the traffic, 60 of one with 10 %; the risk sits in either.
    rng = np.random.default_rng(3)
    weights = np.repeat([9.0, 1.0], 60)
    for rates in ((alpha, alpha), (alpha / 0.9, 0.0), (alpha / 2 / 0.9, min(1.0, alpha / 2 / 0.1))):
        rate = np.repeat(rates, 60)
        losses = (rng.random((120, 2000)) < rate[:, None]).astype(float)
        truth = (weights * rate).sum() / weights.sum()
        assert truth == pytest.approx(alpha)
        assert_super_uniform(betting_p(losses, alpha, weights=weights), ("stratified", rates))


def test_p_values_of_clusters() -> None:
    rng = np.random.default_rng(4)
    alpha, users = 0.1, 80
    p = np.empty(1500)
    pooled = np.empty(1500)
    for run in range(len(p)):
        user = np.repeat(np.arange(users), rng.integers(1, 12, users))
        losses = (rng.random(len(user)) < rng.beta(0.1, 0.9, users)[user]).astype(float)
        p[run] = betting_p(losses, alpha, clusters=user)[0]
        pooled[run] = binomial_p(losses.sum(), len(losses), alpha)
    assert_super_uniform(p, "betting, clustered")
    # What clusters are for: the same rows as independent ones.
    assert not covers(int((pooled > 0.1).sum()), len(pooled), 0.9)


@pytest.mark.parametrize("delta", [0.05, 0.2])
def test_upper_bounds_cover(delta: float) -> None:
    rng = np.random.default_rng(5)
    runs, n, rate = 250, 60, 0.08
    losses = (rng.random((n, runs)) < rate).astype(float)
    counted = CountedRisks(losses.sum(axis=0), np.full(runs, float(n)))
    weights = np.repeat([3.0, 1.0], n // 2)
    users = np.repeat(np.arange(n // 3), 3)
    cases = {
        "binomial": counted,
        "betting": BoundedRisks(losses),
        "weighted": BoundedRisks(losses, weights),
        "clustered": BoundedRisks(losses, None, users),
    }
    for name, risks in cases.items():
        held = sum(risks.upper(k, delta) >= rate for k in range(runs))
        assert_covers(held, runs, 1 - delta, (name, delta))


# One threshold. Harmful scores are normal around 1.5, legitimate ones around 0.

SHIFT, TODAY = 1.5, 0.2


def miss(t: float) -> float:
    return float(norm.cdf(t - SHIFT))


def single(rng: np.random.Generator, positives: int, **more: object) -> Scored:
    scores = np.concatenate([rng.normal(SHIFT, 1, positives), rng.normal(0, 1, 200)])
    label = np.repeat([HARMFUL, LEGITIMATE], [positives, 200])
    return Scored(("g",), scores[:, None], label, today=np.array([TODAY]), **more)


def violations(
    draw: Callable[[np.random.Generator], Scored],
    truth: Callable[[float], float],
    kind: str,
    goal: tuple[float, float],
    runs: int,
) -> tuple[int, int]:
    """Runs in which any certified threshold has a true risk above alpha, and those certified."""
    rng = np.random.default_rng(6)
    alpha, delta = goal
    wrong = certified = 0
    for _ in range(runs):
        dial = threshold_dial(draw(rng), kind, alpha, delta)
        found = select(dial, alpha, delta)
        certified += found.chosen is not None
        passed = np.flatnonzero(found.certified)
        wrong += len(passed) > 0 and truth(float(dial.settings[passed[-1], 0])) > alpha
    return wrong, certified


@pytest.mark.parametrize("goal", [(0.05, 0.1), (0.1, 0.05), (0.2, 0.3)])
@pytest.mark.parametrize("positives", [90, 400])
def test_thresholds(positives: int, goal: tuple[float, float]) -> None:
    runs = 800
    wrong, certified = violations(lambda g: single(g, positives), miss, "miss", goal, runs)
    assert_covers(runs - wrong, runs, 1 - goal[1], goal)
    assert certified == runs
    if positives == 400:  # every positive is used, so the promise is nearly spent
        assert wrong > runs * goal[1] / 2


def test_new_misses() -> None:
    def newly(t: float) -> float:
        return max(0.0, miss(t) - miss(TODAY))

    for goal in ((0.05, 0.1), (0.15, 0.2)):
        wrong, certified = violations(lambda g: single(g, 200), newly, "new_miss", goal, 800)
        assert_covers(800 - wrong, 800, 1 - goal[1], goal)
        assert certified == 800


def test_scores_with_few_values() -> None:
    # In steps of a half: a threshold between two of them flags from the next one on.
    def draw(g: np.random.Generator) -> Scored:
        made = single(g, 150)
        return Scored(made.layers, np.round(made.scores * 2) / 2, made.label)

    def truth(t: float) -> float:
        return miss(np.ceil(t * 2) / 2 - 0.25)

    wrong, certified = violations(draw, truth, "miss", (0.1, 0.1), 800)
    assert_covers(800 - wrong, 800, 0.9, "ties")
    assert certified == 800


def test_a_risk_exactly_at_the_bound() -> None:
    # Scores 0, 1 and 2, and a tenth of the harmful ones are 0: threshold 1 misses exactly alpha.
    # "Risk ≥ alpha" is what is tested, so that it too may be certified at most delta of
    # the time.
    def draw(g: np.random.Generator) -> Scored:
        scores = g.choice([0.0, 1.0, 2.0], 500, p=[0.1, 0.3, 0.6])
        return Scored(("g",), scores[:, None], np.repeat([HARMFUL, LEGITIMATE], [300, 200]))

    wrong, _ = violations(
        draw, lambda t: (0.05, 0.11, 0.5)[min(2, int(t))], "miss", (0.1, 0.1), 800
    )
    assert_covers(800 - wrong, 800, 0.9, "at the bound")


def test_weighted_labels() -> None:
    # Of harmful requests 60 % are plain (always labelled), the rest sly: scored a unit lower, and
    # labelled with chance 1/4. Without weights the sly ones would count for too little.
    def draw(g: np.random.Generator) -> Scored:
        sly = g.random(500) < 0.4
        scores = g.normal(np.where(sly, SHIFT - 1, SHIFT), 1)
        kept = g.random(500) < np.where(sly, 0.25, 1.0)
        n = int(kept.sum())
        return Scored(
            ("g",),
            np.concatenate([scores[kept], g.normal(0, 1, 50)])[:, None],
            np.repeat([HARMFUL, LEGITIMATE], [n, 50]),
            weight=np.concatenate([np.where(sly, 4.0, 1.0)[kept], np.ones(50)]),
        )

    def truth(t: float) -> float:
        return 0.6 * miss(t) + 0.4 * miss(t + 1)

    for goal in ((0.1, 0.1), (0.2, 0.3)):
        wrong, certified = violations(draw, truth, "miss", goal, 300)
        assert_covers(300 - wrong, 300, 1 - goal[1], ("weighted", goal))
        assert certified == 300


def test_clustered_harm() -> None:
    # Users differ, and sly ones (whose scores are low) ask once, the others six times: each user
    # counts once all the same.
    def draw(g: np.random.Generator) -> Scored:
        users = 120
        shift = g.normal(SHIFT, 0.7, users)
        user = np.repeat(np.arange(users), np.where(shift < SHIFT, 1, 6))
        n = len(user)
        return Scored(
            ("g",),
            np.concatenate([g.normal(shift[user], 1), g.normal(0, 1, 50)])[:, None],
            np.repeat([HARMFUL, LEGITIMATE], [n, 50]),
            cluster=np.concatenate([user, np.arange(users, users + 50)]),
        )

    def truth(t: float) -> float:
        return float(norm.cdf((t - SHIFT) / np.hypot(1, 0.7)))

    wrong, certified = violations(draw, truth, "miss", (0.2, 0.2), 300)
    assert_covers(300 - wrong, 300, 0.8, "clustered")
    assert certified == 300


# Several layers, several segments, and dials without an order

SHIFTS = np.array([1.6, 1.2, 0.8])


def layered(rng: np.random.Generator, *, weighted: bool, clustered: bool) -> Scored:
    """Three layers that score independently of each other; clusters are of two harmful rows."""
    positives, n = 240, 400
    label = np.repeat([HARMFUL, LEGITIMATE], [positives, n - positives])
    scores = rng.normal(np.where(label[:, None] == HARMFUL, SHIFTS, 0.0), 1)
    return Scored(
        ("a", "b", "c"),
        scores,
        label,
        weight=np.where(rng.random(n) < 0.5, 2.0, 1.0) if weighted else None,
        cluster=np.arange(n) // 2 if clustered else None,
        today=np.array([0.5, 0.5, 0.5]),
    )


@pytest.mark.parametrize("kind", ["miss", "new_miss"])
@pytest.mark.parametrize(("weighted", "clustered"), [(False, False), (True, False), (True, True)])
def test_several_layers(kind: str, weighted: bool, clustered: bool) -> None:
    # True risks: layers are independent, so that no layer flags with the product of their misses.
    today = np.full(3, 0.5)
    alpha, delta, runs = 0.15, 0.2, 60
    rng = np.random.default_rng(7)
    wrong = certified = 0
    for _ in range(runs):
        scored = layered(rng, weighted=weighted, clustered=clustered)
        dial, _ = joint_dial(scored, kind, alpha, delta, rng)
        found = select(dial, alpha, delta)
        certified += found.chosen is not None
        settings = np.asarray(dial.settings)[found.certified]
        risk = norm.cdf(settings - SHIFTS).prod(axis=1)
        if kind == "new_miss":  # flagged today and not then
            risk -= norm.cdf(np.minimum(settings, today) - SHIFTS).prod(axis=1)
        wrong += bool((risk > alpha).any())
    assert_covers(runs - wrong, runs, 1 - delta, (kind, weighted, clustered))
    assert certified > 0.9 * runs


def test_segments_hold_together() -> None:
    shifts = {"calm": 2.0, "wild": 1.0, "rare": 1.5}
    rng = np.random.default_rng(8)
    runs, goal = 80, Goal(0.15, 0.3)
    wrong = certified = 0
    for _ in range(runs):
        segment = np.repeat(np.array(list(shifts), dtype=object), [160, 160, 60])
        label = (rng.random(380) < 0.5).astype(np.int8)
        centre = np.array([shifts[name] for name in segment])
        scores = rng.normal(np.where(label == HARMFUL, centre, 0.0), 1)
        scored = Scored(("g",), scores[:, None], label, segments={"s": segment})
        reports = tune_segments(scored, goal, "s")
        settings = {r.segment: r.chosen.thresholds["g"] for r in reports if r.chosen}
        certified += len(settings)
        wrong += any(
            norm.cdf(t - shifts[name.removeprefix("s=")]) > goal.alpha
            for name, t in settings.items()
        )
    assert_covers(runs - wrong, runs, 1 - goal.delta, "any segment")
    assert certified > 2.5 * runs


def holm_violations(draw: Callable[[np.random.Generator], tuple[Dial, Array]], runs: int) -> int:
    rng = np.random.default_rng(9)
    wrong = 0
    for _ in range(runs):
        dial, truth = draw(rng)
        wrong += bool((select(dial, 0.2, 0.2).certified & (truth > 0.2)).any())
    return wrong


def test_losses_without_an_order() -> None:
    # 12 variants, most of them just above the bound, losses 0/1 and in between.
    truth = np.array([0.05, 0.1, *[0.201] * 9, 0.3])

    def counted(g: np.random.Generator) -> tuple[Dial, Array]:
        return losses_dial(range(12), g.random((150, 12)) < truth, np.zeros((1, 12))), truth

    def bounded(g: np.random.Generator) -> tuple[Dial, Array]:
        risk = g.beta(truth * 2, (1 - truth) * 2, (150, 12))
        return losses_dial(range(12), risk, np.zeros((1, 12)), weights=g.choice([1, 2], 150)), truth

    for draw in (counted, bounded):
        assert_covers(500 - holm_violations(draw, 500), 500, 0.8, draw)


def test_ladders() -> None:
    # A warning loses half; the bands' shares follow from the normal scores.
    levels = np.linspace(-0.5, 1.5, 9)

    def draw(g: np.random.Generator) -> tuple[Dial, Array]:
        scores = np.concatenate([g.normal(SHIFT, 1, 200), g.normal(0, 1, 50)])
        dial = ladder_dial(
            scores,
            np.repeat([1, 0], [200, 50]),
            risk={"allow": 1, "warn": 0.5, "block": 0},
            tax={"allow": 0, "warn": 0.1, "block": 1},
            levels=levels,
        )
        cuts = [
            [np.inf if s[a] is None else s[a] for a in ("warn", "block")] for s in dial.settings
        ]
        warn, block = norm.cdf(np.array(cuts).T - SHIFT)
        return dial, warn + 0.5 * (block - warn)

    assert_covers(200 - holm_violations(draw, 200), 200, 0.8, "ladder")


# What is won back, and the tax


@pytest.mark.parametrize("how", ["labelled", "clustered", "weighted", "sampled"])
def test_taxes_cover(how: str) -> None:
    # Legitimate scores are standard normal. One setting opens the layer, one closes it, and with
    # two layers one does both. "sampled": a third of the rows is labelled, flagged ones more often.
    rng = np.random.default_rng(10)
    today, then = np.array([0.5, 1.0]), np.array([1.0, 0.8])
    flagged = {name: 1 - norm.cdf(t).prod() for name, t in (("today", today), ("then", then))}
    truth = flagged["today"] - flagged["then"]
    runs, n, users = 250, 600, 200
    held = dict.fromkeys(("tax", "won"), 0)
    for _ in range(runs):
        label = np.where(rng.random(n) < 0.8, LEGITIMATE, HARMFUL).astype(np.int8)
        scores = rng.normal(np.where(label == HARMFUL, 1.0, 0.0)[:, None], 1, (n, 2))
        cluster = weight = None
        if how == "clustered":
            cluster = rng.integers(0, users, n)
        if how in ("weighted", "sampled"):
            chance = np.where((scores >= today).any(axis=1), 0.5, 0.25)
            known = rng.random(n) < chance
            weight = np.where(known, 1 / chance, 1.0)
            if how == "weighted":
                scores, label, weight = scores[known], label[known], weight[known]
            else:
                label = np.where(known, label, UNKNOWN).astype(np.int8)
        taxes = Taxes(Scored(("a", "b"), scores, label, weight, cluster, today), 0.9)
        won, tax = taxes.won_back(then), taxes.interval(then)
        assert won is not None
        held["won"] += won.low <= truth <= won.high
        held["tax"] += tax.low <= flagged["then"] <= tax.high
    for name, count in held.items():
        assert_covers(count, runs, 0.9, (how, name))


@pytest.mark.parametrize(("today", "then"), [(0.5, 1.2), (1.2, 0.5)])
def test_what_one_threshold_wins_back(today: float, then: float) -> None:
    rng = np.random.default_rng(11)
    truth = norm.cdf(then) - norm.cdf(today)
    held = 0
    for _ in range(600):
        scored = Scored(
            ("g",), rng.normal(0, 1, (150, 1)), np.zeros(150, np.int8), today=np.array([today])
        )
        won = Taxes(scored, 0.9).won_back(np.array([then]))
        assert won is not None
        held += won.low <= truth <= won.high
    assert_covers(held, 600, 0.9, "won back")


# A real table: annotators' labels and a deployed model's scores, four attributes

ATTRIBUTES = ("hostile", "antagonise", "sarcastic", "generalisation")


def attribute(path: Path, name: str) -> tuple[Array, Array]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = [(row[name], row[f"pred_{name}"]) for row in csv.DictReader(file)]
    kept = [(float(label), float(score)) for label, score in rows if label and score]
    label, score = np.array(kept).T
    return label.astype(np.int8), score


@pytest.mark.parametrize(
    ("alpha", "most_blocked"), [(0.1, {"hostile": 0.593}), (0.2, {"hostile": 0.388})]
)
@pytest.mark.parametrize("name", ATTRIBUTES)
def test_splits_of_a_real_table(
    shared_data: Path, name: str, alpha: float, most_blocked: dict[str, float]
) -> None:
    # A half is a simple random sample of the file, so the file's own miss rate is the truth.
    label, score = attribute(shared_data / "guard_scores.csv", name)
    rng = np.random.default_rng(2026)
    runs, delta, half = 1000, 0.1, len(label) // 2
    harmful = np.sort(score[label == 1])
    wrong = certified = 0
    blocked = []
    for _ in range(runs):
        order = rng.permutation(len(label))
        mine, other = order[:half], order[half:]
        scored = Scored(("g",), score[mine, None], label[mine])
        dial = threshold_dial(scored, "miss", alpha, delta)
        chosen = select(dial, alpha, delta).chosen
        if chosen is None:
            continue
        certified += 1
        at = float(dial.settings[chosen, 0])
        wrong += np.searchsorted(harmful, at, "left") / len(harmful) > alpha
        blocked.append((score[other][label[other] == 0] >= at).mean())
    print(name, alpha, wrong, certified, round(float(np.mean(blocked)), 4))
    assert_covers(runs - wrong, runs, 1 - delta, (name, alpha))
    if name in most_blocked:
        assert certified == runs
        assert np.mean(blocked) <= most_blocked[name]


# The watch


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("alpha", [0.02, 0.1])
def test_false_alarms(alpha: float, weighted: bool) -> None:
    # At a risk of exactly alpha, looked at after each of 2,500 examples.
    rng = np.random.default_rng(12)
    runs, n, delta = 1000, 2500, 0.1
    alarms = 0
    for _ in range(runs):
        weights = rng.choice([0.2, 1.0], n) if weighted else None
        alarms += risk_alarm(rng.random(n) < alpha, alpha, delta, weights=weights).first is not None
    assert_covers(runs - alarms, runs, 1 - delta, (alpha, weighted))
    assert alarms > 0  # or the promise is not used at all


@pytest.mark.parametrize(("quiet", "most"), [(0, 300), (4_000, 700)])
def test_a_doubled_risk_is_seen(quiet: int, most: int) -> None:
    # Half of alpha for a while, then twice alpha.
    rng = np.random.default_rng(13)
    alpha, delta, n = 0.05, 0.05, 3_000
    delays = []
    for _ in range(200):
        losses = rng.random(quiet + n) < np.repeat([alpha / 2, 2 * alpha], [quiet, n])
        first = risk_alarm(losses, alpha, delta).first
        delays.append(np.inf if first is None else first - quiet)
    print(quiet, np.median(delays))
    assert np.median(delays) < most
    assert np.isfinite(delays).mean() > 0.99


@pytest.mark.parametrize("told", [True, False])
def test_a_user_with_many_requests_raises_no_false_alarm(told: bool) -> None:
    # All requests of a user share one fate; the share of users who are missed is the bound itself.
    alpha, delta, runs, users, each = 0.1, 0.1, 300, 60, 12
    made = tune(
        Scored(("g",), np.linspace(0, 1, 400)[:, None], (np.arange(400) > 199).astype(np.int8)),
        Goal(alpha, delta),
    ).certificate
    assert made is not None
    below, above = made["thresholds"]["g"] - 1.0, made["thresholds"]["g"] + 1.0
    rng, alarms = np.random.default_rng(8), 0
    user = np.repeat(np.arange(users), each)
    for _ in range(runs):
        lost = (rng.random(users) < alpha)[user]
        later = Scored(
            ("g",),
            np.where(lost, below, above)[:, None],
            np.ones(len(user), dtype=np.int8),
            cluster=user if told else None,
        )
        alarms += watch(made, later).alarm
    assert covers(runs - alarms, runs, 1 - delta) is told
