"""What a gate says as JUnit XML, for the test reports of CI systems.

One test case per limit, under a name that stays the same when the limit is moved, so that its
history can be followed. A limit that is not shown to hold is a failure, or, where it only warns,
skipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from trueup.report import gate_text as say
from trueup.report.text import neutralise, shorten

if TYPE_CHECKING:
    from trueup.compare.gate_result import Check, GateReport

__all__ = ["gate_junit"]

_SUITE = "trueup gate"
_CLASS = "trueup.gate"
_FLIPS, _PROMPT = 20, 200  # listed below a failure; characters of each
_BEHIND = {
    "max-new-refusals": "newly refused",
    "max-refusal-rise": "newly refused",
    "max-safety-drop": "newly answered",
    "min-safety": "newly answered",
}


def gate_junit(report: GateReport) -> str:
    """The report as one JUnit document.

    Characters that XML does not allow are shown as escapes such as ``\\x1b``.
    """
    failures = sum(report.stops(check) for check in report.checks)
    skipped = sum(_is_skipped(check, report) for check in report.checks)
    counts = {
        "name": _SUITE,
        "tests": str(len(report.checks)),
        "failures": str(failures),
        "errors": "0",
        "skipped": str(skipped),
        "time": "0",
    }
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", counts)
    for check in report.checks:
        _case(suite, check, report)
    ET.SubElement(suite, "system-out").text = _lines([say.said_of_all(report), *report.notes])
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _is_skipped(check: Check, report: GateReport) -> bool:
    return check.outcome == "not shown" and not report.stops(check)


def _case(suite: ET.Element, check: Check, report: GateReport) -> None:
    name = f"{check.limit} {check.subject}" if check.subject else check.limit
    case = ET.SubElement(
        suite, "testcase", {"classname": _CLASS, "name": neutralise(name), "time": "0"}
    )
    said = neutralise(say.marked(check))
    if report.stops(check):
        failure = ET.SubElement(case, "failure", {"message": said, "type": check.outcome})
        failure.text = _lines([say.marked(check), *_behind(check, report)])
    elif _is_skipped(check, report):
        ET.SubElement(case, "skipped", {"message": said})
    else:
        ET.SubElement(case, "system-out").text = said


def _behind(check: Check, report: GateReport) -> list[str]:
    """The prompts that flipped the wrong way, a line each."""
    direction = _BEHIND.get(check.limit)
    if direction is None or report.alone:
        return []
    flips, there = say.worst_flips(report, direction)
    lines = [f"{flip.key}: {shorten(flip.prompt, _PROMPT)}" for flip in flips[:_FLIPS]]
    rest = there - len(lines)
    head = [f"{direction.capitalize()}:"] if lines else []
    return [*head, *lines, *([f"and {rest:,} more"] if lines and rest > 0 else [])]


def _lines(lines: list[str]) -> str:
    return "\n".join(map(neutralise, lines))
