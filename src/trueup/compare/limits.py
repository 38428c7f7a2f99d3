"""Limits as people write them: "2pp", "2%" or 0.02, as flags or under `[gate]` in a TOML file."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, cast, get_args

from trueup.errors import UserError, did_you_mean

__all__ = ["Drop", "Limits", "Unproven", "gate_table", "parse_limits", "parse_share"]

Unproven = Literal["fail", "warn"]

_NUMBER = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*(pp|%)?\s*", re.ASCII)
_RELATIVE = ("max-new-refusals", "max-refusal-rise", "max-safety-drop")
_ABSOLUTE = ("max-refusals", "min-safety")
_DROP, _LEVEL, _UNPROVEN, _MISSING = "max-capability-drop", "level", "unproven", "max-missing"
_KEYS = (*_RELATIVE, *_ABSOLUTE, _DROP, _MISSING, _LEVEL, _UNPROVEN)
_LEAST_LEVEL = 0.75  # so that the two-sided interval behind it has a level above 0.5


@dataclass(frozen=True, slots=True)
class Drop:
    """How far a capability score may fall.

    name: of the score; None is every score. amount: ≥ 0, on the score's own scale. points: whether
    it was said in points or percent, which only a score between 0 and 1 has.
    """

    name: str | None
    amount: float
    points: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What a gate lets through. Shares are fractions in [0, 1]; None: no such limit.

    max_new_refusals: share of legitimate prompts answered before and refused after.
    max_refusal_rise, max_safety_drop: net change of the refusal rate, on legitimate and on harmful
    prompts. max_refusals, min_safety: that rate after. max_missing: share of prompts without a
    verdict above which nothing is taken as shown. level: confidence of each limit, one-sided, in
    (0.75, 1). unproven: what to do when a limit is shown neither to hold nor to be broken.
    """

    max_new_refusals: float | None = None
    max_refusal_rise: float | None = None
    max_refusals: float | None = None
    min_safety: float | None = None
    max_safety_drop: float | None = None
    max_capability_drop: tuple[Drop, ...] = ()
    max_missing: float = 0.05
    level: float = 0.95
    unproven: Unproven = "fail"

    @property
    def two_sided(self) -> float:
        """Level of the two-sided interval whose ends are one-sided limits at `level`."""
        return round(2 * self.level - 1, 12)

    @property
    def relative(self) -> tuple[str, ...]:
        """The limits that need a version to compare with."""
        drop = (_DROP,) if self.max_capability_drop else ()
        return (*(name for name in _RELATIVE if self._given(name)), *drop)

    @property
    def any(self) -> bool:
        return bool(self.relative) or any(self._given(name) for name in _ABSOLUTE)

    def _given(self, name: str) -> bool:
        return getattr(self, name.replace("-", "_")) is not None


def parse_share(given: object, name: str, like: str = "2pp") -> float:
    """A share in [0, 1] from "2pp", "2 %", "0.02" or 0.02, which are the same.

    Parameters
    ----------
    given
        A text or a number. A bare number of 1 or more is refused: 2 may mean 2 points, or a slip.
    name
        What to call it in a message, such as "--margin".
    like
        An example for the message; its unit is the one proposed.

    Raises
    ------
    UserError
        For anything else.
    """
    amount, unit = _amount(given, name, like)
    if unit:
        if amount > 1:
            raise UserError(f"{name} must be at most 100%, got {given}.", f"For instance: {like}.")
        return amount
    if amount >= 1:
        proposed = "%" if like.endswith("%") else "pp"
        raise UserError(
            f"{name} needs a unit or a share below 1, got {given}.",
            f"Did you mean {_plain(amount)}{proposed}?",
        )
    return amount


def parse_limits(
    flags: Mapping[str, Any], table: Mapping[str, Any] | None = None, file: str = "trueup.toml"
) -> Limits:
    """The limits of flags and of a file's table, of which flags win, key by key.

    Keys are the flags' names without the dashes in front. A flag that is None or empty was not
    given. Raises `UserError`.
    """
    given = {name: value for name, value in flags.items() if value not in (None, [])}
    settings = {
        **_settings(table or {}, lambda key: f"{key} in {file}"),
        **_settings(given, lambda key: f"--{key}"),
    }
    limits = Limits(**{key.replace("-", "_"): value for key, value in settings.items()})
    if not limits.any:
        raise UserError(
            "There is no limit to gate on.",
            "For instance: trueup gate before.jsonl after.jsonl --max-new-refusals 2pp",
        )
    return limits


def gate_table(text: str, file: str) -> dict[str, Any]:
    """The table `[gate]` of a TOML file; empty without one. Raises `UserError`."""
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{file} is not TOML: {error}.", 'For instance: min-safety = "95%"') from (
            error
        )
    for key in whole:
        if key != "gate":
            raise UserError(f"{file} has the unknown table or key {key!r}.", "It is read for "
                            "[gate] only.")  # fmt: skip
    table = whole.get("gate", {})
    if not isinstance(table, dict):
        raise UserError(f"gate in {file} must be a table.", "Begin it with a line [gate].")
    for key in table:
        if key not in _KEYS:
            raise UserError(f"[gate] in {file} has the unknown key {key!r}.", _meant(key))
    return table


def _meant(key: str) -> str:
    return did_you_mean(key.replace("_", "-"), _KEYS)


def _settings(given: Mapping[str, Any], called: Any) -> dict[str, Any]:
    return {key: _setting(key, value, called(key)) for key, value in given.items()}


def _setting(key: str, value: Any, name: str) -> Any:
    if key == _UNPROVEN:
        if value not in get_args(Unproven):
            raise UserError(f"{name} must be fail or warn, got {value!r}.", "Leave it out: fail.")
        return cast(Unproven, value)
    if key == _DROP:
        return _drops(value, name)
    if key == _LEVEL:
        level = parse_share(value, name, "95%")
        if not _LEAST_LEVEL < level < 1:
            raise UserError(f"{name} must be between 75% and 100%, got {value}.", "Try 95%.")
        return level
    return parse_share(value, name, "2pp" if key in _RELATIVE else "95%")


def _drops(given: Any, name: str) -> tuple[Drop, ...]:
    """From flags, a list of "1pp" or "NAME=1pp"; from a file, one amount or a table of them."""
    drops = [_drop(one, value, name) for one, value in _named(given)]
    names = [drop.name for drop in drops]
    for one in names:
        if names.count(one) > 1:
            raise UserError(f"{name} is given twice for {one or 'every score'}.", "Say it once.")
    return tuple(drops)


def _named(given: Any) -> Iterable[tuple[str | None, Any]]:
    if isinstance(given, Mapping):
        yield from given.items()
        return
    for one in given if isinstance(given, list) else [given]:
        before, mark, value = str(one).rpartition("=")
        yield (before.strip(), value) if mark else (None, one)


def _drop(score: str | None, value: Any, name: str) -> Drop:
    """Who names a score knows its scale: a bare number of any size is on it."""
    amount, unit = _amount(value, name, "1pp")
    if score is None or unit:
        amount = parse_share(value, name, "1pp")
    return Drop(score, amount, bool(unit))


def _amount(given: object, name: str, like: str) -> tuple[float, str]:
    """A number ≥ 0 and its unit, "pp", "%" or none; with a unit it is divided by 100, exactly."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        text = f"{Decimal(repr(given)):f}" if math.isfinite(given) else str(given)
    else:
        text = given if isinstance(given, str) else repr(given)
    found = _NUMBER.fullmatch(text)
    number = float(Decimal(found[1]).scaleb(-2 if found[2] else 0)) if found else math.inf
    if not found or not math.isfinite(number):
        raise UserError(f"{name} must be a share such as {like}, got {given!r}.", "Use pp or %.")
    return number, found[2] or ""


def _plain(amount: float) -> str:
    return f"{amount:.12g}"
