"""What an expression of constants is worth, without running it.

Only text, bytes and small numbers, by a fixed list of operations: nothing of the submission is
evaluated. Values are cut off at 64 KB and at a depth of 24, so that no expression costs much.
"""

from __future__ import annotations

import ast
import base64
import codecs
import re
import zlib
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["Lookup", "fold"]

Lookup = Callable[[ast.expr], "ast.expr | None"]  # what a name was assigned, None when unknown

_LIMIT = 1 << 16
_DEPTH = 24
_BASE64 = {
    "b64decode": base64.b64decode,
    "standard_b64decode": base64.b64decode,
    "urlsafe_b64decode": base64.urlsafe_b64decode,
    "b32decode": base64.b32decode,
    "b16decode": base64.b16decode,
    "b85decode": base64.b85decode,
    "a85decode": base64.a85decode,
    "unhexlify": bytes.fromhex,
    "a2b_base64": base64.b64decode,
    "a2b_hex": bytes.fromhex,
}
_PLAIN_PERCENT = re.compile(r"(?:[^%]|%[sdcrx%])*")
_PLAIN_METHODS = frozenset(
    {"lower", "upper", "strip", "lstrip", "rstrip", "title", "capitalize", "swapcase"}
    | {"casefold", "replace", "removeprefix", "removesuffix", "hex"}
)


class _Unknown(Exception):
    """The expression is not one of constants."""


def fold(node: ast.expr, lookup: Lookup | None = None) -> object:
    """The text, bytes, number or list of these that `node` stands for; None when not known."""
    try:
        return _fold(node, lookup, 0)
    except (_Unknown, ValueError, TypeError, IndexError, KeyError, AttributeError, LookupError):
        return None
    except (zlib.error, OverflowError, ZeroDivisionError, RecursionError, MemoryError):
        return None


def _fold(node: ast.expr, lookup: Lookup | None, depth: int) -> object:
    if isinstance(node, ast.Constant):
        return _bounded(node.value)
    maker = _MAKERS.get(type(node))
    if maker is None or depth > _DEPTH:
        raise _Unknown
    return _bounded(maker(node, lookup, depth + 1))


def _bounded(value: object) -> object:
    if value is None or value is ...:
        raise _Unknown
    if isinstance(value, (str, bytes, list)) and len(value) > _LIMIT:
        raise _Unknown
    if isinstance(value, int) and abs(value) > 1 << 64:
        raise _Unknown
    return value


def _name(node: ast.Name, lookup: Lookup | None, depth: int) -> object:
    found = lookup(node) if lookup else None
    if found is None:
        raise _Unknown
    return _fold(found, lookup, depth)


def _binary(node: ast.BinOp, lookup: Lookup | None, depth: int) -> object:
    left, right = _fold(node.left, lookup, depth), None
    if isinstance(node.op, ast.Mod) and isinstance(left, str):
        if not _PLAIN_PERCENT.fullmatch(left):
            raise _Unknown  # a width could ask for gigabytes
        return left % _arguments(node.right, lookup, depth)
    right = _fold(node.right, lookup, depth)
    if isinstance(node.op, ast.Add):
        return left + right  # type: ignore[operator]
    numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
    if isinstance(node.op, ast.Mult) and (numbers or _repeats(left, right)):
        return left * right  # type: ignore[operator]
    if not numbers:
        raise _Unknown
    if isinstance(node.op, ast.Sub):
        return left - right  # type: ignore[operator]
    if isinstance(node.op, ast.BitXor):
        return left ^ right  # type: ignore[operator]
    raise _Unknown


def _repeats(left: object, right: object) -> bool:
    text, times = (left, right) if isinstance(left, (str, bytes)) else (right, left)
    sized = isinstance(text, (str, bytes)) and isinstance(times, int)
    return sized and len(text) * times <= _LIMIT  # type: ignore[arg-type, operator]


def _arguments(node: ast.expr, lookup: Lookup | None, depth: int) -> object:
    if isinstance(node, ast.Tuple):
        return tuple(_fold(one, lookup, depth) for one in node.elts)
    return _fold(node, lookup, depth)


def _joined(node: ast.JoinedStr, lookup: Lookup | None, depth: int) -> object:
    return "".join(str(_fold(one, lookup, depth)) for one in node.values)


def _formatted(node: ast.FormattedValue, lookup: Lookup | None, depth: int) -> object:
    if node.format_spec is not None:
        raise _Unknown
    return _fold(node.value, lookup, depth)


def _sequence(node: ast.List | ast.Tuple, lookup: Lookup | None, depth: int) -> object:
    return [_fold(one, lookup, depth) for one in node.elts[:4096]]


def _comprehension(
    node: ast.ListComp | ast.GeneratorExp, lookup: Lookup | None, depth: int
) -> object:
    """`chr(c) for c in [...]`, with one clause and no condition."""
    clause = node.generators[0]
    if len(node.generators) > 1 or clause.ifs or not isinstance(clause.target, ast.Name):
        raise _Unknown
    name = clause.target.id
    made = []
    for value in _items(_fold(clause.iter, lookup, depth)):
        constant = ast.Constant(value)  # type: ignore[arg-type]

        def inner(one: ast.expr, constant: ast.Constant = constant) -> ast.expr | None:
            if isinstance(one, ast.Name) and one.id == name:
                return constant
            return lookup(one) if lookup else None

        made.append(_fold(node.elt, inner, depth))
    return made


def _items(value: object) -> Sequence[object]:
    if not isinstance(value, (str, bytes, list)) or len(value) > 4096:
        raise _Unknown
    return list(value)


def _subscript(node: ast.Subscript, lookup: Lookup | None, depth: int) -> object:
    value = _fold(node.value, lookup, depth)
    if not isinstance(value, (str, bytes, list)):
        raise _Unknown
    if isinstance(node.slice, ast.Slice):
        parts = (node.slice.lower, node.slice.upper, node.slice.step)
        low, high, step = (_index(_fold(one, lookup, depth)) if one else None for one in parts)
        return value[low:high:step]
    return value[_index(_fold(node.slice, lookup, depth))]


def _index(value: object) -> int:
    if not isinstance(value, int):
        raise _Unknown
    return value


def _unary(node: ast.UnaryOp, lookup: Lookup | None, depth: int) -> object:
    value = _fold(node.operand, lookup, depth)
    if isinstance(node.op, ast.USub) and isinstance(value, (int, float)):
        return -value
    raise _Unknown


def _call(node: ast.Call, lookup: Lookup | None, depth: int) -> object:
    if isinstance(node.func, ast.Attribute):
        return _method(node, node.func, lookup, depth)
    if not isinstance(node.func, ast.Name) or node.keywords:
        raise _Unknown
    if node.func.id == "map" and len(node.args) == 2 and isinstance(node.args[0], ast.Name):
        values = _items(_fold(node.args[1], lookup, depth))
        return [_builtin(node.args[0].id, [value]) for value in values]
    return _builtin(node.func.id, [_fold(one, lookup, depth) for one in node.args])


def _builtin(name: str, values: list[object]) -> object:
    first = values[0]
    if name == "chr" and isinstance(first, int):
        return chr(first)
    if name == "ord" and isinstance(first, (str, bytes)):
        return ord(first)
    if name in {"str", "int"} and len(values) == 1 and isinstance(first, (str, int)):
        return str(first) if name == "str" else int(first)
    if name in {"bytes", "bytearray"} and isinstance(first, (list, bytes)):
        return bytes(first)
    if name == "reversed":
        return list(_items(first))[::-1]
    if name in {"list", "tuple"}:
        return list(_items(first))
    if name.removeprefix("_") in _BASE64:
        return _decoded(name, first)
    raise _Unknown


def _decoded(name: str, value: object) -> object:
    if not isinstance(value, (str, bytes)):
        raise _Unknown
    decode: Callable[[Any], bytes] = _BASE64[name]
    hexadecimal = decode == bytes.fromhex
    return decode(value.decode() if isinstance(value, bytes) and hexadecimal else value)


def _method(node: ast.Call, function: ast.Attribute, lookup: Lookup | None, depth: int) -> object:
    name = function.attr
    values = [_fold(one, lookup, depth) for one in node.args]
    if name in _BASE64:
        return _decoded(name, values[0])
    if name == "fromhex" and isinstance(values[0], str):
        return bytes.fromhex(values[0])
    if name == "decompress" and isinstance(values[0], bytes):
        return zlib.decompressobj().decompress(values[0], _LIMIT)
    if name == "decode" and isinstance(function.value, ast.Name) and function.value.id == "codecs":
        decode: Callable[[Any, str], object] = codecs.decode
        return decode(values[0], _codec(values[1:]))
    value = _fold(function.value, lookup, depth)
    if name == "join" and isinstance(value, (str, bytes)):
        parts: list[Any] = list(_items(values[0]))
        _affordable(sum(len(part) + len(value) for part in parts))
        return value.join(parts)
    if name == "decode" and isinstance(value, bytes):
        return value.decode(str(values[0]) if values else "utf-8", "replace")
    if name == "encode" and isinstance(value, str):
        return value.encode("utf-8", "replace")
    if name == "format" and isinstance(value, str) and not set("!:.[") & set(value):
        return value.format(*values)
    if name in {"split", "rsplit"} and isinstance(value, str):
        return value.split(*values)  # type: ignore[arg-type]
    if name in _PLAIN_METHODS and isinstance(value, (str, bytes)):
        _affordable((len(value) + 1) * max([1, *(len(str(one)) for one in values)]))
        return getattr(value, name)(*values)
    raise _Unknown


def _affordable(length: int) -> None:
    if length > 16 * _LIMIT:
        raise _Unknown


def _codec(values: Sequence[object]) -> str:
    """A codec of plain data only."""
    name = str(values[0]) if values else "utf-8"
    if name.replace("-", "_") not in {"rot13", "rot_13", "hex", "base64", "utf_8", "ascii"}:
        raise _Unknown
    return name


_MAKERS: dict[type, Callable[..., object]] = {
    ast.Name: _name,
    ast.BinOp: _binary,
    ast.JoinedStr: _joined,
    ast.FormattedValue: _formatted,
    ast.List: _sequence,
    ast.Tuple: _sequence,
    ast.ListComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.Subscript: _subscript,
    ast.UnaryOp: _unary,
    ast.Call: _call,
}
