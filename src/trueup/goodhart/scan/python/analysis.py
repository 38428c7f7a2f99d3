"""All families of rules over one file, and over the code that it holds as text.

Not seen: names built from data that is only known when it runs, code in other languages, and
behaviour that has no sign in the source (a cache of results, NaN that spreads). A grader that the
submission cannot reach stops those.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import replace

from trueup.goodhart.scan.paths import Place, place_of
from trueup.goodhart.scan.python import (
    clocks,
    collection,
    comparisons,
    counting,
    exit_hooks,
    exits,
    frames,
    hooks,
    imports,
    reading,
    replay,
    reports,
    runner,
    stubs,
    tables,
    words,
)
from trueup.goodhart.scan.python.source import Source, Unreadable
from trueup.goodhart.scan.python.strings import commands
from trueup.goodhart.scan.result import Finding, Rule

__all__ = ["RULES", "code_findings", "read_code"]

_FAMILIES = (
    comparisons, exits, exit_hooks, counting, runner, hooks, collection, frames, reading, reports,
    clocks, replay, stubs, imports, tables,
)  # fmt: skip
RULES: tuple[Rule, ...] = tuple(rule for family in _FAMILIES for rule in family.RULES)

_DEEPEST = 3  # code in text in code
_TEXTS = 40  # pieces of code held as text that are looked at
_MOST = 100  # findings of one rule in one file
_RUNS = (
    "builtins.exec",
    "builtins.eval",
    "builtins.compile",
    "ast.parse",
    "code.InteractiveInterpreter.runsource",
)
_WRITES = frozenset({"write", "write_text", "writelines", "write_bytes"})


def code_findings(source: str, path: str, place: Place | None = None) -> list[Finding]:
    """What the rules for code say, by place; nothing for text that is not Python.

    Parameters
    ----------
    source
        The text of the file. It is parsed, never run.
    path
        Said in the findings, and what kind of file it is where `place` is None.
    place
        What is normal in the file; see `paths.Place`.
    """
    try:
        return read_code(source, path, place)
    except Unreadable:
        return []


def read_code(source: str, path: str, place: Place | None = None) -> list[Finding]:
    """The same, but raises `Unreadable` with the reason."""
    try:
        return _ordered(_analysed(source, path, place or place_of(path, source), 0))
    except (RecursionError, MemoryError):
        raise Unreadable("expressions are nested too deeply") from None


def _analysed(text: str, path: str, place: Place, depth: int) -> Iterator[Finding]:
    source = Source(text, path, place)
    for family in _FAMILIES:
        yield from family.find(source)
    if depth == 0:
        yield from words.find(source)
    if depth < _DEEPEST:
        yield from _within(source, depth)


def _within(source: Source, depth: int) -> Iterator[Finding]:
    """Code that the file holds as text, read as code of its own; findings lie where the text is."""
    for count, (node, text, path) in enumerate(_texts(source)):
        if count >= _TEXTS:
            return
        place = source.place if path == source.path else place_of(path, text)
        place = source.place if source.place != "submission" or place == "library" else place
        try:
            inner = list(_analysed(textwrap.dedent(text), path, place, depth + 1))
        except Unreadable:
            continue
        for found in inner:
            detail = "; ".join(part for part in (found.detail, "in code held as text") if part)
            yield replace(found, span=source.span(node), path=source.path, detail=detail)


def _texts(source: Source) -> Iterator[tuple[ast.AST, str, str]]:
    for use in source.named(*_RUNS):
        text = source.names.value(use.call.args[0]) if use.call and use.call.args else None
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        if use.call and isinstance(text, str):
            yield use.call, text, source.path
    for one in commands(source):
        if (
            (" -c" in one.words and "python" in one.words)
            or "executable" in one.words
            or "? -c" in one.words
        ):
            yield one.call, one.words.partition("-c")[2].strip(" '\""), source.path
    for name in sorted(_WRITES):
        for node in source.attributes.get(name, ()):
            call = source.call_of(node)
            text = source.names.value(call.args[0]) if call and call.args else None
            if isinstance(text, bytes):
                text = text.decode("utf-8", "replace")
            if call and isinstance(text, str) and ("\n" in text or "import" in text):
                yield call, text, _written_path(source, node) or source.path


def _written_path(source: Source, node: ast.AST) -> str | None:
    """The name of the Python file that a text is written to."""
    from trueup.goodhart.scan.python.strings import pieces

    read = source.names.attribute(node)
    owner = read[0] if read else None
    if isinstance(owner, ast.Name):
        owner = _opened_as(source, node, owner.id) or owner
    if isinstance(owner, ast.Call) and owner.args:
        owner = owner.args[0]
    path = pieces(source, owner)
    return path if path.endswith(".py") else None


def _opened_as(source: Source, node: ast.AST, name: str) -> ast.expr | None:
    """What `with open(...) as name:` around the node opens."""
    for one in source.above(node):
        for item in one.items if isinstance(one, (ast.With, ast.AsyncWith)) else ():
            if isinstance(item.optional_vars, ast.Name) and item.optional_vars.id == name:
                return item.context_expr
    return None


def _ordered(found: Iterator[Finding]) -> list[Finding]:
    """By place, each once: of two of one rule at one place the more confident."""
    rank = {"high": 0, "medium": 1, "low": 2}
    kept: dict[tuple[str, int, int], Finding] = {}
    counts: dict[str, int] = {}
    for one in found:
        key = (one.rule, one.span.line, one.span.column)
        known = kept.get(key)
        if known is None:
            counts[one.rule] = counts.get(one.rule, 0) + 1
            if counts[one.rule] > _MOST:
                continue
        if known is None or rank[one.confidence] < rank[known.confidence]:
            kept[key] = one
    return sorted(kept.values(), key=lambda one: (one.span.line, one.span.column, one.rule))
