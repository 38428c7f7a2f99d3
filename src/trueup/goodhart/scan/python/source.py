"""One file, parsed once and walked once: what every family of rules looks at."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from trueup.goodhart.scan.paths import Place, is_installed
from trueup.goodhart.scan.python.names import FUNCTIONS, Names
from trueup.goodhart.scan.python.parsing import Unreadable, parsed
from trueup.goodhart.scan.result import Confidence, Finding, Span

__all__ = ["Function", "Patch", "Source", "Unreadable", "Use", "lowered"]

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

EVIDENCE = 400  # characters of the source that a finding quotes
_MOST_NODES = 3_000_000
_SKIPPED_FIELDS = frozenset(
    {"ctx", "op", "ops", "type_comment", "kind", "type_ignores", "conversion", "type_params"}
)
# Fields of the commonest nodes that hold nodes; of the others all are looked at.
_FIELDS: dict[type, tuple[str, ...]] = {
    ast.Name: (),
    ast.Constant: (),
    ast.alias: (),
    ast.Import: (),
    ast.ImportFrom: (),
    ast.Global: (),
    ast.Nonlocal: (),
    ast.Pass: (),
    ast.Attribute: ("value",),
    ast.arg: ("annotation",),
    ast.keyword: ("value",),
    ast.FunctionDef: ("decorator_list", "args", "returns", "body"),
    ast.ClassDef: ("decorator_list", "bases", "keywords", "body"),
    ast.Assign: ("targets", "value"),
    ast.AnnAssign: ("target", "annotation", "value"),
}
_ORDER: tuple[Confidence, ...] = ("low", "medium", "high")
_SETTERS = frozenset(
    {"builtins.setattr", "builtins.type.__setattr__", "builtins.object.__setattr__"}
)


@dataclass(frozen=True, slots=True)
class Use:
    """A place that names something. call: the call of it, None where it is only named.
    imported: it is the import statement itself."""

    name: str
    node: ast.expr | ast.stmt
    call: ast.Call | None = None
    imported: bool = False


@dataclass(frozen=True, slots=True)
class Patch:
    """An attribute or entry that is given a new value from outside.

    owner: what the object resolves to, None when unknown. value: None where it is deleted or made
    by a mock."""

    owner: str | None
    attribute: str
    value: ast.expr | None
    node: ast.AST
    target: ast.expr

    @property
    def name(self) -> str:
        return f"{self.owner}.{self.attribute}" if self.owner else self.attribute


def lowered(confidence: Confidence, steps: int = 1) -> Confidence:
    return _ORDER[max(0, _ORDER.index(confidence) - steps)]


class Source:
    """place: what kind of file it is, which decides what is normal in it. Raises `Unreadable`."""

    def __init__(self, text: str, path: str, place: Place) -> None:
        self.text, self.path, self.place = text, path, place
        self.installed = is_installed(path)
        self.tree = parsed(text)
        # As the parser counts them: str.splitlines would also end lines at form feeds.
        self.lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self.parents: dict[ast.AST, ast.AST] = {}
        self.by_type: dict[type, list[ast.AST]] = defaultdict(list)
        self.kept: dict[str, object] = {}  # what several families ask for, worked out once
        self._walk()
        self.names = Names(self.by_type, self.parents)
        self.uses: dict[str, list[Use]] = defaultdict(list)
        self.attributes: dict[str, list[ast.AST]] = defaultdict(list)
        self._collect_uses()

    def _walk(self) -> None:
        stack: list[ast.AST] = [self.tree]
        by_type, parents = self.by_type, self.parents
        while stack:
            node = stack.pop()
            kind = type(node)
            by_type[kind].append(node)
            fields = _FIELDS.get(kind)
            if fields is None:
                fields = tuple(name for name in kind._fields if name not in _SKIPPED_FIELDS)
                _FIELDS[kind] = fields
            for name in fields:
                child = getattr(node, name, None)
                if child is None:
                    continue
                if type(child) is list:
                    for one in child:
                        if isinstance(one, ast.AST):
                            parents[one] = node
                            stack.append(one)
                elif isinstance(child, ast.AST):
                    parents[child] = node
                    stack.append(child)
            if len(parents) > _MOST_NODES:
                raise Unreadable("more syntax than is looked at")

    def _collect_uses(self) -> None:
        resolve, uses, attributes = self.names.resolve, self.uses, self.attributes
        for node in self.by_type.get(ast.Name, ()):
            name = resolve(node)  # type: ignore[arg-type]
            if name:
                uses[name].append(Use(name, node, self.call_of(node)))  # type: ignore[arg-type]
        for node in self.by_type.get(ast.Attribute, ()):
            attributes[node.attr].append(node)  # type: ignore[attr-defined]
            name = resolve(node)  # type: ignore[arg-type]
            if name:
                uses[name].append(Use(name, node, self.call_of(node)))  # type: ignore[arg-type]
        for kind in (ast.Call, ast.Subscript):
            for node in self.by_type.get(kind, ()):
                name = resolve(node)  # type: ignore[arg-type]
                if name:
                    uses[name].append(Use(name, node, self.call_of(node)))  # type: ignore[arg-type]
                read = self.names.attribute(node)
                if read:
                    attributes[read[1]].append(node)
        for node in self.by_type.get(ast.MatchClass, ()):
            for attr in node.kwd_attrs:  # type: ignore[attr-defined]
                self.attributes[attr].append(node)
        for node in self.by_type.get(ast.ImportFrom, ()):
            assert isinstance(node, ast.ImportFrom)
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                self.uses[name].append(Use(name, node, imported=True))
        for node in self.by_type.get(ast.Import, ()):
            assert isinstance(node, ast.Import)
            for alias in node.names:
                self.uses[f"import {alias.name}"].append(Use(alias.name, node, imported=True))

    # What is asked of it

    def named(self, *names: str) -> list[Use]:
        """Uses of any of these names: the calls, else where it is named, else the import."""
        found = [use for name in names for use in self.uses.get(name, ())]
        calls = [use for use in found if use.call is not None]
        if calls:
            also = [
                use for use in found if use.call is None and not use.imported and self._stored(use)
            ]
            return calls + also
        return [use for use in found if not use.imported] or found

    def _stored(self, use: Use) -> bool:
        """Named as a value that is handed on, rather than as a part of something longer."""
        return isinstance(self.parents.get(use.node), (ast.Call, ast.keyword))

    def imports(self, *modules: str) -> bool:
        """Whether the file imports one of these modules, or from it, however."""
        for module in modules:
            if f"import {module}" in self.uses or module in self.uses:
                return True
            starts = (f"{module}.", f"import {module}.")
            if any(name.startswith(starts) for name in self.uses):
                return True
        return False

    def call_of(self, node: ast.AST) -> ast.Call | None:
        above = self.parents.get(node)
        return above if isinstance(above, ast.Call) and above.func is node else None

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        while node in self.parents:
            node = self.parents[node]
            yield node

    def function(self, node: ast.AST) -> Function | None:
        """The function that `node` is in, itself not counted."""
        for one in self.above(node):
            if isinstance(one, FUNCTIONS):
                return one
        return None

    def named_function(self, node: ast.AST) -> str:
        for one in self.above(node):
            if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
                return one.name
        return ""

    def definition(self, node: ast.expr | None) -> Function | None:
        """The function of this file that an expression names, or the lambda that it is."""
        if isinstance(node, ast.Lambda):
            return node
        if isinstance(node, ast.Name):
            for one in self.names.definitions.get(node.id, ()):
                if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    return one
            for bound in self.names.bindings(node):
                if isinstance(bound, ast.Lambda):
                    return bound
        return None

    def under(self, node: ast.AST, *kinds: type) -> Iterator[ast.AST]:
        """Nodes of these kinds within `node`."""
        return (one for one in ast.walk(node) if isinstance(one, kinds))

    def in_main_guard(self, node: ast.AST) -> bool:
        """Under `if __name__ == "__main__":`."""
        below: ast.AST = node
        for one in self.above(node):
            if isinstance(one, ast.If) and below is not one.test and _is_main_test(one.test):
                branch = one.body if isinstance(one.test.ops[0], ast.Eq) else one.orelse  # type: ignore[attr-defined]
                return below in branch
            below = one
        return False

    @cached_property
    def has_main_guard(self) -> bool:
        return any(_is_main_test(one.test) for one in self.by_type.get(ast.If, ()))  # type: ignore[attr-defined]

    @cached_property
    def patches(self) -> list[Patch]:
        """Attributes of other objects, and entries of their dictionaries, that are given values."""
        return [patch for node in self._stores() for patch in self._patched(node)]

    def _stores(self) -> Iterator[ast.AST]:
        kinds = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete, ast.Call, ast.For, ast.With)
        for kind in kinds:
            yield from self.by_type.get(kind, ())

    def _patched(self, node: ast.AST) -> Iterator[Patch]:
        targets: list[tuple[ast.expr, ast.expr | None]] = []
        if isinstance(node, ast.Assign):
            targets = [(one, node.value) for one in node.targets]
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
            targets = [(node.target, node.value)]
        elif isinstance(node, ast.Delete):
            targets = [(one, None) for one in node.targets]
        elif isinstance(node, ast.For):
            targets = [(node.target, None)]
        elif isinstance(node, ast.With):
            targets = [(one.optional_vars, None) for one in node.items if one.optional_vars]
        elif isinstance(node, ast.Call):
            yield from self._patched_by_call(node)
        for target, value in _flat(targets):
            if isinstance(target, (ast.Attribute, ast.Subscript)):
                read = self.names.attribute(target)
                if read is None and isinstance(target, ast.Subscript):
                    read = self._builtin_entry(target)
                if read:
                    yield Patch(self.names.resolve(read[0]), read[1], value, node, target)

    def _builtin_entry(self, target: ast.Subscript) -> tuple[ast.expr, str] | None:
        """`__builtins__["abs"]`, a dictionary in what was imported."""
        name = self.names.text(target.slice)
        if name and self.names.resolve(target.value) == "builtins":
            return target.value, name
        return None

    def _patched_by_call(self, node: ast.Call) -> Iterator[Patch]:
        function = self.names.resolve(node.func)
        last = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if function in _SETTERS and len(node.args) == 3:
            yield from self._set(node.args[0], node.args[1], node.args[2], node)
        elif last in {"__setattr__", "setattr"} and len(node.args) in {2, 3}:
            owner = node.args[0] if len(node.args) == 3 else node.func.value  # type: ignore[attr-defined]
            yield from self._set(owner, node.args[-2], node.args[-1], node)
        elif last == "update" and isinstance(node.func, ast.Attribute):
            yield from self._updated(node.func.value, node)
        elif function and function.endswith(("mock.patch", "mock.patch.object", "mocker.patch")):
            yield from self._mocked(function, node)

    def _set(
        self, owner: ast.expr, name: ast.expr, value: ast.expr, node: ast.Call
    ) -> Iterator[Patch]:
        for attribute in self.names.texts(name):
            yield Patch(self.names.resolve(owner), attribute, value, node, owner)

    def _updated(self, holder: ast.expr, node: ast.Call) -> Iterator[Patch]:
        """`vars(module).update(name=value)`, and the same with a dictionary."""
        owner = self.names.resolve(holder)
        if not owner or not owner.endswith(".__dict__"):
            return
        pairs = [(word.arg, word.value) for word in node.keywords if word.arg]
        for one in node.args:
            if isinstance(one, ast.Dict):
                pairs += [
                    (name, value)
                    for key, value in zip(one.keys, one.values, strict=True)
                    if (name := self.names.text(key))
                ]
        for name, value in pairs:
            yield Patch(owner.removesuffix(".__dict__"), name, value, node, holder)

    def _mocked(self, function: str, node: ast.Call) -> Iterator[Patch]:
        if function.endswith("object") and len(node.args) >= 2:
            owner, attribute = self.names.resolve(node.args[0]), self.names.text(node.args[1])
            value = node.args[2] if len(node.args) > 2 else None
        else:
            whole = self.names.text(node.args[0]) if node.args else None
            owner, _, attribute = (whole or "").rpartition(".")
            value = node.args[1] if len(node.args) > 1 else None
        if attribute:
            yield Patch(owner, attribute, value, node, node.func)

    # What is said about it

    def span(self, node: ast.AST) -> Span:
        line = getattr(node, "lineno", 1)
        end = getattr(node, "end_lineno", None) or line
        start_column = self._column(line, getattr(node, "col_offset", 0))
        return Span(
            line, start_column, end, self._column(end, getattr(node, "end_col_offset", 1) - 1)
        )

    def _column(self, line: int, offset: int) -> int:
        """Characters from 1, from the bytes that the parser counts."""
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        if text.isascii():
            return offset + 1
        return len(text.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "replace")) + 1

    def evidence(self, node: ast.AST) -> str:
        span = self.span(node)
        wanted = self.lines[span.line - 1 : min(span.end_line, span.line + 20)]
        if not wanted:
            return ""
        if len(wanted) == span.end_line - span.line + 1:
            wanted[-1] = wanted[-1][: span.end_column]
        wanted[0] = wanted[0][span.column - 1 :]
        return "\n".join(wanted)[:EVIDENCE]

    def finding(
        self, rule: str, node: ast.AST, confidence: Confidence, detail: str = ""
    ) -> Finding:
        return Finding(rule, self.path, self.span(node), self.evidence(node), confidence, detail)

    def graded(
        self,
        submission: Confidence | None,
        library: Confidence | None,
        tests: Confidence | None = None,
    ) -> Confidence | None:
        """The confidence by the kind of file; None says that it is normal there."""
        if self.place == "library":
            return library
        return tests if self.place == "tests" else submission


def _flat(
    targets: Sequence[tuple[ast.expr, ast.expr | None]],
) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    for target, value in targets:
        if isinstance(target, (ast.Tuple, ast.List)):
            values: list[ast.expr | None] = [None] * len(target.elts)
            if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
                values = list(value.elts)
            yield from zip(target.elts, values, strict=True)
        else:
            yield target, value


def _is_main_test(test: ast.expr) -> bool:
    return (
        isinstance(test, ast.Compare)
        and any(isinstance(one, ast.Name) and one.id == "__name__" for one in ast.walk(test))
        and any(isinstance(one, ast.Constant) and one.value == "__main__" for one in ast.walk(test))
    )
