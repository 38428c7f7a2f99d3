"""The tax report as one page: a file that needs nothing else, neither network nor script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from trueup.report import text
from trueup.report.html import environment, style

if TYPE_CHECKING:
    from trueup.tax.result import Example, GroupRow, TaxReport

__all__ = ["tax_html"]

_ROWS = 24  # of a table before the rest is folded away
_EXAMPLES = 5  # that one row opens into


def tax_html(report: TaxReport) -> str:
    """Return the report as one self-contained HTML page.

    It holds its style and its charts, loads nothing, and runs no script; its content security
    policy forbids both. Every text of the log is escaped, and control, invisible and reordering
    characters in it are shown as escapes. It prints on A4, in light and dark.
    """
    from trueup import __version__

    template = environment().get_template("tax.html")
    return template.render(
        report=report,
        examples=_examples,
        version=__version__,
        segments=_columns(report.segments),
        drawings=_drawings(report),
        style=style(),
        limit=_ROWS,
        methods=_uses((one.method, one.name) for one in report.estimates()),
        assumptions=_uses(
            (assumed, one.name) for one in report.estimates() for assumed in one.assumptions
        ),
        scale=_scale(report),
    )


def _columns(rows: Sequence[GroupRow]) -> dict[str, list[GroupRow]]:
    columns: dict[str, list[GroupRow]] = {}
    for row in rows:
        columns.setdefault(row.column, []).append(row)
    return {column: text.worst_first(group) for column, group in columns.items()}


def _drawings(report: TaxReport) -> dict[str, Any]:
    """The charts that the log has data for, ready to be placed in the page."""
    from markupsafe import Markup

    from trueup.report import charts
    from trueup.report.render import svg

    planned: dict[str, tuple[Any, str]] = {}
    if report.layers:
        funnel = charts.funnel_chart(report.layers, report.wrongful_refusal)
        planned["funnel"] = (funnel, "What becomes of legitimate traffic, layer by layer")
    if any(row.kind == "layer" for row in report.layers):
        planned["layers"] = (
            charts.layers_chart(report.layers),
            "Share of legitimate traffic on which each layer fired, fired first and fired alone",
        )
    if report.stack:
        planned["stack"] = (
            charts.stack_chart(report.stack),
            "Clean pass if layers were independent, and as measured",
        )
    if len(report.periods) > 1:
        planned["time"] = (charts.time_chart(report.periods), "Wrongful refusal over time")
    for number, rows in enumerate(_columns(report.segments).values()):
        chart = charts.segments_chart(rows, report.wrongful_refusal)
        planned[f"segments{number}"] = (chart, "Wrongful refusal by segment, with intervals")
    drawn = {
        name: Markup(svg(chart, name=name, label=label)) for name, (chart, label) in planned.items()
    }
    return dict.fromkeys(("funnel", "layers", "stack", "time")) | drawn


def _uses(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Every first with the seconds that go with it, each of them once, in the order met."""
    found: dict[str, dict[str, None]] = {}
    for what, used_for in pairs:
        found.setdefault(what, {})[text.spoken(used_for)] = None
    return {what: list(names) for what, names in found.items()}


def _scale(report: TaxReport) -> float:
    """The right end of the bars under the three numbers: common to them, at least 10 %."""
    three = (report.wrongful_refusal, report.needless_degradation, report.under_refusal)
    return max([0.1, *(one.high for one in three if one.high == one.high)])


def _examples(ids: Iterable[str], known: dict[str, Example]) -> list[Example]:
    return [known[one] for one in ids if one in known][:_EXAMPLES]
