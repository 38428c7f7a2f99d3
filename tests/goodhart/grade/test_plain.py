"""Plain data on the wire: it comes back as it went, and nothing else gets through."""

from __future__ import annotations

import json
import math
from collections import OrderedDict, namedtuple
from decimal import Decimal
from enum import IntEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trueup.goodhart.grade.inside.plain import MAX_DEPTH, NotPlain, decode, encode

BIG = 1 << 24
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters())
    | st.binary()
)
HASHABLE = st.recursive(
    SCALARS, lambda inner: st.lists(inner).map(tuple) | st.frozensets(inner), max_leaves=8
)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.sets(HASHABLE)
        | st.frozensets(HASHABLE)
        | st.dictionaries(HASHABLE, inner)
    ),
    max_leaves=20,
)


def same(one: Any, other: Any) -> bool:
    """Equal down to the type, the sign of zero and NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        if math.isnan(one):
            return math.isnan(other)
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    if isinstance(one, set | frozenset):
        rest = list(other)
        for item in one:
            twin = next((x for x in rest if same(item, x)), rest)
            if twin is rest:
                return False
            rest.remove(twin)
        return not rest
    return bool(one == other)


@settings(max_examples=70)
@given(PLAIN)
@example("\ud83d\ude00")  # two halves that JSON would join
@example([float("nan"), -0.0, float("inf"), -float("inf")])
@example({True, 2})
@example(10**5000)
@example([0, True])
@example({(1, 2): {3}, None: b"x", frozenset(): ()})
def test_it_comes_back_as_it_went(value: Any) -> None:
    line = encode(value, BIG)
    assert line.isascii()
    assert "\n" not in line
    json.loads(line)
    assert same(decode(line), value)


class Hostile:
    """Anything that is called on it is a failure."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"{name} was read")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")

    def __hash__(self) -> int:
        return 0


class Meta(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise AssertionError("the metaclass was asked")


class Level(IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Hostile(), "Hostile"),
        (lambda: Meta("Named", (), {})(), "Named"),
        (lambda: np.float64(1), "float64"),
        (lambda: np.int64(1), "int64"),
        (lambda: Level.ONE, "Level"),
        (lambda: Decimal(1), "Decimal"),
        (lambda: OrderedDict(a=1), "OrderedDict"),
        (lambda: namedtuple("Point", "x")(1), "Point"),
        (lambda: type("Str", (str,), {})("x"), "Str"),
        (lambda: bytearray(b"x"), "bytearray"),
        (lambda: iter([1]), "list_iterator"),
        (lambda: range(3), "range"),
        (lambda: ..., "ellipsis"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [1, x], lambda x: {"k": (x,)}])
def test_only_the_exact_types_pass(make: Any, name: str, wrap: Any) -> None:
    value = make()
    with pytest.raises(NotPlain, match=f"type {name}$") as raised:
        encode(wrap(value), BIG)
    assert raised.value.value is value


def test_a_long_name_is_cut() -> None:
    with pytest.raises(NotPlain) as raised:
        encode(type("x" * 10_000, (), {})(), BIG)
    assert len(str(raised.value)) < 200


def test_what_contains_itself_is_refused() -> None:
    cycle: list[Any] = [1]
    cycle.append({"again": cycle})
    with pytest.raises(NotPlain, match="contains itself"):
        encode(cycle, BIG)


def test_what_is_shared_is_copied_and_bounded() -> None:
    shared: list[Any] = [1, 2]
    assert decode(encode([shared, shared], BIG)) == [[1, 2], [1, 2]]
    for _ in range(60):  # 2 ** 60 leaves
        shared = [shared, shared]
    with pytest.raises(NotPlain, match="larger"):
        encode(shared, 100_000)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def test_depth_is_bounded_on_both_sides() -> None:
    assert decode(encode(nested(MAX_DEPTH - 1), BIG)) == nested(MAX_DEPTH - 1)
    with pytest.raises(NotPlain, match="deep"):
        encode(nested(MAX_DEPTH), BIG)
    for depth in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(NotPlain):
            decode('["l",' * depth + "1" + "]" * depth)


@pytest.mark.parametrize("value", ["x" * 100, [1] * 100, {str(n): n for n in range(40)}, 1 << 900])
def test_size_is_bounded(value: Any) -> None:
    size = len(encode(value, BIG))
    assert encode(value, 2 * size)
    with pytest.raises(NotPlain, match="larger"):
        encode(value, size // 2)


@pytest.mark.parametrize(
    "line",
    [
        "", "{}", '{"l":1}', "[]", "[1]", '["l"', '["x",1]', '["l",{}]', '["d",1]', '["i","zz"]',
        '["b","0"]', '["f","1"]', '["f","nan",1]', '["c",1,2]', '["c","a","b"]', '["s",["l"]]',
        '["s",1,true]', '["d",1,1,true,2]', '["d",["l"],1]', '["u","ff"]', "NaN", "Infinity", "1 2",
        '["l",1]x', '[["l"]]', "9" * 5000, "\x00", '["i",1]', "[null]", "'a'", '["z",["d"]]',
    ],
)  # fmt: skip
def test_all_else_is_refused(line: str) -> None:
    with pytest.raises(NotPlain):
        decode(line)


@settings(max_examples=150)
@given(st.text() | st.text(st.sampled_from('[]{}",:ltszdifbcu0123456789.-e truefalsn')))
def test_no_text_does_anything_but_decode_or_be_refused(line: str) -> None:
    try:
        value = decode(line)
    except NotPlain:
        return
    assert same(decode(encode(value, BIG)), value)


def test_members_made_to_collide_are_refused() -> None:
    modulus = 2**61 - 1  # what CPython takes the hash of an int by
    line = '["s",' + ",".join(f'["i","{n * modulus:x}"]' for n in range(1, 1000)) + "]"
    with pytest.raises(NotPlain, match="hash"):
        decode(line)
    assert decode(encode(set(range(1000)), BIG)) == set(range(1000))
