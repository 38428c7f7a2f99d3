"""What counts as an answer; everything else is a failure, never a pass."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.guards.verdict import AttemptError, one_line, scores_of


@pytest.mark.parametrize(
    ("answer", "scores"),
    [
        (0.5, ((None, 0.5),)),
        (True, ((None, 1.0),)),
        (np.float32(0.25), ((None, 0.25),)),
        (np.bool_(False), ((None, 0.0),)),
        ((0.5, "hate"), (("hate", 0.5),)),
        ((0.5, None), ((None, 0.5),)),
        ((0.5, "  "), ((None, 0.5),)),
        ({"a": 0.1, "b": 0.9, "c": False}, (("b", 0.9), ("a", 0.1), ("c", 0.0))),
        ({"a ": 0.1, "a": 0.9}, (("a", 0.9),)),
    ],
)
def test_what_is_an_answer(answer: Any, scores: Any) -> None:
    assert scores_of(answer) == scores


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "not a number but NoneType"),
        ("0.9", "not a number but str"),
        (math.nan, "NaN"),
        (math.inf, "infinite"),
        (10**400, "not a number but int"),
        ({}, "no score"),
        ({"a": math.nan}, "NaN"),
        ({"a": {"b": 1}}, "not a number but dict"),
        ([0.2, 0.8], "not a number but list"),
        ((0.2, 0.8), "category is not text but float"),
        (object(), "not a number but object"),
    ],
)
def test_what_is_not(answer: Any, reason: str) -> None:
    with pytest.raises(AttemptError, match=reason):
        scores_of(answer)


@given(st.text(st.characters()))
def test_foreign_text_fits_every_table(text: str) -> None:
    line = one_line(text)
    line.encode("utf-8")
    assert len(line) <= 200
    assert line == " ".join(line.split())
    assert "\0" not in line
