"""The chart of tuning, as a pure function from result types to an Altair spec."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trueup.report.charts import CLEAN, GREY, INK, MUTED, themed
from trueup.report.text import interval, percent
from trueup.report.tune_figures import Alternative, at_most, setting, share

if TYPE_CHECKING:
    import altair as alt

__all__ = ["drawable", "frontier_chart"]

WIDTH, HEIGHT = 600, 310  # pixels, of the plot itself
_STRETCH = {"tax": 0.45, "risk": 0.35}  # powers: a bound of 1 % would vanish on a straight axis
_ROOM = (0.08, 0.7)  # taxes between which a name fits on either side of its point
_TICKS = (0, 0.1, 0.5, 1, 2, 5, 10, 20, 40, 60, 80, 100)


def drawable(row: Alternative) -> bool:
    """Whether a setting has a place on the chart: its tax and its risk are known."""
    point = row.point
    return all(math.isfinite(x) for x in (point.tax.value, point.risk.value, point.risk.high))


def frontier_chart(
    rows: Sequence[Alternative], alpha: float | None, risk: str = "harm missed"
) -> alt.LayerChart:
    """Tax against risk of each drawable setting, with the limits of both, and the bound as a line.

    Filled points are certified. Today's setting is a diamond and the recommended one is larger;
    both are named. Every point carries its figures as a description, in the order of the rows.
    """
    import altair as alt

    values = [_value(row, risk, side) for row, side in _sides(rows) if drawable(row)]
    x = alt.X("tax:Q", **_axis("tax", "legitimate traffic flagged", values))
    y = alt.Y("risk:Q", **_axis("risk", risk, values, alpha or 0.0))
    colour = alt.Color("colour:N", scale=None)
    base = alt.Chart(alt.Data(values=values))
    whisker = base.mark_rule(strokeWidth=1.5, opacity=0.4).encode(color=colour)
    layers: list[Any] = [
        whisker.encode(x=x, y=y, y2="risk_high:Q"),
        whisker.encode(x=x, x2="tax_high:Q", y=y),
        whisker.encode(x=x, x2="tax_low:Q", y=y),
        _points(base).encode(x=x, y=y, stroke=alt.Stroke("colour:N", scale=None)),
        _name(base, "right").encode(x=x, y=y),
        _name(base, "left").encode(x=x, y=y),
    ]
    if alpha is not None:
        layers = [*_bound(alpha, y), *layers]
    return themed(alt.layer(*layers), WIDTH, HEIGHT, top=8, labelOverlap=True, labelPadding=2)


def _sides(rows: Sequence[Alternative]) -> list[tuple[Alternative, str]]:
    """On which side the name of each stands: the first on the left, the other on the right."""
    first = next((i for i, row in enumerate(rows) if row.mark), None)
    sides = []
    for i, row in enumerate(rows):
        tax = row.point.tax.value
        left = tax > _ROOM[1] or (i == first and tax > _ROOM[0])
        sides.append((row, "left" if left else "right"))
    return sides


def _value(row: Alternative, risk: str, side: str) -> dict[str, Any]:
    point = row.point
    limits = (point.tax.low, point.tax.high)
    low, high = limits if all(map(math.isfinite, limits)) else (point.tax.value,) * 2
    colour = CLEAN if row.certified or row.chosen else INK if row.today else GREY
    return {
        "tax": 100 * point.tax.value,
        "tax_low": 100 * low,
        "tax_high": 100 * high,
        "risk": 100 * point.risk.value,
        "risk_high": 100 * point.risk.high,
        "mark": row.mark,
        "side": side,
        "colour": colour,
        "filled": 1 if row.certified else 0,
        "shape": "diamond" if row.today else "circle",
        "size": 150 if row.chosen else 110 if row.today else 44,
        "says": f"{setting(point.thresholds)}: flags {interval(point.tax)} of legitimate traffic; "
        f"{risk} {percent(point.risk.value)}, at most {at_most(point.risk.high)}"
        f"{'; certified' if row.certified else ''}",
    }


def _points(base: alt.Chart) -> alt.Chart:
    import altair as alt

    return base.mark_point(strokeWidth=1.5, opacity=1, aria=True).encode(
        fill=alt.Fill("colour:N", scale=None),
        fillOpacity=alt.FillOpacity("filled:Q", scale=None),
        shape=alt.Shape("shape:N", scale=None),
        size=alt.Size("size:Q", scale=None),
        description="says:N",
    )


def _name(base: alt.Chart, side: str) -> alt.Chart:
    """The names of those points whose name stands on this side of them."""
    dx = 10 if side == "right" else -10
    return (
        base.transform_filter(f"datum.mark != '' && datum.side == '{side}'")
        .mark_text(
            align="left" if side == "right" else "right",
            dx=dx,
            dy=-10,
            fontSize=11.5,
            fontWeight="bold",
            color=INK,
        )
        .encode(text="mark:N")
    )


def _bound(alpha: float, y: alt.Y) -> tuple[alt.Chart, alt.Chart]:
    """A dashed line at the bound, named at its right end."""
    import altair as alt

    data = alt.Data(values=[{"risk": 100 * alpha, "name": f"bound {share(alpha)}"}])
    line = alt.Chart(data).mark_rule(strokeDash=[4, 3], color=INK)
    name = alt.Chart(data).mark_text(align="right", dx=-2, dy=-7, fontSize=11, color=MUTED)
    return line.encode(y=y), name.encode(y=y, x=alt.value("width"), text="name:N")


def _axis(
    name: str, title: str, values: Sequence[dict[str, Any]], least: float = 0.0
) -> dict[str, Any]:
    """An axis from 0 to a little above the highest limit, stretched towards 0."""
    import altair as alt

    top = min(100.0, 1.05 * max([100 * least, 1.0, *(value[f"{name}_high"] for value in values)]))
    ticks = [tick for tick in _TICKS if tick <= top]
    return {
        "scale": alt.Scale(type="pow", exponent=_STRETCH[name], domain=[0, top], nice=False),
        "axis": alt.Axis(
            title=title, values=ticks, labelExpr="format(datum.value, '~g') + ' %'", format=""
        ),
    }
