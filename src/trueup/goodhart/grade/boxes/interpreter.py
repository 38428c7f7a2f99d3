"""What of this machine a Python in the box needs to see."""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import cache
from pathlib import Path

__all__ = [
    "DEVICES", "FILES", "SYSTEM", "base_packages", "executable", "libraries", "loader", "packages",
    "under",
]  # fmt: skip

SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")  # beside /usr, or links into it
FILES = ("/etc/ld.so.cache", "/etc/alternatives")
DEVICES = ("null", "zero", "full", "random", "urandom")
_NAMES = ("site-packages", "dist-packages")


@cache
def executable() -> Path:
    """The interpreter itself, outside of any virtual environment."""
    return Path(os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable))


@cache
def libraries() -> tuple[Path, ...]:
    """The folders of the standard library and of the shared libraries beside it."""
    found = [Path(p) / lib for p in (sys.base_prefix, sys.base_exec_prefix) for lib in _LIBS]
    return tuple(dict.fromkeys(path for path in found if path.is_dir()))


_LIBS = ("lib", "lib64")


@cache
def packages() -> tuple[Path, ...]:
    """The folders of this Python's installed packages."""
    found = [Path(entry) for entry in sys.path if Path(entry).name in _NAMES]
    return tuple(dict.fromkeys(path for path in found if path.is_dir()))


@cache
def base_packages() -> tuple[Path, ...]:
    """Folders of packages that would be seen along with the standard library."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    roots = [*libraries(), Path("/usr/lib"), Path("/usr/local/lib")]
    found = [
        root / python / name for root in roots for python in (version, "python3") for name in _NAMES
    ]
    return tuple(dict.fromkeys(path for path in found if path.is_dir()))


@cache
def loader() -> dict[str, str]:
    """The variable without which an interpreter built on a shared library may not find it."""
    if sys.platform != "linux" or not sysconfig.get_config_var("Py_ENABLE_SHARED"):
        return {}
    folders = [str(path) for path in libraries() if not under(path, "/usr")]
    return {"LD_LIBRARY_PATH": os.pathsep.join(folders)} if folders else {}


def under(path: Path, root: str | Path) -> bool:
    """Whether the path is `root` or below it, by name."""
    return path == Path(root) or Path(root) in path.parents
