"""Hooks of pytest that remove tests from the run."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from trueup.goodhart.scan.python.hooks import FunctionNode, hook_name
from trueup.goodhart.scan.python.source import Source
from trueup.goodhart.scan.python.truth import always, constant, mentions, returned
from trueup.goodhart.scan.result import Confidence, Finding, Rule

__all__ = ["RULES", "find"]

RULES = (
    Rule(
        "hook-drops-tests",
        "tests",
        ("conftest-deselect",),
        "A pytest hook removes tests from the run.",
        "See which tests, and whether an option asks for it.",
    ),
)

_SELECTING = frozenset(
    {"pytest_collection_modifyitems", "pytest_collection_finish", "pytest_collection"}
    | {"pytest_itemcollected", "pytest_generate_tests", "pytest_deselected"}
)


def find(source: Source) -> Iterator[Finding]:
    yield from _left_out(source)
    for kind in (ast.FunctionDef, ast.AsyncFunctionDef):
        for node in source.by_type.get(kind, ()):
            assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            name = hook_name(source, node)
            if name in _SELECTING:
                yield from _collection(source, node)
            elif name == "pytest_ignore_collect":
                yield from _ignores(source, node)


def _named(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id.startswith("collect_ignore")


def _left_out(source: Source) -> Iterator[Finding]:
    """`collect_ignore = ["test_hard.py"]` in a conftest.py."""
    if not source.path.endswith("conftest.py"):
        return
    for node in source.tree.body:
        named = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "").startswith(
            "collect_ignore"
        )
        if named and any(isinstance(one, ast.Constant) for one in ast.walk(node.value)):  # type: ignore[attr-defined]
            confidence = source.graded("medium", "low", "low" if source.installed else "medium")
            if confidence:
                yield source.finding(
                    "hook-drops-tests", node, confidence, "files are not collected"
                )


def _collection(source: Source, node: FunctionNode) -> Iterator[Finding]:
    for one in ast.walk(node):
        if _empties(one):
            installed = source.installed and source.place != "submission"
            yield source.finding(
                "hook-drops-tests", one, "medium" if installed else "high", "all of them"
            )
        elif isinstance(one, ast.Delete) and any(
            _is_written_slice(target) for target in one.targets
        ):
            yield source.finding("hook-drops-tests", one, "medium" if source.installed else "high")
        elif isinstance(one, ast.Assign) and any(_is_whole(target) for target in one.targets):
            confidence = _selection(source, one.value)
            if confidence:
                yield source.finding("hook-drops-tests", one, confidence)
        elif isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute):
            name = one.func.attr
            if name in {"remove", "pop"} and mentions(one.func.value, "items"):
                confidence = source.graded("medium", "low", "medium")
                if confidence:
                    yield source.finding("hook-drops-tests", one, confidence)
            elif name == "add_marker" and _adds_skip(source, one):
                guarded = any(isinstance(up, ast.If) for up in source.above(one))
                confidence = source.graded(
                    "medium" if guarded else "high", None, "low" if guarded else "high"
                )
                if confidence:
                    yield source.finding(
                        "hook-drops-tests", one, confidence, "marks tests to be skipped"
                    )


def _empties(node: ast.AST) -> bool:
    """`items.clear()`, `del items[:]`, `items[:] = []`"""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr == "clear" and mentions(node.func.value, "items")
    if isinstance(node, ast.Delete):
        return any(_is_whole(one) for one in node.targets)
    if isinstance(node, ast.Assign) and any(_is_whole(one) for one in node.targets):
        return isinstance(node.value, (ast.List, ast.Tuple)) and not node.value.elts
    return False


def _is_written_slice(node: ast.expr) -> bool:
    """`items[1:]`, with numbers that are written out."""
    if not (isinstance(node, ast.Subscript) and mentions(node.value, "items")):
        return False
    part = node.slice
    ends = (part.lower, part.upper) if isinstance(part, ast.Slice) else (part,)
    return all(one is None or constant(one) is not ... for one in ends)


def _is_whole(node: ast.expr) -> bool:
    """`items[:]` or `session.items`."""
    if isinstance(node, ast.Subscript):
        part = node.slice
        whole = isinstance(part, ast.Slice) and part.lower is None and part.upper is None
        return whole and mentions(node.value, "items")
    return isinstance(node, ast.Attribute) and node.attr == "items"


def _selection(source: Source, value: ast.expr) -> Confidence | None:
    """Sorting keeps all; a slice or a filter written on the spot does not."""
    if isinstance(value, (ast.ListComp, ast.GeneratorExp)):
        tests = [test for clause in value.generators for test in clause.ifs]
        by_name = any(_compares_name(test) for test in tests)
        return source.graded("high", "low", "high" if by_name else "medium") if tests else None
    if isinstance(value, ast.Subscript):
        return source.graded("high", "low", "medium")
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        return source.graded("high", "low", "medium") if value.func.id == "filter" else None
    return None


def _compares_name(test: ast.expr) -> bool:
    """Tests are chosen by a name that is written out."""
    named = any(
        isinstance(one, ast.Attribute) and one.attr in {"name", "nodeid", "originalname"}
        for one in ast.walk(test)
    )
    return named and any(
        isinstance(one, ast.Constant) and isinstance(one.value, str) for one in ast.walk(test)
    )


def _adds_skip(source: Source, call: ast.Call) -> bool:
    return any(
        (isinstance(one, ast.Attribute) and one.attr in {"skip", "xfail"})
        or (isinstance(one, ast.Constant) and one.value in {"skip", "xfail"})
        for argument in call.args
        for one in ast.walk(argument)
    )


def _compares_path(node: ast.expr) -> bool:
    """`path.name != "test_mine.py"`: all files but those that are named."""
    return any(
        isinstance(one, ast.Compare) and isinstance(one.ops[0], (ast.NotEq, ast.NotIn))
        for one in ast.walk(node)
    )


def _ignores(source: Source, node: FunctionNode) -> Iterator[Finding]:
    answers = [one for one in returned(node) if one is not None]
    if any(_compares_path(one) for one in answers):
        confidence = source.graded("high", None, "medium")
        if confidence:
            yield source.finding("hook-drops-tests", node, confidence, "by the name of the file")
    elif answers and all(always(one) for one in answers):
        guarded = any(isinstance(one, ast.If) for one in node.body)
        confidence = source.graded(
            "medium" if guarded else "high", "low", "low" if guarded else "high"
        )
        if confidence:
            yield source.finding("hook-drops-tests", node, confidence)
