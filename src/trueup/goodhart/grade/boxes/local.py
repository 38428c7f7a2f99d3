"""What the boxes of every level share: threads, temporary folders, limits, the environment."""

from __future__ import annotations

import math
import os
import py_compile
import shutil
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trueup.errors import UserError
from trueup.goodhart.grade.box import Isolation, Launch, Ran
from trueup.goodhart.grade.boxes import folders, interpreter
from trueup.goodhart.grade.boxes.process import Process
from trueup.goodhart.grade.boxes.streams import Ends, spawn
from trueup.goodhart.grade.inside import lockdown
from trueup.goodhart.grade.inside.lockdown import descendants
from trueup.goodhart.grade.limits import Limits

__all__ = ["LocalBox", "Prepared", "environment", "rlimits"]

PATH = "/usr/local/bin:/usr/bin:/bin"
OPEN_FILES = 256
OWN_PROCESSES = 1  # lockdown may be among the descendants
STAGE_MODE = 0o711  # other users may pass, not look around


@dataclass(frozen=True, slots=True)
class Prepared:
    """A launch as one level carries it out.

    command: of the outermost process. orders: for `inside.lockdown`. folder: what to measure while
    it runs and to remove after it; None when the level needs none. measured, counted: whether the
    size of the folder and the count of processes are only held by looking at them now and then.
    files: opened for the outermost process, by descriptor.
    """

    command: Sequence[str]
    orders: Mapping[str, Any]
    folder: Path | None = None
    measured: bool = False
    counted: bool = False
    files: Mapping[int, Path] = field(default_factory=dict)


class LocalBox(ABC):
    """See `box.Box`. A level says in `prepare` how it starts a process.

    filtered: whether system calls are. has_proc: whether there is a /proc.
    """

    isolation: Isolation
    filtered = False
    has_proc = True

    def __init__(self, notes: tuple[str, ...] = ()) -> None:
        self.notes = notes
        self._lock = threading.Lock()
        self._live: set[Process] = set()
        self._count = 0
        # A process dies with the thread that started it where the kernel is asked to end it with
        # its parent, so one thread that lives as long as the box starts all of them.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="box")
        self._stage = tempfile.TemporaryDirectory(prefix="trueup-box-", ignore_cleanup_errors=True)
        self.stage = Path(self._stage.name)
        self.stage.chmod(STAGE_MODE)
        self.lockdown = self.stage / "lockdown.pyc"
        source = Path(lockdown.__file__)
        py_compile.compile(str(source), str(self.lockdown), dfile=source.name, doraise=True)
        self.lockdown.chmod(0o644)

    @abstractmethod
    def prepare(self, launch: Launch) -> Prepared:
        """What to start, with its folder in place."""

    def start(self, launch: Launch) -> Process:
        """Start one process; raise `UserError` when the command does not exist."""
        _check(launch)
        prepared = self.prepare(launch)
        future = None
        try:
            future = self._starter.submit(self._spawn, prepared, launch.limits)
            return future.result()
        except BaseException:
            if future is not None and not future.cancel() and future.exception() is None:
                future.result().abort()
            elif prepared.folder is not None:
                folders.remove(prepared.folder)
            raise

    def run(self, launch: Launch, stdin: bytes = b"") -> Ran:
        """Start, send, close, finish."""
        process = self.start(launch)
        try:
            process.send(stdin)
            process.close_input()
            return process.finish()
        except BaseException:
            process.abort()
            raise

    def new_folder(self) -> Path:
        """An empty folder for one launch."""
        with self._lock:
            self._count += 1
            folder = self.stage / str(self._count)
        folder.mkdir()
        return folder

    def close(self) -> None:
        """End what runs, and remove the temporary folders."""
        with self._lock:
            live = list(self._live)
        for process in live:
            process.kill()
        for process in live:
            process.abort()
        self._starter.shutdown()
        self._stage.cleanup()

    def __enter__(self) -> LocalBox:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _spawn(self, prepared: Prepared, limits: Limits) -> Process:
        started = time.monotonic()
        ends: Ends = spawn(prepared.command, prepared.orders, interpreter.loader(), prepared.files)

        def grown() -> str:
            if prepared.counted and len(descendants(ends.pid)) > limits.processes + OWN_PROCESSES:
                return f"it started more than {limits.processes} processes"
            if prepared.measured and prepared.folder is not None:
                return folders.holds_more(prepared.folder, limits.file_mb << 20)
            return ""

        def gone(process: Process) -> None:
            with self._lock:
                self._live.discard(process)
            if prepared.folder is not None:
                folders.remove(prepared.folder)

        process = Process(ends, limits, started, grown, gone)
        with self._lock:
            self._live.add(process)
        return process


def rlimits(limits: Limits, processes: int | None) -> list[tuple[str, int]]:
    """What `inside.lockdown` sets, by name. processes: None where a count would bind others too."""
    names = [
        ("RLIMIT_CPU", math.ceil(limits.seconds) + 1),
        ("RLIMIT_AS", limits.memory_mb << 20),
        ("RLIMIT_FSIZE", limits.file_mb << 20),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_NOFILE", OPEN_FILES),
        ("RLIMIT_MSGQUEUE", 0),
        ("RLIMIT_MEMLOCK", 1 << 16),
    ]
    return names if processes is None else [*names, ("RLIMIT_NPROC", processes)]


def environment(launch: Launch, packages: str) -> dict[str, str]:
    """What the process finds in its environment, as seen inside."""
    minimal = {
        "PATH": PATH,
        "HOME": "/box",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "random",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if launch.packages:
        minimal["PYTHONPATH"] = packages
    return minimal | interpreter.loader() | dict(launch.environment)


def _check(launch: Launch) -> None:
    """What would fail inside in a way that looks like the submission's fault."""
    if not launch.command:
        raise UserError("the command is empty.", "Give a program and its arguments.")
    if launch.work is not None:
        if not launch.work.is_dir():
            raise UserError(f"the work folder {launch.work} does not exist.", "Check its path.")
        if more := folders.holds_more(launch.work, launch.limits.file_mb << 20):
            raise UserError(f"the work folder cannot be used: {more}.", "Raise the limit file_mb.")
    for mount in launch.mounts:
        if not mount.source.exists():
            raise UserError(f"{mount.source} does not exist.", "Check the path.")
    if not _exists(launch.command[0], launch):
        raise UserError(
            f"the command {launch.command[0]!r} does not exist.",
            "Name a program on the PATH of the box, a path, or {python}.",
        )


def _exists(name: str, launch: Launch) -> bool:
    """Whether the program is there; one that may come into being later counts."""
    if name == "{python}":
        return True
    if "/" not in name:
        return shutil.which(name, path=PATH) is not None
    if not name.startswith("/") or name.startswith("/box/"):
        path = name.removeprefix("/box/")
        return launch.work is not None and (launch.work / path).exists()
    for mount in launch.mounts:
        if name == mount.target or name.startswith(f"{mount.target}/"):
            return (mount.source / name[len(mount.target) + 1 :]).exists()
    return os.access(name, os.X_OK)
