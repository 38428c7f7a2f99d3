"""Logged values to typed ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.schema import ACTIONS, OUTCOME_KINDS
from trueup.sources.exchange import BadRecordError
from trueup.sources.values import (
    ACTION_WORDS,
    KIND_WORDS,
    action_of,
    integer_of,
    kind_of,
    number_of,
    outcome_value,
    text_of,
    time_of,
)

MOMENT = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)
MICROS = 1_772_368_215_250_000  # date -u -d '2026-03-01 12:30:15.25' +%s%6N


@pytest.mark.parametrize(
    "given",
    [
        "2026-03-01T12:30:15.250Z",
        "2026-03-01T12:30:15.250000000Z",
        "2026-03-01T13:30:15.25+01:00",
        "2026-03-01 12:30:15.250",
        "2026-03-01 12:30:15.250 UTC",
        "2026/03/01 12:30:15.250",
        "20260301T123015.250Z",
        " 2026-03-01T12:30:15.250Z ",
        1_772_368_215.25,
        "1772368215.25",
        1_772_368_215_250,
        "1772368215250",
        1_772_368_215_250_000,
        1_772_368_215_250_000_000,
        MOMENT,
        MOMENT.replace(tzinfo=None),
    ],
)
def test_times(given: Any) -> None:
    assert time_of(given, "at") == MICROS


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("20260301", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("Sun, 01 Mar 2026 12:30:15 GMT", datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)),
    ],
)
def test_dates(given: str, expected: datetime) -> None:
    assert (
        datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_of(given, "at")) == expected
    )


@pytest.mark.parametrize("blank", [None, "", "  ", "null", "NaT"])
def test_blank_times_are_unknown(blank: Any) -> None:
    assert time_of(blank, "at") is None


@pytest.mark.parametrize("bad", ["noon", "2026-13-01", True, [], {}, 1e30, float("nan"), "9" * 400])
def test_bad_times(bad: Any) -> None:
    with pytest.raises(BadRecordError, match="at must be"):
        time_of(bad, "at")


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)))
def test_iso_times_are_exact(moment: datetime) -> None:
    micros = time_of(moment.isoformat(), "at")
    assert micros is not None
    assert datetime(1970, 1, 1) + timedelta(microseconds=micros) == moment


@pytest.mark.parametrize(
    ("given", "expected"),
    [(1, 1.0), ("0.5", 0.5), (" 2 ", 2.0), ("nan", None), ("", None), (None, None), (True, 1.0)],
)
def test_numbers(given: Any, expected: float | None) -> None:
    assert number_of(given, "x") == expected


@pytest.mark.parametrize("bad", ["high", [], {}, float("inf"), "1e999", "1,5"])
def test_bad_numbers(bad: Any) -> None:
    with pytest.raises(BadRecordError, match=r"x must be a (finite )?number, got"):
        number_of(bad, "x")


def test_whole_numbers() -> None:
    assert integer_of("3", "x") == 3
    with pytest.raises(BadRecordError, match=r"x must be a whole number, got 3\.5"):
        integer_of(3.5, "x")


def test_every_word_stands_for_a_declared_value() -> None:
    assert set(ACTION_WORDS.values()) == set(ACTIONS)
    assert set(KIND_WORDS.values()) == set(OUTCOME_KINDS)
    assert all(action_of(word.upper(), "a") == action for word, action in ACTION_WORDS.items())
    assert all(kind_of(word.title()) == kind for word, kind in KIND_WORDS.items())
    assert all(ACTION_WORDS[action] == action for action in ACTIONS)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("thumb", True, 1.0),
        ("thumb", -1, 0.0),
        ("thumb", "👎", 0.0),
        ("thumb", "Thumbs up", 1.0),
        ("thumb", None, None),
        ("thumbs_down", None, 0.0),
        ("thumbs_down", True, 0.0),
        ("thumbs_down", False, None),
        ("thumbs_up", None, 1.0),
        ("liked", 0, 0.0),
        ("rating", 4, 4.0),
        ("rating", "", None),
        ("copy", None, 1.0),
        ("complete", False, 0.0),
        ("complete", 0.5, 0.5),
    ],
)
def test_outcome_values(kind: str, value: Any, expected: float | None) -> None:
    assert outcome_value(kind_of(kind), kind, value) == expected


@pytest.mark.parametrize(
    ("kind", "value"), [("thumb", 0.5), ("thumb", 2), ("copy", 3), ("copy", -1)]
)
def test_bad_outcome_values(kind: str, value: Any) -> None:
    with pytest.raises(BadRecordError, match=f"feedback.value of '{kind}' must be"):
        outcome_value(kind, kind, value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(" a ", "a"), ("", None), (" ", None), (None, None), (7, "7"), (True, "true"),
     (float("nan"), None), (["x"], '["x"]')],
)  # fmt: skip
def test_text(given: Any, expected: str | None) -> None:
    assert text_of(given) == expected
