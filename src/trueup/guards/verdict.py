"""What a layer answers to one text: scores by category, or a failure. Never a guess."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["AttemptError", "Failure", "Verdict", "one_line", "scores_of"]

Scores = tuple[tuple[str | None, float], ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Finite scores by category (None: no category), highest first; time of the attempt in ms."""

    scores: Scores
    latency_ms: float

    @property
    def highest(self) -> float:
        return self.scores[0][1]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a layer gave no verdict, in a few words."""

    reason: str


class AttemptError(Exception):
    """One attempt failed.

    again: whether another one may succeed. wait_s: seconds that the server asks to wait, or None.
    """

    def __init__(self, reason: str, *, again: bool = True, wait_s: float | None = None) -> None:
        self.reason = one_line(reason)
        self.again = again
        self.wait_s = wait_s
        super().__init__(self.reason)


def scores_of(answer: Any) -> Scores:
    """Read score, (score, category), {category: score} or bool. Raises `AttemptError`."""
    if isinstance(answer, Mapping):
        found = [(_category(name), _score(value)) for name, value in answer.items()]
    elif isinstance(answer, tuple) and len(answer) == 2:
        found = [(_named(answer[1]), _score(answer[0]))]
    else:
        found = [(None, _score(answer))]
    if not found:
        raise AttemptError("the answer holds no score")
    best: dict[str | None, float] = {}
    for name, score in found:
        best[name] = max(score, best.get(name, score))
    return tuple(sorted(best.items(), key=lambda item: -item[1]))


def _score(value: Any) -> float:
    if value is None or isinstance(value, str | bytes | Mapping | tuple | list):
        raise AttemptError(f"the score is not a number but {type(value).__name__}")
    try:
        score = float(value)
    except Exception as error:  # whatever a foreign number type raises
        raise AttemptError(f"the score is not a number but {type(value).__name__}") from error
    if not math.isfinite(score):
        raise AttemptError(f"the score is {'NaN' if math.isnan(score) else 'infinite'}")
    return score


def _named(value: Any) -> str | None:
    """The category of a pair: text, because two numbers may well be two scores."""
    if value is not None and not isinstance(value, str):
        raise AttemptError(f"the category is not text but {type(value).__name__}")
    return _category(value)


def _category(value: Any) -> str | None:
    return None if value is None else one_line(str(value)) or None


def one_line(text: str) -> str:
    """Foreign text as every table can hold it: one line, 200 characters, valid Unicode."""
    line = " ".join(text[:400].replace("\0", "�").split())[:200].rstrip()
    return line.encode("utf-8", "replace").decode("utf-8")
