"""Types first: what counts as an answer, and what does not."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import UserError
from trueup.goodhart.grade.comparing import CheckFailed, matches
from trueup.goodhart.grade.task import Compare

EXACT = Compare()
CLOSE = Compare("close", rel=1e-6)
NAN = math.nan
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(PLAIN)
def test_a_value_matches_itself(value: Any) -> None:
    assert matches(EXACT, value, value)
    assert matches(CLOSE, value, value)


@pytest.mark.parametrize(
    ("expect", "got"),
    [
        (1, True), (True, 1), (1, 1.0), (1.0, 1), (0, False), (0, None), ("1", 1), (b"a", "a"),
        ([1], (1,)), ((1,), [1]), ({1}, frozenset({1})), ({1}, {True}), ({1}, {1.0}),
        ({(1, 2)}, {(True, 2)}), ([1, 2], [2, 1]), ([1], [1, 1]), ({1: "a"}, {True: "a"}),
        ({1: "a"}, {1.0: "a"}), ({"a": 1}, {"a": True}), ({"a": 1}, {"b": 1}), ({}, []),
        (1 + 0j, 1), ([[1]], [[True]]), ({"a": [0]}, {"a": [False]}), (NAN, NAN), ([NAN], [NAN]),
        ({NAN}, {NAN}), ({"a": NAN}, {"a": NAN}), (complex(NAN, 0), complex(NAN, 0)),
        ({1: NAN}, {1: NAN}), ({frozenset({1})}, {frozenset({True})}),
        ("", None), (1.0, 1.0000001), (3, "3"),
    ],
)  # fmt: skip
def test_near_misses_are_misses(expect: Any, got: Any) -> None:
    assert not matches(EXACT, expect, got)


def test_nan_equals_nothing_not_even_the_same_object() -> None:
    for compare in (EXACT, CLOSE, Compare("close", abs=math.inf)):
        for value in (NAN, [NAN], {NAN: 1}, (1, {"a": NAN})):
            assert not matches(compare, value, value)


@pytest.mark.parametrize(
    ("expect", "got"),
    [
        (0.0, -0.0), ({"a": 1, "b": 2}, {"b": 2, "a": 1}), ({1, 2}, {2, 1}), (math.inf, math.inf),
        ({(1, "a")}, {(1, "a")}), ({None: [1.5]}, {None: [1.5]}), ({0.0}, {-0.0}),
        (10**400, 10**400),
    ],
)  # fmt: skip
def test_what_is_equal_is_equal(expect: Any, got: Any) -> None:
    assert matches(EXACT, expect, got)


@pytest.mark.parametrize(
    ("expect", "got", "near"),
    [
        (1.0, 1.0 + 5e-7, True), (1.0, 1.0 + 5e-6, False), (1.0, 1, False), (1, 1.0, False),
        (1, 2, False), ([1.0, 2.0], [1.0 + 5e-7, 2.0], True), ({"a": 1.0}, {"a": 1.0 + 5e-7}, True),
        ({1.0}, {1.0 + 5e-7}, False), (1 + 1j, 1 + (1 + 5e-7) * 1j, True),
        (math.inf, math.inf, True), (math.inf, 1e308, False), (0.0, 1e-9, False),
        ("1.0", "1.0000001", False),
    ],
)  # fmt: skip
def test_close_is_for_floats_alone(expect: Any, got: Any, near: bool) -> None:
    assert matches(CLOSE, expect, got) is near


def test_an_absolute_tolerance() -> None:
    assert matches(Compare("close", abs=1e-3), 0.0, 9e-4)
    assert not matches(Compare("close", abs=1e-3), 0.0, 1.1e-3)


def test_a_check_gets_copies_and_decides() -> None:
    seen = []

    def check(args: Any, expect: Any, got: Any) -> bool:
        seen.append((args, expect, got))
        got.append(1)
        args[0].append(1)
        return len(expect) == 1

    args, expect, got = ([2],), [3], [4]
    assert matches(Compare("callable", function=check), expect, got, args)
    assert (args, expect, got) == (([2],), [3], [4])
    assert seen == [(([2, 1],), [3], [4, 1])]


@pytest.mark.parametrize("said", [1, "yes", None, [True]])
def test_a_check_must_return_a_bool(said: Any) -> None:
    with pytest.raises(UserError, match=f"must return a bool, got {type(said).__name__}"):
        matches(Compare("callable", function=lambda *_: said), 1, 1)


def test_a_check_that_raises_is_told_apart() -> None:
    with pytest.raises(CheckFailed, match="ZeroDivisionError"):
        matches(Compare("callable", function=lambda *_: 1 / 0), 1, 1)  # type: ignore[arg-type]


def test_a_check_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "check.py"
    path.write_text("def check(args, expect, got):\n    return got % args[0] == 0\n")
    assert matches(Compare("callable", path=path), None, 9, (3,))
    assert not matches(Compare("callable", path=path), None, 8, (3,))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def checks(): pass", "does not define check. Did you mean 'checks'"),
        ("1 / 0", "fails to load: ZeroDivisionError"),
        ("import nothing_called_so", "needs nothing_called_so, which is not installed"),
        ("def (", "fails to load: SyntaxError"),
    ],
)
def test_a_file_that_has_no_check(tmp_path: Path, source: str, said: str) -> None:
    path = tmp_path / "check.py"
    path.write_text(source)
    with pytest.raises(UserError) as raised:
        matches(Compare("callable", path=path), 1, 1)
    assert said in str(raised.value)


def test_nothing_says_which_check() -> None:
    with pytest.raises(UserError, match="which function"):
        matches(Compare("callable"), 1, 1)
