"""What the readers of guard libraries share: their context, and careful views of JSON values."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from trueup.sources.exchange import Event

__all__ = ["Context", "consistent", "flag", "milliseconds", "number", "reason", "text"]

_LONGEST_REASON = 200
_FLAGS = {"true": True, "false": False, "1": True, "0": False}


class Context(NamedTuple):
    """What a reader is told of the record around an object.

    name, stage: of the guard, where the object does not say.
    delivered: a normal answer is on record.
    returned: the object came as part of that answer, so nothing stopped it.
    texts: the last user message and the response, as they went on.
    """

    name: str | None = None
    stage: str | None = None
    delivered: bool = False
    returned: bool = False
    texts: tuple[Any, ...] = ()


def flag(value: Any) -> bool | None:
    """A boolean, also as a table's cell holds it; None for anything else."""
    if type(value) is bool:
        return value
    return _FLAGS.get(value.strip().lower()) if type(value) is str else None


def number(value: Any) -> float | None:
    """A finite number; None for anything else."""
    if type(value) is not float and type(value) is not int:
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def milliseconds(seconds: Any) -> float | None:
    """Milliseconds of a duration in seconds; None when it is none."""
    found = number(seconds)
    return None if found is None or found < 0 else found * 1000


def text(*values: Any) -> str | None:
    """The first value that is text and not blank."""
    return next((value for value in values if type(value) is str and value.strip()), None)


def reason(*values: Any, default: str) -> str:
    """Why a guard gave no verdict, from the first value that says it, short and on one line."""
    for value in values:
        if type(value) is dict:
            value = text(value.get("message"), value.get("error"), value.get("detail"))
        found = text(value)
        if found is not None:
            return " ".join(found.split())[:_LONGEST_REASON]
    return default


def consistent(event: Event) -> Event:
    """The event with a threshold that agrees with what the guard itself said.

    A score and a threshold together decide whether a guard fired. Where the library says otherwise,
    the one that misleads is unknown: the threshold of a guard that fired, and the score of one that
    did not (a model that is confident that a text is harmless).
    """
    score, threshold = number(event.score), number(event.threshold)
    if score is None or threshold is None or (score >= threshold) == event.fired:
        return event
    return event._replace(threshold=None) if event.fired else event._replace(score=None)
