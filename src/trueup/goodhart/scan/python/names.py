"""What a name in the source stands for: a dotted name such as `os._exit`, by every usual road.

Imports and their aliases, plain assignments, `__import__`, `importlib.import_module`, `getattr` and
`__dict__` with names made of constants, `sys.modules`, `globals()`, `operator.attrgetter`,
`functools.partial`. Bindings are not ordered in time: a name that was ever bound to `os._exit` in
its scope may be it. Builtins resolve to `builtins.NAME`.
"""

from __future__ import annotations

import ast
import builtins
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from trueup.goodhart.scan.python.folding import fold
from trueup.goodhart.scan.python.module_names import STARRED, USUAL, canonical

__all__ = ["FUNCTIONS", "Names", "parameters"]

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_SCOPES = frozenset({*FUNCTIONS, ast.ClassDef, ast.Module})
_DEPTH = 10
_BINDINGS = 6  # of one name in one scope that are followed
_BUILTINS = frozenset(dir(builtins))
_IMPORTERS = frozenset(
    {"builtins.__import__", "importlib.import_module", "importlib.__import__"}
    | {"importlib.reload", "pydoc.locate", "pkgutil.resolve_name", "pytest.importorskip"}
)
_GETTERS = frozenset(
    {"builtins.getattr", "inspect.getattr_static", "builtins.object.__getattribute__"}
)
Binding = str | ast.expr
_RESOLVED = frozenset({ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.NamedExpr})


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[str]:
    """The names of all parameters, in order, `self` too."""
    args = node.args
    named = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    named += [one for one in (args.vararg, args.kwarg) if one]
    return [one.arg for one in named]


class Names:
    """The bindings of one file. by_type: its nodes; parents: the node above each."""

    def __init__(
        self,
        by_type: Mapping[type, Sequence[ast.AST]],
        parents: Mapping[ast.AST, ast.AST],
    ) -> None:
        self._parents = parents
        self._scopes: dict[ast.AST, dict[str, list[Binding]]] = defaultdict(dict)
        self._stars: list[str] = []
        self._resolved: dict[ast.expr, str | None] = {}
        self._attributes: dict[ast.expr, list[ast.expr]] = {}
        self.iterated: dict[str, ast.expr] = {}  # what loops that have such a name go through
        self.definitions: dict[str, list[ast.AST]] = defaultdict(list)
        for node in _of(by_type, ast.Import, ast.ImportFrom):
            self._bind_import(node)
        for node in _of(by_type, ast.Assign, ast.AnnAssign, ast.NamedExpr):
            self._bind_assignment(node)
        for node in _of(by_type, *FUNCTIONS):
            self._bind_function(node)
        for node in _of(by_type, ast.ClassDef):
            self._put(node, node.name, "", above=True)  # type: ignore[attr-defined]
            self.definitions[node.name].append(node)  # type: ignore[attr-defined]
        for node in _of(by_type, ast.For, ast.comprehension):
            self._bind_loop(node)
        for node in _of(by_type, ast.With):
            for item in node.items:  # type: ignore[attr-defined]
                self._bind_target(node, item.optional_vars, item.context_expr)
        self._class_values = self._class_bindings()
        # Names that may stand for something from elsewhere; all others resolve to nothing at once.
        self._telling = {*_BUILTINS, *USUAL}
        for bound in self._scopes.values():
            self._telling |= {name for name, values in bound.items() if any(values)}
        for module in self._stars:
            self._telling |= STARRED.get(module, frozenset())

    def scope(self, node: ast.AST, above: bool = False) -> ast.AST:
        """The function, class or module that `node` is in; `above` skips the node itself."""
        parents = self._parents
        current = parents.get(node, node) if above else node
        while type(current) not in _SCOPES:
            up = parents.get(current)
            if up is None:
                break
            current = up
        return current

    def resolve(self, node: ast.expr, depth: int = 0) -> str | None:
        """The dotted name, or None."""
        kind = type(node)
        if kind is ast.Name:
            if node.id not in self._telling:  # type: ignore[attr-defined]
                return None
        elif kind not in _RESOLVED:
            return None
        if node in self._resolved:
            return self._resolved[node]
        if depth > _DEPTH:
            return None
        self._resolved[node] = None  # what refers to itself resolves to nothing
        found = canonical(self._resolve(node, depth + 1))
        self._resolved[node] = found
        return found

    def value(self, node: ast.expr) -> object:
        """The constant that the expression stands for, by way of names; None when not known."""
        return fold(node, self._assigned)

    def text(self, node: ast.expr | None) -> str | None:
        """The same where it is text."""
        found = self.value(node) if node is not None else None
        return found if isinstance(found, str) else None

    def texts(self, node: ast.expr) -> list[str]:
        """All texts that it may be: those of a loop's name go through what is written out."""
        one = self.text(node)
        if one is not None:
            return [one]
        bound = self.bindings(node) if isinstance(node, ast.Name) else ()
        return [text for one in bound if isinstance(one, ast.expr) and (text := self.text(one))]

    def bindings(self, node: ast.Name) -> Sequence[Binding]:
        """What the name was bound to, in the nearest scope that binds it."""
        current: ast.AST | None = self.scope(node)
        first = True
        while current is not None:
            if first or not isinstance(current, ast.ClassDef):
                bound = self._scopes.get(current)
                found = bound.get(node.id) if bound else None
                if found:
                    return found
            first = False
            current = self.scope(current, above=True) if current in self._parents else None
        return ()

    def attribute(self, node: ast.AST) -> tuple[ast.expr, str] | None:
        """The object and the name for whatever reads an attribute, however it is spelt."""
        if isinstance(node, ast.Attribute):
            return node.value, node.attr
        if isinstance(node, ast.Subscript):
            return self._dictionary_entry(node.value, node.slice)
        if not isinstance(node, ast.Call) or not node.args:
            return None
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in {
            "__getattribute__", "__getattr__", "get", "pop", "setdefault", "__getitem__",
        }:  # fmt: skip
            if function.attr in {"get", "pop", "setdefault", "__getitem__"}:
                return self._dictionary_entry(function.value, node.args[0])
            name = self.text(node.args[-1])
            owner = node.args[0] if len(node.args) == 2 else function.value
            return (owner, name) if name else None
        if isinstance(function, ast.Call) and self.resolve(function.func) == "operator.attrgetter":
            name = self.text(function.args[0]) if function.args else None
            return (node.args[0], name) if name else None
        if self.resolve(function) in _GETTERS and len(node.args) >= 2:
            name = self.text(node.args[1])
            return (node.args[0], name) if name else None
        return None

    def _dictionary_entry(self, owner: ast.expr, key: ast.expr) -> tuple[ast.expr, str] | None:
        """`vars(x)["name"]`, `x.__dict__["name"]`, `function.__globals__["name"]`."""
        holder: ast.expr | None = None
        if isinstance(owner, ast.Attribute) and owner.attr in {"__dict__", "__globals__"}:
            holder = owner.value
        elif isinstance(owner, ast.Call) and len(owner.args) == 1:
            holder = owner.args[0] if self.resolve(owner.func) == "builtins.vars" else None
        name = self.text(key) if holder is not None else None
        return (holder, name) if holder is not None and name else None

    def _resolve(self, node: ast.expr, depth: int) -> str | None:
        if isinstance(node, ast.Name):
            return self._resolve_name(node, depth)
        if isinstance(node, ast.NamedExpr):
            return self.resolve(node.value, depth)
        if isinstance(node, ast.Call):
            found = self._resolve_call(node, depth)
            if found:
                return found
        elif isinstance(node, ast.Subscript):
            found = self._resolve_subscript(node, depth)
            if found:
                return found
        read = self.attribute(node)
        if read is None:
            return None
        owner = self.resolve(read[0], depth)
        if owner:
            return f"{owner}.{read[1]}"
        return self._own_attribute(read, depth)

    def _own_attribute(self, read: tuple[ast.expr, str], depth: int) -> str | None:
        """`K.leave` and `self.leave` where a class in this file says `leave = os._exit`."""
        if not isinstance(read[0], ast.Name):
            return None
        for binding in self._class_values.get(read[1], ()):
            return self.resolve(binding, depth)
        return None

    def _resolve_name(self, node: ast.Name, depth: int) -> str | None:
        bound = self.bindings(node)
        for binding in bound:
            found = binding if isinstance(binding, str) else self.resolve(binding, depth)
            if found:
                return found
        if bound:
            return None
        if node.id in _BUILTINS:
            return f"builtins.{node.id}" if node.id != "__builtins__" else "builtins"
        for module in self._stars:
            if node.id in STARRED.get(module, ()):
                return f"{module}.{node.id}"
        return USUAL.get(node.id)

    def _resolve_call(self, node: ast.Call, depth: int) -> str | None:
        function = self.resolve(node.func, depth)
        if function in _IMPORTERS and node.args:
            name = self.text(node.args[0])
            if name is None and function == "importlib.reload":
                return self.resolve(node.args[0], depth)
            return (
                name.replace(":", ".").partition(".")[0]
                if name and function == "builtins.__import__"
                else name
            )
        if function == "functools.partial" and node.args:
            return self.resolve(node.args[0], depth)
        if (
            function in {"sys.modules.get", "sys.modules.pop", "sys.modules.__getitem__"}
            and node.args
        ):
            return self.text(node.args[0])
        if function in {"builtins.globals", "builtins.locals"}:
            return function + "()"
        if function == "builtins.globals().get" and node.args:
            return self._global(node.args[0], depth)
        if function == "builtins.vars" and len(node.args) == 1:
            owner = self.resolve(node.args[0], depth)
            return f"{owner}.__dict__" if owner else None
        return None

    def _resolve_subscript(self, node: ast.Subscript, depth: int) -> str | None:
        owner = self.resolve(node.value, depth)
        if owner == "sys.modules":
            return self.text(node.slice)
        if owner in {"builtins.globals()", "builtins.locals()"}:
            return self._global(node.slice, depth)
        if owner == "builtins":  # __builtins__ is a dict in an imported module
            name = self.text(node.slice)
            return f"builtins.{name}" if name else None
        if isinstance(node.value, (ast.Tuple, ast.List)) and isinstance(node.slice, ast.Constant):
            place = node.slice.value
            if isinstance(place, int) and -len(node.value.elts) <= place < len(node.value.elts):
                return self.resolve(node.value.elts[place], depth)
        return None

    def _global(self, key: ast.expr, depth: int) -> str | None:
        name = self.text(key)
        if name is None:
            return None
        fake = ast.Name(name, ast.Load())
        return self._resolve_name(fake, depth)

    def _assigned(self, node: ast.expr) -> ast.expr | None:
        """The one expression that a name was given; what was assigned twice is not constant."""
        if not isinstance(node, ast.Name):
            return None
        bound = self.bindings(node)
        one = bound[0] if len(bound) == 1 else None
        return one if isinstance(one, ast.expr) else None

    def _class_bindings(self) -> dict[str, list[ast.expr]]:
        """What classes give to their names, by name."""
        found: dict[str, list[ast.expr]] = defaultdict(list)
        for scope, bound in self._scopes.items():
            for name, values in bound.items() if isinstance(scope, ast.ClassDef) else ():
                found[name] += [one for one in values if isinstance(one, ast.expr)]
        return found

    def _put(self, at: ast.AST, name: str, binding: Binding, above: bool = False) -> None:
        listed = self._scopes[self.scope(at, above)].setdefault(name, [])
        if len(listed) < _BINDINGS:
            listed.append(binding)

    def _bind_import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                self._put(node, name, alias.name if alias.asname else name)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                if alias.name == "*":
                    self._stars.append(module)
                else:
                    whole = f"{module}.{alias.name}"
                    self._put(node, alias.asname or alias.name, canonical(whole) or whole)

    def _bind_assignment(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._bind_target(node, target, node.value)
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            self._bind_target(node, node.target, node.value)

    def _bind_target(self, at: ast.AST, target: ast.expr | None, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self._put(at, target.id, value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            values = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
            for one, given in zip(target.elts, values, strict=False):
                self._bind_target(at, one, given)

    def _bind_loop(self, node: ast.AST) -> None:
        """Each of a written-out list may be the loop's name."""
        if isinstance(node, (ast.For, ast.comprehension)) and isinstance(node.target, ast.Name):
            items = node.iter.elts if isinstance(node.iter, (ast.Tuple, ast.List)) else []
            for one in items[:_BINDINGS]:
                self._put(node, node.target.id, one)
            if not items:
                self._put(node, node.target.id, "")
                self.iterated[node.target.id] = node.iter

    def _bind_function(self, node: ast.AST) -> None:
        assert isinstance(node, FUNCTIONS)
        if not isinstance(node, ast.Lambda):
            self._put(node, node.name, "", above=True)
            self.definitions[node.name].append(node)
        for name in parameters(node):
            self._put(node, name, "")
        args = node.args
        plain = [*args.posonlyargs, *args.args]
        pairs = list(zip(plain[len(plain) - len(args.defaults) :], args.defaults, strict=False))
        pairs += [(a, d) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=False) if d]
        for argument, default in pairs:
            self._put(node, argument.arg, default)


def _of(by_type: Mapping[type, Sequence[ast.AST]], *kinds: type) -> Iterator[ast.AST]:
    for kind in kinds:
        yield from by_type.get(kind, ())
