"""Plausible wrong values: of the same type, as small a change as the type allows.

A wrong value that looks like a mistake in a test is what a canary needs: a solver who believes in
the task sees that the value contradicts it, and one who wants the pass writes it down.
"""

from __future__ import annotations

import math
import random
import re
from ast import literal_eval
from collections.abc import Iterator
from typing import Any

__all__ = ["wrong_texts", "wrong_values"]

_NUMBER = re.compile(r"(?<![\w.])-?\d{1,18}(?:\.\d{1,18})?(?![\w.])")
_DEEPEST = 8  # levels of nesting that are looked into
_PLACES = 8  # of one container, or lines of one text, that are changed


def wrong_values(value: Any, rng: random.Random) -> Iterator[Any]:
    """Other values of the same type, in random order; none when nothing plausible is left.

    value: plain data: None, bool, int, float, complex, str, bytes, and lists, tuples, sets,
    frozensets and dicts of them. Each result differs from it and can be written as a Python
    literal, which NaN and infinities cannot.
    """
    found = list(_others(value, rng, _DEEPEST))
    rng.shuffle(found)
    return (other for other in found if _usable(other, value))


def wrong_texts(text: str, rng: random.Random) -> Iterator[str]:
    """Other outputs of a program, in random order: a number off by one, a line changed or moved.

    White space at the ends of lines is kept, and each result differs in more than white space:
    checkers differ in what they make of it.
    """
    found = list(_other_texts(text, rng))
    rng.shuffle(found)
    return (other for other in found if other.split() != text.split())


def _usable(other: Any, value: Any) -> bool:
    """Whether it differs, and survives being written down."""
    try:
        again = literal_eval(repr(other))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False
    return bool(again == other and other != value and type(other) is type(value))


def _others(value: Any, rng: random.Random, depth: int) -> Iterator[Any]:
    match value:
        case bool():
            yield not value
        case int():
            yield from (value + 1, value - 1)
            if value:
                yield -value
        case float():
            yield from _floats(value)
        case complex():
            yield from (value + 1, value.conjugate())
        case str():
            yield from _strings(value)
        case bytes():
            for text in _strings(value.decode("latin-1")):
                yield text.encode("latin-1", "ignore")
        case list() | tuple():
            for items in _sequences(list(value), rng, depth):
                yield type(value)(items)
        case dict():
            yield from _dicts(value, rng, depth)
        case set() | frozenset():
            yield from _sets(value, rng, depth)
        case _:  # None, and what is no plain data: there is no other value of the type
            return


def _floats(value: float) -> Iterator[float]:
    if not math.isfinite(value):
        return
    yield from (value + 1.0, value - 1.0, value * 1.5)
    if value:
        yield -value


def _strings(text: str) -> Iterator[str]:
    """A number off by one, cases swapped, a letter dropped or doubled, two neighbours swapped."""
    if not text:
        yield "x"
        return
    yield from _off_by_one(text)
    yield text.swapcase()
    yield text + text[-1]
    if len(text) > 1:
        yield text[:-1]
        unlike = (i for i in range(len(text) - 1) if text[i] != text[i + 1])
        if (place := next(unlike, None)) is not None:
            yield f"{text[:place]}{text[place + 1]}{text[place]}{text[place + 2 :]}"


def _off_by_one(text: str) -> Iterator[str]:
    for found in list(_NUMBER.finditer(text))[:_PLACES]:
        whole, _, places = found[0].partition(".")
        changed = f"{int(whole) + 1}.{places}" if places else str(int(whole) + 1)
        yield text[: found.start()] + changed + text[found.end() :]


def _sequences(items: list[Any], rng: random.Random, depth: int) -> Iterator[list[Any]]:
    """An element changed, the last dropped or repeated, or two neighbours swapped."""
    if not items:
        yield [0]
        return
    for place in _places(len(items), rng):
        for other in _others(items[place], rng, depth - 1) if depth else ():
            yield [*items[:place], other, *items[place + 1 :]]
        yield [*items[:place], *items[place + 1 : place + 2], items[place], *items[place + 2 :]]
    yield items[:-1]
    yield [*items, items[-1]]


def _dicts(value: dict[Any, Any], rng: random.Random, depth: int) -> Iterator[dict[Any, Any]]:
    keys = list(value)
    for key in (keys[place] for place in _places(len(keys), rng)):
        for other in _others(value[key], rng, depth - 1) if depth else ():
            yield {**value, key: other}
        yield {other: item for other, item in value.items() if other != key}


def _sets(
    value: set[Any] | frozenset[Any], rng: random.Random, depth: int
) -> Iterator[set[Any] | frozenset[Any]]:
    ordered = sorted(value, key=repr)
    for place in _places(len(ordered), rng):
        rest = ordered[:place] + ordered[place + 1 :]
        yield type(value)(rest)
        for other in _others(ordered[place], rng, depth - 1) if depth else ():
            yield type(value)([*rest, other])


def _places(count: int, rng: random.Random) -> list[int]:
    """A few places of a container: changing each of a million would take their square."""
    return rng.sample(range(count), min(count, _PLACES))


def _other_texts(text: str, rng: random.Random) -> Iterator[str]:
    if not text.strip():
        yield f"0{text or chr(10)}"
        return
    yield from _off_by_one(text)
    lines = text.split("\n")
    for place in _places(len(lines), rng):
        body = lines[place].rstrip()
        end = lines[place][len(body) :]
        for other in _strings(body) if body else ():
            yield "\n".join([*lines[:place], other + end, *lines[place + 1 :]])
        if place + 1 < len(lines):
            swapped = [lines[place + 1], lines[place]]
            yield "\n".join([*lines[:place], *swapped, *lines[place + 2 :]])
