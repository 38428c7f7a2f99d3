"""The tests as they go into the box: every check a call, in two versions.

`seal` turns each `assert`, each `self.assert...` and other `...assert...` statement, and each
`pytest.raises` into a call of a check that reports what it saw, and ends each test with a mark. The
second version is the negative control: every check is inverted, by another expected value where one
is written (see `expectations`), else by its operator. Nothing in either text says which is which.

Not inverted: checks inside `pytest.raises` and below a handler of AssertionError, where a test
means to fail; `pytest.fail`; library helpers whose arguments hold no literal. These run as they
are.
"""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from trueup.goodhart.grade.suites.expectations import Function, Plan, place_of, plan
from trueup.goodhart.grade.suites.shelter import RAISING, called, catches, is_raising

__all__ = ["Names", "Sealed", "Site", "defined_names", "seal"]

Inverted = Literal["value", "operator", "no"]

_OPERATORS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE,
    ast.LtE: ast.Gt, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_OPPOSITE = (
    ("assertEqual", "assertNotEqual"), ("assertTrue", "assertFalse"), ("assertIn", "assertNotIn"),
    ("assertIs", "assertIsNot"), ("assertIsNone", "assertIsNotNone"),
    ("assertIsInstance", "assertNotIsInstance"), ("assertLess", "assertGreaterEqual"),
    ("assertGreater", "assertLessEqual"), ("assertAlmostEqual", "assertNotAlmostEqual"),
    ("assertRegex", "assertNotRegex"),
)  # fmt: skip
_OPPOSITES = {one: other for pair in _OPPOSITE for one, other in (pair, pair[::-1])}
_UNRELATED = ("TypeError", "ValueError", "KeyError", "IndexError", "ZeroDivisionError")


@dataclass(frozen=True, slots=True)
class Names:
    """What the sealed calls are named in the text: drawn afresh for every grading."""

    check: str
    equal: str
    minus: str
    call: str
    manager: str
    end: str
    module: str

    @classmethod
    def drawn(cls, rng: random.Random) -> Names:
        drawn: set[str] = set()
        while len(drawn) < len(fields(cls)):
            drawn.add("_" + "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=7)))
        return cls(*rng.sample(sorted(drawn), len(drawn)))


@dataclass(frozen=True, slots=True)
class Site:
    """A check in the text. inverted: how the control differs. where: file and line."""

    number: int
    inverted: Inverted
    where: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """text and control: the two versions. sites: their checks. ends: the marks of its tests, with
    the numbers of the checks that every run to the end must have reached."""

    text: str
    control: str
    sites: tuple[Site, ...]
    ends: dict[int, frozenset[int]]


def defined_names(trees: Sequence[ast.Module]) -> frozenset[str]:
    """Functions that the tests define themselves: the checks inside those are sealed, so a call of
    one is not sealed again."""
    return frozenset(
        node.name for tree in trees for node in ast.walk(tree) if isinstance(node, Function)
    )


def seal(
    tree: ast.Module,
    path: str,
    names: Names,
    own: frozenset[str],
    first: int,
    rng: random.Random,
) -> Sealed:
    """Seal one module of the tests.

    path: for messages. own: see `defined_names`. first: the number of its first check; numbers are
    those of one suite.
    """
    made = plan(tree, rng)
    swapped = {name: rng.choice(_others(name)) for name in _UNRELATED}
    right = _Sealer(path, names, own, first, None, swapped, made)
    text = ast.unparse(ast.fix_missing_locations(right.visit(copy.deepcopy(tree))))
    wrong = _Sealer(path, names, own, first, made, swapped, made)
    control = ast.unparse(ast.fix_missing_locations(wrong.visit(copy.deepcopy(tree))))
    return Sealed(text, control, tuple(right.sites), right.ends)


def _others(name: str) -> list[str]:
    related = {"KeyError": {"IndexError"}, "IndexError": {"KeyError"}}.get(name, set())
    return [other for other in _UNRELATED if other != name and other not in related]


class _Sealer(ast.NodeTransformer):
    """control: what the inverted version changes; None for the version as written."""

    def __init__(
        self,
        path: str,
        names: Names,
        own: frozenset[str],
        first: int,
        control: Plan | None,
        swapped: dict[str, str],
        made: Plan,
    ) -> None:
        self.path = path
        self.names = names
        self.own = own
        self.next = first
        self.control = control
        self.swapped = swapped
        self.made = made
        self.sites: list[Site] = []
        self.ends: dict[int, frozenset[int]] = {}
        self.depth = 0  # below `raises` or a handler: nothing is sealed
        self.classes = 0
        self.functions = 0
        self.test: int | None = None
        self.straight: set[int] | None = None

    def visit(self, node: ast.AST) -> Any:
        if self.control is not None and isinstance(node, ast.expr):
            new = self.control.swaps.get((place_of(node), type(node)))
            if new is not None:
                return ast.copy_location(copy.deepcopy(new), node)
        return super().visit(node)

    def visit_Module(self, node: ast.Module) -> ast.Module:
        self.generic_visit(node)
        scope = ast.Call(ast.Name("globals", ast.Load()), [], [])
        node.body.append(self._statement(self.names.module, scope))
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        self.classes += 1
        self.generic_visit(node)
        self.classes -= 1
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: Function) -> ast.AST:
        is_test = (
            self.functions == 0 and self.classes < 2 and node.name.startswith(("test", "runTest"))
        )
        outer = self.test, self.straight
        self.test, self.straight = None, None
        if is_test:
            self.test, self.straight = self._number(), set()
        self.functions += 1
        node.decorator_list = [self.visit(item) for item in node.decorator_list]
        node.args = self.visit(node.args)
        node.body = self._body(node.body, top=True)
        if is_test and self.test is not None and self.straight is not None:
            node.body.append(self._end(self.test))
            self.ends[self.test] = frozenset() if _leaves(node) else frozenset(self.straight)
        self.functions -= 1
        self.test, self.straight = outer
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        if self.test is None:
            return node
        if node.value is None:
            return [self._end(self.test), node]
        kept = ast.Name("_" + self.names.end, ast.Store())
        loaded = ast.Name(kept.id, ast.Load())
        return [ast.Assign([kept], node.value), self._end(self.test), ast.Return(loaded)]

    def _body(self, body: list[ast.stmt], *, top: bool = False) -> list[ast.stmt]:
        done: list[ast.stmt] = []
        for statement in body:
            before = len(self.sites)
            new = self.visit(statement)
            done += new if isinstance(new, list) else [new]
            if top and self.straight is not None and _is_check(statement):
                self.straight |= {site.number for site in self.sites[before:][:1]}
        return done

    def visit_Try(self, node: ast.Try) -> ast.AST:
        caught = catches(node)
        self.depth += caught
        node.body = self._body(node.body)
        self.depth -= caught
        node.handlers = [self.visit(handler) for handler in node.handlers]
        node.orelse = self._body(node.orelse)
        node.finalbody = self._body(node.finalbody)
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        raising = False
        for item in node.items:
            call = item.context_expr
            if isinstance(call, ast.Call) and called(call) in RAISING:
                raising = True
                item.context_expr = self._manager(call)
            else:
                item.context_expr = self.visit(call)
        self.depth += raising
        node.body = self._body(node.body)
        self.depth -= raising
        return node

    def _manager(self, call: ast.Call) -> ast.expr:
        name = call.args[0] if call.args else None
        known = isinstance(name, ast.Name) and name.id in _UNRELATED
        if self.depth:
            return call
        number = self._site(call, "value" if known else "no")
        if known and self.control is not None and isinstance(name, ast.Name):
            call.args[0] = ast.Name(self.swapped[name.id], ast.Load())
        return self._call(self.names.manager, ast.Constant(number), call)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        if self.depth:
            return self.generic_visit(node)
        by_value = place_of(node) in self.made.checks
        number = self._site(node, "value" if by_value else "operator")
        message = [] if node.msg is None else [self.visit(node.msg)]
        test = self.visit(node.test)
        if self.control is not None and not by_value:
            test = _negated(test)
        raised = ast.Raise(ast.Call(ast.Name("AssertionError", ast.Load()), message, []), None)
        return ast.If(ast.UnaryOp(ast.Not(), self._condition(number, test)), [raised], [])

    def _condition(self, number: int, test: ast.expr) -> ast.expr:
        at = ast.Constant(number)
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            test.values = [self._probed(at, part) for part in test.values]
        return self._call(self.names.check, at, self._probed(at, test))

    def _probed(self, at: ast.expr, test: ast.expr) -> ast.expr:
        """A comparison whose operands are looked at: do they equal anything at all?"""
        if not (isinstance(test, ast.Compare) and len(test.ops) == 1):
            return test
        left, op, right = test.left, test.ops[0], test.comparators[0]
        if isinstance(op, ast.Eq):
            return self._call(self.names.equal, at, left, right)
        if isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
            differences = _Differences(self.names.minus, at)
            test.left, test.comparators = differences.visit(left), [differences.visit(right)]
        return test

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        call = node.value
        if self.depth or not isinstance(call, ast.Call) or not self._checks(call):
            return self.generic_visit(node)
        name = called(call)
        by_value = place_of(node) in self.made.checks
        opposite = _OPPOSITES.get(name) if isinstance(call.func, ast.Attribute) else None
        how: Inverted = "value" if by_value else "operator" if opposite else "no"
        number = self._site(node, how)
        self.generic_visit(call)
        if self.control is not None and how == "operator" and isinstance(call.func, ast.Attribute):
            call.func.attr = opposite or name
        new = ast.Call(
            ast.Name(self.names.call, ast.Load()),
            [ast.Constant(number), call.func, *call.args],
            call.keywords,
        )
        return ast.Expr(new)

    def _checks(self, call: ast.Call) -> bool:
        """Whether a statement is a check of unittest or of a library."""
        name = called(call)
        return name.startswith("assert") and name not in self.own and name not in RAISING

    def _site(self, node: ast.AST, how: Inverted) -> int:
        number = self._number()
        self.sites.append(Site(number, how, f"{self.path}:{getattr(node, 'lineno', 0)}"))
        return number

    def _number(self) -> int:
        self.next += 1
        return self.next - 1

    def _end(self, number: int) -> ast.stmt:
        return self._statement(self.names.end, ast.Constant(number))

    def _statement(self, name: str, *args: ast.expr) -> ast.stmt:
        return ast.Expr(self._call(name, *args))

    def _call(self, name: str, *args: ast.expr) -> ast.Call:
        return ast.Call(ast.Name(name, ast.Load()), list(args), [])


class _Differences(ast.NodeTransformer):
    """Makes each subtraction in a comparison a call that looks at its operands."""

    def __init__(self, name: str, at: ast.expr) -> None:
        self.name, self.at = name, at

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Sub):
            return node
        return ast.Call(ast.Name(self.name, ast.Load()), [self.at, node.left, node.right], [])


def _negated(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        new = _OPERATORS[type(test.ops[0])]()
        return ast.Compare(test.left, [new], test.comparators)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    return ast.UnaryOp(ast.Not(), test)


def _is_check(statement: ast.stmt) -> bool:
    """Whether a statement checks before anything else: an `assert`, or a `raises` of its own."""
    if is_raising(statement):
        return True
    return isinstance(statement, ast.Assert) or (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and called(statement.value).startswith("assert")
    )


def _leaves(node: Function) -> bool:
    """Whether a function may end before its last statement: then no check is sure to be reached."""
    return any(isinstance(inner, ast.Return) for inner in _own_nodes(node))


def _own_nodes(node: Function) -> Iterator[ast.AST]:
    for inner in ast.walk(node):
        if inner is not node:
            yield inner
