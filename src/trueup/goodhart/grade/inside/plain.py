"""Plain data as one line of tagged JSON: what goes into the box and what may come out of it.

Both sides use this file, so it needs the standard library only, and of that as little as it can:
`json` would double the time Python takes to start, so its C parts are used without it.

Plain is None, bool, int, float, complex, str, bytes, list, tuple, set, frozenset and dict, of
exactly these types all the way down. An object of any other type is refused by the name of its
type, and none of its methods is called. Numbers, strings, true, false and null stand for
themselves; all else is a list whose first item is a tag:

    ["l", …] list    ["t", …] tuple    ["s", …] set    ["z", …] frozenset    ["d", k, v, …] dict
    ["i", hex] a long int    ["f", name] nan, inf, -inf    ["c", re, im] complex
    ["b", hex] bytes         ["u", hex] a string with lone surrogates, as UTF-8 lets them pass

What does not hold: shared and cyclic references. Shared ones come out as copies, cyclic ones are
refused.
"""

from __future__ import annotations

from _json import encode_basestring_ascii as _quote
from _json import make_scanner

TYPE_CHECKING = False  # importing `typing` for it would take longer than all else here
if TYPE_CHECKING:
    from typing import Any


__all__ = ["MAX_DEPTH", "NotPlain", "decode", "encode", "type_name"]

MAX_DEPTH = 100  # within Python's limit on recursion, wherever it is called from
_SAME_HASH = 64  # members of a set or dict that may share a hash: more make building it quadratic
_WORD = 1 << 63
_SEQUENCES: dict[type, str] = {list: "l", tuple: "t", set: "s", frozenset: "z"}
_NAME = type.__dict__["__name__"].__get__


class NotPlain(Exception):
    """The value, or the text, is not plain data within the bounds; the message says why.

    value: the object that is not plain, None when it is not about one.
    """

    def __init__(self, why: str, value: object = None) -> None:
        Exception.__init__(self, why)
        self.value = value


def type_name(value: object) -> str:
    """The name of the value's type, read without calling anything that the type defines."""
    return str.__getitem__(_NAME(type(value)), slice(0, 100))


def encode(value: Any, limit: int) -> str:
    """The value as one line of ASCII; raise `NotPlain` when it is not plain or longer than `limit`
    characters."""
    parts: list[str] = []
    _Encoder(limit).put(value, parts, 0)
    return "".join(parts)


class _Encoder:
    """limit: characters left."""

    def __init__(self, limit: int) -> None:
        self.left = limit
        self.open: set[int] = set()

    def put(self, value: Any, parts: list[str], depth: int) -> None:
        kind = type(value)
        if kind in _SEQUENCES or kind is dict:
            self._put_container(value, parts, depth)
        else:
            self._add(_scalar(value), parts)

    def _add(self, text: str, parts: list[str]) -> None:
        self.left -= len(text) + 1
        if self.left < 0:
            raise NotPlain("the answer is larger than the output limit")
        parts.append(text)

    def _put_container(self, value: Any, parts: list[str], depth: int) -> None:
        if id(value) in self.open:
            raise NotPlain("the answer contains itself")
        if depth >= MAX_DEPTH:
            raise NotPlain(f"the answer is nested more than {MAX_DEPTH} deep")
        if type(value) is dict:
            tag, items = "d", [item for pair in value.items() for item in pair]
        else:
            tag, items = _SEQUENCES[type(value)], list(value)
        self._add(f'["{tag}"', parts)
        flat = _flat(items)
        if flat is not None:
            self._add(flat, parts)
        else:
            self.open.add(id(value))
            for item in items:
                parts.append(",")
                self.put(item, parts, depth + 1)
            self.open.discard(id(value))
        parts.append("]")


def _flat(items: list[Any]) -> str | None:
    """Items of one simple type, written at once; None when they are not that."""
    kinds = set(map(type, items))
    if kinds == {int} and min(items) > -_WORD and max(items) < _WORD:
        return "," + ",".join(map(repr, items))
    if kinds == {float}:
        text = "," + ",".join(map(repr, items))
        return None if "n" in text else text  # nan, inf
    if kinds == {str} and "".join(items).isascii():
        return "," + ",".join(map(_quote, items))
    return None if items else ""


def _scalar(value: Any) -> str:
    kind = type(value)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return repr(value) if -_WORD < value < _WORD else f'["i","{value:x}"]'
    if kind is float:
        text = repr(value)
        return f'["f","{text}"]' if "n" in text else text
    if kind is str:
        return _string(value)
    if kind is bytes:
        return f'["b","{value.hex()}"]'
    if kind is complex:
        return f'["c",{_scalar(value.real)},{_scalar(value.imag)}]'
    raise NotPlain(f"not plain: type {type_name(value)}", value)


def _string(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return f'["u","{value.encode("utf-8", "surrogatepass").hex()}"]'
    return _quote(value)


class _Context:
    """What the scanner of `json` reads its settings from."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = None


_SCAN = make_scanner(_Context())  # type: ignore[arg-type]


def decode(text: str) -> Any:
    """The value that `encode` wrote; raise `NotPlain` for every other text, whatever it holds."""
    try:
        raw, end = _SCAN(text, 0)
    except (StopIteration, ValueError, RecursionError, MemoryError, TypeError) as error:
        raise NotPlain("not a line of plain data") from error
    if text[end:].strip(" \r\n"):
        raise NotPlain("more than one value on a line")
    try:
        return _value(raw, 0)
    except (ValueError, TypeError, OverflowError, IndexError, RecursionError) as error:
        raise NotPlain("not a line of plain data") from error


def _value(raw: Any, depth: int) -> Any:
    if type(raw) is not list:
        if type(raw) is dict:
            raise NotPlain("an object where plain data was due")
        return raw
    if depth >= MAX_DEPTH:
        raise NotPlain(f"nested more than {MAX_DEPTH} deep")
    tag = raw[0]
    if tag in ("l", "t", "s", "z", "d"):
        return _container(tag, raw[1:], depth)
    return _tagged(tag, raw[1:])


def _container(tag: str, raw: list[Any], depth: int) -> Any:
    kinds = set(map(type, raw))
    items = [_value(item, depth + 1) for item in raw] if kinds & {list, dict} else raw
    if tag == "l":
        return items
    if tag == "t":
        return tuple(items)
    if tag == "d":
        if len(items) % 2:
            raise NotPlain("a key without a value")
        keys = items[::2]
        _must_spread(keys)
        made: Any = dict(zip(keys, items[1::2], strict=True))
        size = len(keys)
    else:
        _must_spread(items)
        made = set(items) if tag == "s" else frozenset(items)
        size = len(items)
    if len(made) != size:
        raise NotPlain("a member twice in a set or dict")
    return made


def _must_spread(members: list[Any]) -> None:
    """Refuse members that were made to collide: a set of 50,000 of them takes minutes to build."""
    if len(members) <= _SAME_HASH:
        return
    hashes = sorted(map(hash, members))
    pairs = zip(hashes, hashes[_SAME_HASH:], strict=False)
    if any(first == later for first, later in pairs):
        raise NotPlain("too many members with the same hash")


def _tagged(tag: Any, raw: list[Any]) -> Any:
    if tag == "c" and len(raw) == 2:
        real, imaginary = (_value(part, 0) for part in raw)
        if type(real) is float and type(imaginary) is float:
            return complex(real, imaginary)
    elif len(raw) == 1 and type(raw[0]) is str:
        text = raw[0]
        if tag == "i":
            return int(text, 16)
        if tag == "b":
            return bytes.fromhex(text)
        if tag == "u":
            return bytes.fromhex(text).decode("utf-8", "surrogatepass")
        if tag == "f" and text in ("nan", "inf", "-inf"):
            return float(text)
    raise NotPlain("an unknown tag")
