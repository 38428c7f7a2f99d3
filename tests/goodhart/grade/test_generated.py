"""Making inputs: functions and strategies, from a seed, and what they may not be."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import strategies as st

from trueup.errors import UserError
from trueup.goodhart.grade.generated import made_inputs


def test_a_function_is_called_with_the_rng() -> None:
    def make(rng: random.Random) -> tuple[int]:
        return (rng.randrange(10**9),)

    one, same, other = (made_inputs(make, 5, random.Random(seed)) for seed in (1, 1, 2))
    assert one == same != other
    assert len(set(one)) == 5


def test_inputs_share_nothing() -> None:
    kept: list[int] = []

    def make(rng: random.Random) -> tuple[list[int]]:
        kept.append(len(kept))
        return (kept,)

    assert made_inputs(make, 3, random.Random(1)) == [([0],), ([0, 1],), ([0, 1, 2],)]


def test_a_strategy_is_drawn_from_with_the_seed() -> None:
    strategy = st.tuples(st.lists(st.integers()), st.text())
    one, same, other = (made_inputs(strategy, 10, random.Random(seed)) for seed in (1, 1, 2))
    assert one == same != other
    assert len({repr(args) for args in one}) == 10
    assert all(type(args) is tuple and len(args) == 2 for args in one)


def test_a_small_strategy_gives_what_it_has() -> None:
    assert sorted(made_inputs(st.tuples(st.booleans()), 50, random.Random(1))) == [
        (False,),
        (True,),
    ]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda rng: 3, "must be a tuple of arguments, got int"),
        (st.integers(), "must be a tuple of arguments, got int"),
        (lambda rng: (object(),), "not plain data: not plain: type object"),
        (lambda rng: 1 / 0, "Making inputs failed: ZeroDivisionError"),
        (7, "must be a function or a strategy, got int"),
    ],
)
def test_what_they_may_not_be(make: Any, said: str) -> None:
    with pytest.raises(UserError) as raised:
        made_inputs(make, 2, random.Random(1))
    assert said in str(raised.value)
