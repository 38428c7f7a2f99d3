"""Limits as people write them."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.compare.limits import Drop, Limits, gate_table, parse_limits, parse_share
from trueup.errors import UserError

ONE = {"max-refusals": "5%"}


def test_points_percent_and_share_are_the_same_number() -> None:
    written = ("2pp", "2 pp", " 2% ", "2 %", "2.0pp", "02pp", "0.02", ".02", 0.02)
    assert {parse_share(one, "--margin") for one in written} == {0.02}


@given(st.decimals(0, 100, places=3), st.sampled_from(["pp", "%", " pp", " %"]))
def test_round_trip(hundredths: Decimal, unit: str) -> None:
    """What is written with a unit is the float nearest to it: 0.7pp is 0.007, not 0.7 / 100."""
    share = float(hundredths / 100)
    assert parse_share(f"{hundredths}{unit}", "--margin") == share
    if share < 1:
        assert parse_share(share, "--margin") == share
        assert parse_share(f"{hundredths / 100:f}", "--margin") == share


@given(st.floats(0, 1, exclude_max=True))
def test_a_number_from_a_file_stays_as_it_is(share: float) -> None:
    assert parse_share(share, "level") == share


@pytest.mark.parametrize(
    ("given", "like", "fix"),
    [
        ("2", "2pp", "Did you mean 2pp?"),
        (2, "2pp", "Did you mean 2pp?"),
        ("1", "2pp", "Did you mean 1pp?"),
        (95, "95%", "Did you mean 95%?"),
    ],
)
def test_a_bare_number_needs_a_unit(given: object, like: str, fix: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_share(given, "--max-new-refusals", like)
    assert "--max-new-refusals" in caught.value.message
    assert caught.value.fix == fix


@pytest.mark.parametrize(
    "wrong",
    ["", "two", "-2pp", "1e-2", "nan", "inf", "2pp2", "2ppp", "1_0%", "٢pp", "2,5pp", "150pp", True,
     None, [], float("nan"), float("inf"), -0.1, "2pp\x00", "9" * 400],
)  # fmt: skip
def test_anything_else_is_refused(wrong: object) -> None:
    with pytest.raises(UserError, match="--margin"):
        parse_share(wrong, "--margin")


@given(st.text())
def test_a_text_is_a_share_or_the_users_mistake(text: str) -> None:
    with suppress(UserError):
        assert 0 <= parse_share(text, "--margin") <= 1


def test_flags_win_over_the_file_key_by_key() -> None:
    table = gate_table('[gate]\nmax-refusals = "5%"\nmin-safety = 0.9\nlevel = 0.99', "trueup.toml")
    found = parse_limits({"max-refusals": "4%", "min-safety": None, "unproven": "warn"}, table)
    assert found == Limits(max_refusals=0.04, min_safety=0.9, level=0.99, unproven="warn")


def test_what_is_not_said_has_its_default() -> None:
    assert parse_limits(ONE) == Limits(max_refusals=0.05, level=0.95, max_missing=0.05)
    assert parse_limits(ONE).unproven == "fail"


def test_the_two_sided_level_has_one_sided_limits_at_the_level() -> None:
    assert parse_limits({**ONE, "level": "95%"}).two_sided == 0.9
    assert parse_limits({**ONE, "level": "0.99"}).two_sided == 0.98


def test_which_limits_need_a_version_before() -> None:
    found = parse_limits({**ONE, "min-safety": "95%", "max-capability-drop": "1pp"})
    assert found.relative == ("max-capability-drop",)
    assert parse_limits(ONE).relative == ()
    assert parse_limits({"max-new-refusals": "0"}).relative == ("max-new-refusals",)


@pytest.mark.parametrize("flags", [{}, {"level": "99%"}, {"max-capability-drop": []}])
def test_at_least_one_limit_is_needed(flags: dict[str, object]) -> None:
    with pytest.raises(UserError, match="no limit") as caught:
        parse_limits(flags)
    assert "--max-new-refusals 2pp" in caught.value.fix


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ('max-capability-drop = "1pp"', (Drop(None, 0.01, True),)),
        ("max-capability-drop = 0.01", (Drop(None, 0.01, False),)),
        (
            'max-capability-drop = {gsm8k = "1%", "mt bench" = 2}',
            (Drop("gsm8k", 0.01, True), Drop("mt bench", 2.0, False)),
        ),
    ],
)
def test_capability_in_a_file(table: str, expected: tuple[Drop, ...]) -> None:
    found = parse_limits({}, gate_table(f"[gate]\n{table}", "trueup.toml"))
    assert found.max_capability_drop == expected


def test_capability_in_flags() -> None:
    found = parse_limits({"max-capability-drop": ["0.5%", "gsm8k=2pp", "a = b=0.25", "elo=30"]})
    assert found.max_capability_drop == (
        Drop(None, 0.005, True),
        Drop("gsm8k", 0.02, True),
        Drop("a = b", 0.25, False),
        Drop("elo", 30.0, False),
    )


@pytest.mark.parametrize("wrong", [["2"], ["a=1pp", "a=2pp"], ["1pp", "2pp"], ["a="], ["a=150%"]])
def test_wrong_capability(wrong: list[str]) -> None:
    with pytest.raises(UserError, match="--max-capability-drop"):
        parse_limits({"max-capability-drop": wrong})


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("[gate]\nmax_refusals = 0.1", "'max_refusals'", "'max-refusals'"),
        ("[gate]\nmin-safty = 0.9", "'min-safty'", "'min-safety'"),
        ("[gates]\nmin-safety = 0.9", "'gates'", "[gate]"),
        ("gate = 3", "must be a table", "[gate]"),
        ("[gate", "is not TOML", "min-safety"),
    ],
)
def test_a_wrong_file_is_the_users_mistake(text: str, message: str, fix: str) -> None:
    with pytest.raises(UserError) as caught:
        gate_table(text, "trueup.toml")
    assert "trueup.toml" in caught.value.message
    assert message in caught.value.message
    assert fix in caught.value.fix


def test_a_wrong_value_in_the_file_names_the_file() -> None:
    with pytest.raises(UserError, match=r"max-refusals in ci\.toml"):
        parse_limits({}, {"max-refusals": 5}, "ci.toml")
    assert gate_table("", "trueup.toml") == {}


@pytest.mark.parametrize(
    "wrong",
    [{"level": "0.75"}, {"level": "100%"}, {"level": "95"}, {"unproven": "ignore"}],
)
def test_wrong_settings(wrong: dict[str, str]) -> None:
    with pytest.raises(UserError, match=f"--{next(iter(wrong))}"):
        parse_limits({**ONE, **wrong})
