"""Ways to end the process before the checks, or after them but in the submission's favour."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from trueup.goodhart.scan.python.source import Source, Use
from trueup.goodhart.scan.python.truth import constant
from trueup.goodhart.scan.result import Confidence, Finding, Rule

__all__ = ["EXITS", "HARD_EXITS", "KILLS", "RULES", "find"]

RULES = (
    Rule(
        "hard-exit",
        "code",
        ("hard-exit", "hard-exit-posix", "selective-exit", "thread-exit"),
        "The process is ended past all handlers, so that checks that have not run yet cannot fail.",
        "See whether it ends a child that the same code forked; that is its honest use.",
    ),
    Rule(
        "libc-exit",
        "code",
        ("hard-exit-libc", "hard-exit"),
        "The process is ended, or made to crash, through a C library.",
        "There is hardly another reason; see what runs before it.",
    ),
    Rule(
        "early-exit",
        "code",
        ("early-exit", "selective-exit"),
        "Code that is imported or called ends the interpreter with a status that reads as success.",
        "See whether the file is a command and this is its end; a library raises an exception.",
    ),
)

HARD_EXITS = frozenset(
    {"os._exit", "posix._exit", "os.abort", "posix.abort", "faulthandler._sigsegv"}
    | {"faulthandler._sigabrt", "faulthandler._fatal_error", "faulthandler._stack_overflow"}
    | {"signal.raise_signal", "multiprocessing.popen_fork.os._exit", "_thread.interrupt_main"}
    | {"_winapi.ExitProcess", "_testcapi.crash_no_current_thread", "os.execv", "os.execve"}
    | {"os.execl", "os.execvp", "os.execlp", "os.execle", "posix.execv", "posix.execve"}
)
EXITS = frozenset(
    {"sys.exit", "builtins.exit", "builtins.quit", "builtins.SystemExit", "_sitebuiltins.Quitter"}
)
KILLS = frozenset(
    {"os.kill", "posix.kill", "os.killpg", "signal.pthread_kill", "signal.pidfd_send_signal"}
)
_C_EXITS = frozenset(
    {"_exit", "exit", "abort", "_Exit", "quick_exit", "kill", "raise", "tgkill", "exit_group"}
    | {"Py_Exit", "Py_Finalize", "Py_FinalizeEx", "Py_FatalError", "PyErr_SetInterrupt"}
)
_LIBRARIES = frozenset(
    {"ctypes.CDLL", "ctypes.PyDLL", "ctypes.cdll", "ctypes.pythonapi", "ctypes.cdll.LoadLibrary"}
    | {"ctypes.LibraryLoader", "ctypes.windll", "ctypes.cdll.msvcrt"}
)
_CLI = ("argparse", "click", "optparse", "getopt", "docopt", "fire", "typer", "absl", "tyro")
_COMMAND = re.compile(
    r"_?(main|cli|run|usage|help|command|cmd|execute|start|entry_?point|console|app|parse_args|die"
    r"|fatal|bail|abort|exit|quit|shutdown|stop|terminate|handle|error|signal|on_)(_|$|\d)|.*_(main|cli|command|cmd|handler|exit|quit)$"
)


def find(source: Source) -> Iterator[Finding]:
    yield from _hard(source)
    yield from _unknown_owner(source)
    yield from _kills(source)
    yield from _through_libc(source)
    yield from _early(source)


def _hard(source: Source) -> Iterator[Finding]:
    forks = source.imports("os.fork", "multiprocessing", "os.forkpty", "pty")
    for use in source.named(*sorted(HARD_EXITS)):
        last = use.name.rpartition(".")[2]
        if last.startswith("exec"):
            confidence = source.graded("high", None)
        elif last == "interrupt_main":
            confidence = source.graded("medium", "low", "low")
        elif use.imported and len(source.uses[use.name]) > 1:
            continue
        else:
            confidence = _hard_confidence(source, use, forks)
        if confidence:
            detail = "a child forked here may be what ends" if forks else ""
            yield source.finding("hard-exit", use.node, confidence, detail)


def _unknown_owner(source: Source) -> Iterator[Finding]:
    """`_exit` of an object that cannot be told, which is no attribute of a class of this file."""
    for name in ("_exit", "_Exit", "quick_exit"):
        for node in source.attributes.get(name, ()):
            read = source.names.attribute(node)
            own = read is None or (isinstance(read[0], ast.Name) and read[0].id in {"self", "cls"})
            if own or source.names.resolve(node) or name in source.names.definitions:  # type: ignore[arg-type]
                continue
            confidence = source.graded("high", None)
            if confidence:
                yield source.finding(
                    "hard-exit", node, confidence, "of an object that is not known"
                )


def _hard_confidence(source: Source, use: Use, forks: bool) -> Confidence:
    posix = use.name.startswith("posix.")
    if forks:
        return source.graded("medium", "low", "low") or "low"
    if _ends_program(source, use.node):
        return "medium"
    if source.place != "submission":
        zero = use.call is not None and _status(use.call) == 0
        return "medium" if zero or posix else "low"
    return "high"


def _ends_program(source: Source, node: ast.AST) -> bool:
    """The last statement of a program that reads its input and defines nothing to be called."""
    defines = source.by_type.get(ast.FunctionDef) or source.by_type.get(ast.ClassDef)
    reads = "sys.stdin" in source.uses or "builtins.input" in source.uses
    return reads and not defines and _is_last(source, node)


def _is_last(source: Source, node: ast.AST) -> bool:
    last = source.tree.body[-1]
    return not isinstance(last, ast.If) and any(one is last for one in source.above(node))


def _status(call: ast.Call) -> object:
    if not call.args:
        return 0
    value = constant(call.args[0])
    return 0 if value is None or value is False else value


def _kills(source: Source) -> Iterator[Finding]:
    """A signal to itself, its parent or its group."""
    for use in source.named(*sorted(KILLS)):
        arguments = use.call.args if use.call else []
        named = {
            source.names.resolve(one.func)
            for argument in arguments
            for one in ast.walk(argument)
            if isinstance(one, ast.Call)
        }
        own = named & {"os.getpid", "os.getpgrp", "os.getpgid", "threading.get_ident"}
        parent = "os.getppid" in named
        number = constant(arguments[0]) if arguments else ...
        if own or parent or number in (0, -1, 1):
            confidence = source.graded("high", "medium" if parent else "low", "low")
            if confidence:
                yield source.finding(
                    "hard-exit",
                    use.node,
                    confidence,
                    "a signal to itself" if own else "a signal to others",
                )


def _through_libc(source: Source) -> Iterator[Finding]:
    if not source.imports("ctypes", "cffi", "_ctypes"):
        return
    for name in sorted(_C_EXITS):
        for node in source.attributes.get(name, ()):
            read = source.names.attribute(node)
            if read and _is_library(source, read[0]):
                yield source.finding(
                    "libc-exit", node, "high" if source.place == "submission" else "medium"
                )
        for node in source.by_type.get(ast.Subscript, ()):
            assert isinstance(node, ast.Subscript)
            if constant(node.slice) == name and _is_library(source, node.value):
                yield source.finding("libc-exit", node, "high")
    for use in source.named("ctypes.string_at", "ctypes.memset", "ctypes.memmove"):
        if use.call and use.call.args and constant(use.call.args[0]) in (0, 1, None):
            yield source.finding("libc-exit", use.node, "high", "reads address 0")


def _is_library(source: Source, node: ast.expr) -> bool:
    name = source.names.resolve(node)
    if name:
        return name in _LIBRARIES or name.startswith(("ctypes.cdll.", "ctypes.pythonapi"))
    if isinstance(node, ast.Call):
        made = source.names.resolve(node.func)
        dlopen = isinstance(node.func, ast.Attribute) and node.func.attr == "dlopen"
        return dlopen or made in _LIBRARIES or bool(made and made.startswith("ctypes.cdll"))
    if isinstance(node, ast.Name):
        return any(
            isinstance(one, ast.Call) and _is_library(source, one)
            for one in source.names.bindings(node)
        )
    return False


def _early(source: Source) -> Iterator[Finding]:
    if source.place == "tests":
        return
    command = source.imports(*_CLI) or bool(source.named("sys.argv"))
    for use in source.named(*sorted(EXITS)):
        if use.imported or _is_caught_type(source, use) or _is_caught(source, use.node):
            continue
        if use.name == "builtins.SystemExit" and not _raised(source, use):
            continue
        confidence = _early_confidence(source, use, command)
        if confidence:
            yield source.finding("early-exit", use.node, confidence, _where(source, use))


def _is_caught_type(source: Source, use: Use) -> bool:
    """`except SystemExit`, `isinstance(e, SystemExit)`, `pytest.raises(SystemExit)`."""
    for one in source.above(use.node):
        if isinstance(one, ast.ExceptHandler):
            return any(up is use.node for up in ast.walk(one.type)) if one.type else False
        if isinstance(one, (ast.stmt, ast.Lambda)):
            return False
        if isinstance(one, ast.Call) and one.func is not use.node and use.call is None:
            return use.name == "builtins.SystemExit"
    return False


def _is_caught(source: Source, node: ast.AST) -> bool:
    """A `try` around it catches SystemExit by name."""
    below = node
    for one in source.above(node):
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        if isinstance(one, ast.Try) and below in one.body:
            for handler in one.handlers:
                names = ast.walk(handler.type) if handler.type else ()
                if any(isinstance(part, ast.Name) and part.id == "SystemExit" for part in names):
                    return True
        below = one
    return False


def _raised(source: Source, use: Use) -> bool:
    above = source.parents.get(use.call or use.node)
    return isinstance(above, ast.Raise) or (isinstance(above, ast.Call) and use.call is not None)


def _early_confidence(source: Source, use: Use, command: bool) -> Confidence | None:
    if source.in_main_guard(use.node):
        return None
    zero = use.call is None or _status(use.call) == 0
    name = source.named_function(use.node)
    inside = source.function(use.node) is not None
    if inside and _COMMAND.match(name.lower()):
        return source.graded("low", None)
    if not inside:
        ends = _calls_main(use) or _ends_program(source, use.node)
        if ends:
            return source.graded("low", None)
        return source.graded("medium" if command or not zero else "high", None)
    if command or source.has_main_guard:
        return source.graded("medium" if zero and not command else "low", None)
    if zero:
        return source.graded("high", "low")
    return source.graded("medium", None)


def _calls_main(use: Use) -> bool:
    return use.call is not None and any(isinstance(one, ast.Call) for one in use.call.args)


def _where(source: Source, use: Use) -> str:
    """Whether it exits on some inputs only."""
    for one in source.above(use.node):
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
            break
        if isinstance(one, (ast.If, ast.IfExp)):
            return "under a condition"
    return ""
