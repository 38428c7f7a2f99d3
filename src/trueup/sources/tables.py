"""Rows out of CSV, TSV and Parquet files."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from trueup.errors import UserError
from trueup.sources.files import MAX_RECORD, ByteStream
from trueup.sources.json_records import RawRecord, decode, lines

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.sources.files import Head

__all__ = ["Row", "columns_of", "csv_rows", "parquet_rows"]

_DELIMITERS = ",\t;|"
_PARQUET_ROWS = 4096


class Row(NamedTuple):
    """One row of a table: its line (CSV) or number (Parquet), and its cells by column name.

    problem: a sentence when the row cannot be used; then `cells` may be empty.
    raw: the row as text, for the excerpt.
    """

    number: int
    cells: dict[str, Any]
    raw: Sequence[Any]
    problem: str | None = None


def columns_of(head: Head) -> tuple[str, ...]:
    """Names of the columns of a table file; empty for anything else."""
    if head.container == "parquet":
        return tuple(_open_parquet(head.path).schema_arrow.names)
    if head.container != "text" or head.layout != "table":
        return ()
    dialect = _dialect(head)
    text = head.text.decode("utf-8", "replace")
    try:
        first = next(csv.reader(text.splitlines(keepends=True), **dialect), [])
    except csv.Error:
        return ()
    return tuple(name.strip() for name in first)


def _dialect(head: Head) -> dict[str, Any]:
    """How a text table separates and quotes its cells, told from its first lines."""
    start = head.text[:65536].decode("utf-8", "replace")
    first = start.partition("\n")[0]
    counts = {mark: first.count(mark) for mark in _DELIMITERS}
    best = max(counts, key=counts.__getitem__)
    delimiter = best if counts[best] else ","
    dialect: dict[str, Any] = {"delimiter": delimiter, "strict": True}
    # A backslash before the quote that ends a cell is just the cell's last character.
    escaped = re.search(rf'\\"(?!{re.escape(delimiter)}|[\r\n]|$)', start)
    if escaped and '""' not in start:
        dialect |= {"escapechar": "\\", "doublequote": False}
    return dialect


class _TextLines:
    """Physical lines for the csv module, which can be given back to be read again.

    problems: by line number, why a line could not be decoded or was cut. taken: the lines taken
    since `begin_row`. number: of the last line taken, from 1.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._records = lines(stream, keep_blank=True)
        self._again: deque[str] = deque()
        self.problems: dict[int, str] = {}
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> _TextLines:
        return self

    def __next__(self) -> str:
        text = self._again.popleft() if self._again else self._decoded(next(self._records))
        self.number += 1
        self.taken.append(text)
        return text

    def begin_row(self) -> None:
        self.taken = []

    def give_back(self) -> None:
        """Put back all lines of this row but its first."""
        self._again.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1
        del self.taken[1:]

    def _decoded(self, record: RawRecord) -> str:
        if record.problem is not None:
            self.problems[self.number + 1] = record.problem
        try:
            text = decode(record.raw)
        except UnicodeDecodeError as error:
            byte = record.raw[error.start]
            self.problems[self.number + 1] = (
                f"The bytes are neither UTF-8 nor Windows-1252 (byte 0x{byte:02x})."
            )
            text = record.raw.decode("utf-8", "replace")
        return (text.replace("\0", "�") if "\0" in text else text) + "\n"


def csv_rows(head: Head, stream: ByteStream) -> Iterator[Row]:
    """The rows of a CSV or TSV file after its header. Raises `UserError` for a header of no use."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD))
    dialect = _dialect(head)
    source = _TextLines(stream)
    reader = csv.reader(source, **dialect)
    try:
        header = _header(next(reader, []), head.path)
    except csv.Error as error:
        raise UserError(
            f"{head.path.name} has no readable header: {error}.",
            "Put the names of the columns in its first line.",
        ) from error
    width = len(header)
    while True:
        source.begin_row()
        start = source.number + 1
        problem = None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells, problem = [], f"The row cannot be split into cells: {error}."
            if "unexpected end of data" in str(error):
                problem = f"A quote that opens in line {start} is never closed."
                if _are_rows(source.taken[1:], dialect, width):
                    source.give_back()
        if not cells and problem is None:
            continue
        if source.problems:
            problem = _problem_between(source.problems, start, source.number) or problem
        if problem is None and len(cells) != width:
            problem = f"The row has {len(cells)} cells, but the header has {width}."
        raw: Sequence[Any] = cells if problem is None else "".join(source.taken[:20]).rstrip()
        yield Row(start, dict(zip(header, cells, strict=False)), raw, problem)


def _are_rows(lines: list[str], dialect: dict[str, Any], width: int) -> bool:
    """True when lines that an unclosed quote swallowed are rows, and not the text of one cell."""
    reader = csv.reader(lines, **dialect)
    fitting = total = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return total > 1 and fitting >= 0.9 * total
        except csv.Error:
            cells = []
            total += 1
        if cells:
            total += 1
            fitting += len(cells) == width


def _problem_between(problems: dict[int, str], first: int, last: int) -> str | None:
    found = None
    for number in [number for number in problems if number <= last]:
        reason = problems.pop(number)
        if number >= first:
            found = found or reason
    return found


def _header(cells: list[str], path: Path) -> list[str]:
    """Names of the columns, each once: a repeated name gets a number."""
    names: list[str] = []
    for place, cell in enumerate(cells):
        name = cell.strip() or f"column_{place + 1}"
        copy, unique = 1, name
        while unique in names:
            copy += 1
            unique = f"{name}.{copy}"
        names.append(unique)
    if not names:
        raise UserError(
            f"{path} has no header line.", "Put the names of the columns in its first line."
        )
    return names


def parquet_rows(path: Path) -> Iterator[tuple[Row, int]]:
    """The rows of a Parquet file with the bytes read so far; memory holds a few thousand rows.

    Raises `UserError` when the file is damaged.
    """
    import pyarrow as pa

    file = _open_parquet(path)
    total = max(1, file.metadata.num_rows)
    size = path.stat().st_size
    number = 0
    try:
        for batch in file.iter_batches(batch_size=_PARQUET_ROWS, use_threads=False):
            for cells in _plain(batch).to_pylist(maps_as_pydicts="lossy"):
                number += 1
                yield Row(number, cells, tuple(cells.values())), size * number // total
    except (pa.ArrowException, OSError) as error:
        problem = f"The Parquet data is damaged: {str(error).splitlines()[0]}."
        yield Row(number + 1, {}, (), problem), size


def _plain(batch: Any) -> Any:
    """Times in microseconds: Python has no finer ones."""
    import pyarrow as pa

    fields = [
        field.with_type(pa.timestamp("us", field.type.tz))
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns"
        else field
        for field in batch.schema
    ]
    schema = pa.schema(fields)
    return batch if schema == batch.schema else batch.cast(schema, safe=False)


def _open_parquet(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise UserError(
            f"{path} is not a readable Parquet file: {str(error).splitlines()[0]}",
            "Export it again; a Parquet file that was cut short cannot be read.",
        ) from error
