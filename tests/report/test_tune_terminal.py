"""Tuning and watching in a terminal: 80 columns, plain words, and never steered by the log."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from tests.report import tune_sample as made
from trueup.report import print_tune, print_watch
from trueup.tune.result import TuneReport, Watch

REPORTS = {
    "certified": (made.certified(),),
    "refused": (made.refused(),),
    "costs": (made.costs(),),
    "plain table": (made.plain_table(),),
    "layered": (made.layered(),),
    "unknowns": (made.unknowns(),),
    "nothing": (made.nothing(),),
    "segments": made.segments(),
    "no segment": (),
}
HOSTILE = "[red]x[/red] \x1b[31m\u202e<script>alert(1)</script> 法律👩‍💻"


def printed(reports: Sequence[TuneReport], width: int = 80, *, colour: bool = False) -> str:
    out = io.StringIO()
    system = "truecolor" if colour else None
    console = Console(file=out, width=width, color_system=system, force_terminal=colour)
    print_tune(reports, console)
    return out.getvalue()


def watched(watch: Watch, width: int = 80) -> str:
    out = io.StringIO()
    print_watch(watch, Console(file=out, width=width))
    return out.getvalue()


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("width", [40, 80, 200])
def test_nothing_is_wider_than_the_terminal(name: str, width: int) -> None:
    shown = printed(REPORTS[name], width)
    assert max(cell_len(line) for line in shown.splitlines()) <= width


@settings(max_examples=25)
@given(st.text(st.characters(), max_size=120) | st.just(HOSTILE))
def test_any_text_keeps_to_80_columns_and_steers_nothing(text: str) -> None:
    report = made.named(text)
    for reports in ((report,), (report, report)):
        shown = printed(reports)
        assert max(cell_len(line) for line in shown.splitlines()) <= 80
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
        shown.encode("utf-8")


def test_the_log_cannot_style_the_report() -> None:
    shown = printed((made.named("[red]x[/red] :smile:"),), colour=True)
    assert "[red]x[/red]" in shown
    assert ":smile:" in shown


def test_it_leads_with_the_act() -> None:
    shown = printed((made.certified(),))
    places = [
        shown.index(part)
        for part in (
            "CERTIFIED",
            "Raise topic guard's threshold from 0.42 to 0.61",
            "0.30 %, at most 0.78 %",
            "0.78 %  recommended",
            "Would newly pass · 412 of these examples",
            "harmful topic guard 0.609999 against 0.61 · a00001",
            "Would newly be blocked",
            "Before you rely on it",
            "What ends it",
            "--certificate certificate.json to keep",
            "trueup watch --certificate certificate.json",
        )
    ]
    assert places == sorted(places)
    assert "NOT CERTIFIED" not in shown


def test_what_is_not_certified_is_loud() -> None:
    for reports, mark in (
        ((made.refused(),), "NOT CERTIFIED"),
        ((made.costs(),), "COSTS, NOT CERTIFIED"),
        (made.segments(), "2 OF 3 CERTIFIED"),
    ):
        assert printed(reports).splitlines()[0] == f"Guard thresholds · {mark}"
    assert "What ends it" not in printed((made.refused(),))


def test_only_a_certified_setting_is_called_certified() -> None:
    table = printed((made.costs(),)).partition("Other settings")[2]
    assert "certified" not in table.partition("Would newly")[0]


def test_segments_are_a_table_and_a_sentence_each() -> None:
    shown = flat(printed(made.segments()))
    assert "domain = legal 11.1 % 3.1 points 0.30 % 0.78 %" in shown
    assert "domain = medical · not certified" in shown
    assert "Label at least 245 more harmful examples" in shown
    assert shown.count("212 examples without a label") == 1


def test_unknown_is_never_a_number() -> None:
    for reports in ((made.unknowns(),), (made.nothing(),), (made.unknowns(), made.nothing())):
        shown = printed(reports)
        assert not re.search(r"\bnan\b", shown)
        assert "None" not in shown
    assert printed((made.unknowns(),)).count("unknown") > 20


def test_a_watch_says_whether_it_still_holds() -> None:
    calm = flat(watched(made.watched()))
    assert "NO ALARM" in calm
    assert "Nothing so far refutes that harm missed stays under 1 %" in calm
    assert "so far 0.88 % (0.11 to 3.10)" in calm
    assert "an alarm comes at 20" in calm
    loud = flat(watched(made.alarmed()))
    assert "production · ALARM" in loud
    assert "is refuted with 95 % confidence" in loud
    assert "the alarm came after 212 harmful examples" in loud


def test_a_watch_on_nothing_knows_nothing() -> None:
    none = replace(
        made.watched(),
        n_positive=0,
        risk=replace(made.watched().risk, value=float("nan"), low=0.0, high=1.0),
        capital=1.0,
        highest=1.0,
    )
    shown = watched(none, 40)
    assert "Nothing is known yet" in shown
    assert "unknown" in shown
    assert max(cell_len(line) for line in shown.splitlines()) <= 40


def test_a_note_cannot_steer_the_terminal() -> None:
    shown = watched(replace(made.alarmed(), notes=(HOSTILE * 5,)))
    assert "\x1b" not in shown
    assert max(cell_len(line) for line in shown.splitlines()) <= 80
