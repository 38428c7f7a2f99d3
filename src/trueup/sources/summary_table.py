"""Published summary tables: one row per version, its rates and scores in columns, no responses.

A row is named by a text column (model, stage, method, prompt), or by several together when none
alone tells the rows apart. A column of numbers that counts training steps names rows, too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError, did_you_mean
from trueup.sources.columns import MESSAGES_NAMES, RESPONSE_NAMES
from trueup.sources.files import open_head, open_stream
from trueup.sources.json_reading import json_records
from trueup.sources.json_records import loads
from trueup.sources.scores import BadRow
from trueup.sources.tables import Row, csv_rows, parquet_rows
from trueup.sources.values import json_text, shown

if TYPE_CHECKING:
    from trueup.sources.files import Head

__all__ = ["NumberColumn", "SummaryTable", "is_summary_table", "read_summary"]

_LARGEST = 1_000_000  # bytes of a file that is taken for a summary without being asked
_MOST_ROWS = 500
_LONGEST_NAME = 200  # characters; a longer cell is prose, not a name
_RESPONSES = {*RESPONSE_NAMES, *MESSAGES_NAMES}
_ORDERS = {"stage", "step", "steps", "checkpoint", "ckpt", "epoch", "round", "iteration", "iter"}
_NO_FIGURES = {"id", "idx", "index", "row", "seed", "rank"}
_NOTHING = {"", "-", "\u2013", "\u2014", "n/a", "na", "nan", "null", "none"}
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """Figures of all rows, as they are written.

    values: NaN where the cell is blank. decimals: the most that any of its cells has. percent:
    whether its cells carry the sign.
    """

    name: str
    values: tuple[float, ...]
    decimals: int
    percent: bool


@dataclass(frozen=True, slots=True)
class SummaryTable:
    """The usable rows, in the order of the file, or of the column of numbers that orders them.

    keys: the columns that name a row, the one that differs between versions last. names: their
    values, for each row. ordered: whether the last key says that rows follow one another. left_out:
    columns that are neither a key nor figures.
    """

    source: str
    keys: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]
    ordered: bool
    columns: tuple[NumberColumn, ...]
    left_out: tuple[str, ...] = ()
    bad: tuple[BadRow, ...] = field(default=())


def is_summary_table(path: Path, order: str | None = None) -> bool:
    """Whether the file is a small table of figures with a name for each row, and no responses."""
    try:
        head = open_head(path)
        if head.size > _LARGEST or head.container not in ("text", "parquet"):
            return False
        known = head.columns or tuple(head.keys)
        if any(name.strip().lower() in _RESPONSES for name in known):
            return False
        table = read_summary(path, order=order)
        return len(table.names) <= _MOST_ROWS and not all(map(_are_verdicts, table.columns))
    except UserError:
        return False


def _are_verdicts(column: NumberColumn) -> bool:
    """Whether a column holds nothing but 0 and 1: labels of prompts, and no rates of versions."""
    return all(math.isnan(value) or value in (0.0, 1.0) for value in column.values)


def read_summary(path: Path, *, order: str | None = None) -> SummaryTable:
    """Read a summary table; a row without a name, or with text among its figures, is left out.

    Parameters
    ----------
    path
        CSV, TSV, JSON (an array, or a line each) or Parquet: told from the content.
    order
        Column that says which version follows which; None: one that is called stage, step,
        checkpoint, epoch, round or the like, if there is one.

    Raises
    ------
    UserError
        No such file, nothing that names its rows, no column of figures, no such order.
    """
    head = open_head(path)
    bad: dict[int, str] = {}
    rows = [row for row in _rows(head) if _usable(row, bad)]
    names = list(dict.fromkeys(name for row in rows for name in row.cells))
    if order is not None and order not in names:
        raise UserError(f"{path.name} has no column {order!r}.", did_you_mean(order, names))
    columns = {name: [_cell(row.cells.get(name)) for row in rows] for name in names}
    figures = [name for name in names if _is_figures(columns[name])]
    keys = _keys(columns, figures, order)
    if not keys:
        raise UserError(
            f"{path.name} has no column that names its rows.",
            "Add one, such as model or method; or name a column of numbers with --order.",
        )
    figures = [name for name in figures if name not in keys and name.lower() not in _NO_FIGURES]
    if not figures:
        raise UserError(
            f"{path.name} has no column of figures.",
            "Give a rate or a score per row, such as refusal_pct.",
        )
    kept = _kept(rows, columns, keys, figures, bad)
    ordered = order is not None or _is_order(keys[-1])
    if ordered and _is_figures(columns[keys[-1]]):
        kept.sort(key=lambda place: _number(columns[keys[-1]][place]))
    return SummaryTable(
        source=path.name,
        keys=keys,
        names=tuple(tuple(columns[key][place] for key in keys) for place in kept),
        ordered=ordered,
        columns=tuple(_figures(name, [columns[name][place] for place in kept]) for name in figures),
        left_out=tuple(name for name in names if name not in keys and name not in figures),
        bad=tuple(BadRow(number, reason) for number, reason in sorted(bad.items())),
    )


def _rows(head: Head) -> Iterator[Row]:
    """The rows of the file, whatever its format."""
    if head.container == "parquet":
        yield from (row for row, _ in parquet_rows(head.path))
        return
    if head.container != "text":
        raise UserError(f"{head.path} is not a table.", "Give a CSV, JSON or Parquet file.")
    stream = open_stream(head.path)
    try:
        yield from csv_rows(head, stream) if head.layout == "table" else _json_rows(head, stream)
    finally:
        stream.close()


def _json_rows(head: Head, stream: Any) -> Iterator[Row]:
    for record in json_records(head, stream):
        problem, value = record.problem, None
        if problem is None:
            try:
                value = loads(record.raw)
            except ValueError as error:
                problem = str(error)
        if problem is None and type(value) is not dict:
            problem = "The record is not an object."
        cells = value if type(value) is dict else {}
        yield Row(record.number, cells, (), problem)


def _usable(row: Row, bad: dict[int, str]) -> bool:
    if row.problem is None:
        return True
    bad[row.number] = row.problem
    return False


def _cell(value: Any) -> str:
    """A cell as text; nothing is empty text."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str):
        return value.strip()
    return repr(value) if isinstance(value, float) else json_text(value)


def _number(text: str) -> float:
    """The figure in a cell; NaN for a blank one. Raises `ValueError` for text and infinity."""
    plain = text.removesuffix("%").rstrip().replace("\u2212", "-")
    if plain.lower() in _NOTHING:
        return math.nan
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    if "_" in plain:
        raise ValueError(text)
    value = float(plain)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _is_figures(cells: Sequence[str]) -> bool:
    """Whether a column holds figures: at least one, and no less often than text."""
    numbers = texts = 0
    for cell in cells:
        try:
            numbers += not math.isnan(_number(cell))
        except ValueError:
            texts += 1
    return numbers > 0 and numbers >= texts


def _is_order(name: str) -> bool:
    return not _ORDERS.isdisjoint(re.split(r"[^a-z]+", name.lower()))


def _keys(
    columns: dict[str, list[str]], figures: Sequence[str], order: str | None
) -> tuple[str, ...]:
    """The columns that name a row: the first that does alone, else as many as it takes together."""

    def names_rows(name: str) -> bool:
        if name == order:
            return True
        if name in figures:
            return order is None and _is_order(name)
        cells = columns[name]
        return any(cells) and max(map(len, cells)) <= _LONGEST_NAME

    usable = [name for name in columns if names_rows(name)]
    last: Callable[[str], bool] = (
        (lambda name: name == order) if order is not None else (lambda name: _is_order(name))
    )
    usable.sort(key=last)  # what orders the versions is what differs between them
    distinct = [name for name in usable if _distinct([columns[name]])]
    if order is not None and order not in distinct:
        distinct = []
    if distinct:
        return (order or distinct[0],)
    for many in range(2, len(usable) + 1):
        keys = usable[:many] if order is None else [*usable[: many - 1], order]
        if _distinct([columns[key] for key in keys]):
            return tuple(keys)
    return tuple(usable)


def _distinct(columns: Iterable[Sequence[str]]) -> bool:
    """Whether no two rows have the same name."""
    names = list(zip(*columns, strict=True))
    return len(set(names)) == len(names)


def _kept(
    rows: Sequence[Row],
    columns: dict[str, list[str]],
    keys: Sequence[str],
    figures: Sequence[str],
    bad: dict[int, str],
) -> list[int]:
    """Places of the rows that can be used; why the others cannot goes into `bad`."""
    kept: list[int] = []
    taken: dict[tuple[str, ...], int] = {}
    for place, row in enumerate(rows):
        name = tuple(columns[key][place] for key in keys)
        reason = _objection(name, keys, {one: columns[one][place] for one in figures})
        if reason is None and name in taken:
            reason = f"The name {shown(' / '.join(name))} is taken by row {taken[name]}."
        if reason is not None:
            bad[row.number] = reason
            continue
        taken[name] = row.number
        kept.append(place)
    return kept


def _objection(name: Sequence[str], keys: Sequence[str], figures: dict[str, str]) -> str | None:
    for key, cell in zip(keys, name, strict=True):
        if not cell:
            return f"{key} is empty: the row has no name."
    for column, cell in figures.items():
        try:
            _number(cell)
        except ValueError:
            return f"{column} must be a number, got {shown(cell)}."
    return None


def _figures(name: str, cells: Sequence[str]) -> NumberColumn:
    return NumberColumn(
        name=name,
        values=tuple(_number(cell) for cell in cells),
        decimals=max((_decimals(cell) for cell in cells), default=0),
        percent=any(cell.endswith("%") for cell in cells),
    )


def _decimals(cell: str) -> int:
    """Digits behind the point, as written."""
    mantissa, _, exponent = cell.lower().rstrip("% ").partition("e")
    digits = len(mantissa.partition(".")[2])
    return max(digits - int(exponent), 0) if exponent else digits
