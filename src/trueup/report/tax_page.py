"""The tax report as one page: a file that needs nothing else, neither network nor script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trueup.report import text

if TYPE_CHECKING:
    from jinja2 import Environment

    from trueup.stats import Estimate
    from trueup.tax.result import Example, GroupRow, TaxReport

__all__ = ["tax_html"]

_ROWS = 24  # of a table before the rest is folded away
_EXAMPLES = 5  # that one row opens into
_SHORT, _LONG = 320, 6_000  # characters of a text: at once, and in its fold


def tax_html(report: TaxReport) -> str:
    """Return the report as one self-contained HTML page.

    It holds its style and its charts, loads nothing, and runs no script; its content security
    policy forbids both. Every text of the log is escaped, and control, invisible and reordering
    characters in it are shown as escapes. It prints on A4, in light and dark.
    """
    from trueup import __version__

    template = _environment().get_template("tax.html")
    return template.render(
        report=report,
        version=__version__,
        segments=_columns(report.segments),
        drawings=_drawings(report),
        style=_style(),
        limit=_ROWS,
        methods=_uses((one.method, one.name) for one in report.estimates()),
        assumptions=_uses(
            (assumed, one.name) for one in report.estimates() for assumed in one.assumptions
        ),
        scale=_scale(report),
    )


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of the log: what is shown at once, what its fold holds, and how much is left out."""

    short: str
    rest: str
    left_out: int
    length: int


def passage(content: str) -> Passage:
    """Cut a text for display: line breaks stay, whatever else it holds is neutralised."""
    if len(content) <= _SHORT:
        return Passage(text.neutralise(content, keep_newlines=True), "", 0, len(content))
    return Passage(
        text.neutralise(content[:_SHORT], keep_newlines=True),
        text.neutralise(content[_SHORT:_LONG], keep_newlines=True),
        max(len(content) - _LONG, 0),
        len(content),
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


def _style() -> Any:
    """The style sheet, with the dark partner of every colour that the charts use."""
    from markupsafe import Markup

    from trueup.report.charts import DARK

    source, _, _ = _loader().get_source(_environment(), "tax.css")
    dark = "".join(
        f'figure svg [{paint}="{light}"]{{{paint}:{partner}}}'
        for light, partner in DARK.items()
        for paint in ("fill", "stroke")
    )
    return Markup(f"{source}\n@media screen and (prefers-color-scheme:dark){{{dark}}}")


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


def _printed(value: Any) -> Any:
    """What every expression of the template goes through: no text gets onto the page raw."""
    if value is None:
        return text.UNKNOWN
    if type(value) is str:
        return text.neutralise(value, keep_newlines=True)
    return value


def _loader() -> Any:
    from jinja2 import PackageLoader

    return PackageLoader("trueup.report")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        loader=_loader(),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=text.percent,
        points=text.points,
        interval=text.interval,
        basis=text.basis,
        confidence=text.confidence,
        money=text.money,
        amount=text.amount,
        milliseconds=text.milliseconds,
        shorten=text.shorten,
        sources=text.sources,
        shell_word=text.shell_word,
        spoken=text.spoken,
        passage=passage,
        capital=text.capital,
        vacuous=text.vacuous,
        unit=text.outcome_unit,
        known=_known,
        breakable=_breakable,
        split=_split,
        flow=_flow,
    )
    environment.globals.update(examples=_examples)
    return environment


def _known(estimate: Estimate) -> bool:
    return estimate.value == estimate.value


def _flow(sentence: str) -> str:
    """Our own sentence with its figures and their units kept on one line."""
    return re.sub(r"(?<=[0-9]) (?=%|points?\b)", "\u00a0", sentence)


def _breakable(name: str) -> Any:
    """A name that may break after its underscores and dots."""
    from markupsafe import Markup, escape

    parts = re.split(r"(?<=[_./-])", name)
    return Markup("<wbr>").join(escape(part) for part in parts)


def _split(shown: str) -> tuple[str, str]:
    """ "14.2 % (11.9 to 16.8)" as its value and its limits."""
    value, _, limits = shown.partition(" (")
    return value, limits.rstrip(")")
