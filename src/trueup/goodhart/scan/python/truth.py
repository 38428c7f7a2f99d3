"""Whether an expression is true whatever the values in it, and what a function always returns."""

from __future__ import annotations

import ast
from collections.abc import Iterator

__all__ = ["always", "constant", "mentions", "returned", "same"]

_DEPTH = 8
_SAME_WHEN = (ast.Eq, ast.Is, ast.LtE, ast.GtE)
_DIFFERENT_WHEN = (ast.NotEq, ast.IsNot, ast.Lt, ast.Gt)


def constant(node: ast.AST | None) -> object:
    """The value of a constant or a negative number, else ..., which is no answer to anything."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = constant(node.operand)
        return -inner if isinstance(inner, (int, float)) else ...
    return ...


def same(one: ast.AST, other: ast.AST) -> bool:
    """Whether two expressions are written alike."""
    try:
        return ast.dump(one) == ast.dump(other)
    except RecursionError:
        return False


def always(node: ast.expr | None, depth: int = 0) -> bool | None:
    """True or False where the expression cannot be the other; None where it can."""
    if node is None or depth > _DEPTH:
        return None
    value = constant(node)
    if value is not ...:
        return bool(value)
    depth += 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = always(node.operand, depth)
        return None if inner is None else not inner
    if isinstance(node, ast.BoolOp):
        return _junction(node, depth)
    if isinstance(node, ast.IfExp):
        chosen = always(node.test, depth)
        one, other = always(node.body, depth), always(node.orelse, depth)
        if chosen is not None:
            return one if chosen else other
        return one if one == other else None
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _comparison(node)
    if isinstance(node, ast.Call):
        return _call(node, depth)
    if isinstance(node, (ast.Tuple, ast.List)):
        return bool(node.elts)
    if isinstance(node, ast.Lambda):
        return True
    return None


def _junction(node: ast.BoolOp, depth: int) -> bool | None:
    parts = [always(one, depth) for one in node.values]
    deciding = isinstance(node.op, ast.Or)
    if deciding in parts:
        return deciding
    return None if None in parts else not deciding


def _comparison(node: ast.Compare) -> bool | None:
    if not same(node.left, node.comparators[0]):
        left, right = constant(node.left), constant(node.comparators[0])
        if left is not ... and right is not ... and isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
            return (left == right) == isinstance(node.ops[0], ast.Eq)
        return None
    if isinstance(node.ops[0], _SAME_WHEN):
        return True
    return False if isinstance(node.ops[0], _DIFFERENT_WHEN) else None


def _call(node: ast.Call, depth: int) -> bool | None:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in {"bool", "int"} and len(node.args) == 1:
        return always(node.args[0], depth)
    if name in {"bool", "list", "dict", "tuple", "int"} and not node.args and not node.keywords:
        return False
    if name == "isinstance" and len(node.args) == 2:
        kind = node.args[1]
        return True if isinstance(kind, ast.Name) and kind.id == "object" else None
    if name == "hasattr" and len(node.args) == 2:
        return True if constant(node.args[1]) in {"__class__", "__doc__", "__eq__"} else None
    return None


def returned(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
) -> Iterator[ast.expr | None]:
    """What each `return` of the function returns; not those of functions within it."""
    if isinstance(node, ast.Lambda):
        yield node.body
        return
    stack: list[ast.AST] = list(node.body)
    while stack:
        one = stack.pop()
        if isinstance(one, ast.Return):
            yield one.value
        elif not isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            stack.extend(ast.iter_child_nodes(one))


def mentions(node: ast.AST, *names: str) -> bool:
    """Whether any of these names is read in it."""
    return any(isinstance(one, ast.Name) and one.id in names for one in ast.walk(node))
