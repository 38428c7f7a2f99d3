"""Capability scores of two versions: paired where it can be, honest where it cannot."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from trueup.compare.capability import Capabilities, capability_changes
from trueup.errors import UserError
from trueup.sources.eval_results import ExampleScores, Score
from trueup.stats import mcnemar, paired_difference


def total(
    value: float, stderr: float | None = None, task: str = "gsm8k", better: bool | None = True
) -> Capabilities:
    return Capabilities(totals=[Score(task, "acc", value, stderr, 100, better)])


def examples(values: Sequence[float], start: int = 0, metric: str = "acc") -> Capabilities:
    keys = tuple(str(start + place) for place in range(len(values)))
    return Capabilities(examples=[ExampleScores("gsm8k", metric, keys, np.array(values, float))])


def test_shared_examples_are_paired() -> None:
    before, after = [1] * 40 + [0] * 10, [0] * 6 + [1] * 34 + [1] * 1 + [0] * 9
    (change,) = capability_changes(examples(before), examples(after))
    assert (change.name, change.group, change.unit) == ("gsm8k: acc", "capability", "score")
    assert (change.before, change.after) == (0.8, 0.7)
    assert change.difference.value == pytest.approx(-0.1)
    assert change.p_value == mcnemar(1, 6)  # six lost, one won
    wanted = paired_difference(before, after).interval(0.95)
    assert (change.difference.low, change.difference.high) == (wanted.low, wanted.high)
    assert change.difference.n == 50
    assert change.difference.method.startswith("50 examples paired: ")
    assert math.isnan(change.p_adjusted)


def test_only_what_both_sides_have_is_paired_and_the_rest_is_counted() -> None:
    (change,) = capability_changes(examples([1, 1, 0, 0]), examples([1, 1, 1], start=2))
    assert (change.before, change.after) == (0.0, 1.0)
    assert change.difference.n == 2
    assert "3 examples are on one side only" in change.difference.method


def test_scores_of_any_size_are_paired_too() -> None:
    (change,) = capability_changes(examples([10.0, 20.0, 30.0]), examples([11.0, 22.0, 36.0]))
    assert change.difference.value == pytest.approx(3.0)
    assert change.difference.low < 3.0 < change.difference.high


def test_totals_are_compared_as_independent_runs() -> None:
    (change,) = capability_changes(total(0.80, 0.03), total(0.70, 0.04), level=0.9)
    # By hand: standard error 0.05; z = 2; 90 % half width 1.6449 · 0.05.
    assert change.difference.value == pytest.approx(-0.1)
    half = scipy_stats.norm.ppf(0.95) * 0.05
    assert change.difference.low == pytest.approx(-0.1 - half)
    assert change.difference.high == pytest.approx(-0.1 + half)
    assert change.p_value == pytest.approx(2 * scipy_stats.norm.sf(2.0))
    assert "independent runs" in change.difference.method


@pytest.mark.parametrize("missing", [None, 0.0])
def test_no_standard_error_gives_no_interval_rather_than_none_of_width(
    missing: float | None,
) -> None:
    (change,) = capability_changes(total(0.8, 0.03), total(1.0, missing))
    assert change.difference.value == pytest.approx(0.2)
    assert math.isnan(change.difference.low)
    assert math.isnan(change.difference.high)
    assert math.isnan(change.p_value)
    assert "no interval" in change.difference.method


def test_examples_on_one_side_only_become_a_total() -> None:
    values = [1.0, 0.0, 1.0, 1.0]
    (change,) = capability_changes(examples(values), total(0.5, 0.1))
    error = math.hypot(np.std(values, ddof=1) / 2, 0.1)
    assert change.before == 0.75
    assert change.p_value == pytest.approx(2 * scipy_stats.norm.sf(0.25 / error))


def test_examples_without_a_common_key_become_totals() -> None:
    (change,) = capability_changes(examples([1, 0, 1]), examples([1, 1, 0], start=50))
    assert change.difference.value == 0
    assert "independent runs" in change.difference.method


def test_lower_is_better_is_said() -> None:
    (change,) = capability_changes(total(20.0, 1.0, better=False), total(22.0, 1.0, better=False))
    assert change.name == "gsm8k: acc (lower is better)"


def test_nothing_to_compare() -> None:
    assert capability_changes(Capabilities(), Capabilities()) == ()
    assert capability_changes(total(0.5), Capabilities()) == ()
    with pytest.raises(UserError, match=r"no task and metric in common: gsm8k: acc against mmlu"):
        capability_changes(total(0.5), total(0.5, task="mmlu"))
    twice = Capabilities(totals=[*total(0.5).totals, *total(0.6).totals])
    with pytest.raises(UserError, match="The scores after hold gsm8k: acc twice"):
        capability_changes(total(0.5), twice)


@given(
    pairs=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40),
    order=st.randoms(use_true_random=False),
)
def test_the_order_of_examples_in_a_file_means_nothing(
    pairs: list[tuple[float, float]], order: object
) -> None:
    one, two = ([pair[side] for pair in pairs] for side in (0, 1))
    places = list(range(len(pairs)))
    order.shuffle(places)  # type: ignore[attr-defined]
    shuffled = Capabilities(
        examples=[
            ExampleScores(
                "gsm8k", "acc", tuple(str(i) for i in places), np.array([two[i] for i in places])
            )
        ]
    )
    (change,) = capability_changes(examples(one), shuffled)
    (plain,) = capability_changes(examples(one), examples(two))
    assert change.difference == plain.difference
    assert change.difference.value == pytest.approx(np.mean(two) - np.mean(one))
    assert change.difference.low <= change.difference.value <= change.difference.high
