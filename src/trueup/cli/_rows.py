"""Write a stream of rows as JSONL, CSV or Parquet, chosen by the file's suffix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["check_suffix", "write_rows"]

SUFFIXES = (".jsonl", ".csv", ".parquet")


def check_suffix(path: Path, format: str | None = None) -> str:
    """The suffix of the format, named or else told from the path. Raises `UserError`."""
    suffix = f".{format}".lower() if format else path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(
            f"Cannot write the format {format!r}."
            if format
            else f"Cannot tell the output format from {path.name!r}.",
            f"End the name in one of {', '.join(SUFFIXES)}.",
        )
    return suffix


def write_rows(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: Path, *, format: str | None = None
) -> int:
    """Write every row to `path`; return how many. A failure leaves no half-written file."""
    suffix = check_suffix(path, format)
    write = {".jsonl": _write_jsonl, ".csv": _write_csv, ".parquet": _write_parquet}
    with _replacing(path) as partial:
        return write[suffix](batches, schema, partial)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A temporary neighbour that takes the place of `path` when all went well."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror}.", "Name another file.") from error
    finally:
        partial.unlink(missing_ok=True)


def _write_jsonl(batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: Path) -> int:
    import orjson

    count = 0
    with path.open("wb") as out:
        for batch in batches:
            for row in batch.to_pylist():
                out.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
            count += batch.num_rows
    return count


def _write_csv(batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: Path) -> int:
    import csv

    from trueup.report.text import csv_safe

    def cell(value: Any) -> Any:
        return csv_safe(value) if isinstance(value, str) else value

    count = 0
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(schema.names)
        for batch in batches:
            columns = [column.to_pylist() for column in batch.columns]
            writer.writerows(tuple(map(cell, row)) for row in zip(*columns, strict=True))
            count += batch.num_rows
    return count


def _write_parquet(batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: Path) -> int:
    import pyarrow.parquet as pq

    count = 0
    with pq.ParquetWriter(path, schema) as writer:
        for batch in batches:
            writer.write_batch(batch.cast(schema))
            count += batch.num_rows
    return count
