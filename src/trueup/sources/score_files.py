"""Table files as Arrow tables of the columns that are wanted: CSV, JSON Lines, Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from trueup.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

__all__ = ["read_table", "readable"]

_LONGEST_NAME = 10_000  # characters: more is a text without a header
_HEADER_ROWS = 2  # numbers of rows as Arrow gives them begin at 1, with the header
_DELIMITERS = (",", "\t", ";")


def read_table(
    path: Path, needed: Sequence[str] | None, either: Sequence[str] = ()
) -> tuple[pa.Table, dict[int, str]]:
    """The file as an Arrow table of the columns that are wanted, and the rows that do not parse.

    Parameters
    ----------
    path
        CSV, TSV, JSON Lines, plain or gzipped, or Parquet: told from the content.
    needed
        Columns that must be there, once. None: every column.
    either
        Names of which the first that is there comes along.

    Returns
    -------
    table, broken
        Cells of text files are text. A row that does not parse is empty, so that rows keep their
        numbers; `broken` says why, by its place from 0.

    Raises
    ------
    UserError
        No such file, or a column that is not there, or there twice. The rest is left to `readable`.
    """
    if not path.is_file():
        raise UserError(f"There is no file {path}.", "Check the name.")
    if _is_parquet(path):
        return _parquet(path, needed, either), {}
    if _is_json(path):
        return _json_lines(path, needed, either)
    return _csv(path, needed, either)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """What a reader cannot make sense of is the user's file, not a bug."""
    import csv

    import pyarrow as pa

    wrong = (pa.ArrowInvalid, pa.ArrowNotImplementedError, csv.Error, OSError, EOFError)
    try:
        yield
    except (*wrong, UnicodeDecodeError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise UserError(
            f"{path} cannot be read as a table: {said}.", "Give a CSV, JSON Lines or Parquet file."
        ) from error


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _is_json(path: Path) -> bool:
    import pyarrow as pa

    with pa.input_stream(str(path), compression="detect") as stream:
        return bool(stream.read(256).lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")))


def _check(there: list[str], needed: Sequence[str] | None, path: Path) -> None:
    for name in there if needed is None else needed:
        if name not in there:
            fix = did_you_mean(name, there) if there else "Give a table with a header."
            raise UserError(f"{path.name} has no column {name!r}.", fix)
        if there.count(name) > 1:
            raise UserError(
                f"{path.name} has {there.count(name)} columns called {name!r}.", "Rename one."
            )


def _wanted(there: Sequence[str], needed: Sequence[str] | None, either: Sequence[str]) -> list[str]:
    if needed is None:
        return list(there)
    return list(dict.fromkeys([*needed, *[name for name in either if name in there][:1]]))


def _parquet(path: Path, needed: Sequence[str] | None, either: Sequence[str]) -> pa.Table:
    import pyarrow.parquet as pq

    there = pq.read_schema(path).names
    _check(there, needed, path)
    return pq.read_table(path, columns=_wanted(there, needed, either))


def _csv(
    path: Path, needed: Sequence[str] | None, either: Sequence[str]
) -> tuple[pa.Table, dict[int, str]]:
    """Cells stay text: what is not a number is a bad row, not a bad file."""
    import pyarrow as pa
    from pyarrow import csv

    there, delimiter = _header(path, needed)
    _check(there, needed, path)
    broken: dict[int, str] = {}

    def skip(row: Any) -> str:
        place = row.number - _HEADER_ROWS
        broken[place] = f"The row has {row.actual_columns} cells, not {row.expected_columns}."
        return "skip"

    wanted = _wanted(there, needed, either)
    with pa.input_stream(str(path), compression="detect") as stream:
        table = csv.read_csv(
            _utf8(stream),
            read_options=csv.ReadOptions(use_threads=False),
            parse_options=csv.ParseOptions(
                delimiter=delimiter,
                newlines_in_values=True,
                invalid_row_handler=skip,
            ),
            convert_options=csv.ConvertOptions(
                include_columns=wanted,
                column_types={name: pa.string() for name in wanted},
                strings_can_be_null=True,
                null_values=[""],
                quoted_strings_can_be_null=True,
            ),
        )
    return _with_gaps(table, broken), broken


def _utf8(stream: Any) -> Any:
    """The stream with bytes that are no UTF-8 replaced, on which Arrow would trip."""
    import codecs

    import pyarrow as pa

    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    parts = [decoder.decode(part).encode() for part in iter(lambda: stream.read(1 << 20), b"")]
    return pa.BufferReader(b"".join([*parts, decoder.decode(b"", True).encode()]))


def _with_gaps(table: pa.Table, broken: dict[int, str]) -> pa.Table:
    """The table with empty rows where some were skipped, so that rows keep their numbers."""
    import pyarrow as pa

    if not broken:
        return table
    there = np.ones(table.num_rows + len(broken), dtype=bool)
    there[list(broken)] = False
    at = np.where(there, np.cumsum(there) - 1, 0)
    return table.take(pa.array(at, mask=~there))


def _header(path: Path, needed: Sequence[str] | None) -> tuple[list[str], str]:
    """The names of the columns, and what separates them: whatever makes most of those wanted."""
    import csv
    import io

    import pyarrow as pa

    with pa.input_stream(str(path), compression="detect") as stream:
        head = stream.read(1 << 20)
    if not head.strip():
        raise UserError(f"{path} is empty.", "Give a table with a header and a row per example.")
    text = head.decode("utf-8-sig", "replace").lstrip("\r\n")
    found = {
        mark: next(csv.reader(io.StringIO(text, newline=""), delimiter=mark), [])
        for mark in _DELIMITERS
    }
    wanted = set(needed or ())
    best = max(found, key=lambda mark: (len(wanted.intersection(found[mark])), len(found[mark])))
    if any(len(name) > _LONGEST_NAME for name in found[best]):
        raise csv.Error("its first row is no list of column names")
    return found[best], best


def _json_lines(
    path: Path, needed: Sequence[str] | None, either: Sequence[str]
) -> tuple[pa.Table, dict[int, str]]:
    import orjson
    import pyarrow as pa

    rows: list[dict[str, Any]] = []
    broken: dict[int, str] = {}
    with pa.input_stream(str(path), compression="detect") as stream:
        whole = stream.read().removeprefix(b"\xef\xbb\xbf")
    if whole.lstrip().startswith(b"["):
        raise UserError(f"{path.name} is a JSON array.", "Give JSON Lines: one object per line.")
    lines = [line for line in whole.split(b"\n") if line.strip()]
    for place, line in enumerate(lines):
        try:
            row = orjson.loads(line)
            if type(row) is not dict:
                raise ValueError("not an object")
        except ValueError:
            broken[place] = "The line is not a JSON object."
            row = {}
        rows.append(row)
    there = list(dict.fromkeys(name for row in rows for name in row))
    _check(there, needed, path)
    cells = {
        name: [_cell(row.get(name)) for row in rows] for name in _wanted(there, needed, either)
    }
    return pa.table({name: pa.array(values, pa.string()) for name, values in cells.items()}), broken


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, float):
        return repr(value)
    return str(value)
