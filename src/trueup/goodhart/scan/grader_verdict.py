"""How a grader reaches its verdict: what it trusts, what it compares, what passes by default."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from trueup.goodhart.scan.grader_source import (
    Grader,
    Seen,
    is_answer,
    is_expected,
    names_in,
)

__all__ = ["verdict"]

_VERDICT = re.compile(
    r"pass|ok$|success|score|reward|correct|valid|grade|resolved|solved", re.IGNORECASE
)
_GOOD = (1, True, 100, "pass", "passed")
_OUTPUT = re.compile(r"stdout|output|(?:^|_)out$|logs?$|text$|report|result", re.IGNORECASE)
_SAYS_PASSED = re.compile(r"pass|\bok\b|success|all tests|0 failed|correct", re.IGNORECASE)
_REPORTS = re.compile(
    r"(?:reward|results?|scores?|report|junit|verdict|metrics|grade)[\w-]*\.(?:txt|json|xml|csv)$",
    re.IGNORECASE,
)


def verdict(grader: Grader) -> Iterator[Seen]:
    """All of it."""
    for node in grader.nodes:
        if isinstance(node, ast.Compare):
            yield from _exit_code(grader, node)
            yield from _contained(grader, node)
            yield from _arithmetic(grader, node)
            yield from _equality(grader, node)
        elif isinstance(node, ast.Call):
            yield from _calls(grader, node)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            if _is_status(node.operand):
                yield from _trusted(grader, node, "not …returncode")
        elif isinstance(node, ast.ExceptHandler):
            yield from _handler(grader, node)
        elif isinstance(node, ast.If):
            yield from _nothing_to_run(node)
    if grader.processes:
        yield from _reports(grader)


def _is_status(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in ("returncode", "exitcode", "exit_code")


def _exit_code(grader: Grader, node: ast.Compare) -> Iterator[Seen]:
    left, right = node.left, node.comparators[0]
    for one, other in ((left, right), (right, left)):
        status = _is_status(one) or any(
            re.search(r"^(?:ret(?:urn)?_?code|exit_?(?:code|status)|status|rc)$", name)
            for name in names_in(one)
        )
        zero = (
            isinstance(other, ast.Constant) and other.value in (0, "0") and other.value is not False
        )
        if status and zero and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            yield from _trusted(grader, node, "the exit status")
            return
    says = (
        isinstance(left, ast.Constant) and isinstance(left.value, str)
        and _SAYS_PASSED.search(left.value) and isinstance(node.ops[0], ast.In)
    )  # fmt: skip
    of_process = any(_OUTPUT.search(name) for name in names_in(right))
    of_judge = any(re.search(r"judge|reply|completion|llm|verdict", n) for n in names_in(right))
    if says and of_process and not of_judge:
        yield from _trusted(grader, node, "a word in its output")


def _trusted(grader: Grader, node: ast.AST, what: str) -> Iterator[Seen]:
    """An exit status or output that decides, unless it only guards against a broken set-up."""
    starts = bool(grader.processes) or "multiprocessing" in " ".join(grader.imported.values())
    if not starts and not any(
        re.search(r"containers|exec_run|sandbox", name) for name, _ in grader.calls
    ):
        return
    parent = grader.parents.get(node)
    while isinstance(parent, ast.BoolOp | ast.UnaryOp | ast.IfExp | ast.Call):
        parent = grader.parents.get(parent)
    decides = isinstance(parent, (ast.Return, ast.Assign | ast.AnnAssign | ast.keyword | ast.Dict))
    if isinstance(parent, ast.If):
        decides = any(_gives_verdict(one) for one in (*parent.body, *parent.orelse))
    yield Seen("trusts-exit", node, "high" if decides else "medium", what)


def _gives_verdict(node: ast.AST) -> bool:
    if isinstance(node, ast.Return):
        return not any(isinstance(part, ast.Call) for part in ast.walk(node)) or bool(
            any(_VERDICT.search(name) for name in names_in(node))
        )
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(t is not None and any(map(_VERDICT.search, names_in(t))) for t in targets)


def _guarded(grader: Grader, node: ast.AST, subject: ast.AST) -> bool:
    """Whether the function asks beforehand if the answer is empty."""
    names = {part.id for part in ast.walk(subject) if isinstance(part, ast.Name)}
    scope = grader.function_of(node)
    for part in ast.walk(scope):
        tested: ast.AST | None = None
        if isinstance(part, ast.If | ast.IfExp | ast.Assert | ast.While):
            tested = part.test
        elif isinstance(part, ast.BoolOp):
            tested = part.values[0]
        if tested is None or tested is node:
            continue
        bare = [tested, *(tested.values if isinstance(tested, ast.BoolOp) else ())]
        for one in bare:
            inner = one.operand if isinstance(one, ast.UnaryOp) else one
            stripped = _unstripped(inner)
            if isinstance(stripped, ast.Name) and stripped.id in names:
                return True
            if (
                isinstance(inner, ast.Compare)
                and "len" in names_in(inner)
                and names & set(names_in(inner))
            ):
                return True
    return False


def _unstripped(node: ast.AST) -> ast.AST:
    """What `.strip()` or `.lower()` is called on."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.value if node.func.attr in ("strip", "lower") else node
    return node


def _contained(grader: Grader, node: ast.Compare) -> Iterator[Seen]:
    if not isinstance(node.ops[0], ast.In):
        return
    left, right = node.left, node.comparators[0]
    if isinstance(left, ast.Constant) or isinstance(
        right, ast.List | ast.Tuple | ast.Set | ast.Dict
    ):
        return
    if is_answer(left) and is_expected(right) and not is_expected(left):
        if not _guarded(grader, node, left) and not _collection(right):
            yield Seen("empty-passes", node, "high", "the empty text is contained in every text")
    elif is_expected(left) and is_answer(right) and not is_answer(left):
        yield Seen("lists-pass", node, "medium", "an answer that lists everything contains it")


def _collection(node: ast.AST) -> bool:
    """Named or made like a set or list, where `in` compares whole elements."""
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", "") in ("set", "list", "tuple", "frozenset", "dict")
    names = list(names_in(node))
    return bool(names) and bool(re.search(r"(?:_set|_list|s)$", names[0])) and not re.search(
        r"ss$|_text|_str", names[0]
    )  # fmt: skip


def _arithmetic(grader: Grader, node: ast.Compare) -> Iterator[Seen]:
    """A tolerance by arithmetic: on objects it can be defeated, with NaN it may not fail."""
    left = node.left
    inside = left
    while (
        isinstance(inside, ast.Call) and inside.args and not isinstance(inside.args[0], ast.Starred)
    ):
        inside = inside.args[0]
    if isinstance(inside, ast.Call) and isinstance(inside.func, ast.Attribute):
        inside = inside.func.value
        while isinstance(inside, ast.Call):
            inside = inside.args[0] if inside.args else inside.func
            if isinstance(inside, ast.Attribute):
                inside = inside.value
    difference = isinstance(inside, ast.BinOp) and isinstance(inside.op, ast.Sub)
    if not difference or not isinstance(left, ast.Call):
        return
    theirs = is_answer(inside) or is_expected(inside)
    if not theirs:
        return
    if isinstance(node.ops[0], ast.Lt | ast.LtE) and _loaded(grader):
        if not _coerced(grader, node, inside):
            yield Seen(
                "tolerance", node, "medium", "the submission's object decides what - and abs do"
            )
    elif isinstance(node.ops[0], ast.Gt | ast.GtE) and _fails(grader.parents.get(node)):
        yield Seen("nan-passes", node, "medium", "NaN is not greater than anything")


def _loaded(grader: Grader) -> bool:
    return bool(grader.in_process) or any(
        isinstance(n, ast.ImportFrom)
        and re.search(r"submission|solution|candidate", n.module or "")
        for n in grader.nodes
    )


def _coerced(grader: Grader, node: ast.AST, inside: ast.AST) -> bool:
    scope = grader.function_of(node)
    names = set(names_in(inside))
    for part in ast.walk(scope):
        if (
            isinstance(part, ast.Call)
            and getattr(part.func, "id", "")
            in (
                "isinstance",
                "type",
                "float",
                "int",
            )
            and names & set(names_in(part))
        ):
            return True
    return False


def _fails(parent: ast.AST | None) -> bool:
    if not isinstance(parent, ast.If):
        return False
    for one in parent.body:
        if isinstance(one, ast.Raise):
            return True
        value = getattr(one, "value", None)
        if (
            isinstance(one, ast.Return | ast.Assign)
            and isinstance(value, ast.Constant)
            and not value.value
        ):
            return True
    return False


def _equality(grader: Grader, node: ast.Compare) -> Iterator[Seen]:
    if not isinstance(node.ops[0], ast.Eq | ast.NotEq) or not _loaded(grader):
        return
    left, right = node.left, node.comparators[0]
    theirs = left if is_answer(left) else right
    named = (is_answer(left) and is_expected(right)) or (is_expected(left) and is_answer(right))
    called = any(
        isinstance(part, ast.Call) and part in grader.submitted_calls(node)
        for part in ast.walk(node)
    )
    if (named or (called and (is_expected(left) or is_expected(right)))) and not _coerced(
        grader, node, theirs
    ):
        yield Seen("equality", node, "medium", "an object of its own may equal everything")


def _calls(grader: Grader, node: ast.Call) -> Iterator[Seen]:
    name = grader.name(node.func)
    last = name.rsplit(".", 1)[-1]
    if isinstance(node.func, ast.Attribute) and node.args:
        subject, argument = node.func.value, node.args[0]
        if last in ("startswith", "endswith", "find", "count", "index", "issuperset"):
            theirs = is_expected(subject) and is_answer(argument) and not is_answer(subject)
            if theirs and not _guarded(grader, node, argument):
                yield Seen("empty-passes", node, "high", f"{last} of the empty text holds")
        elif last == "issubset" and is_answer(subject) and is_expected(argument):
            if not _guarded(grader, node, subject):
                yield Seen("empty-passes", node, "high", "the empty set is a subset")
        elif last == "get" and len(node.args) == 2:
            yield from _default(node, argument, node.args[1])
    if name in ("re.search", "re.match", "re.fullmatch", "re.findall") and len(node.args) >= 2:
        pattern, searched = node.args[:2]
        if is_answer(pattern) and is_expected(searched) and not isinstance(pattern, ast.Constant):
            yield Seen("empty-passes", node, "high", "the answer is the pattern: .* matches")
    if name == "all" and node.args:
        yield from _all(grader, node)
    if any(k.arg == "equal_nan" and getattr(k.value, "value", None) is True for k in node.keywords):
        yield Seen("nan-passes", node, "medium", "equal_nan")
    if name == "getattr" and len(node.args) == 3:
        yield from _default(node, node.args[1], node.args[2])


def _default(node: ast.Call, key: ast.AST, value: ast.AST) -> Iterator[Seen]:
    named = (
        isinstance(key, ast.Constant) and isinstance(key.value, str) and _VERDICT.search(key.value)
    )
    if named and isinstance(value, ast.Constant) and value.value in _GOOD:
        yield Seen("starts-passing", node, "high", "a verdict that is missing counts as a pass")


def _all(grader: Grader, node: ast.Call) -> Iterator[Seen]:
    """all() over nothing is True."""
    inside = node.args[0]
    if isinstance(inside, ast.GeneratorExp | ast.ListComp):
        source = inside.generators[0].iter
        if isinstance(source, ast.Call) and grader.name(source.func) == "zip":
            strict = any(k.arg == "strict" for k in source.keywords)
            theirs = [one for one in source.args if is_answer(one) and not is_expected(one)]
            if theirs and not strict and not _guarded(grader, node, theirs[0]):
                yield Seen("empty-passes", node, "high", "zip stops at the shorter one")
            return
        if is_answer(source) and not is_expected(source) and not _guarded(grader, node, source):
            yield Seen("empty-passes", node, "high", "all() over nothing is true")
            return
    else:
        source = inside
    verdicts = re.search(r"result|passed|check|outcome|test|case", " ".join(names_in(source)))
    if verdicts and not _guarded(grader, node, source):
        yield Seen("empty-passes", node, "low", "all() over no tests is true")


def _handler(grader: Grader, node: ast.ExceptHandler) -> Iterator[Seen]:
    wide = node.type is None or any(
        n in ("Exception", "BaseException") for n in names_in(node.type)
    )
    for one in node.body:
        value = getattr(one, "value", None)
        says = isinstance(one, ast.Return) or (isinstance(one, ast.Assign) and _gives_verdict(one))
        if says and isinstance(value, ast.Constant) and value.value in _GOOD:
            yield Seen("errors-pass", one, "high")
        elif isinstance(one, ast.Pass | ast.Continue) and wide and len(node.body) == 1:
            yield from _swallowed(grader, node, one)


def _swallowed(grader: Grader, node: ast.ExceptHandler, one: ast.AST) -> Iterator[Seen]:
    """An error that is passed over, where the verdict began as a pass or only counts failures."""
    scope = grader.function_of(node)
    for part in ast.walk(scope):
        if isinstance(part, ast.Assign) and isinstance(part.value, ast.Constant):
            starts = part.value.value in (1, 1.0, True) and _gives_verdict(part)
            if starts and part.lineno < node.lineno:
                yield Seen("errors-pass", node, "high", "and the verdict began as a pass")
                return
    if isinstance(one, ast.Continue):
        yield Seen("errors-pass", node, "medium", "a case that raises is left out")


def _nothing_to_run(node: ast.If) -> Iterator[Seen]:
    """`if not tests: return 1`."""
    test = node.test
    empty = (
        isinstance(test, ast.UnaryOp)
        and isinstance(test.op, ast.Not)
        and isinstance(test.operand, ast.Name | ast.Attribute | ast.Subscript)
    )  # `not f(x)` asks something else: whether it is of a type, matches, exists
    if isinstance(test, ast.Compare) and "len" in names_in(test):
        empty = isinstance(test.ops[0], ast.Eq) and getattr(test.comparators[0], "value", None) == 0
    if not empty:
        return
    for one in node.body:
        value = getattr(one, "value", None)
        good = isinstance(value, ast.Constant) and value.value in _GOOD
        if isinstance(one, ast.Return) and good:
            yield Seen("empty-passes", node, "high", "nothing to check counts as a pass")


def _reports(grader: Grader) -> Iterator[Seen]:
    """The verdict is read from a file that the submission's process can write."""
    for name, call in grader.calls:
        last = name.rsplit(".", 1)[-1]
        strings = [
            part.value for part in ast.walk(call)
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        ]  # fmt: skip
        named = any(_REPORTS.search(text) for text in strings)
        mode = next((a.value for a in call.args[1:2] if isinstance(a, ast.Constant)), "r")
        reads = last in ("read_text", "read_bytes", "parse", "loads", "load") or (
            name in ("open", "io.open") and str(mode).startswith("r")
        )
        inner = isinstance(outer := grader.parents.get(call), ast.Call) and grader.name(
            outer.func
        ).endswith(("load", "loads", "parse"))
        if named and reads and not inner:
            yield Seen("reads-report", call, "high" if "junit" in " ".join(strings) else "medium")
        if last == "chmod" and any(getattr(a, "value", None) in (0o777, 0o666) for a in call.args):
            yield Seen("reads-report", call, "medium", "everybody may write it")
