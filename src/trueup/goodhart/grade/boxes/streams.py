"""The pipes between the parent and the box, and starting a process on the far end of them."""

from __future__ import annotations

import fcntl
import marshal
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup.errors import UserError
from trueup.goodhart.grade.box import EVENTS_FD, VALUES_FD
from trueup.goodhart.grade.inside.lockdown import LIFELINE_FD, STATUS_FD

__all__ = ["Ends", "close", "spawn"]

MOST_ORDERS = 60_000  # bytes: those of a command and its environment, not of a data set
_FROM_CHILD = {"stdout": 1, "stderr": 2, "values": VALUES_FD, "events": EVENTS_FD}
_OUT_OF_THE_WAY = 64  # above every number that the child's ends get
_DEFAULTED = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGPIPE", "SIGXFSZ", "SIGCHLD")
    if hasattr(signal, name)
]


@dataclass(slots=True)
class Ends:
    """The parent's ends, all non-blocking. pid: the outermost process, to be waited for."""

    pid: int
    stdin: int
    lifeline: int
    status: int
    streams: dict[str, int]

    def close(self) -> None:
        for fd in (self.stdin, self.lifeline, self.status, *self.streams.values()):
            close(fd)
        self.stdin = self.lifeline = self.status = -1
        self.streams = {}


def spawn(
    command: Sequence[str],
    orders: Mapping[str, Any],
    environment: Mapping[str, str],
    files: Mapping[int, Path] | None = None,
) -> Ends:
    """Start `command` (the outermost process) with the pipes in place and nothing else.

    orders: for `inside.lockdown`. files: opened for reading at
    these numbers. Raises `UserError` when the orders are too long.
    """
    packed = marshal.dumps(dict(orders))
    if len(packed) > MOST_ORDERS:
        raise UserError(
            f"the command and environment hold {len(packed):,} bytes, more than {MOST_ORDERS:,}.",
            "Pass long inputs through stdin or a file.",
        )
    with _pipes(files or {}) as (ours, theirs):
        actions = [(os.POSIX_SPAWN_DUP2, here, there) for there, here in theirs.items()]
        pid = os.posix_spawn(
            command[0],
            list(command),
            environment,
            file_actions=actions,
            setpgroup=0,
            setsigmask=[],
            setsigdef=_DEFAULTED,
        )
        with suppress(BrokenPipeError):  # it failed already, and says why on stderr
            os.write(ours[LIFELINE_FD], len(packed).to_bytes(4, "big") + packed)
        for fd in ours.values():
            os.set_blocking(fd, False)
        streams = {name: ours.pop(number) for name, number in _FROM_CHILD.items()}
        return Ends(pid, ours.pop(0), ours.pop(LIFELINE_FD), ours.pop(STATUS_FD), streams)


def close(fd: int) -> None:
    """Close, if it is open."""
    if fd >= 0:
        os.close(fd)


@contextmanager
def _pipes(files: Mapping[int, Path]) -> Iterator[tuple[dict[int, int], dict[int, int]]]:
    """Our ends and the child's, by the child's number; what is left of them is closed."""
    ours: dict[int, int] = {}
    theirs: dict[int, int] = {}
    try:
        for number in (0, LIFELINE_FD, STATUS_FD, *_FROM_CHILD.values()):
            read, write = os.pipe()
            child_reads = number in (0, LIFELINE_FD)
            ours[number], low = (write, read) if child_reads else (read, write)
            theirs[number] = _high(low)
        for number, path in files.items():
            theirs[number] = _high(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        yield ours, theirs
    finally:
        for fd in (*ours.values(), *theirs.values()):
            os.close(fd)


def _high(fd: int) -> int:
    """The same under a number that no dup2 of the start overwrites."""
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY)
    finally:
        os.close(fd)
