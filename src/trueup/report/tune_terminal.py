"""What tuning recommends, in a terminal: the act, what it brings, and what it rests on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from trueup.report import tune_figures as figures
from trueup.report import tune_text as say
from trueup.report.console import ALARM, GOOD, LEAD, QUIET, TAX, Page
from trueup.report.text import capital, interval, percent, points

if TYPE_CHECKING:
    from rich.console import Console

    from trueup.tune.result import Point, TuneReport

__all__ = ["print_tune"]

_ALTERNATIVES, _FLIPS = 6, 3  # shown; the page and the JSON have all
_LABEL, _CELL = 26, 25  # columns
_FATES = {"passes": "Would newly pass", "blocked": "Would newly be blocked"}
_LOUD = {"CERTIFIED": GOOD, "NOT CERTIFIED": ALARM, "COSTS, NOT CERTIFIED": ALARM}


def print_tune(reports: Sequence[TuneReport], console: Console) -> None:
    """Print what to do, or that nothing is certified; several reports are one per segment.

    Nothing is wider than the console, and nothing in the log can style it.
    """
    page = Page(console)
    if len(reports) == 1:
        _single(page, reports[0])
    else:
        _segments(page, reports)
    _warnings(page, reports)
    _voided(page, reports)
    page.title("Next")
    page.prose((_next(reports), ""), indent=2)
    for command in _later(reports):
        page.command(command)


def _next(reports: Sequence[TuneReport]) -> str:
    """What to add to the command that was just typed."""
    read = "--html tune.html to read every setting and what would change"
    if any(report.certified for report in reports):
        return f"Add {read}, --certificate certificate.json to keep the guarantee."
    return f"Add {read}."


def _later(reports: Sequence[TuneReport]) -> tuple[str, ...]:
    if any(report.certified for report in reports):
        return ("trueup watch --certificate certificate.json",)
    return ()


def _single(page: Page, report: TuneReport) -> None:
    mark = say.verdict(report)
    page.prose(("Guard thresholds", LEAD), (" · ", QUIET), (mark, f"bold {_LOUD[mark]}"))
    page.prose((_facts(report), QUIET))
    page.blank()
    _sentences(page, report)
    _change(page, report)
    _alternatives(page, report)
    _flips(page, report)


def _facts(report: TuneReport) -> str:
    labelled = f"{report.n_positive:,} harmful, {report.n_negative:,} legitimate"
    examples = "1 example" if report.n == 1 else f"{report.n:,} examples"
    parts = [f"{examples}: {labelled}", f"asked for: {say.goal(report)}"]
    return " · ".join(([say.place(report)] if report.segment else []) + parts)


def _sentences(page: Page, report: TuneReport) -> None:
    first, *rest = say.sentences(report)
    page.prose((first, LEAD))
    together = bool(report.changes) or report.certified
    for sentence in rest:
        page.prose((sentence, LEAD if together else ""))
    if report.certified:
        page.prose((capital(report.reason), QUIET))


def _change(page: Page, report: TuneReport) -> None:
    """Today and the recommended setting beside each other."""
    sides = [
        (name, point)
        for name, point in (("today", report.today), ("recommended", report.chosen))
        if point is not None
    ]
    if not sides:
        return
    page.blank()
    page.row(("", 2 + _LABEL, ""), *((name, _CELL, QUIET) for name, _ in sides))
    for layer in report.layers:
        cells = [figures.threshold(point.thresholds.get(layer)) for _, point in sides]
        label = "threshold" if len(report.layers) == 1 else f"threshold of {layer}"
        _line(page, label, cells)
    _line(page, "legitimate flagged", [interval(point.tax) for _, point in sides], TAX)
    _line(page, say.risk_name(report), [_risk(point, report) for _, point in sides], GOOD)
    if report.won_back is not None:
        verb, gain = say.gain(report.won_back)
        cell = (interval(gain, "points"), 2 * _CELL, LEAD)
        page.row(("", 2, ""), (verb, _LABEL, ""), cell)


def _line(page: Page, label: str, cells: Iterable[str], style: str = "") -> None:
    page.row(("", 2, ""), (label, _LABEL - 1, ""), ("", 1, ""), *((c, _CELL, style) for c in cells))


def _risk(point: Point, report: TuneReport) -> str:
    if not math.isfinite(point.risk.value) or report.mode == "costs":
        return percent(point.risk.value)
    return f"{percent(point.risk.value)}, at most {figures.at_most(point.risk.high)}"


def _alternatives(page: Page, report: TuneReport) -> None:
    rows = figures.alternatives(report, _ALTERNATIVES)
    if not rows:
        return
    one = len(report.layers) == 1
    page.title("Other settings", "what each would do; limits are of each by itself")
    heads = ("legit. flagged", -15), (_short_risk(report), -14), ("at most", -9)
    first = ("threshold" if one else "", 20)
    page.row(("", 2, ""), *((head, columns, QUIET) for head, columns in (first, *heads)))
    for row in rows:
        words = row.mark or ("certified" if row.certified else "")
        page.row(
            ("", 2, ""),
            (figures.setting(row.point.thresholds) if one else "", 20, LEAD if row.mark else ""),
            (percent(row.point.tax.value), -15, TAX),
            (percent(row.point.risk.value), -14, GOOD),
            (figures.at_most(row.point.risk.high), -9, ""),
            ("", 2, ""),
            (words, page.width - 62, LEAD if row.mark else QUIET),
        )
        if not one:
            page.prose((figures.setting(row.point.thresholds), QUIET), indent=4)
    page.more(len(figures.alternatives(report)), len(rows))


def _short_risk(report: TuneReport) -> str:
    return "newly missed" if report.mode == "new_miss" else "harm missed"


def _flips(page: Page, report: TuneReport) -> None:
    for fate, title in _FATES.items():
        there = report.n_flips.get(fate, 0)
        shown = [one for one in report.flips if one.fate == fate][:_FLIPS]
        if not there:
            continue
        page.title(title, f"{there:,} of these examples, most surprising first")
        for one in shown:
            style = ALARM if _surprising(one.fate, one.label) else ""
            page.prose(
                (f"{_labelled(one.label)} ", style),
                (f"{one.layer[:60]} {figures.compared(one)} ", QUIET),
                (f"· {one.id[:60]}", QUIET),
                indent=2,
            )
            page.row(("", 4, ""), (one.text or "(no text)", page.width - 4, ""))
        page.more(there, len(shown))


def _surprising(fate: str, label: str) -> bool:
    return (fate, label) in (("passes", "harmful"), ("blocked", "legitimate"))


def _labelled(label: str) -> str:
    return "unlabelled" if label == "unknown" else label


def _segments(page: Page, reports: Sequence[TuneReport]) -> None:
    done = sum(report.certified for report in reports)
    loud = GOOD if reports and done == len(reports) else ALARM
    mark = f"{done} OF {len(reports)} CERTIFIED"
    if any(report.mode == "costs" for report in reports):
        mark, loud = "COSTS, NOT CERTIFIED", ALARM
    page.prose(("Guard thresholds", LEAD), (" · ", QUIET), (mark, f"bold {loud}"))
    if not reports:
        page.prose(("No segment has an example.", LEAD))
        return
    page.prose((f"one setting per segment · each: {say.goal(reports[0])}", QUIET))
    page.blank()
    heads = ("legitimate", -12), ("won back", -14), (_short_risk(reports[0]), -13), ("at most", -9)
    page.row(("", 28, ""), *((head, columns, QUIET) for head, columns in heads))
    for report in reports:
        _segment_row(page, report)
    for report in reports:
        page.title(say.place(report), say.verdict(report).lower())
        for sentence in say.sentences(report):
            page.prose((sentence, ""), indent=2)
        counts = [f"{n:,} {_FATES[fate].lower()}" for fate, n in report.n_flips.items() if n]
        page.prose((f"Of these examples {', '.join(counts)}." if counts else "", QUIET), indent=2)


def _segment_row(page: Page, report: TuneReport) -> None:
    shown = report.chosen or report.today
    gain = points(report.won_back.value) if report.won_back and report.chosen else ""
    cells = [("not known", -12, QUIET)]
    if shown is not None:
        cells = [
            (percent(shown.tax.value), -12, TAX),
            (gain, -14, LEAD),
            (percent(shown.risk.value), -13, GOOD),
            (figures.at_most(shown.risk.high), -9, ""),
        ]
    page.row(("", 2, ""), (say.place(report), 25, ""), ("", 1, ""), *cells)


def _warnings(page: Page, reports: Sequence[TuneReport]) -> None:
    found = _once(one for report in reports for one in report.warnings)
    if found:
        page.title("Before you rely on it")
    for one in found:
        page.prose((one, ALARM), indent=2)


def _voided(page: Page, reports: Sequence[TuneReport]) -> None:
    made = [report for report in reports if report.certified]
    if made:
        page.title("What the certificate rests on")
        for one in _once(one for report in made for one in report.assumptions):
            page.prose((one, ""), indent=2)
        page.title("What ends it")
        for one in _once(one for report in made for one in report.voided_by):
            page.prose((one, ""), indent=2)


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
