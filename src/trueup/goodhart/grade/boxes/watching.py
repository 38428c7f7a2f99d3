"""Whether a decoy was opened, seen from outside: inotify (Linux) on the files themselves.

A watch is on the inode, so it sees an opening through any mount or hard link, by any process, and
nothing inside can tell that it is there. Anything else on the machine that opens the decoys, such
as a virus scanner, is seen as well: keep them in a folder made for one grading.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from pathlib import Path

__all__ = ["Watcher"]

_IN_OPEN, _IN_ISDIR = 0x20, 0x40000000
_HEADER = struct.Struct("iIII")  # watch, mask, cookie, length of the name
_BUFFER = 1 << 16


class Watcher:
    """Watches the files below `folder` while it is entered. Mount the folder, or parts of it, with
    `Mount(..., watched=True)`, from inside the `with`.

    Entering makes the files readable to every user, since the submission may run as another. works:
    False where the system has no inotify; `why` then says so, and `opened` is always empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.why = "" if sys.platform == "linux" else "file openings can only be seen on Linux"
        self._fd = -1
        self._names: dict[int, str] = {}
        self._opened: dict[str, None] = {}

    @property
    def works(self) -> bool:
        return not self.why

    def opened(self) -> tuple[str, ...]:
        """The files opened since it was entered, each once, relative to the folder, in order."""
        while self._fd >= 0:
            try:
                events = os.read(self._fd, _BUFFER)
            except BlockingIOError:
                break
            at = 0
            while at < len(events):
                watch, mask, _, length = _HEADER.unpack_from(events, at)
                at += _HEADER.size + length
                if mask & _IN_OPEN and not mask & _IN_ISDIR and watch in self._names:
                    self._opened[self._names[watch]] = None
        return tuple(self._opened)

    def __enter__(self) -> Watcher:
        if self.works:
            self._watch()
        return self

    def __exit__(self, *exc: object) -> None:
        self.opened()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _watch(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            self.why = f"file openings cannot be seen: {os.strerror(ctypes.get_errno())}"
            return
        self.folder.chmod(self.folder.stat().st_mode | 0o555)
        for path in sorted(self.folder.rglob("*")):
            if path.is_symlink():
                continue
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
            if path.is_file():
                watch = libc.inotify_add_watch(self._fd, os.fsencode(path), _IN_OPEN)
                if watch < 0:
                    self.why = f"a decoy cannot be watched: {os.strerror(ctypes.get_errno())}"
                    continue
                self._names[watch] = path.relative_to(self.folder).as_posix()
