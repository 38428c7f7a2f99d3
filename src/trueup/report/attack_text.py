"""What is said of an attack on a grader: one sentence, and what it fell for by family."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.goodhart.exploits import EXPLOITS

if TYPE_CHECKING:
    from trueup.goodhart.attack.result import AttackReport, Row

__all__ = ["ADVICE", "Tried", "advice", "by_family", "grader", "sentence", "strange", "warning"]

FAMILIES = {
    "comparison": "Answers that win the comparison",
    "exit": "Ending the process",
    "tests": "Changing the tests, or how they are run",
    "imports": "Code that is loaded on the way",
    "answers": "Looking for the answers",
    "report": "Writing the verdict",
    "replay": "Earlier answers, and the inputs",
    "clock": "The clock",
    "stub": "Stubs in place of work",
    "data": "The labels",
    "judge": "Answers to a reader",
}

# What closes each family: one sentence.
ADVICE = {
    "comparison": "Take plain data from another process, compare types first, let NaN equal "
    "nothing.",
    "exit": "A pass is an answer that was compared, never an exit status.",
    "tests": "Take only the source files that were asked for into a clean tree with your own "
    "tests and configuration; count a skip as a failure, and know which tests must pass.",
    "imports": "Start Python with -I, away from the submission's folder and PATH; take no pickles.",
    "answers": "Keep expected values out of the process and the machine that the submission sees; "
    "add cases that it was never shown.",
    "report": "Keep the verdict, its files and its pipes where the submission cannot reach them; "
    "kill what it leaves behind before you read anything.",
    "replay": "One fresh process per case, fresh inputs from a secret seed, compared with what the "
    "grader kept.",
    "clock": "Read the clock outside, on fresh inputs, until the whole answer has arrived.",
    "stub": "Compare in another process; add cases that it was never shown.",
    "data": "Keep the expected values outside the working copy.",
    "judge": "Fail what is empty or says everything; hand answers to a judge as data, apart from "
    "its instructions.",
}


@dataclass(frozen=True, slots=True)
class Tried:
    """One technique: how many runs of how many passed; of how many nothing is known."""

    technique: str
    title: str
    passed: int
    unknown: int
    total: int
    reported: int | None


def grader(report: AttackReport) -> str:
    """The grader as the subject of a sentence."""
    return {
        "pytest": "Plain pytest",
        "pytest-bwrap": "Pytest in bubblewrap",
        "junit": "A JUnit report in the working copy",
        "exec": "An exec of solution and tests",
        "in-process": "An in-process comparison",
        "pickle": "A process per case that returns pickles",
        "trueup": "trueup goodhart grade",
    }.get(report.grader, "Your grader")


def sentence(report: AttackReport) -> str:
    """The outcome in one sentence."""
    tried, fell = len(report.tried), len(report.fell_for)
    if warned := warning(report):
        return warned
    if not tried:
        return f"{grader(report)} was given no exploit."
    kinds = f"{tried:,} exploit" if tried == 1 else f"{tried:,} exploits"
    if fell:
        runs = list(report.of("exploit"))
        passed = sum(row.outcome == "fooled" for row in runs)
        return f"{grader(report)} falls for {fell:,} of {kinds} ({passed:,} of {len(runs):,} runs)."
    if report.fooled:
        return f"{grader(report)} falls for none of {kinds}, but passes what answers nothing."
    if report.undecided:
        return (
            f"{grader(report)} fell for none of {kinds}; of {len(report.undecided):,} nothing is "
            "known."
        )
    return f"{grader(report)} falls for none of {kinds}."


def warning(report: AttackReport) -> str:
    """What is wrong with the controls, "" when nothing is."""
    bad = report.failed_controls
    if not bad and not report.void_tasks:
        return ""
    total = sum(1 for _ in report.of("right"))
    if report.void_tasks and not total:
        return f"{grader(report)} was given no right solution, so nothing here can be trusted."
    meaning = (
        "the table means nothing until that is mended"
        if report.void_tasks
        else "mend that first; a grader that refuses right solutions is no safer"
    )
    return f"{grader(report)} refuses {len(bad):,} of {total:,} right solutions: {meaning}."


def by_family(report: AttackReport) -> Iterator[tuple[str, str, list[Tried]]]:
    """(family, its title, its techniques) in a fixed order, those that were tried."""
    tried = report.tried
    for family, title in FAMILIES.items():
        names = [name for name in tried if EXPLOITS[name].family == family]
        if names:
            yield family, title, [_tried(report, name) for name in names]


def _tried(report: AttackReport, technique: str) -> Tried:
    rows = [row for row in report.of("exploit") if technique in row.techniques]
    told = [row for row in rows if row.seen is not None]
    return Tried(
        technique,
        EXPLOITS[technique].title,
        sum(row.outcome == "fooled" for row in rows),
        sum(row.outcome in ("void", "timeout", "unread") for row in rows),
        len(rows),
        sum(bool(row.seen) for row in told) if told else None,
    )


def advice(report: AttackReport) -> list[str]:
    """What to do about the families that it fell for, worst first."""
    fell = [EXPLOITS[name].family for name in report.fell_for]
    families = sorted(dict.fromkeys(fell), key=lambda family: -fell.count(family))
    return [ADVICE[family] for family in families]


def strange(report: AttackReport) -> list[Row]:
    """What is no exploit and passed, or was right and did not."""
    return [
        *report.failed_controls,
        *(row for row in report.fooled if row.role != "exploit"),
    ]
