"""What acts at import or when it is deserialised: hooks, startup files, hidden code, payloads."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import PurePath

from trueup.goodhart.scan.python.source import Source
from trueup.goodhart.scan.python.truth import returned
from trueup.goodhart.scan.result import Confidence, Finding, Rule

__all__ = ["RULES", "find"]

RULES = (
    Rule(
        "import-hook",
        "code",
        ("import-hook",),
        "An import, trace, profile or audit hook is installed, which sees or changes what others "
        "do.",
        "See whether it is a debugger, a coverage tool or a lazy loader.",
    ),
    Rule(
        "startup-module",
        "code",
        ("sitecustomize",),
        "The file runs at the start of every Python that finds it.",
        "See what it does to programs that did not ask for it.",
    ),
    Rule(
        "shadow-module",
        "code",
        ("shadow-module",),
        "The file has the name of a standard module or of the test runner, and is found before it.",
        "See whether its folder is on the search path.",
    ),
    Rule(
        "hostile-payload",
        "code",
        ("hostile-payload",),
        "An object runs code of its choice when it is unpickled, or a pickled text is loaded.",
        "See what is called: a class that rebuilds itself is honest.",
    ),
    Rule(
        "hidden-code",
        "code",
        ("hostile-payload",),
        "Code is built at run time from data that does not read as code.",
        "See what is run; decode it by hand, never by running it.",
    ),
)

_HOOKS = frozenset(
    {
        "sys.settrace",
        "sys.setprofile",
        "threading.settrace",
        "threading.setprofile",
        "sys.addaudithook",
    }
    | {"sys.monitoring.register_callback", "sys.monitoring.use_tool_id", "sys.set_asyncgen_hooks"}
    | {"threading.settrace_all_threads", "sys.meta_path.insert", "sys.meta_path.append", "bdb.Bdb"}
    | {
        "sys.path_hooks.insert",
        "sys.path_hooks.append",
        "sys.meta_path.extend",
        "sys.meta_path.clear",
    }
    | {"ast.NodeTransformer"}
)
_RUNS = frozenset(
    {
        "os.system",
        "os.popen",
        "subprocess.Popen",
        "subprocess.run",
        "subprocess.call",
        "subprocess.check_output",
    }
    | {
        "builtins.exec",
        "builtins.eval",
        "os._exit",
        "sys.exit",
        "builtins.exit",
        "posix.system",
        "builtins.compile",
    }
    | {
        "builtins.setattr",
        "builtins.__import__",
        "os.kill",
        "builtins.open",
        "os.remove",
        "os.abort",
        "importlib.import_module",
    }
)
_LOADS = frozenset(
    {
        "pickle.loads",
        "pickle.load",
        "marshal.loads",
        "dill.loads",
        "cloudpickle.loads",
        "_pickle.loads",
        "shelve.open",
    }
    | {"pickle.Unpickler", "joblib.load"}
)
_DECODERS = frozenset({"base64", "zlib", "binascii", "codecs", "marshal", "lzma", "bz2", "gzip"})


def find(source: Source) -> Iterator[Finding]:
    yield from _hooks(source)
    yield from _startup(source)
    yield from _reduce(source)
    yield from _loads(source)
    yield from _hidden(source)


def _hooks(source: Source) -> Iterator[Finding]:
    for use in source.named(*sorted(_HOOKS)):
        if use.imported or (use.call is None and use.name == "bdb.Bdb"):
            continue
        cleared = use.call is not None and use.call.args and _is_none(use.call.args[0])
        weak = use.name in {"ast.NodeTransformer", "bdb.Bdb"} or cleared
        confidence = source.graded("low" if weak else "high", None)
        if confidence:
            yield source.finding("import-hook", use.call or use.node, confidence)
    for patch in source.patches:
        if patch.name in {
            "sys.meta_path",
            "sys.path_hooks",
            "builtins.__import__",
            "sys.path_importer_cache",
            "builtins.__build_class__",
        }:
            confidence = source.graded("high", "low", "low")
            if confidence:
                yield source.finding("import-hook", patch.node, confidence, patch.name)
    for node in source.by_type.get(ast.Subscript, ()):
        assert isinstance(node, ast.Subscript)
        stored = isinstance(node.ctx, ast.Store)
        if stored and source.names.resolve(node.value) in {"sys.meta_path", "sys.path_hooks"}:
            confidence = source.graded("high", "low", "low")
            if confidence:
                yield source.finding("import-hook", node, confidence)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _startup(source: Source) -> Iterator[Finding]:
    name = PurePath(source.path.replace("\\", "/")).name
    if name in {"sitecustomize.py", "usercustomize.py"}:
        confidence = source.graded("high", "medium", "high")
        if confidence and source.tree.body:
            yield source.finding("startup-module", source.tree.body[0], confidence, name)
    stem = name.removesuffix(".py")
    shadowing = stem in {"pytest", "_pytest", "pluggy", "hypothesis", "xdist", "nose"} or (
        stem in sys.stdlib_module_names
        and stem not in {"test", "this", "code", "site", "__main__", "__future__"}
    )
    if shadowing and source.place == "submission" and source.tree.body and name.endswith(".py"):
        runner = stem in {"pytest", "_pytest", "unittest", "pluggy"}
        confidence = "high" if runner or not _in_package(source.path) else "low"
        yield source.finding("shadow-module", source.tree.body[0], confidence, stem)


def _in_package(path: str) -> bool:
    """Below a folder that is neither the root nor the usual top of a search path."""
    parents = PurePath(path.replace("\\", "/")).parts[:-1]
    return len(parents) > 1 and parents[-1] not in {"src", "lib", "submission", "app", "workspace"}


def _reduce(source: Source) -> Iterator[Finding]:
    for kind in (ast.FunctionDef, ast.Lambda):
        for node in source.by_type.get(kind, ()):
            name = node.name if isinstance(node, ast.FunctionDef) else ""
            if name not in {"__reduce__", "__reduce_ex__"}:
                continue
            assert isinstance(node, ast.FunctionDef)
            for value in returned(node):
                first = value.elts[0] if isinstance(value, ast.Tuple) and value.elts else None
                called = source.names.resolve(first) if first is not None else None
                if called in _RUNS:
                    confidence = source.graded("high", "low", "low")
                    if confidence:
                        yield source.finding("hostile-payload", node, confidence, called or "")
                elif (
                    called
                    and source.place == "submission"
                    and called.startswith(
                        ("os.", "posix.", "subprocess.", "sys.", "shutil.", "builtins.get")
                    )
                ):
                    yield source.finding("hostile-payload", node, "high", called)


def _loads(source: Source) -> Iterator[Finding]:
    for use in source.named(*sorted(_LOADS)):
        if use.call is None or not use.call.args:
            continue
        fixed = isinstance(source.names.value(use.call.args[0]), bytes)
        if fixed:
            yield source.finding(
                "hostile-payload",
                use.call,
                source.graded("high", "low", "low") or "low",
                "a text in the source",
            )
        else:
            confidence = source.graded("low", None)
            if confidence:
                yield source.finding("hostile-payload", use.call, confidence)
    for use in source.named("copyreg.pickle", "copyreg.dispatch_table"):
        confidence = source.graded("medium", None)
        if confidence and not use.imported:
            yield source.finding("hostile-payload", use.call or use.node, confidence)


def _hidden(source: Source) -> Iterator[Finding]:
    """exec of what was decoded, and a name that is looked up on a module by a computed word."""
    for use in source.named(
        "builtins.exec",
        "builtins.eval",
        "builtins.compile",
        "types.CodeType",
        "types.FunctionType",
        "runpy.run_path",
        "code.interact",
    ):
        if use.call is None or use.imported:
            continue
        heads = {
            (source.names.resolve(one.func) or "").partition(".")[0]
            for argument in use.call.args
            for one in ast.walk(argument)
            if isinstance(one, ast.Call)
        }
        decoded = bool(heads & _DECODERS)
        known = bool(use.call.args) and source.names.text(use.call.args[0]) is not None
        confidence: Confidence | None
        if decoded and not known:
            confidence = source.graded("high", "low", "low")
        elif known:
            confidence = source.graded("low", None)
        else:
            confidence = source.graded("medium", None)
        if confidence:
            yield source.finding("hidden-code", use.call, confidence)
    if source.place != "submission":
        return
    for use in source.named("builtins.getattr"):
        if (
            use.call is None
            or len(use.call.args) < 2
            or source.names.text(use.call.args[1]) is not None
        ):
            continue
        owner = source.names.resolve(use.call.args[0]) or ""
        if owner in {
            "os",
            "sys",
            "posix",
            "builtins",
            "inspect",
            "gc",
            "ctypes",
            "signal",
            "pytest",
            "subprocess",
        }:
            yield source.finding(
                "hidden-code", use.call, "medium", f"a name of {owner} that is computed"
            )
    for use in source.named("builtins.__import__", "importlib.import_module"):
        if use.call and use.call.args and source.names.text(use.call.args[0]) is None:
            yield source.finding(
                "hidden-code", use.call, "medium", "a module whose name is computed"
            )
