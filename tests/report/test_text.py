"""Words and figures: what is dangerous is visible, what is unknown is called so."""

from __future__ import annotations

import csv
import io
import math
import shlex
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from tests.report.sample import estimate, group
from trueup.report.text import (
    amount,
    basis,
    confidence,
    csv_safe,
    fit,
    interval,
    markup_safe,
    milliseconds,
    money,
    neutralise,
    percent,
    points,
    shell_word,
    shorten,
    sources,
    spoken,
    vacuous,
    worst_first,
)

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b]0;title\x07", r"\x1b[31mred\x1b]0;title\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("\U000e0041\U000e0042", r"\U000e0041\U000e0042"),
        ("half \ud83d of one", r"half \ud83d of one"),
        ("a\r\nb\tc \n\n d", "a b c d"),
        ("بله، نمی‌دانم", "بله، نمی‌دانم"),
        ("👩‍💻 and ❤️", "👩‍💻 and ❤️"),
        ("e" + "\u0301" * 500, "e" + "\u0301" * 3),
        ("", ""),
    ],
)
def test_neutralise_shows_what_it_disarms(given_text: str, shown: str) -> None:
    assert neutralise(given_text) == shown


def test_newlines_stay_only_when_asked_for() -> None:
    assert neutralise("a\r\n\tb", keep_newlines=True) == "a\n\tb"
    assert neutralise("safe\roverwritten", keep_newlines=True) == r"safe\x0doverwritten"


@given(st.text(st.characters(), max_size=200), st.booleans())
def test_nothing_that_controls_or_reorders_survives(text: str, keep: bool) -> None:
    shown = neutralise(text, keep_newlines=keep)
    kept = "\n\t" if keep else ""
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs") and c not in kept]
    assert not set(shown) & set(BIDI)
    shown.encode("utf-8")


def test_neutralise_takes_a_large_text_in_one_pass() -> None:
    text = (" " * 50_000 + "\x1b") * 40  # 2 MB: a backtracking pattern would take hours
    assert neutralise(text).count(r"\x1b") == 40


@given(st.text(max_size=60))
def test_markup_is_printed_and_never_obeyed(text: str) -> None:
    out = io.StringIO()
    console = Console(file=out, width=10_000, color_system="truecolor", force_terminal=True)
    console.print(markup_safe(f"[bold]{text}[/bold]"), highlight=False, emoji=False, end="")
    assert out.getvalue() == neutralise(f"[bold]{text}[/bold]")


@given(st.text(max_size=60).filter(lambda text: "\x00" not in text))
def test_a_pasted_id_is_one_word(text: str) -> None:
    words = shlex.split(f"show {shell_word(text)}")
    assert words[1:] in ([neutralise(text)], ["--", neutralise(text)])
    assert not words[1].startswith("-") or words[1] == "--"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "  =", "＝"])
def test_a_formula_becomes_text(start: str) -> None:
    cell = f'{start}HYPERLINK("http://x","y")'
    assert csv_safe(cell) == f"'{cell}"


@pytest.mark.parametrize("value", ["plain", "a=b", "", -3.5, 7, None, True])
def test_other_cells_are_left_alone(value: object) -> None:
    assert csv_safe(value) is value


@given(st.text(max_size=40))
def test_no_cell_read_back_starts_a_formula(text: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerow([csv_safe(text)])
    assert not csv_safe(text).lstrip(" \u00a0").startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.142, "14.2 %"),
        (1.0, "100.0 %"),
        (0.0, "0.0 %"),
        (0.0042, "0.42 %"),
        (0.00004, "0.004 %"),
        (-0.031, "−3.1 %"),
        (math.nan, "unknown"),
        (None, "unknown"),
        (math.inf, "unknown"),
    ],
)
def test_percent(share: float | None, shown: str) -> None:
    assert percent(share) == shown


def test_points_are_not_percent() -> None:
    assert points(0.031) == "3.1 points"
    assert points(0.01) == "1.0 point"
    assert points(0.0037) == "0.4 points"
    assert points(0.0002) == "0.02 points"
    assert points(-0.3091) == "−30.9 points"
    assert points(math.nan) == "unknown"


def test_interval_uses_one_unit_and_one_precision() -> None:
    assert interval(estimate("x", 0.142, 0.024)) == "14.2 % (11.8 to 16.6)"
    assert interval(estimate("x", 0.031, 0.009), "points") == "3.1 points (2.2 to 4.0)"
    assert interval(estimate("x", 0.0, 0.004)) == "0.00 % (0.00 to 0.40)"
    assert interval(estimate("x", 2604.0, 512.0), "money", "$") == "$2,604 (2,092 to 3,116)"
    assert interval(estimate("x", 4.1, 0.2), "amount") == "4.10 (3.90 to 4.30)"


def test_interval_never_invents() -> None:
    assert interval(estimate("x", math.nan, math.nan)) == "unknown"
    assert interval(estimate("x", 0.2, math.nan)) == "20.0 % (no interval)"
    with pytest.raises(ValueError, match="unit must be percent, points, money or amount"):
        interval(estimate("x"), "percentage")


def test_limits_that_exclude_nothing_are_called_unverified() -> None:
    bare = replace(estimate("x", 0.6, labels=0), low=0.0, high=1.0)
    assert vacuous(bare)
    assert interval(bare) == "60.0 % (unverified)"
    assert not vacuous(replace(bare, high=0.999))
    assert not vacuous(replace(bare, value=math.nan, low=math.nan, high=math.nan))


def test_the_worst_group_leads_and_the_rest_comes_last() -> None:
    bare = replace(estimate("x", 0.9, labels=0), low=0.0, high=1.0)
    groups = [
        group("x", "other", 40, 0.5),
        group("x", "unknown", 40, math.nan),
        replace(group("x", "unverified", 40, 0.9), wrongful_refusal=bare),
        group("x", "mild", 40, 0.1),
        group("x", "bad", 40, 0.3),
    ]
    shown = [row.value for row in worst_first(groups)]
    assert shown[:3] == ["bad", "mild", "unverified"]
    assert set(shown[3:]) == {"other", "unknown"}


def test_sources_lose_their_folders() -> None:
    assert sources("/home/ada/logs/a.jsonl, C:\\x\\b.csv") == "a.jsonl, b.csv"
    assert sources("c.jsonl") == "c.jsonl"
    assert sources("") == ""


def test_estimates_are_named_as_one_says_them() -> None:
    assert spoken("over_refusal") == "over-refusal"
    assert spoken("after_refusal_rephrase") == "rephrase"
    assert spoken("capability_gap") == "capability gap"


@given(st.text(max_size=60), st.integers(2, 40))
def test_fit_keeps_to_its_columns(text: str, columns: int) -> None:
    assert cell_len(fit(text, columns)) <= columns


def test_money_carries_its_sign_or_its_code() -> None:
    assert money(1240.4, "$") == "$1,240"
    assert money(-3.5, "€") == "−€3.50"
    assert money(12.0, "EUR") == "12.00 EUR"
    assert money(-0.001, "$") == "$0.00"
    assert money(math.nan, "$") == "unknown"


def test_other_figures() -> None:
    assert [milliseconds(x) for x in (0.4, 3.2, 38.2, 1490.0, None)] == [
        "0.40 ms",
        "3.2 ms",
        "38 ms",
        "1.49 s",
        "unknown",
    ]
    assert amount(math.nan) == "unknown"
    assert confidence(0.95) == "95 %"
    assert confidence(0.999) == "99.9 %"
    assert basis(estimate("x", labels=0)).startswith("12,480 interactions, none labelled; ")


@given(st.text(max_size=300), st.integers(2, 50))
def test_shorten_keeps_to_its_limit(text: str, limit: int) -> None:
    shown = shorten(text, limit)
    assert len(shown) <= limit
    assert shown == neutralise(text).strip() or shown.endswith("…")
