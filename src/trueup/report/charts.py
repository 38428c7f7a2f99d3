"""The report's charts: pure functions from result types to Altair specs.

One chart object serves a notebook, a file and a dashboard. Shares are drawn in percent, every value
with its interval; an unknown value is written as such and never drawn at 0.

The colours are Paul Tol's high-contrast scheme (SRON technical note EPS/2021-01), which also holds
for the common colour deficiencies and in grey print. The page maps them to their light partners
when the reader prefers a dark screen, so use these constants and no others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from trueup.report.text import fit, percent, vacuous

if TYPE_CHECKING:
    import altair as alt

    from trueup.stats import Estimate
    from trueup.tax.result import GroupRow, LayerRow, StackMaths

__all__ = [
    "DARK",
    "funnel_chart",
    "layers_chart",
    "segments_chart",
    "stack_chart",
    "themed",
    "time_chart",
]

TAX = "#bb5566"  # wrongful refusal: what legitimate users lose
CLEAN = "#004488"  # what passes
PALE = "#ddaa33"
GREY = "#a9b1bc"
INK = "#22272e"
MUTED = "#646c77"
LINE = "#e1e4e8"
DARK = {  # what each of them becomes on a dark screen
    TAX: "#ee99aa",
    CLEAN: "#6699cc",
    PALE: "#eecc66",
    GREY: "#6b7480",
    INK: "#e6e8eb",
    MUTED: "#a3abb5",
    LINE: "#343a42",
}
FONT = "Helvetica Neue, Helvetica, Arial, sans-serif"

WIDTH = 460  # pixels, labels included
ROW = 24
_LABEL = 132  # of the width, for the labels on the left
_COLUMNS = 20  # of text that fit there
_FIGURE = 46  # of the width, for the figures on the right
_MOST = 24  # rows drawn; tables hold the rest


def segments_chart(
    rows: Sequence[GroupRow], overall: Estimate, *, width: int = WIDTH
) -> alt.LayerChart:
    """Wrongful refusal of each group with its interval, and a line at the rate of all traffic.

    The first 24 rows are drawn, in the order given.
    """
    import altair as alt

    drawn = rows[:_MOST]
    names = _unique(row.value for row in drawn)
    values = [_point(name, row.wrongful_refusal) for name, row in zip(names, drawn, strict=True)]
    top = _top([row.wrongful_refusal for row in drawn] + [overall])
    y, x = _names(values), _percent_axis(top)
    base = alt.Chart(alt.Data(values=values))
    layers = [
        base.mark_rule(strokeWidth=5, opacity=0.3, color=TAX, strokeCap="round").encode(
            y=y, x=_percent_axis(top, "low:Q"), x2="high:Q"
        ),
        _dots(base, size=48, shape="circle", fill=TAX, stroke=TAX).encode(y=y, x=x),
        _figures(base, y),
    ]
    if math.isfinite(overall.value):
        line = alt.Chart(alt.Data(values=[{"value": 100 * overall.value}]))
        layers.insert(0, line.mark_rule(strokeDash=[3, 3], color=MUTED).encode(x=x))
    return _finish(alt.layer(*layers), width, ROW * max(len(values), 1))


def time_chart(rows: Sequence[GroupRow], *, width: int = 2 * WIDTH) -> alt.LayerChart:
    """Wrongful refusal by period, in the order given, with its interval as a band."""
    import altair as alt

    names = _unique(row.value for row in rows)
    values = [_point(name, row.wrongful_refusal) for name, row in zip(names, rows, strict=True)]
    top = _top([row.wrongful_refusal for row in rows])
    axis = alt.Axis(title=None, labelOverlap=True, grid=False, labelAngle=0)
    x = alt.X("name:O", sort=names, axis=axis, scale=alt.Scale(padding=0.3))
    scale, share = alt.Scale(domain=[0, top]), _share_axis(tickCount=4)
    y = alt.Y("value:Q", scale=scale, axis=share)
    band = alt.Y("low:Q", scale=scale, axis=share)
    base = alt.Chart(alt.Data(values=values))
    chart = alt.layer(
        base.mark_area(opacity=0.22, color=TAX).encode(x=x, y=band, y2="high:Q"),
        base.mark_line(color=TAX, strokeWidth=2).encode(x=x, y=y),
        _dots(base, size=30, shape="circle", fill=TAX, stroke=TAX).encode(x=x, y=y),
    )
    return _finish(chart, width, 150, labels=40, figures=8)


def layers_chart(rows: Sequence[LayerRow], *, width: int = WIDTH) -> alt.LayerChart:
    """Share of legitimate traffic on which each layer fired, fired first, and fired alone."""
    import altair as alt

    kinds = {"fired": GREY, "first": PALE, "alone": TAX}
    drawn = rows[:_MOST]
    names = _unique(row.layer for row in drawn)
    values = [
        {**_point(name, one), "kind": kind}
        for name, row in zip(names, drawn, strict=True)
        for kind, one in zip(kinds, (row.fired, row.fired_first, row.fired_alone), strict=True)
    ]
    top = _top([one for row in drawn for one in (row.fired, row.fired_first, row.fired_alone)])
    y, x = _names(values), _percent_axis(top)
    offset = alt.YOffset("kind:N", sort=list(kinds), scale=alt.Scale(paddingOuter=0.35))
    scale = alt.Scale(domain=list(kinds), range=list(kinds.values()))
    legend = alt.Legend(title=None, orient="top", symbolSize=70, symbolOpacity=1)
    shapes = alt.Scale(domain=list(kinds), range=["square", "diamond", "circle"])
    base = alt.Chart(alt.Data(values=values)).encode(y=y, yOffset=offset)
    chart = alt.layer(
        base.mark_rule(strokeWidth=5, opacity=0.35, strokeCap="round").encode(
            x=_percent_axis(top, "low:Q"),
            x2="high:Q",
            stroke=alt.Stroke("kind:N", scale=scale, legend=None),
        ),
        _dots(base, size=48).encode(
            x=x,
            fill=alt.Fill("kind:N", scale=scale, legend=legend),
            stroke=alt.Stroke("kind:N", scale=scale, legend=legend),
            shape=alt.Shape("kind:N", scale=shapes, legend=legend),
        ),
        _figures(base, y),
    )
    return _finish(chart, width, 62 * max(len(drawn), 1))


def stack_chart(stack: StackMaths, *, width: int = WIDTH) -> alt.LayerChart:
    """Clean pass of legitimate traffic: as independent layers would give it, and as measured."""
    import altair as alt

    values = [
        {**_point("if independent", stack.independent), "colour": GREY},
        {**_point("measured", stack.measured), "colour": CLEAN},
    ]
    top = 100.0
    y, x = _names(values), _percent_axis(top)
    base = alt.Chart(alt.Data(values=values))
    chart = alt.layer(
        base.mark_bar(height=14).encode(y=y, x=x, color=alt.Color("colour:N", scale=None)),
        base.mark_rule(color=INK, strokeWidth=1).encode(
            y=y, x=_percent_axis(top, "low:Q"), x2="high:Q"
        ),
        _figures(base, y),
    )
    return _finish(chart, width, 2 * ROW + 4)


def funnel_chart(
    rows: Sequence[LayerRow], wrongful: Estimate, *, width: int = WIDTH
) -> alt.LayerChart:
    """What becomes of legitimate traffic: what each layer takes first, and what is answered.

    The pieces are each layer's `wrongful`. Where they do not add up to the rate of all refusals
    by half a point or more, the difference is a row of its own. The last bar agrees with the
    headline.
    """
    import altair as alt

    values = _funnel(rows, wrongful)
    top, y = 100.0, _names(values)
    base = alt.Chart(alt.Data(values=values))
    chart = alt.layer(
        base.mark_bar(height=14).encode(
            y=y,
            x=_percent_axis(top, "start:Q"),
            x2="end:Q",
            color=alt.Color("colour:N", scale=None),
        ),
        _figures(base, y),
    )
    return _finish(chart, width, ROW * len(values))


def _funnel(rows: Sequence[LayerRow], wrongful: Estimate) -> list[dict[str, Any]]:
    pieces = [(row.layer, row.wrongful.value) for row in rows[:_MOST]]
    known = sum(share for _, share in pieces if math.isfinite(share))
    rest = wrongful.value - known
    if rest >= 0.005:  # less is the noise of estimating each by itself
        pieces.append(("not told apart", rest))
    left = 100.0
    bars = [_bar("legitimate", 0.0, left, GREY, percent(1.0))]
    for name, share in pieces:
        taken = 100 * share if math.isfinite(share) else 0.0
        bars.append(_bar(name, left - taken, left, TAX, percent(share)))
        left -= taken
    answered = 1 - wrongful.value
    bars.append(_bar("not refused", 0.0, _hundred(answered) or 0.0, CLEAN, percent(answered)))
    for bar, name in zip(bars, _unique(bar["name"] for bar in bars), strict=True):
        bar["name"] = name
    return bars


def _bar(name: str, start: float, end: float, colour: str, figure: str) -> dict[str, Any]:
    return {"name": name, "start": start, "end": end, "colour": colour, "figure": figure}


def _point(name: str, estimate: Estimate) -> dict[str, Any]:
    return {
        "name": name,
        "value": _hundred(estimate.value),
        "low": None if vacuous(estimate) else _hundred(estimate.low),
        "high": None if vacuous(estimate) else _hundred(estimate.high),
        "filled": 0 if vacuous(estimate) else 1,
        "figure": percent(estimate.value),
    }


def _hundred(share: float) -> float | None:
    return 100 * share if math.isfinite(share) else None


def _unique(names: Iterable[str]) -> list[str]:
    """Names fit to print, each of them once: two groups never share a row."""
    used: set[str] = set()
    result = []
    for name in names:
        base = fit(name, _COLUMNS) or "(blank)"
        shown, count = base, 1
        while shown in used:
            count += 1
            shown = f"{base} ({count})"
        used.add(shown)
        result.append(shown)
    return result


def _top(estimates: Iterable[Estimate]) -> float:
    """The end of the axis in percent: a little above the highest limit, 100 when none is known."""
    ends = [100 * x for e in estimates for x in _drawn(e) if math.isfinite(x)]
    return min(100.0, max(max(ends) * 1.05, 0.1)) if ends else 100.0


def _drawn(estimate: Estimate) -> tuple[float, ...]:
    return (estimate.value,) if vacuous(estimate) else (estimate.value, estimate.high)


def _dots(base: alt.Chart, **options: Any) -> alt.Chart:
    """Points, hollow where nothing but the annotator's reading stands behind them."""
    import altair as alt

    return base.mark_point(strokeWidth=1.5, opacity=1, **options).encode(
        fillOpacity=alt.FillOpacity("filled:Q", scale=None, legend=None)
    )


def _names(values: Sequence[dict[str, Any]]) -> alt.Y:
    """The rows in the order given; Vega would put those with unknown limits last."""
    import altair as alt

    axis = alt.Axis(
        title=None,
        labelColor=INK,
        labelPadding=8,
        grid=False,
        minExtent=_LABEL - 4,  # charts above one another share their left edge
    )
    return alt.Y("name:N", sort=_order(values), axis=axis)


def _order(values: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(value["name"] for value in values))


def _percent_axis(top: float, field: str = "value:Q") -> alt.X:
    import altair as alt

    return alt.X(field, scale=alt.Scale(domain=[0, top], nice=False), axis=_share_axis(tickCount=5))


def _share_axis(**options: Any) -> alt.Axis:
    import altair as alt

    return alt.Axis(title=None, labelExpr="datum.label + ' %'", **options)


def _figures(base: alt.Chart, y: alt.Y) -> alt.Chart:
    """The value in words, in a column at the right edge."""
    import altair as alt

    edge = alt.value("width")
    return base.mark_text(align="left", dx=8, color=INK, fontSize=11).encode(
        y=y, x=edge, text="figure:N"
    )


def _finish(
    chart: alt.LayerChart, width: int, height: int, *, labels: int = _LABEL, figures: int = _FIGURE
) -> alt.LayerChart:
    plain = themed(chart, width - labels - figures, height, right=2, top=4)
    return plain.configure_legend(labelColor=MUTED, labelFontSize=11, padding=0, offset=4)


def themed(
    chart: alt.LayerChart,
    width: int,
    height: int,
    *,
    left: int = 2,
    right: int = 8,
    top: int = 6,
    bottom: int = 2,
    **axis: Any,
) -> alt.LayerChart:
    """The chart in the look of the report.

    width, height: of the plot; left, right, top, bottom: room around it, pixels. axis: what else is
    to be said of the axes, or said otherwise.
    """
    axes = {
        "domain": False,
        "ticks": False,
        "gridColor": LINE,
        "labelColor": MUTED,
        "labelFontSize": 11,
        "labelPadding": 6,
        "labelLimit": 0,  # Vega would cut a character in two, which vl-convert cannot draw
        "titleColor": MUTED,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
    }
    return (
        chart.properties(width=width, height=height, background="transparent")
        .configure(
            font=FONT,
            aria=False,
            padding={"left": left, "right": right, "top": top, "bottom": bottom},
        )
        .configure_view(stroke=None)
        .configure_axis(**{**axes, **axis})
    )
