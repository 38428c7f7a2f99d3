"""The charts of a watch on a proxy: pure functions from result types to Altair specs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trueup.report.charts import CLEAN, GREY, INK, MUTED, PALE, TAX, themed

if TYPE_CHECKING:
    import altair as alt

    from trueup.goodhart.divergence.result import BestOfN, Curve, RunReport, ScalingFit

__all__ = ["course_chart", "scaling_chart"]

WIDTH, HEIGHT = 860, 190  # pixels, of the plot itself
_DOTS = 400  # readings drawn
_LINE = 200  # places of a curve
_LEFT = 46  # pixels for the labels of the axis, so that both charts begin alike


def course_chart(run: RunReport, which: str, title: str) -> alt.LayerChart:
    """The proxy or the truth over the steps: readings, course, limits, best step and alarm.

    which: "proxy" or "truth". The best step is a line with its limits as a band; the alarm a dashed
    line. Long runs are thinned evenly.
    """
    import altair as alt

    curve = run.proxy if which == "proxy" else run.truth
    assert curve is not None
    colour = PALE if which == "proxy" else CLEAN
    ends = [min(run.position), max(run.position)]
    x = alt.X(
        "step:Q", scale=alt.Scale(domain=ends, nice=False), axis=alt.Axis(title=None, grid=False)
    )
    axis = alt.Axis(title=title, tickCount=4, minExtent=_LEFT, titleColor=INK)
    low, high = _span(curve)
    scale = alt.Scale(domain=[low, high], nice=False)
    y = alt.Y("value:Q", scale=scale, axis=axis)
    dots = alt.Chart(alt.Data(values=_readings(run, curve)))
    course = alt.Chart(alt.Data(values=_course(run, curve)))
    layers: list[Any] = [
        *_best(run, x),
        dots.mark_point(filled=True, size=14, opacity=0.45, color=colour).encode(x=x, y=y),
    ]
    if any(map(math.isfinite, curve.fit)):
        band = alt.Y("low:Q", scale=scale, axis=axis)
        layers += [
            course.mark_area(opacity=0.2, color=colour, clip=True).encode(x=x, y=band, y2="high:Q"),
            course.mark_line(color=colour, strokeWidth=2.2, clip=True).encode(
                x=x, y=alt.Y("fit:Q", scale=scale, axis=axis)
            ),
        ]
    layers += _alarm(run, x)
    return themed(alt.layer(*layers), WIDTH, HEIGHT, top=10)


def _readings(run: RunReport, curve: Curve) -> list[dict[str, float]]:
    chosen = _thinned(len(curve.at), _DOTS)
    return [{"step": run.position[curve.at[i]], "value": curve.value[i]} for i in chosen]


def _course(run: RunReport, curve: Curve) -> list[dict[str, float]]:
    return [
        {
            "step": run.position[curve.at[i]],
            "fit": curve.fit[i],
            "low": curve.low[i],
            "high": curve.high[i],
        }
        for i in _thinned(len(curve.at), _LINE)
        if math.isfinite(curve.fit[i])
    ]


def _span(curve: Curve) -> tuple[float, float]:
    """The readings and the course with a little room; limits far beyond them are cut off."""
    shown = [x for x in (*curve.value, *curve.fit) if math.isfinite(x)]
    low, high = min(shown), max(shown)
    room = 0.12 * (high - low) or 0.1 * max(abs(high), 1.0)
    return low - room, high + room


def _best(run: RunReport, x: alt.X) -> list[Any]:
    """A band where the best step may be, and a line where it is."""
    import altair as alt

    best = run.best
    if best is None:
        return []
    layers: list[Any] = []
    if best.low is not None and best.high is not None:
        ends = {"step": run.position[best.low], "until": run.position[best.high]}
        band = alt.Chart(alt.Data(values=[ends]))
        layers.append(band.mark_rect(color=GREY, opacity=0.18).encode(x=x, x2="until:Q"))
    return [*layers, *_line(run.position[best.at], "best", x, MUTED, [1, 0])]


def _alarm(run: RunReport, x: alt.X) -> list[Any]:
    if run.alarm is None or run.alarm.at is None:
        return []
    return _line(run.position[run.alarm.at], "alarm", x, TAX, [4, 3])


def _line(at: float, name: str, x: alt.X, colour: str, dash: Sequence[int]) -> list[Any]:
    import altair as alt

    base = alt.Chart(alt.Data(values=[{"step": at, "name": name}]))
    word = base.mark_text(align="left", baseline="top", dx=4, fontSize=11, color=colour)
    return [
        base.mark_rule(color=colour, strokeDash=list(dash), strokeWidth=1.4).encode(x=x),
        word.encode(x=x, y=alt.value(0), text="name:N"),
    ]


def scaling_chart(found: BestOfN | None, fit: ScalingFit, title: str) -> alt.LayerChart:
    """The truth against √KL, with Gao's form through it and its peak, where that is known."""
    import altair as alt

    values = _points(found, fit)
    top = max(value["d"] for value in values)
    x = alt.X(
        "d:Q", scale=alt.Scale(domain=[0, top], nice=False), axis=alt.Axis(title="√KL, √nats")
    )
    axis = alt.Axis(title=title, tickCount=5, minExtent=_LEFT, titleColor=INK)
    y = alt.Y("value:Q", scale=alt.Scale(zero=False), axis=axis)
    points = alt.Chart(alt.Data(values=values))
    curve = alt.Chart(alt.Data(values=_form(fit, top)))
    layers: list[Any] = [
        curve.mark_line(color=CLEAN, strokeWidth=2).encode(x=x, y=y),
        points.mark_rule(color=CLEAN, opacity=0.4, strokeWidth=3).encode(
            x=x, y=alt.Y("low:Q", scale=alt.Scale(zero=False), axis=axis), y2="high:Q"
        ),
        points.mark_point(filled=True, size=44, opacity=1, color=CLEAN).encode(x=x, y=y),
    ]
    if fit.peak is not None:
        layers += _line(fit.peak.value, "peak", x.copy(), TAX, [4, 3])
        for layer in layers[-2:]:
            layer.data.values[0]["d"] = fit.peak.value
    return themed(alt.layer(*layers), WIDTH, HEIGHT + 60, top=10)


def _points(found: BestOfN | None, fit: ScalingFit) -> list[dict[str, float]]:
    limits = [(x, x) for x in fit.value]
    if found is not None and len(found.truth) == len(fit.value):
        limits = [(one.low, one.high) for one in found.truth]
    return [
        {
            "d": d,
            "value": value,
            "low": low if math.isfinite(low) else value,
            "high": high if math.isfinite(high) else value,
        }
        for d, value, (low, high) in zip(fit.d, fit.value, limits, strict=True)
    ]


def _form(fit: ScalingFit, top: float) -> list[dict[str, float]]:
    """The fitted form at places between 0 and the furthest point."""
    found = []
    for d in np.linspace(0.0, top, _LINE).tolist():
        if fit.form == "best-of-n":
            turn = fit.beta.value * d
        else:
            turn = fit.beta.value * math.log(d) if d > 0 else 0.0
        found.append({"d": d, "value": fit.start.value + d * (fit.alpha.value - turn)})
    return found


def _thinned(n: int, most: int) -> list[int]:
    return sorted({round(i) for i in np.linspace(0, n - 1, min(n, most)).tolist()}) if n else []
