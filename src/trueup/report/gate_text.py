"""What a gate says, in the sentences and figures that its outputs share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trueup.report.text import MINUS, UNKNOWN, capital, confidence, shorten

if TYPE_CHECKING:
    from trueup.compare.gate_result import Check, GateReport
    from trueup.compare.result import Flip

__all__ = [
    "asked", "found", "marked", "outcome", "range_of", "said_of_all", "sentence", "sides", "title",
    "version", "worst_flips",
]  # fmt: skip

_TITLES = {
    "max-new-refusals": "New refusals of {} prompts",
    "max-refusal-rise": "Rise of refusals of {} prompts",
    "max-refusals": "Refusals of {} prompts",
    "min-safety": "Refusals of {} prompts",
    "max-safety-drop": "Fall of refusals of {} prompts",
    "max-capability-drop": "Fall of {}",
}
_CLOSE = 0.1  # points of a limit within which its figure gets another decimal
_NAME, _REASON = 60, 400  # characters
_SCORE_DIGITS = 4


def outcome(report: GateReport) -> str:
    """The verdict: "failed", "not shown", "passed", or a pass in spite of what is not shown."""
    if report.outcome == "not shown" and report.lets_through:
        return "passed with a warning"
    return report.outcome


def title(check: Check) -> str:
    """What is limited: "New refusals of legitimate prompts"."""
    return _TITLES[check.limit].format(_subject(check)).replace("  ", " ")


def marked(check: Check) -> str:
    """The sentence with its outcome in front: "Failed: 80 of 250 legitimate prompts …"."""
    return f"{capital(check.outcome)}: {sentence(check)}"


def sentence(check: Check) -> str:
    """What was found against what is allowed, and what would show it if nothing does."""
    if check.reason:
        return f"{_lower(title(check))}, {asked(check)}: {shorten(check.reason, _REASON)}."
    places = _places(check)
    held = f"{_what(check)}, {found(check)} ({_limits(check, places)})"
    if check.limit in ("max-refusal-rise", "max-safety-drop", "max-capability-drop"):
        held = f"{_what(check)} {found(check)} ({_limits(check, places)}), {sides(check)}"
    end = "asked for" if check.at_least else "allowed"
    said = f"{held}; {_bound(check, places)} {end}."
    if check.needed is not None:
        return f"{said} To show it would take about {_round_up(check.needed):,} prompts."
    return f"{said} {check.advice}".strip()


def found(check: Check) -> str:
    """The value with its unit: "32.0 points"."""
    return _with_unit(check, check.value, _places(check))


def range_of(check: Check) -> str:
    """The value with both limits: "32.0 points (27.1 to 37.2)"; "unknown"."""
    if not math.isfinite(check.value):
        return UNKNOWN
    places = _places(check)
    limits = f"{_number(check, check.low, places)} to {_number(check, check.high, places)}"
    return f"{found(check)} ({limits})"


def asked(check: Check) -> str:
    """The limit: "at most 2.0 points"."""
    return f"{_word(check)} {_with_unit(check, check.allowed, _places(check))}"


def sides(check: Check) -> str:
    """ "from 29.6 % to 59.6 %"."""
    if check.limit == "max-capability-drop":
        ends = [_number_of_score(value) for value in (check.before, check.after)]
    else:
        ends = [f"{100 * value:.1f} %" for value in (check.before, check.after)]
    return f"from {ends[0]} to {ends[1]}"


def said_of_all(report: GateReport) -> str:
    """What the outcome holds for: "before.csv → after.csv · each limit at 95 % confidence"."""
    here = report.comparison
    files = version(here.after.name)
    if not report.alone:
        files = f"{version(here.before.name)} → {files}"
    return f"{files} · each limit at {confidence(report.level)} confidence"


def version(name: str) -> str:
    """A version's name, fit to print on one line."""
    return shorten(name, _NAME) or "(no name)"


def worst_flips(report: GateReport, direction: str) -> tuple[list[Flip], int]:
    """The flips for the worse that are there to show, and how many there are.

    direction: "newly refused", of prompts that are not harmful, or "newly answered", of harmful
    ones.
    """
    harmful = direction == "newly answered"

    def is_meant(group: str, way: str) -> bool:
        return way == direction and (group == "harmful") == harmful

    here = report.comparison
    shown = [flip for flip in here.flips if is_meant(flip.group, flip.direction)]
    return shown, sum(n for (group, way), n in here.n_flips.items() if is_meant(group, way))


def _subject(check: Check) -> str:
    if check.limit == "max-capability-drop":
        return shorten(check.subject or "", _NAME) or "capability"
    return "" if check.group == "all" else check.group


def _what(check: Check) -> str:
    prompts = f"{_subject(check)} prompts".strip()
    verb = "newly refused" if check.limit == "max-new-refusals" else "refused"
    if check.limit in ("max-refusal-rise", "max-safety-drop"):
        moved = "rose" if check.limit == "max-refusal-rise" else "fell"
        return f"refusals of {prompts} {moved} by"
    if check.limit == "max-capability-drop":
        return f"{_subject(check)} fell by"
    return f"{prompts} {verb}" if check.count is None else (
        f"{check.count:,} of {check.n:,} {prompts} {verb}"
    )  # fmt: skip


def _limits(check: Check, places: int) -> str:
    """The limit that decided, or both where neither did."""
    low, high = (_number(check, value, places) for value in (check.low, check.high))
    if check.outcome == "not shown":
        return f"{low} to {high}"
    lower = (check.outcome == "passed") == check.at_least
    return f"{low} at least" if lower else f"{high} at most"


def _bound(check: Check, places: int) -> str:
    return f"{_word(check)} {_number(check, check.allowed, places)}"


def _word(check: Check) -> str:
    return "at least" if check.at_least else "at most"


def _with_unit(check: Check, value: float, places: int) -> str:
    figure = _number(check, value, places)
    if check.unit == "score":
        return figure
    if check.unit == "percent":
        return f"{figure} %"
    return f"{figure} {'point' if figure == '1.0' else 'points'}"


def _number(check: Check, value: float, places: int) -> str:
    if not math.isfinite(value):
        return UNKNOWN
    if check.unit == "score":
        return _number_of_score(value)
    figure = f"{abs(100 * value):,.{places}f}"
    return f"{MINUS}{figure}" if value < 0 and figure.strip("0.,") else figure


def _number_of_score(value: float) -> str:
    return f"{value:.{_SCORE_DIGITS}g}".replace("-", MINUS)


def _places(check: Check) -> int:
    """One decimal; more where the limit has more, or where rounding would hide who is beyond it."""
    if check.unit == "score":
        return _SCORE_DIGITS
    allowed = 100 * check.allowed
    places = next((k for k in (1, 2) if math.isclose(round(allowed, k), allowed)), 3)
    gaps = [abs(100 * end - allowed) for end in (check.low, check.high) if math.isfinite(end)]
    gap = min((gap for gap in gaps if gap > 0), default=1.0)
    return min(max(places, 1 + math.ceil(math.log10(_CLOSE / gap))), 4) if gap < _CLOSE else places


def _round_up(n: int) -> int:
    """Two significant digits, never fewer prompts than `n`."""
    unit = 10 ** max(0, len(str(n)) - 2)
    return -(-n // unit) * unit


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]
