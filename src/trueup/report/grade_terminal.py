"""What a verdict says in a terminal: one sentence first, then signs, failures and notes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trueup.report import grade_text as say
from trueup.report.console import ALARM, GOOD, LEAD, QUIET, Page
from trueup.report.text import shorten

if TYPE_CHECKING:
    from rich.console import Console

    from trueup.goodhart.grade.result import Attempt, CaseResult, Verdict

__all__ = ["print_verdict"]

_STYLES = {
    "passed": GOOD,
    "tampering proven": "bold red",
    "failed": "bold red",
    "stopped honestly": ALARM,
}
_MOST_SIGNS, _MOST_FAILURES = 12, 8
_TEXT = 300  # characters of one quotation


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Print the verdict. Evidence and details quote the submission; the page makes them harmless.

    Of unseen cases only how many failed is printed, never which value was due.
    """
    page = Page(console)
    head, _, rest = say.sentence(verdict).partition(":")
    page.prose((f"{head}:", _STYLES[say.outcome(verdict)]), (rest, LEAD))
    page.prose((_aside(verdict), QUIET))
    _print_signs(page, verdict.tampering)
    _print_failures(page, verdict.cases)
    if verdict.notes:
        page.title("Before you trust this")
    for note in verdict.notes:
        page.prose((note, ""), indent=2)


def _aside(verdict: Verdict) -> str:
    speed = ""
    if verdict.speedup is not None and verdict.speedup_low is not None:
        speed = f"{verdict.speedup:.2f} times as fast as the reference · "
    return (
        f"{verdict.task} · {verdict.kind} task · score {verdict.score:.2f} · {speed}"
        f"isolation: {verdict.isolation} · {verdict.seconds:.1f} s"
    )


def _print_signs(page: Page, signs: Iterable[Attempt]) -> None:
    """Each technique once, the proven ones first, with one line for each way it was seen in."""
    grouped: dict[str, dict[str, list[Attempt]]] = {}
    for sign in sorted(signs, key=lambda one: not one.proven):
        grouped.setdefault(sign.technique, {}).setdefault(sign.source, []).append(sign)
    if not grouped:
        return
    page.title("Tampering", f"{len(grouped)} techniques" if len(grouped) > 1 else "one technique")
    for technique, ways in list(grouped.items())[:_MOST_SIGNS]:
        first = next(iter(ways.values()))[0]
        mark = ("proven · ", "bold red") if first.proven else ("sign · ", ALARM)
        page.prose(mark, (technique, LEAD), (f": {say.what(first)}", ""), indent=2)
        for source, same in ways.items():
            # Signs of unseen cases quote nothing: one of a visible case says more.
            fullest = max(same, key=lambda one: (one.proven, len(one.evidence)))
            evidence = f"{source}: {shorten(fullest.evidence, _TEXT)}"
            page.prose((evidence + _in_cases(same), QUIET), indent=4)
    page.more(len(grouped), _MOST_SIGNS)


def _in_cases(signs: list[Attempt]) -> str:
    cases = dict.fromkeys(sign.case for sign in signs if sign.case)
    if not cases:
        return ""
    first = next(iter(cases))
    return f" · in {first}" + (f" and {len(cases) - 1} more" if len(cases) > 1 else "")


def _print_failures(page: Page, cases: Iterable[CaseResult]) -> None:
    failed = [case for case in cases if case.outcome != "passed"]
    visible = [case for case in failed if case.group == "visible"]
    if not failed:
        return
    page.title("Failures")
    for case in visible[:_MOST_FAILURES]:
        said = shorten(case.detail, _TEXT) or case.outcome
        page.prose((f"{case.name}: ", QUIET), (said, ""), indent=2)
    page.more(len(visible), _MOST_FAILURES)
    for group, name in (
        ("held_out", "held-out"),
        ("generated", "generated"),
        ("control", "control"),
    ):
        outcomes = [case.outcome for case in failed if case.group == group]
        if outcomes:
            counts = {outcome: outcomes.count(outcome) for outcome in dict.fromkeys(outcomes)}
            said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
            page.prose((f"{name}: ", QUIET), (said, ""), indent=2)
