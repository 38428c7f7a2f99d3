"""A submission made ready: a private copy of its regular files, taken once for all cases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from trueup.errors import UserError
from trueup.goodhart.grade.calls import Submitted
from trueup.goodhart.grade.copies import copy_file, regular_files
from trueup.goodhart.grade.limits import Limits

__all__ = ["Unusable", "check_submission", "submitted"]

_MOST_FOLDERS = 2000


class Unusable(Exception):
    """No case can run, and that is the submission's doing; the message says why."""


def check_submission(folder: Path) -> None:
    """Raise `UserError` when there is no such folder."""
    if not folder.is_dir():
        raise UserError(
            f"{folder} is not a folder.", "Give the folder that holds the submission's files."
        )


@contextmanager
def submitted(folder: Path, limits: Limits) -> Iterator[Submitted]:
    """A copy of the folder, in which the cases run. Raises `Unusable`."""
    try:
        names = list(regular_files(folder))
        size = sum((folder / name).lstat().st_size for name in names)
    except UserError as error:
        raise Unusable(error.message) from error
    if size > limits.file_mb << 20:
        raise Unusable(f"the submission holds more than {limits.file_mb} MB")
    holders = {parent for name in names for parent in name.parents} | {Path()}
    if len(holders) > _MOST_FOLDERS:
        raise Unusable(f"the submission holds more than {_MOST_FOLDERS:,} folders")
    folders = sorted("" if holder == Path() else holder.as_posix() for holder in holders)
    with TemporaryDirectory(prefix="trueup-submission-") as made:
        copy = Path(made)
        copy.chmod(0o755)
        for name in names:
            copy_file(folder / name, copy / name)
        yield Submitted(copy, tuple(folders), frozenset(name.as_posix() for name in names))
