"""How one assertion became another: as strong, weaker, or empty."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from trueup.goodhart.scan.patches.suites import Assertion, dump
from trueup.goodhart.scan.result import Confidence

__all__ = ["Weakening", "weakening"]


@dataclass(frozen=True, slots=True)
class Weakening:
    rule: str
    confidence: Confidence
    detail: str


_TOLERANCES = {
    "rel": 1e-6,
    "abs": 1e-12,
    "rtol": 1e-5,
    "atol": 1e-8,
    "rel_tol": 1e-9,
    "abs_tol": 0.0,
    "delta": 0.0,
}
_STRONG = frozenset(
    {"assertEqual", "assertEquals", "assertListEqual", "assertDictEqual", "assertSequenceEqual"}
    | {
        "assertCountEqual",
        "assertIs",
        "assertTupleEqual",
        "assertSetEqual",
        "assert_equal",
        "assert_array_equal",
    }
    | {
        "assertMultiLineEqual",
        "assert_called_once_with",
        "assert_called_with",
        "assertFalse",
        "assertIsNone",
    }
)
_EMPTY = frozenset(
    {
        "assertTrue",
        "assertIsNotNone",
        "assertIsInstance",
        "assert_called",
        "assertIn",
        "assertGreater",
    }
    | {
        "assertNotEqual",
        "assertLess",
        "assertGreaterEqual",
        "assertLessEqual",
        "assertRegex",
        "assertIsNot",
        "assert_called_once",
    }
)
_BROAD = frozenset({"Exception", "BaseException"})


def weakening(before: Assertion, after: Assertion) -> Weakening | None:
    """What was lost; None when nothing was, as far as it shows."""
    if after.vacuous and not before.vacuous:
        return Weakening("vacuous-assert", "high", "it is true whatever happens")
    node = after.node
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        parts = [dump(one) for one in node.values]
        if before.key in parts:
            return Weakening("weakened-assert", "high", "another way to be true was added")
    junction = before.node
    if isinstance(junction, ast.BoolOp) and isinstance(junction.op, ast.And):
        kept = after.key in [dump(one) for one in junction.values]
        if kept:
            return Weakening("weakened-assert", "medium", "a condition was dropped")
    raised = _raises(before, after)
    if raised:
        return raised
    tolerance = _tolerance(before, after)
    if tolerance:
        return tolerance
    if before.left == after.left or _reads(after, before.left):
        return _same_subject(before, after)
    return None


def _raises(before: Assertion, after: Assertion) -> Weakening | None:
    kinds = {"raises", "assertRaises", "assertRaisesRegex", "warns"}
    if before.kind not in kinds or after.kind not in kinds:
        return None
    broad = _first_name(after) in _BROAD and _first_name(before) not in _BROAD
    if broad:
        return Weakening("weakened-assert", "high", "any exception will do now")
    dropped = len(_words(before)) > len(_words(after)) and before.left == after.left
    return (
        Weakening("weakened-assert", "medium", "the message is no longer checked")
        if dropped
        else None
    )


def _first_name(one: Assertion) -> str:
    call = one.node
    first = call.args[0] if isinstance(call, ast.Call) and call.args else None
    return first.id if isinstance(first, ast.Name) else ""


def _words(one: Assertion) -> list[str]:
    call = one.node
    if not isinstance(call, ast.Call):
        return []
    return [word.arg or "" for word in call.keywords] + ["" for _ in call.args[1:]]


def _equality(one: Assertion) -> bool:
    node = one.node
    compares = isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Eq, ast.Is))
    return compares or one.kind in _STRONG


def _same_subject(before: Assertion, after: Assertion) -> Weakening | None:
    if not _equality(before):
        if (
            isinstance(before.node, ast.Compare)
            and not isinstance(after.node, ast.Compare)
            and after.kind == "assert"
        ):
            return Weakening("weakened-assert", "medium", "the comparison was dropped")
        return None
    if _equality(after):
        if before.right is None or after.right is None or dump(before.right) == dump(after.right):
            return None
        if _is_literal(before.right) and _is_literal(after.right):
            return Weakening("changed-expected", "medium", "another value is expected now")
        if before.left == dump(after.right):
            return Weakening("vacuous-assert", "high", "it is compared with itself")
        return None
    node = after.node
    if isinstance(node, ast.Compare):
        operator = type(node.ops[0]).__name__
        what = {"In": "only membership is checked", "IsNot": "only presence is checked"}.get(
            operator, "equality was given up"
        )
        return Weakening("weakened-assert", "medium" if operator == "In" else "high", what)
    if after.kind in _EMPTY or after.kind == "assert":
        weak = after.kind in {"assertIn", "assertRegex"}
        return Weakening(
            "weakened-assert",
            "medium" if weak else "high",
            "the expected value is no longer checked",
        )
    return None


def _is_literal(node: ast.expr) -> bool:
    return all(
        isinstance(
            one,
            (
                ast.Constant,
                ast.List,
                ast.Tuple,
                ast.Dict,
                ast.Set,
                ast.UnaryOp,
                ast.USub,
                ast.Load,
                ast.Call,
                ast.Name,
            ),
        )
        for one in ast.walk(node)
    ) and any(
        isinstance(one, (ast.Constant, ast.List, ast.Dict, ast.Tuple)) for one in ast.walk(node)
    )


def _reads(after: Assertion, subject: str) -> bool:
    """Whether the new assertion still speaks of the old one's subject."""
    return any(dump(one) == subject for one in ast.walk(after.node) if isinstance(one, ast.expr))


def _tolerance(before: Assertion, after: Assertion) -> Weakening | None:
    old, new = _allowed(before), _allowed(after)
    if new is None:
        return None
    if old is None:
        if not _equality(before):
            return None
        wide = new >= 0.05
        return Weakening("weakened-assert", "high" if wide else "medium", f"a tolerance of {new:g}")
    if new > old * 1.0001:
        return Weakening(
            "weakened-assert",
            "high" if new >= old * 9.99 else "medium",
            f"the tolerance grew from {old:g} to {new:g}",
        )
    return None


def _allowed(one: Assertion) -> float | None:
    """The tolerance of an approximate comparison; None for an exact one."""
    largest: float | None = None
    for node in ast.walk(one.node):
        if not isinstance(node, ast.Call):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Lt, ast.LtE)):
                left, right = node.left, node.comparators[0]
                difference = isinstance(left, ast.Call) and getattr(left.func, "id", "") == "abs"
                if (
                    difference
                    and isinstance(right, ast.Constant)
                    and isinstance(right.value, (int, float))
                ):
                    largest = max(largest or 0.0, float(right.value))
            continue
        name = (
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        )
        if name not in {
            "approx",
            "isclose",
            "allclose",
            "assert_allclose",
            "assert_close",
            "assertAlmostEqual",
            "assert_almost_equal",
            "assert_array_almost_equal",
        }:
            continue
        found = _given(name, node)
        largest = max(largest or 0.0, found)
    return largest


def _given(name: str, call: ast.Call) -> float:
    values: list[float] = []
    for word in call.keywords:
        number = word.value.value if isinstance(word.value, ast.Constant) else None
        if isinstance(number, (int, float)):
            if word.arg in {"places", "decimal"}:
                values.append(10.0 ** -min(30, number))
            elif word.arg in _TOLERANCES:
                values.append(float(number))
    place = 2 if name.startswith("assert") else 1
    for positional in call.args[place : place + 1]:
        if (
            isinstance(positional, ast.Constant)
            and isinstance(positional.value, (int, float))
            and name != "approx"
        ):
            value = float(positional.value)
            values.append(10.0 ** -min(30, value) if "lmost" in name else value)
        elif isinstance(positional, ast.Constant) and isinstance(positional.value, (int, float)):
            values.append(float(positional.value))
    if values:
        return max(values)
    return 1e-7 if "lmost" in name else 1e-6
