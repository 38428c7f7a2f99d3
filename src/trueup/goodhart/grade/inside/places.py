"""Whose code a file name belongs to, and whose business a path is.

Standard library only, and of that only builtin modules: it is on the path of every launch.
"""

from __future__ import annotations

import posix
import sys

__all__ = ["Places"]

_HONEST_PLACES = (
    "/tmp/", "/var/tmp/", "/dev/", "/usr/share/zoneinfo/", "/usr/share/locale/",
    "/usr/lib/locale/", "/etc/localtime", "/etc/timezone", "/etc/mime.types", "/etc/os-release",
    "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu/", "/sys/fs/cgroup/",
)  # fmt: skip
_TELLING_PLACES = ("/dev/fd/", "/dev/stdin/")


class Places:
    """Where code and files of each sort are. work: the submission's folder, without a slash; own:
    what the runner's code is compiled under; decoys: files in the work folder that are not its."""

    def __init__(self, work: str, own: str, packages: list[str], decoys: list[str]) -> None:
        self.work = work
        self.root = work.rpartition("/")[0]
        self.own = own
        temporary = posix.environ.get(b"TMPDIR", b"/tmp").decode("utf-8", "surrogateescape")
        self.temporary = temporary.rstrip("/") + "/"
        library = {path.rstrip("/") + "/" for path in sys.path if path != work and path}
        self.library = tuple(library | {p.rstrip("/") + "/" for p in packages})
        self.packages = tuple(p.rstrip("/") + "/" for p in packages)
        self.prefixes = tuple({f"{sys.prefix}/", f"{sys.base_prefix}/"} - {"/usr/", "//"})
        self.decoys = frozenset(f"{work}/{name}" for name in decoys)
        self.spoofed: set[str] = set()

    def module_of(self, filename: str) -> str | None:
        """The standard or installed module that a code's file name belongs to ("numpy.core" is
        "numpy"); "" for the import machinery and the runner; None for the submission's."""
        if filename in self.spoofed:
            return None
        if filename.startswith(("<frozen importlib", "<frozen zipimport")):
            return ""
        if filename.startswith("<frozen "):
            return filename[8:-1].partition(".")[0]
        if filename.startswith(f"{self.own}/"):
            return ""
        if filename.startswith(f"{self.work}/"):
            return None
        for folder in self.library:
            if filename.startswith(folder):
                first = filename[len(folder) :].partition("/")[0]
                return first.removesuffix(".py")
        return None

    def told(self, path: str) -> str | None:
        """The full path when opening it is worth telling, else None."""
        full = _full(path)
        if full in self.decoys:
            return full.removeprefix(f"{self.work}/")
        if f"{full}/".startswith(f"{self.work}/{self.own}/"):  # the runner's files, by its frames
            return f"{self.own}/"
        if f"{full}/".startswith((f"{self.work}/", self.temporary)):
            return None
        if full.startswith(_TELLING_PLACES):
            return full
        if self.root and f"{full}/".startswith(f"{self.root}/"):
            return f"../{full[len(self.root) + 1 :]}"
        if f"{full}/".startswith((*_HONEST_PLACES, *self.library, *self.prefixes)):
            return None
        return full


def _full(path: str) -> str:
    parts: list[str] = []
    start = path if path.startswith("/") else f"{posix.getcwd()}/{path}"
    for part in start.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)
