"""Which box this machine gets: the strongest that holds when it is attacked."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from trueup.errors import TrueupError, UserError
from trueup.goodhart.grade.box import Box, Isolation, Launch, Mount
from trueup.goodhart.grade.boxes.landlock import LEAST_ABI, LandlockBox, abi
from trueup.goodhart.grade.boxes.local import LocalBox
from trueup.goodhart.grade.boxes.namespaces import NamespacesBox
from trueup.goodhart.grade.boxes.plain import PlainBox
from trueup.goodhart.grade.boxes.users import draw_user
from trueup.goodhart.grade.inside import probe
from trueup.goodhart.grade.limits import Limits

__all__ = ["choose", "holes"]

Make = Callable[..., LocalBox]
_ORDER = tuple(Isolation)
_PATIENCE = Limits(seconds=20.0)  # a loaded machine is not a weak box
_lock = threading.Lock()
_found: dict[Isolation, tuple[Make | None, tuple[str, ...]]] = {}


def choose(weakest: Isolation | None, level: Isolation | None) -> Box:
    """See `box.open_box`."""
    failures: tuple[str, ...] = ()
    for candidate in _ORDER if level is None else (level,):
        if weakest is not None and _ORDER.index(candidate) > _ORDER.index(weakest):
            break
        make, notes = _level(candidate)
        if make is not None:
            box = make()
            box.notes = (*failures, *notes, *box.notes)
            return box
        failures += notes
    wanted = level or weakest or _ORDER[-1]
    raise UserError(
        f"this machine cannot isolate a submission at level {wanted.value!r}: {_said(failures)}",
        "Install bubblewrap, allow user namespaces, or accept a weaker level.",
    )


def _said(failures: tuple[str, ...]) -> str:
    return "; ".join(failures) + "." if failures else "a stronger level was not asked for."


def _level(level: Isolation) -> tuple[Make | None, tuple[str, ...]]:
    """How to make a box of this level, None when the machine cannot; and what to know of it."""
    with _lock:
        if level not in _found:
            _found[level] = _try(level)
        return _found[level]


def _try(level: Isolation) -> tuple[Make | None, tuple[str, ...]]:
    if level is Isolation.UNISOLATED:
        return PlainBox, ()
    why = []
    for make in _ways(level):
        with make() as box:
            found = holes(box)
        if not found:
            return make, ()
        why.append(found[0])
    first = why[0] if why else _missing(level)
    return None, (f"{level.value} is not to be had: {first}",)


def _ways(level: Isolation) -> Iterator[Make]:
    """The ways to make a box of a level, best first."""
    if sys.platform != "linux":
        return
    if level is Isolation.NAMESPACES and shutil.which("bwrap"):
        for as_root in (True, False) if draw_user() is not None else (False,):
            yield partial(NamespacesBox, as_root=as_root)
            yield partial(NamespacesBox, as_root=as_root, proc=False)
    if level is Isolation.LANDLOCK and abi() >= LEAST_ABI:
        yield LandlockBox


def _missing(level: Isolation) -> str:
    if sys.platform != "linux":
        return "it needs Linux"
    if level is Isolation.NAMESPACES:
        return "bubblewrap (bwrap) is not installed"
    return f"the kernel has Landlock ABI {abi()}, and {LEAST_ABI} is needed"


def holes(box: LocalBox) -> list[str]:
    """Attack the box: what a submission could do in it and must not, a phrase each."""
    with (
        tempfile.TemporaryDirectory(prefix="trueup-marker-") as folder,
        closing(socket.socket()) as server,
    ):
        server.bind(("127.0.0.1", 0))
        server.listen()
        os.chmod(folder, 0o777)
        marker = Path(folder) / "marker"
        marker.write_text("outside")
        marker.chmod(0o666)
        script = Mount(Path(probe.__file__), "/run/probe.py")
        command = (
            "{python}", "-I", "-S", script.target, str(server.getsockname()[1]), str(os.getpid()),
            str(_processes(box)), str(int(box.filtered)),
        )  # fmt: skip
        try:
            launch = Launch(command, mounts=(script,), limits=_PATIENCE)
            ran = box.run(launch, str(marker).encode())
        except (OSError, TrueupError) as error:
            return [str(error)]
    lines = ran.values.decode("utf-8", "replace").split("\n")
    if lines[-2:-1] == ["done"]:
        return lines[:-2]
    said = [ran.why, *ran.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]]
    return [next((text for text in said if text), "its attacks did not end")]


def _processes(box: LocalBox) -> int:
    """The inode of this process's namespace of processes, where the box shall have another."""
    if box.isolation is not Isolation.NAMESPACES or not box.has_proc:
        return 0
    return os.stat("/proc/self/ns/pid").st_ino
