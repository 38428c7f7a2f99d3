"""What a reward function says of each completion, and of a batch."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup.errors import UserError
from trueup.goodhart.completions import Submitted
from trueup.goodhart.grade.result import Verdict

__all__ = ["Graded", "Log", "open_log", "shares", "told"]

Log = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Graded:
    """One completion. index: its place in the batch. verdict: None when there was no code. step:
    the trainer's, None when it does not say."""

    index: int
    task: str
    submitted: Submitted
    verdict: Verdict | None
    step: int | None

    @property
    def techniques(self) -> str:
        """Ids of the techniques seen, each once, with commas."""
        signs = self.verdict.tampering if self.verdict else ()
        return ",".join(dict.fromkeys(sign.technique for sign in signs))


def told(one: Graded, reward: float | None) -> dict[str, Any]:
    """One completion as plain values. `evidence` quotes the completion: hostile text."""
    verdict = one.verdict
    signs = verdict.tampering if verdict else ()
    return {
        "step": one.step,
        "index": one.index,
        "task": one.task,
        "reward": reward,
        "score": verdict.score if verdict else 0.0,
        "passed": bool(verdict and verdict.passed),
        "attempted": bool(verdict and verdict.attempted),
        "succeeded": bool(verdict and verdict.succeeded),
        "honest_stop": bool(verdict and verdict.honest_stop),
        "techniques": one.techniques.split(",") if one.techniques else [],
        "evidence": [
            {
                "technique": sign.technique,
                "evidence": sign.evidence,
                "source": sign.source,
                "proven": sign.proven,
            }
            for sign in signs
        ],
        "isolation": verdict.isolation if verdict else None,
        "flags": [one.submitted.flag] if one.submitted.flag else [],
    }


def shares(graded: Sequence[Graded]) -> dict[str, float]:
    """Shares of a batch, in [0, 1], that passed, tampered, stopped honestly or had no code."""
    verdicts = [one.verdict for one in graded]
    counts = {
        "passed": sum(bool(one and one.passed) for one in verdicts),
        "attempted": sum(bool(one and one.attempted) for one in verdicts),
        "succeeded": sum(bool(one and one.succeeded) for one in verdicts),
        "honest_stop": sum(bool(one and one.honest_stop) for one in verdicts),
        "no_code": sum(one is None for one in verdicts),
    }
    return {label: count / len(graded) for label, count in counts.items()}


def open_log(log: Path | str | Log | None) -> Log | None:
    """A function that keeps one completion; a path is appended to, a line each.

    Raises `UserError` at once when the file cannot be written.
    """
    if log is None or callable(log):
        return log
    path = Path(log)
    lines = _Lines(path)
    try:
        path.open("ab").close()
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror}.", "Name another file.") from error
    return lines


class _Lines:
    """Appends to a file in whole lines, so that several training processes can share it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, one: dict[str, Any]) -> None:
        line = json.dumps(one, ensure_ascii=True, allow_nan=False) + "\n"
        with self._path.open("ab", buffering=0) as out:
            out.write(line.encode())
