"""Users that nobody is, one for each process, where this process may become others (root)."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

__all__ = ["busy", "draw_user", "effective", "reaches"]

# Above what systemd, containers and directories hand out, below what 32 signed bits hold.
LOWEST, HIGHEST = 1_900_000_000, 2_147_000_000


def draw_user() -> int | None:
    """A user and group number at random; None when this process may not change users.

    In a user namespace that maps few numbers it is drawn from the upper half of those, where it may
    be somebody's: rare, and still not the user of this process.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not may_change():
        return None
    users, groups = mapped("/proc/self/uid_map"), mapped("/proc/self/gid_map")
    if min(users, groups) > HIGHEST:
        return LOWEST + secrets.randbelow(HIGHEST - LOWEST)
    top = min(users, groups, 65_534)
    return top // 2 + secrets.randbelow(top - top // 2) if top > 1_000 else None


def may_change() -> bool:
    """Whether this process holds the capabilities to set user and group, on Linux."""
    needed = 1 << 6 | 1 << 7  # CAP_SETGID, CAP_SETUID
    return effective() & needed == needed


def effective() -> int:
    """This process's effective capabilities, as bits; 0 where the system has none."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def mapped(path: str) -> int:
    """How many numbers from 0 on the namespace maps without a gap."""
    try:
        rows = [tuple(map(int, line.split())) for line in Path(path).read_text().splitlines()]
    except (OSError, ValueError):
        return 0
    end = 0
    for first, _, count in sorted(rows):
        if first > end:
            break
        end = max(end, first + count)
    return end


def busy() -> int:
    """How many processes and threads this process's user has: what a limit on them counts."""
    me, count = os.geteuid(), 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == me:
                count += len(os.listdir(process / "task"))
        except OSError:
            continue
    return count


def reaches(path: Path) -> bool:
    """Whether every user may get to the path and read it."""
    try:
        above = all(folder.stat().st_mode & 0o001 for folder in path.parents)
        return above and bool(path.stat().st_mode & (0o001 if path.is_dir() else 0o004))
    except OSError:
        return False
