"""The terminal report: never wider than the terminal, never steered by the log."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from tests.report.sample import crowded, empty, estimate, named, sample, unknowns, unverified
from trueup.report import print_tax
from trueup.tax.result import TaxReport

Printed = Callable[..., str]
WIDE = (
    "法律相談" * 30,
    "👩‍💻🏳️‍🌈😀" * 20,
    "ｆｕｌｌ" * 30,
    "e\u0301" * 90,
    "한국어 " * 40,
    "क्षि" * 40,
)
SLOW = settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def widest(text: str) -> int:
    return max(cell_len(line) for line in text.splitlines())


@pytest.mark.parametrize("make", [sample, unverified, empty, unknowns, crowded])
@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_nothing_is_wider_than_the_terminal(
    make: Callable[[], TaxReport], width: int, printed: Printed
) -> None:
    assert widest(printed(make(), width)) <= width


@pytest.mark.parametrize("name", WIDE)
def test_wide_names_keep_to_80_columns(name: str, printed: Printed) -> None:
    assert widest(printed(named(name))) <= 80


@SLOW
@given(text=st.text(st.characters(), max_size=120))
def test_any_name_keeps_to_80_columns_and_steers_nothing(text: str, printed: Printed) -> None:
    shown = printed(named(text))
    assert widest(shown) <= 80
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    shown.encode("utf-8")


def test_the_log_cannot_style_the_report(printed: Printed) -> None:
    shown = printed(named("[red]x[/red] [link=http://x]y[/link] :smile:"), 100, colour=True)
    assert "[red]x[/red]" in shown
    assert "http://x]y" in shown
    assert "\x1b]8" not in shown
    assert ":smile:" in shown


def test_it_leads_with_the_sentence_and_the_numbers(printed: Printed) -> None:
    shown = printed(sample())
    places = [
        shown.index(part)
        for part in (
            "About 1 in 7",
            "14.2 % (11.8 to 16.6)",
            "Fix this first",
            "Who pays, by domain",
            "Which layer",
            "Clean pass",
            "What it costs downstream",
            "Read on",
        )
    ]
    assert places == sorted(places)
    assert "12,480 interactions, 240 labelled" in shown
    assert "SIMULATED" in shown
    assert "UNVERIFIED" not in shown
    assert "trueup ls --refused --segment domain=legal" in shown


def test_without_labels_it_says_so_and_what_to_do(printed: Printed) -> None:
    shown = printed(unverified())
    assert "UNVERIFIED" in shown
    assert "No human has labelled" in shown
    assert "trueup label --n 200" in shown


def test_unknown_is_never_a_number(printed: Printed) -> None:
    shown = printed(unknowns())
    assert "nan" not in shown.lower()
    assert not re.search(r"(?<![\d.])0(\.0)? (%|points)", shown)
    assert shown.count("unknown") > 20


def test_a_long_list_is_cut_and_says_so(printed: Printed) -> None:
    shown = printed(crowded(300))
    assert shown.count("tenant-") < 20
    assert "… and 292 more" in shown


def test_only_the_first_cuts_are_listed(printed: Printed) -> None:
    report = sample()
    cuts = tuple(replace(report.segments[0], column=f"cut{i}") for i in range(6))
    shown = printed(replace(report, segments=cuts))
    assert "Who pays, by cut2" in shown
    assert "Who pays, by cut3" not in shown
    assert "Also cut by cut3, cut4, cut5" in shown


def test_an_unlabelled_segment_in_a_labelled_report_is_marked(printed: Printed) -> None:
    report = sample()
    bare = estimate("wrongful refusal", 0.3, 0.1, labels=0)
    rows = (replace(report.segments[0], wrongful_refusal=bare), *report.segments[1:])
    shown = printed(replace(report, segments=rows))
    assert "30.0 % (20.0 to 40.0)†" in shown
    assert "† no human label" in shown
    assert "†" not in printed(report)


def test_a_command_with_a_hostile_id_is_one_quoted_word(printed: Printed) -> None:
    report = sample()
    action = replace(report.actions[0], example_ids=("x; rm -rf ~",))
    shown = printed(replace(report, actions=(action,)))
    assert "trueup show 'x; rm -rf ~'" in shown


def test_the_sample_reaches_every_field() -> None:
    """`named` must write into everything that is text, or the hostile tests test little."""
    report = named("\u202e")
    texts = [report.headline, report.segments[0].value, report.layers[0].layer]
    texts += [report.actions[0].title, report.triggers[0].term, report.clusters[0].terms[0]]
    example = report.examples["a00001"]
    texts += [example.prompt, example.response, example.refused_by, example.id]
    texts += [report.overview.source, report.labels.command, report.wrongful_refusal.method]
    assert set(texts) == {"\u202e"}
    assert sample().layers[0].kind == report.layers[0].kind


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_pipe_that_knows_few_characters_gets_plainer_ones(encoding: str) -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    print_tax(named("法律 👩 é"), Console(file=out, width=80))
    assert b"trueup tax --html report.html" in raw.getvalue()
    assert b"\x1b" not in raw.getvalue()
