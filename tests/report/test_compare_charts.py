"""The charts of a comparison: every value with its interval, in order, and never against a step."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report import compare_sample as made
from trueup.report import compare_text as say
from trueup.report.charts import CLEAN, GREY, TAX
from trueup.report.compare_charts import (
    flips_chart,
    known,
    slice_limits,
    slices_chart,
)
from trueup.report.compare_frontier_chart import frontier_chart
from trueup.report.render import svg


def values(chart: Any) -> list[dict[str, Any]]:
    """Every row of data in the chart, once, in order."""
    found = [
        row for layer in chart.to_dict()["layer"] for row in layer.get("data", {}).get("values", [])
    ]
    return [json.loads(row) for row in dict.fromkeys(map(json.dumps, found))]


def test_a_bar_holds_every_prompt_once_and_its_lines_say_what_was_refused() -> None:
    found = made.compared()
    rows = values(flips_chart(say.groups(found)))
    for group, change in (("legitimate", found.legitimate), ("harmful", found.harmful)):
        assert change is not None
        parts = [row for row in rows if f"{group} prompts" in row.get("says", "")]
        assert parts[0]["start"] == 0
        assert parts[-1]["end"] == pytest.approx(100)
        for one, other in pairwise(parts):
            assert one["end"] == pytest.approx(other["start"])
        before, after = (
            next(r for r in rows if r.get("words", "").startswith(f"refused {when}: {n},"))
            for when, n in (("before", change.refused_before), ("after", change.refused_after))
        )
        assert before["end"] - before["start"] == pytest.approx(100 * change.before.value)
        assert after["end"] - after["start"] == pytest.approx(100 * change.after.value)


def test_the_worse_is_in_the_colour_of_the_tax() -> None:
    colours = {
        row["says"].split(" ", 1)[1]: row["colour"]
        for row in values(flips_chart(say.groups(made.better())))
        if "says" in row
    }
    assert colours["of 250 legitimate prompts newly refused"] == TAX
    assert colours["of 250 legitimate prompts newly answered"] == CLEAN
    assert colours["of 200 harmful prompts newly refused"] == CLEAN
    assert colours["of 200 harmful prompts newly answered"] == TAX
    nobody_knows = values(flips_chart(say.groups(made.unnamed())))
    assert {row["colour"] for row in nobody_knows if "colour" in row} == {GREY}


@settings(max_examples=20)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_any_counts_fit_the_bar(both: int, new: int, fixed: int, neither: int) -> None:
    n = both + new + fixed + neither
    change = made.change("legitimate", n, both + fixed, new, fixed)
    rows = [row for row in values(flips_chart([change], 440)) if "says" in row]
    assert sum(row["end"] - row["start"] for row in rows) == pytest.approx(100 if n else 0)
    for row in values(flips_chart([change], 440)):
        assert 0 <= row.get("label", 0) <= 100


def test_slices_are_in_points_with_intervals_and_only_the_sure_are_filled() -> None:
    (rows, _) = say.cuts(made.SLICES).values()
    drawn = [row for row in values(slices_chart(rows, made.LEVEL)) if "name" in row]
    assert [row["name"] for row in drawn][:2] == ["homonyms", "figurative language"]
    assert drawn[0]["value"] == pytest.approx(56)
    assert drawn[0]["low"] < 56 < drawn[0]["high"]
    assert drawn[0]["figure"] == "+56.0"
    assert [row["filled"] for row in drawn] == [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert {row["colour"] for row in drawn} == {TAX, GREY}
    low, high = slice_limits(rows)
    assert low <= 0 <= high
    assert all(low <= row["low"] and row["high"] <= high for row in drawn)


def test_slices_of_unknown_difference_are_not_drawn_at_0() -> None:
    rows = made.nothing().slices
    assert known(rows) == []
    assert slice_limits(rows) == (-0.5, 0.5)


@pytest.mark.parametrize("scored", [True, False])
def test_the_frontier_is_never_against_step(scored: bool) -> None:
    chart = frontier_chart(made.frontier(), scored=scored)
    spec = json.dumps(chart.to_dict())
    assert "order" not in spec.replace('"order": "0"', "")
    titles = {
        layer["encoding"][axis]["axis"]["title"]
        for layer in chart.to_dict()["layer"]
        for axis in ("x", "y")
        if layer.get("encoding", {}).get(axis, {}).get("axis")
    }
    upright = "gsm8k, better →" if scored else "legitimate prompts answered, better →"
    assert titles == {"harmful prompts refused, safer →", upright}


def test_points_have_limits_and_say_what_they_are() -> None:
    found = made.frontier()
    rows = [row for row in values(frontier_chart(found, scored=False)) if "says" in row]
    for row, point in zip(rows, found.points, strict=True):
        assert row["x"] == pytest.approx(100 * (1 - point.risk.value))
        assert row["x_low"] == pytest.approx(100 * (1 - point.risk.high))
        assert row["y_low"] == pytest.approx(100 * (1 - point.tax.high))
        assert row["filled"] == point.pareto
        assert row["ring"] == point.certified
        assert row["says"].startswith(f"{point.version}: refuses")


def test_the_line_joins_only_what_nothing_drawn_beats() -> None:
    """By hand: step-400 is beaten by step-600 on both axes of either chart."""
    for scored in (True, False):
        rows = values(frontier_chart(made.frontier(), scored=scored))
        line = [row for row in rows if set(row) == {"x", "y"}]
        assert [round(row["x"], 1) for row in line] == [100.0, 99.0, 93.0, 80.5, 64.5]


def test_every_version_of_a_few_is_named_and_the_chosen_always() -> None:
    for scored in (True, False):
        named = {
            row["name"]: row
            for row in values(frontier_chart(made.frontier(), scored=scored, width=420))
            if "weight" in row
        }
        assert set(named) == {point.version for point in made.frontier().points}
        assert named["step-800"]["weight"] == "bold"
        assert named["step-400"]["weight"] == "normal"
    crowd = tuple(
        replace(made.frontier().points[2], version=f"version-{i}", chosen=i == 77)
        for i in range(100)
    )
    chart = frontier_chart(replace(made.frontier(), points=crowd), scored=True)
    shown = {row["name"] for row in values(chart) if "weight" in row}
    assert "version-77" in shown
    assert len(shown) <= 10  # they lie on one another: one name for each place beside it


@settings(max_examples=6)
@given(
    st.lists(
        st.tuples(st.integers(0, 250), st.integers(0, 200), st.floats(-5, 5)),
        min_size=1,
        max_size=6,
    )
)
def test_any_frontier_can_be_drawn(rows: list[tuple[int, int, float]]) -> None:
    points = tuple(made.point(f"v{i}", *row, pareto=i % 2 == 0) for i, row in enumerate(rows))
    found = replace(made.frontier(), points=points)
    assert "<svg" in svg(frontier_chart(found, scored=True), name="x", label="y")


def test_a_version_without_a_score_has_no_place_among_scores() -> None:
    found = made.frontier()
    bare = replace(found.points[1], capability=None)
    unknown = replace(found.points[2], risk=replace(found.points[2].risk, value=math.nan))
    chart = frontier_chart(replace(found, points=(found.points[0], bare, unknown)), scored=True)
    names = {row["says"].split(":")[0] for row in values(chart) if "says" in row}
    assert names == {"base"}
