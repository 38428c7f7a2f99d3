"""Run one command in a session of its own, with a time limit, and leave nothing of it behind."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trueup.errors import UserError

__all__ = ["Ended", "launch"]

_MARK = "TRUEUP_ATTACK_RUN"  # in the environment of every process of one run
_KEPT = 1 << 20  # bytes of output that are kept


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. status: exit status, minus the signal; None at the time limit."""

    status: int | None
    stdout: str
    stderr: str
    seconds: float


def launch(
    command: Sequence[str], cwd: Path, environment: Mapping[str, str], seconds: float
) -> Ended:
    """Run the command and wait for it; then kill its session and whatever left that session.

    Raises `UserError` when it cannot be started.
    """
    mark = secrets.token_hex(8)
    start = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**environment, _MARK: mark},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        except OSError as error:
            raise UserError(
                f"The grader cannot be started: {command[0]!r}: {error.strerror}.",
                "Give a command that runs in a shell, such as: python grade.py {submission}",
            ) from error
        try:
            status: int | None = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        _end(process, mark)
        taken = time.monotonic() - start
        return Ended(status, _tail(out), _tail(err), taken)


def _tail(file: IO[bytes]) -> str:
    handle = file.fileno()
    size = os.fstat(handle).st_size
    low = max(0, size - _KEPT)
    return os.pread(handle, _KEPT, low).decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes], mark: str) -> None:
    """Kill the session, then, twice, every process whose environment carries the mark."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for _ in range(2):
        for left in _marked(mark):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(left, signal.SIGKILL)


def _marked(mark: str) -> list[int]:
    """Processes that this run started and that left its session (Linux; elsewhere none)."""
    wanted = f"{_MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found
