"""Folders that somebody hostile wrote in: copying, measuring, removing, without trusting them."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

__all__ = ["copy", "holds_more", "linked", "open_to_all", "remove"]

MOST_ENTRIES = 10_000  # files, folders and links together


def copy(source: Path, target: Path, uid: int | None) -> None:
    """Copy a file, or a folder with what is in it, to `target`; links stay links, and what is there
    already stays, so that a link in the source never leads a later copy astray.

    uid: who shall own the copy. Sockets, devices and pipes are left behind.
    """
    for here, there in _pairs(source, target):
        taken = os.path.lexists(there) and not (_is_folder(here) and _is_folder(there))
        if taken or not _is_folder(there.parent):  # which is a file where one was in its place
            continue
        if here.is_symlink():
            os.symlink(os.readlink(here), there)
        elif here.is_dir():
            there.mkdir(exist_ok=True)
        elif here.is_file():
            shutil.copyfile(here, there)
            os.chmod(there, here.stat().st_mode & 0o777 | 0o644)
        else:
            continue
        if uid is not None:
            os.chown(there, uid, uid, follow_symlinks=False)


def linked(source: Path, target: Path) -> bool:
    """The same with hard links, so that the files stay the same inodes and are not opened; whether
    the file system allowed it."""
    try:
        for here, there in _pairs(source, target):
            if _is_folder(here):
                there.mkdir(exist_ok=True)
            else:
                os.link(here, there, follow_symlinks=False)
    except OSError:
        return False
    return True


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _pairs(source: Path, target: Path) -> Iterator[tuple[Path, Path]]:
    """Each path below `source`, itself first, and where it goes; folders before their content."""
    target.parent.mkdir(parents=True, exist_ok=True)
    todo = [(source, target)]
    while todo:
        here, there = todo.pop()
        yield here, there
        if _is_folder(here):
            todo += [(Path(entry.path), there / entry.name) for entry in os.scandir(here)]


def open_to_all(path: Path) -> bool:
    """Whether every user may read the file, or the folder and all that is in it."""
    todo = [path]
    while todo:
        here = todo.pop()
        try:
            mode = here.lstat().st_mode
            if here.is_symlink():
                continue
            if here.is_dir():
                if mode & 0o005 != 0o005:
                    return False
                todo += [Path(entry.path) for entry in os.scandir(here)]
            elif not mode & 0o004:
                return False
        except OSError:
            return False
    return True


def holds_more(folder: Path, most: int) -> str:
    """Why the folder holds too much, "" when it does not. most: bytes."""
    size = 0
    for entries, entry in enumerate(_walk(folder), 1):
        with contextlib.suppress(OSError):
            size += entry.stat(follow_symlinks=False).st_size
        if size > most:
            return f"its files hold more than {most:,} bytes"
        if entries > MOST_ENTRIES:
            return f"it made more than {MOST_ENTRIES:,} files"
    return ""


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    todo = [os.fspath(folder)]
    while todo:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                    yield entry
        except OSError:
            continue


def remove(folder: Path) -> None:
    """Remove a folder, however deep it goes and whatever modes were set in it.

    Folders are moved up before they are looked into, so that no path gets long: the kernel refuses
    those.
    """
    prefix, made, todo = secrets.token_hex(8), 0, [folder]
    while todo:
        here = todo.pop()
        with contextlib.suppress(OSError):
            os.chmod(here, 0o700)
            for entry in list(os.scandir(here)):
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)
                    continue
                made += 1
                os.chmod(entry.path, 0o700)
                todo.append(folder / f"{prefix}-{made}")
                os.rename(entry.path, todo[-1])
        if here != folder:
            with contextlib.suppress(OSError):
                os.rmdir(here)
    with contextlib.suppress(OSError):
        os.rmdir(folder)
