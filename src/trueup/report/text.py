"""Words and figures as every display prints them: one obvious place for each.

Text from a log is hostile. It may carry terminal escapes, characters that reverse or hide other
characters, spreadsheet formulas, and halves of characters that cannot be written out. What is
dangerous is made visible here rather than dropped: someone who reads a log wants to see it.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trueup.stats import Estimate, Interval
    from trueup.tax.result import GroupRow, OutcomeEffect

__all__ = [
    "UNKNOWN",
    "amount",
    "basis",
    "capital",
    "confidence",
    "csv_safe",
    "fit",
    "interval",
    "markup_safe",
    "milliseconds",
    "money",
    "neutralise",
    "outcome_unit",
    "percent",
    "points",
    "shell_word",
    "shorten",
    "sources",
    "spoken",
    "vacuous",
    "worst_first",
]

UNKNOWN = "unknown"
MINUS = "\u2212"

# What a terminal or a reader can be fooled with: controls, bidirectional overrides and marks
# (Trojan Source, CVE-2021-42574), line separators, surrogates, and characters that show nothing,
# the tag and selector blocks among them, in which whole hidden messages travel. Kept: tab and
# newline, handled apart; the joiners, which Persian, Indic scripts and emoji need; the emoji
# selectors FE0E and FE0F.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b"
    "\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0d\ufeff\uffa0"
    "\ufff0-\ufffb\ufffe\uffff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_SPACE = re.compile(r"[ \t\r\n]+")
_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_PILED = re.compile(f"([{_MARKS}]{{3}})[{_MARKS}]+")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def neutralise(text: str, *, keep_newlines: bool = False) -> str:
    r"""Return `text` fit to print: nothing in it moves the cursor, hides, or reorders what is read.

    Control and invisible characters appear as escapes such as ``\x1b`` and ``\u202e``. Runs of
    white space become one space, unless `keep_newlines`, which keeps newlines and tabs. Marks piled
    on one letter are cut to three. The result can always be encoded as UTF-8.

    It is not escaped for HTML (the template does that) nor for Rich markup (`markup_safe`).
    """
    text = text.replace("\r\n", "\n")
    if not keep_newlines:
        text = _SPACE.sub(" ", text)
    return _PILED.sub(r"\1", _HIDDEN.sub(_visible, text))


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def markup_safe(text: str) -> str:
    """Return `text` neutralised and with Rich's square brackets escaped."""
    from rich.markup import escape

    return escape(neutralise(text))


def shell_word(text: str) -> str:
    """Return `text` as one word that is safe to paste into a shell after a command's name."""
    clean = neutralise(text)
    return shlex.quote(clean) if not clean.startswith("-") else f"-- {shlex.quote(clean)}"


def shorten(text: str, limit: int) -> str:
    """Return at most `limit` characters on one line, an ellipsis at the end of what was cut."""
    clean = neutralise(text[: 4 * limit + 64]).strip()
    if len(clean) <= limit and len(text) <= 4 * limit + 64:
        return clean
    return clean[: limit - 1].rstrip() + "…"


def fit(text: str, columns: int) -> str:
    """Return `text` on one line in at most so many columns; a wide character takes two of them."""
    from rich.cells import cell_len, set_cell_size

    clean = shorten(text, 4 * columns)
    if cell_len(clean) <= columns:
        return clean
    return set_cell_size(clean, columns - 1).rstrip() + "…"


def worst_first(rows: Sequence[GroupRow]) -> list[GroupRow]:
    """Groups by their wrongful refusal, highest first; then unverified readings, then the rest."""

    def rank(row: GroupRow) -> tuple[bool, bool, float]:
        rate = row.wrongful_refusal
        rest = row.value == "other" or not math.isfinite(rate.value)
        return rest, vacuous(rate), -rate.value if not rest else 0.0

    return sorted(rows, key=rank)


def csv_safe(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula: such text gets an apostrophe in front.

    Only strings are changed. Numbers keep their minus sign, being numbers. See OWASP, "CSV
    injection".
    """
    if isinstance(value, str) and value.lstrip(" \u00a0").startswith(_FORMULA):
        return f"'{value}"
    return value


def percent(share: float | None) -> str:
    """Return a share in [0, 1] as "14.2 %", or "unknown"."""
    if share is None or not math.isfinite(share):
        return UNKNOWN
    return _with_unit(100 * share, _decimals(100 * share), "percent")


def points(difference: float | None) -> str:
    """Return a difference of two shares as "3.1 points": percentage points, not percent."""
    if difference is None or not math.isfinite(difference):
        return UNKNOWN
    return _with_unit(100 * difference, _point_decimals(100 * difference), "points")


def money(value: float | None, currency: str) -> str:
    """Return an amount: a sign stands before it, "$1,240", a word or code behind, "1,240 EUR"."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return _with_unit(value, _places(abs(value)), "money", currency)


def amount(value: float | None) -> str:
    """Return a plain number of any size with about three significant digits, or "unknown"."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return _number(value, _places(abs(value)))


def milliseconds(value: float | None) -> str:
    """Return a duration as "0.42 ms", "38 ms" or "1.24 s", or "unknown"."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value >= 1000:
        return f"{_number(value / 1000, 2)} s"
    return f"{_number(value, 0 if value >= 10 else 1 if value >= 1 else 2)} ms"


def interval(estimate: Estimate | Interval, unit: str = "percent", currency: str = "") -> str:
    """Return the value and its limits in one unit: "14.2 % (11.9 to 16.8)".

    Parameters
    ----------
    estimate
        A NaN value gives "unknown"; a NaN limit gives "no interval"; limits of 0 and 1, which
        exclude nothing, give "unverified".
    unit
        "percent" for a share, "points" for a difference of shares, "money" or "amount".
    currency
        For "money".
    """
    if unit not in ("percent", "points", "money", "amount"):
        raise ValueError(f"unit must be percent, points, money or amount, got {unit!r}")
    if not math.isfinite(estimate.value):
        return UNKNOWN
    value, low, high = (
        100 * x if unit in ("percent", "points") else x
        for x in (estimate.value, estimate.low, estimate.high)
    )
    bounded = math.isfinite(low) and math.isfinite(high)
    main = value or (high if bounded else 0.0)
    if unit == "percent":
        places = _decimals(main)
    elif unit == "points":
        places = _point_decimals(main)
    else:
        places = _places(max(abs(x) for x in (value, low, high) if math.isfinite(x)))
    head = _with_unit(value, places, unit, currency)
    if unit in ("percent", "points") and vacuous(estimate):
        return f"{head} (unverified)"
    if not bounded:
        return f"{head} (no interval)"
    return f"{head} ({_number(low, places)} to {_number(high, places)})"


def basis(estimate: Estimate) -> str:
    """Return how a number was obtained: "12,400 interactions, 212 labelled; prediction-powered"."""
    labelled = f"{estimate.n_labeled:,} labelled" if estimate.n_labeled else "none labelled"
    return f"{estimate.n:,} interactions, {labelled}; {neutralise(estimate.method)}"


def sources(paths: str) -> str:
    """Return the names of the files without their folders, which are nobody else's business."""
    return ", ".join(re.split(r"[\\/]", path.rstrip("/"))[-1] for path in paths.split(", "))


def spoken(name: str) -> str:
    """Return the name of an estimate as a reader would say it: "over_refusal" is "over-refusal"."""
    known = {"over_refusal": "over-refusal", "under_refusal": "under-refusal"}
    return known.get(name) or neutralise(name.removeprefix("after_refusal_").replace("_", " "))


def confidence(level: float) -> str:
    """Return a confidence level as "95 %" or "99.9 %"."""
    return f"{100 * level:.4g} %"


def vacuous(estimate: Estimate | Interval) -> bool:
    """Whether the limits of a share exclude nothing: the value is a reading, not a finding."""
    return estimate.low <= 0.0 and estimate.high >= 1.0


def capital(sentence: str) -> str:
    """Return the sentence with a capital at its beginning."""
    return sentence[:1].upper() + sentence[1:]


def outcome_unit(outcome: OutcomeEffect) -> str:
    """Return "percent" for an outcome that is a share, "amount" for one on a scale of its own."""
    means = (outcome.without.value, outcome.with_intervention.value)
    return "amount" if any(abs(mean) > 1 for mean in means) else "percent"


def _with_unit(shown: float, places: int, unit: str, currency: str = "") -> str:
    figure = _number(shown, places)
    if unit == "percent":
        return f"{figure} %"
    if unit == "points":
        return f"{figure} {'point' if figure == '1.0' else 'points'}"
    sign = neutralise(currency).strip()
    if unit == "amount" or not sign:
        return figure
    if len(sign) > 1 or sign.isalnum():
        return f"{figure} {sign}"
    return f"{MINUS}{sign}{figure[1:]}" if figure.startswith(MINUS) else f"{sign}{figure}"


def _places(size: float) -> int:
    return 0 if size >= 100 else 2


def _decimals(shown: float) -> int:
    size = abs(shown)
    return 1 if size == 0 or size >= 0.95 else 2 if size >= 0.01 else 3


def _point_decimals(shown: float) -> int:
    """One decimal: a tenth of a point is as fine as anyone acts on."""
    return 1 if shown == 0 or abs(shown) >= 0.05 else 2


def _number(value: float, places: int) -> str:
    shown = f"{abs(value):,.{places}f}"
    negative = value < 0 and any(digit in "123456789" for digit in shown)
    return f"{MINUS}{shown}" if negative else shown
