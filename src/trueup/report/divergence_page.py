"""A watch on a proxy as one page that needs neither network nor script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.report import divergence_text as say
from trueup.report.html import environment, style

if TYPE_CHECKING:
    from trueup.goodhart.divergence.result import (
        BestOfN,
        DivergenceReport,
        RunReport,
        ScalingFit,
    )

__all__ = ["divergence_html"]

_DRAWN = 8  # runs with charts; the others have their sentence


def divergence_html(report: DivergenceReport) -> str:
    """Return the report as one self-contained HTML page; every name of the table is escaped."""
    from trueup import __version__

    template = environment().get_template("divergence.html")
    return template.render(
        report=report,
        say=say,
        parts=[_part(report, place, run) for place, run in enumerate(report.runs)],
        fits=[_fit(report, place, fit) for place, fit in enumerate(report.scaling)],
        assumed=list(dict.fromkeys(one for run in report.runs for one in run.assumptions)),
        version=__version__,
        style=style(),
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """A run with its drawings and its figures."""

    run: RunReport
    drawings: list[Any]
    rows: list[tuple[str, str]]


def _part(report: DivergenceReport, place: int, run: RunReport) -> _Part:
    return _Part(run, _drawings(report, place, run), _rows(run))


def _drawings(report: DivergenceReport, place: int, run: RunReport) -> list[Any]:
    from markupsafe import Markup

    from trueup.report.divergence_charts import course_chart
    from trueup.report.render import svg

    found = []
    for which, curve in (("proxy", run.proxy), ("truth", run.truth)):
        if place < _DRAWN and curve is not None and curve.at:
            name = say.column(report, which)
            chart = course_chart(run, which, name)
            label = f"{name} over the steps of {say.name_of(run)}, with its fitted course"
            found.append(Markup(svg(chart, name=f"{which}{place}", label=label)))
    return found


def _rows(run: RunReport) -> list[tuple[str, str]]:
    """The figures of a run that has a truth."""
    alarm = run.alarm
    if alarm is None:
        return []
    rows = [
        ("best step", say.best_words(run)),
        ("drop since the best (NDH)", say.drop_words(run)),
        ("measured", f"{say.measured(run)}; {say.regime_words(run)}"),
        ("looks", f"{alarm.looks:,}; {alarm.method}"),
        ("noise", say.noise_words(run)),
        ("detection delay", say.detected(run)),
    ]
    if alarm.looks and not alarm.fired:
        rows.insert(2, ("on the way to an alarm", f"{100 * alarm.evidence:.0f} %"))
    return [(label, words) for label, words in rows if words]


def _fit(report: DivergenceReport, place: int, fit: ScalingFit) -> tuple[ScalingFit, Any]:
    from markupsafe import Markup

    from trueup.report.divergence_charts import scaling_chart
    from trueup.report.render import svg

    found: BestOfN | None = report.best_of_n if fit.form == "best-of-n" else None
    name = say.column(report, "truth")
    label = f"{name} against the square root of the KL divergence, with the fitted form"
    return fit, Markup(svg(scaling_chart(found, fit, name), name=f"fit{place}", label=label))
