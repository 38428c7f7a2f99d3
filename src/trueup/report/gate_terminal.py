"""What a gate says in a terminal: what failed first, in a sentence each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trueup.report import gate_text as say
from trueup.report.console import ALARM, GOOD, LEAD, QUIET, Page
from trueup.report.text import capital, shell_word

if TYPE_CHECKING:
    from rich.console import Console

    from trueup.compare.gate_result import GateReport

__all__ = ["print_gate"]

_STYLES = {"failed": "bold red", "not shown": ALARM, "passed": GOOD}


def print_gate(report: GateReport, console: Console, files: Sequence[str] = ()) -> None:
    """Print every check, the worst first, and what to know before one trusts them.

    files: the two that were compared, named in the command that shows more.
    """
    page = Page(console)
    for place, check in enumerate(report.checks):
        style = LEAD if place == 0 else ""
        mark = f"{capital(check.outcome)}: "
        page.prose((mark, _STYLES[check.outcome]), (say.sentence(check), style))
    page.prose((f"The gate {_verdict(report)} · {say.said_of_all(report)}", QUIET))
    if report.notes:
        page.title("Before you trust this")
    for note in report.notes:
        page.prose((note, ""), indent=2)
    if not report.alone and report.outcome != "passed" and files:
        page.title("Read what changed")
        named = " ".join(map(shell_word, files))
        page.command(f"trueup compare {named} --html compare.html")


def _verdict(report: GateReport) -> str:
    said = say.outcome(report)
    return "shows too little to pass" if said == "not shown" else said
