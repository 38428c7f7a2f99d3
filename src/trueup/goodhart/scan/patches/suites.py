"""What a test file asserts: its tests, their assertions, marks and cases."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from trueup.goodhart.scan.patches.lines import Statement, statements
from trueup.goodhart.scan.python.truth import always

__all__ = ["Assertion", "Suite", "Unit", "read_suite"]


@dataclass(frozen=True, slots=True)
class Assertion:
    """One assertion. key: what makes two of them the same. left, right: the sides of a comparison;
    right is None where something is only said to be true."""

    key: str
    kind: str
    left: str
    right: ast.expr | None
    node: ast.AST
    line: int
    text: str

    @property
    def vacuous(self) -> bool:
        return self.kind == "assert" and always(self.node) is True  # type: ignore[arg-type]


@dataclass
class Unit:
    """A function of the file, its class before it; "" for what lies outside functions.

    shown: whether its `def` is in the text, rather than only in a hunk's heading."""

    name: str
    line: int = 1
    shown: bool = False
    asserts: list[Assertion] = field(default_factory=list)
    marks: list[tuple[str, ast.expr, int]] = field(default_factory=list)
    body: list[Statement] = field(default_factory=list)

    @property
    def bare(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def is_test(self) -> bool:
        return self.bare.startswith("test")


@dataclass
class Suite:
    """units: by name. comments: the text of comment lines. lists: literal lists by name."""

    units: dict[str, Unit] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    lists: dict[str, tuple[list[str], int]] = field(default_factory=dict)

    @property
    def tests(self) -> dict[str, Unit]:
        return {name: unit for name, unit in self.units.items() if unit.is_test}


def read_suite(lines: Sequence[str]) -> Suite:
    suite = Suite(comments=[one.strip() for one in lines if one.lstrip().startswith("#")])
    stack: list[tuple[int, str, str]] = []
    marks: list[tuple[str, ast.expr, int]] = []
    for one in statements(lines):
        while stack and one.indent <= stack[-1][0]:
            stack.pop()
        if one.decorators:
            marks += [(_name(mark), mark, one.line) for mark in one.decorators]
            continue
        tree = one.tree
        if isinstance(tree, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            inside = any(kind == "def" for _, kind, _ in stack)
            kind = "class" if isinstance(tree, ast.ClassDef) else "def"
            if not inside:
                stack.append((one.indent, kind, tree.name))
                unit = _unit(suite, stack)
                unit.line, unit.shown = one.line, True
                unit.marks += marks
                marks = []
                if len(tree.body) == 1 and not isinstance(tree.body[0], ast.Pass):
                    _record(
                        unit, Statement(one.line, one.end, one.indent + 1, one.text, tree.body[0])
                    )
                continue
        marks = []
        unit = _unit(suite, stack)
        _record(unit, one)
        if not stack and isinstance(tree, ast.Assign) and isinstance(tree.targets[0], ast.Name):
            items = _items(tree.value)
            if items is not None:
                suite.lists[tree.targets[0].id] = (items, one.line)
    return suite


def _unit(suite: Suite, stack: Sequence[tuple[int, str, str]]) -> Unit:
    names: list[str] = []
    for _, _kind, name in stack:
        names.append(name)
    name = ".".join(names)
    return suite.units.setdefault(name, Unit(name))


def _record(unit: Unit, one: Statement) -> None:
    unit.body.append(one)
    if one.tree is not None:
        unit.asserts += _assertions(one)


def _assertions(one: Statement) -> Iterator[Assertion]:
    tree = one.tree
    if isinstance(tree, ast.Assert):
        yield _of_test(tree.test, one)
    elif isinstance(tree, ast.Expr) and isinstance(tree.value, ast.Call):
        found = _of_call(tree.value, one)
        if found:
            yield found
    elif isinstance(tree, (ast.With, ast.AsyncWith)):
        for item in tree.items:
            if isinstance(item.context_expr, ast.Call):
                found = _of_call(item.context_expr, one)
                if found:
                    yield found


def _of_test(test: ast.expr, one: Statement) -> Assertion:
    left, right = dump(test), None
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        left, right = dump(test.left), test.comparators[0]
    elif isinstance(test, ast.Call) and len(test.args) >= 2:
        left, right = dump(test.args[0]), test.args[1]
    return Assertion(dump(test), "assert", left, right, test, one.line, one.text)


def _of_call(call: ast.Call, one: Statement) -> Assertion | None:
    name = _name(call)
    last = name.rpartition(".")[2]
    if not (last.lower().startswith("assert") or last in {"raises", "warns", "fail"}):
        return None
    left = dump(call.args[0]) if call.args else ""
    right = call.args[1] if len(call.args) > 1 else None
    return Assertion(dump(call), last, left, right, call, one.line, one.text)


def dump(node: ast.AST) -> str:
    try:
        return ast.dump(node)
    except RecursionError:
        return f"deep:{id(node)}"


def _name(node: ast.expr) -> str:
    """`pytest.mark.skip` of `@pytest.mark.skip(reason=...)`."""
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        else:
            break
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts))


def _items(node: ast.expr) -> list[str] | None:
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return [dump(one) for one in node.elts]
    if isinstance(node, ast.Dict):
        return [dump(key) for key in node.keys if key]
    return None


def cases(mark: ast.expr) -> list[str] | None:
    """The cases of a `parametrize` mark that are written out."""
    if isinstance(mark, ast.Call) and re.search(r"parametrize|ddt|expand", _name(mark)):
        values = mark.args[1] if len(mark.args) > 1 else mark.args[0] if mark.args else None
        return _items(values) if values is not None else None
    return None
