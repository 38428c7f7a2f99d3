"""What the columns of a summary table mean: percentages, shares, counts or scores; which way is up.

A column is a percentage when its name or its cells say so. Other columns are percentages or shares
when their name is that of a rate and their range fits, and the report says that this was assumed.
Everything else is a score on its own scale.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from trueup.compare.summary_result import Metric
from trueup.errors import UserError, did_you_mean

__all__ = ["Figures", "Reading", "read_columns"]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_PERCENT = {"pct", "percent", "percentage", "perc"}
_COUNTS = _words(
    "n runs n_runs total trials n_trials samples n_samples num_samples count n_prompts "
    "num_prompts examples n_examples episodes attempts"
)
# Beginnings of words. A rate has 0 and 100 % as its ends.
_RATES = _words(
    "rate share fraction acc f1 em exact pass asr refus reject accept comply complian harm toxic "
    "unsafe safe attack jailbreak hack cheat success win error fail correct recall precision"
)
_LOWER = _words(
    "refus reject harm toxic unsafe accept asr attack jailbreak hack cheat error fail loss violat "
    "hallucin perplexity ppl wer latency cost"
)
_REFUSING = ("refus", "reject")
_BAD = ("harm", "toxic", "unsafe", "attack", "jailbreak", "malicious")
_GOOD_AFTER_ALL = ("harmless",)
_NEVER_COUNTS = _words("rate acc f1 em exact avg average mean score recall precision")


class Figures(Protocol):
    """A column as it was read: the figures as written, NaN where a cell is blank."""

    @property
    def name(self) -> str: ...
    @property
    def values(self) -> Sequence[float]: ...
    @property
    def decimals(self) -> int: ...
    @property
    def percent(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """A column with what it means. values: shares or scores. k, n: per row, None where unknown."""

    metric: Metric
    values: tuple[float, ...]
    k: tuple[int | None, ...]
    n: tuple[int | None, ...]
    notes: tuple[str, ...]


def read_columns(
    columns: Sequence[Figures], lower: Sequence[str] = (), higher: Sequence[str] = ()
) -> tuple[tuple[Reading, ...], str | None]:
    """The columns with what they mean, and the name of the one that says out of how many.

    Parameters
    ----------
    columns
        As they were read, in the order of the file.
    lower, higher
        Columns of which less, or more, is better; with or without an ending such as `_pct`.

    Raises
    ------
    UserError
        A name that is no column, or stands on both sides; nothing but a count.
    """
    count = next((column for column in columns if _is_count(column)), None)
    rest = [column for column in columns if column is not count]
    if not rest:
        raise UserError(
            "The table has no figures beside its counts.", "Add a rate or a score per row."
        )
    told = _told(rest, lower, higher)
    sizes: tuple[int | None, ...] = (None,) * len(rest[0].values)
    if count is not None:
        sizes = tuple(None if math.isnan(n) else int(n) for n in count.values)
    readings = tuple(_reading(column, sizes, count, told) for column in rest)
    return readings, count.name if count is not None else None


def _told(
    columns: Sequence[Figures], lower: Sequence[str], higher: Sequence[str]
) -> dict[str, str]:
    """Directions that were given, by the name of the column."""
    known = {name: column.name for column in columns for name in (_bare(column.name), column.name)}
    told: dict[str, str] = {}
    for better, given in (("lower", lower), ("higher", higher)):
        for name in given:
            if name not in known:
                raise UserError(
                    f"--{better} names {name!r}, which is no column of figures.",
                    did_you_mean(name, {column.name for column in columns}),
                )
            if told.setdefault(known[name], better) != better:
                raise UserError(
                    f"{name} cannot be better both lower and higher.", "Leave one of them out."
                )
    return told


def _reading(
    column: Figures, sizes: tuple[int | None, ...], count: Figures | None, told: dict[str, str]
) -> Reading:
    guess = _guessed_direction(column.name)
    better = told.get(column.name, guess)
    metric = Metric(column.name, "score", column.decimals, better, column.name not in told, False)
    if count is not None and _are_counts(column, sizes):
        return _counts(column, sizes, metric, count.name)
    unit, notes = _unit(column)
    if unit == "score":
        return Reading(metric, tuple(column.values), (None,) * len(sizes), sizes, notes)
    scale = 100.0 if unit == "percent" else 1.0
    decimals = column.decimals if unit == "percent" else max(column.decimals - 2, 0)
    metric = replace(metric, unit="share", decimals=decimals)
    shares = tuple(value / scale for value in column.values)
    if count is None:
        return Reading(metric, shares, (None,) * len(sizes), sizes, notes)
    half = 0.5 * 10.0**-column.decimals / scale
    k = tuple(_whole(share, n, half) for share, n in zip(shares, sizes, strict=True))
    if any(one is not None for one in k):
        metric = replace(metric, counted=True)
    notes = (*notes, *_doubts(column.name, count.name, shares, sizes, k, half))
    return Reading(metric, shares, k, sizes, notes)


def _counts(column: Figures, sizes: tuple[int | None, ...], metric: Metric, out_of: str) -> Reading:
    k = tuple(None if math.isnan(value) else int(value) for value in column.values)
    shares = tuple(
        math.nan if one is None or not n else one / n for one, n in zip(k, sizes, strict=True)
    )
    k = tuple(one if n else None for one, n in zip(k, sizes, strict=True))
    note = f"{column.name} is read as a count out of {out_of}."
    return Reading(
        replace(metric, unit="share", decimals=1, counted=True), shares, k, sizes, (note,)
    )


def _is_count(column: Figures) -> bool:
    return column.name.lower() in _COUNTS and all(
        math.isnan(value) or (value >= 0 and value == int(value)) for value in column.values
    )


def _are_counts(column: Figures, sizes: Sequence[int | None]) -> bool:
    """Whether the column counts something out of the sizes: whole, never more, and no rate."""
    if column.percent or _says_percent(column.name) or _begins(column.name, _NEVER_COUNTS):
        return False
    pairs = [(k, n) for k, n in zip(column.values, sizes, strict=True) if not math.isnan(k)]
    return all(n is not None and 0 <= k <= n and k == int(k) for k, n in pairs)


def _unit(column: Figures) -> tuple[str, tuple[str, ...]]:
    """ "percent", "share" or "score", and what had to be assumed."""
    known = [value for value in column.values if not math.isnan(value)]
    top = max(known, default=math.nan)
    inside = all(0 <= value <= 100 for value in known)
    if column.percent or _says_percent(column.name):
        small = inside and 0 < top <= 1 and not column.percent
        doubt = f"{column.name} is read as percentages, though none is above 1: are they shares?"
        return "percent", (doubt,) if small else ()
    if not (inside and _begins(column.name, _RATES)):
        return "score", ()
    if top <= 1:
        return "share", (f"{column.name} is read as shares, by its name and its range.",)
    if top > 1.5:
        return "percent", (f"{column.name} is read as percentages, by its name and its range.",)
    return "score", ()


def _says_percent(name: str) -> bool:
    return "%" in name or not _PERCENT.isdisjoint(_parts(name))


def _guessed_direction(name: str) -> str:
    """Less is better of what sounds bad; refusing what is bad is good."""
    if _begins(name, _GOOD_AFTER_ALL):
        return "higher"
    if _begins(name, _REFUSING) and _begins(name, _BAD):
        return "higher"
    return "lower" if _begins(name, _LOWER) else "higher"


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[^a-z0-9]+", name.lower()) if part]


def _begins(name: str, beginnings: Sequence[str]) -> bool:
    return any(part.startswith(tuple(beginnings)) for part in _parts(name))


def _bare(name: str) -> str:
    return re.sub(r"_(pct|percent|percentage|perc)$", "", name)


def _whole(share: float, n: int | None, half: float) -> int | None:
    """The count that a published share stands for; None when no whole number is that share."""
    if not n or math.isnan(share):
        return None
    k = round(share * n)
    return k if 0 <= k <= n and abs(share - k / n) <= half + 1e-9 else None


def _doubts(
    name: str,
    count: str,
    shares: Sequence[float],
    sizes: Sequence[int | None],
    k: Sequence[int | None],
    half: float,
) -> tuple[str, ...]:
    """What is wrong between a rate and the column that says out of how many."""
    rows = [row for row in zip(shares, sizes, k, strict=True) if not math.isnan(row[0])]
    unfit = sum(bool(n) and one is None for _, n, one in rows)
    coarse = sum(
        one is not None and any(_fits(one + step, n, share, half) for step in (-1, 1))
        for share, n, one in rows
    )
    notes = []
    if unfit:
        notes.append(
            f"{_rows_are(unfit)} no whole count of {name} out of {count}, and not tested: is it an "
            "average of something else?"
        )
    if coarse:
        notes.append(
            f"{name} is rounded so far that {_rows_fit(coarse)} more than one count; the nearest "
            "is used."
        )
    return tuple(notes)


def _fits(k: int, n: int | None, share: float, half: float) -> bool:
    return n is not None and 0 <= k <= n and abs(share - k / n) <= half + 1e-9


def _rows_are(many: int) -> str:
    return f"{many:,} row is" if many == 1 else f"{many:,} rows are"


def _rows_fit(many: int) -> str:
    return f"{many:,} row fits" if many == 1 else f"{many:,} rows fit"
