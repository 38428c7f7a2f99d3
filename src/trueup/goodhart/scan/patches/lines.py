"""Statements of a piece of Python that may begin and end in the middle of things, as hunks do."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Statement", "as_source", "statements"]

_LONGEST = 400  # lines of one statement
_UNCLOSED = 50  # statements that never close, after which each line is one
_OPEN, _CLOSE = "([{", ")]}"
_STRING = re.compile(r"[rbufRBUF]{0,2}('''|\"\"\"|'|\")")
_MOST = 100_000  # characters of one statement


@dataclass(frozen=True, slots=True)
class Statement:
    """One logical line. line, end: from 1, in the piece. tree: None where it parses only with
    others."""

    line: int
    end: int
    indent: int
    text: str
    tree: ast.stmt | None
    decorators: tuple[ast.expr, ...] = ()


def statements(lines: Sequence[str]) -> Iterator[Statement]:
    """Logical lines, comments and empty lines left out."""
    at = unclosed = 0
    while at < len(lines):
        stripped = lines[at].strip()
        if not stripped or stripped.startswith("#"):
            at += 1
            continue
        end = _end_of(lines, at) if unclosed < _UNCLOSED else at
        unclosed += end == at and _after(lines[at], 0, "")[0] > 0
        text = "\n".join(lines[at : end + 1])
        indent = len(lines[at]) - len(lines[at].lstrip())
        tree, decorators = _parsed(textwrap.dedent(text).strip())
        yield Statement(at + 1, end + 1, indent, text, tree, decorators)
        at = end + 1


def _end_of(lines: Sequence[str], start: int) -> int:
    """The last line of the statement that begins at `start`; `start` when it never closes."""
    depth, quote = 0, ""
    for at in range(start, min(len(lines), start + _LONGEST)):
        depth, quote, continued = _after(lines[at], depth, quote)
        if depth <= 0 and not quote and not continued:
            return at
    return start


def _after(line: str, depth: int, quote: str) -> tuple[int, str, bool]:
    """Open brackets and the open quote after a line, and whether a backslash continues it."""
    at = 0
    while at < len(line):
        if quote:
            close = _closing(line, at, quote)
            if close < 0:
                return depth, quote if len(quote) == 3 else "", False
            at, quote = close, ""
            continue
        character = line[at]
        if character == "#":
            return depth, "", False
        match = _STRING.match(line, at)
        if match:
            quote = match.group(1)
            at = match.end()
            continue
        if character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth = max(0, depth - 1)
        at += 1
    return depth, quote, line.rstrip().endswith("\\")


def _closing(line: str, at: int, quote: str) -> int:
    while at < len(line):
        if line[at] == "\\":
            at += 2
        elif line.startswith(quote, at):
            return at + len(quote)
        else:
            at += 1
    return -1


@lru_cache(maxsize=4096)
def _parsed(text: str) -> tuple[ast.stmt | None, tuple[ast.expr, ...]]:
    if len(text) > _MOST:
        return None, ()
    for attempt in _completions(text):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                body = ast.parse(attempt).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        if body:
            first = body[0]
            if text.startswith("@") and isinstance(first, ast.FunctionDef):
                return None, tuple(first.decorator_list)
            return first, ()
    return None, ()


def _completions(text: str) -> Iterator[str]:
    if text.startswith("@"):
        yield f"{text}\ndef _(): pass"
    elif text.startswith("elif"):
        yield f"{text[2:]} pass"
    elif text.startswith("except"):
        yield f"try: pass\n{text} pass"
        yield f"try: pass\n{text}"
    elif re.search(r":\s*(#.*)?$", text):
        yield f"{text.rpartition(':')[0]}: pass"
        yield text
    else:
        yield text


def as_source(lines: Sequence[str]) -> str | None:
    """The lines as a module with as many lines; None when no part of them can be read.

    Whole, else dedented under an `if`, else statement by statement: what does not parse is left
    empty, and what is left is indented alike.
    """
    text = "\n".join(lines)
    if _reads(text):
        return text
    dedented = textwrap.dedent(text)
    if _reads(dedented):
        return dedented
    kept = [""] * len(lines)
    some = False
    for one in statements(lines):
        if one.tree is None and not one.decorators:
            continue
        piece = textwrap.dedent(one.text).strip().split("\n")
        if one.decorators or re.match(r"(elif|except|else|finally|case)\b", piece[0]):
            continue
        if re.search(r":\s*(#.*)?$", piece[-1]) and not _reads("\n".join(piece)):
            piece[-1] = f"{piece[-1].partition('  #')[0].rstrip()} pass"
        if _reads("\n".join(piece)):
            kept[one.line - 1 : one.line - 1 + len(piece)] = piece
            some = True
    return "\n".join(kept) if some and _reads("\n".join(kept)) else None


def _reads(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
