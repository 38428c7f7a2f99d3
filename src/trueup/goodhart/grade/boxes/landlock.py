"""Without namespaces: Landlock for files and TCP, seccomp for system calls, another user as root.

The kernel lets a process lock itself in (landlock(7), from ABI 3 on: before that files outside
could be truncated), so this needs no rights and works where namespaces are refused. Paths and
process numbers are those of this machine; files that are not granted cannot be opened, but one can
learn that they exist.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from trueup.goodhart.grade.box import Isolation, Launch
from trueup.goodhart.grade.boxes import folders, interpreter, seccomp
from trueup.goodhart.grade.boxes.interpreter import DEVICES, FILES, SYSTEM, under
from trueup.goodhart.grade.boxes.local import LocalBox, Prepared, rlimits
from trueup.goodhart.grade.boxes.plain import Rewritten, first_process, staged
from trueup.goodhart.grade.boxes.users import busy, draw_user, effective, reaches
from trueup.goodhart.grade.inside.lockdown import OWN_PID

__all__ = ["LEAST_ABI", "LandlockBox", "abi"]

LEAST_ABI = 3
_EXECUTE, _WRITE, _READ, _LIST = 1, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE = 1 << 14
_DEVICE_NODES = 1 << 6 | 1 << 11  # making character and block devices
_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE
_SEE = _EXECUTE | _READ | _LIST
_DAC_READ_SEARCH = 1 << 2  # CAP_DAC_READ_SEARCH


@cache
def abi() -> int:
    """Which Landlock the kernel has; 0 for none."""
    if sys.platform != "linux":
        return 0
    version = ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint(1))
    return max(0, int(version))


class LandlockBox(LocalBox):
    """See the module. known_abi: use no more than this one (an older kernel, in tests)."""

    isolation = Isolation.LANDLOCK
    filtered = True

    def __init__(self, *, known_abi: int | None = None, own_user: bool = False) -> None:
        super().__init__()
        self._abi = min(abi(), known_abi or 99)
        self._kept = 0
        self._other_user = not own_user and self._find_user()
        if not self._other_user:
            self.notes += ("it runs as the user of this process, whose processes are all counted",)
        scoped = self._abi >= 6
        if not scoped:
            self.notes += ("this kernel cannot keep signals in, so it may signal itself only",)
        alone = None if scoped or self._other_user else int.from_bytes(OWN_PID, "little")
        self._filter = seccomp.for_landlock(alone)

    @property
    def works(self) -> bool:
        """Whether the kernel and the processor have what this level needs."""
        return self._abi >= LEAST_ABI and self._filter is not None

    def prepare(self, launch: Launch) -> Prepared:
        folder = self.new_folder()
        try:
            uid = draw_user() if self._other_user else None
            seen = staged(launch, folder, uid)
            most = launch.limits.processes
            orders = seen.orders() | {
                "uid": uid,
                "kill": "descendants" if uid is None else "uid",
                "limits": rlimits(launch.limits, busy() + 4 * most if uid is None else most),
                "walls": {
                    "handled": self._handled(),
                    "granted": list(self._granted(launch, seen)),
                    "capabilities": self._kept,
                    "filter": self._filter,
                },
            }
        except BaseException:
            folders.remove(folder)
            raise
        return Prepared(first_process(self.lockdown), orders, folder, measured=True, counted=True)

    def _find_user(self) -> bool:
        """Whether another user could run the interpreter, if need be with one capability."""
        if draw_user() is None:
            return False
        needed = (interpreter.executable(), *interpreter.libraries(), self.stage)
        if not all(map(reaches, needed)):
            self._kept = _DAC_READ_SEARCH & effective()
            return bool(self._kept)
        return True

    def _handled(self) -> tuple[int, int, int]:
        """Rights over files, over TCP, and what is kept in: everything that the kernel knows."""
        files = {3: 15, 4: 15}.get(self._abi, 16)
        return (1 << files) - 1, 3 if self._abi >= 4 else 0, 3 if self._abi >= 6 else 0

    def _granted(self, launch: Launch, seen: Rewritten) -> Iterator[tuple[str, int]]:
        handled = self._handled()[0]
        shown = [Path(path) for path in ("/usr", *SYSTEM, *FILES)]
        shown += [interpreter.executable(), *interpreter.libraries()]
        shown += interpreter.packages() if launch.packages else ()
        own = [seen.places["/box"], seen.places["/tmp"]]
        shown += [path for path in seen.shown if not any(under(path, place) for place in own)]
        for path in shown:
            yield str(path), _SEE if path.is_dir() else _SEE & _OF_FILES
        for name in DEVICES:
            yield f"/dev/{name}", _READ | _WRITE  # the only writing outside, and it leaves nothing
        for place in own:
            yield str(place), handled & ~_DEVICE_NODES & ~(1 << 15)
