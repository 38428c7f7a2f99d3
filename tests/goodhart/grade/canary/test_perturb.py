"""Wrong values are of the same type, differ, and can be written down."""

from __future__ import annotations

import random
from ast import literal_eval
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.goodhart.grade.canary.perturb import wrong_texts, wrong_values

ATOMS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.binary(max_size=8)
)  # fmt: skip
PLAIN = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
        | st.frozensets(st.integers() | st.text(max_size=3), max_size=4)
    ),
    max_leaves=12,
)


@given(PLAIN, st.integers(0, 100))
def test_each_differs_is_of_the_type_and_survives_being_written(value: Any, seed: int) -> None:
    for other in wrong_values(value, random.Random(seed)):
        assert type(other) is type(value)
        assert other != value
        assert literal_eval(repr(other)) == other


@given(st.text(max_size=60), st.integers(0, 100))
def test_outputs_differ_in_more_than_white_space(text: str, seed: int) -> None:
    for other in wrong_texts(text, random.Random(seed)):
        assert other.split() != text.split()


@pytest.mark.parametrize(
    ("value", "plausible"),
    [
        (3, {4, 2, -3}),
        (True, {False}),
        (0, {1, -1}),
        (2.0, {3.0, 1.0, -2.0}),
        ("v9", {"v9x"[:-1] + "9", "V9", "v", "9v"}),
        ((1, 2), {(2, 1), (1,), (1, 2, 2), (2, 2), (1, 3)}),
    ],
)
def test_the_changes_look_like_mistakes(value: Any, plausible: set[Any]) -> None:
    assert plausible <= set(wrong_values(value, random.Random(0)))


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), ...])
def test_what_has_no_other_value_has_none(value: Any) -> None:
    assert list(wrong_values(value, random.Random(0))) == []


def test_a_list_with_a_nan_cannot_be_written_down() -> None:
    assert all(
        float("nan") not in other and literal_eval(repr(other)) == other
        for other in wrong_values([float("nan"), 1], random.Random(0))
    )


def test_an_output_keeps_its_lines() -> None:
    found = list(wrong_texts("a 7\nb\n", random.Random(0)))
    assert "a 8\nb\n" in found
    assert "b\na 7\n" in found
    assert all(text.endswith("\n") for text in found)


def test_a_long_value_is_changed_in_a_few_places_only() -> None:
    assert 0 < len(list(wrong_values(list(range(2_000)), random.Random(0)))) < 100
    assert 0 < len(list(wrong_texts("line 1\n" * 20_000, random.Random(0)))) < 100
    assert len(next(wrong_values(list(range(100_000)), random.Random(0)))) > 99_000


def test_the_seed_decides() -> None:
    first, again, other = (list(wrong_values([1, 2, 3], random.Random(seed))) for seed in (1, 1, 2))
    assert first == again != other
