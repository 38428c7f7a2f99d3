"""What a scan says, in the words and the order that its outputs share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trueup.goodhart.scan.result import Confidence, Finding, ScanReport

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LEVELS", "at_least", "counts", "groups", "place", "sentence", "standing", "times"]

LEVELS: tuple[Confidence, ...] = ("high", "medium", "low")


def standing(findings: Iterable[Finding]) -> list[Finding]:
    """Those that nobody accepted and the second opinion did not dismiss."""
    return [one for one in findings if one.accepted is None and one.opinion != "dismissed"]


def at_least(findings: Iterable[Finding], least: Confidence) -> list[Finding]:
    """Those of this confidence and above."""
    return [one for one in findings if LEVELS.index(one.confidence) <= LEVELS.index(least)]


def counts(report: ScanReport) -> dict[str, int]:
    """Standing findings by confidence, and how many were accepted and dismissed."""
    left = standing(report.findings)
    told: dict[str, int] = {level: sum(f.confidence == level for f in left) for level in LEVELS}
    told["accepted"] = sum(one.accepted is not None for one in report.findings)
    told["dismissed"] = len(report.findings) - len(left) - told["accepted"]
    return told


def sentence(report: ScanReport) -> str:
    """The outcome: "2 findings of high confidence and 1 of medium in 14 files."."""
    told = counts(report)
    files = times(report.files, "file")
    if not report.files:
        return "There was nothing to scan."
    parts = [(told[level], level) for level in LEVELS if told[level]]
    if not parts:
        return f"No sign of gaming in {files}."
    count, level = parts[0]
    said = f"{times(count, 'finding')} of {level} confidence"
    said += "".join(f", {count:,} of {level}" for count, level in parts[1:])
    if len(parts) > 1:
        head, _, tail = said.rpartition(", ")
        said = f"{head} and {tail}"
    return f"{said} in {files}."


def times(count: int, what: str) -> str:
    """ "1 file", "2 files"."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def place(one: Finding) -> str:
    """Where: "solve.py:12", or "run.jsonl, message 4, line 2"."""
    span = one.span
    if span.message is None:
        return f"{one.path}:{span.line}"
    line = f", line {span.line}" if span.line > 1 else ""
    return f"{one.path}, message {span.message}{line}"


def groups(findings: Sequence[Finding]) -> list[tuple[Confidence, str, list[Finding]]]:
    """Findings of one rule and confidence together: worst first, then the more frequent rule."""
    found: dict[tuple[Confidence, str], list[Finding]] = {}
    for one in findings:
        found.setdefault((one.confidence, one.rule), []).append(one)
    order = sorted(found, key=lambda key: (LEVELS.index(key[0]), -len(found[key]), key[1]))
    return [(level, rule, found[level, rule]) for level, rule in order]
