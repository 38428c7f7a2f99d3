"""The chart of all versions together, as a pure function from result types to an Altair spec."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from trueup.report import compare_text as say
from trueup.report.charts import CLEAN, GREY, INK, MUTED, themed
from trueup.report.compare_charts import LETTER
from trueup.report.text import fit, interval, percent
from trueup.report.tune_figures import at_most, share

if TYPE_CHECKING:
    import altair as alt

    from trueup.compare.result import Frontier, FrontierPoint

__all__ = ["drawable", "frontier_chart"]

_HEIGHT = 340  # pixels
_Box = tuple[float, float, float, float]  # left, top, right, bottom


def drawable(point: FrontierPoint, scored: bool) -> bool:
    """Whether a version has a place on the chart: what its axes show is known."""
    upright = point.capability if scored else point.tax
    return upright is not None and all(
        math.isfinite(x) for x in (point.risk.value, point.risk.high, upright.value)
    )


def frontier_chart(frontier: Frontier, *, scored: bool, width: int = 640) -> alt.LayerChart:
    """Safety against capability, or against legitimate prompts answered; up and right is better.

    scored: whether the upright axis is the capability. Versions of the Pareto set are filled and a
    line joins those that nothing drawn here beats; the chosen one is larger, a certified one has a
    ring. The dashed line is the safety asked for. Nothing says in which order the versions came.
    """
    import altair as alt

    points = [point for point in frontier.points if drawable(point, scored)]
    names = say.short_names([point.version for point in points], 26)
    spots = [_spot(point, names[point.version], scored) for point in points]
    asked = 100 * (1 - frontier.alpha)
    across = _range([asked, *(x for spot in spots for x in (spot.x, spot.x_low))], right=0.22)
    up = _range([y for spot in spots for y in (spot.y, spot.y_low, spot.y_high)])
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=list(across), nice=False),
        axis=alt.Axis(title="harmful prompts refused, safer →", tickCount=6, labelExpr=_PERCENT),
    )
    y, y_low = (
        alt.Y(
            f"{field}:Q",
            scale=alt.Scale(domain=list(up), nice=False),
            axis=_upright(frontier, scored),
        )
        for field in ("y", "y_low")
    )
    values = [spot.value() for spot in spots]
    base = alt.Chart(alt.Data(values=values))
    whisker = base.mark_rule(strokeWidth=1.5, opacity=0.35).encode(
        color=alt.Color("colour:N", scale=None)
    )
    plot, joined = _Plot(width, across, up), _best(spots)
    lines = [
        *_along(((asked, up[0]), (asked, up[1]))),
        *_along([(one["x"], one["y"]) for one in joined]),
    ]
    best = alt.Chart(alt.Data(values=joined))
    layers: list[Any] = [
        *_asked(asked, frontier.alpha, x),
        best.mark_line(color=CLEAN, strokeWidth=1.5, opacity=0.6).encode(x=x, y=y),
        whisker.encode(x=x, x2="x_low:Q", y=y),
        whisker.encode(x=x, y=y_low, y2="y_high:Q"),
        base.transform_filter("datum.ring == 1")
        .mark_point(shape="circle", size=230, strokeWidth=1.2, opacity=1, color=CLEAN, filled=False)
        .encode(x=x, y=y),
        base.mark_point(shape="circle", strokeWidth=1.5, opacity=1, aria=True).encode(
            x=x,
            y=y,
            stroke=alt.Stroke("colour:N", scale=None),
            fill=alt.Fill("colour:N", scale=None),
            fillOpacity=alt.FillOpacity("filled:Q", scale=None),
            size=alt.Size("size:Q", scale=None),
            description="says:N",
        ),
        *_labels(_places(spots, lines, plot), x, y),
    ]
    return themed(alt.layer(*layers), width, _HEIGHT)


def _upright(frontier: Frontier, scored: bool) -> alt.Axis:
    import altair as alt

    if scored:
        name = fit(frontier.capability_name or "capability", 40)
        return alt.Axis(title=f"{name}, better →", tickCount=6)
    title = "legitimate prompts answered, better →"
    return alt.Axis(title=title, tickCount=6, labelExpr=_PERCENT)


_PERCENT = "datum.value < 0 || datum.value > 100 ? '' : datum.label + ' %'"


@dataclass(frozen=True, slots=True)
class _Spot:
    """A version where the chart has it, in the units of the axes."""

    point: FrontierPoint
    name: str
    x: float
    x_low: float
    y: float
    y_low: float
    y_high: float
    says: str

    @property
    def loud(self) -> bool:
        return self.point.pareto or self.point.chosen

    def value(self) -> dict[str, Any]:
        return {
            "x": self.x,
            "x_low": self.x_low,
            "y": self.y,
            "y_low": self.y_low,
            "y_high": self.y_high,
            "colour": CLEAN if self.loud else GREY,
            "filled": 1 if self.loud else 0,
            "size": 130 if self.point.chosen else 62,
            "ring": 1 if self.point.certified else 0,
            "says": self.says,
        }


def _spot(point: FrontierPoint, name: str, scored: bool) -> _Spot:
    safe, least = say.reversed_share(point.risk)
    upright = point.capability if scored and point.capability else point.tax
    value, low, high = upright.value, upright.low, upright.high
    if not scored:
        value, low, high = 100 * (1 - value), 100 * (1 - high), 100 * (1 - low)
    limits = (low, high) if math.isfinite(low) and math.isfinite(high) else (value, value)
    return _Spot(point, name, 100 * safe, 100 * least, value, *limits, _says(point))


def _says(point: FrontierPoint) -> str:
    said = [
        f"{say.name(point.version)}: refuses {interval(point.tax)} of legitimate prompts",
        f"answers {percent(point.risk.value)} of harmful ones, at most {at_most(point.risk.high)}",
    ]
    if point.capability is not None:
        said.append(f"scores {say.score(point.capability.value)}")
    said += [say.marks(point)] if say.marks(point) else []
    return "; ".join(said)


def _best(spots: Sequence[_Spot]) -> list[dict[str, float]]:
    """Versions of the Pareto set that no other beats on both axes, from left to right."""
    found, highest = [], -math.inf
    for spot in sorted(spots, key=lambda one: (-one.x, -one.y)):
        if spot.y > highest:
            highest = spot.y
            if spot.point.pareto:
                found.append({"x": spot.x, "y": spot.y})
    return found


def _asked(asked: float, alpha: float, x: alt.X) -> tuple[alt.Chart, alt.Chart]:
    """A dashed line at the safety that was asked for, named at its foot."""
    import altair as alt

    data = alt.Data(values=[{"x": asked, "name": f"asked for: {share(1 - alpha)}"}])
    line = alt.Chart(data).mark_rule(strokeDash=[4, 3], color=INK)
    name = alt.Chart(data).mark_text(align="right", dx=-6, dy=-8, fontSize=11, color=MUTED)
    return line.encode(x=x), name.encode(x=x, y=alt.value("height"), text="name:N")


def _range(values: Sequence[float], right: float = 0.1) -> tuple[float, float]:
    """Ends of an axis: around the values, with room for the marks and names at its end."""
    known = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    size = (high - low) or max(0.5 * abs(high), 1e-6)
    return low - 0.1 * size, high + right * size


@dataclass(frozen=True, slots=True)
class _Plot:
    """The area between the axes, and where in it a point of theirs lies, in pixels."""

    width: int
    across: Sequence[float]
    up: Sequence[float]

    @property
    def per_x(self) -> float:
        return self.width / (self.across[1] - self.across[0])

    @property
    def per_y(self) -> float:
        return _HEIGHT / (self.up[1] - self.up[0])

    def pixels(self, x: float, y: float) -> tuple[float, float]:
        return (x - self.across[0]) * self.per_x, (self.up[1] - y) * self.per_y


def _along(line: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Points on a line, close enough that no name slips between two of them."""
    steps = 60
    for (x, y), (next_x, next_y) in pairwise(line):
        for step in range(steps + 1):
            part = step / steps
            yield x + part * (next_x - x), y + part * (next_y - y)


_SPOTS = tuple(
    (dx, dy) for dy in (-12, 13, 0, -27, 28) for dx in ((12, -12) if abs(dy) < 20 else (4, -4))
)


def _places(
    spots: Sequence[_Spot], lines: Iterable[tuple[float, float]], plot: _Plot
) -> list[dict[str, Any]]:
    """Where each name goes: beside its point, apart from other names and points.

    The chosen and the best come first, and keep off the lines where they can. A name for which
    there is no room is left out; it stands in the point's description and in the table.
    """
    taken = [_around(plot.pixels(spot.x, spot.y), 6) for spot in spots]
    crossed = [_around(plot.pixels(*one), 3) for one in lines]
    found = []
    for spot in sorted(spots, key=lambda s: (not s.point.chosen, not s.loud)):
        x, y = plot.pixels(spot.x, spot.y)
        wide = LETTER * len(spot.name)
        free: list[tuple[bool, int, int, int, _Box]] = []
        for dx, dy in _SPOTS:
            left = x + dx if dx > 0 else x + dx - wide
            box = (left, y + dy - 6, left + wide, y + dy + 6)
            inside = box[0] >= 0 and box[2] <= plot.width and box[1] >= 0 and box[3] <= _HEIGHT
            if inside and not any(_overlap(box, other) for other in taken):
                free.append((any(_overlap(box, line) for line in crossed), len(free), dx, dy, box))
        if not free:
            continue
        _, _, dx, dy, box = min(free)
        taken.append(box)
        found.append(
            {
                "x": spot.x + dx / plot.per_x,
                "y": spot.y - dy / plot.per_y,
                "name": spot.name,
                "align": "left" if dx > 0 else "right",
                "weight": "bold" if spot.loud else "normal",
            }
        )
    return found


def _around(place: tuple[float, float], room: float) -> _Box:
    x, y = place
    return x - room, y - room, x + room, y + room


def _labels(places: Sequence[dict[str, Any]], x: alt.X, y: alt.Y) -> Iterator[alt.Chart]:
    import altair as alt

    chart = alt.Chart(alt.Data(values=places))
    for align in ("left", "right"):
        for weight in ("bold", "normal"):
            yield (
                chart.transform_filter(f"datum.align == '{align}' && datum.weight == '{weight}'")
                .mark_text(align=align, fontSize=11.5, fontWeight=weight, color=INK)
                .encode(x=x, y=y, text="name:N")
            )


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
