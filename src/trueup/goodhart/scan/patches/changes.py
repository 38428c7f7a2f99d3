"""What a change did to the tests: deleted, weakened, skipped, cut short.

Honest work moves, renames, splits and rewrites tests. What was taken away in one place is looked
for in all the others before it counts as gone.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from trueup.goodhart.scan.patches.lines import Statement
from trueup.goodhart.scan.patches.standing import module_marks
from trueup.goodhart.scan.patches.suites import Assertion, Suite, Unit, cases, dump
from trueup.goodhart.scan.patches.weakening import Weakening, weakening
from trueup.goodhart.scan.python.truth import always
from trueup.goodhart.scan.result import Confidence

__all__ = ["Change", "Context", "suite_changes"]


_SKIPS = ("mark.skip", "mark.xfail", "unittest.skip", "expectedFailure", "skip")
_CONDITIONAL = ("skipif", "skipIf", "skipUnless")
_BROAD = frozenset({"Exception", "BaseException", "AssertionError", ""})


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a change did. side: "old" when it shows in what went, "new" in what came.
    line, end: lines of that side, from 1."""

    rule: str
    side: str
    line: int
    end: int
    text: str
    confidence: Confidence
    detail: str = ""


@dataclass
class Context:
    """The rest of the change. asserts: keys of the assertions that came, anywhere. tests: names of
    the tests that came. source_changed: whether code that is no test was changed; removed: names
    of functions and classes of the code that went."""

    asserts: Counter[str] = field(default_factory=Counter)
    tests: set[str] = field(default_factory=set)
    source_changed: bool = False
    removed: set[str] = field(default_factory=set)


def suite_changes(before: Suite, after: Suite, context: Context) -> list[Change]:
    """All that the change of one test file took away, in no order."""
    return [
        *_gone(before, after, context),
        *(change for pair in _pairs(before, after) for change in _unit(*pair, after, context)),
        *_lists(before, after),
        *_modules(before, after),
    ]


def _pairs(before: Suite, after: Suite) -> Iterator[tuple[Unit, Unit]]:
    """Units that stay, under their own or another name."""
    for name, unit in before.units.items():
        twin = after.units.get(name)
        if twin is not None:
            yield unit, twin
    for name, unit in after.units.items():
        if name not in before.units:
            yield Unit(name, unit.line), unit


def _gone(before: Suite, after: Suite, context: Context) -> Iterator[Change]:
    for name, unit in before.tests.items():
        if not unit.shown or name in after.units:
            continue
        disabled = _disabled(unit, after)
        if disabled is not None:
            yield Change(
                "skipped-test",
                "new",
                disabled.line,
                disabled.line,
                f"def {disabled.bare}",
                "high",
                f"{unit.bare} is no longer collected",
            )
            continue
        if _elsewhere(unit, after, context):
            continue
        commented = any(f"def {unit.bare}" in one for one in after.comments)
        feature = any(one and one in unit.bare for one in context.removed) or any(
            one in dump_body(unit) for one in context.removed
        )
        replaced = any(
            other.shown and other.name not in before.units for other in after.tests.values()
        )
        confidence: Confidence = "low" if feature else "medium" if replaced else "high"
        detail = (
            "it was commented out"
            if commented
            else "the code it names went as well"
            if feature
            else ""
        )
        last = max([unit.line, *(one.end for one in unit.body)])
        yield Change("deleted-test", "old", unit.line, last, f"def {unit.bare}", confidence, detail)


def dump_body(unit: Unit) -> str:
    return "\n".join(one.text for one in unit.body)


def _disabled(unit: Unit, after: Suite) -> Unit | None:
    """The same function under a name that is not collected."""
    for other in after.units.values():
        hidden = (
            other.bare != unit.bare
            and not other.is_test
            and other.bare.strip("_x").endswith(unit.bare.strip("_"))
        )
        if hidden and other.shown:
            return other
    return None


def _elsewhere(unit: Unit, after: Suite, context: Context) -> bool:
    """Whether it was moved or renamed: its name came elsewhere, or half of its assertions did."""
    if unit.bare in context.tests:
        return True
    if not unit.asserts:
        mine = [one.text.strip() for one in unit.body]
        return bool(mine) and any(
            SequenceMatcher(None, mine, [one.text.strip() for one in other.body]).ratio() > 0.7
            for other in after.tests.values()
        )
    kept = sum(context.asserts[one.key] > 0 for one in unit.asserts)
    return kept * 2 >= len(unit.asserts)


def _unit(before: Unit, after: Unit, suite: Suite, context: Context) -> Iterator[Change]:
    new = not before.shown and not before.body and not before.asserts
    yield from _marks(before, after, new)
    yield from _flow(before, after)
    lost = list((_counted(before.asserts) - _counted(after.asserts)).elements())
    gained = list((_counted(after.asserts) - _counted(before.asserts)).elements())
    old = {one.key: one for one in before.asserts}
    fresh = {one.key: one for one in after.asserts}
    gone = [old[key] for key in lost]
    came = [fresh[key] for key in gained]
    used: set[str] = set()
    for one in gone:
        match = _partner(one, [other for other in came if other.key not in used])
        if match is None:
            continue
        used.add(match.key)
        found = weakening(one, match)
        if found and not _quiet(found, context):
            yield _changed(found, match)
    paired = {id(one) for one in gone if _partner(one, came) is not None}
    unpaired = [one for one in gone if id(one) not in paired and not context.asserts[one.key]]
    extra = len(came) - len(used)
    yield from _dropped(unpaired, extra, after, suite)
    for one in came:
        if one.vacuous and one.key not in used:
            yield Change("vacuous-assert", "new", one.line, one.line, one.text, "high")


def _quiet(found: Weakening, context: Context) -> bool:
    """A corrected expectation says little when no code was touched."""
    return found.rule == "changed-expected" and not context.source_changed


def _changed(found: Weakening, match: Assertion) -> Change:
    return Change(
        found.rule, "new", match.line, match.line, match.text, found.confidence, found.detail
    )


def _counted(asserts: list[Assertion]) -> Counter[str]:
    return Counter(one.key for one in asserts)


def _partner(one: Assertion, others: list[Assertion]) -> Assertion | None:
    """The new assertion that stands in for an old one: on the same subject, else written alike."""
    for other in others:
        if weakening(one, other) is not None:
            return other
    for other in others:
        if other.left == one.left:
            return other
    scored = [
        (SequenceMatcher(None, one.text.strip()[:400], other.text.strip()[:400]).ratio(), place)
        for place, other in enumerate(others[:20])
    ]
    best = max(scored, default=(0.0, 0))
    return others[best[1]] if best[0] >= 0.6 else None


def _dropped(unpaired: list[Assertion], extra: int, after: Unit, suite: Suite) -> Iterator[Change]:
    if not unpaired:
        return
    nothing_left = not after.asserts
    for one in unpaired:
        words = one.text.strip()
        commented = any(words.split("\n")[0] in comment for comment in suite.comments)
        confidence: Confidence = "medium"
        if commented or (nothing_left and after.is_test):
            confidence = "high"
        elif extra >= len(unpaired):
            confidence = "low"
        detail = "the test asserts nothing now" if nothing_left else ""
        detail = "it was commented out" if commented else detail
        yield Change("deleted-assert", "old", one.line, one.line, one.text, confidence, detail)


def _marks(before: Unit, after: Unit, new: bool) -> Iterator[Change]:
    known = {dump(mark) for _, mark, _ in before.marks}
    for name, mark, line in after.marks:
        if dump(mark) in known or not _is_skip(name):
            continue
        conditional = name.endswith(_CONDITIONAL) or _has_condition(mark)
        certain = conditional and _always_skips(mark)
        confidence: Confidence = "high" if not conditional or certain else "low"
        if new and confidence == "high":
            confidence = "medium"
        yield Change(
            "skipped-test",
            "new",
            line,
            line,
            f"@{name}",
            confidence,
            "under a condition" if conditional else "",
        )
    for name, mark, line in after.marks:
        fewer = _narrowed(before, name, mark)
        if fewer:
            yield Change("narrowed-cases", "new", line, line, f"@{name}", *fewer)


def _is_skip(name: str) -> bool:
    return name.endswith((*_SKIPS, *_CONDITIONAL)) or ".skip" in name or ".xfail" in name


def _has_condition(mark: ast.expr) -> bool:
    """`xfail(condition, ...)`, or one that names exceptions and stays strict."""
    if not isinstance(mark, ast.Call):
        return False
    words = {word.arg: word.value for word in mark.keywords}
    first = mark.args[0] if mark.args else None
    return "condition" in words or (first is not None and not isinstance(first, ast.Constant))


def _always_skips(mark: ast.expr) -> bool:
    first = mark.args[0] if isinstance(mark, ast.Call) and mark.args else None
    return always(first) is True


def _narrowed(before: Unit, name: str, mark: ast.expr) -> tuple[Confidence, str] | None:
    after_cases = cases(mark)
    if after_cases is None:
        return None
    for other, old, _ in before.marks:
        old_cases = cases(old) if other == name else None
        same = (
            isinstance(old, ast.Call)
            and isinstance(mark, ast.Call)
            and _argnames(old) == _argnames(mark)
        )
        if old_cases and same:
            return _fewer(old_cases, after_cases)
    return None


def _argnames(mark: ast.Call) -> str:
    return dump(mark.args[0]) if mark.args else ""


def _fewer(old: list[str], new: list[str]) -> tuple[Confidence, str] | None:
    lost = list((Counter(old) - Counter(new)).elements())
    came = list((Counter(new) - Counter(old)).elements())
    doubles = len(set(old)) < len(old)
    if not lost or len(came) >= len(lost) or (doubles and set(old) == set(new)):
        return None
    return "high" if not came and 2 * len(lost) >= len(
        old
    ) else "medium", f"{len(lost)} of {len(old)} cases went"


def _lists(before: Suite, after: Suite) -> Iterator[Change]:
    """A list of cases at the top of the file that became shorter."""
    for name, (old, _) in before.lists.items():
        if name in after.lists:
            new, line = after.lists[name]
            fewer = _fewer(old, new)
            if fewer and len(old) > 1:
                yield Change("narrowed-cases", "new", line, line, name, "medium", fewer[1])


def _modules(before: Suite, after: Suite) -> Iterator[Change]:
    known = {_text(one) for one in module_marks(before)}
    for one in module_marks(after):
        if _text(one) not in known:
            yield Change(
                "skipped-test", "new", one.line, one.end, one.text, "high", "the whole module"
            )


def _flow(before: Unit, after: Unit) -> Iterator[Change]:
    """Statements that end the test early, or catch its failures."""
    if not after.is_test:
        return
    known = Counter(_text(one) for one in before.body)
    first_assert = min((one.line for one in after.asserts), default=None)
    outer = min((one.indent for one in after.body), default=0)
    for place, one in enumerate(after.body):
        text = _text(one)
        if known[text] > 0:
            known[text] -= 1
            continue
        follows = first_assert is not None and one.line < max(a.line for a in after.asserts)
        if isinstance(one.tree, ast.Return) and follows:
            inner = one.indent > outer
            yield Change(
                "early-return", "new", one.line, one.end, one.text, "medium" if inner else "high"
            )
        elif _skips(one):
            inner = one.indent > outer
            yield Change(
                "skipped-test", "new", one.line, one.end, one.text, "medium" if inner else "high"
            )
        elif _swallows(one, after.body[place + 1 : place + 3]) and (
            after.asserts or before.asserts
        ):
            yield Change("swallowed-failure", "new", one.line, one.end, one.text, "high")


def _text(one: Statement) -> str:
    return " ".join(one.text.split())


def _skips(one: Statement) -> bool:
    call: ast.expr | None = None
    if isinstance(one.tree, ast.Expr):
        call = one.tree.value
    elif isinstance(one.tree, ast.Raise):
        call = one.tree.exc
    if call is None:
        return False
    function = call.func if isinstance(call, ast.Call) else call
    last = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return last in {"skip", "xfail", "skipTest", "SkipTest"}


def _swallows(one: Statement, following: list[Statement]) -> bool:
    """`except AssertionError:` and nothing done; `with suppress(AssertionError):`"""
    tree = one.tree
    if isinstance(tree, ast.With):
        return any(
            isinstance(item.context_expr, ast.Call)
            and dump(item.context_expr.func).find("'suppress'") >= 0
            and any(_handled(argument) & _BROAD for argument in item.context_expr.args)
            for item in tree.items
        )
    if not isinstance(tree, ast.Try) or not one.text.strip().startswith("except"):
        return False
    handler = tree.handlers[0]
    if not _handled(handler.type) & _BROAD:
        return False
    body = [item.tree for item in following if item.indent > one.indent][:1]
    if len(handler.body) == 1 and not following:
        body = [handler.body[0]]
    return not body or all(
        isinstance(item, (ast.Pass, ast.Return, ast.Continue))
        or (
            isinstance(item, ast.Expr)
            and (isinstance(item.value, ast.Constant) or _is_print(item.value))
        )
        for item in body
    )


def _handled(node: ast.expr | None) -> set[str]:
    if node is None:
        return {""}
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _is_print(node: ast.expr) -> bool:
    name = getattr(getattr(node, "func", None), "id", "")
    return name in {"print", "skip"}
