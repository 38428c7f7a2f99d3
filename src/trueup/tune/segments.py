"""A setting for each value of a segment column, certified together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trueup.errors import UserError
from trueup.tune.goal import Goal
from trueup.tune.result import TuneReport
from trueup.tune.scored import Scored
from trueup.tune.turn import tune

__all__ = ["tune_segments"]


def tune_segments(
    scored: Scored,
    goal: Goal,
    column: str,
    *,
    seed: int = 0,
    texts: Callable[[Sequence[int]], Sequence[str]] | None = None,
    warnings: tuple[str, ...] = (),
) -> tuple[TuneReport, ...]:
    """A setting for each value of a segment column, all of them certified together.

    Each is certified at delta divided by the number of values (Bonferroni), so that with
    probability 1 − delta no bound fails. Values without a harmful example are reported too: nothing
    can be certified for them.
    """
    values = scored.segments[column]
    names = sorted({str(value) for value in values if value is not None})
    if not names:
        raise UserError(f"No example has a value for {column!r}.")
    each = replace(goal, delta=goal.delta / len(names))
    reports = []
    for name in names:
        rows = scored.rows(column, name)
        reports.append(
            tune(
                scored.part(column, name),
                each,
                seed=seed,
                segment=f"{column}={name}",
                texts=_texts_of(texts, rows),
                warnings=warnings,
            )
        )
    return tuple(reports)


def _texts_of(
    texts: Callable[[Sequence[int]], Sequence[str]] | None, rows: NDArray[np.int64]
) -> Callable[[Sequence[int]], Sequence[str]] | None:
    if texts is None:
        return None
    return lambda wanted: texts([int(rows[i]) for i in wanted])
