"""One process in a box, seen from outside: its streams, its clock, its end.

Everything happens in the thread that calls: each call reads whatever the process wrote, so that no
pipe fills while another is waited for. Nothing here trusts the process to read, to write or to end.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from trueup.goodhart.grade.box import Ran
from trueup.goodhart.grade.boxes.streams import Ends, close
from trueup.goodhart.grade.inside.lockdown import descendants
from trueup.goodhart.grade.limits import Limits

__all__ = ["Process"]

GRACE_S = 2.0  # for the first process of the box to kill the others, after which it is killed
MOST_REPORT = 1024  # bytes
LOOK_S = 0.2  # how often `grown` is asked
_TRIES = 4
_CHUNK = 1 << 16
_FULL = "OSError: [Errno 28]"  # lockdown could not copy the work folder
Ended = Literal["exited", "killed", "timeout", "limit"]


class Process:
    """See `box.Running`. started: `time.monotonic()` at the launch. grown: why the folders hold too
    much, "" as long as they do not. gone: called once, when everything has ended.
    """

    def __init__(
        self,
        ends: Ends,
        limits: Limits,
        started: float,
        grown: Callable[[], str],
        gone: Callable[[Process], None],
    ) -> None:
        self._ends = ends
        self._most = limits.output_kb * 1024
        self._started = started
        self._deadline = started + limits.seconds
        self._limit_s = limits.seconds
        self._grown = grown
        self._look = started + LOOK_S
        self._gone = gone
        self._got = {name: bytearray() for name in ends.streams}
        self._cut: list[str] = []
        self._line = 0
        self._why = ""
        self._how: Ended | None = None
        self._report = bytearray()
        self._ran: Ran | None = None
        self._lock = threading.RLock()
        self._closing = threading.Lock()
        self._poll = select.poll()
        for fd in (ends.status, *ends.streams.values()):
            self._poll.register(fd, select.POLLIN)

    def send(self, data: bytes) -> None:
        """Write to its stdin within its time; lost when it has closed it or does not read."""
        with self._lock:
            left = memoryview(data)
            while left and self._ends.stdin >= 0 and self._running():
                try:
                    left = left[os.write(self._ends.stdin, left[:_CHUNK]) :]
                except BlockingIOError:
                    self._poll.register(self._ends.stdin, select.POLLOUT)
                    self._pump(self._deadline)
                    if self._ends.stdin >= 0:
                        self._poll.unregister(self._ends.stdin)
                except OSError:
                    self.close_input()

    def close_input(self) -> None:
        """Close its stdin."""
        with self._lock:
            close(self._ends.stdin)
            self._ends.stdin = -1

    def value_line(self, seconds: float) -> bytes | None:
        """The next line of the values pipe, without its newline; None when none comes in time."""
        with self._lock:
            until = min(time.monotonic() + seconds, self._deadline)
            while True:
                values = self._got["values"]
                end = values.find(b"\n", self._line)
                if end >= 0:
                    line = bytes(values[self._line : end])
                    self._line = end + 1
                    return line
                over = "values" not in self._ends.streams or not self._running()
                if over or time.monotonic() >= until:
                    return None
                self._pump(until)

    def finish(self) -> Ran:
        """Wait for its end within the limits, kill what is left, and say how it ended."""
        with self._lock:
            if self._ran is not None:
                return self._ran
            try:
                while self._running():
                    self._pump(self._deadline)
                return self._end()
            except BaseException:
                self.abort()
                raise

    def kill(self) -> None:
        """Have everything of it killed, from any thread; whoever waits for its end sees it."""
        with self._closing:
            if self._ends.lifeline >= 0:
                with suppress(OSError):
                    os.write(self._ends.lifeline, b"k")

    def abort(self) -> None:
        """Kill everything of it, whatever it was doing."""
        with self._lock:
            if self._ran is None:
                self._how = self._how or "killed"
                self._end()

    def _running(self) -> bool:
        """Whether it goes on: not ended, within its time and its limits."""
        if self._how is not None or self._ends.status < 0:
            return False
        now = time.monotonic()
        if now >= self._deadline:
            self._pump(now)  # it may have ended in time
            if self._ends.status >= 0 and self._how is None:
                self._how, self._why = "timeout", f"it ran longer than {self._limit_s:g} s"
            return False
        if now >= self._look:
            self._look = now + LOOK_S
            if why := self._grown():
                self._how, self._why = "limit", why
                return False
        return True

    def _pump(self, until: float) -> None:
        """Wait for the next output or the end, no longer than `until` or the next look."""
        wait = max(0.0, min(until, self._look) - time.monotonic())
        ready = {fd for fd, _ in self._poll.poll(wait * 1000 + (wait > 0))}
        for name, fd in list(self._ends.streams.items()):
            if fd in ready:
                self._read(name, fd)
        if self._ends.status in ready:
            self._read_status()

    def _read(self, name: str, fd: int) -> None:
        """Read what is there, up to one byte more than it may write."""
        got = self._got[name]
        try:
            more = os.read(fd, min(_CHUNK, self._most + 1 - len(got)))
        except BlockingIOError:
            return
        got += more
        if len(got) > self._most:
            del got[self._most :]
            self._cut.append(name)
            self._how, self._why = "limit", f"it wrote more than {self._most:,} bytes to {name}"
        if not more or name in self._cut:
            self._close_stream(name)

    def _close_stream(self, name: str) -> None:
        fd = self._ends.streams.pop(name)
        self._poll.unregister(fd)
        os.close(fd)

    def _read_status(self) -> None:
        try:
            more = os.read(self._ends.status, 4096)
        except BlockingIOError:
            return
        self._report += more[: MOST_REPORT - len(self._report)]
        if not more:
            self._poll.unregister(self._ends.status)
            close(self._ends.status)
            self._ends.status = -1

    def _end(self) -> Ran:
        """Kill what is left, read what was written before, and close everything."""
        seconds = time.monotonic() - self._started
        try:
            if self._how is not None:
                self.kill()
            self._reap()
            if self._how != "limit":
                self._drain()
        finally:
            with self._closing:
                self._ends.close()
            self._gone(self)
        self._ran = self._result(seconds)
        return self._ran

    def _reap(self) -> None:
        """Wait for the outermost process; one that does not end in time is killed, and its own."""
        pid = self._ends.pid
        for _ in range(_TRIES):
            until, pause = time.monotonic() + GRACE_S, 0.0002
            while time.monotonic() < until:
                if _has_ended(pid):
                    return
                time.sleep(pause)
                pause = min(2 * pause, 0.01)
            for number in (*descendants(pid), pid):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(number, signal.SIGKILL)
        raise RuntimeError(f"process {pid} cannot be ended")

    def _drain(self) -> None:
        """What is still in the pipes. One that somebody holds open is left after what is there."""
        while self._ends.status >= 0:
            before = len(self._report)
            self._read_status()
            if len(self._report) == before:
                break
        for name in list(self._ends.streams):
            while (fd := self._ends.streams.get(name)) is not None:
                before = len(self._got[name])
                self._read(name, fd)
                if len(self._got[name]) == before:
                    break

    def _result(self, seconds: float) -> Ran:
        how, status, why = self._how, -signal.SIGKILL, self._why
        waited, said = _report(bytes(self._report))
        if waited is not None:
            status = _status(waited)
        if not self._report and how is None:
            said = "the box ended before it could report"
        why = why or said
        if how is None and said.startswith(_FULL):
            how = "limit"
        if how is None:
            how = "killed" if status < 0 else "exited"
        return Ran(
            ended=how,
            status=int(status),
            values=bytes(self._got["values"]),
            events=bytes(self._got["events"]),
            stdout=bytes(self._got["stdout"]),
            stderr=bytes(self._got["stderr"]),
            seconds=seconds,
            cut=tuple(self._cut),
            why=why,
        )


def _status(waited: int) -> int:
    """Exit status, or minus the signal; a wait status that says neither is a kill."""
    try:
        return os.waitstatus_to_exitcode(waited)
    except ValueError:
        return -signal.SIGKILL


def _has_ended(pid: int) -> bool:
    """Reap it; also true when somebody else in this program reaped it."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


def _report(said: bytes) -> tuple[int | None, str]:
    """Wait status (None when it was killed from outside) and reason, as the first process of the
    box wrote them; on the weaker levels the submission may have written there too."""
    number, _, why = said.decode("utf-8", "replace").partition("\n")
    known = number.isascii() and number.isdigit() and len(number) < 6
    return (int(number) if known else None), why
