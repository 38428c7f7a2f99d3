"""Copying a submission: regular files only, within bounds.

Links, devices and sockets are left behind: a link is how a folder would carry a file of this
machine into the box. What is copied is what the box sees; the original is never run.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from trueup.errors import UserError

__all__ = ["copy_file", "copy_folder", "regular_files"]

_MOST_FILES = 20_000
_NEVER = {".git", ".hg", ".svn", "__pycache__", ".pytest_cache"}


def regular_files(folder: Path) -> Iterator[Path]:
    """Paths relative to `folder` of its regular files, sorted; links are not followed and not
    yielded, and neither are caches and the folders of version control (a history may hold the
    answer). `UserError` when there is no such folder or it holds too much."""
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder.", "Give the folder of the submission.")
    found = sorted(_walk(folder))
    if len(found) > _MOST_FILES:
        raise UserError(
            f"{folder} holds more than {_MOST_FILES:,} files.",
            "Give a folder with the submission alone.",
        )
    yield from found


def _walk(folder: Path) -> Iterator[Path]:
    count = 0
    for top, folders, names in os.walk(folder, followlinks=False):
        folders[:] = [
            name for name in folders if name not in _NEVER and not Path(top, name).is_symlink()
        ]
        for name in names:
            path = Path(top, name)
            if stat.S_ISREG(path.lstat().st_mode):
                yield path.relative_to(folder)
                count += 1
                if count > _MOST_FILES:
                    return


def copy_folder(source: Path, target: Path, *, skip: frozenset[str] = frozenset()) -> None:
    """Copy the regular files of `source` over `target`, executable where they were.

    skip: relative paths, with forward slashes, that are left behind.
    """
    for path in regular_files(source):
        if path.as_posix() not in skip:
            copy_file(source / path, target / path)


def copy_file(source: Path, target: Path) -> None:
    """Copy one regular file; what is at `target` is replaced, not written through."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    shutil.copyfile(source, target, follow_symlinks=False)
    target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)
