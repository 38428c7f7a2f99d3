"""Texts in the source that are handed to something: paths, commands, addresses."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from trueup.goodhart.scan.python.source import Source

__all__ = ["Command", "Opened", "commands", "opened", "pieces"]

_OPENERS = frozenset(
    {
        "builtins.open",
        "shutil.rmtree",
        "io.open",
        "os.open",
        "codecs.open",
        "pathlib.Path",
        "io.FileIO",
        "gzip.open",
    }
    | {
        "json.load",
        "numpy.load",
        "numpy.loadtxt",
        "pandas.read_csv",
        "pandas.read_json",
        "torch.load",
    }
    | {"pandas.read_parquet", "glob.glob", "glob.iglob", "os.listdir", "os.scandir", "os.walk"}
    | {
        "shutil.copy",
        "shutil.copyfile",
        "shutil.copytree",
        "shutil.move",
        "os.rename",
        "os.replace",
    }
    | {
        "linecache.getlines",
        "fileinput.input",
        "runpy.run_path",
        "mmap.mmap",
        "os.remove",
        "os.unlink",
    }
    | {
        "importlib.util.spec_from_file_location",
        "_io.open",
        "posix.open",
        "importlib.machinery.SourceFileLoader",
    }
    | {
        "sqlite3.connect",
        "bz2.open",
        "lzma.open",
        "zipfile.ZipFile",
        "tarfile.open",
        "numpy.save",
        "os.chmod",
    }
    | {
        "importlib.resources.files",
        "importlib.resources.read_text",
        "pkgutil.get_data",
        "os.path.exists",
    }
)
_OPEN_METHODS = frozenset(
    {
        "unlink",
        "rename",
        "replace",
        "rmdir",
        "read_text",
        "read_bytes",
        "write_text",
        "write_bytes",
        "open",
        "glob",
        "rglob",
        "iterdir",
        "touch",
    }
)
_WRITE_METHODS = frozenset(
    {"unlink", "rename", "replace", "rmdir", "write_text", "write_bytes", "touch"}
)
_WRITE_CALLS = frozenset(
    {"shutil.copy", "shutil.copyfile", "shutil.move", "os.rename", "os.replace", "shutil.copytree"}
    | {"os.remove", "os.unlink", "numpy.save", "shutil.rmtree"}
)
_RUNNERS = frozenset(
    {
        "os.system",
        "os.popen",
        "subprocess.run",
        "subprocess.Popen",
        "subprocess.call",
        "subprocess.getoutput",
    }
    | {
        "subprocess.check_output",
        "subprocess.check_call",
        "subprocess.getstatusoutput",
        "pty.spawn",
    }
    | {"asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell", "os.execvp", "os.execv"}
    | {
        "os.spawnlp",
        "os.spawnl",
        "os.spawnv",
        "os.spawnvp",
        "os.posix_spawn",
        "posix.system",
        "sh.git",
    }
    | {"commands.getoutput", "os.execl", "os.execlp", "os.posix_spawnp"}
)
_MOST = 4000  # characters of one text that are looked at


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that is opened, listed, moved or removed. path: what is known of it, `?` for the rest.
    writes: whether it may be changed."""

    path: str
    call: ast.Call
    writes: bool


@dataclass(frozen=True, slots=True)
class Command:
    """A program that is started. words: its command line, as far as it is known, lower case."""

    words: str
    call: ast.Call


def pieces(source: Source, node: ast.AST | None, depth: int = 0) -> str:
    """The known parts of a text or path, in order, with `?` for what is only known when it runs."""
    if node is None or depth > 8:
        return "?"
    depth += 1
    if isinstance(node, ast.Constant):
        value = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
        return value[:_MOST] if isinstance(value, str) else "?"
    if isinstance(node, ast.JoinedStr):
        return "".join(pieces(source, one, depth) for one in node.values)
    if isinstance(node, ast.BinOp):
        whole = source.names.text(node)
        joint = "/" if isinstance(node.op, ast.Div) else ""
        left, right = pieces(source, node.left, depth), pieces(source, node.right, depth)
        return whole[:_MOST] if whole else f"{left}{joint}{right}"[:_MOST]
    if isinstance(node, (ast.Tuple, ast.List)):
        return " ".join(pieces(source, one, depth) for one in node.elts)[:_MOST]
    if isinstance(node, ast.Starred):
        return pieces(source, node.value, depth)
    if isinstance(node, ast.Name):
        return _named(source, node, depth)
    if isinstance(node, ast.Call):
        return _called(source, node, depth)
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        return _of_path(source, node, depth)
    return "?"


def _named(source: Source, node: ast.Name, depth: int) -> str:
    if node.id == "__file__":
        return "__file__"
    for bound in source.names.bindings(node):
        if isinstance(bound, ast.expr):
            return pieces(source, bound, depth)
    looped = source.names.iterated.get(node.id)
    return pieces(source, looped, depth) if looped is not None else "?"


def _called(source: Source, node: ast.Call, depth: int) -> str:
    whole = source.names.text(node)
    if whole:
        return whole[:_MOST]
    name = source.names.resolve(node.func) or ""
    if name.startswith(("os.path.", "posixpath.", "pathlib.")) or name in {
        "builtins.str",
        "os.fspath",
        "shlex.split",
    }:
        return "/".join(pieces(source, one, depth) for one in node.args)[:_MOST]
    if isinstance(node.func, ast.Attribute):
        inner = pieces(source, node.func.value, depth)
        if node.func.attr in {"joinpath", "with_name", "format", "glob", "rglob"}:
            return "/".join([inner, *(pieces(source, one, depth) for one in node.args)])[:_MOST]
        return inner if node.func.attr in {"resolve", "absolute", "expanduser", "split"} else "?"
    return "?"


def _of_path(source: Source, node: ast.Attribute | ast.Subscript, depth: int) -> str:
    if isinstance(node, ast.Attribute) and node.attr in {"parent", "parents"}:
        return f"{pieces(source, node.value, depth)}/.."
    if isinstance(node, ast.Subscript):
        return pieces(source, node.value, depth)
    return "?"


def opened(source: Source) -> list[Opened]:
    """Every opening of a file whose path is at least partly known."""
    found = source.kept.get("opened")
    if found is None:
        found = source.kept["opened"] = list(_opened(source))
    return found  # type: ignore[return-value]


def _opened(source: Source) -> Iterator[Opened]:
    for node in source.by_type.get(ast.Call, ()):
        assert isinstance(node, ast.Call)
        name = source.names.resolve(node.func) or ""
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in _OPENERS:
            arguments = [
                *node.args[:2],
                *(word.value for word in node.keywords if word.arg in {"file", "path"}),
            ]
            writes = name in _WRITE_CALLS or _mode_writes(source, node, 1)
            for argument in arguments:
                path = pieces(source, argument)
                if _known(path):
                    yield Opened(path, node, writes)
        elif method in _OPEN_METHODS and not name.startswith(("builtins.", "webbrowser", "urllib")):
            assert isinstance(node.func, ast.Attribute)
            if method == "replace" and len(node.args) != 1:
                continue  # of a text
            path = pieces(source, node.func.value)
            if method in {"glob", "rglob"} and node.args:
                path = f"{path}/{pieces(source, node.args[0])}"
            if _known(path):
                writes = method in _WRITE_METHODS or (
                    method == "open" and _mode_writes(source, node, 0)
                )
                yield Opened(path, node, writes)


def _known(path: str) -> bool:
    return (bool(path.strip("?/ .")) or path == "/") and "\n" not in path and len(path) < 600


def _mode_writes(source: Source, node: ast.Call, place: int) -> bool:
    mode = node.args[place] if len(node.args) > place else None
    for word in node.keywords:
        if word.arg == "mode":
            mode = word.value
    text = source.names.text(mode)
    if text is not None and len(text) < 5:
        return bool(set(text) & set("wax+"))
    return mode is not None and bool(re.search("O_(WRONLY|RDWR|CREAT)", ast.dump(mode)[:2000]))


def commands(source: Source) -> list[Command]:
    """Every program that is started with a command line that is at least partly known."""
    found = source.kept.get("commands")
    if found is None:
        found = source.kept["commands"] = list(_commands(source))
    return found  # type: ignore[return-value]


def _commands(source: Source) -> Iterator[Command]:
    for node in source.by_type.get(ast.Call, ()):
        assert isinstance(node, ast.Call)
        name = source.names.resolve(node.func) or ""
        if name in _RUNNERS:
            words = " ".join(pieces(source, one) for one in node.args)
            words += " ".join(
                pieces(source, word.value) for word in node.keywords if word.arg in {"args", "cmd"}
            )
            if words.strip("? "):
                yield Command(words, node)
