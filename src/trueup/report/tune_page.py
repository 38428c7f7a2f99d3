"""What tuning recommends as one page: its chart can be walked along, and it needs no network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.report import text
from trueup.report import tune_figures as figures
from trueup.report import tune_text as say
from trueup.report.html import environment, source, style

if TYPE_CHECKING:
    from trueup.tune.result import Flip, TuneReport

__all__ = ["tune_html"]

_ALTERNATIVES, _FLIPS = 9, 6  # shown at once; the rest is folded away
_COLUMNS = 4  # layers with a column of their own
_FATES = {"passes": "Would newly pass", "blocked": "Would newly be blocked"}
_CERTIFICATE = ("statement", "procedure", "p_value", "order", "n_tested", "grid_size", "made")


def tune_html(reports: Sequence[TuneReport]) -> str:
    """Return the reports, several being one per segment, as one self-contained HTML page.

    It holds its style, its charts, its figures as JSON and one script of our own, which its content
    security policy allows by hash; nothing else can run and nothing is loaded. Without a script,
    and on paper, the drawing and the tables say the same. Every text of the log is escaped.
    """
    from markupsafe import Markup

    from trueup import __version__

    parts = [_part(index, report) for index, report in enumerate(reports)]
    script = source("tune.js")
    return (
        environment()
        .get_template("tune.html")
        .render(
            say=say,
            figures=figures,
            surprising=_surprising,
            cells=_cells,
            parts=parts,
            version=__version__,
            summary=_summary(reports),
            certified=bool(reports) and all(report.certified for report in reports),
            headline=_headline(reports),
            facts=_facts(reports),
            warnings=list(dict.fromkeys(one for report in reports for one in report.warnings)),
            limit=_FLIPS,
            style=style("tune.css"),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            data=Markup(_json([part.steps for part in parts])),
        )
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """One report with what the template shows of it."""

    index: int
    report: TuneReport
    headline: list[str]
    more: list[str]
    tax_says: list[str]
    risk_says: list[str]
    rows: list[figures.Alternative]
    few: list[figures.Alternative]
    columns: list[str]  # heads of the columns that hold thresholds
    labels: list[str]  # of the figures beside the chart
    steps: list[dict[str, Any]]
    start: int
    drawing: Any
    flips: list[tuple[str, int, list[Flip]]]
    certificate: list[tuple[str, Any]]


def _part(index: int, report: TuneReport) -> _Part:
    rows = figures.alternatives(report)
    headline = say.sentences(report)
    more: list[str] = []
    if not report.certified:
        headline, more = headline[:-1] or headline, headline[-1:] if len(headline) > 1 else []
        if report.mode != "costs":
            headline, more = headline[:1], say.needs(report)
    return _Part(
        index=index,
        report=report,
        headline=headline,
        more=more,
        tax_says=_tax_says(report),
        risk_says=_risk_says(report),
        rows=rows,
        few=figures.alternatives(report, _ALTERNATIVES),
        columns=_columns(report),
        labels=_labels(report),
        steps=_steps(rows, report),
        start=_start(rows),
        drawing=_drawing(index, rows, report),
        flips=_flips(report),
        certificate=_certificate(report),
    )


def _summary(reports: Sequence[TuneReport]) -> str:
    if len(reports) == 1 or any(report.mode == "costs" for report in reports):
        return say.verdict(reports[0])
    return f"{sum(report.certified for report in reports)} OF {len(reports)} CERTIFIED"


def _headline(reports: Sequence[TuneReport]) -> str:
    if any(report.mode == "costs" for report in reports):
        return "The cheapest setting of each segment; nothing bounds the harm that is missed."
    done = sum(report.certified for report in reports)
    return f"{done} of {len(reports)} segments have a certified setting."


def _facts(reports: Sequence[TuneReport]) -> str:
    n, harmful, legitimate = (
        sum(getattr(report, name) for report in reports)
        for name in ("n", "n_positive", "n_negative")
    )
    parts = [f"{n:,} examples", f"{harmful:,} harmful", f"{legitimate:,} legitimate"]
    parts += [say.goal(reports[0])] if reports else []
    if len(reports) == 1 and reports[0].segment is not None:
        parts.insert(0, say.place(reports[0]))
    return " · ".join(parts)


def _tax_says(report: TuneReport) -> list[str]:
    if report.chosen is None:
        return ["of legitimate examples, at today’s setting."]
    if report.today is None:
        return ["of legitimate examples."]
    return [f"of legitimate examples; today {text.interval(report.today.tax)}."]


def _risk_says(report: TuneReport) -> list[str]:
    if report.alpha is None:
        return [f"Chosen for {say.goal(report)}."]
    asked = f"Asked for: {say.goal(report)}."
    return [asked] if report.certified else [asked, "Not certified."]


def _columns(report: TuneReport) -> list[str]:
    names = [figures.layer_name(layer) for layer in report.layers]
    if len(names) == 1:
        return [f"threshold of {names[0]}"]
    return names if len(names) <= _COLUMNS else ["thresholds"]


def _cells(part: _Part, row: figures.Alternative) -> list[str]:
    """The thresholds of a row, one for each column."""
    if len(part.columns) == 1:
        return [figures.setting(row.point.thresholds)]
    return [figures.threshold(row.point.thresholds.get(layer)) for layer in part.report.layers]


def _labels(report: TuneReport) -> list[str]:
    thresholds = [f"threshold of {figures.layer_name(layer)}" for layer in report.layers]
    return [*thresholds, "legitimate flagged", say.risk_name(report), "at most"]


def _steps(rows: Sequence[figures.Alternative], report: TuneReport) -> list[dict[str, Any]]:
    """What the slider shows at each setting, in words, and which point of the drawing it is."""
    from trueup.report.tune_charts import drawable

    steps, drawn = [], 0
    for row in rows:
        point, there = row.point, drawable(row)
        limits = text.interval(point.tax)
        steps.append(
            {
                "cells": [
                    row.mark.capitalize() or "Another setting",
                    "CERTIFIED" if row.certified else "NOT CERTIFIED",
                    *(figures.threshold(point.thresholds.get(one)) for one in report.layers),
                    limits,
                    text.percent(point.risk.value),
                    figures.at_most(point.risk.high),
                ],
                "certified": row.certified,
                "drawn": drawn if there else None,
            }
        )
        drawn += there
    return steps


def _start(rows: Sequence[figures.Alternative]) -> int:
    """The recommended setting, else today's, else the first."""
    ranked = sorted(range(len(rows)), key=lambda i: (not rows[i].chosen, not rows[i].today))
    return ranked[0] if ranked else 0


def _drawing(index: int, rows: Sequence[figures.Alternative], report: TuneReport) -> Any:
    from markupsafe import Markup

    from trueup.report.render import svg
    from trueup.report.tune_charts import drawable, frontier_chart

    if not any(map(drawable, rows)):
        return None
    chart = frontier_chart(rows, report.alpha, say.risk_name(report))
    label = f"Legitimate traffic flagged against {say.risk_name(report)}, for each setting"
    return Markup(svg(chart, name=f"walk{index}", label=label))


def _flips(report: TuneReport) -> list[tuple[str, int, list[Flip]]]:
    return [
        (title, count, [one for one in report.flips if one.fate == fate])
        for fate, title in _FATES.items()
        if (count := report.n_flips.get(fate, 0))
    ]


def _certificate(report: TuneReport) -> list[tuple[str, Any]]:
    made = report.certificate
    if not made:
        return []
    rows = [(key.replace("_", " "), made[key]) for key in _CERTIFICATE if made.get(key) is not None]
    data = made.get("data")
    if isinstance(data, dict) and data.get("sha256"):
        rows.append(("data", f"sha256 {data['sha256']}"))
    versions = made.get("versions")
    if isinstance(versions, dict):
        rows.append(("versions", ", ".join(f"{name} {no}" for name, no in versions.items())))
    return [*rows, ("digest", made.get("digest"))]


def _surprising(flip: Flip) -> bool:
    return (flip.fate, flip.label) in (("passes", "harmful"), ("blocked", "legitimate"))


def _json(data: Any) -> str:
    """JSON that no browser takes for the end of its element or for a comment."""
    return (
        json.dumps(data, allow_nan=False)
        .replace("&", "\\u0026")
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
    )
