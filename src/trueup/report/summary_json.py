"""What `trueup compare TABLE --json` writes: a contract, described in docs/summary.md."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trueup.report.summary_text import sentence

if TYPE_CHECKING:
    from trueup.compare.summary_result import (
        SummaryCell,
        SummaryChange,
        SummaryReport,
        SummaryRow,
    )
    from trueup.stats import Interval

__all__ = ["summary_json"]


def summary_json(report: SummaryReport) -> dict[str, Any]:
    """The report, ready for JSON: unknown is null, shares and their differences are fractions."""
    return {
        "kind": "summary",
        "sentence": sentence(report),
        "source": report.source,
        "keys": list(report.keys),
        "ordered": report.ordered,
        "baseline": report.baseline,
        "count": report.count,
        "n_tests": report.n_tests,
        "level": report.level,
        "metrics": [
            {
                "name": metric.name,
                "unit": metric.unit,
                "better": metric.better,
                "guessed": metric.guessed,
                "counted": metric.counted,
            }
            for metric in report.metrics
        ],
        "rows": [_row(row) for row in report.rows],
        "tradeoffs": [
            {
                "first": one.first,
                "second": one.second,
                "spearman": _number(one.spearman),
                "n": one.n,
            }
            for one in report.tradeoffs
        ],
        "notes": list(report.notes),
    }


def _row(row: SummaryRow) -> dict[str, Any]:
    return {
        "label": row.label,
        "name": row.name,
        "group": row.group or None,
        "baseline": row.baseline,
        "relation": row.relation,
        "pareto": row.pareto,
        "figures": [_cell(cell) for cell in row.cells],
    }


def _cell(cell: SummaryCell) -> dict[str, Any]:
    return {
        "metric": cell.metric,
        **_limits(cell.value),
        "k": cell.k,
        "n": cell.n,
        "from_baseline": _change(cell.from_baseline),
        "from_previous": _change(cell.from_previous),
    }


def _change(moved: SummaryChange | None) -> dict[str, Any] | None:
    if moved is None:
        return None
    return {
        "against": moved.against,
        "difference": {**_limits(moved.difference), "level": moved.difference.level},
        "relative": _number(moved.relative),
        "ratio": _limits(moved.ratio),
        "p_value": _number(moved.p_value),
        "p_adjusted": _number(moved.p_adjusted),
        "n_needed": moved.n_needed,
        "better": moved.better,
    }


def _limits(interval: Interval) -> dict[str, float | None]:
    return {
        "value": _number(interval.value),
        "low": _number(interval.low),
        "high": _number(interval.high),
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
