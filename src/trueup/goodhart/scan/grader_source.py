"""A grader's source as the rules on graders look at it: names resolved, roles guessed from names.

What is the submission's and what is expected is told from the names that graders commonly use;
nothing follows values through calls.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from trueup.goodhart.scan.result import Confidence, Finding, Span

__all__ = ["Grader", "Seen", "is_answer", "is_expected", "is_submitted", "names_in", "parsed"]

Function = ast.FunctionDef | ast.AsyncFunctionDef
_LONGEST = 400

_SUBMITTED = re.compile(
    r"submi(?:ssion|tted)|solution|candidate|completion|generated|student|untrusted|user_?code"
    r"|model_?(?:output|answer|code|response)|llm_?(?:output|answer|code)|(?:^|_)(?:code|program"
    r"|source|script|src|snippet)(?:_|$)|response|predict|agent|attempt",
    re.IGNORECASE,
)
_ANSWER = re.compile(
    r"answer(?!_?key|s$)|pred|prediction|response|(?:^|_)out(?:put|puts)?(?:_|$)|completion"
    r"|submi(?:ssion|tted)|guess|(?:^|_)(?:result|results|got|actual|value|ans|res|y)$|candidate"
    r"|student|generated|hyp(?:othesis)?$|stdout|reply|returned",
    re.IGNORECASE,
)
_EXPECTED = re.compile(
    r"expect|target|(?:^|_)gold|reference|(?:^|_)refs?(?:_|$)|truth|label|correct_?(?:answer"
    r"|output)"
    r"|(?:^|_)(?:want|wanted|correct|solution|solutions)$|ground|answer_?key|answers$|desired",
    re.IGNORECASE,
)


def names_in(node: ast.AST) -> Iterator[str]:
    """Names, attributes, keyword names and string keys in an expression."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif (
            isinstance(part, ast.Subscript)
            and isinstance(part.slice, ast.Constant)
            and isinstance(part.slice.value, str)
        ):
            yield part.slice.value


def _like(node: ast.AST | None, pattern: re.Pattern[str]) -> bool:
    return node is not None and any(map(pattern.search, names_in(node)))


def is_submitted(node: ast.AST | None) -> bool:
    """Named like code that was handed in."""
    return _like(node, _SUBMITTED)


def is_answer(node: ast.AST | None) -> bool:
    """Named like what the submission answered."""
    return _like(node, _ANSWER)


def is_expected(node: ast.AST | None) -> bool:
    """Named like what is expected of it."""
    return _like(node, _EXPECTED)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a rule found: the rule's name without its prefix, and the node."""

    rule: str
    node: ast.AST
    level: Confidence
    detail: str = ""


class Grader:
    """The tree, with what several rules ask of it."""

    def __init__(self, tree: ast.Module, text: str, path: str) -> None:
        self.tree, self.path = tree, path
        self.lines = text.split("\n")
        self.nodes = list(ast.walk(tree))
        self.parents = {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}
        self.imported = _imports(self.nodes)

    @cached_property
    def calls(self) -> list[tuple[str, ast.Call]]:
        """Every call with the full name of what is called, "" when it has none."""
        return [(self.name(n.func), n) for n in self.nodes if isinstance(n, ast.Call)]

    def name(self, node: ast.AST) -> str:
        """The dotted name of an expression, its first part resolved through the imports."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if isinstance(node, ast.Call) and parts:
            return ".".join((f"{self.name(node.func)}()", *reversed(parts)))
        if not isinstance(node, ast.Name):
            return ".".join(("?", *reversed(parts))) if parts else ""
        return ".".join((self.imported.get(node.id, node.id), *reversed(parts)))

    def function_of(self, node: ast.AST) -> Function | ast.Module:
        """The function around a node, the module when there is none."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, Function):
                return node
        return self.tree

    @cached_property
    def in_process(self) -> list[tuple[ast.Call, Confidence]]:
        """Where submitted code is run or loaded in this process."""
        found: list[tuple[ast.Call, Confidence]] = []
        for name, call in self.calls:
            level = self._runs(name, call)
            if level:
                found.append((call, level))
        return found

    def _runs(self, name: str, call: ast.Call) -> Confidence | None:
        argument = call.args[0] if call.args else None
        if isinstance(argument, ast.Constant) or (name.startswith("re.") and name != "re"):
            return None
        if name in ("exec", "builtins.exec", "runpy.run_path", "runpy.run_module"):
            return "high"
        if name in ("importlib.import_module", "__import__", "imp.load_source"):
            return "high" if is_submitted(call) else "medium"
        if name.endswith(".exec_module"):
            return "high"
        if name.endswith(".load_module") and "loader" in name.lower():
            return "high"
        return None

    @cached_property
    def processes(self) -> list[ast.Call]:
        """Where another process is started."""
        starts = (
            "subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_output",
            "subprocess.check_call", "subprocess.getoutput", "subprocess.getstatusoutput",
            "os.system", "os.popen", "asyncio.create_subprocess_exec",
            "asyncio.create_subprocess_shell",
        )  # fmt: skip
        return [call for name, call in self.calls if name in starts]

    def submitted_calls(self, scope: ast.AST) -> list[ast.Call]:
        """Calls, in a scope, of something that is named like the submission's function."""
        pattern = re.compile(
            r"^(?:solve|solution|submission|candidate|student\w*|user_fn|fn|func|function|entry\w*"
            r"|impl|custom_kernel|kernel|target_fn|submitted\w*|generated\w*)$"
        )
        return [
            node
            for node in ast.walk(scope)
            if isinstance(node, ast.Call)
            and any(pattern.match(part) for part in self.name(node.func).rsplit(".", 1)[-1:])
        ]

    def finding(self, seen: Seen) -> Finding:
        node = seen.node
        line = getattr(node, "lineno", 1)
        end = min(getattr(node, "end_lineno", None) or line, line + 5)
        quoted = "\n".join(self.lines[line - 1 : end]).strip()[:_LONGEST]
        last = self.lines[end - 1] if end <= len(self.lines) else ""
        start = _characters(self.lines[line - 1], getattr(node, "col_offset", 0))
        stop = _characters(last, getattr(node, "end_col_offset", None) or 0)
        if end != getattr(node, "end_lineno", None):
            stop = len(last)
        span = Span(line, start + 1, end, max(1, stop))
        return Finding(f"grader-{seen.rule}", self.path, span, quoted, seen.level, seen.detail)


def _characters(line: str, offset: int) -> int:
    """Columns in characters: the parser counts bytes."""
    return len(line.encode("utf-8", "replace")[:offset].decode("utf-8", "ignore"))


def _imports(nodes: list[ast.AST]) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                short = alias.asname or alias.name.split(".")[0]
                names[short] = alias.name if alias.asname else short
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module or ''}.{alias.name}"
    return names


def parsed(source: str, path: str) -> Grader | None:
    """The grader, None when the source is no Python of this version."""
    text = source.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Grader(ast.parse(text), text, path)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
