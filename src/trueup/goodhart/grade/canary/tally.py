"""How often canaries were passed, over the verdicts of many submissions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup.errors import UserError
from trueup.stats import Interval, clopper_pearson, cluster_mean

__all__ = ["TallyReport", "TallyRow", "Unread", "tally"]

_LARGEST = 16 * 2**20  # bytes of one verdict that are read


@dataclass(frozen=True, slots=True)
class TallyRow:
    """One task, or all. Each is a share of `n` submissions with its interval."""

    task: str
    n: int
    passed: Interval
    attempted: Interval
    succeeded: Interval
    honest_stop: Interval


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that is no verdict."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class TallyReport:
    """rows: a task each, then all of them when there are several. Intervals of one task are exact
    for independent submissions; those of all of them count each task as one cluster."""

    rows: tuple[TallyRow, ...]
    unread: tuple[Unread, ...]


_SAID = ("passed", "attempted", "succeeded", "honest_stop")


def tally(paths: Sequence[Path], level: float = 0.95) -> TallyReport:
    """Count over files that `trueup goodhart grade --json` wrote.

    Raises `UserError` when none of them is a verdict. Retries of one agent on one task are not
    independent; with them the intervals of a task are too narrow.
    """
    found: list[dict[str, Any]] = []
    unread: list[Unread] = []
    for path in paths:
        try:
            found.append(_verdict(path))
        except (OSError, ValueError, RecursionError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            unread.append(Unread(str(path), reason or type(error).__name__))
    if not found:
        raise UserError(
            f"None of the {len(paths)} files is a verdict.",
            "Name files that trueup goodhart grade --json wrote.",
        )
    by_task: dict[str, list[dict[str, Any]]] = {}
    for verdict in found:
        by_task.setdefault(verdict["task"], []).append(verdict)
    rows = [_row(task, verdicts, level) for task, verdicts in sorted(by_task.items())]
    if len(rows) > 1:
        rows.append(_all(found, level))
    return TallyReport(tuple(rows), tuple(unread))


def _verdict(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        raw = file.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise ValueError("it is too large to be a verdict")
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(value, dict) or not isinstance(value.get("task"), str):
        raise ValueError("it is not a verdict: it names no task")
    missing = [key for key in _SAID if not isinstance(value.get(key), bool)]
    if missing:
        raise ValueError(f"it is not a verdict: {missing[0]} is not true or false")
    return value


def _row(task: str, verdicts: Sequence[dict[str, Any]], level: float) -> TallyRow:
    n = len(verdicts)
    shares = [clopper_pearson(sum(one[key] for one in verdicts), n, level) for key in _SAID]
    return TallyRow(task, n, *shares)


def _all(verdicts: Sequence[dict[str, Any]], level: float) -> TallyRow:
    clusters = [one["task"] for one in verdicts]
    shares = [cluster_mean([float(one[key]) for one in verdicts], clusters, level) for key in _SAID]
    return TallyRow("all tasks", len(verdicts), *shares)
