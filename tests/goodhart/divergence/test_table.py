from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import UserError
from trueup.goodhart.divergence.table import tabulate


def test_steps_are_sorted_as_numbers_and_names_keep_their_order() -> None:
    run = tabulate([3, 1, 2], [0.3, 0.1, 0.2], step=["100", "2", "10"])
    assert run.steps == ("2", "10", "100")
    assert run.proxy.tolist() == [1, 2, 3]
    named = tabulate([3, 1, 2], step=["base", "sft", "rl"])
    assert named.steps == ("base", "sft", "rl")
    assert len(named.measured) == 0


def test_a_sparse_truth_is_known_where_it_was_measured() -> None:
    run = tabulate([1, 2, 3, 4], [np.nan, 0.5, np.nan, 0.4])
    assert run.measured.tolist() == [1, 3]
    assert run.units is None


def test_the_same_examples_are_paired_and_others_are_not() -> None:
    step = np.repeat(np.arange(3), 30)
    truth = np.random.default_rng(0).random(90)
    same = tabulate(step, truth, step=step.tolist(), example=np.tile(np.arange(30), 3).tolist())
    assert same.units is not None
    assert same.units.paired
    fresh = tabulate(step, truth, step=step.tolist())
    assert fresh.units is not None
    assert not fresh.units.paired
    assert fresh.truth == pytest.approx(same.truth)


def test_repeats_of_an_example_and_of_a_cluster_count_once() -> None:
    step = np.repeat([0, 1], 60).tolist()
    example = np.tile(np.repeat(np.arange(30), 2), 2).tolist()
    run = tabulate(np.zeros(120), np.arange(120) % 2, step=step, example=example)
    assert run.n_units == 30
    assert run.units is not None
    assert (run.units.values == 0.5).all()
    clustered = tabulate(np.zeros(120), np.ones(120), step=step, cluster=[e % 25 for e in example])
    assert clustered.n_units == 25


def test_few_examples_are_a_series_of_means() -> None:
    step = np.repeat(np.arange(10), 5)
    run = tabulate(step, np.arange(50.0), step=step.tolist())
    assert run.units is None
    assert run.truth[0] == 2.0


def test_a_shuffle_within_steps_does_not_depend_on_later_rows() -> None:
    rng = np.random.default_rng(1)
    step, truth = np.repeat(np.arange(6), 40), rng.random(240)
    whole = tabulate(step, truth, step=step.tolist())
    part = tabulate(step[:160], truth[:160], step=step[:160].tolist())
    assert whole.units is not None
    assert part.units is not None
    assert np.array_equal(whole.units.values[:, :4], part.units.values)


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(UserError, match="no usable row"):
        tabulate([], [])


@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 40), st.floats(-1e6, 1e6), st.booleans()),
        min_size=1,
        max_size=120,
    )
)
def test_means_by_step_are_those_of_the_units(rows: list[tuple[int, int, float, bool]]) -> None:
    """Against a definition in plain Python: mean over examples of the mean over their rows."""
    truth = [y if there else np.nan for _, _, y, there in rows]
    run = tabulate(
        np.zeros(len(rows)),
        truth,
        step=[one[0] for one in rows],
        example=[one[1] for one in rows],
    )
    for place, name in enumerate(run.steps):
        by_unit: dict[int, list[float]] = {}
        for step, unit, y, there in rows:
            if there and step == int(name):
                by_unit.setdefault(unit, []).append(y)
        means = [sum(ys) / len(ys) for ys in by_unit.values()]
        if means:
            assert run.truth[place] == pytest.approx(sum(means) / len(means), abs=1e-6)
        else:
            assert np.isnan(run.truth[place])
