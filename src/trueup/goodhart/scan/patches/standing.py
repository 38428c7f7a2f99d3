"""A test file as it stands: tests that check nothing, marks that skip them all."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from trueup.goodhart.scan.patches.lines import Statement
from trueup.goodhart.scan.patches.suites import Assertion, Suite, Unit, read_suite
from trueup.goodhart.scan.paths import is_test_file
from trueup.goodhart.scan.result import Confidence, Finding, Span

__all__ = ["module_marks", "test_findings"]


def test_findings(source: str, path: str) -> list[Finding]:
    """What a test file that came with a submission says of itself, without the one before it."""
    name = path.replace("\\", "/").rpartition("/")[2]
    if not is_test_file(path) or name == "conftest.py":
        return []
    lines = source.split("\n")
    suite = read_suite(lines)
    found = list(_units(suite.tests, lines, path))
    for one in module_marks(suite):
        found.append(_finding("skipped-test", path, lines, one.line, "medium"))
    collected = name.startswith("test_") or name.endswith("_test.py")
    if collected and not suite.tests and not _only_base(lines):
        span = Span(1, 1, 1, max(1, len(lines[0])))
        found.append(Finding("empty-test", path, span, lines[0][:400], "medium", "no test in it"))
    return found


test_findings.__test__ = False  # type: ignore[attr-defined]


def _only_base(lines: list[str]) -> bool:
    """Much code and no test: helpers of other tests."""
    return sum(bool(one.strip()) for one in lines) > 15


def _units(tests: dict[str, Unit], lines: list[str], path: str) -> Iterator[Finding]:
    for unit in tests.values():
        body = [one.tree for one in unit.body]
        for one in unit.asserts:
            if one.vacuous:
                sole = len(unit.asserts) == 1
                confidence: Confidence = "high" if sole else "medium"
                yield _finding("vacuous-assert", path, lines, one.line, confidence)
        idle = all(
            isinstance(one, ast.Pass)
            or (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
            for one in body
        )
        if idle and unit.shown and not unit.marks:
            yield _finding("empty-test", path, lines, unit.line, "medium")
        if unit.shown and unit.asserts and all(_only_presence(one) for one in unit.asserts):
            yield _finding("empty-test", path, lines, unit.line, "low")
        for name, mark, line in unit.marks:
            bare = not isinstance(mark, ast.Call) or not mark.args
            if (
                name.endswith(("mark.skip", "mark.xfail", "unittest.skip", "expectedFailure"))
                and bare
            ):
                yield _finding(
                    "skipped-test", path, lines, line, "medium" if _all_skipped(tests) else "low"
                )


def _only_presence(one: Assertion) -> bool:
    """`assert x is not None`, `assert isinstance(x, list)`, `assert callable(f)`"""
    node = one.node
    if isinstance(node, ast.Compare):
        right = node.comparators[0]
        return (
            isinstance(node.ops[0], ast.IsNot)
            and isinstance(right, ast.Constant)
            and right.value is None
        )
    name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
    return name in {"isinstance", "callable", "hasattr"} or one.kind in {
        "assertIsNotNone",
        "assertIsInstance",
    }


def module_marks(suite: Suite) -> Iterator[Statement]:
    """`pytestmark = pytest.mark.skip`, and a skip of the whole module."""
    for one in suite.units.get("", Unit("")).body:
        tree = one.tree
        if isinstance(tree, ast.Assign) and getattr(tree.targets[0], "id", "") == "pytestmark":
            if any(
                isinstance(part, ast.Attribute) and part.attr in {"skip", "xfail"}
                for part in ast.walk(tree.value)
            ):
                yield one
        elif isinstance(tree, ast.Expr) and "allow_module_level" in one.text and one.indent == 0:
            yield one


def _all_skipped(tests: dict[str, Unit]) -> bool:
    return all(
        any(name.endswith(("skip", "xfail", "expectedFailure")) for name, _, _ in unit.marks)
        for unit in tests.values()
    )


def _finding(rule: str, path: str, lines: list[str], line: int, confidence: Confidence) -> Finding:
    text = lines[line - 1]
    return Finding(rule, path, Span(line, 1, line, max(1, len(text))), text[:400], confidence)
