"""Runs pytest in the box: `suite_run.py folders|parts PATH...`, in the tree, orders on stdin.

One line of JSON on stdin says: key, the names of the sealed calls, the folder of the tests, secret
numbers. What happened goes out line by line (see `suite_link`); pytest's own verdict, its exit
status, is one line among them and decides nothing.
"""

from __future__ import annotations

import builtins
import json
import os
import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VALUES_FD, EVENTS_FD = 3, 4
_OWN = ("audit", "places", "state", "suite_checks", "suite_link", "suite_plugin")


def read_line() -> bytes:
    """The orders, byte by byte: what follows on stdin is for later."""
    line = bytearray()
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return bytes(line)


def package_folders(sort: str, words: list[str]) -> list[str]:
    """The folders to import from: given as such, or those that the given packages are in."""
    if sort == "folders":
        return [folder for word in words for folder in word.split(os.pathsep) if folder]
    return list(dict.fromkeys(os.path.dirname(word) for word in words))


def files_below(folder: str) -> list[str]:
    """The files of the tests, which are nothing for the submission to read."""
    return [f"{top}/{name}" for top, _, names in os.walk(folder) for name in names]


def main() -> int:
    own = os.path.dirname(os.path.abspath(__file__))
    work = os.getcwd()
    folders = package_folders(sys.argv[1], sys.argv[2:])
    sys.path[:] = [path for path in sys.path if path != own]
    sys.path += folders
    orders = json.loads(read_line())
    sys.path.insert(0, own)
    audit, places, state, checks, linking, reporting = (import_module(name) for name in _OWN)

    sys.path.remove(own)
    link = linking.connect(bytes.fromhex(orders["key"]), VALUES_FD, 0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    import pytest

    tests = f"{work}/{orders['tests']}/"
    calls, begin = checks.sealed_calls(link, tuple(orders["numbers"]), tests)
    for role, name in orders["names"].items():
        setattr(builtins, name, calls[role])
    plugin = reporting.make(link, begin, work, orders["tests"])
    arguments = [
        "-c", os.path.join(own, "suite.ini"), f"--rootdir={work}", "--assert=plain", "-q",
        "-p", "no:cacheprovider", "-p", "no:faulthandler", "-p", "no:junitxml",
        "-p", "no:pastebin", "--tb=no", "--no-header",
        orders["tests"],
    ]  # fmt: skip
    where = places.Places(work, own, folders, files_below(orders["tests"]))
    for name in ("src", ""):
        folder = os.path.join(work, name) if name else work
        if os.path.isdir(folder):
            sys.path.insert(0, folder)
    known = where.module_of
    # What the tests do is not the submission's doing, and their frames are not its own.
    where.module_of = lambda file: "" if file.startswith(tests) else known(file)
    tell = audit.install(audit.Channel(EVENTS_FD), where)
    snapshot = state.Snapshot
    forget(orders)
    changes = snapshot().changes
    link.tell("b")
    status = int(pytest.main(arguments, plugins=[plugin]))
    for what, name in changes(where):
        tell(what, name)
    link.tell(f"f {status}")
    return status


def forget(orders: dict[str, Any]) -> None:
    """Leave nothing of ours where a look at `sys.modules` finds it."""
    orders.clear()
    for name in _OWN:
        sys.modules.pop(name, None)


if __name__ == "__main__":
    sys.exit(main())
