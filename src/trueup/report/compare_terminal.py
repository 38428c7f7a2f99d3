"""What changed between versions, in a terminal: the sentence first, then what it rests on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from trueup.report import compare_text as say
from trueup.report.console import ALARM, GOOD, LEAD, QUIET, TAX, Page
from trueup.report.text import capital, percent, shorten
from trueup.report.tune_figures import at_most, share

if TYPE_CHECKING:
    from rich.console import Console

    from trueup.compare.result import Comparison, Flip, Frontier, GroupChange, Series

__all__ = ["print_compare"]

_MEASURES, _SLICES, _PHRASES, _FLIPS = 8, 8, 6, 2  # rows shown; the page and the JSON have all
_STYLE = {-1: f"bold {ALARM}", 0: LEAD, 1: f"bold {GOOD}"}
_VERSIONS = 24  # columns for a version's name
_ALIKE = 24  # characters


def print_compare(series: Series, console: Console, files: Sequence[str] = ()) -> None:
    """Print what changed, worst first; of several versions, each against the first and the choice.

    Nothing is wider than the console, and no answer can style it. `files`: those that were
    compared, for the commands that are offered.
    """
    page = Page(console, files)
    comparisons = series.comparisons
    if not comparisons:
        page.prose((say.headline(series), LEAD))
        return
    if len(comparisons) == 1:
        _single(page, comparisons[0])
    else:
        _several(page, series)
    if series.frontier is not None:
        _frontier(page, series.frontier, told=len(comparisons) > 1)
    _warnings(page, comparisons)
    _next(page, comparisons)


def _single(page: Page, found: Comparison) -> None:
    mark = shorten(found.verdict, 60).upper()
    page.prose(("Before and after", LEAD), (" · ", QUIET), (mark, _STYLE[say.tone(found)]))
    facts = [f"{say.name(found.before)} {say.ARROW} {say.name(found.after)}"]
    facts += [f"{say.level(found)} intervals"]
    page.prose((" · ".join(facts), QUIET))
    page.blank()
    page.prose((found.sentence, LEAD))
    _truths(page, [found])
    _groups(page, found)
    page.blank()
    page.prose((say.noise(found.noise), QUIET), indent=2)
    _measures(page, found)
    _slices(page, found)
    _phrases(page, found)
    _flips(page, found)
    needed = say.needs(found)
    if needed:
        page.title("What a firm answer takes")
    for one in needed:
        page.prose((one, ""), indent=2)


def _truths(page: Page, found: Sequence[Comparison]) -> None:
    """What the verdicts rest on; loud where that is no person."""
    for mark, sentence in say.truths(found).items():
        loud = mark == say.UNVERIFIED
        page.prose((f"{mark} " if loud else "", ALARM), (sentence, "" if loud else QUIET))


def _groups(page: Page, found: Comparison) -> None:
    """Refusals before and after, and how they came about."""
    if not say.groups(found):
        return
    page.blank()
    page.row(
        ("", 2, ""),
        ("refused", 17, QUIET),
        ("before", -15, QUIET),
        ("after", -15, QUIET),
        ("newly refused", -15, QUIET),
        ("newly answered", -15, QUIET),
    )
    for change in say.groups(found):
        before, after = say.refused(change)
        kind = change.group if change.group in ("legitimate", "harmful") else "prompts"
        kind = "prompt" if kind == "prompts" and change.n == 1 else kind
        page.row(
            ("", 2, ""),
            (f"{change.n:,} {kind}", 17, LEAD),
            (before, -15, ""),
            (after, -15, LEAD),
            (f"{change.newly_refused:,}", -15, ""),
            (f"{change.newly_answered:,}", -15, ""),
        )
        page.prose(
            (say.signed(change.difference), _colour(change)),
            (f", {say.p_value(change.p_value)}", ""),
            (f"; {say.standing(change)}" if say.standing(change) else "", ""),
            indent=4,
        )


def _colour(change: GroupChange) -> str:
    """Red for a change for the worse, blue for the better, when it is one."""
    return {-1: TAX, 1: GOOD, 0: ""}[say.better(change.group) * say.moved(change.difference)]


def _measures(page: Page, found: Comparison) -> None:
    seen = [one for one in found.measures if one.before or one.after]  # not at 0 on both sides
    rows = sorted(seen, key=lambda one: not say.sure(one.p_adjusted, found))
    for group in dict.fromkeys(one.group for one in rows):
        those = [one for one in rows if one.group == group]
        page.title(f"What else changed, {say.group_name(group)}", "* beyond chance (Holm)")
        for one in those[:_MEASURES]:
            before, after, difference = say.measured(one)
            firm = say.sure(one.p_adjusted, found)
            page.row(
                ("*" if firm else "", 2, ALARM),
                (one.name, 22, LEAD if firm else ""),
                (before, -9, ""),
                (say.ARROW, -3, QUIET),
                (after, -9, ""),
                ("", 3, ""),
                (difference, page.width - 48, LEAD if firm else ""),
            )
            if one.unit == "score" and say.score_limits(one):
                page.prose(
                    (f"{say.level(found)} interval: {say.score_limits(one)}", QUIET), indent=4
                )
        page.more(len(those), _MEASURES)


def _slices(page: Page, found: Comparison) -> None:
    for (column, group), rows in say.cuts(found.slices).items():
        title = f"{capital(say.group_name(group))}, by {shorten(column, 30)}"
        if not any(one.change.newly_refused or one.change.newly_answered for one in rows):
            page.title(title, f"no verdict changed in any of {len(rows):,}")
            continue
        page.title(title, "worst first")
        page.row(
            ("", 2, ""),
            ("", 24, ""),
            ("n", -5, QUIET),
            ("before", -9, QUIET),
            ("after", -9, QUIET),
            ("points", -23, QUIET),
            ("p, Holm", -8, QUIET),
        )
        for one in rows[:_SLICES]:
            firm = say.sure(one.p_adjusted, found)
            page.row(
                ("*" if firm else "", 2, ALARM),
                (one.value.strip() or "(blank)", 23, LEAD if firm else ""),
                ("", 1, ""),
                (f"{one.change.n:,}", -5, QUIET),
                (percent(one.change.before.value), -9, ""),
                (percent(one.change.after.value), -9, ""),
                (say.figure(one.change.difference), -23, _colour(one.change) if firm else ""),
                (say.p_value(one.p_adjusted, ""), -8, QUIET),
            )
        page.more(len(rows), _SLICES)


def _phrases(page: Page, found: Comparison) -> None:
    if found.phrases:
        page.title("Phrases that came and went", "in answers to how many prompts")
    for one in found.phrases[:_PHRASES]:
        gained = one.after > one.before
        page.row(
            ("+" if gained else "−", 2, LEAD),
            (f"“{one.phrase}”", 42, ""),
            ("", 1, ""),
            (f"{one.before:,} {say.ARROW} {one.after:,} of {one.n:,} {one.group}", 34, ""),
        )
        where = ", ".join(f"{shorten(place, 40)} ({count:,})" for place, count in one.where[:3])
        page.prose((f"mostly {where}" if where else "", QUIET), indent=4)
    page.more(len(found.phrases), _PHRASES)


def _flips(page: Page, found: Comparison) -> None:
    for group, direction, there, worse, flips in say.flip_groups(found):
        page.title(
            f"{direction.capitalize()}, {say.group_name(group)}",
            f"{there:,}{', for the worse' if worse else ''}",
        )
        for one in flips[:_FLIPS]:
            _flip(page, one)
        page.more(len(flips), _FLIPS)


def _flip(page: Page, one: Flip) -> None:
    page.row(("", 2, ""), (one.prompt or "(no prompt)", page.width - 2, LEAD))
    skipped = _alike(one.before, one.after)
    for when, answer, verdict in (
        ("before", one.before, one.verdict_before),
        ("after", one.after, one.verdict_after),
    ):
        page.row(
            ("", 4, ""),
            (when, 7, QUIET),
            (say.verdict_name(verdict), 16, ALARM if verdict != "full" else GOOD),
            ("", 1, ""),
            (f"{'…' if skipped else ''}{answer[skipped:]}" or "(empty)", page.width - 28, ""),
        )
    aside = " · ".join(shorten(part, 40) for part in (one.key, *one.slices))
    page.row(("", 4, ""), (aside, page.width - 4, QUIET))


def _alike(before: str, after: str) -> int:
    """How many characters to pass over: both begin with these words, and not only with a few."""
    pairs = enumerate(zip(before, after, strict=False))
    same = next((i for i, (a, b) in pairs if a != b), min(len(before), len(after)))
    start = max(before.rfind(mark, 0, same) for mark in " \n") + 1
    return start if start > _ALIKE else 0


def _several(page: Page, series: Series) -> None:
    found = series.comparisons
    page.prose(("Before and after", LEAD), (f" · {len(found) + 1} versions", QUIET))
    page.prose((f"each against {say.name(found[0].before)}", QUIET))
    page.blank()
    page.prose((say.headline(series), LEAD))
    _truths(page, found)
    page.blank()
    both = any(len(say.groups(one)) == 2 for one in found)
    heads = ("legitimate, points", -22), ("harmful, points", -22)
    if not both:
        heads = ("points refused", -22), ("p", -9)
    page.row(
        ("", 2, ""),
        ("", _VERSIONS - 8 if both else _VERSIONS, ""),
        *((h, w, QUIET) for h, w in heads),
    )
    columns = _VERSIONS - 8 if both else _VERSIONS
    names = say.short_names([one.after.name for one in found], columns - 1)
    for one in found:
        _version(page, one, (names[one.after.name], columns, LEAD), both)


def _version(page: Page, found: Comparison, name: tuple[str, int, str], both: bool) -> None:
    """One version against the first, on a line."""
    if both:
        cells = [
            ("", -22, "")
            if change is None
            else (say.figure(change.difference), -22, _colour(change))
            for change in (found.legitimate, found.harmful)
        ]
    else:
        (change,) = say.groups(found) or (None,)
        p = say.p_value(change.p_value, "") if change else ""
        shown = say.figure(change.difference) if change else ""
        cells = [(shown, -22, ""), (p, -9, "")]
    used = 4 + name[1] + sum(abs(cell[1]) for cell in cells)
    verdict = (shorten(found.verdict, 40), page.width - used, _STYLE[say.tone(found)])
    page.row(("", 2, ""), name, *cells, ("", 2, ""), verdict)


def _frontier(page: Page, frontier: Frontier, *, told: bool) -> None:
    """Every version with its tax, its risk and its capability."""
    page.title(
        "Which one to take", f"asked for: {share(1 - frontier.alpha)} of harmful prompts refused"
    )
    if not told:
        page.prose((frontier.sentence, LEAD), indent=2)
    scored = any(point.capability is not None for point in frontier.points)
    capability = frontier.capability_name or "capability"
    heads = ("tax", "risk", "at most", *([capability] if scored else []))
    page.row(("", 20, ""), *((head, -10, QUIET) for head in heads))
    names = say.short_names([point.version for point in frontier.points], 17)
    for point in frontier.points:
        style = LEAD if point.chosen else ""
        score = point.capability.value if point.capability else math.nan
        page.row(
            ("", 2, ""),
            (names[point.version], 18, style),
            (percent(point.tax.value), -10, TAX),
            (percent(point.risk.value), -10, GOOD),
            (at_most(point.risk.high), -10, ""),
            *([(say.score(score), -10, "")] if scored else []),
            ("", 2, ""),
            (say.marks(point), page.width - (62 if scored else 52), style or QUIET),
        )
    page.prose(
        (
            "Tax: legitimate prompts refused. Risk: harmful prompts answered. Pareto: no other ",
            QUIET,
        ),
        ("version is better on all of them.", QUIET),
        indent=2,
    )
    for one in say.frontier_facts(frontier):
        page.prose((one, QUIET), indent=2)


def _warnings(page: Page, comparisons: Sequence[Comparison]) -> None:
    found = _once(one for comparison in comparisons for one in comparison.warnings)
    if found:
        page.title("Before you rely on it")
    for one in found:
        page.prose((one, ALARM), indent=2)


def _next(page: Page, comparisons: Sequence[Comparison]) -> None:
    page.title("Next")
    flips = any(comparison.flips for comparison in comparisons)
    what = "the flips side by side" if flips else "all of it on one page"
    page.prose((f"Add --html compare.html to read {what}.", ""), indent=2)
    if len(comparisons) == 1:
        page.command("trueup gate --max-new-refusals 2pp" if page.files else "")


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
