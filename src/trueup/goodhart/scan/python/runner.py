"""Abuse of the test runner by code that it runs, and code that asks whether it is being tested."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from trueup.goodhart.scan.python.source import Source, Use
from trueup.goodhart.scan.python.truth import constant
from trueup.goodhart.scan.result import Confidence, Finding, Rule

__all__ = ["RULES", "find"]

RULES = (
    Rule(
        "skip-from-code",
        "code",
        ("pytest-skip", "unittest-skip", "pytest-xfail", "pytest-exit"),
        "Code that is not a test skips, expects the failure of, or ends the test that calls it.",
        "See whether the file is a helper of tests; then only tests may import it.",
    ),
    Rule(
        "patched-runner",
        "code",
        ("patch-report", "patch-runtest", "patch-testcase"),
        "A class or function of the test runner is replaced in memory.",
        "See whether it is a plugin of the runner that does this openly.",
    ),
    Rule(
        "runner-options",
        "code",
        ("addopts", "planted-plugin"),
        "Options or plugins of the test runner are set from code.",
        "See which options, and whether whoever started the run would expect them.",
    ),
    Rule(
        "knows-it-is-tested",
        "code",
        ("hardcoded-cases", "weaken-tests"),
        "Code behaves differently when a test runner is around.",
        "See what differs: a switch for tests is a smell, an answer for tests is gaming.",
    ),
)

_SKIPS = {
    "pytest.skip": "skips",
    "pytest.xfail": "expects a failure",
    "pytest.exit": "ends the run",
    "pytest.importorskip": "skips",
    "unittest.SkipTest": "skips",
    "unittest.case.SkipTest": "skips",
    "_pytest.outcomes.Skipped": "skips",
    "_pytest.outcomes.Exit": "ends the run",
    "_pytest.outcomes.XFailed": "expects a failure",
    "pytest.skip.Exception": "skips",
    "pytest.exit.Exception": "ends the run",
    "pytest.xfail.Exception": "expects a failure",
    "unittest.skip": "skips",
    "unittest.expectedFailure": "expects a failure",
    "unittest.case.skip": "skips",
    "nose.SkipTest": "skips",
    "_pytest.runner.Skipped": "skips",
    "_pytest.outcomes.OutcomeException": "skips",
}
_RUNNERS = ("_pytest", "pytest", "unittest", "pluggy", "xdist", "nose", "doctest")
_TEST_CLASSES = frozenset(
    {
        "TestReport",
        "CollectReport",
        "TestCase",
        "TestResult",
        "TextTestResult",
        "CallInfo",
        "Function",
    }
    | {"Session", "TestSuite", "_Outcome", "TextTestRunner", "AssertionRewritingHook", "BaseReport"}
)
_TELLTALE = re.compile(r"PYTEST_CURRENT_TEST|PYTEST_VERSION|PYTEST_XDIST_WORKER|UNITTEST_RUNNING")
_OPTIONS = frozenset(
    {"PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTHONSTARTUP", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"}
)
_TEST_TEXT = re.compile(r"pytest|unittest|(^|[^a-z])tests?([^a-z]|$)|conftest")


def find(source: Source) -> Iterator[Finding]:
    yield from _skips(source)
    yield from _patched(source)
    yield from _options(source)
    yield from _knows(source)


def _skips(source: Source) -> Iterator[Finding]:
    helper = _is_test_helper(source)
    if source.place == "tests" and not source.path.rpartition("/")[2].startswith("solution"):
        return
    for use in source.named(*sorted(_SKIPS)):
        if use.imported or _only_caught(source, use):
            continue
        confidence = source.graded("high", "medium")
        if helper:
            confidence = source.graded("medium", None)
        elif (
            confidence
            and source.place == "library"
            and use.name.endswith(("importorskip", "unittest.skip"))
        ):
            confidence = "low"
        if confidence:
            yield source.finding(
                "skip-from-code", use.call or use.node, confidence, _SKIPS[use.name]
            )


def _is_test_helper(source: Source) -> bool:
    """It defines tests, fixtures or hooks of the runner, so it is a part of a suite."""
    for name in source.names.definitions:
        if name.startswith(("test_", "pytest_", "Test", "skip_", "skipif", "require_", "assert_")):
            return True
    lowered_path = source.path.lower()
    return (
        bool(source.uses.get("pytest.fixture"))
        or "pytest" in lowered_path
        or "test" in lowered_path.rpartition("/")[2]
    )


def _only_caught(source: Source, use: Use) -> bool:
    above = source.parents.get(use.node)
    return isinstance(above, (ast.ExceptHandler, ast.Tuple)) or (
        isinstance(above, ast.Call) and use.call is None and above.func is not use.node
    )


def _patched(source: Source) -> Iterator[Finding]:
    for patch in source.patches:
        owner = patch.owner or ""
        head = owner.partition(".")[0]
        last = owner.rpartition(".")[2]
        named = (
            head in _RUNNERS and owner and not owner.startswith(("unittest.mock", "pytest.mark"))
        )
        if not named or _own_settings(owner, patch.attribute):
            continue
        confidence: Confidence | None = source.graded("high", "medium", "low")
        if last not in _TEST_CLASSES and source.place != "submission":
            confidence = source.graded("high", "low", "low")
        if confidence:
            yield source.finding("patched-runner", patch.node, confidence, patch.name)
    yield from _found_by_search(source)


def _own_settings(owner: str, attribute: str) -> bool:
    """What their documentation tells users to set."""
    return attribute in {"maxDiff", "longMessage", "__doc__", "__test__"} or owner.endswith(
        ("register_assert_rewrite", ".mark", "doctest.OutputChecker")
    )


def _found_by_search(source: Source) -> Iterator[Finding]:
    """`for cls in unittest.TestCase.__subclasses__(): cls.run = ...`"""
    for node in source.attributes.get("__subclasses__", ()):
        read = source.names.attribute(node)
        owner = source.names.resolve(read[0]) if read else None
        if owner and owner.partition(".")[0] in {"unittest", "pytest", "_pytest"}:
            confidence = source.graded("high", "low", "low")
            if confidence:
                yield source.finding("patched-runner", node, confidence)


def _options(source: Source) -> Iterator[Finding]:
    for node in source.by_type.get(ast.Constant, ()):
        assert isinstance(node, ast.Constant)
        if node.value in _OPTIONS and isinstance(node.value, str):
            stored = any(
                isinstance(one, (ast.Assign, ast.Call, ast.Dict))
                for one in list(source.above(node))[:3]
            )
            context = next((one for one in source.above(node) if isinstance(one, ast.stmt)), node)
            writes = isinstance(context, ast.Assign) and any(
                node in ast.walk(t) for t in context.targets
            )
            confidence = source.graded("high" if writes else "medium", "low", "low")
            if stored and confidence:
                yield source.finding("runner-options", node, confidence, str(node.value))
    for use in source.named("pytest.main"):
        words = {constant(one) for one in ast.walk(use.call)} if use.call else set()
        if words & {"--deselect", "--ignore", "-k", "--co", "--collect-only"} or any(
            isinstance(word, str)
            and word.startswith(("-p", "--ignore", "--deselect", "-k"))
            and not word.startswith("-p no")
            for word in words
        ):
            confidence = source.graded("medium", "low", "low")
            if confidence:
                yield source.finding("runner-options", use.node, confidence)


def _knows(source: Source) -> Iterator[Finding]:
    if source.place == "tests":
        return
    for node in source.by_type.get(ast.Constant, ()):
        assert isinstance(node, ast.Constant)
        value = node.value
        if not isinstance(value, str) or len(value) > 40:
            continue
        if (
            (_TELLTALE.fullmatch(value) and not _is_written(source, node))
            or (value in {"pytest", "unittest", "_pytest"} and _asks_for_module(source, node))
            or (value.startswith(("test_", "test", "pytest")) and _asks_frame_or_argv(source, node))
        ):
            yield from _knowing(source, node)


def _knowing(source: Source, node: ast.AST) -> Iterator[Finding]:
    confidence = source.graded("high", "low")
    if confidence:
        yield source.finding("knows-it-is-tested", _statement_part(source, node), confidence)


def _statement_part(source: Source, node: ast.AST) -> ast.AST:
    """The comparison that asks, which says more than the word in it."""
    for one in source.above(node):
        if isinstance(one, (ast.Compare, ast.Call)):
            return one
        if isinstance(one, ast.stmt):
            break
    return node


def _is_written(source: Source, node: ast.AST) -> bool:
    above = source.parents.get(node)
    grand = source.parents.get(above) if above is not None else None
    return (
        isinstance(above, ast.Subscript)
        and isinstance(grand, (ast.Assign, ast.Delete))
        and (isinstance(grand, ast.Delete) or above in grand.targets)
    )


def _asks_for_module(source: Source, node: ast.AST) -> bool:
    """`"pytest" in sys.modules`, `sys.modules.get("pytest")`"""
    above = source.parents.get(node)
    if isinstance(above, ast.Compare) and any(
        isinstance(op, (ast.In, ast.NotIn)) for op in above.ops
    ):
        return any(
            source.names.resolve(one) in {"sys.modules", "sys.argv", "sys._MEIPASS"}
            or _of_argv(source, one)
            for one in above.comparators
        )
    if isinstance(above, ast.Call):
        return source.names.resolve(above.func) in {"sys.modules.get", "sys.modules.__contains__"}
    return isinstance(above, (ast.Set, ast.Tuple, ast.List)) and any(
        isinstance(one, ast.Call) and source.names.resolve(one.func) == "sys.modules.keys"
        for one in source.above(node)
    )


def _of_argv(source: Source, node: ast.expr) -> bool:
    return any(
        source.names.resolve(one) in {"sys.argv", "sys.modules"}
        for one in ast.walk(node)
        if isinstance(one, (ast.Name, ast.Attribute))
    )


def _asks_frame_or_argv(source: Source, node: ast.AST) -> bool:
    """A test's name is looked for in the stack or among the arguments."""
    for one in source.above(node):
        if isinstance(one, ast.Compare) or (
            isinstance(one, ast.Call)
            and isinstance(one.func, ast.Attribute)
            and one.func.attr
            in {"startswith", "endswith", "find", "search", "match", "count", "__contains__"}
        ):
            return any(
                (
                    isinstance(part, ast.Attribute)
                    and part.attr in {"co_name", "f_code", "co_filename"}
                )
                or (
                    isinstance(part, ast.Attribute)
                    and part.attr in {"function", "filename"}
                    and source.imports("inspect", "traceback")
                )
                or (
                    isinstance(part, (ast.Name, ast.Attribute))
                    and source.names.resolve(part) == "sys.argv"
                )
                for part in ast.walk(one)
            )
        if isinstance(one, ast.stmt):
            return False
    return False
