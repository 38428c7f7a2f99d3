"""A table of published figures compared, in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.report import summary_text as say
from trueup.report.console import GOOD, LEAD, QUIET, TAX, Page

if TYPE_CHECKING:
    from rich.console import Console

    from trueup.compare.summary_result import (
        Metric,
        SummaryCell,
        SummaryChange,
        SummaryReport,
        SummaryRow,
    )

__all__ = ["print_summary"]

_ROWS = 40  # rows of one column
_PAIRS = 3  # pairs of columns
_STEP, _CHANGE = 26, 34  # columns of the terminal that a change takes beside another, and alone


def print_summary(report: SummaryReport, console: Console) -> None:
    """Print one sentence, then each column of figures with its changes, the trade and the notes."""
    page = Page(console)
    page.prose((say.row_name(report.source), LEAD), (f" · {say.size(report)}", QUIET))
    page.blank()
    page.prose((say.sentence(report), LEAD))
    for place, metric in enumerate(report.metrics):
        _metric(page, report, metric, place)
    _together(page, report)
    _notes(page, report)


def _metric(page: Page, report: SummaryReport, metric: Metric, place: int) -> None:
    unit = "in percent" if metric.unit == "share" else "on its own scale"
    guess = " (a guess)" if metric.guessed else ""
    page.title(say.column(metric.name), f"{unit}, {metric.better} is better{guess}")
    columns = _Columns(page, report, place)
    columns.head()
    for row in report.rows[:_ROWS]:
        columns.row(row, row.cells[place])
    page.more(len(report.rows), _ROWS)


class _Columns:
    """The rows of one column of figures: what stands where depends on what is known."""

    def __init__(self, page: Page, report: SummaryReport, place: int) -> None:
        self.page, self.report, self.metric = page, report, report.metrics[place]
        self.two = report.ordered and not self.metric.counted
        cells = [row.cells[place] for row in report.rows[:_ROWS]]
        apart = int(self.metric.counted)
        self.value = max(len(say.figure(self.metric, cell.value.value)) for cell in cells) + 1
        self.value += apart
        self.count = max(len(_counts(cell)) for cell in cells) + apart
        changes = 2 * _STEP if self.two else _CHANGE
        self.name = max(8, page.width - 2 - self.value - changes - self.count)

    def head(self) -> None:
        base = f"against {say.row_name(self.report.baseline)}"
        self._line(say.row_name(self.report.keys[-1]), "", "", base, "against the row above", QUIET)

    def row(self, row: SummaryRow, cell: SummaryCell) -> None:
        value = say.figure(self.metric, cell.value.value)
        base = "baseline" if row.baseline else self._change(cell.from_baseline)
        above = self._change(cell.from_previous)
        self._line(row.label, _counts(cell), value, base, above, _style(cell.from_baseline))
        if proof := say.evidence(self.metric, cell, self.report.level):
            self.page.prose((proof, QUIET), indent=4)
        if self.report.ordered and not self.two and above:
            self.page.prose((f"against the row above: {above}", QUIET), indent=4)

    def _change(self, moved: SummaryChange | None) -> str:
        return "" if moved is None else say.change(self.metric, moved, multiple=not self.two)

    def _line(self, name: str, counts: str, value: str, base: str, above: str, style: str) -> None:
        width = _STEP if self.two else _CHANGE
        cells = [("", 2, ""), (name, self.name, QUIET if style == QUIET else "")]
        cells += [(counts, -self.count, QUIET), (value, -self.value, "")]
        cells += [("", 2, ""), (base, width - 2, style)]
        if self.two:
            cells += [("", 2, ""), (above, _STEP - 2, QUIET if style == QUIET else "")]
        self.page.row(*cells)


def _counts(cell: SummaryCell) -> str:
    return "" if cell.k is None else f"{cell.k:,}/{cell.n:,}"


def _style(moved: SummaryChange | None) -> str:
    if moved is None or moved.better is None:
        return ""
    return GOOD if moved.better else TAX


def _together(page: Page, report: SummaryReport) -> None:
    """The trade between the columns, and which rows hold up on all of them."""
    kept, sides = say.beaten_by_none(report), say.relations(report)
    if not (report.tradeoffs or kept or sides):
        return
    page.title("All columns together")
    for found in say.trades(report)[:_PAIRS]:
        page.prose((say.trade(found), ""), indent=2)
    page.more(len(report.tradeoffs), _PAIRS)
    for said, rows in sides:
        page.prose((f"{said}: {say.names([row.label for row in rows])}.", ""), indent=2)
    if kept:
        where = " within its group" if any(row.group for row in report.rows) else ""
        those = say.names([row.label for row in kept], most=40)
        page.prose((f"Beaten by none{where}, all columns taken together: {those}.", ""), indent=2)


def _notes(page: Page, report: SummaryReport) -> None:
    page.title("Before you quote it")
    for note in say.assumed(report):
        page.prose((note, QUIET), indent=2)
