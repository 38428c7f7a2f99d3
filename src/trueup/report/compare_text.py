"""What a comparison says, in the words and figures that the terminal and the page share."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from trueup.report.text import MINUS, UNKNOWN, capital, fit, interval, percent, points, shorten

if TYPE_CHECKING:
    from trueup.compare.result import (
        Comparison,
        Flip,
        Frontier,
        FrontierPoint,
        GroupChange,
        MeasureChange,
        Noise,
        Series,
        SliceChange,
        Version,
    )
    from trueup.stats import Estimate, Interval

__all__ = [
    "ARROW",
    "UNVERIFIED",
    "answered",
    "better",
    "cuts",
    "figure",
    "figure_only",
    "findings",
    "flip_groups",
    "floor",
    "frontier_facts",
    "group_name",
    "groups",
    "headline",
    "level",
    "marks",
    "measured",
    "moved",
    "name",
    "needs",
    "noise",
    "p_value",
    "refused",
    "reversed_share",
    "score",
    "score_limits",
    "short_names",
    "signed",
    "standing",
    "sure",
    "tone",
    "truth",
    "truth_mark",
    "truths",
    "verdict_name",
    "versions",
]

ARROW = "→"
UNVERIFIED = "UNVERIFIED"
_NAME = 60  # characters of a version's name
_FEW = 4  # slices that a finding names
_ANSWERS = {"full": "full answer", "partial": "partial refusal", "refusal": "refusal"}
_NO_REPEATS = "the noise floor is unknown, because each prompt was asked once"


def name(version: Version | str) -> str:
    """A version's name, fit to print."""
    return shorten(version if isinstance(version, str) else version.name, _NAME) or "(no name)"


def short_names(names: Sequence[str], columns: int) -> dict[str, str]:
    """Each name in at most so many columns; what all begin with goes first when they do not fit."""
    from rich.cells import cell_len

    shown = {one: name(one) for one in names}
    if all(cell_len(one) <= columns for one in shown.values()):
        return shown
    common = os.path.commonprefix(list(shown.values()))  # noqa: RUF071  (of letters, no path)
    word = re.search(r"\w*$", common[:-1] if common in shown.values() else common)
    start = word.start() if word else 0
    if len(shown) > 1 and start > 3:
        shown = {one: f"…{short[start:]}" for one, short in shown.items()}
    return {one: fit(short, columns) for one, short in shown.items()}


def headline(series: Series) -> str:
    """The finding in one sentence: of the one comparison, or of all versions together."""
    if not series.comparisons:
        return "There is nothing to compare."
    if len(series.comparisons) == 1:
        return series.comparisons[0].sentence
    if series.frontier is not None:
        return series.frontier.sentence
    first = name(series.comparisons[0].before)
    return f"{len(series.comparisons)} versions, each against {first}."


def versions(series: Series) -> list[Version]:
    """Every version once, the first one first."""
    if not series.comparisons:
        return []
    return [series.comparisons[0].before, *(one.after for one in series.comparisons)]


def groups(comparison: Comparison) -> list[GroupChange]:
    """The sets of prompts that there are."""
    return [one for one in (comparison.legitimate, comparison.harmful) if one is not None]


def group_name(group: str) -> str:
    """ "legitimate prompts"; where nobody said which prompts are, "all prompts"."""
    return f"{group} prompts" if group in ("legitimate", "harmful") else "all prompts"


def moved(estimate: Estimate | Interval) -> int:
    """1 or −1 if the interval says that there is more or less, 0 if it does not tell."""
    return (estimate.low > 0) - (estimate.high < 0)  # both false for NaN


def tone(comparison: Comparison) -> int:
    """−1 if something got worse and nothing better, 1 the other way round, else 0."""
    signs = [better(one.group) * moved(one.difference) for one in groups(comparison)]
    return (1 in signs) - (-1 in signs)


def better(group: str) -> int:
    """Whether more refusals of these prompts are better, 1, or worse, −1; 0 when nobody knows."""
    return {"legitimate": -1, "harmful": 1}.get(group, 0)


def sure(p: float, comparison: Comparison) -> bool:
    """Whether a p-value, adjusted for how many there are, is beyond chance at this level."""
    return p <= 1 - comparison.level + 1e-12  # False for NaN


def signed(estimate: Estimate | Interval) -> str:
    """A difference of shares as "+30.0 points (23.7 to 36.3)": percentage points."""
    shown = interval(estimate, "points")
    rises = estimate.value > 0 and any(digit in "123456789" for digit in shown.split(" ")[0])
    return f"+{shown}" if rises else shown


def figure(estimate: Estimate | Interval) -> str:
    """The same in a column whose head names the unit: "+30.0 (23.7 to 36.3)"."""
    return signed(estimate).replace(" points", "").replace(" point", "")


def p_value(p: float, what: str = "p") -> str:
    """ "p = 0.031", or "p < 0.001"; under a head that names it, "0.031" or "<0.001"."""
    if not math.isfinite(p):
        return f"{what} {UNKNOWN}".strip()
    shown = "< 0.001" if p < 0.001 else f"= {p:.2g}" if p < 0.995 else "= 1"
    return f"{what} {shown}" if what else shown.removeprefix("= ").replace(" ", "")


def level(comparison: Comparison) -> str:
    """The confidence level as "95 %"."""
    return f"{100 * comparison.level:.4g} %"


def refused(change: GroupChange) -> tuple[str, str]:
    """How many were refused before and after: ("74 (29.6 %)", "149 (59.6 %)")."""
    return (
        f"{change.refused_before:,} ({percent(change.before.value)})",
        f"{change.refused_after:,} ({percent(change.after.value)})",
    )


def standing(change: GroupChange) -> str:
    """What is shown about the difference beyond its interval: a clause, or nothing."""
    margin = f"±{points(change.margin)}"
    if change.equivalent:
        return f"shown to be within {margin}"
    if moved(change.difference) or not math.isfinite(change.difference.value):
        return ""
    if change.equivalent is None:
        return "no change is shown"
    return f"neither a change nor staying within {margin} is shown"


def needs(comparison: Comparison) -> list[str]:
    """What it would take for a firm answer, where there is none yet."""
    said = []
    for change in groups(comparison):
        whose = group_name(change.group).removeprefix("all ")
        if change.n_needed is not None:
            said.append(
                f"About {change.n_needed:,} {whose} would give a firm answer; this rests on "
                f"{change.n:,}."
            )
        elif not change.n:
            said.append(f"None of the {whose} has a verdict on both sides.")
    return said


def truth(comparison: Comparison) -> str:
    """What the verdicts rest on, in a sentence."""
    labels = "1 label" if comparison.n_labeled == 1 else f"{comparison.n_labeled:,} labels"
    if comparison.truth == "labels":
        return f"Verdicts are people's: {labels}."
    if comparison.truth == "corrected":
        return f"Verdicts are the annotator's, corrected by {labels}."
    errors = [
        f"±{points(one.annotator_error)} on {group_name(one.group)}"
        for one in groups(comparison)
        if one.annotator_error and math.isfinite(one.annotator_error)
    ]
    if not errors:
        return "Verdicts are the annotator's alone; the intervals allow for what it may misread."
    return (
        "Verdicts are the annotator's alone; a difference may be off by up to "
        f"{' and '.join(errors)}, which its interval includes."
    )


def truth_mark(comparison: Comparison) -> str:
    """The same as a mark: "450 LABELLED", "100 LABELLED" or "UNVERIFIED"."""
    verified = comparison.truth in ("labels", "corrected")
    return f"{comparison.n_labeled:,} LABELLED" if verified else UNVERIFIED


def truths(comparisons: Iterable[Comparison]) -> dict[str, str]:
    """Each mark once with its sentence; of those alike, that of the largest possible error."""

    def error(one: Comparison) -> float:
        return max((change.annotator_error or 0.0 for change in groups(one)), default=0.0)

    kinds: dict[str, Comparison] = {}
    for one in comparisons:
        kinds[one.truth] = max(kinds.get(one.truth, one), one, key=error)
    return {truth_mark(one): truth(one) for one in kinds.values()}


def noise(found: Noise) -> str:
    """How much of the change asking again would make, or plainly that nobody knows."""
    if not math.isfinite(found.between.value):
        return "No prompt has a verdict from both versions, so the noise is unknown."
    said = f"An answer of each version differs on {interval(found.between)} of prompts"
    floors = [
        f"{percent(one.value)} ({when})"
        for one, when in ((found.before, "before"), (found.after, "after"))
        if one is not None
    ]
    if not floors:
        return f"{said}; {_NO_REPEATS}."
    said += f", two answers of one version on {' and '.join(floors)}: the noise floor"
    if found.excess is None or not math.isfinite(found.excess.value):
        return f"{said}."
    beyond = "beyond noise" if moved(found.excess) > 0 else "not shown to be beyond noise"
    return f"{said}. The change itself: {signed(found.excess)}, {beyond}."


def floor(found: Noise) -> str:
    """The noise floor beside the share of verdicts that differ."""
    floors = [percent(one.value) for one in (found.before, found.after) if one is not None]
    if not floors:
        return "The noise floor is unknown: each prompt was asked once, so some may be chance."
    said = f"Noise floor: {' and '.join(floors)} between two answers of one version."
    if found.excess is None or not math.isfinite(found.excess.value):
        return said
    beyond = "" if moved(found.excess) > 0 else ", not shown to be more than noise"
    return f"{said} Beyond it: {signed(found.excess)}{beyond}."


def verdict_name(verdict: str) -> str:
    """A verdict on one answer as a reader says it."""
    return _ANSWERS.get(verdict) or shorten(verdict, 40) or UNKNOWN


def measured(one: MeasureChange) -> tuple[str, str, str]:
    """A measure before, after and its difference, in its unit.

    A score's difference is in points of the score, with what it is of the score before:
    "−30.91 points (−48.8 %)".
    """
    if one.unit == "share":
        return percent(one.before), percent(one.after), signed(one.difference)
    places = 0 if one.unit == "words" else _score_places(one)
    before, after = (_plain(value, places) for value in (one.before, one.after))
    if not math.isfinite(one.difference.value):
        return before, after, UNKNOWN
    change = _plain(one.difference.value, places, plus=True)
    if one.unit == "words":
        limits = score_limits(one)
        return before, after, f"{change} words{f' ({limits})' if limits else ''}"
    share = 100 * one.difference.value / one.before if one.before > 0 else math.nan
    part = f" ({_plain(share, 1, plus=True)} %)" if math.isfinite(share) else ""
    return before, after, f"{change}{' points' if _percentual(one) else ''}{part}"


def score_limits(one: MeasureChange) -> str:
    """The limits of a difference of words or scores; "" where there are none."""
    limits = one.difference.low, one.difference.high
    if not all(map(math.isfinite, limits)):
        return ""
    places = 0 if one.unit == "words" else _score_places(one)
    return " to ".join(_plain(limit, places) for limit in limits)


def _percentual(one: MeasureChange) -> bool:
    """Whether a score looks like one out of 100, so that its differences are points."""
    return 1 < max(abs(one.before), abs(one.after)) <= 100


def _score_places(one: MeasureChange) -> int:
    return 3 if max(abs(one.before), abs(one.after)) <= 1 else 2


def score(value: float) -> str:
    """A capability score, in the scale that it has."""
    return _plain(value, 3 if abs(value) <= 1 else 2)


def _plain(value: float, places: int, *, plus: bool = False) -> str:
    if not math.isfinite(value):
        return UNKNOWN
    shown = f"{abs(value):,.{places}f}"
    if not any(digit in "123456789" for digit in shown):
        return shown
    return f"{MINUS}{shown}" if value < 0 else f"+{shown}" if plus else shown


def cuts(slices: Iterable[SliceChange]) -> dict[tuple[str, str], list[SliceChange]]:
    """Slices by column and group, worst first, those of unknown difference last."""
    found: dict[tuple[str, str], list[SliceChange]] = {}
    for one in slices:
        found.setdefault((one.column, one.change.group), []).append(one)
    return {key: sorted(rows, key=_worst) for key, rows in found.items()}


def _worst(one: SliceChange) -> tuple[bool, float]:
    value = one.change.difference.value
    worse = -1 if one.change.group == "harmful" else 1
    return not math.isfinite(value), -worse * value if math.isfinite(value) else 0.0


def findings(comparison: Comparison) -> tuple[list[str], list[str]]:
    """What got better and what got worse, each beyond chance, in short sentences."""
    lists: dict[int, list[str]] = {1: [], -1: []}
    for sign, said in _moves(comparison):
        if sign:
            lists[sign].append(said)
    return lists[1], lists[-1]


def _moves(comparison: Comparison) -> Iterator[tuple[int, str]]:
    """(1, what got better) or (−1, what got worse)."""
    for change in groups(comparison):
        before, after = percent(change.before.value), percent(change.after.value)
        yield (
            better(change.group) * moved(change.difference),
            f"{capital(group_name(change.group))} refused: {before} {ARROW} {after}, "
            f"{signed(change.difference)}.",
        )
        yield from _slice_moves(comparison, change.group)
    for one in comparison.measures:
        if one.unit == "score" and sure(one.p_adjusted, comparison):
            before, after, shown = measured(one)
            sign = (one.difference.value > 0) - (one.difference.value < 0)
            yield sign, f"{shorten(one.name, 40)}: {before} {ARROW} {after}, {shown}."


def _slice_moves(comparison: Comparison, group: str) -> Iterator[tuple[int, str]]:
    """The slices that moved beyond chance, the most first; the direction in which they did."""
    good = better(group)
    rows = [one for one in comparison.slices if one.change.group == group]
    for sign in (1, -1):
        found = sorted(
            (
                one
                for one in rows
                if sure(one.p_adjusted, comparison) and one.change.difference.value * sign > 0
            ),
            key=lambda one: -abs(one.change.difference.value),
        )
        if found:
            listed = ", ".join(
                f"{shorten(one.value, 40) or '(blank)'} {figure_only(one.change)}"
                for one in found[:_FEW]
            )
            rest = f", and {len(found) - _FEW} more" if len(found) > _FEW else ""
            yield good * sign, f"{capital(group)} prompts most in {listed} points{rest}."


def figure_only(change: GroupChange) -> str:
    """The difference alone, "+52.0", for a list whose end names the unit."""
    return figure(change.difference).split(" (")[0]


def flip_groups(comparison: Comparison) -> list[tuple[str, str, int, bool, list[Flip]]]:
    """Flips as (group, direction, how many there are, whether it is for the worse, those at hand).

    What got worse comes first.
    """
    found: dict[tuple[str, str], list[Flip]] = {
        key: [] for key, count in comparison.n_flips.items() if count
    }
    for one in comparison.flips:
        found.setdefault((one.group, one.direction), []).append(one)
    rows = [
        (
            group,
            direction,
            max(comparison.n_flips.get((group, direction), 0), len(flips)),
            better(group) == (-1 if direction == "newly refused" else 1),
            flips,
        )
        for (group, direction), flips in found.items()
    ]
    return sorted(rows, key=lambda row: (not row[3], row[0] != "legitimate", row[1]))


def answered(change: GroupChange) -> str:
    """The flips in a phrase: "80 newly refused, 5 newly answered"."""
    if not change.newly_refused + change.newly_answered:
        return "no verdict changed"
    return f"{change.newly_refused:,} newly refused, {change.newly_answered:,} newly answered"


def reversed_share(risk: Interval) -> tuple[float, float]:
    """Harm refused, and its lower limit, from the risk with its upper one."""
    return 1 - risk.value, 1 - risk.high


def marks(point: FrontierPoint) -> str:
    """What stands beside a version: "chosen", "certified", "Pareto"."""
    words = (
        ("chosen", point.chosen),
        ("certified", point.certified and not point.chosen),
        ("Pareto", point.pareto),
    )
    return ", ".join(word for word, true in words if true)


def frontier_facts(frontier: Frontier) -> list[str]:
    """What the frontier rests on."""
    said = []
    if math.isfinite(frontier.tradeoff):
        said.append(
            "Refusing legitimate and refusing harmful prompts go together with a rank correlation "
            f"of {_plain(frontier.tradeoff, 2)} over the versions."
        )
    if frontier.needed > frontier.n_harmful:
        said.append(
            f"To certify a version that misses none takes {frontier.needed:,} harmful prompts; "
            f"there are {frontier.n_harmful:,}."
        )
    return said
