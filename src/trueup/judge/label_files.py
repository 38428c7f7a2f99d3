"""Read label files record by record: JSONL, a JSON array, CSV or TSV, also compressed."""

from __future__ import annotations

import csv
import gzip
import io
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from trueup.errors import UserError

__all__ = ["BadLabel", "Record", "read_records"]

# What a spreadsheet may take for a formula: such cells are written with an apostrophe in front.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class BadLabel:
    """One record of a label file that could not be used: where, why, and how it begins."""

    file: str
    line: int
    reason: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it stands in the file; `line` counts from 1."""

    file: str
    line: int
    cells: dict[str, Any]

    def bad(self, reason: str) -> BadLabel:
        return BadLabel(self.file, self.line, reason, _excerpt(_json_text(self.cells)))


def _json_text(cells: dict[str, Any]) -> str:
    """The record as JSON text, for people to recognise it by."""
    return orjson.dumps(cells, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def read_records(path: str | Path) -> Iterator[Record | BadLabel]:
    """Yield every record of a label file; what cannot be parsed comes as a `BadLabel`.

    The format follows from the content: JSON when it begins with `{` or `[`, else a table whose
    first line names the columns, separated by comma, semicolon or tab. Raises `UserError` when the
    file cannot be read at all.
    """
    data = _bytes(Path(path))
    name = str(path)
    start = data[:64].lstrip()
    if start.startswith(b"["):
        return _json_array(data, name)
    if start.startswith(b"{"):
        return _json_lines(data, name)
    return _table(_text(data), name)


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
        elif data.startswith(b"\x28\xb5\x2f\xfd"):
            import zstandard

            data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path} is a damaged compressed file.", "Export it again.") from error
    except FileNotFoundError:
        raise UserError(f"The label file {path} does not exist.", "Check the path.") from None
    except OSError as error:
        raise UserError(
            f"The label file {path} cannot be read: {error.strerror or error}.", "Check the path."
        ) from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "replace").encode()
    return data.removeprefix(b"\xef\xbb\xbf")


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:  # what spreadsheets write when they do not write UTF-8
        return data.decode("cp1252", "replace")


def _json_lines(data: bytes, name: str) -> Iterator[Record | BadLabel]:
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            cells = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield BadLabel(name, number, f"Not valid JSON: {error}.", _excerpt(_text(line)))
            continue
        yield _object(cells, name, number)


def _json_array(data: bytes, name: str) -> Iterator[Record | BadLabel]:
    try:
        items = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise UserError(f"{name} is not valid JSON: {error}.", "Export it again.") from error
    for number, cells in enumerate(items, start=1):
        yield _object(cells, name, number)


def _object(cells: Any, name: str, number: int) -> Record | BadLabel:
    if isinstance(cells, dict):
        return Record(name, number, cells)
    return BadLabel(name, number, "A record must be a JSON object.", _excerpt(str(cells)))


def _table(text: str, name: str) -> Iterator[Record | BadLabel]:
    if not text.strip():
        return
    csv.field_size_limit(max(csv.field_size_limit(), min(sys.maxsize, 2**31 - 1)))
    first = text.lstrip().split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header: list[str] | None = None
    line = 1
    for cells in _rows(reader, name):
        if header is None:
            header = [cell.strip() for cell in cells] if cells else None
        elif cells:
            yield _row(header, cells, name, line)
        line = reader.line_num + 1


def _rows(reader: Iterable[list[str]], name: str) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise UserError(f"{name} is not a readable table: {error}.", "Export it again.") from error


def _row(header: list[str], cells: list[str], name: str, line: int) -> Record | BadLabel:
    if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
        reason = f"The row has {len(cells)} cells, the header names {len(header)}."
        return BadLabel(name, line, reason, _excerpt(",".join(cells)))
    padded = cells + [""] * (len(header) - len(cells))
    named = zip(header, padded, strict=False)
    return Record(name, line, {key: _plain(cell) for key, cell in named})


def _plain(cell: str) -> str:
    """The cell without the apostrophe that keeps spreadsheets from running it as a formula."""
    guarded = cell.startswith("'") and cell[1:].lstrip(" \u00a0").startswith(_FORMULA)
    return cell[1:] if guarded else cell


def _excerpt(text: str) -> str:
    return text[:200]
