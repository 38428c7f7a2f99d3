"""Words and figures of a comparison: points are named so, and nothing unsure is called a change."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tests.report import compare_sample as made
from trueup.report import compare_text as say
from trueup.stats import Interval

NAN = math.nan


@pytest.mark.parametrize(
    ("value", "low", "high", "shown"),
    [
        (0.3, 0.24, 0.36, "+30.0 points (24.0 to 36.0)"),
        (-0.0484, -0.06, 0.01, "−4.8 points (−6.0 to 1.0)"),
        (0.01, -0.01, 0.03, "+1.0 point (−1.0 to 3.0)"),
        (0.0, -0.019, 0.019, "0.0 points (−1.9 to 1.9)"),
        (0.2, NAN, NAN, "+20.0 points (no interval)"),
        (NAN, NAN, NAN, "unknown"),
    ],
)
def test_a_difference_has_its_sign_and_its_unit(
    value: float, low: float, high: float, shown: str
) -> None:
    assert say.signed(Interval(value, low, high, 0.95, 10)) == shown


@pytest.mark.parametrize(
    ("p", "shown"),
    [
        (0.0000001, "p < 0.001"),
        (0.031249, "p = 0.031"),
        (0.9999, "p = 1"),
        (0.99, "p = 0.99"),
        (NAN, "p unknown"),
    ],
)
def test_a_p_value(p: float, shown: str) -> None:
    assert say.p_value(p) == shown


def test_only_what_its_interval_shows_is_a_finding() -> None:
    better, worse = say.findings(made.compared())
    assert better == []
    assert worse[0].startswith("Legitimate prompts refused: 29.6 % → 59.6 %")
    assert "definitions" not in " ".join(worse)  # adjusted p = 0.06
    unsure = replace(made.unverified(), slices=())
    assert say.findings(unsure) == ([], [])


def test_the_same_change_is_better_for_one_group_and_worse_for_the_other() -> None:
    more = made.change("legitimate", 100, 10, 40, 0)
    tax = replace(made.compared(), legitimate=more, harmful=None, slices=(), measures=())
    safety = replace(tax, legitimate=None, harmful=replace(more, group="harmful"))
    nobody_knows = replace(tax, legitimate=replace(more, group="all"))
    assert [len(side) for side in say.findings(tax)] == [0, 1]
    assert [len(side) for side in say.findings(safety)] == [1, 0]
    assert [len(side) for side in say.findings(nobody_knows)] == [0, 0]
    assert [say.tone(one) for one in (tax, safety, nobody_knows)] == [-1, 1, 0]
    assert say.tone(replace(safety, legitimate=more)) == 0  # safer, at a cost


def test_equivalence_is_claimed_only_where_it_is_shown() -> None:
    change = made.change("legitimate", 100, 10, 1, 1)
    assert say.standing(replace(change, equivalent=True)) == "shown to be within ±2.0 points"
    assert "neither a change nor" in say.standing(replace(change, equivalent=False))
    assert say.standing(replace(change, equivalent=None)) == "no change is shown"
    assert say.standing(made.change("legitimate", 100, 10, 40, 0)) == ""


def test_slices_come_worst_first_and_the_unknown_last() -> None:
    rows = (
        made.cut("a", 10, 5, 0, 2, "harmful", 1.0),
        made.cut("b", 10, 5, 3, 0, "harmful", 1.0),
        made.cut("c", 0, 0, 0, 0, "harmful", NAN),
        made.cut("d", 10, 5, 0, 2, "legitimate", 1.0),
        made.cut("e", 10, 5, 3, 0, "legitimate", 1.0),
    )
    shown = {group: [row.value for row in some] for (_, group), some in say.cuts(rows).items()}
    assert shown == {"harmful": ["a", "b", "c"], "legitimate": ["e", "d"]}


def test_of_several_doubts_the_largest_is_told_once() -> None:
    alone = made.unverified()
    assert alone.legitimate is not None
    doubts = [
        replace(alone, legitimate=replace(alone.legitimate, annotator_error=error))
        for error in (0.04, 0.119, 0.02)
    ]
    told = say.truths([*doubts, made.compared()])
    assert set(told) == {"UNVERIFIED", "900 LABELLED"}
    assert "±11.9 points" in told["UNVERIFIED"]


def test_flips_for_the_worse_come_first() -> None:
    kinds = [(group, direction) for group, direction, *_ in say.flip_groups(made.compared())]
    assert kinds == [
        ("legitimate", "newly refused"),
        ("harmful", "newly answered"),
        ("legitimate", "newly answered"),
        ("harmful", "newly refused"),
    ]


def test_names_that_begin_alike_are_told_apart_by_their_ends() -> None:
    model = "smollm2-135m-instruct"
    names = [model, f"{model}+careful", f"{model}+strict"]
    assert say.short_names(names, 40) == {one: one for one in names}
    shown = say.short_names(names, 20)
    assert list(shown.values()) == ["…instruct", "…instruct+careful", "…instruct+strict"]
    cut = say.short_names(["alpha-very-long", "beta-very-long"], 8)
    assert list(cut.values()) == ["alpha-v…", "beta-ve…"]
