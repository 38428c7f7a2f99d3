"""Where a test's expected values are written, and what a control writes there instead.

`plan` finds, for each check, the literals that say what the answer must be: beside `==`, in a local
name, in a table that a loop or `parametrize` walks, inside `approx`. A name counts only when it is
used as an expectation and nowhere else, so that changing it changes no input. Checks without such a
literal are inverted by their operator (see `sealing`).
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from trueup.goodhart.grade.suites.literals import altered, is_literal
from trueup.goodhart.grade.suites.shelter import called, sheltered

__all__ = ["Place", "Plan", "place_of", "plan"]

Place = tuple[int, int, int, int]
Function = ast.FunctionDef | ast.AsyncFunctionDef

_APPROXIMATE = {"approx", "isclose", "allclose", "assertAlmostEqual", "assert_allclose"}
_TOLERANCES = {"rel", "abs", "rel_tol", "abs_tol", "rtol", "atol", "delta", "places"}
_EQUATES = {
    "assertEqual", "assertIs", "assertListEqual", "assertTupleEqual", "assertDictEqual",
    "assertSetEqual", "assertMultiLineEqual", "assertSequenceEqual", "assertCountEqual",
    "assert_equal", "assert_array_equal", *_APPROXIMATE,
}  # fmt: skip


@dataclass
class Plan:
    """swaps: by place in the file and type of node, the literal that a control has there. checks:
    places of the checks whose expectation changes with them."""

    swaps: dict[tuple[Place, type], ast.expr] = field(default_factory=dict)
    checks: set[Place] = field(default_factory=set)


@dataclass(frozen=True)
class _Wish:
    """A check that could change: side is the literal or the name that says what is expected."""

    check: Place
    side: ast.expr
    tolerance: float


def place_of(node: ast.AST) -> Place:
    """Where a node is in its file; unique among nodes of one type."""
    return node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0  # type: ignore[attr-defined]


def plan(tree: ast.Module, rng: random.Random) -> Plan:
    """What a control changes in this module."""
    made = Plan()
    for scope in _scopes(tree):
        wishes = sorted(_wishes(scope.function), key=lambda wish: -wish.tolerance)
        expected = {id(wish.side) for wish in wishes}
        for wish in wishes:
            found = _literals(wish.side, scope, expected)
            new = [altered(literal, rng, wish.tolerance) for literal in found]
            if found and all(one is not None for one in new):
                for literal, one in zip(found, new, strict=True):
                    if one is not None:
                        made.swaps.setdefault((place_of(literal), type(literal)), one)
                made.checks.add(wish.check)
    return made


class _Names:
    """How often each name is bound and used below a node, messages of asserts aside."""

    def __init__(self, root: ast.AST) -> None:
        self.loads: dict[str, list[ast.Name]] = {}
        self.stores: dict[str, int] = {}
        skipped = {
            id(inner)
            for node in ast.walk(root)
            if isinstance(node, ast.Assert) and node.msg is not None
            for inner in ast.walk(node.msg)
        }
        for node in ast.walk(root):
            if isinstance(node, ast.Name) and id(node) not in skipped:
                if isinstance(node.ctx, ast.Load):
                    self.loads.setdefault(node.id, []).append(node)
                else:
                    self.stores[node.id] = self.stores.get(node.id, 0) + 1
            elif isinstance(node, ast.arg):
                self.stores[node.arg] = self.stores.get(node.arg, 0) + 1


@dataclass(frozen=True)
class _Scope:
    """A function of the module, or of one of its classes; what is nested in it belongs to it."""

    function: Function
    decorators: list[ast.expr]
    module_body: list[ast.stmt]
    names: _Names
    module: _Names


def _scopes(tree: ast.Module) -> Iterator[_Scope]:
    module = _Names(tree)
    for node in tree.body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        around = node.decorator_list if isinstance(node, ast.ClassDef) else []
        for item in inside:
            if isinstance(item, Function):
                decorators = [*item.decorator_list, *around]
                yield _Scope(item, decorators, tree.body, _Names(item), module)


def _wishes(scope: Function) -> Iterator[_Wish]:
    left_alone = sheltered(scope)
    for node in ast.walk(scope):
        if id(node) in left_alone:
            continue
        if isinstance(node, ast.Assert):
            yield from _of_condition(node.test, place_of(node))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            call = node.value
            if called(call) in _EQUATES and len(call.args) >= 2:
                yield from _of_pair(call.args[0], call.args[1], place_of(node), _tolerance(call))
            elif called(call) in {"assertTrue", "assert_"} and call.args:
                yield from _of_condition(call.args[0], place_of(node))


def _of_condition(test: ast.expr, check: Place) -> Iterator[_Wish]:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        for part in test.values:
            yield from _of_condition(part, check)
    elif isinstance(test, ast.Call) and called(test) in _EQUATES and len(test.args) >= 2:
        yield from _of_pair(test.args[0], test.args[1], check, _tolerance(test))
    elif isinstance(test, ast.Call) and called(test) == "all" and len(test.args) == 1:
        inner = test.args[0]
        if isinstance(inner, ast.GeneratorExp | ast.ListComp):
            yield from _of_condition(inner.elt, check)
    elif isinstance(test, ast.Compare) and len(test.ops) == 1:
        yield from _of_compare(test.left, test.ops[0], test.comparators[0], check)


def _of_compare(left: ast.expr, op: ast.cmpop, right: ast.expr, check: Place) -> Iterator[_Wish]:
    if isinstance(op, ast.Eq | ast.Is):
        yield from _of_pair(left, right, check, 0.0)
    elif isinstance(op, ast.Lt | ast.LtE) and isinstance(right, ast.Constant):
        size = right.value
        inside = left.args[0] if _is_abs(left) else left  # type: ignore[attr-defined]
        if (
            isinstance(size, int | float)
            and isinstance(inside, ast.BinOp)
            and isinstance(inside.op, ast.Sub)
            and _is_abs(left)
        ):
            yield from _of_pair(inside.left, inside.right, check, float(size))


def _is_abs(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and called(node) in {"abs", "fabs", "absolute"}
        and len(node.args) == 1
    )


def _of_pair(one: ast.expr, other: ast.expr, check: Place, tolerance: float) -> Iterator[_Wish]:
    """At most one of the two sides: the literal, else a name."""
    if tolerance < 0:
        return
    for side in (other, one):
        if isinstance(side, ast.Call) and called(side) == "approx" and side.args:
            within = _tolerance(side)
            if within >= 0:
                yield _Wish(check, side.args[0], max(within, 1e-3 * _size(side.args[0])))
            return
    literal = next((side for side in (other, one) if is_literal(side)), None)
    if literal is not None:
        yield _Wish(check, literal, tolerance)
        return
    names = [side for side in (other, one) if isinstance(side, ast.Name)]
    for name in names:
        yield _Wish(check, name, tolerance)


def _size(node: ast.expr) -> float:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return 1.0
    return abs(value) if isinstance(value, int | float) else 1.0


def _tolerance(call: ast.Call) -> float:
    """The absolute tolerance that a call allows; -1 when it cannot be told."""
    if called(call) not in _APPROXIMATE:
        return 0.0
    if len(call.args) > (1 if called(call) == "approx" else 2):
        return -1.0
    size = max((_size(argument) for argument in call.args), default=1.0)
    most = 1e-6 * size
    for keyword in call.keywords:
        if keyword.arg not in _TOLERANCES:
            continue
        try:
            value = float(ast.literal_eval(keyword.value))
        except (ValueError, TypeError, SyntaxError):
            return -1.0
        if keyword.arg == "places":
            value = 10.0**-value
        most = max(most, value * size if keyword.arg in {"rel", "rel_tol", "rtol"} else value)
    return most


def _literals(side: ast.expr, scope: _Scope, expected: set[int]) -> list[ast.expr]:
    """The literals behind one side of a check; none when changing them might change an input."""
    if not isinstance(side, ast.Name):
        return [side] if is_literal(side) else []
    here = scope.names.loads.get(side.id, [])
    if not all(id(load) in expected for load in here):
        return []
    bound = scope.names.stores.get(side.id, 0)
    if bound == 1:
        return _bound_in(side.id, scope)
    if bound == 0 and len(scope.module.loads.get(side.id, [])) == len(here):
        return _assigned(side.id, scope.module_body)
    return []


def _bound_in(name: str, scope: _Scope) -> list[ast.expr]:
    for node in ast.walk(scope.function):
        if isinstance(node, ast.Assign) and _is_name(node.targets[0], name):
            return [node.value] if len(node.targets) == 1 and is_literal(node.value) else []
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            place = _position(node.target, name)
            if place is not None:
                return _column(_table(node.iter, scope), place)
    for decorator in scope.decorators:
        if isinstance(decorator, ast.Call) and called(decorator) == "parametrize":
            place = _parameter(decorator, name)
            if place is not None:
                return _column(_table(decorator.args[1], scope), place)
    return []


def _assigned(name: str, body: list[ast.stmt]) -> list[ast.expr]:
    values = [
        node.value
        for node in body
        if isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and _is_name(node.targets[0], name)
    ]
    return values if len(values) == 1 and is_literal(values[0]) else []


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _position(target: ast.expr, name: str) -> int | None:
    """Where a loop's target holds the name: -1 for the whole row."""
    if _is_name(target, name):
        return -1
    if isinstance(target, ast.Tuple | ast.List):
        return next((at for at, part in enumerate(target.elts) if _is_name(part, name)), None)
    return None


def _parameter(decorator: ast.Call, name: str) -> int | None:
    if len(decorator.args) < 2:
        return None
    try:
        listed = ast.literal_eval(decorator.args[0])
    except (ValueError, TypeError, SyntaxError):
        return None
    listed = [part.strip() for part in listed.split(",")] if isinstance(listed, str) else listed
    listed = [part for part in listed if part]
    if name not in listed:
        return None
    return -1 if len(listed) == 1 else listed.index(name)


def _table(rows: ast.expr, scope: _Scope) -> list[ast.expr]:
    """The rows that are walked: written in place, or in one name that nothing else uses."""
    if isinstance(rows, ast.Name) and len(scope.module.loads.get(rows.id, [])) == 1:
        values = [
            node.value
            for node in [*scope.module_body, *scope.function.body]
            if isinstance(node, ast.Assign) and _is_name(node.targets[0], rows.id)
        ]
        return _table(values[0], scope) if len(values) == 1 else []
    if isinstance(rows, ast.List | ast.Tuple):
        return rows.elts
    if isinstance(rows, ast.Call) and called(rows) == "items" and not rows.args:
        table = rows.func.value if isinstance(rows.func, ast.Attribute) else rows
        if isinstance(table, ast.Dict):
            return [
                ast.Tuple([key or ast.Constant(...), value], ast.Load())
                for key, value in zip(table.keys, table.values, strict=True)
            ]
    return []


def _column(rows: list[ast.expr], place: int) -> list[ast.expr]:
    """The literals of one column; none when a row lacks one."""
    found: list[ast.expr] = []
    for row in rows:
        parts = row.args if isinstance(row, ast.Call) and called(row) == "param" else None
        if place < 0:
            cell = parts[0] if parts else row
        else:
            cells = parts or (row.elts if isinstance(row, ast.Tuple | ast.List) else [])
            if place >= len(cells):
                return []
            cell = cells[place]
        if not is_literal(cell):
            return []
        found.append(cell)
    return found
