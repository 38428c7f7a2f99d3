"""Opening files: decompressed and as UTF-8, told from the content and not from the name."""

from __future__ import annotations

import codecs
import glob
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from trueup.errors import UserError

__all__ = ["BLOCK", "MAX_RECORD", "ByteStream", "Head", "expand", "open_head", "open_stream"]

BLOCK = 1 << 20
HEAD = 1 << 18
_PIECE = 1 << 12
MAX_RECORD = 200_000_000  # bytes; a longer line or record is set aside, not read into memory

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_PARQUET = b"PAR1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_SUFFIXES = tuple(
    suffix + compression
    for suffix in (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".eval", ".otlp")
    for compression in ("", ".gz", ".zst", ".bz2", ".xz")
)


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes) -> bytes: ...


class ByteStream:
    """The decompressed bytes of a file as UTF-8, read block by block.

    truncated: a sentence when the compressed data ended early or was damaged; what came before it
    has been returned by then. position: bytes of the file itself read so far.
    """

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.truncated: str | None = None
        first = raw.read(8)
        raw.seek(0)
        self._new = _decompressor_for(first)
        self._inflate: _Decompressor | None = None
        self._pending = b""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._started = self._emitted = False

    @property
    def position(self) -> int:
        return self._raw.tell()

    def read(self) -> bytes:
        """The next block, empty at the end."""
        while True:
            block, ended = self._next_bytes()
            if not self._started and (block or ended):
                block = self._begin(block)
            if self._decoder is not None:
                block = self._decoder.decode(block, ended).encode("utf-8", "replace")
                if not self._emitted:
                    block = block.removeprefix(codecs.BOM_UTF8)
            if block or ended:
                self._emitted = True
                return block

    def close(self) -> None:
        self._raw.close()

    def _begin(self, block: bytes) -> bytes:
        """Find the encoding at the start of the data."""
        self._started = True
        encoding, skip = _encoding_of(block)
        if encoding != "utf-8":
            self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        return block[skip:]

    def _next_bytes(self) -> tuple[bytes, bool]:
        """A block of decompressed bytes, and whether the data has ended."""
        if self._new is None:
            block = self._raw.read(BLOCK)
            return block, not block
        if self.truncated:
            return b"", True
        parts: list[bytes] = []
        size, ended = 0, False
        while size < BLOCK and not ended:
            part, ended = self._decompressed()
            parts.append(part)
            size += len(part)
        return b"".join(parts), ended

    def _decompressed(self) -> tuple[bytes, bool]:
        """The next part of the data; small, so that damage costs little of what came before it."""
        data = self._pending or self._raw.read(_PIECE)
        self._pending = b""
        if not data:
            if self._inflate is not None:
                self.truncated = "The compressed file ends in the middle of its data."
            return b"", True
        inflate = self._inflate or self._new()
        try:
            part = inflate.decompress(data)
        except MemoryError:
            raise
        except Exception as error:  # each library raises its own class for damaged data
            self.truncated = f"The compressed data is damaged: {error}."
            return b"", True
        self._inflate = inflate
        if inflate.eof:  # another member may follow
            self._inflate, self._pending = None, inflate.unused_data.lstrip(b"\0")
        return part, False


def _decompressor_for(first: bytes) -> Any:
    if first.startswith(b"\x1f\x8b"):
        import zlib

        return lambda: zlib.decompressobj(wbits=31)
    if first.startswith(b"\x28\xb5\x2f\xfd"):
        import zstandard

        return lambda: zstandard.ZstdDecompressor().decompressobj()
    if first.startswith(b"BZh"):
        import bz2

        return bz2.BZ2Decompressor
    if first.startswith(b"\xfd7zXZ\x00"):
        import lzma

        return lzma.LZMADecompressor
    return None


def _encoding_of(block: bytes) -> tuple[str, int]:
    """Encoding of the data and the length of its byte order mark."""
    for bom, encoding in _BOMS:
        if block.startswith(bom):
            return encoding, len(bom)
    sample = block[:1024]
    if len(sample) >= 4 and b"\0" in sample:
        even, odd = sample[::2].count(0), sample[1::2].count(0)
        if odd > len(sample) // 5 and not even:
            return "utf-16-le", 0
        if even > len(sample) // 5 and not odd:
            return "utf-16-be", 0
    return "utf-8", 0


@dataclass(frozen=True)
class Head:
    """The beginning of a file, enough to tell its format.

    container: text, parquet or zip. text: the first bytes, decompressed and as UTF-8; whole: these
    are all the bytes there are.
    """

    path: Path
    size: int
    container: str
    text: bytes = b""
    whole: bool = False

    @cached_property
    def layout(self) -> str:
        """lines (JSON Lines), values (a JSON array, or JSON over several lines), or table."""
        from trueup.sources.json_records import layout_of

        return layout_of(self)

    @cached_property
    def records(self) -> tuple[dict[str, Any], ...]:
        """The first records, when they are JSON objects and fit in the head."""
        from trueup.sources.json_records import first_records

        return first_records(self)

    @cached_property
    def keys(self) -> frozenset[str]:
        """Names at the top level of the first record, as far as the head reaches."""
        from trueup.sources.json_records import first_keys

        return first_keys(self)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of a table (CSV, TSV, Parquet); empty for JSON."""
        from trueup.sources.tables import columns_of

        return columns_of(self)


def open_stream(path: Path) -> ByteStream:
    """Open a file for reading as UTF-8 bytes. Raises `UserError` when it cannot be read."""
    return ByteStream(_open(path))


def open_head(path: Path) -> Head:
    """Read the beginning of a file. Raises `UserError` when it is missing, empty or unreadable."""
    with _open(path) as raw:
        size = os.fstat(raw.fileno()).st_size
        first = raw.read(4)
        if not first:
            raise UserError(f"{path} is empty.", "Check the path, or export the log again.")
        if first == _PARQUET:
            return Head(path, size, "parquet")
        if first in _ZIP:
            return Head(path, size, "zip")
    stream = open_stream(path)
    try:
        text, whole = _first_text(stream)
    finally:
        stream.close()
    if whole and not text.strip():
        if stream.truncated:
            raise UserError(f"{path}: {stream.truncated}", "Copy or export the file again.")
        raise UserError(f"{path} is empty.", "Check the path, or export the log again.")
    return Head(path, size, "text", text, whole)


def _first_text(stream: ByteStream) -> tuple[bytes, bool]:
    blocks: list[bytes] = []
    while sum(map(len, blocks)) < HEAD:
        block = stream.read()
        if not block:
            return b"".join(blocks), True
        blocks.append(block)
    return b"".join(blocks), False


def _open(path: Path) -> BinaryIO:
    try:
        if path.is_dir():
            raise UserError(f"{path} is a folder.", "Name the files in it, or use expand().")
        return io.open(path, "rb")  # noqa: UP020
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", "Check the path.") from None
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror or error}.", "Check its permissions."
        ) from error


def expand(paths: Iterable[str | Path]) -> tuple[Path, ...]:
    """Files named by paths, folders and globs, sorted within each and each file once.

    A folder stands for the log files below it, told by suffix; hidden files are left out.
    Raises `UserError` when a path matches nothing.
    """
    found: dict[Path, None] = {}
    for given in paths:
        path = Path(given).expanduser()
        matched = _files_below(path) if path.is_dir() else _files_named(path)
        for file in matched:
            found.setdefault(file)
    return tuple(found)


def _files_below(folder: Path) -> list[Path]:
    files = [file for file in _walk(folder) if file.name.lower().endswith(_SUFFIXES)]
    if not files:
        raise UserError(
            f"No log file below {folder}.",
            "Name the files themselves if their suffix is not .jsonl, .json, .csv or .parquet.",
        )
    return files


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(root) / name


def _files_named(path: Path) -> list[Path]:
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    files = sorted(Path(name) for name in glob.glob(str(path), recursive=True))
    files = [file for file in files if file.is_file()]
    if not files:
        raise UserError(f"No file matches {path}.", "Check the pattern.")
    return files
