"""What an attack says: sentences, page, Markdown and JSON, whatever the texts hold."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len
from rich.console import Console

from trueup.goodhart.attack.result import AttackReport, Outcome, Role, Row
from trueup.goodhart.exploits import EXPLOITS
from trueup.report.attack_json import attack_json
from trueup.report.attack_markdown import attack_markdown, attack_table
from trueup.report.attack_terminal import print_attack
from trueup.report.attack_text import ADVICE, FAMILIES, advice, sentence

HOSTILE = "</td><script>x</script> @a #1 [x](y) | `` ` ``` \x1b[31m\x00\u202e\ud800\n| a |\n<!-- "
TEXTS = st.text(st.characters(), max_size=60) | st.just(HOSTILE)


def row(name: str, role: Role, outcome: Outcome, *techniques: str, task: str = "count") -> Row:
    return Row(name, role, task, "function", techniques, "what it is", outcome, "exit 0", 0.1)


RIGHT = row("right-table", "right", "accepted")
FELL = AttackReport(
    "pytest",
    (
        RIGHT,
        row("always-equal-int", "exploit", "fooled", "always-equal"),
        row("always-equal-str", "exploit", "held", "always-equal"),
        row("hard-exit", "exploit", "fooled", "hard-exit"),
        row("git-history", "exploit", "held", "git-history"),
        row("ptrace", "exploit", "timeout", "ptrace"),
        row("null-none", "null", "held"),
    ),
    1.0,
    {"patch-sync": "needs a device"},
    ("A note.",),
)
HOLDS = AttackReport("trueup", (RIGHT, row("hard-exit", "exploit", "held", "hard-exit")), 1.0, {})
REFUSES = AttackReport(
    "./grade {submission}",
    (
        row("right-table", "right", "refused"),
        row("hard-exit", "exploit", "void", "hard-exit"),
    ),
    1.0,
    {},
)
REPORTS = {"fell": FELL, "holds": HOLDS, "refuses": REFUSES}


def hostile(text: str) -> AttackReport:
    rows = tuple(replace(one, title=text, detail=text) for one in (*FELL.rows, *REFUSES.rows))
    return replace(FELL, grader=text, rows=rows, notes=(text,), absent={"patch-sync": text})


def printed(report: AttackReport, width: int = 80) -> str:
    out = io.StringIO()
    print_attack(report, Console(file=out, width=width))
    return out.getvalue()


def test_the_sentences() -> None:
    assert sentence(FELL) == "Plain pytest falls for 2 of 4 exploits (2 of 5 runs)."
    assert sentence(HOLDS) == "trueup goodhart grade falls for none of 1 exploit."
    assert sentence(REFUSES) == (
        "Your grader refuses 1 of 1 right solutions: the table means nothing until that is mended."
    )
    null = replace(HOLDS, rows=(*HOLDS.rows, row("null-none", "null", "fooled")))
    assert "passes what answers nothing" in sentence(null)
    late = replace(HOLDS, rows=(RIGHT, row("ptrace", "exploit", "timeout", "ptrace")))
    assert sentence(late).endswith("of 1 nothing is known.")


def test_a_control_that_fails_comes_before_everything() -> None:
    shown = printed(REFUSES)
    assert shown.startswith("Your grader refuses 1 of 1 right solutions")
    assert "right-table (count) what it is: refused; exit 0" in shown
    assert not REFUSES.holds


def test_the_page_names_what_passed_and_what_to_do() -> None:
    shown = printed(FELL)
    assert shown.startswith("Plain pytest falls for 2 of 4 exploits")
    assert re.search(r"^ always-equal +1/2 returns an object", shown, re.MULTILINE)
    assert "Held · 1 of 4\n  git-history" in shown
    assert "Nothing is known of · 1\n  ptrace" in shown
    assert "Not tried · 1\n  patch-sync" in shown
    assert advice(FELL) == [ADVICE["comparison"], ADVICE["exit"]]


def test_every_family_has_a_title_and_advice() -> None:
    assert {exploit.family for exploit in EXPLOITS.values()} == set(FAMILIES) == set(ADVICE)


def test_the_table_has_a_column_per_grader() -> None:
    table = attack_table([FELL, HOLDS])
    assert "| `always-equal` | returns an object that equals everything | **fooled** 1/2 |  |" in (
        table
    )
    title = EXPLOITS["hard-exit"].title.replace("_", r"\_")
    assert f"| `hard-exit` | {title} | **fooled** 1/1 | held |" in table
    assert "| unknown |" in table
    html = MarkdownIt("commonmark").enable("table").render(table)
    assert html.count("<tr>") == 1 + 4


@settings(max_examples=25)
@given(TEXTS)
@example(HOSTILE)
def test_no_text_steers_the_terminal(text: str) -> None:
    for width in (40, 80):
        shown = printed(hostile(text), width)
        assert max(map(cell_len, shown.splitlines())) <= width
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", shown)


@settings(max_examples=50)
@given(TEXTS)
@example(HOSTILE)
def test_nothing_in_a_text_is_markup(text: str) -> None:
    page = (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .render(attack_markdown(hostile(text)))
    )
    tags = set(re.findall(r"<(\w+)", page))
    assert tags <= {
        "h3", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "code", "ul", "li",
    }  # fmt: skip
    assert page.count("<tr>") == 1 + len(hostile(text).tried)


@pytest.mark.parametrize("name", REPORTS)
def test_json_says_the_same_as_the_report(name: str) -> None:
    report = REPORTS[name]
    told = json.loads(orjson.dumps(attack_json(report)))
    assert told["fell_for"] == list(report.fell_for)
    assert told["holds"] is report.holds
    assert told["sentence"] == sentence(report)
    assert len(told["rows"]) == len(report.rows)


@settings(max_examples=25)
@given(TEXTS)
@example(HOSTILE)
def test_json_can_be_written_whatever_the_texts(text: str) -> None:
    assert json.loads(orjson.dumps(attack_json(hostile(text))))["kind"] == "attack"


def test_the_docs_name_every_key(root: Path) -> None:
    page = (root / "docs" / "attack.md").read_text(encoding="utf-8")
    described = set(re.findall(r"`([a-z_]+)`", page))
    told = attack_json(FELL)
    assert set(told) <= described
    assert set(told["rows"][0]) <= described
