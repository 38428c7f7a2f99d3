"""Score tables: a label and one or more guard scores per row, from CSV, JSON Lines or Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.errors import UserError
from trueup.sources.score_files import read_table, readable

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

__all__ = ["BadRow", "ScoreColumns", "ScoreTable", "read_scores", "read_texts"]

_YES = {"1", "1.0", "true", "t", "yes", "y", "harmful", "unsafe", "positive", "toxic"}
_NO = {"0", "0.0", "false", "f", "no", "n", "harmless", "safe", "negative", "legitimate", "benign"}
_NOTHING = {"", "nan", "null", "none"}
_TEXTS = ("text", "prompt", "comment", "content", "message", "question", "input")
UNLABELLED = -1
_UNREADABLE = -2


@dataclass(frozen=True, slots=True)
class ScoreColumns:
    """Which columns to read. Only `scores` and `label` are needed; others add what they say.

    probability: with which the row was drawn for labelling, in (0, 1]. cluster: rows that share a
    value are not independent. segment: a slice. text: shown for examples; None: a usual name.
    """

    label: str
    scores: tuple[str, ...]
    probability: str | None = None
    cluster: str | None = None
    segment: str | None = None
    text: str | None = None

    def named(self) -> list[str]:
        """The columns that must be there."""
        optional = (self.probability, self.cluster, self.segment, self.text)
        return list(dict.fromkeys(filter(None, [self.label, *self.scores, *optional])))


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is left out: its number among the rows of the file, from 1, and why."""

    number: int
    reason: str


@dataclass(frozen=True)
class ScoreTable:
    """The usable rows.

    Attributes
    ----------
    number
        Shape (n,): number of the row in the file, from 1.
    label
        Shape (n,): 1, 0, or -1 where the cell is empty.
    scores
        Shape (n, L), finite.
    probability
        Shape (n,), in (0, 1]; None without such a column. 1 where a row has no label.
    cluster, segment
        Shape (n,), text; None without such a column.
    text
        Arrow column of all rows of the file, or None; see `texts`.
    bad
        The rows left out.
    """

    number: NDArray[np.int64]
    label: NDArray[np.int8]
    scores: NDArray[np.float64]
    probability: NDArray[np.float64] | None
    cluster: NDArray[np.object_] | None
    segment: NDArray[np.object_] | None
    text: pa.ChunkedArray | None
    bad: tuple[BadRow, ...] = field(default=())

    def texts(self, rows: Sequence[int]) -> list[str]:
        """The texts of these usable rows; empty strings when there is no text column."""
        if self.text is None:
            return ["" for _ in rows]
        return [str(self.text[int(self.number[row]) - 1].as_py() or "") for row in rows]


def read_scores(path: Path, columns: ScoreColumns) -> ScoreTable:
    """Read a score table; rows with an unreadable label, score or probability are left out.

    Raises
    ------
    UserError
        No such file, not a table, or a column that is not there, or there twice.
    """
    with readable(path):
        return _scores(path, columns)


def _scores(path: Path, columns: ScoreColumns) -> ScoreTable:
    either = _TEXTS if columns.text is None else ()
    table, broken = read_table(path, columns.named(), either)
    names = table.column_names
    size = table.num_rows
    bad: dict[int, str] = dict(broken)
    label = _labels(table.column(columns.label), columns.label, bad)
    scores = np.empty((size, len(columns.scores)))
    for place, name in enumerate(columns.scores):
        scores[:, place] = _numbers(table.column(name), name, bad)
    chance = None
    if columns.probability is not None:
        chance = _chances(table.column(columns.probability), columns.probability, label, bad)
    text = columns.text or next((name for name in _TEXTS if name in names), None)
    keep = np.ones(size, dtype=bool)
    keep[list(bad)] = False
    return ScoreTable(
        number=np.flatnonzero(keep) + 1,
        label=label[keep],
        scores=scores[keep],
        probability=None if chance is None else chance[keep],
        cluster=_words(table, columns.cluster, keep),
        segment=_words(table, columns.segment, keep),
        text=table.column(text) if text else None,
        bad=tuple(BadRow(row + 1, reason) for row, reason in sorted(bad.items())),
    )


def read_texts(path: Path) -> frozenset[str]:
    """The texts in a table's text column, white space made single. Raises `UserError`."""
    with readable(path):
        table, _ = read_table(path, (), _TEXTS)
    text = next((name for name in _TEXTS if name in table.column_names), None)
    if text is None:
        raise UserError(f"{path.name} has no text column.", f"Name it {', '.join(_TEXTS[:3])}.")
    return frozenset(" ".join(str(cell).split()) for cell in table.column(text).to_pylist() if cell)


def _labels(column: pa.ChunkedArray, name: str, bad: dict[int, str]) -> NDArray[np.int8]:
    import pyarrow as pa
    import pyarrow.compute as pc

    words = pc.utf8_lower(pc.utf8_trim_whitespace(column.cast(pa.string())))
    label = np.full(len(column), _UNREADABLE, dtype=np.int8)
    for meant, value in ((_YES, 1), (_NO, 0), (_NOTHING, UNLABELLED)):
        found = pc.is_in(words, value_set=pa.array(sorted(meant)))
        label[found.to_numpy()] = value
    label[words.is_null().to_numpy()] = UNLABELLED
    for row in np.flatnonzero(label == _UNREADABLE):
        shown = str(column[int(row)].as_py())[:40]
        bad.setdefault(int(row), f"{name} must be 0 or 1, got {shown!r}.")
    return label


def _numbers(column: pa.ChunkedArray, name: str, bad: dict[int, str]) -> NDArray[np.float64]:
    """The cells as floats; NaN, infinity, text and nothing make a bad row."""
    import pyarrow as pa

    try:
        values = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowInvalid:
        values = np.array([_float(cell) for cell in column.to_pylist()], dtype=np.float64)
    for row in np.flatnonzero(~np.isfinite(values)):
        got = column[int(row)].as_py()
        said = "no value" if got is None else repr(str(got)[:40])
        bad.setdefault(int(row), f"{name} must be a finite number, got {said}.")
    return values


def _float(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return float("nan")


def _chances(
    column: pa.ChunkedArray, name: str, label: NDArray[np.int8], bad: dict[int, str]
) -> NDArray[np.float64]:
    """Probabilities of the labelled rows; what an unlabelled row says is not read."""
    none: dict[int, str] = {}
    values = _numbers(column, name, none)
    values = np.where(label == UNLABELLED, 1.0, values)
    wrong = ~((values > 0) & (values <= 1))
    for row in np.flatnonzero(wrong):
        bad.setdefault(int(row), f"{name} must be in (0, 1], got {column[int(row)].as_py()}.")
    return np.where(wrong, 1.0, values)


def _words(
    table: pa.Table, name: str | None, keep: NDArray[np.bool_]
) -> NDArray[np.object_] | None:
    import pyarrow as pa

    if name is None:
        return None
    return np.array(table.column(name).cast(pa.string()).to_pylist(), dtype=object)[keep]
