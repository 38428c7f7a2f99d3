"""The box: one fresh process in the strongest isolation the machine offers.

The interface. `open_box()` probes once what the machine offers, by attacking it, and returns the
box; `Box.start` launches one process in it. Levels are in `boxes`.

What is not stopped
-------------------
On every level: bugs of the kernel and of the processor, and what can be learnt through caches and
timing. Use of the processor, of memory bandwidth and of the disk by one submission slows another
and whatever is timed beside it. Memory is limited for each process, so all of them together may
hold `processes` times as much, and kernel memory (pipes, sockets, empty files) is bounded by the
count of descriptors and by time only. A process may read its own code, its runner's included, write
anything it likes to its own pipes, and end itself with any status: what comes out is a claim.

NAMESPACES: facts about the machine stay readable (/proc/cpuinfo, /proc/cmdline, load, the names of
folders that are mounted, the host's clock), and so does everything in /usr. The inside may talk to
itself over loopback. On a processor other than x86_64 and aarch64 system calls are not filtered
(the box's `notes` say so). As an ordinary user, the submission has the user of the process that
starts it, which it can end, at the cost of its own end.

LANDLOCK: besides, process numbers and user names are those of the machine, and that a file exists,
its size and its times can be learnt, though not its content nor the names in a folder. All of the
standard library's folder is readable, packages installed there too. Locks of `multiprocessing`
do not work, since /dev/shm is everybody's. As an ordinary user without another to turn to, it may
change modes and times of that user's files, change the priority of that user's processes, and
needs a kernel of 6.12 for signals to its own children. The size of folders is looked at five times
a second, and so may be exceeded for as long.

UNISOLATED: almost everything. It is a process of the same user: it may read and write that user's
files, use the network, look for the answers, signal, stop or debug the grader, and leave the reach
of the clean-up by stopping its first process. What remains is that its answers are compared
elsewhere, that the expected values are not in it, and its limits. On systems other than Linux its
daemons may outlive it, and memory may be unlimited.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol

from trueup.errors import UserError
from trueup.goodhart.grade.limits import Limits

__all__ = ["Box", "Isolation", "Launch", "Mount", "Ran", "Running", "open_box"]

VALUES_FD = 3  # the child writes its answer here
EVENTS_FD = 4  # the child's audit hook writes here


class Isolation(StrEnum):
    """What a verdict says of how far the submission was kept apart, strongest first."""

    NAMESPACES = "namespaces"
    LANDLOCK = "landlock+seccomp"
    UNISOLATED = "unisolated"


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder of this machine that the process sees, read-only, at `target`.

    watched: it must stay the same inode, because a `boxes.watching.Watcher` looks at it; others may
    be copies.
    """

    source: Path
    target: str
    watched: bool = False


@dataclass(frozen=True, slots=True)
class Launch:
    """One process to start.

    command: argv as seen inside; the word `{python}` is the interpreter, `{packages}` the folders
    of its installed packages, joined by `:`. work: a folder whose content is copied to /box,
    private and writable, where the process starts; None for an empty one. mounts: what else it
    sees. environment: on top of a minimal one. packages: whether this Python's site-packages are
    visible; they are on PYTHONPATH then, which `-I` ignores.

    Only the strongest level has paths of its own. On the others a word of the command or a value of
    the environment that is /box, /tmp or the target of a mount, or a path below one, is rewritten
    to where that is. Paths that go in by other ways (stdin) must be relative to the work folder.
    """

    command: tuple[str, ...]
    work: Path | None = None
    mounts: tuple[Mount, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    packages: bool = False


@dataclass(frozen=True, slots=True)
class Ran:
    """How it ended.

    ended: "exited", "killed" (a signal), "timeout" or "limit" (it wrote more than it may; `why`
    says what). status: exit status, or minus the signal. values, events, stdout, stderr: what it
    wrote, cut at the limit. seconds: wall clock, from launch to end. cut: names of the streams cut.
    """

    ended: Literal["exited", "killed", "timeout", "limit"]
    status: int
    values: bytes
    events: bytes
    stdout: bytes
    stderr: bytes
    seconds: float
    cut: tuple[str, ...] = ()
    why: str = ""


class Running(Protocol):
    """A process in the box that has started."""

    def send(self, data: bytes) -> None:
        """Write to its stdin; silently lost when it has closed it."""

    def close_input(self) -> None:
        """Close its stdin."""

    def value_line(self, seconds: float) -> bytes | None:
        """The next line it wrote to the values pipe, without its newline; None after `seconds`, at
        its end, or beyond the output limit."""

    def finish(self) -> Ran:
        """Wait for its end within the limits, kill what is left, and say how it ended."""

    def abort(self) -> None:
        """Kill everything of it now; `finish` then says so."""


class Box(Protocol):
    """Where submissions run. Use as a context manager: it ends its processes and removes its
    temporary folders. Several threads may use one box.

    notes: what this machine could not give it, a sentence each.
    """

    isolation: Isolation
    notes: tuple[str, ...]

    def start(self, launch: Launch) -> Running:
        """Start one process; raise `UserError` when the command does not exist."""

    def run(self, launch: Launch, stdin: bytes = b"") -> Ran:
        """Start, send, close, finish."""

    def __enter__(self) -> Box: ...

    def __exit__(self, *exc: object) -> None: ...


def open_box(
    require: bool = False,
    weakest: Isolation | None = None,
    *,
    level: Isolation | None = None,
) -> Box:
    """The strongest box that this machine offers, found out once per process by attacking each.

    require: anything but `UNISOLATED`, or a `UserError`. weakest: at least this level, or a
    `UserError`. level: this level and no other, or a `UserError`.
    """
    if os.name != "posix":
        raise UserError(
            f"submissions cannot be run on {sys.platform}.",
            "Use Linux, or macOS without isolation.",
        )
    from trueup.goodhart.grade.boxes.choosing import choose

    return choose(Isolation.LANDLOCK if require and weakest is None else weakest, level)
