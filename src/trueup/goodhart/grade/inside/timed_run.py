"""One timed call: load the submission, say "ready", wait for the input, answer.

Started by `timed` as `python -I -S -E -B timed_run.py FOLDER PACKAGES`. The order is the first line
on stdin, the arguments the second; they come once the parent has read "ready", and the clock that
counts is the parent's, from then until it has read the answer. The submission finds no arguments
and no line to read before that: stdin is a private copy.

Lines on the values pipe: `[nonce,"ready"]`; `[nonce, kind, ...]` as in `runner`; then
`[nonce,"clock",own,asked]`, seconds of the call by a clock taken before the submission was loaded,
and by `time.perf_counter` as it is found afterwards. Standard library only.
"""

from __future__ import annotations

import os
import posix
import sys
import time
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VALUES_FD, EVENTS_FD = 3, 4
_OWN = ("audit", "places", "plain", "runner", "state")


def main() -> None:
    folder, packages = sys.argv[1].rstrip("/"), [p for p in sys.argv[2].split(":") if p]
    here = sys.argv[0].rpartition("/")[0]
    sys.path.insert(0, here)
    audit, places, plain, runner, state = (import_module(name) for name in _OWN)
    sys.path.remove(here)
    lines = _Lines()
    order = plain.decode(lines.next())
    nonce = plain.encode(order["nonce"], 200)
    values, events = audit.Channel(VALUES_FD), audit.Channel(EVENTS_FD)
    where = places.Places(folder, here, packages, [])
    runner._settle(folder, packages, order["file"], order["folders"])
    clock, leave, encode, decode = time.perf_counter, posix._exit, plain.encode, plain.decode
    for name in _OWN:
        del sys.modules[name]
    changes = state.Snapshot().changes
    sys.modules["__main__"] = type(sys)("__main__")
    tell = audit.install(events, where)
    tell("ready")

    def say(message: str) -> None:
        values.line(f"[{nonce},{message}]")

    own = asked = 0.0
    try:
        found = runner._load(order["file"], folder)
        function = runner._entry(found, order["entry"]) if type(found) is type(sys) else None
        if function is None:
            say(f'"{found if type(found) is str else "no-entry"}",""')
            leave(0)
        say('"ready"')
        args = decode(lines.next())
        looked, began = _asked(), clock()
        value = function(*args)
        own, asked = clock() - began, _asked() - looked
        message = f'"value",{encode(value, order["limit"])}'
    except plain.NotPlain as error:
        message = f'"not-plain",{encode(str(error), 1000)}'
    except SystemExit:
        message = '"exit",""'
    except MemoryError:
        message = '"memory",""'
    except BaseException as error:
        kind = "refused" if issubclass(type(error), NotImplementedError) else "raised"
        message = f'"{kind}",{encode(plain.type_name(error), 1000)}'
    say(message)
    say(f'"clock",{own!r},{asked!r}')
    for what, name in changes(where):
        tell(what, name)
    leave(0)


def _asked() -> float:
    """What the clock says that others would use."""
    try:
        found: Any = time.perf_counter()
        return float(found)
    except BaseException:
        return 0.0


class _Lines:
    """Lines of stdin, from a copy of it; the descriptor itself then leads nowhere."""

    def __init__(self) -> None:
        self._fd, self._read = posix.dup(0), posix.read
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        self._rest = b""

    def next(self) -> str:
        parts = [self._rest]
        while b"\n" not in parts[-1]:
            part = self._read(self._fd, 1 << 16)
            if not part:
                break
            parts.append(part)
        line, _, self._rest = b"".join(parts).partition(b"\n")
        return line.decode("ascii")


if __name__ == "__main__":
    main()
