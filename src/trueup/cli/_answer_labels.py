"""What people say each answer did: a column's cells, or label files that go by the answer's id."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from trueup.cli._answer_files import AnswerFile
from trueup.errors import UserError

__all__ = ["VERDICT_CODES", "check_labels", "verdicts_by_id"]

# Codes of `trueup.compare.answers` by the answers of `trueup.schema`; numpy is not needed for them.
VERDICT_CODES = {"full": 0, "partial": 1, "refusal": 2, "unable": 3, "undetermined": -2}


def verdicts_by_id(paths: Sequence[Path]) -> dict[str, int]:
    """Verdicts by row id from label files: what most raters said of it."""
    if not paths:
        return {}
    from trueup.cli._logs import name_bad
    from trueup.judge.label_reading import read_labels

    read = read_labels(paths)
    name_bad([f"{record.file}:{record.line}: {record.reason}" for record in read.bad])
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for row in read.labels.to_pylist():
        if row["question"] == "compliance":
            votes[row["target_id"]][row["value"]] += 1
    if not votes:
        raise UserError("--labels holds no verdict.", "Give it the columns id and compliance.")
    return {target: _majority(counts) for target, counts in votes.items()}


def _majority(counts: Counter[str]) -> int:
    (first, most), *rest = counts.most_common(2)
    tied = bool(rest) and rest[0][1] == most
    return VERDICT_CODES["undetermined" if tied else first]


def check_labels(labels: dict[str, int], files: Sequence[AnswerFile]) -> None:
    """Labels must name one answer each, and some of these answers. Raises `UserError`."""
    seen: set[str] = set()
    for file in files:
        if "id" not in file.names:
            continue
        ids = set(file.text("id").to_pylist()) & labels.keys()
        if ids & seen:
            raise UserError(
                "--labels goes by the column id, which is the same in several versions.",
                "Put the labels in a column of each file and name it with --label.",
            )
        seen |= ids
    if not seen:
        raise UserError(
            "--labels names none of these answers.", "Its ids must be those of the column id."
        )
