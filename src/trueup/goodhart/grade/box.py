"""The box: one fresh process in the strongest isolation the machine offers.

The interface. `open_box()` probes once what the machine offers and returns the box; `Box.start`
launches one process in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol

from trueup.goodhart.grade.limits import Limits

__all__ = ["Box", "Isolation", "Launch", "Mount", "Ran", "Running"]

VALUES_FD = 3  # the child writes its answer here
EVENTS_FD = 4  # the child's audit hook writes here


class Isolation(StrEnum):
    """What a verdict says of how far the submission was kept apart, strongest first."""

    NAMESPACES = "namespaces"
    LANDLOCK = "landlock+seccomp"
    UNISOLATED = "unisolated"


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder of this machine that the process sees, read-only, at `target`."""

    source: Path
    target: str


@dataclass(frozen=True, slots=True)
class Launch:
    """One process to start.

    command: argv as seen inside; `{python}` as its first word is the interpreter. work: a folder
    whose content is copied to /work, private and writable, where the process starts; None for an
    empty one. mounts: what else it sees. python_path: folders put on sys.path by the runner's own
    doing, not here. watched: files outside whose opening is evidence (canaries). packages: whether
    this Python's site-packages are visible.
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


class Box(Protocol):
    """Where submissions run. Use as a context manager: it removes its temporary folders."""

    isolation: Isolation

    def start(self, launch: Launch) -> Running:
        """Start one process; raise `UserError` when the command does not exist."""

    def run(self, launch: Launch, stdin: bytes = b"") -> Ran:
        """Start, send, close, finish."""

    def __enter__(self) -> Box: ...

    def __exit__(self, *exc: object) -> None: ...
