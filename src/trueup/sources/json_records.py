"""JSON records out of a byte stream: JSON Lines, arrays, single and concatenated objects.

Reading goes on after a bad record. Text is repaired where the meaning is plain: bytes that are not
UTF-8 are read as Windows-1252, lone surrogates and NUL become U+FFFD, NaN and infinities are read.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from trueup.sources.files import MAX_RECORD, ByteStream

if TYPE_CHECKING:
    from trueup.sources.files import Head

__all__ = [
    "RawRecord",
    "decode",
    "first_keys",
    "first_records",
    "layout_of",
    "lines",
    "loads",
    "values",
]

_SAMPLE = 50


class RawRecord(NamedTuple):
    """The bytes of one record and its line (or, in an array, its number), both from 1.

    problem: a sentence when the record could not be cut out whole.
    """

    number: int
    raw: bytes
    problem: str | None = None


def _windows_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    try:
        return error.object[error.start : error.end].decode("cp1252"), error.end
    except UnicodeDecodeError:
        raise error from None  # it names the place in the record


codecs.register_error("trueup.windows1252", _windows_1252)


def decode(raw: bytes) -> str:
    """Text of bytes meant as UTF-8; what is not is read as Windows-1252.

    Raises `UnicodeDecodeError` where neither fits.
    """
    return raw.decode("utf-8", "trueup.windows1252")


def loads(raw: bytes) -> Any:
    """The JSON value of one record. Raises `ValueError` with a sentence when it is not JSON."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return _repaired(raw, error)
    return _cleaned(value) if b"\\u0000" in raw else value


def _repaired(raw: bytes, strict: orjson.JSONDecodeError) -> Any:
    try:
        text = decode(raw)
    except UnicodeDecodeError as error:
        byte = raw[error.start]
        raise ValueError(
            f"The bytes are neither UTF-8 nor Windows-1252 (byte 0x{byte:02x})."
        ) from None
    try:
        return _cleaned(json.loads(text, strict=False))
    except RecursionError:
        raise ValueError("The JSON is nested too deeply to read.") from None
    except ValueError:
        raise ValueError(f"Not valid JSON: {strict}.") from None


def _cleaned(value: Any) -> Any:
    """The value with text that UTF-8 and databases can hold, and whole numbers that fit 64 bits."""
    kind = type(value)
    if kind is str:
        if "\0" in value:
            value = value.replace("\0", "�")
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return value
    if kind is dict:
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    if kind is list:
        return [_cleaned(item) for item in value]
    if kind is int and abs(value) >= 2**63:
        return str(value)
    return value


def lines(
    stream: ByteStream, limit: int = MAX_RECORD, keep_blank: bool = False
) -> Iterator[RawRecord]:
    """The lines of a stream, whatever their line ends; blank ones only with `keep_blank`."""
    number, size, skipping = 1, 0, False
    parts: list[bytes] = []
    while block := stream.read():
        pieces = block.split(b"\n")
        if len(pieces) > 1:
            head = pieces[0]
            if skipping:
                skipping = False
            elif parts:
                parts.append(head)
                yield RawRecord(number, b"".join(parts))
                parts, size = [], 0
            elif keep_blank or head.strip():
                yield RawRecord(number, head)
            number += 1
            for piece in pieces[1:-1]:
                if keep_blank or (piece and not piece.isspace()):
                    yield RawRecord(number, piece)
                number += 1
        tail = pieces[-1]
        if tail and not skipping:
            parts.append(tail)
            size += len(tail)
            if size > limit:
                yield RawRecord(number, parts[0][:1000], _too_long("The line", limit))
                parts, size, skipping = [], 0, True
    last = b"".join(parts)
    if last.strip():
        yield RawRecord(number, last)
    if stream.truncated:
        yield RawRecord(number + 1, b"", stream.truncated)


def _too_long(what: str, limit: int) -> str:
    return f"{what} is longer than {limit // 1_000_000} MB."


# A string or a bracket; possessive, so that an unfinished string costs one pass.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|"|[{}\[\]]', re.DOTALL)
_BETWEEN = re.compile(rb"[\s,\x1e]*")


def values(stream: ByteStream, limit: int = MAX_RECORD) -> Iterator[RawRecord]:
    """The elements of a JSON array, or JSON objects one after the other, each over any lines."""
    buffer, number, ended, opened = b"", 0, False, False
    while True:
        start = _BETWEEN.match(buffer).end()  # type: ignore[union-attr]
        if not opened and number == 0 and buffer[start : start + 1] == b"[":
            opened, start = True, start + 1
            start = _BETWEEN.match(buffer, start).end()  # type: ignore[union-attr]
        end = _value_end(buffer, start)
        while end is not None:
            number += 1
            yield RawRecord(number, buffer[start:end])
            start = _BETWEEN.match(buffer, end).end()  # type: ignore[union-attr]
            end = _value_end(buffer, start)
        buffer = buffer[start:]
        if opened and buffer[:1] == b"]":
            rest = buffer[1:].strip()
            if rest:
                yield RawRecord(number + 1, rest, "There is more data after the end of the array.")
            if not stream.truncated:
                return
        if ended:
            break
        if len(buffer) > limit:
            yield RawRecord(number + 1, buffer[:1000], _too_long("The record", limit))
            return
        more = stream.read()
        # Reading as much again as is waiting keeps the scan of a huge record linear.
        while more and len(more) < len(buffer):
            block = stream.read()
            if not block:
                break
            more += block
        ended = not more
        buffer += more
    if stream.truncated:
        yield RawRecord(number + 1, buffer[:1000], stream.truncated)
    elif buffer.strip():
        yield RawRecord(
            number + 1, buffer[:MAX_RECORD], "The record does not end: the file was cut."
        )
    elif opened:
        yield RawRecord(number + 1, b"", "The array does not end: the file was cut.")


def _value_end(buffer: bytes, start: int) -> int | None:
    """End of the value that starts at `start`, or None when the buffer does not hold it whole."""
    first = buffer[start : start + 1]
    if first not in (b"{", b"["):
        return _scalar_end(buffer, start) if first and first != b"]" else None
    depth = 0
    for token in _TOKEN.finditer(buffer, start):
        mark = buffer[token.start()]
        if mark in b"{[":
            depth += 1
        elif mark in b"}]":
            depth -= 1
            if depth == 0:
                return token.end()
        elif token.end() - token.start() == 1:
            return None  # a string that the buffer does not hold whole
    return None


_SCALAR_END = re.compile(rb"[,\]\n]")


def _scalar_end(buffer: bytes, start: int) -> int | None:
    found = _SCALAR_END.search(buffer, start + 1)
    return found.start() if found else None


def layout_of(head: Head) -> str:
    """How the records of a text file are laid out, told from its first bytes."""
    if head.container != "text":
        return "table" if head.container == "parquet" else "zip"
    text = head.text.lstrip()
    if text[:1] == b"[":
        return "values"
    candidates = text.split(b"\n", _SAMPLE)
    if text[:1] == b"{":
        if len(candidates) == 1 or _is_object(candidates[0]):
            return "lines"
        plain = (line for line in candidates[1:_SAMPLE] if line[:1] == b"{")
        return "lines" if any(map(_is_object, plain)) else "values"
    # A damaged first line does not make a table of JSON Lines.
    objects = sum(line[:1] == b"{" and _is_object(line) for line in candidates[1:_SAMPLE])
    return "lines" if objects and objects >= (len(candidates) - 2) // 2 else "table"


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(loads(line), dict)
    except ValueError:
        return False


class _Bytes(ByteStream):
    """A head's bytes in place of a file."""

    def __init__(self, text: bytes) -> None:
        self.truncated = None
        self._text = text

    def read(self) -> bytes:
        text, self._text = self._text, b""
        return text


def first_records(head: Head) -> tuple[dict[str, Any], ...]:
    """The first records of a JSON file that are objects."""
    layout = head.layout
    if layout not in ("lines", "values"):
        return ()
    cut = lines if layout == "lines" else values
    found: list[dict[str, Any]] = []
    for record in cut(_Bytes(head.text)):
        if len(found) == _SAMPLE:
            break
        if record.problem:
            continue
        try:
            value = loads(record.raw)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return tuple(found)


def first_keys(head: Head) -> frozenset[str]:
    """Names at the top level of the first record, even when the head holds only its beginning."""
    if head.records:
        return frozenset(head.records[0])
    start = head.text.find(b"{")
    if head.layout not in ("lines", "values") or start < 0:
        return frozenset()
    keys, depth = set(), 0
    for token in _TOKEN.finditer(head.text, start):
        mark = head.text[token.start()]
        if mark in b"{[":
            depth += 1
        elif mark in b"}]":
            depth -= 1
        elif depth == 1 and head.text[token.end() : token.end() + 3].lstrip()[:1] == b":":
            keys.add(token.group()[1:-1].decode("utf-8", "replace"))
        if depth == 0:
            break
    return frozenset(keys)
