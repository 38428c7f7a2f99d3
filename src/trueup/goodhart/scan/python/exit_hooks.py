"""Exits that come later: at the end, on an error, from a thread, timer or signal."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from trueup.goodhart.scan.python.exits import EXITS, HARD_EXITS, KILLS
from trueup.goodhart.scan.python.source import Function, Source, Use
from trueup.goodhart.scan.result import Confidence, Finding, Rule

__all__ = ["RULES", "find"]

RULES = (
    Rule(
        "exit-handler",
        "code",
        ("atexit-rewrite",),
        "What is registered to run at exit ends the process or writes a report.",
        "See what the handler does after the checks are over.",
    ),
    Rule(
        "exception-hook",
        "code",
        ("excepthook-exit",),
        "The hook for uncaught exceptions is replaced, so that failures can end as a success.",
        "See whether the new hook calls the old one and leaves the status alone.",
    ),
    Rule(
        "thread-exit",
        "code",
        ("thread-exit",),
        "A thread, timer or signal handler ends the process while the checks run.",
        "See what starts it and what would be under way by then.",
    ),
)

_HOOKS = frozenset({"sys.excepthook", "threading.excepthook", "sys.unraisablehook", "sys.exitfunc"})
_REGISTERS = frozenset(
    {"atexit.register", "threading._register_atexit", "weakref.finalize"}
    | {"multiprocessing.util.Finalize", "atexit._run_exitfuncs"}
)
_STARTERS = frozenset(
    {"threading.Thread", "threading.Timer", "_thread.start_new_thread", "signal.signal"}
    | {"_thread.start_new", "multiprocessing.Process", "os.register_at_fork", "signal.setitimer"}
)
_REPORT = re.compile(r"report|result|reward|junit|score|verdict|\.xml|grade", re.IGNORECASE)


def find(source: Source) -> Iterator[Finding]:
    yield from _handlers(source)
    yield from _hooks(source)
    yield from _threads(source)


def _ends_process(source: Source, function: Function | None) -> bool:
    """Whether the function exits in any way."""
    if function is None:
        return False
    wanted = EXITS | HARD_EXITS | KILLS
    return any(
        source.names.resolve(one) in wanted
        for one in ast.walk(function)
        if isinstance(one, (ast.Name, ast.Attribute, ast.Call))
    )


def _handlers(source: Source) -> Iterator[Finding]:
    for use in source.named(*sorted(_REGISTERS)):
        if use.imported:
            continue
        handed = _handed(source, use)
        exits = any(source.names.resolve(one) in EXITS | HARD_EXITS for one in handed)
        functions = [source.definition(one) for one in handed]
        exits = exits or any(_ends_process(source, one) for one in functions)
        writes = any(one is not None and _writes_report(source, one) for one in functions)
        if exits or writes:
            detail = "it ends the process" if exits else "it writes a report"
            yield source.finding(
                "exit-handler", use.call or use.node, _by_place(source, "medium"), detail
            )
        elif use.name == "atexit.register" or use.name.startswith("atexit._"):
            confidence = source.graded("low", None)
            if confidence:
                yield source.finding("exit-handler", use.call or use.node, confidence)


def _handed(source: Source, use: Use) -> list[ast.expr]:
    """What is registered: the arguments, or the function that it decorates."""
    if use.call is not None:
        return [*use.call.args, *(word.value for word in use.call.keywords)]
    above = source.parents.get(use.node)
    if isinstance(above, ast.FunctionDef):
        return [ast.Name(above.name, ast.Load())]
    return []


def _by_place(source: Source, library: Confidence) -> Confidence:
    return source.graded("high", library, library) or library


def _writes_report(source: Source, function: Function) -> bool:
    texts = (
        source.names.text(one)
        for one in ast.walk(function)
        if isinstance(one, (ast.Constant, ast.BinOp))
    )
    writes = any(
        isinstance(one, ast.Attribute) and one.attr in {"write", "write_text", "dump"}
        for one in ast.walk(function)
    )
    return writes and any(text and _REPORT.search(text) for text in texts)


def _hooks(source: Source) -> Iterator[Finding]:
    for patch in source.patches:
        if patch.name not in _HOOKS:
            continue
        function = source.definition(patch.value)
        direct = patch.value is not None and source.names.resolve(patch.value) in EXITS | HARD_EXITS
        exits = direct or _ends_process(source, function)
        if exits:
            yield source.finding(
                "exception-hook", patch.node, _by_place(source, "medium"), "the new hook exits"
            )
        else:
            confidence = source.graded("medium", None)
            if confidence:
                yield source.finding("exception-hook", patch.node, confidence)


def _threads(source: Source) -> Iterator[Finding]:
    for use in source.named(*sorted(_STARTERS)):
        if use.call is None:
            continue
        handed = _handed(source, use)
        exits = [
            one
            for one in handed
            if source.names.resolve(one) in EXITS | HARD_EXITS
            or _ends_process(source, source.definition(one))
        ]
        process = use.name == "multiprocessing.Process"
        handles = use.name == "signal.signal"
        if exits and not process:
            confidence = source.graded(
                "medium" if handles and source.has_main_guard else "high", "low", "low"
            )
            if confidence:
                yield source.finding("thread-exit", use.call, confidence)
    for one in source.by_type.get(ast.ClassDef, ()):
        assert isinstance(one, ast.ClassDef)
        if any(
            source.names.resolve(base) in {"threading.Thread", "threading.Timer"}
            for base in one.bases
        ):
            runs = [f for f in one.body if isinstance(f, ast.FunctionDef) and f.name == "run"]
            if any(_ends_process(source, f) for f in runs):
                confidence = source.graded("high", "low", "low")
                if confidence:
                    yield source.finding("thread-exit", one, confidence)
