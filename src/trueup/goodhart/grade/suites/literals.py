"""Another value of the same kind for a literal in a test, as syntax.

A control gives a test an expected value that is wrong but as likely as the right one: who reads the
expectation cannot tell which of the two it is, and who computes the answer fails the wrong one.
"""

from __future__ import annotations

import ast
import copy
import random
import string
from typing import Any

__all__ = ["altered", "is_literal"]

_TRIES = 8


def is_literal(node: ast.expr) -> bool:
    """Whether the node is a constant or a display with a constant leaf that could be changed."""
    return _leaf(node) is not None


def altered(node: ast.expr, rng: random.Random, tolerance: float = 0.0) -> ast.expr | None:
    """A copy of the literal with another value, or None when none was found.

    tolerance: absolute; numbers are moved by at least four times as much.
    """
    for _ in range(_TRIES):
        changed = copy.deepcopy(node)
        leaf = _leaf(changed)
        if leaf is None:
            return None
        new = _change(leaf, rng, tolerance)
        if new is None:
            return None
        changed = _replaced(changed, leaf, new)
        if _differs(node, changed):
            return changed
    return None


def _leaf(node: ast.expr) -> ast.expr | None:
    """The first leaf that can be changed: values of a mapping before its keys."""
    if isinstance(node, ast.Constant):
        return None if node.value is Ellipsis else node
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return node if isinstance(node.operand, ast.Constant) else None
    if isinstance(node, ast.Dict):
        parts = [*node.values, *(key for key in node.keys if key is not None)]
        return _first(parts) if parts else node
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return _first(node.elts) if node.elts else node
    return None


def _first(parts: list[ast.expr]) -> ast.expr | None:
    return next((leaf for part in parts if (leaf := _leaf(part)) is not None), None)


def _replaced(tree: ast.expr, leaf: ast.expr, new: ast.expr) -> ast.expr:
    if tree is leaf:
        return new

    class Replace(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            return new if node is leaf else super().visit(node)

    replaced: ast.expr = Replace().visit(tree)
    return replaced


def _differs(one: ast.expr, other: ast.expr) -> bool:
    try:
        before, after = ast.literal_eval(one), ast.literal_eval(other)
    except (ValueError, TypeError):  # only partly a literal: the leaf differs
        return True
    return before is None or (bool(before != after) and type(before) is type(after))


def _change(leaf: ast.expr, rng: random.Random, tolerance: float) -> ast.expr | None:
    if isinstance(leaf, ast.List):
        return ast.List([ast.Constant(rng.randint(0, 9))], ast.Load())
    if isinstance(leaf, ast.Tuple):
        return ast.Tuple([ast.Constant(rng.randint(0, 9))], ast.Load())
    if isinstance(leaf, ast.Dict):
        return ast.Dict([ast.Constant(rng.randint(0, 9))], [ast.Constant(rng.randint(0, 9))])
    value = _value(leaf)
    if value is None:
        return ast.Constant(False)
    if isinstance(value, bool):
        return ast.Constant(not value)
    if isinstance(value, int):
        return _number(value + _whole_step(value, rng, tolerance))
    if isinstance(value, float):
        return _number(_moved(value, rng, tolerance))
    if isinstance(value, str):
        return ast.Constant(_other_text(value, rng))
    if isinstance(value, bytes):
        return ast.Constant(_other_text(value.decode("latin-1"), rng).encode("latin-1"))
    if isinstance(value, complex):
        return ast.Constant(value + rng.randint(1, 9))
    return None


def _value(leaf: ast.expr) -> Any:
    """The constant, or the number behind a minus."""
    if isinstance(leaf, ast.UnaryOp) and isinstance(leaf.operand, ast.Constant):
        return -leaf.operand.value  # type: ignore[operator]
    return leaf.value if isinstance(leaf, ast.Constant) else ...


def _number(value: int | float) -> ast.expr:
    """A number as syntax: a negative one is a minus before a constant."""
    if value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


def _whole_step(value: int, rng: random.Random, tolerance: float) -> int:
    least = int(4 * tolerance) + 1
    step = least + rng.randint(0, max(8, abs(value) // 8))
    return step if value < step or rng.random() < 0.5 else -step


def _moved(value: float, rng: random.Random, tolerance: float) -> float:
    step = max(abs(value) * rng.uniform(0.08, 0.6), 0.05 if value == 0 else 0.0)
    step += 4 * tolerance * rng.uniform(1, 2)
    return float(f"{value + step * rng.choice((-1, 1)):.{max(3, len(repr(value)) - 1)}g}")


def _other_text(value: str, rng: random.Random) -> str:
    places = [place for place, sign in enumerate(value) if sign.isascii() and sign.isalnum()]
    if not places:
        return value + rng.choice(string.ascii_lowercase)
    place = rng.choice(places)
    sign = value[place]
    kind = next(
        kind
        for kind in (string.digits, string.ascii_lowercase, string.ascii_uppercase)
        if sign in kind
    )
    return value[:place] + rng.choice(kind.replace(sign, "")) + value[place + 1 :]
