"""Copying leaves behind what is no regular file, and history."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trueup.errors import UserError
from trueup.goodhart.grade.copies import copy_folder, regular_files


def test_links_pipes_and_history_stay_behind(tmp_path: Path) -> None:
    given = tmp_path / "given"
    (given / "pkg").mkdir(parents=True)
    (given / "pkg" / "a.py").write_text("x")
    (given / ".git").mkdir()
    (given / ".git" / "HEAD").write_text("x")
    (given / "link.py").symlink_to("/etc/passwd")
    (given / "folder").symlink_to("/etc")
    os.mkfifo(given / "pipe")
    assert [path.as_posix() for path in regular_files(given)] == ["pkg/a.py"]


def test_what_is_at_the_target_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("kept")
    for name in ("given", "made"):
        (tmp_path / name).mkdir()
    (tmp_path / "given" / "a.sh").write_text("new")
    (tmp_path / "given" / "a.sh").chmod(0o700)
    (tmp_path / "made" / "a.sh").symlink_to(outside)
    copy_folder(tmp_path / "given", tmp_path / "made")
    assert outside.read_text() == "kept"
    assert (tmp_path / "made" / "a.sh").read_text() == "new"
    assert (tmp_path / "made" / "a.sh").stat().st_mode & 0o777 == 0o755


def test_no_folder_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a folder"):
        list(regular_files(tmp_path / "none"))
