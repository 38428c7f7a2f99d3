"""Hooks of pytest that rewrite what was found: reports, the list of tests, the exit status."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from trueup.goodhart.scan.python.source import Source
from trueup.goodhart.scan.python.truth import always, constant, returned
from trueup.goodhart.scan.result import Confidence, Finding, Rule

__all__ = ["RULES", "FunctionNode", "find", "hook_name"]

RULES = (
    Rule(
        "hook-rewrites-report",
        "tests",
        ("conftest-report",),
        "A pytest hook makes a failed test read as passed or skipped.",
        "See on what condition: a plugin for reruns or expected failures changes outcomes openly.",
    ),
    Rule(
        "hook-rewrites-status",
        "tests",
        ("conftest-status",),
        "A pytest hook makes a failed run end as a success.",
        "See on what condition; an empty selection is the usual honest one.",
    ),
    Rule(
        "hook-replaces-call",
        "tests",
        ("patch-runtest", "conftest-report"),
        "A pytest hook answers for a test without running it.",
        "See whether it runs the test in another way, as plugins for asyncio do.",
    ),
)

_OUTCOMES = frozenset({"outcome", "_outcome", "wasxfail", "longrepr", "passed", "failed", "when"})
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def find(source: Source) -> Iterator[Finding]:
    for kind in (ast.FunctionDef, ast.AsyncFunctionDef):
        for node in source.by_type.get(kind, ()):
            assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            check = _CHECKS.get(hook_name(source, node))
            if check is not None:
                yield from check(source, node)


def hook_name(source: Source, node: FunctionNode) -> str:
    """Its name, or the one that `@pytest.hookimpl(specname=...)` gives it."""
    if node.name.startswith("pytest_"):
        return node.name
    for one in node.decorator_list:
        for word in one.keywords if isinstance(one, ast.Call) else ():
            if word.arg == "specname":
                return source.names.text(word.value) or node.name
    return node.name


def _report(source: Source, node: FunctionNode) -> Iterator[Finding]:
    for one in ast.walk(node):
        if isinstance(one, (ast.Assign, ast.AugAssign)):
            targets = one.targets if isinstance(one, ast.Assign) else [one.target]
            for target in targets:
                if isinstance(target, ast.Attribute) and target.attr in _OUTCOMES:
                    confidence = _outcome_confidence(source, target.attr, one.value)
                    if confidence:
                        yield source.finding("hook-rewrites-report", one, confidence, target.attr)
        elif isinstance(one, ast.Call):
            name = one.func.attr if isinstance(one.func, ast.Attribute) else ""
            words = [source.names.text(arg) for arg in one.args]
            if name == "__setattr__" or source.names.resolve(one.func) == "builtins.setattr":
                attribute = next((word for word in words[:-1] if word in _OUTCOMES), None)
                if attribute:
                    confidence = _outcome_confidence(source, attribute, one.args[-1])
                    if confidence:
                        yield source.finding("hook-rewrites-report", one, confidence, attribute)
            elif (name == "_replace" or name == "TestReport") and any(
                word.arg == "outcome" and source.names.text(word.value) == "passed"
                for word in one.keywords
            ):
                yield source.finding("hook-rewrites-report", one, "high", "outcome")
        elif isinstance(one, ast.Subscript) and isinstance(one.ctx, ast.Store):
            entry = source.names.text(one.slice)
            if entry == "outcome":
                yield source.finding("hook-rewrites-report", one, "high", "outcome")


def _outcome_confidence(
    source: Source, attribute: str, value: ast.expr | None
) -> Confidence | None:
    text = source.names.text(value) if value is not None else None
    if attribute in {"outcome", "_outcome"}:
        if text == "passed":
            return source.graded("high", "medium", "high")
        if text == "skipped":
            return source.graded("medium", "low", "medium")
        return None if text == "failed" else source.graded("medium", None, "low")
    if attribute == "longrepr":
        return (
            source.graded("medium", None, "low")
            if value is not None and constant(value) is None
            else None
        )
    if attribute == "passed":
        return "high" if always(value) else None
    return source.graded("medium", "low", "low") if attribute == "wasxfail" else None


def _status_words(source: Source, node: FunctionNode) -> Iterator[Finding]:
    """`pytest_report_teststatus` that calls everything passed."""
    answers = list(returned(node))
    if not answers:
        return
    firsts = [one.elts[0] if isinstance(one, ast.Tuple) and one.elts else one for one in answers]
    if all(source.names.text(one) == "passed" for one in firsts if one is not None):
        guarded = any(isinstance(one, ast.If) for one in node.body)
        confidence = source.graded("high", "low", "medium" if guarded else "high")
        if confidence:
            yield source.finding("hook-rewrites-report", node, confidence)


def _status(source: Source, node: FunctionNode) -> Iterator[Finding]:
    for one in ast.walk(node):
        if isinstance(one, ast.Assign) and any(
            isinstance(target, ast.Attribute)
            and target.attr in {"exitstatus", "testsfailed", "shouldfail", "shouldstop"}
            for target in one.targets
        ):
            if not _is_success(one.value):
                continue
            empty = _asks_for_empty(source, one)
            confidence = source.graded("high", "medium", "high")
            if empty:
                confidence = source.graded("low", None, None)
            if confidence:
                yield source.finding("hook-rewrites-status", one, confidence)
        elif isinstance(one, ast.Call) and source.names.resolve(one.func) in {
            "os._exit", "sys.exit", "pytest.exit", "builtins.exit", "posix._exit",
        }:  # fmt: skip
            status = constant(one.args[-1]) if one.args else 0
            if status in (0, None):
                confidence = source.graded("high", "medium", "high")
                if confidence:
                    yield source.finding("hook-rewrites-status", one, confidence)


def _is_success(value: ast.expr) -> bool:
    if isinstance(value, ast.Attribute):
        return value.attr == "OK"
    number = constant(value)
    if isinstance(value, ast.Call) and value.args:
        number = constant(value.args[0])
    return number is not ... and not number


def _asks_for_empty(source: Source, node: ast.AST) -> bool:
    """Only when no test was collected."""
    for one in source.above(node):
        if isinstance(one, ast.If):
            for part in ast.walk(one.test):
                name = part.attr if isinstance(part, ast.Attribute) else ""
                if name == "NO_TESTS_COLLECTED" or constant(part) == 5:
                    return True
    return False


def _answers(source: Source, node: FunctionNode) -> Iterator[Finding]:
    """A hook that stops at the first answer, and answers without the test."""
    answers = [one for one in returned(node) if one is not None and constant(one) is not None]
    certain = answers and all(always(one) for one in answers)
    runs = any(isinstance(one, ast.Await) or _calls_test(one) for one in ast.walk(node))
    if certain and not runs:
        confidence = source.graded("high", "low", "high")
        if confidence:
            yield source.finding("hook-replaces-call", node, confidence)


def _calls_test(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name not in {"print", "getattr", "isinstance", "hasattr", "len", "append"}


def _forced(source: Source, node: FunctionNode) -> Iterator[Finding]:
    """A wrapper that swallows what the test raised."""
    for one in ast.walk(node):
        if (
            isinstance(one, ast.Call)
            and isinstance(one.func, ast.Attribute)
            and one.func.attr == "force_result"
        ):
            confidence = source.graded("high", "low", "high")
            if confidence:
                yield source.finding("hook-rewrites-report", one, confidence, "force_result")
        elif isinstance(one, ast.Assign) and any(
            isinstance(target, ast.Attribute)
            and target.attr in {"_excinfo", "_exception", "excinfo"}
            for target in one.targets
        ):
            confidence = (
                source.graded("high", "low", "high") if constant(one.value) is None else None
            )
            if confidence:
                yield source.finding("hook-rewrites-report", one, confidence, "drops the exception")
        elif (
            isinstance(one, ast.ExceptHandler)
            and _swallows(one)
            and any(
                isinstance(part, ast.Yield)
                for up in [source.parents.get(one)]
                if up
                for part in ast.walk(up)
            )
        ):
            yield source.finding("hook-rewrites-report", one, "high", "drops the exception")


def _swallows(handler: ast.ExceptHandler) -> bool:
    return not any(isinstance(one, ast.Raise) for one in ast.walk(handler))


def _makereport(source: Source, node: FunctionNode) -> Iterator[Finding]:
    yield from _report(source, node)
    yield from _forced(source, node)


def _call(source: Source, node: FunctionNode) -> Iterator[Finding]:
    yield from _answers(source, node)
    yield from _report(source, node)
    yield from _forced(source, node)


def _finish(source: Source, node: FunctionNode) -> Iterator[Finding]:
    yield from _status(source, node)
    for one in _report(source, node):
        if one.detail in {"outcome", "_outcome"}:
            yield one


_CHECKS: dict[str, Callable[[Source, FunctionNode], Iterator[Finding]]] = {
    "pytest_runtest_makereport": _makereport,
    "pytest_runtest_logreport": _report,
    "pytest_report_teststatus": _status_words,
    "pytest_report_to_serializable": _report,
    "pytest_report_from_serializable": _report,
    "pytest_exception_interact": _report,
    "pytest_sessionfinish": _finish,
    "pytest_unconfigure": _finish,
    "pytest_terminal_summary": _finish,
    "pytest_cmdline_main": _finish,
    "pytest_sessionstart": _finish,
    "pytest_configure": _finish,
    "pytest_runtest_protocol": _call,
    "pytest_runtest_call": _call,
    "pytest_pyfunc_call": _call,
    "pytest_runtestloop": _answers,
}
