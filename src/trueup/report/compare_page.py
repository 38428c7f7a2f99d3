"""What changed between versions as one page: what got better and worse, for whom, and the texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.report import compare_text as say
from trueup.report import text
from trueup.report.compare_diff import compare_texts
from trueup.report.html import environment, style
from trueup.report.tune_figures import at_most, share

if TYPE_CHECKING:
    from trueup.compare.result import Comparison, Flip, Frontier, Series, SliceChange

__all__ = ["compare_html"]

_FLIPS, _OPEN = 40, 5  # of each kind on the page; before the rest is folded away
_FEWER = 10  # of each kind where the page holds several comparisons
_ROWS = 12  # of a table before the rest is folded away
_LONG = 4_000  # characters of an answer that are compared and shown
_FOLD, _EDGE = 420, 150  # a longer passage that both share is folded, but for its ends
_LITTLE = 0.15  # of the longer answer: shared less, they are marked as a whole
_PROMPT = 600


def compare_html(series: Series) -> str:
    """Return everything that was compared as one self-contained HTML page.

    It holds its style and its charts, loads nothing, and runs no script; its content security
    policy forbids both. Every text of the answers is escaped, and control, invisible and
    reordering characters in them are shown as escapes. Of each kind of flip at most 40 are shown.
    """
    from trueup import __version__

    comparisons = series.comparisons
    most = _FLIPS if len(comparisons) < 2 else _FEWER
    parts = [_part(index, one, most) for index, one in enumerate(comparisons)]
    warnings = [one for comparison in comparisons for one in comparison.warnings]
    return (
        environment()
        .get_template("compare.html")
        .render(
            say=say,
            sides=_sides,
            share=share,
            at_most=at_most,
            parts=parts,
            series=series,
            frontier=series.frontier,
            frontiers=_frontiers(series.frontier),
            scored=_scored(series.frontier),
            warnings=list(dict.fromkeys(warnings)),
            title=_title(series),
            truths=say.truths(comparisons),
            version=__version__,
            limit=_ROWS,
            prompt=_PROMPT,
            style=style("compare.css"),
        )
    )


def _title(series: Series) -> str:
    names = [say.name(version) for version in say.versions(series)]
    if len(names) == 2:
        return f"{names[0]} {say.ARROW} {names[1]}"
    return f"{len(names)} versions" if names else "nothing"


@dataclass(frozen=True, slots=True)
class _Part:
    """One comparison with what the template shows of it."""

    index: int
    found: Comparison
    better: list[str]
    worse: list[str]
    open: list[str]
    drawings: list[tuple[str, Any]]
    cuts: list[_Cut]
    measures: list[tuple[str, list[Any]]]
    flips: list[_Kind]


@dataclass(frozen=True, slots=True)
class _Cut:
    """The slices of one column on one group of prompts, worst first, and their chart."""

    column: str
    group: str
    rows: list[SliceChange]
    drawing: Any


@dataclass(frozen=True, slots=True)
class _Kind:
    """Flips of one group in one direction: those shown at once, those folded away, and all."""

    anchor: str
    title: str
    worse: bool
    there: int
    first: Sequence[Flip]
    rest: Sequence[Flip]


def _part(index: int, found: Comparison, most: int) -> _Part:
    better, worse = say.findings(found)
    return _Part(
        index=index,
        found=found,
        better=better,
        worse=worse,
        open=say.needs(found),
        drawings=_flips_drawings(index, found),
        cuts=_cuts(index, found),
        measures=_measures(found),
        flips=_kinds(index, found, most),
    )


def _flips_drawings(index: int, found: Comparison) -> list[tuple[str, Any]]:
    """What became of every prompt, drawn for a wide screen and for a narrow one."""
    from markupsafe import Markup

    from trueup.report.compare_charts import flips_chart
    from trueup.report.render import svg

    groups = [change for change in say.groups(found) if change.n]
    if not groups:
        return []
    label = "What became of every prompt: " + "; ".join(
        f"{change.n} {say.group_name(change.group)}, {say.answered(change)}" for change in groups
    )
    return [
        (screen, Markup(svg(flips_chart(groups, width), name=f"{screen}{index}", label=label)))
        for screen, width in (("broad", 1000), ("narrow", 440))
    ]


def _cuts(index: int, found: Comparison) -> list[_Cut]:
    """Slices with their charts; those of one column share their axis."""
    from markupsafe import Markup

    from trueup.report.compare_charts import DRAWN, known, slice_limits, slices_chart
    from trueup.report.render import svg

    grouped = say.cuts(found.slices)
    cuts = []
    for number, ((column, group), rows) in enumerate(grouped.items()):
        drawing = None
        if known(rows):
            beside = [
                row for (name, _), some in grouped.items() if name == column for row in some[:DRAWN]
            ]
            limits = slice_limits(beside)
            chart = slices_chart(rows, found.level, limits)
            label = f"Change of refusal by slice, {say.group_name(group)}, in percentage points"
            drawing = Markup(svg(chart, name=f"slices{index}-{number}", label=label))
        cuts.append(_Cut(column, group, rows, drawing))
    return cuts


def _measures(found: Comparison) -> list[tuple[str, list[Any]]]:
    """Measures by group, those beyond chance first."""
    ranked = sorted(found.measures, key=lambda one: not say.sure(one.p_adjusted, found))
    names = dict.fromkeys(one.group for one in found.measures)
    return [(name, [one for one in ranked if one.group == name]) for name in names]


def _kinds(index: int, found: Comparison, most: int) -> list[_Kind]:
    kinds = []
    for number, (group, direction, there, worse, flips) in enumerate(say.flip_groups(found)):
        title = f"{text.capital(direction)}, {say.group_name(group)}"
        first, rest = flips[:_OPEN], flips[_OPEN:most]
        kinds.append(_Kind(f"f{index}-{number}", title, worse, there, first, rest))
    return kinds


@dataclass(frozen=True, slots=True)
class _Side:
    """An answer as it is shown.

    pieces: (kind, text) each. left_out: characters that are not shown. whole: the two answers share
    next to nothing, so that single passages would not stand out.
    """

    pieces: list[tuple[str, str]]
    left_out: int
    whole: bool


def _sides(flip: Flip) -> tuple[_Side, _Side]:
    """Both answers, fit to print, with the passages marked that only one of them has."""
    answers = [
        text.neutralise(one[:_LONG].strip(), keep_newlines=True)
        for one in (flip.before, flip.after)
    ]
    found = compare_texts(*answers)
    shared = sum(len(piece.before) for piece in found if piece.kind == "same")
    whole = shared < _LITTLE * max(map(len, answers))
    before = [(piece.kind, piece.before) for piece in found if piece.before]
    after = [(piece.kind, piece.after) for piece in found if piece.after]
    return (
        _Side(list(_shown(before)), max(len(flip.before) - _LONG, 0), whole),
        _Side(list(_shown(after)), max(len(flip.after) - _LONG, 0), whole),
    )


def _shown(pieces: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The pieces, leading space unmarked, and long shared ones folded but for their ends."""
    for place, (kind, passage) in enumerate(pieces):
        if kind != "same":
            words = passage.lstrip()
            yield from _some(("same", passage[: len(passage) - len(words)]), (kind, words))
        elif len(passage) <= _FOLD:
            yield kind, passage
        else:
            start = 0 if place == 0 else passage.find(" ", _EDGE) + 1
            last = place == len(pieces) - 1
            end = len(passage) if last else passage.rfind(" ", 0, len(passage) - _EDGE)
            end = max(start, end)
            yield from _some(
                ("same", passage[:start]), ("fold", passage[start:end]), ("same", passage[end:])
            )


def _some(*pieces: tuple[str, str]) -> Iterator[tuple[str, str]]:
    return (piece for piece in pieces if piece[1])


def _scored(frontier: Frontier | None) -> bool:
    from trueup.report.compare_frontier_chart import drawable

    return frontier is not None and any(drawable(point, True) for point in frontier.points)


def _frontiers(frontier: Frontier | None) -> list[Any]:
    """The chart of capability against safety, where there is one, and that of the tax."""
    from markupsafe import Markup

    from trueup.report.compare_frontier_chart import drawable, frontier_chart
    from trueup.report.render import svg

    if frontier is None:
        return []
    kinds = [
        (scored, f"{what} against harmful prompts refused, for each version")
        for scored, what in ((True, "Capability"), (False, "Legitimate prompts answered"))
        if any(drawable(point, scored) for point in frontier.points)
    ]
    width = 420 if len(kinds) > 1 else 640
    return [
        Markup(
            svg(frontier_chart(frontier, scored=scored, width=width), name=f"all{i}", label=label)
        )
        for i, (scored, label) in enumerate(kinds)
    ]
