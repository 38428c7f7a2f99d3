"""The charts of a comparison, as pure functions from result types to Altair specs.

What got worse is drawn in the colour of the tax, what got better in that of what passes; what is
not shown to be either is grey. Colours are those of `trueup.report.charts`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from trueup.report import compare_text as say
from trueup.report.charts import CLEAN, GREY, INK, MUTED, TAX, themed
from trueup.report.text import fit, percent

if TYPE_CHECKING:
    import altair as alt

    from trueup.compare.result import GroupChange, SliceChange

__all__ = [
    "DRAWN",
    "LETTER",
    "flips_chart",
    "known",
    "slice_limits",
    "slices_chart",
]

DRAWN = 20  # slices; the table holds the rest
_FLIPS_WIDTH, _FLIPS_ROW = 1000, 92  # pixels
_SLICES_WIDTH, _SLICES_ROW = 250, 24
_LABEL, _NAMES, _FIGURE = 24, 158, 44  # columns of a slice's name; pixels on the left and right
LETTER = 6.3  # pixels, about
_SHADE = {"worse": TAX, "better": CLEAN, "": GREY}


def flips_chart(changes: Sequence[GroupChange], width: int = _FLIPS_WIDTH) -> alt.LayerChart:
    """What became of every prompt: a bar per group, with what was refused before and after.

    The bar is cut into newly answered, refused both times, newly refused, and answered both times,
    in that order: the first two were refused before, the second and third are refused after.
    Groups without a prompt are left out.
    """
    import altair as alt

    there = [change for change in changes if change.n]
    parts = [part for row, change in enumerate(there) for part in _parts(row, change, width)]
    spans = [span for row, change in enumerate(there) for span in _spans(row, change, width)]
    names = [
        {"y": _FLIPS_ROW * row + 12, "name": _group_head(change)}
        for row, change in enumerate(there)
    ]
    height = _FLIPS_ROW * max(len(there), 1)
    x = _bare(alt.X, 100.0)
    y = _bare(alt.Y, height, reverse=True)
    bars = alt.Chart(alt.Data(values=parts))
    lines = alt.Chart(alt.Data(values=spans))
    titles = alt.Chart(alt.Data(values=names))
    layers = [
        titles.mark_text(align="left", fontSize=12.5, fontWeight="bold", color=INK).encode(
            x=alt.value(0), y=y("y:Q"), text="name:N"
        ),
        bars.mark_rect(aria=True).encode(
            x=x("start:Q"),
            x2="end:Q",
            y=y("y:Q"),
            y2="y2:Q",
            fill=alt.Fill("colour:N", scale=None),
            fillOpacity=alt.FillOpacity("opacity:Q", scale=None),
            description="says:N",
        ),
        bars.mark_text(fontSize=11.5, color=INK).encode(
            x=x("middle:Q"), y=y("centre:Q"), text="words:N"
        ),
        lines.mark_rule(strokeWidth=2, color=INK).encode(x=x("start:Q"), x2="end:Q", y=y("y:Q")),
        lines.mark_text(align="left", fontSize=11, color=MUTED).encode(
            x=x("label:Q"), y=y("words_y:Q"), text="words:N"
        ),
    ]
    return themed(alt.layer(*layers), width, height)


def _bare(kind: Any, top: float, **scale: Any) -> Callable[[str], Any]:
    """A position from 0 to `top` without an axis, whatever the field."""
    import altair as alt

    return lambda field: kind(
        field, scale=alt.Scale(domain=[0, top], nice=False, **scale), axis=None
    )


def _group_head(change: GroupChange) -> str:
    name = say.group_name(change.group).removeprefix("all ")
    return f"{change.n:,} {name}"


def _parts(row: int, change: GroupChange, width: int) -> Iterator[dict[str, Any]]:
    """The pieces of a group's bar, in percent of its prompts."""
    both = change.refused_before - change.newly_answered
    neither = change.n - both - change.newly_answered - change.newly_refused
    more = {1: "better", -1: "worse", 0: ""}[say.better(change.group)]
    less = {"better": "worse", "worse": "better", "": ""}[more]
    start = 0.0
    for count, words, colour, opacity in (
        (change.newly_answered, "newly answered", _SHADE[less], 0.62),
        (both, "refused both times", GREY, 0.62),
        (change.newly_refused, "newly refused", _SHADE[more], 0.62),
        (neither, "answered both times", GREY, 0.2),
    ):
        part = max(count, 0) / change.n
        shown = next(
            (one for one in (f"{count:,} {words}", f"{count:,}") if _fits(one, part * width)), ""
        )
        top = _FLIPS_ROW * row + 40
        if part:
            yield {
                "start": 100 * start,
                "end": 100 * (start + part),
                "middle": 100 * (start + part / 2),
                "y": top,
                "y2": top + 24,
                "centre": top + 12.5,
                "colour": colour,
                "opacity": opacity,
                "words": shown,
                "says": f"{count:,} of {_group_head(change)} {words}",
            }
        start += part


def _spans(row: int, change: GroupChange, width: int) -> Iterator[dict[str, Any]]:
    """Lines above and below the bar over what was refused before, and what is after."""
    first = change.newly_answered / change.n
    top = _FLIPS_ROW * row + 40
    for start, count, rate, when, y, words_y in (
        (0.0, change.refused_before, change.before, "before", top - 4, top - 12),
        (first, change.refused_after, change.after, "after", top + 28, top + 37),
    ):
        words = f"refused {when}: {count:,}, {percent(rate.value)}"
        yield {
            "start": 100 * start,
            "end": 100 * (start + count / change.n),
            "label": 100 * max(min(start, 1 - LETTER * len(words) / width), 0.0),
            "y": y,
            "words_y": words_y,
            "words": words,
        }


def _fits(words: str, pixels: float) -> bool:
    return LETTER * len(words) + 8 <= pixels


def slices_chart(
    rows: Sequence[SliceChange], level: float, limits: tuple[float, float] | None = None
) -> alt.LayerChart:
    """How refusal changed in each slice, in percentage points, with its interval and a line at 0.

    Filled and in colour: beyond chance, all slices counted. The first 20 rows whose difference is
    known are drawn in the order given. limits: ends of the axis, to be shared with another chart;
    of these rows without.
    """
    import altair as alt

    drawn = known(rows)[:DRAWN]
    low, high = limits or slice_limits(drawn)
    height = _SLICES_ROW * max(len(drawn), 1)
    values = [_slice(number, one, level) for number, one in enumerate(drawn)]
    axis = alt.Axis(title="percentage points", tickCount=5, labelExpr=_SIGNED)
    x = {
        field: alt.X(f"{field}:Q", scale=alt.Scale(domain=[low, high], nice=False), axis=axis)
        for field in ("value", "low")
    }
    y = _bare(alt.Y, height, reverse=True)("y:Q")
    base = alt.Chart(alt.Data(values=values)).encode(y=y)
    colour = alt.Stroke("colour:N", scale=None)
    zero = alt.Chart(alt.Data(values=[{"value": 0}]))
    layers = [
        zero.mark_rule(color=MUTED, strokeWidth=1).encode(x=x["value"]),
        base.mark_rule(strokeWidth=5, opacity=0.35, strokeCap="round").encode(
            x=x["low"], x2="high:Q", stroke=colour
        ),
        base.mark_point(size=48, strokeWidth=1.5, opacity=1, shape="circle", aria=True).encode(
            x=x["value"],
            stroke=colour,
            fill=alt.Fill("colour:N", scale=None),
            fillOpacity=alt.FillOpacity("filled:Q", scale=None),
            description="says:N",
        ),
        base.mark_text(align="right", dx=-10, fontSize=11, color=INK).encode(
            x=alt.value(0), text="name:N"
        ),
        base.mark_text(align="right", dx=_FIGURE, fontSize=11, color=INK).encode(
            x=alt.value("width"), text="figure:N"
        ),
    ]
    chart = alt.layer(*layers).properties(autosize=alt.AutoSizeParams(type="none"))
    sides = {"left": _NAMES, "right": _FIGURE + 4, "bottom": 40}
    return themed(chart, _SLICES_WIDTH, height, **sides)


_SIGNED = "(datum.value > 0 ? '+' : '') + replace(datum.label, '-', '\u2212')"


def known(rows: Sequence[SliceChange]) -> list[SliceChange]:
    """The slices whose difference is known."""
    return [one for one in rows if math.isfinite(one.change.difference.value)]


def slice_limits(rows: Sequence[SliceChange]) -> tuple[float, float]:
    """Ends of an axis in points that holds every interval of these rows, and 0."""
    ends = [
        100 * end
        for one in known(rows)
        for end in (one.change.difference.low, one.change.difference.high)
        if math.isfinite(end)
    ]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    room = max(0.04 * (high - low), 0.5)
    return low - room, high + room


def _slice(number: int, one: SliceChange, level: float) -> dict[str, Any]:
    change, difference = one.change, one.change.difference
    firm = one.p_adjusted <= 1 - level + 1e-12
    sign = say.better(change.group) * (1 if difference.value > 0 else -1)
    name = one.value.strip() or "(blank)"
    return {
        "y": _SLICES_ROW * (number + 0.5),
        "name": fit(name, _LABEL),
        "value": _hundred(difference.value),
        "low": _hundred(difference.low),
        "high": _hundred(difference.high),
        "colour": _SHADE[{1: "better", -1: "worse", 0: ""}[sign]] if firm else GREY,
        "filled": 1 if firm else 0,
        "figure": say.figure_only(change),
        "says": f"{fit(name, 60)}: {say.answered(change)} of {change.n:,}; "
        f"{say.signed(difference)}, {say.p_value(one.p_adjusted, 'adjusted p')}",
    }


def _hundred(share: float) -> float | None:
    return 100 * share if math.isfinite(share) else None
