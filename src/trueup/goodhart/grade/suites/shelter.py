"""Where a test means a check to fail: inside `raises`, and above a handler that would catch it."""

from __future__ import annotations

import ast

__all__ = ["RAISING", "called", "catches", "is_raising", "sheltered"]

RAISING = {"raises", "assertRaises", "assertRaisesRegex"}
_CATCHING = {"AssertionError", "Exception", "BaseException", "Failed", "failureException"}


def called(call: ast.Call) -> str:
    """The last part of what is called, "" for something computed."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def is_raising(node: ast.AST) -> bool:
    """Whether the node is a `with` of something that expects an exception."""
    return isinstance(node, ast.With | ast.AsyncWith) and any(
        isinstance(item.context_expr, ast.Call) and called(item.context_expr) in RAISING
        for item in node.items
    )


def catches(node: ast.Try) -> bool:
    """Whether a failed check in the body would be caught."""
    return any(
        handler.type is None
        or any(
            (isinstance(part, ast.Name) and part.id in _CATCHING)
            or (isinstance(part, ast.Attribute) and part.attr in _CATCHING)
            for part in ast.walk(handler.type)
        )
        for handler in node.handlers
    )


def sheltered(root: ast.AST) -> set[int]:
    """The `id` of each node below `root` where checks are left as they are."""
    found: set[int] = set()
    for node in ast.walk(root):
        body: list[ast.stmt] = []
        if is_raising(node) or (isinstance(node, ast.Try) and catches(node)):
            body = node.body  # type: ignore[attr-defined]
        for statement in body:
            found |= {id(inner) for inner in ast.walk(statement)}
    return found
