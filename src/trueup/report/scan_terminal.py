"""What a scan says in a terminal: the outcome in a sentence, then what was found, worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.goodhart.scan.result import Confidence, Finding, Rule, ScanReport
from trueup.report import scan_text as say
from trueup.report.console import ALARM, LEAD, QUIET, Page
from trueup.report.text import capital, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

__all__ = ["print_scan"]

_PLACES = 10  # of one rule that are shown
_LINES = 3  # of evidence
_SKIPPED = 20
_STYLES = {"high": "bold red", "medium": ALARM, "low": ""}


def print_scan(report: ScanReport, console: Console, least: Confidence = "medium") -> None:
    """Print the report. least: findings below this confidence are counted only."""
    page = Page(console)
    page.prose((say.sentence(report), LEAD))
    left = say.standing(report.findings)
    shown = say.at_least(left, least)
    for level, rule, found in say.groups(shown):
        _group(page, level, rule, found, report.rules.get(rule))
    _rest(page, report, left, shown, least)
    _skipped(page, report)
    if report.notes:
        page.title("Before you trust this")
        for note in report.notes:
            page.prose((note, ""), indent=2)


def _group(
    page: Page, level: Confidence, name: str, found: Sequence[Finding], rule: Rule | None
) -> None:
    page.blank()
    many = f" · {say.times(len(found), 'place')}" if len(found) > 1 else ""
    page.prose((capital(level), _STYLES[level]), (f" · {name}{many}", LEAD))
    if rule is not None:
        page.prose((rule.what, ""), indent=2)
        page.prose(("To confirm: ", QUIET), (rule.confirm, QUIET), indent=2)
    for one in found[:_PLACES]:
        _place(page, one)
    if len(found) > _PLACES:
        more = f"… and {len(found) - _PLACES:,} more places, in the JSON and SARIF output"
        page.prose((more, QUIET), indent=4)


def _place(page: Page, one: Finding) -> None:
    page.prose(
        (say.place(one), "cyan"), (f" · {one.detail}" if one.detail else "", QUIET), indent=4
    )
    lines = [line for line in one.evidence.split("\n") if line.strip()]
    for line in lines[:_LINES]:
        page.prose((shorten(line.strip(), 3 * page.width), ""), indent=6)
    if len(lines) > _LINES:
        page.prose(("…", QUIET), indent=6)
    if one.opinion == "confirmed":
        said = f"Confirmed by the second opinion: {one.opinion_reason}".rstrip(": ")
        page.prose((said, QUIET), indent=6)


def _rest(
    page: Page,
    report: ScanReport,
    left: Sequence[Finding],
    shown: Sequence[Finding],
    least: Confidence,
) -> None:
    told = say.counts(report)
    parts = []
    if len(left) > len(shown):
        below = [
            level for level in say.LEVELS if level not in say.LEVELS[: say.LEVELS.index(least) + 1]
        ]
        there = ", ".join(f"{told[level]:,} of {level}" for level in below if told[level])
        parts.append(f"{there} confidence not shown (--least low)")
    if told["accepted"]:
        parts.append(f"{told['accepted']:,} accepted by a comment in the file")
    if told["dismissed"]:
        parts.append(f"{told['dismissed']:,} dismissed by the second opinion")
    if parts:
        page.blank()
        page.prose((f"Besides: {'; '.join(parts)}.", QUIET))


def _skipped(page: Page, report: ScanReport) -> None:
    if not report.skipped:
        return
    many = len(report.skipped)
    page.title("Not read", f"{many:,} files or records" if many > 1 else "1 file or record")
    for one in report.skipped[:_SKIPPED]:
        where = one.path if one.line is None else f"{one.path}:{one.line}"
        page.prose((f"{where}: {one.reason}", ""), indent=2)
    if len(report.skipped) > _SKIPPED:
        page.prose((f"… and {len(report.skipped) - _SKIPPED:,} more", QUIET), indent=2)
