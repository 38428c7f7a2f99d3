"""Answers that depend on which call it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from trueup.goodhart.scan.python.names import parameters
from trueup.goodhart.scan.python.source import Source
from trueup.goodhart.scan.python.truth import constant, returned
from trueup.goodhart.scan.result import Finding, Rule

__all__ = ["RULES", "find"]

RULES = (
    Rule(
        "nth-call",
        "code",
        ("nth-call",),
        "A function counts its calls and does something else after a number of them.",
        "See what changes: a warm-up or a retry is honest, another answer is not.",
    ),
)

_FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def find(source: Source) -> Iterator[Finding]:
    if source.place != "submission":
        return
    for kind in (ast.FunctionDef, ast.AsyncFunctionDef):
        for node in source.by_type.get(kind, ()):
            assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            yield from _counts(source, node)


def _counts(source: Source, node: _FunctionNode) -> Iterator[Finding]:
    """A lasting counter that goes up in the function and is compared in it."""
    for value in returned(node):
        if value is not None and _next_of_list(source, node, value):
            yield source.finding("nth-call", value, "high", "the next of a list of answers")
            return
    lasting = _lasting(node)
    counters: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.AugAssign) and isinstance(one.op, (ast.Add, ast.Sub)):
            key = _key(one.target)
            if key and (key in lasting or "." in key or "[" in key):
                counters.add(key)
        elif isinstance(one, ast.Assign) and len(one.targets) == 1:
            key = _key(one.targets[0])
            named = key and (key in lasting or "." in key or "[" in key)
            if named and isinstance(one.value, ast.BinOp) and _read(one.value.left) == key:
                counters.add(str(key))
    counters |= _from_count(source, node)
    own = {name for name in counters if not _of_local_loop(node, name)}
    for one in ast.walk(node):
        if isinstance(one, (ast.If, ast.IfExp, ast.While)) and own & set(_keys(one.test)):
            if isinstance(one, ast.While) or not _decides(one):
                continue
            yield source.finding(
                "nth-call", one.test, "high" if _is_global(own, one.test, lasting) else "medium"
            )
            return


def _next_of_list(source: Source, node: _FunctionNode, value: ast.expr) -> bool:
    """`return next(answers)` and `return answers.pop(0)` with a list written out outside."""
    for one in ast.walk(value):
        if not isinstance(one, ast.Call):
            continue
        held: ast.expr | None = None
        if source.names.resolve(one.func) == "builtins.next" and one.args:
            held = one.args[0]
        elif isinstance(one.func, ast.Attribute) and one.func.attr in {
            "pop",
            "popleft",
            "__next__",
        }:
            held = one.func.value
        if not isinstance(held, ast.Name):
            continue
        for bound in source.names.bindings(held):
            outside = isinstance(bound, ast.expr) and not any(
                up is node for up in source.above(bound)
            )
            if outside and any(isinstance(part, ast.Constant) for part in ast.walk(bound)):  # type: ignore[arg-type]
                return True
    return False


def _lasting(node: _FunctionNode) -> set[str]:
    """Names that outlive the call: global, nonlocal, and parameters with a mutable default."""
    names = {
        name
        for one in ast.walk(node)
        if isinstance(one, (ast.Global, ast.Nonlocal))
        for name in one.names
    }
    defaults = zip(node.args.args[::-1], node.args.defaults[::-1], strict=False)
    names |= {arg.arg for arg, value in defaults if isinstance(value, (ast.List, ast.Dict))}
    return names


def _key(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        place = constant(node.slice)
        return None if place is ... else f"{node.value.id}[{place!r}"
    return None


def _read(node: ast.AST) -> str | None:
    """The counter that is read: by its name, or as `getattr(solve, "n", 0)` or `d.get("n", 0)`."""
    if not isinstance(node, ast.Call):
        return _key(node)
    if getattr(node.func, "id", "") == "getattr" and len(node.args) > 1:
        owner, name = node.args[0], constant(node.args[1])
        return f"{owner.id}.{name}" if isinstance(owner, ast.Name) else None
    if isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        owner, name = node.func.value, constant(node.args[0])
        return f"{owner.id}[{name!r}" if isinstance(owner, ast.Name) else None
    return None


def _keys(node: ast.AST) -> Iterator[str]:
    for one in ast.walk(node):
        key = _key(one)
        if key:
            yield key
        if isinstance(one, ast.Call):
            yield f"call:{_key(one.func)}"


def _of_local_loop(node: _FunctionNode, key: str) -> bool:
    """`self.i` of an object and `d["n"]` of a local are no counters of calls."""
    head = key.partition("[")[0].partition(".")[0]
    if head in {"self", "cls"} and node.name != "__call__":
        return True
    assigned = {
        target.id
        for one in ast.walk(node)
        if isinstance(one, ast.Assign)
        for target in one.targets
        if isinstance(target, ast.Name)
    }
    return "[" in key and head in assigned


def _from_count(source: Source, node: _FunctionNode) -> set[str]:
    """`n = next(counter)` where `counter = itertools.count()` outside, and `len(calls)`."""
    found: set[str] = set()
    for one in ast.walk(node):
        if not isinstance(one, ast.Call) or not one.args or not isinstance(one.args[0], ast.Name):
            continue
        inside = any(up is node for up in _bound_in(source, one.args[0]))
        if source.names.resolve(one.func) == "builtins.next" and not inside:
            above = source.parents.get(one)
            if isinstance(above, ast.Assign) and isinstance(above.targets[0], ast.Name):
                found.add(above.targets[0].id)
            elif isinstance(above, ast.NamedExpr):
                found.add(above.target.id)
            elif isinstance(above, ast.Compare):
                found.add("call:next")
        elif (
            source.names.resolve(one.func) == "builtins.len"
            and not inside
            and _appended(node, one.args[0].id)
        ):
            found.add(one.args[0].id)
    return found


def _bound_in(source: Source, node: ast.Name) -> Iterator[ast.AST]:
    for bound in source.names.bindings(node):
        if isinstance(bound, ast.expr):
            outlives = isinstance(source.parents.get(bound), ast.arguments)  # as defaults do
            if not outlives:
                yield from source.above(bound)
        else:
            function = source.function(node)
            if function is not None and node.id in parameters(function):
                defaults = {
                    a.arg
                    for a in function.args.args[
                        len(function.args.args) - len(function.args.defaults) :
                    ]
                }
                if node.id not in defaults:
                    yield function


def _appended(node: ast.AST, name: str) -> bool:
    return any(
        isinstance(one, ast.Call)
        and isinstance(one.func, ast.Attribute)
        and one.func.attr == "append"
        and isinstance(one.func.value, ast.Name)
        and one.func.value.id == name
        for one in ast.walk(node)
    )


def _decides(node: ast.If | ast.IfExp | ast.While) -> bool:
    """Whether the branch returns, raises or exits, so that the answer changes."""
    if isinstance(node, ast.IfExp):
        return True
    if isinstance(node, ast.While):
        return False
    return any(
        isinstance(one, (ast.Return, ast.Raise, ast.Assign, ast.Call))
        for part in [*node.body, *node.orelse]
        for one in ast.walk(part)
    )


def _is_global(own: set[str], test: ast.AST, lasting: set[str]) -> bool:
    hit = own & set(_keys(test))
    return bool(hit & lasting) or any(
        "." in key or "[" in key or key.startswith("call:") for key in hit
    )
