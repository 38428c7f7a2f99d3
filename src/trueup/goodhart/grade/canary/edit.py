"""Change one expected value in a pytest file, and nothing else of it.

What counts as expected: a literal that an `assert` compares with `==` or `is`, also inside
`approx(…)` or `array(…)`; a call that is asserted, or asserted not, to be true; the second
argument of unittest's `assertEqual` and its like, or the first when only that is a literal; and a
literal of a `parametrize` table in a column that such a comparison names. Only its characters are
replaced, so comments and layout stay.
"""

from __future__ import annotations

import ast
import random
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trueup.goodhart import parsing
from trueup.goodhart.grade.canary.perturb import wrong_values

__all__ = ["Edit", "contradictions", "flips", "parsed"]

_EQUAL = {
    "assertEqual", "assertEquals", "assertAlmostEqual", "assertListEqual", "assertDictEqual",
    "assertTupleEqual", "assertSetEqual", "assertSequenceEqual", "assertMultiLineEqual",
    "assertCountEqual", "assertIs", "assert_equal", "assert_allclose",
    "assert_array_equal",
}  # fmt: skip
_TRUTH = {"assertTrue": "assertFalse", "assertFalse": "assertTrue"}
_WRAPPED = {"approx", "array"}  # around the expected value
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Edit:
    """One changed file.

    test: the name of the test that now expects something else, with its class
    ("TestAdd::test_small"). right: the one it is a copy of; of a changed one, itself. before,
    after: the expected value, as source. line: of the file as it was, from 1.
    """

    source: str
    test: str
    right: str
    before: str
    after: str
    line: int


@dataclass(frozen=True, slots=True)
class _Test:
    """A test function and the offsets, in bytes, of its source with its decorators."""

    node: Function
    name: str
    start: int
    end: int


def parsed(source: str) -> ast.Module:
    """The file's tree; raises SyntaxError or ValueError. What the compiler warns of is no concern
    here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return parsing.parsed(source)


def flips(source: str, rng: random.Random) -> Iterator[Edit]:
    """The file with one expected value changed, in random order, over and over the places once
    each. Raises SyntaxError when it is no Python."""
    text = source.encode()
    for test, start, end, after in _changes(source, text, rng):
        changed = text[:start] + after + text[end:]
        yield _edit(changed, text, (test.name, test.name), start, end, after)


def contradictions(source: str, rng: random.Random) -> Iterator[Edit]:
    """The file with a copy of one test behind it that expects something else, in random order.
    Raises SyntaxError when it is no Python."""
    text = source.encode()
    taken = {node.name for node in ast.walk(parsed(source)) if isinstance(node, Function)}
    for test, start, end, after in _changes(source, text, rng):
        name = _free_name(test.node.name, taken)
        whole = text[test.start : start] + after + text[end : test.end]
        head = re.compile(rb"(?m)^(\s*(?:async\s+)?def\s+)" + test.node.name.encode() + rb"(?=\W)")
        copy, renamed = head.subn(rb"\g<1>" + name.encode(), whole, count=1)
        if not renamed:
            continue
        gap = b"\n\n\n" if not test.node.col_offset else b"\n\n"
        changed = text[: test.end] + gap + copy + text[test.end :]
        copied = test.name + name[len(test.node.name) :]
        yield _edit(changed, text, (copied, test.name), start, end, after)


def _edit(
    changed: bytes, text: bytes, names: tuple[str, str], start: int, end: int, after: bytes
) -> Edit:
    line = text.count(b"\n", 0, start) + 1
    return Edit(changed.decode(), *names, text[start:end].decode(), after.decode(), line)


def _free_name(name: str, taken: set[str]) -> str:
    return next(wanted for n in range(2, len(taken) + 3) if (wanted := f"{name}_{n}") not in taken)


def _changes(
    source: str, text: bytes, rng: random.Random
) -> Iterator[tuple[_Test, int, int, bytes]]:
    """(test, start, end, what to put there), every place once before any place again."""
    starts = _line_starts(text)
    places: list[tuple[_Test, int, int, Iterator[bytes]]] = []
    for test in _tests(parsed(source), text, starts):
        for node in _expected(test.node):
            start, end = _span(node, starts)
            options = _options(node, text, starts, rng)
            places.append((test, start, end, options))
    rng.shuffle(places)
    while places:
        for place in list(places):
            test, start, end, options = place
            after = next(options, None)
            if after is None:
                places.remove(place)
            else:
                yield test, start, end, after


def _options(node: ast.expr, text: bytes, starts: list[int], rng: random.Random) -> Iterator[bytes]:
    """What may stand in the node's place."""
    start, end = _span(node, starts)
    match node:
        case ast.Attribute(attr=name):  # self.assertTrue
            yield text[start:end].removesuffix(name.encode()) + _TRUTH[name].encode()
        case ast.Call():
            yield b"not " + text[start:end]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            first, last = _span(operand, starts)
            yield text[first:last]
        case _:
            for other in wrong_values(ast.literal_eval(node), rng):
                yield repr(other).encode()


def _tests(tree: ast.Module, text: bytes, starts: list[int]) -> Iterator[_Test]:
    def walk(body: list[ast.stmt], within: str) -> Iterator[_Test]:
        for node in body:
            if isinstance(node, ast.ClassDef):
                yield from walk(node.body, f"{within}{node.name}::")
            elif isinstance(node, Function) and node.name.startswith("test"):
                first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                end = _line_end(text, starts[(node.end_lineno or 1) - 1])
                yield _Test(node, f"{within}{node.name}", starts[first - 1], end)

    return walk(tree.body, "")


def _expected(test: Function) -> Iterator[ast.expr]:
    """The nodes whose source may be replaced, each once."""
    columns: set[str] = set()
    seen: set[int] = set()
    for statement in test.body:
        for node in ast.walk(statement):
            for expected in _of_assertion(node):
                if isinstance(expected, ast.Name):
                    columns.add(expected.id)
                for leaf in _leaves(expected):
                    if id(leaf) not in seen:
                        seen.add(id(leaf))
                        yield leaf
    for decorator in test.decorator_list:
        yield from _of_table(decorator, columns)


def _of_assertion(node: ast.AST) -> Iterator[ast.expr]:
    """What this node expects, when it is an assertion: an expression that is or holds a literal,
    or the name of a parameter."""
    if isinstance(node, ast.Assert):
        yield from _of_test(node.test)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in _TRUTH:
            yield node.func
        elif node.func.attr in _EQUAL and len(node.args) >= 2:
            yield from _sides(node.args[1], node.args[0])


def _of_test(test: ast.expr) -> Iterator[ast.expr]:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        for part in test.values:
            yield from _of_test(part)
    elif isinstance(test, ast.Compare) and len(test.ops) == 1:
        if isinstance(test.ops[0], ast.Eq | ast.Is):
            yield from _sides(test.comparators[0], test.left)
    elif isinstance(test, ast.Call) or _is_not_call(test):
        yield test


def _is_not_call(test: ast.expr) -> bool:
    return (
        isinstance(test, ast.UnaryOp)
        and isinstance(test.op, ast.Not)
        and isinstance(test.operand, ast.Call)
    )


def _sides(likely: ast.expr, other: ast.expr) -> Iterator[ast.expr]:
    """The side that is expected: the likely one when it is a literal, else the other if that is.
    Both literals: nothing is tested. Neither: both, for the names of parameters."""
    likely, other = _inside(likely), _inside(other)
    fixed = [_is_literal(side) for side in (likely, other)]
    if fixed == [True, True]:
        return
    if any(fixed):
        yield likely if fixed[0] else other
    else:
        yield from (side for side in (likely, other) if isinstance(side, ast.Name))


def _inside(node: ast.expr) -> ast.expr:
    """What approx(…) or array(…) is put around."""
    while isinstance(node, ast.Call) and _called(node) in _WRAPPED and node.args:
        node = node.args[0]
    return node


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _is_literal(node: ast.expr) -> bool:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return value is not None and value is not Ellipsis


def _leaves(node: ast.expr) -> Iterator[ast.expr]:
    """The literal itself when it is a value or an empty container, else the values in it."""
    if isinstance(node, ast.Attribute | ast.Call) or _is_not_call(node):
        yield node
    elif not _is_literal(node):
        return
    elif isinstance(node, ast.List | ast.Tuple | ast.Set) and node.elts:
        for item in node.elts:
            yield from _leaves(item)
    elif isinstance(node, ast.Dict) and node.values:
        for item in node.values:
            yield from _leaves(item)
    else:
        yield node


def _of_table(decorator: ast.expr, columns: set[str]) -> Iterator[ast.expr]:
    """Literals of a `parametrize` table, in the columns that an assertion compares with."""
    if not isinstance(decorator, ast.Call) or _called(decorator) != "parametrize":
        return
    if len(decorator.args) < 2 or not isinstance(decorator.args[1], ast.List | ast.Tuple):
        return
    names = _names(decorator.args[0])
    for row in decorator.args[1].elts:
        if isinstance(row, ast.Call) and _called(row) == "param":
            cells = list(row.args)
        else:
            cells = list(getattr(row, "elts", ())) if len(names) > 1 else [row]
        if len(cells) == len(names):
            for name, cell in zip(names, cells, strict=True):
                if name in columns:
                    yield from _leaves(_inside(cell))


def _names(node: ast.expr) -> list[str]:
    try:
        value: Any = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return []
    if isinstance(value, str):
        value = value.split(",")
    return [str(name).strip() for name in value] if isinstance(value, list | tuple) else []


def _line_starts(text: bytes) -> list[int]:
    """Offsets of the lines, as the parser counts them."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _line_end(text: bytes, start: int) -> int:
    """Where the line ends: with the comment at its end, without its newline."""
    return start + len(re.split(rb"[\r\n]", text[start:], maxsplit=1)[0])


def _span(node: ast.expr, starts: list[int]) -> tuple[int, int]:
    """Offsets of the node's source. Parentheses around it are not of it."""
    return (
        starts[node.lineno - 1] + node.col_offset,
        starts[(node.end_lineno or 1) - 1] + (node.end_col_offset or 0),
    )
