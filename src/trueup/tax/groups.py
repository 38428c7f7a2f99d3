"""The three main rates cut by segment and by period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trueup.tax.rates import MAIN, MAIN_QUANTITIES, Cells, Rates, sum_cells
from trueup.tax.result import GroupRow

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from trueup.tax.survey import Survey

__all__ = ["period_rows", "segment_rows"]


def segment_rows(facts: ir.Table, found: Survey, rates: Rates) -> tuple[GroupRow, ...]:
    """Rows per segment column, the largest value first and "other" last."""
    out: list[GroupRow] = []
    for index, column in enumerate(found.segments):
        by = f"seg_{index}"
        cells = sum_cells(facts, MAIN_QUANTITIES, by=by)
        counts = cells.counts
        order = sorted(counts, key=lambda value: (value not in column.values, -counts[value]))
        total = sum(counts.values())
        for value in order:
            shown = str(value)
            label = f"{column.name}={shown}"
            out.append(_row(cells, rates, by, value, (column.name, shown, label), total))
    return tuple(out)


def period_rows(facts: ir.Table, found: Survey, rates: Rates) -> tuple[GroupRow, ...]:
    """Rows per period in the order of time; none when the log spans a single one."""
    if found.period is None:
        return ()
    cells = sum_cells(facts, MAIN_QUANTITIES, by="period")
    counts = cells.counts
    if len(counts) < 2:
        return ()
    total = sum(counts.values())
    return tuple(
        _row(cells, rates, "period", value, _period_names(value, found.period), total)
        for value in sorted(counts)
    )


def _period_names(value: Any, unit: str) -> tuple[str, str, str]:
    day = str(np.datetime64(value, "D"))
    shown = {"month": day[:7], "year": day[:4]}.get(unit, day)
    return "period", shown, f"{unit}={shown}"


def _row(
    cells: Cells, rates: Rates, by: str, value: Any, names: tuple[str, str, str], total: int
) -> GroupRow:
    column, shown, label = names
    n = cells.counts[value]
    made = {
        ratio.name: rates.estimate(ratio, MAIN_QUANTITIES, cells, by=by, group=value, segment=label)
        for ratio in MAIN
    }
    return GroupRow(column=column, value=shown, n=n, share=n / total, **made)
