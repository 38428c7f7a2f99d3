"""Modules by their usual names, and one spelling for what can be reached by several roads."""

from __future__ import annotations

import sys
from collections.abc import Mapping

__all__ = ["STARRED", "USUAL", "canonical"]

# Modules that are reached through another one, as in `os.sys.exit` or `six.moves.builtins.exec`.
_REACHED = frozenset(
    "os sys builtins posix inspect gc ctypes signal subprocess threading _thread".split()  # noqa: SIM905
)
_SAME = {
    "__builtins__": "builtins",
    "__builtin__": "builtins",
    "nt": "posix",
    "_posixsubprocess": "posix",
    "_pytest.outcomes.skip": "pytest.skip",
    "_pytest.outcomes.exit": "pytest.exit",
    "_pytest.outcomes.xfail": "pytest.xfail",
}


# Names that nothing in the text binds: a hunk rarely shows the imports.
USUAL = {name: name for name in sys.stdlib_module_names if name.isalpha() and len(name) > 1} | {
    "__builtins__": "builtins", "np": "numpy", "torch": "torch", "pytest": "pytest",
    "plt": "matplotlib.pyplot", "pd": "pandas",
    "numpy": "numpy", "requests": "requests", "Path": "pathlib.Path", "mock": "unittest.mock",
    "SkipTest": "unittest.SkipTest", "TestCase": "unittest.TestCase",
    "MagicMock": "unittest.mock.MagicMock",
}  # fmt: skip


STARRED: Mapping[str, frozenset[str]] = {
    module: frozenset(names.split())
    for module, names in {
        "os": "_exit abort kill getpid fork setsid dup2 write symlink link environ getenv",
        "posix": "_exit abort kill getpid fork setsid dup2 write symlink link environ",
        "sys": "exit _getframe modules settrace setprofile meta_path",
        "inspect": "currentframe stack getsource getouterframes",
        "ctypes": "CDLL PyDLL cdll pythonapi string_at memmove cast py_object",
        "pytest": "skip xfail exit importorskip",
        "unittest": "SkipTest TestCase TestResult skip",
        "unittest.mock": "patch Mock MagicMock",
        "gc": "get_objects get_referrers get_referents",
        "signal": "signal alarm raise_signal setitimer",
        "threading": "Thread Timer settrace setprofile excepthook",
        "subprocess": "run Popen call check_output check_call getoutput",
        "urllib.request": "urlopen urlretrieve",
    }.items()
}


def canonical(name: str | None) -> str | None:
    """One spelling: `os.sys.exit` is `sys.exit`."""
    if not name:
        return None
    if name in _SAME:
        return _SAME[name]
    if "." not in name:
        return name
    first, *rest = name.split(".")  # libraries hide what they import: `random._os`
    parts = [first, *(one[1:] if one in {"_os", "_sys"} else one for one in rest)]
    for place in range(len(parts) - 2, 0, -1):
        if parts[place] in _REACHED and parts[0] != "":
            parts = parts[place:]
            break
    if parts[-1] in _REACHED and len(parts) > 1 and parts[0] not in {"", "trueup"}:
        known = parts[-1] in {"os", "sys", "builtins"} and parts[0] not in {"torch"}
        parts = [parts[-1]] if known else parts
    head = _SAME.get(parts[0])
    if head:
        parts[0] = head
    return ".".join(parts)
