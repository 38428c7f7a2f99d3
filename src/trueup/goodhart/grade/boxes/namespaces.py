"""The strongest level: bubblewrap, and what it shows of this machine.

The process gets namespaces of its own (mounts, processes, network, IPC, host name, cgroups, and
users where this process is not root), a root folder that holds only what the interpreter needs,
read-only, and /box and /tmp in memory, of bounded size. As root, where a limit on processes would
not bind, `inside.lockdown` turns to a user that nobody is; it keeps the capabilities for that, and
the submission none.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from trueup.goodhart.grade.box import Isolation, Launch
from trueup.goodhart.grade.boxes import folders, interpreter, seccomp
from trueup.goodhart.grade.boxes.interpreter import DEVICES, FILES, SYSTEM, under
from trueup.goodhart.grade.boxes.local import PATH, LocalBox, Prepared, environment, rlimits
from trueup.goodhart.grade.boxes.users import draw_user

__all__ = ["NamespacesBox"]

SECCOMP_FD = 7
LOCKDOWN, WORK = "/run/lockdown.pyc", "/run/work"
PACKAGES = "/packages"
# Root's, until lockdown has copied the work folder and become another user.
_KEPT = ("CAP_SETUID", "CAP_SETGID", "CAP_CHOWN", "CAP_DAC_OVERRIDE")


class NamespacesBox(LocalBox):
    """See the module. as_root: stay in the user namespace of this process, and change users."""

    isolation = Isolation.NAMESPACES

    def __init__(self, *, as_root: bool, proc: bool = True, notes: tuple[str, ...] = ()) -> None:
        super().__init__(notes)
        self._as_root = as_root
        self._empty = self.stage / "empty"
        self._empty.mkdir(mode=0o755)
        self._files: dict[int, Path] = {}
        self._unbound = not as_root and os.geteuid() == 0
        if self._unbound:
            self.notes += ("it runs as root's user, whose processes are only counted at times",)
        code = seccomp.for_namespaces()
        if code is None:
            self.notes += ("system calls are not filtered on this kind of processor",)
        else:
            self._files[SECCOMP_FD] = self.stage / "seccomp.bpf"
            self._files[SECCOMP_FD].write_bytes(code)
            self.filtered = True
        self.has_proc = proc
        if not proc:
            self.notes += ("there is no /proc in the box",)
        self._fixed = [shutil.which("bwrap") or "bwrap", *self._isolation(proc)]
        self._fixed += [*_system(), *_python(), *_devices(), *_folders("/run/x")]
        self._run = [str(interpreter.executable()), "-I", "-S", "-B", LOCKDOWN]

    def prepare(self, launch: Launch) -> Prepared:
        uid = draw_user() if self._as_root else None
        folder = self.new_folder() if any(self._copied(launch)) else None
        try:
            command = [*self._fixed, *self._private(launch), *self._mounts(launch, folder)]
        except BaseException:
            if folder is not None:
                folders.remove(folder)
            raise
        if self.filtered:
            command += ["--seccomp", str(SECCOMP_FD)]
        packages = ":".join(target for _, target in _packages())
        named = {"{python}": str(interpreter.executable()), "{packages}": packages}
        words = [named.get(word, word) for word in launch.command]
        if "/" not in words[0]:
            words[0] = shutil.which(words[0], path=PATH) or words[0]
        found = environment(launch, packages)
        # In a user namespace lockdown itself counts as one of the user's processes.
        processes = launch.limits.processes + (uid is None)
        orders = {
            "command": words,
            "environment": {name: named.get(value, value) for name, value in found.items()},
            "folder": "/box",
            "copy": None if launch.work is None else (WORK, "/box"),
            "own": ["/box", "/tmp"],
            "uid": uid,
            "limits": rlimits(launch.limits, processes),
            "kill": "namespace",
        }
        return Prepared(
            [*command, "--", *self._run],
            orders,
            folder,
            counted=self._unbound,
            files=self._files,
        )

    def _isolation(self, proc: bool) -> Iterator[str]:
        yield from ("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts")
        yield from ("--unshare-cgroup-try", "--die-with-parent", "--new-session", "--as-pid-1")
        yield from ("--hostname", "box", "--clearenv", "--cap-drop", "ALL")
        for name, value in interpreter.loader().items():
            yield from ("--setenv", name, value)
        if self._as_root:
            for capability in _KEPT:
                yield from ("--cap-add", capability)
        else:
            yield from ("--unshare-user", "--uid", "1000", "--gid", "1000")
        if proc:
            yield from ("--proc", "/proc")

    def _private(self, launch: Launch) -> Iterator[str]:
        """What is this launch's own: bounded folders, the work, packages."""
        size = str(launch.limits.file_mb << 20)
        for folder in ("/tmp", "/box"):
            yield from ("--perms", "0700", "--size", size, "--tmpfs", folder)
        yield from ("--ro-bind", str(self.lockdown), LOCKDOWN)
        if launch.work is not None:
            yield from ("--ro-bind", str(launch.work.resolve()), WORK)
        for hidden in interpreter.base_packages():
            yield from ("--ro-bind", str(self._empty), str(hidden))
        if launch.packages:
            for source, target in _packages():
                yield from (*_folders(target), "--ro-bind", source, target)

    def _copied(self, launch: Launch) -> Iterator[bool]:
        """For each mount, whether the process's user could not read it where it is."""
        for mount in launch.mounts:
            yield self._as_root and not mount.watched and not folders.open_to_all(mount.source)

    def _mounts(self, launch: Launch, folder: Path | None) -> Iterator[str]:
        for number, (mount, copied) in enumerate(
            zip(launch.mounts, self._copied(launch), strict=True)
        ):
            source = mount.source.resolve()
            if copied and folder is not None:
                folders.copy(source, folder / str(number), None)
                source = folder / str(number)
            yield from (*_folders(mount.target), "--ro-bind", str(source), mount.target)
        yield from ("--remount-ro", "/")


def _system() -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    for path in SYSTEM:
        if os.path.islink(path):
            yield from ("--symlink", os.readlink(path), path)
        elif os.path.isdir(path):
            yield from ("--ro-bind", path, path)
    for path in FILES:
        if os.path.exists(path):
            yield from (*_folders(path), "--ro-bind", path, path)


def _python() -> Iterator[str]:
    """The interpreter and its libraries, where /usr does not hold them."""
    if under(interpreter.executable(), "/nix/store"):  # libraries are in folders beside it
        yield from ("--ro-bind", "/nix/store", "/nix/store")
        return
    for path in (*interpreter.libraries(), interpreter.executable()):
        if not any(under(path, root) for root in ("/usr", *SYSTEM)):
            yield from (*_folders(str(path)), "--ro-bind", str(path), str(path))


def _folders(target: str) -> Iterator[str]:
    """The folders above a target, open to every user; bubblewrap would make them for root only."""
    for folder in reversed(Path(target).parents):
        if folder.parts[1:2] not in ((), ("usr",)) and str(folder) not in ("/box", "/tmp"):
            yield from ("--perms", "0755", "--dir", str(folder))


def _devices() -> Iterator[str]:
    yield from ("--size", "4096", "--tmpfs", "/dev")
    for name in DEVICES:
        yield from ("--dev-bind", f"/dev/{name}", f"/dev/{name}")
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        yield from ("--symlink", f"/proc/self/fd{target}", f"/dev/{name}")
    yield from ("--symlink", "/tmp", "/dev/shm", "--remount-ro", "/dev")


def _packages() -> list[tuple[str, str]]:
    """Where the installed packages are, and where they are seen."""
    found = enumerate(interpreter.packages())
    return [(str(folder), f"{PACKAGES}/{number}") for number, folder in found]
