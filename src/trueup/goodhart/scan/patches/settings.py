"""How tests are run: pytest's configuration, workflows, Makefiles, and what weakens them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from trueup.goodhart.scan.patches.settings_rows import ROWS
from trueup.goodhart.scan.paths import is_settings
from trueup.goodhart.scan.result import Confidence, Finding, Rule, Span

__all__ = ["RULES", "config_findings", "settings_lines"]

RULES = (
    Rule(
        "weakened-ci",
        "tests",
        ("weaken-tests", "addopts"),
        "The run of the tests is set so that a failure does not count.",
        "See whether the step is meant to be advisory.",
    ),
    Rule(
        "pytest-options",
        "tests",
        ("addopts", "planted-plugin"),
        "A configuration file makes pytest run fewer tests, or other ones.",
        "See which tests no longer run.",
    ),
    Rule(
        "planted-plugin",
        "tests",
        ("planted-plugin", "planted-entry-point"),
        "A plugin of the test runner is loaded or registered.",
        "See where the plugin comes from.",
    ),
    Rule(
        "startup-file",
        "tests",
        ("sitecustomize",),
        "A .pth file runs code at the start of every Python.",
        "See what it imports.",
    ),
    Rule(
        "edited-grader",
        "tests",
        ("overwrite-parser", "delete-tests"),
        "A change edits what runs or judges the tests.",
        "See whether the task asks for it.",
    ),
)

_SHELLS = re.compile(
    r"(^|/)(makefile|gnumakefile|justfile|run_tests\.sh|.*\.ya?ml|jenkinsfile|package\.json)$",
    re.IGNORECASE,
)
_TESTING = re.compile(
    r"pytest|unittest|\btests?\b|tox|nox|mypy|ruff|flake8|coverage|jest|lint|check", re.IGNORECASE
)
_THRESHOLD = re.compile(
    r"(fail[_-]under|cov-fail-under|min[_-]coverage|threshold)\D{0,4}(\d+(?:\.\d+)?)", re.IGNORECASE
)
_RUNS_TESTS = re.compile(
    r"\b(pytest|python -m unittest|tox|nox|make test|npm test|cargo test|go test)\b"
)


@dataclass(frozen=True, slots=True)
class _Hit:
    rule: str
    line: int
    text: str
    confidence: Confidence
    detail: str


def config_findings(text: str, path: str) -> list[Finding]:
    """What weakens the run of the tests in one configuration file, as it stands.

    Nobody knows here whether it was always so: what would be sure in a change is one step less so
    in a workflow, and stays sure in a configuration of pytest that comes with a submission.
    """
    if not is_settings(path):
        return []
    lines = text.split("\n")
    shell = bool(_SHELLS.search(path.lower()))
    installed = "site-packages" in path or "dist-packages" in path
    return [
        Finding(
            one.rule,
            path,
            _span(one, lines),
            one.text[:400],
            _standing(one.confidence, shell, installed),
            one.detail,
        )
        for one in _hits(lines, path)
    ]


def _standing(confidence: Confidence, shell: bool, installed: bool) -> Confidence:
    if installed:
        return "low"
    return "medium" if confidence == "high" and shell else confidence


def _span(one: _Hit, lines: Sequence[str]) -> Span:
    return Span(one.line, 1, one.line, max(1, len(lines[one.line - 1])))


def settings_lines(
    old: Sequence[str], new: Sequence[str], changed: Sequence[bool], path: str
) -> Iterator[tuple[str, int, str, Confidence, str]]:
    """Rule, line of the new side, text, confidence and detail for what a change added."""
    gone = set(old)
    for one in _hits(new, path):
        if changed[one.line - 1] and one.text not in gone:
            yield one.rule, one.line, one.text, one.confidence, one.detail
    yield from _thresholds(old, new, changed)


def _hits(lines: Sequence[str], path: str) -> Iterator[_Hit]:
    name = PurePath(path.replace("\\", "/")).name.lower()
    if name.endswith(".pth"):
        for place, line in enumerate(lines, 1):
            if re.match(r"import[ \t]", line):
                yield _Hit("startup-file", place, line, "high", "")
        return
    in_pytest = name in {"pytest.ini", ".pytest.ini"}
    for place, line in enumerate(lines, 1):
        if len(line) > 5_000 or (line.lstrip().startswith(("#", "//")) and "trueup" not in line):
            continue
        for pattern, rule, confidence, detail in ROWS:
            if not pattern.search(line):
                continue
            if rule == "make-ignores":
                if not name.endswith("makefile"):
                    continue
                rule = "weakened-ci"
            if rule == "weakened-ci" and not _near_tests(lines, place):
                continue
            if rule != "weakened-ci" and not (in_pytest or _speaks_of_pytest(lines, place)):
                continue
            yield _Hit(rule, place, line, confidence, detail)
            break


def _near_tests(lines: Sequence[str], place: int) -> bool:
    return bool(_TESTING.search("\n".join(lines[max(0, place - 6) : place + 5])))


def _speaks_of_pytest(lines: Sequence[str], place: int) -> bool:
    near = "\n".join(lines[max(0, place - 30) : place + 3])
    return bool(re.search(r"pytest|addopts|py\.test", near))


def _thresholds(
    old: Sequence[str], new: Sequence[str], changed: Sequence[bool]
) -> Iterator[tuple[str, int, str, Confidence, str]]:
    before = {
        match.group(1).lower(): float(match.group(2))
        for line in old
        if (match := _THRESHOLD.search(line))
    }
    for place, line in enumerate(new, 1):
        match = _THRESHOLD.search(line) if changed[place - 1] else None
        if match and float(match.group(2)) < before.get(match.group(1).lower(), 0.0):
            was = before[match.group(1).lower()]
            yield "weakened-ci", place, line, "high", f"{match.group(1)} was {was:g}"
    kept = "\n".join(new)
    for line in old:
        match_run = _RUNS_TESTS.search(line)
        if match_run and new and match_run.group(0) not in kept and any(changed):
            place = next(place for place, one in enumerate(changed, 1) if one)
            yield (
                "weakened-ci",
                place,
                new[place - 1],
                "medium",
                f"{match_run.group(0)} no longer runs",
            )
            return
