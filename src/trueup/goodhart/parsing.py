"""Parsing Python source from several threads.

CPython 3.11 keeps the depth of the tree that it is converting in one place for all threads, so two
`ast.parse` at once can end in "SystemError: AST constructor recursion depth mismatch". One lock for
all who parse beside others takes that away.
"""

from __future__ import annotations

import ast
from threading import Lock

__all__ = ["parsed"]

_ONE_AT_A_TIME = Lock()


def parsed(source: str | bytes, filename: str = "<unknown>") -> ast.Module:
    """`ast.parse`, one at a time. Raises what it raises: `SyntaxError`, `ValueError`."""
    with _ONE_AT_A_TIME:
        return ast.parse(source, filename)
