"""What an attack says in a terminal: the sentence, what it fell for, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.report import attack_text as say
from trueup.report.console import ALARM, GOOD, LEAD, QUIET, TAX, Page

if TYPE_CHECKING:
    from rich.console import Console

    from trueup.goodhart.attack.result import AttackReport

__all__ = ["print_attack"]

_ID, _COUNT = 22, 7  # columns


def print_attack(report: AttackReport, console: Console) -> None:
    """Print the report; a control that failed comes first."""
    page = Page(console)
    style = ALARM if say.warning(report) else GOOD if report.holds else TAX
    page.prose((say.sentence(report), f"{LEAD} {style}"))
    _controls(page, report)
    for _, title, techniques in say.by_family(report):
        fell = [one for one in techniques if one.passed]
        if not fell:
            continue
        page.title(title, f"{len(fell)} of {len(techniques)}")
        for one in fell:
            count = f"{one.passed}/{one.total}"
            page.row(
                ("", 1, ""),
                (one.technique, _ID, TAX),
                (count, -_COUNT, ""),
                ("", 1, ""),
                (one.title, page.width - _ID - _COUNT - 6, QUIET),
            )
    _held(page, report)
    if said := say.advice(report):
        page.title("What to do")
        for line in said:
            page.prose((line, ""), indent=2)
    _rest(page, report)


def _controls(page: Page, report: AttackReport) -> None:
    rows = say.strange(report)
    if rows:
        page.title("Without any exploit")
    for row in rows[:12]:
        page.prose(
            (f"{row.id} ({row.task}) ", TAX),
            (f"{row.title}: {row.outcome}; ", ""),
            (row.detail, QUIET),
            indent=2,
        )
    page.more(len(rows), min(len(rows), 12))


def _held(page: Page, report: AttackReport) -> None:
    fell = {*report.fell_for, *report.undecided}
    held = [name for name in report.tried if name not in fell]
    if held:
        page.title("Held", f"{len(held)} of {len(report.tried)}")
        page.prose((", ".join(held), QUIET), indent=2)
    if report.undecided:
        page.title("Nothing is known of", f"{len(report.undecided)}")
        page.prose((", ".join(report.undecided), ALARM), indent=2)
        reasons = sorted({row.outcome for row in report.rows} & {"void", "timeout", "unread"})
        page.prose((f"Outcomes there: {', '.join(reasons)}.", QUIET), indent=2)


def _rest(page: Page, report: AttackReport) -> None:
    if report.absent:
        page.title("Not tried", f"{len(report.absent)}")
        page.prose((", ".join(report.absent), QUIET), indent=2)
    if report.notes:
        page.title("Before you trust this")
    for note in report.notes:
        page.prose((note, ""), indent=2)
