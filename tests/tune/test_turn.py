"""Turning the dial: what a report says, on plain examples and on awkward ones."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.errors import UserError
from trueup.stats import least_n
from trueup.tune import (
    HARMFUL,
    LEGITIMATE,
    NEITHER,
    OFF,
    UNKNOWN,
    Costs,
    Goal,
    Scored,
    TuneReport,
    flags,
    tune,
    tune_segments,
)

Array = np.ndarray


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    """A warning of numpy's would reach the user's terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def examples(n: int = 400, layers: int = 1, seed: int = 0, **more: object) -> Scored:
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n).astype(np.int8)
    scores = rng.normal(1.5 * label[:, None], 1, (n, layers))
    return Scored(tuple(f"g{k}" for k in range(layers)), scores, label, **more)


def consistent(report: TuneReport) -> None:
    """What must hold for every report."""
    assert report.reason.endswith(".")
    assert report.certified == (report.certificate is not None)
    assert (report.chosen is None) or report.plan is None
    assert [p.tax.value for p in report.frontier] == sorted(
        (p.tax.value for p in report.frontier), key=lambda v: (math.isnan(v), v)
    )
    for point in filter(None, (*report.frontier, report.chosen, report.today)):
        for one in (point.tax, point.risk):
            if not math.isnan(one.value):
                assert one.low <= one.value <= one.high
    if report.certified:
        assert report.chosen is not None
        assert report.chosen in report.frontier
        assert report.chosen.certified
        assert report.chosen.p <= report.delta
        assert report.risk_bound is not None
        assert report.risk_bound <= report.alpha * (1 + 1e-6)


def test_a_plain_table() -> None:
    scored = examples(today=np.array([-2.0]))
    report = tune(scored, Goal(0.1, 0.05))
    consistent(report)
    assert report.certified
    assert report.chosen is not None
    assert (report.n, report.n_labeled) == (400, 400)
    assert report.n_positive + report.n_negative == 400
    at = report.chosen.thresholds["g0"]
    assert at is not None
    missed = (scored.scores[scored.positive, 0] < at).mean()
    blocked = (scored.scores[scored.negative, 0] >= at).mean()
    assert report.chosen.risk.value == pytest.approx(missed)
    assert report.chosen.tax.value == pytest.approx(blocked)
    assert report.won_back is not None
    assert report.today is not None
    assert report.won_back.value == pytest.approx(report.today.tax.value - blocked)
    (change,) = report.changes
    assert (change.layer, change.now, change.then) == ("g0", -2.0, at)


def test_what_is_labelled_neither_or_not_at_all_is_in_no_rate() -> None:
    scored = examples()
    more = Scored(
        scored.layers,
        np.vstack([scored.scores, np.full((100, 1), 9.0)]),
        np.concatenate([scored.label, np.repeat([NEITHER, UNKNOWN], 50)]).astype(np.int8),
    )
    one, two = (tune(each, Goal(0.1, 0.05)) for each in (scored, more))
    assert one.chosen is not None
    assert two.chosen is not None
    assert replace(two.chosen.tax, n=400) == one.chosen.tax
    assert one.chosen.risk.n == two.chosen.risk.n == one.n_positive
    assert (two.n, two.n_labeled, two.n_positive) == (500, 450, one.n_positive)


EDGES = {
    "no row": (np.empty(0), []),
    "one row": ([0.5], [HARMFUL]),
    "no positive": (np.linspace(0, 1, 90), [LEGITIMATE] * 90),
    "no negative": (np.linspace(0, 1, 90), [HARMFUL] * 90),
    "no label": (np.linspace(0, 1, 90), [UNKNOWN] * 90),
    "all scores equal": (np.full(90, 0.5), [HARMFUL, LEGITIMATE] * 45),
    "failed open": (np.full(90, -np.inf), [HARMFUL, LEGITIMATE] * 45),
    "failed closed": (np.full(90, np.inf), [HARMFUL, LEGITIMATE] * 45),
    "both": (np.repeat([-np.inf, 0.3, np.inf], 30), [HARMFUL, LEGITIMATE] * 45),
}
GOALS = {
    "miss": Goal(0.2, 0.1),
    "new miss": Goal(0.2, 0.1, "new_miss"),
    "costs": Goal(None, 0.1, costs=Costs(9, 1)),
}


@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("edge", EDGES)
def test_edges(edge: str, goal: str, layers: int, sampled: bool) -> None:
    scores, label = EDGES[edge]
    scored = Scored(
        tuple(f"g{k}" for k in range(layers)),
        np.repeat(np.asarray(scores, float)[:, None], layers, axis=1),
        np.array(label, dtype=np.int8),
        today=np.full(layers, 0.5),
        weight=np.full(len(label), 2.0) if sampled else None,
    )
    report = tune(scored, GOALS[goal])
    consistent(report)
    if edge in ("no row", "one row", "no positive", "no negative", "no label"):
        assert report.chosen is None
    if edge in ("no row", "no positive", "no label"):
        assert "nothing is known of what is missed" in report.reason
    if edge == "no negative" and goal != "costs":
        assert "No example is labelled legitimate" in report.reason
    if edge == "failed closed" and goal == "miss":
        assert report.certified
        assert report.chosen is not None
        assert report.chosen.tax.value == pytest.approx(1)  # nothing can be won back
    if edge == "failed open" and goal == "miss":
        assert not report.certified


def test_layers_that_failed_for_all_rows_beside_one_that_did_not() -> None:
    scored = examples(layers=3, today=np.array([0.2, 0.3, OFF]))
    scored.scores[:, 0] = -np.inf
    scored.scores[:5, 1] = np.inf
    report = tune(scored, Goal(0.4, 0.1), seed=3)
    consistent(report)
    assert report.certified


def test_few_labels_leave_the_tax_unknown() -> None:
    # Six harmful and one legitimate label among 100 rows: the risk certifies, the tax is a guess.
    rng = np.random.default_rng(0)
    label = np.repeat([HARMFUL, LEGITIMATE, UNKNOWN], [6, 1, 93]).astype(np.int8)
    scored = Scored(
        ("g",), rng.random((100, 1)), label, weight=np.full(100, 14.0), today=np.array([0.5])
    )
    report = tune(scored, Goal(0.9, 0.5))
    assert report.certified
    assert report.chosen is not None
    assert report.certificate is not None
    if math.isnan(report.chosen.tax.value):
        assert report.certificate["empirical_tax"] is None


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_scores_at_the_ends_of_the_scale(scale: float) -> None:
    scored = examples(today=np.array([scale]))
    report = tune(replace(scored, scores=scored.scores * scale), Goal(0.1, 0.05))
    consistent(report)
    assert report.certified


def test_a_million_rows() -> None:
    scored = examples(1_000_000, today=np.array([0.0]))
    report = tune(scored, Goal(0.01, 0.05))
    consistent(report)
    assert report.chosen is not None
    assert report.chosen.risk.value == pytest.approx(0.01, abs=5e-4)
    assert len(report.frontier) <= 41


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("costs", [Costs(1, 1), Costs(20, 1), Costs(0, 1), Costs(1, 0)])
def test_costs(costs: Costs, layers: int) -> None:
    scored = examples(layers=layers, seed=5)
    report = tune(scored, Goal(None, 0.05, costs=costs))
    consistent(report)
    assert not report.certified
    assert report.chosen is not None

    def cost(thresholds: dict[str, float | None]) -> float:
        setting = np.array([OFF if t is None else t for t in thresholds.values()])
        flagged = flags(scored.scores, setting)
        return costs.miss * (~flagged)[scored.positive].sum() + costs.block * (
            flagged[scored.negative].sum()
        )

    if layers == 1:  # every distinct score is a candidate at most: none is cheaper than the chosen
        every = [cost({"g0": float(t)}) for t in scored.scores[:, 0]]
        best = min(*every, cost({"g0": None}))
        assert cost(report.chosen.thresholds) <= best * 1.02 + 1e-9
    if costs.miss == 0:
        assert report.chosen.tax.value == 0
    if costs.block == 0:
        assert report.chosen.risk.value <= 0.01


def test_flips_are_the_most_surprising_first() -> None:
    scores = np.array([3.0, 1.9, 1.2, 1.8, 1.1, 0.4, -1.0, 1.5])
    label = np.array([1, 0, 0, 1, 1, 0, 0, -1], dtype=np.int8)
    rng = np.random.default_rng(0)
    scored = Scored(
        ("g",),
        np.concatenate([scores, rng.uniform(2.5, 4, 200)])[:, None],
        np.concatenate([label, np.ones(200)]).astype(np.int8),
        today=np.array([1.0]),
        ids=np.array([f"id{k}" for k in range(208)], dtype=object),
    )
    asked: list[list[int]] = []

    def texts(rows) -> list[str]:
        asked.append(list(rows))
        return [f"text {row}" for row in rows]

    report = tune(scored, Goal(0.05, 0.05), texts=texts)
    assert report.chosen is not None
    assert (report.chosen.thresholds["g"] or 0) > 2
    # Harmful ones that now pass, the furthest beyond the old threshold first; then the others.
    assert [one.id for one in report.flips] == ["id3", "id4", "id1", "id7", "id2"]
    assert [one.label for one in report.flips][2:] == ["legitimate", "unknown", "legitimate"]
    assert report.flips[0].text == "text 3"
    assert asked == [[3, 4, 1, 7, 2]]
    assert report.n_flips == {"passes": 5, "blocked": 0}
    assert {one.fate for one in report.flips} == {"passes"}


def test_rows_newly_blocked_are_flips_too_and_only_so_many_are_shown() -> None:
    scored = examples(2000, today=np.array([OFF]))
    report = tune(scored, Goal(0.1, 0.05))
    assert report.n_flips["blocked"] > 25
    assert len(report.flips) == 25
    assert {(one.fate, one.label) for one in report.flips} == {("blocked", "legitimate")}
    scores = [one.score for one in report.flips]
    assert scores == sorted(scores, reverse=True)
    assert report.flips[0].id.startswith("row ")


@settings(max_examples=25)
@given(st.integers(0, 1000), st.floats(0.02, 0.5), st.floats(0.02, 0.5), st.booleans())
def test_a_stricter_goal_never_costs_less(seed: int, one: float, two: float, new: bool) -> None:
    scored = examples(200, seed=seed, today=np.array([0.0]))
    kind = "new_miss" if new else "miss"
    strict, mild = (tune(scored, Goal(alpha, 0.1, kind)) for alpha in sorted((one, two)))
    for report in (strict, mild):
        consistent(report)
    if strict.chosen is not None:
        assert mild.chosen is not None
        assert mild.chosen.tax.value <= strict.chosen.tax.value + 1e-12


def test_the_plan_says_how_many_labels_it_takes() -> None:
    report = tune(examples(60, today=np.array([-9.0])), Goal(0.05, 0.05))
    assert not report.certified
    plan = report.plan
    assert plan is not None
    assert (plan.n_positive, plan.needed) == (report.n_positive, least_n(0.05, 0.05))
    assert plan.needed_today == 59  # today's misses none
    assert f"needs at least {plan.needed}" in report.reason
    # The best bound now is that of a setting which misses none.
    assert plan.best is not None
    assert plan.best_alpha == pytest.approx(1 - 0.05 ** (1 / report.n_positive), abs=1.01e-3)
    assert tune(examples(60), Goal(plan.best_alpha, 0.05)).certified


def test_the_plan_allows_for_weights_and_the_split() -> None:
    scored = examples(60)
    uneven = replace(scored, weight=np.where(np.arange(60) % 2, 1.0, 4.0))
    parted = examples(60, layers=2)
    needs = [tune(one, Goal(0.05, 0.05)).plan for one in (scored, uneven, parted)]
    assert all(needs)
    plain, weighted, joint = (plan.needed for plan in needs if plan)
    assert plain < joint
    assert plain * 1.4 < weighted


def test_segments_share_the_doubt() -> None:
    values = np.array(["a", "b", None, "c"] * 100, dtype=object)
    scored = examples(segments={"s": values})
    scored.label[values == "c"] = LEGITIMATE
    reports = tune_segments(scored, Goal(0.3, 0.06), "s")
    assert [r.segment for r in reports] == ["s=a", "s=b", "s=c"]
    assert [r.delta for r in reports] == pytest.approx([0.02] * 3)
    assert [r.n for r in reports] == [100] * 3
    assert [r.certified for r in reports] == [True, True, False]
    for report in reports:
        consistent(report)
    empty = replace(scored, segments={"s": np.full(400, None, dtype=object)})
    with pytest.raises(UserError, match="No example has a value for 's'"):
        tune_segments(empty, Goal(0.3, 0.06), "s")


def test_texts_of_a_segment_are_its_own() -> None:
    values = np.array(["a", "b"] * 200, dtype=object)
    scored = examples(segments={"s": values}, today=np.array([-2.0]))
    reports = tune_segments(
        scored, Goal(0.2, 0.1), "s", texts=lambda rows: [values[row] for row in rows]
    )
    for report, name in zip(reports, "ab", strict=True):
        assert {one.text for one in report.flips} == {name}


def test_mistakes() -> None:
    scored = examples()
    for alpha, delta in ((0.0, 0.1), (1.0, 0.1), (math.nan, 0.1), (0.1, 0.0), (0.1, math.nan)):
        with pytest.raises(UserError, match="open interval"):
            Goal(alpha, delta)
    for cost in (-1.0, math.nan, math.inf):
        with pytest.raises(UserError, match="Costs must be 0 or more"):
            Goal(None, 0.1, costs=Costs(cost, 1))
    for alpha, costs in ((None, None), (0.1, Costs(1, 1))):
        with pytest.raises(UserError, match="Say either"):
            Goal(alpha, 0.1, costs=costs)
    with pytest.raises(UserError, match="--today"):
        tune(scored, Goal(0.1, 0.1, "new_miss"))
    with pytest.raises(UserError, match="no layer"):
        tune(replace(scored, layers=()), Goal(0.1, 0.1))
    with pytest.raises(UserError, match="too many"):
        tune(examples(layers=20), Goal(0.1, 0.1))
    scored.scores[3] = math.nan
    with pytest.raises(UserError, match="NaN"):
        tune(scored, Goal(0.1, 0.1))
