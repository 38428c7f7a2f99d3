"""Comparing printed text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.goodhart.grade.output_text import first_difference, normalised, same_output
from trueup.goodhart.grade.task import Compare

EXACT, CLOSE = Compare(), Compare("close", rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("expect", "got", "same"),
    [
        ("3\n", "3", True),
        ("3", "3\r\n", True),
        ("3\n", "3\n\n", False),
        ("a\nb", "a\rb", True),
        ("3", " 3", False),
        ("3", "3.0", False),
        ("", "", True),
        ("", "x", False),
    ],
)
def test_exact(expect: str, got: str, same: bool) -> None:
    assert same_output(EXACT, None, "", expect, got) == same


@pytest.mark.parametrize(
    ("expect", "got", "same"),
    [
        ("1.0 2", "1.0000000001\n2", True),
        ("1.0", "1.1", False),
        ("1 2", "1", False),
        ("a 1", "b 1", False),
        ("1e3", "1000.0", True),
        ("1", "nan", False),
        ("0", "inf", False),
        ("1", "1_0", False),
        ("5", "٥", False),
    ],
)
def test_close(expect: str, got: str, same: bool) -> None:
    assert same_output(CLOSE, None, "", expect, got) == same


@pytest.mark.parametrize(("said", "same"), [(True, True), (1, False), ("yes", False)])
def test_a_check_must_say_true(said: object, same: bool) -> None:
    compare = Compare("callable", function=lambda *_: True)
    assert same_output(compare, lambda *_: said, "", "a", "b") == same  # type: ignore[arg-type, return-value]


@given(st.text())
def test_normalising_twice_is_once_but_for_last_newlines(text: str) -> None:
    assert "\r" not in normalised(text)
    assert same_output(EXACT, None, "", text, text)


@given(st.text(), st.text())
def test_a_difference_is_one_line(one: str, other: str) -> None:
    assert "\n" not in first_difference(one, other)
