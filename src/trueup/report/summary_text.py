"""What a table of published figures says, in words that the terminal, the page and JSON share."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from trueup.report.text import MINUS, UNKNOWN, confidence, shorten

if TYPE_CHECKING:
    from trueup.compare.summary_result import (
        Metric,
        SummaryCell,
        SummaryChange,
        SummaryReport,
        SummaryRow,
        Tradeoff,
    )

__all__ = [
    "assumed",
    "beaten_by_none",
    "change",
    "column",
    "evidence",
    "figure",
    "names",
    "p_value",
    "relations",
    "row_name",
    "sentence",
    "size",
    "trade",
    "trades",
]

_NAME = 60  # characters of a row's or a column's name
_ENDING = re.compile(r"[_ ](pct|percent|percentage|perc)$")
_MULTIPLE = 3  # from this ratio on it is said as a multiple, too
_FEW = 5  # rows, below which no rank correlation can be told from chance
_MANY = 10  # rows, from which its third and fourth decimals mean something
_STRONG = 0.5  # rank correlation that makes a headline


def column(name: str) -> str:
    """A column's name as it is read: without the unit that its figures carry anyway."""
    return shorten(_ENDING.sub("", name).replace("_", " "), _NAME) or "(no name)"


def row_name(name: str) -> str:
    """A row's name, fit to print."""
    return shorten(name, _NAME) or "(no name)"


def names(those: Sequence[str], most: int = 12) -> str:
    """Names in a row: "a, b and c"; what is beyond `most` is counted."""
    shown = [row_name(one) for one in those[:most]]
    if len(those) > most:
        return f"{', '.join(shown)} and {len(those) - most:,} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def figure(metric: Metric, value: float) -> str:
    """A figure with its unit, in the digits it was published in."""
    if not math.isfinite(value):
        return UNKNOWN
    if metric.unit == "share":
        return f"{_digits(100 * value, min(metric.decimals, 3))} %"
    return _digits(value, min(metric.decimals, 4))


def change(metric: Metric, moved: SummaryChange, *, multiple: bool = True) -> str:
    """The difference with its unit, and what it is of the figure it started from.

    Percentages differ by points, scores by a bare number: "−30.91 points (−48.8 %)".
    """
    value = moved.difference.value
    if not math.isfinite(value):
        return UNKNOWN
    if moved.better is None:
        return "no change"
    share = metric.unit == "share"
    places = min(metric.decimals, 3 if share else 4)
    shown = _digits(100 * value if share else value, places, sign=True)
    unit = "" if not share else " point" if float(shown.lstrip("+" + MINUS)) == 1 else " points"
    return f"{shown}{unit} ({_relative(moved, multiple)})"


def _relative(moved: SummaryChange, multiple: bool) -> str:
    if not math.isfinite(moved.relative):
        return "from 0" if moved.difference.value > 0 else "no relative change"
    percent = 100 * moved.relative
    said = f"{_digits(percent, 1 if abs(percent) < 1000 else 0, sign=True)} %"
    if multiple and moved.ratio.value >= _MULTIPLE:
        said += f", {moved.ratio.value:,.1f}\u00d7"
    return said


def p_value(p: float) -> str:
    """A p-value in two significant digits, or "unknown"."""
    if not math.isfinite(p):
        return UNKNOWN
    if p < 0.001:
        return "< 0.001"
    return f"{p:.2f}" if p >= 0.1 else f"{p:.3f}"


def evidence(metric: Metric, cell: SummaryCell, level: float) -> str:
    """Interval, p-values and what it would take, of a figure against its baseline."""
    moved = cell.from_baseline
    if moved is None or not math.isfinite(moved.p_value):
        return ""
    low, high = (_digits(100 * limit, 1) for limit in (moved.difference.low, moved.difference.high))
    parts = [
        f"{low} to {high} points ({confidence(level)})",
        f"p {_equals(moved.p_value)}, {p_value(moved.p_adjusted)} after Holm",
    ]
    if moved.n_needed is not None and moved.p_adjusted >= 1 - level:
        parts.append(f"{moved.n_needed:,} each to show it")
    return "; ".join(parts)


def trade(found: Tradeoff) -> str:
    """What a rank correlation says, with its value and its n."""
    first, second = column(found.first), column(found.second)
    if not math.isfinite(found.spearman):
        return f"{first} and {second}: no rank correlation, since one of them never changes."
    places = 4 if found.n >= _MANY else 2
    figures = f"Spearman {_digits(abs(found.spearman), places)} over {found.n:,} rows"
    if found.n < _FEW:
        figures += ", too few to tell from chance"
    if found.spearman > 0:
        return f"What is better on {first} tends to be worse on {second}: {figures}."
    if found.spearman < 0:
        return f"What is better on {first} tends to be better on {second}, too: {figures}."
    return f"{first} and {second} go neither together nor against each other: {figures}."


def size(report: SummaryReport) -> str:
    """How large the table is: "4 rows, 2 columns of figures"."""
    metrics = len(report.metrics)
    return f"{len(report.rows):,} rows, {metrics:,} column{'' if metrics == 1 else 's'} of figures"


def trades(report: SummaryReport) -> list[Tradeoff]:
    """Every pair of columns, the strongest correlation first."""
    return sorted(
        report.tradeoffs, key=lambda one: -abs(one.spearman) if math.isfinite(one.spearman) else 1
    )


def assumed(report: SummaryReport) -> list[str]:
    """What to know before quoting any of it."""
    said = []
    if report.ordered:
        said.append(
            f"The column {row_name(report.keys[-1])} is taken for an order, so each row is "
            "compared with the one above, too. --baseline NAME compares all with another row."
        )
    if any(metric.guessed for metric in report.metrics):
        said.append(
            "Which way is better is guessed from the names: say it with --lower and --higher."
        )
    return [*said, *report.notes]


def beaten_by_none(report: SummaryReport) -> list[SummaryRow]:
    """The Pareto set, where there is one to speak of: several columns, and more than two rows."""
    if len(report.metrics) < 2 or len(report.rows) < 3:
        return []
    return [row for row in report.rows if row.pareto]


def relations(report: SummaryReport) -> list[tuple[str, list[SummaryRow]]]:
    """Rows that are better, or worse, than their baseline in every figure that differs."""
    if len(report.metrics) < 2:
        return []
    found = [
        ("Better than its baseline wherever it differs", "better"),
        ("Worse than its baseline wherever it differs", "worse"),
    ]
    kinds = [(said, [row for row in report.rows if row.relation == kind]) for said, kind in found]
    return [(said, rows) for said, rows in kinds if rows]


def sentence(report: SummaryReport) -> str:
    """The finding: what is tested first, then what one version buys with another figure."""
    leads = (_tested, _dominating, _traded, _best, _correlated, _largest)
    return next(filter(None, (lead(report) for lead in leads)))


def _tested(report: SummaryReport) -> str:
    """What differs significantly from the baseline, or that nothing does, with all p-values."""
    if not report.n_tests:
        return ""
    tests = [
        (row, metric, cell, cell.from_baseline)
        for row, metric, cell in _cells(report)
        if cell.from_baseline is not None and math.isfinite(cell.from_baseline.p_value)
    ]
    sure = [one for one in tests if one[3].p_adjusted < 1 - report.level]
    base = row_name(report.baseline)
    if sure:
        sure.sort(key=lambda one: one[3].p_value)
        shown = "; ".join(
            f"{row_name(row.label)} in {column(metric.name)}, {change(metric, moved)}"
            for row, metric, _, moved in sure[:2]
        )
        rest = f"; and {len(sure) - 2:,} more" if len(sure) > 2 else ""
        differ = "differs" if len(sure) == 1 else "differ"
        many = f"{len(sure):,} of {len(tests):,} {differ} significantly from {base}"
        return f"{many}: {shown}{rest}."
    metrics = " or ".join(dict.fromkeys(column(metric.name) for _, metric, _, _ in tests))
    raw = _listed([moved.p_value for *_, moved in tests])
    holm = _listed([moved.p_adjusted for *_, moved in tests])
    return (
        f"No {row_name(report.keys[-1])} differs significantly from {base} in {metrics} at "
        f"n = {_sizes(cell.n for _, _, cell, _ in tests)} (p = {raw}; after Holm {holm})."
    )


def _listed(p: Sequence[float]) -> str:
    """All of them while they are few; else their range."""
    if len({p_value(one) for one in p}) == 1:
        return p_value(p[0])
    if len(p) <= 6:
        return names([p_value(one) for one in p])
    return f"{p_value(min(p))} to {p_value(max(p))}"


def _sizes(sizes: Iterable[int | None]) -> str:
    known = sorted({n for n in sizes if n is not None})
    return f"{known[0]:,}" if len(known) == 1 else f"{known[0]:,} to {known[-1]:,}"


def _dominating(report: SummaryReport) -> str:
    """A version that is better in every figure, in every group."""
    groups = dict.fromkeys(row.group for row in report.rows)
    if len(groups) < 2 or len(report.metrics) < 2:
        return ""
    for name in dict.fromkeys(row.name for row in report.rows):
        its = [row for row in report.rows if row.name == name]
        if len(its) == len(groups) and all(row.relation == "better" for row in its):
            against = _against(its[0])
            whose = " / ".join(row_name(key) for key in report.keys[:-1])
            return (
                f"{row_name(name)} is no worse than {against} in any of {len(report.metrics)} "
                f"figures and better in some, for every {whose} ({len(its):,})."
            )
    return ""


def _against(row: SummaryRow) -> str:
    label = next(cell.from_baseline.against for cell in row.cells if cell.from_baseline)
    return row_name(label.removeprefix(f"{row.group} / "))


def _traded(report: SummaryReport) -> str:
    """The version that gained most in one figure and lost in another; safety for skill first."""
    if not report.ordered:
        return ""
    trades = []
    for row in report.rows:
        moves = [
            (metric, moved)
            for metric, cell in zip(report.metrics, row.cells, strict=True)
            if (moved := _step(report, cell)) is not None and math.isfinite(moved.relative)
        ]
        gains = [one for one in moves if one[1].better is True]
        losses = [one for one in moves if one[1].better is False]
        for gain in gains:
            for loss in losses:
                safety = gain[0].better == "lower" and loss[0].better == "higher"
                size = min(abs(gain[1].relative), abs(loss[1].relative))
                trades.append(((safety, size), row, gain, loss))
    if not trades:
        return ""
    _, row, gain, loss = max(trades, key=lambda one: one[0])
    return (
        f"{row_name(row.label)} against {row_name(gain[1].against)}: {column(gain[0].name)} "
        f"{change(*gain)} is better, {column(loss[0].name)} {change(*loss)} is worse."
    )


def _step(report: SummaryReport, cell: SummaryCell) -> SummaryChange | None:
    """The change from the row above; from the baseline where one was chosen."""
    return cell.from_previous if report.rows[0].baseline else cell.from_baseline


def _best(report: SummaryReport) -> str:
    kept = beaten_by_none(report)
    if len(kept) != 1 or len({row.group for row in report.rows}) > 1:
        return ""
    if any(row.pareto is None for row in report.rows):
        return ""
    figures = "both figures" if len(report.metrics) == 2 else f"all {len(report.metrics)} figures"
    return f"{row_name(kept[0].label)} is the best in {figures}."


def _correlated(report: SummaryReport) -> str:
    """The strongest trade between two figures, and how many rows are beaten by none."""
    told = [one for one in report.tradeoffs if one.n >= _FEW and abs(one.spearman) >= _STRONG]
    if not told:
        return ""
    kept = beaten_by_none(report)
    rest = f" {len(kept):,} of them {'is' if len(kept) == 1 else 'are'} beaten by none."
    return trade(max(told, key=lambda one: abs(one.spearman))) + rest


def _largest(report: SummaryReport) -> str:
    """The largest change from the baseline, relative to where it started."""
    moves = [
        (row, metric, cell.from_baseline)
        for row, metric, cell in _cells(report)
        if cell.from_baseline is not None and math.isfinite(cell.from_baseline.relative)
    ]
    if not moves:
        return "Nothing can be compared with the baseline."
    row, metric, moved = max(moves, key=lambda one: abs(one[2].relative))
    if moved.better is None:
        return f"Nothing differs from {row_name(moved.against)}."
    side = "better" if moved.better else "worse"
    return (
        f"{row_name(row.label)} against {row_name(moved.against)}: {column(metric.name)} "
        f"{change(metric, moved)}, which is {side}."
    )


def _cells(report: SummaryReport) -> Iterable[tuple[SummaryRow, Metric, SummaryCell]]:
    for row in report.rows:
        for metric, cell in zip(report.metrics, row.cells, strict=True):
            yield row, metric, cell


def _equals(p: float) -> str:
    shown = p_value(p)
    return shown if shown.startswith("<") else f"= {shown}"


def _digits(value: float, places: int, *, sign: bool = False) -> str:
    """A number with a true minus sign; with `sign` also a plus. What rounds to 0 has none."""
    shown = f"{round(abs(value), 9):,.{places}f}"  # 18.75, not the 18.7499… of a difference
    if not any(digit in "123456789" for digit in shown):
        return shown
    if value < 0:
        return f"{MINUS}{shown}"
    return f"+{shown}" if sign else shown
