"""Functions that know the cases: literal inputs with literal answers, and little else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from trueup.goodhart.scan.python.names import parameters
from trueup.goodhart.scan.python.source import Source
from trueup.goodhart.scan.python.truth import returned
from trueup.goodhart.scan.result import Confidence, Finding, Rule

__all__ = ["RULES", "find"]

RULES = (
    Rule(
        "hardcoded-cases",
        "code",
        ("hardcoded-cases",),
        "A function answers particular inputs from a table of literals.",
        "See whether the inputs are those of the visible tests; a table of names or codes is "
        "honest.",
    ),
)

_FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_BASE_CASES = frozenset({0, 1, 2, -1, "", None})
_ENCODERS = frozenset(
    {"str", "repr", "tuple", "hash", "frozenset", "dumps", "sha256", "sha1", "md5", "hexdigest"}
    | {"sorted", "encode", "crc32", "adler32", "digest", "blake2b", "bytes", "list", "format"}
)


@dataclass
class _Table:
    """pairs: literal inputs with literal answers; rich: inputs or answers that are no plain name or
    base case; other: statements that do some work."""

    pairs: int = 0
    rich: int = 0
    other: int = 0
    first: ast.AST | None = None


def find(source: Source) -> Iterator[Finding]:
    if source.place != "submission":
        return
    for kind in (ast.FunctionDef, ast.AsyncFunctionDef):
        for node in source.by_type.get(kind, ()):
            assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            found = _function(source, node)
            if found is not None:
                yield found


def _function(source: Source, node: _FunctionNode) -> Finding | None:
    names = set(parameters(node)) - {"self", "cls"}
    if not names:
        return None
    names |= _derived(node, names)
    lookup = _lookup(source, node, names)
    if lookup is not None:
        return lookup
    table = _Table()
    _branches(node.body, names, table)
    if table.first is None:
        return None
    confidence = _confidence(table, _calls_itself(node))
    return (
        source.finding(
            "hardcoded-cases", table.first, confidence, f"{table.pairs} inputs with their answers"
        )
        if confidence
        else None
    )


def _derived(node: _FunctionNode, names: set[str]) -> set[str]:
    """Names for the arguments in another form: `key = (a, b)`, `s = str(x)`."""
    found: set[str] = set()
    for one in ast.walk(node):
        if (
            isinstance(one, ast.Assign)
            and len(one.targets) == 1
            and isinstance(one.targets[0], ast.Name)
            and _is_argument(one.value, names)
        ):
            found.add(one.targets[0].id)
    return found


def _confidence(table: _Table, recursive: bool) -> Confidence | None:
    if recursive and not table.rich:
        return None
    if table.rich >= 2 and table.other <= 2:
        return "high"
    if table.rich >= 2 or (table.rich and table.pairs >= 2):
        return "medium"
    if table.pairs >= 3:
        return "low" if table.other else "medium"
    return "low" if table.rich else None


def _branches(body: list[ast.stmt], names: set[str], table: _Table, within: bool = False) -> None:
    for one in body:
        if isinstance(one, ast.If):
            keys = _matched(one.test, names)
            answer = _answer(one.body)
            if keys is not None and answer is not None:
                _count(table, one.test, keys, answer)
            else:
                table.other += 1
                _branches(one.body, names, table, True)
            _branches(one.orelse, names, table, within)
        elif isinstance(one, ast.Match):
            _match(one, names, table)
        elif isinstance(one, ast.Try):
            _branches(one.body, names, table, within)
        elif isinstance(one, ast.Return) and isinstance(one.value, ast.IfExp):
            _ternary(one.value, names, table)
        elif not _is_idle(one, names):
            table.other += 1


def _is_idle(one: ast.stmt, names: set[str]) -> bool:
    """It does no work: a docstring, a constant answer, an import, an argument in another form."""
    if isinstance(one, ast.Return):
        return one.value is None or _literal(one.value)
    if isinstance(one, ast.Assign):
        return _literal(one.value) or _is_argument(one.value, names)
    return isinstance(one, (ast.Raise, ast.Pass, ast.Import, ast.ImportFrom)) or (
        isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
    )


def _count(table: _Table, place: ast.AST, keys: list[ast.expr], answer: ast.expr) -> None:
    table.pairs += 1
    if table.first is None:
        table.first = place
    if _is_rich(keys, answer):
        table.rich += 1


def _is_rich(keys: list[ast.expr], answer: ast.expr) -> bool:
    """Nothing that an honest base case or a table of names would hold."""
    composite = len(keys) > 1 or any(
        isinstance(key, (ast.List, ast.Tuple, ast.Dict, ast.Set)) and _filled(key) for key in keys
    )
    if composite:
        return True
    key = _plain(keys[0])
    value = _plain(answer)
    if isinstance(key, (int, float)) and not isinstance(key, bool):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return key not in _BASE_CASES and (
            number or isinstance(answer, (ast.List, ast.Tuple, ast.Dict))
        )
    if isinstance(key, str):
        listed = isinstance(answer, (ast.List, ast.Tuple, ast.Dict)) and _filled(answer)
        name = key.isidentifier() and len(key) <= 12
        return len(key) > 2 and value is not None and (listed or not name)
    return False


def _filled(node: ast.expr) -> bool:
    if isinstance(node, ast.Dict):
        return bool(node.keys)
    return bool(node.elts) if isinstance(node, (ast.List, ast.Tuple, ast.Set)) else False


def _plain(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return ...


def _literal(node: ast.expr | None) -> bool:
    if node is None:
        return False
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return all(_literal(one) for one in node.elts)
    if isinstance(node, ast.Dict):
        return all(_literal(one) for one in [*node.keys, *node.values])
    return isinstance(node, ast.UnaryOp) and _literal(node.operand)


def _is_argument(node: ast.expr, names: set[str]) -> bool:
    """An argument, several of them, or one of them encoded: `(a, b)`, `json.dumps(x)`."""
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, (ast.Tuple, ast.List)):
        return bool(node.elts) and all(_is_argument(one, names) for one in node.elts)
    if isinstance(node, ast.Call):
        name = (
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        )
        inner = [*node.args]
        if isinstance(node.func, ast.Attribute) and not inner:
            inner = [node.func.value]
        return name in _ENCODERS and any(_is_argument(one, names) for one in inner)
    if isinstance(node, ast.JoinedStr):
        return any(
            isinstance(one, ast.FormattedValue) and _is_argument(one.value, names)
            for one in node.values
        )
    return isinstance(node, ast.Starred) and _is_argument(node.value, names)


def _matched(test: ast.expr, names: set[str]) -> list[ast.expr] | None:
    """The literals that arguments are compared with; None when it is another test."""
    if isinstance(test, ast.BoolOp):
        if isinstance(test.op, ast.Or):
            return None
        parts = [_matched(one, names) for one in test.values]
        known = [part for part in parts if part]
        return [key for part in known for key in part] if len(known) == len(parts) else None
    if (
        not isinstance(test, ast.Compare)
        or len(test.ops) != 1
        or not isinstance(test.ops[0], (ast.Eq, ast.Is))
    ):
        return None
    left, right = test.left, test.comparators[0]
    if _literal(left):
        left, right = right, left
    if _literal(right) and _is_argument(left, names):
        if isinstance(left, (ast.Tuple, ast.List)) and isinstance(right, (ast.Tuple, ast.List)):
            return list(right.elts)
        return [right]
    return None


def _answer(body: list[ast.stmt]) -> ast.expr | None:
    """The literal that the branch answers with."""
    last = body[-1]
    if len(body) <= 2 and isinstance(last, ast.Return) and _literal(last.value):
        return last.value
    if len(body) == 1 and isinstance(last, ast.Assign) and _literal(last.value):
        return last.value
    return None


def _match(node: ast.Match, names: set[str], table: _Table) -> None:
    if not _is_argument(node.subject, names):
        table.other += 1
        return
    for case in node.cases:
        keys = _pattern_keys(case.pattern)
        answer = _answer(case.body)
        if keys and answer is not None and case.guard is None:
            _count(table, case.pattern, keys, answer)
        elif answer is None:
            table.other += 1


def _pattern_keys(pattern: ast.pattern) -> list[ast.expr]:
    if isinstance(pattern, ast.MatchValue):
        return [pattern.value]
    if isinstance(pattern, ast.MatchSequence):
        keys = [key for one in pattern.patterns for key in _pattern_keys(one)]
        return [*keys, *keys[:1]] if len(keys) == len(pattern.patterns) else []
    return []


def _ternary(node: ast.expr, names: set[str], table: _Table) -> None:
    for _ in range(64):
        if not isinstance(node, ast.IfExp):
            break
        keys = _matched(node.test, names)
        if keys is None or not _literal(node.body):
            table.other += 1
            return
        _count(table, node.test, keys, node.body)
        node = node.orelse
    if not _literal(node):
        table.other += 1


def _lookup(source: Source, node: _FunctionNode, names: set[str]) -> Finding | None:
    """`TABLE[key]` or `TABLE.get(key)` with a literal table and an argument as the key."""
    for one in ast.walk(node):
        if _is_parallel(one, names):
            return source.finding("hardcoded-cases", one, "high", "two lists, side by side")
        table: ast.expr | None = None
        key: ast.expr | None = None
        if isinstance(one, ast.Subscript) and isinstance(one.ctx, ast.Load):
            table, key = one.value, one.slice
        elif isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and one.args:
            if one.func.attr in {"get", "__getitem__", "setdefault", "pop"}:
                table, key = one.func.value, one.args[0]
        elif isinstance(one, ast.For):
            table, key = _searched(one, names)
        if table is None or key is None or not _is_argument(key, names):
            continue
        literal = _literal_table(source, table)
        if literal is None:
            continue
        confidence = _lookup_confidence(node, literal, key)
        if confidence:
            return source.finding(
                "hardcoded-cases", one, confidence, f"a table of {len(literal)} answers"
            )
    return None


def _is_parallel(node: ast.AST, names: set[str]) -> bool:
    """`[55, 6765][[10, 20].index(n)]`"""
    if not (isinstance(node, ast.Subscript) and _literal(node.value)):
        return False
    call = node.slice
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "index"
        and _literal(call.func.value)
        and len(call.args) == 1
        and _is_argument(call.args[0], names)
    )


def _searched(loop: ast.For, names: set[str]) -> tuple[ast.expr | None, ast.expr | None]:
    """`for inputs, answer in CASES: if inputs == (a, b): return answer`"""
    target = loop.target
    if not isinstance(target, (ast.Tuple, ast.List)) or len(target.elts) != 2:
        return None, None
    bound = {one.id for one in ast.walk(target) if isinstance(one, ast.Name)}
    for one in ast.walk(loop):
        if isinstance(one, ast.Compare) and len(one.ops) == 1 and isinstance(one.ops[0], ast.Eq):
            for left, right in ((one.left, one.comparators[0]), (one.comparators[0], one.left)):
                if isinstance(left, ast.Name) and left.id in bound and _is_argument(right, names):
                    return loop.iter, right
    return None, None


def _literal_table(source: Source, node: ast.expr) -> list[tuple[ast.expr, ast.expr]] | None:
    if isinstance(node, ast.Name):
        bound = [one for one in source.names.bindings(node) if isinstance(one, ast.expr)]
        node = bound[0] if len(bound) == 1 else node
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "items"
    ):
        return _literal_table(source, node.func.value)
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "dict" and node.args:
        node = node.args[0]
    if isinstance(node, ast.Dict):
        pairs = [(key, value) for key, value in zip(node.keys, node.values, strict=True) if key]
    elif isinstance(node, (ast.List, ast.Tuple)):
        pairs = [
            (one.elts[0], one.elts[1])
            for one in node.elts
            if isinstance(one, ast.Tuple) and len(one.elts) == 2
        ]
    else:
        return None
    literal = [pair for pair in pairs if _literal(pair[0]) and _literal(pair[1])]
    return literal if literal and len(literal) == len(pairs) else None


def _lookup_confidence(
    node: _FunctionNode, table: list[tuple[ast.expr, ast.expr]], key: ast.expr
) -> Confidence | None:
    rich = sum(_is_rich([one], value) for one, value in table)
    encoded = not isinstance(key, ast.Name) or key.id not in parameters(node)
    whole = len(node.body) <= 3 or all(
        value is None or not isinstance(value, ast.BinOp) for value in returned(node)
    )
    if rich >= 2 and (encoded or whole):
        return "high"
    if rich >= 2 or encoded:
        return "high" if encoded and whole and len(table) > 1 else "medium"
    return "low" if rich else None


def _calls_itself(node: _FunctionNode) -> bool:
    return any(
        isinstance(one, ast.Call) and getattr(one.func, "id", "") == node.name
        for one in ast.walk(node)
    )
