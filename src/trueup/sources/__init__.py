"""Sources: one module per format, which tells its files, reads them and converts their records.

`read` yields batches of the tables; `detect` names the format of a file from its content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError, did_you_mean
from trueup.sources import chat, flat, inspect_log, langfuse, otlp
from trueup.sources.ahead import read_ahead
from trueup.sources.batch import BadRecord, Batch, BatchBuilder
from trueup.sources.columns import PROMPT_NAMES
from trueup.sources.files import Head, expand, open_head, open_stream
from trueup.sources.mapping import ColumnMap, LayerColumns, parse_mapping

if TYPE_CHECKING:
    from trueup.sources.files import ByteStream

__all__ = [
    "FORMATS",
    "BadRecord",
    "Batch",
    "ColumnMap",
    "Head",
    "LayerColumns",
    "Source",
    "detect",
    "detect_prompts",
    "expand",
    "parse_mapping",
    "read",
]

Reader = Callable[[Head, "ByteStream", BatchBuilder, "ColumnMap | None"], Iterator[Batch]]


@dataclass(frozen=True)
class Source:
    """One format. detect: says from the head of a file whether it is in this format."""

    name: str
    doc: str
    detect: Callable[[Head], bool]
    read: Reader


# In the order in which they are tried: the most particular first.
FORMATS: dict[str, Source] = {
    source.name: source
    for source in (
        Source("inspect", "Inspect logs, .json and .eval", inspect_log.detect, inspect_log.read),
        Source("otlp", "OpenTelemetry GenAI spans as OTLP JSON", otlp.detect, otlp.read),
        Source("langfuse", "Langfuse trace exports", langfuse.detect, langfuse.read),
        Source("chat", "Chat logs as JSON: messages, requests, responses", chat.detect, chat.read),
        Source("flat", "CSV, TSV, Parquet and flat JSON Lines", flat.detect, flat.read),
    )
}


def detect(path: str | Path) -> str:
    """Name the format of a file, from its content. Raises `UserError` when none fits."""
    head = open_head(Path(path))
    return _detect(head)


def detect_prompts(path: str | Path) -> str:
    """Like `detect`; a table that holds prompts without any response is flat."""
    head = open_head(Path(path))
    try:
        return _detect(head)
    except UserError:
        if any(name.lower() in PROMPT_NAMES for name in head.columns or head.keys):
            return "flat"
        raise


def _detect(head: Head) -> str:
    for name, source in FORMATS.items():
        if source.detect(head):
            return name
    columns = head.columns or sorted(head.keys)
    has = f"; its columns are: {', '.join(columns)[:400]}" if columns else ""
    raise UserError(
        f"The format of {head.path} could not be told{has}.",
        "Name its columns with --map prompt=COLUMN,response=COLUMN, or the format with --format "
        f"({', '.join(FORMATS)}).",
    )


def read(
    path: str | Path,
    *,
    format: str | None = None,
    mapping: ColumnMap | str | None = None,
    user_key: bytes = b"",
    batch_size: int = 40_000,
    progress: Callable[[int, int], Any] | None = None,
) -> Iterator[Batch]:
    """Read a log file as batches of the tables.

    Parameters
    ----------
    format
        One of `FORMATS`; None to tell it from the content. A mapping makes it `flat`.
    mapping
        Which columns of a flat file are which, parsed or as `parse_mapping` takes it.
    user_key
        Secret of the workspace under which user ids are hashed.
    batch_size
        Rows per batch, at least 1; batches of long texts are shorter.
    progress
        Called with the bytes of the file read so far and its size, in the caller's thread.

    Records that cannot be used are in `Batch.bad`; they never stop the import. Equal input gives
    equal ids, so that importing a file again changes nothing.

    Raises
    ------
    UserError
        When the file is missing, empty, of no known format, or does not fit the mapping.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    head = open_head(Path(path))
    columns = parse_mapping(mapping) if isinstance(mapping, str) else mapping
    source = FORMATS[_chosen(head, format, columns)]
    return _batches(source, head, columns, user_key, batch_size, progress)


def _chosen(head: Head, format: str | None, columns: ColumnMap | None) -> str:
    if format is None:
        return "flat" if columns is not None else _detect(head)
    if format not in FORMATS:
        raise UserError(f"--format is '{format}'.", did_you_mean(format, FORMATS))
    if columns is not None and format != "flat":
        raise UserError(
            f"--map does not go with --format {format}: only flat files have columns to map.",
            "Leave one of them out.",
        )
    return format


def _batches(
    source: Source,
    head: Head,
    columns: ColumnMap | None,
    user_key: bytes,
    batch_size: int,
    progress: Callable[[int, int], Any] | None,
) -> Iterator[Batch]:
    builder = BatchBuilder(str(head.path), user_key=user_key, batch_size=batch_size)
    for batch in read_ahead(lambda: _all_batches(source, head, columns, builder)):
        if progress is not None:
            progress(min(batch.bytes_read, head.size), head.size)
        yield batch
    if progress is not None:
        progress(head.size, head.size)


def _all_batches(
    source: Source, head: Head, columns: ColumnMap | None, builder: BatchBuilder
) -> Iterator[Batch]:
    stream = open_stream(head.path)
    try:
        yield from source.read(head, stream, builder, columns)
        builder.done = head.size
        if not builder.empty:
            yield builder.flush()
    finally:
        stream.close()
