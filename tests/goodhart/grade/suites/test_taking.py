"""Which files are taken: globs, and what is never taken whatever they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from trueup.goodhart.grade.suites.taking import matching, take


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.py", "a.py", True),
        ("*.py", "b/a.py", False),
        ("**/*.py", "a.py", True),
        ("**/*.py", "b/c/a.py", True),
        ("src/**", "src/b/a.py", True),
        ("src/**", "other/src/a.py", False),
        ("src", "src/a.txt", True),
        ("src", "srcs/a.txt", False),
        ("pkg/?.py", "pkg/a.py", True),
        ("pkg/?.py", "pkg/ab.py", False),
        ("./pkg/a.py", "pkg/a.py", True),
    ],
)
def test_globs(pattern: str, path: str, matches: bool) -> None:
    assert bool(matching(pattern).fullmatch(path)) == matches


NEVER = [
    "conftest.py", "deep/conftest.py", "pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg",
    "sitecustomize.py", "usercustomize.py", "x.pth", "a.dist-info/entry_points.txt",
    "tests/helper.py", "tests/test_new.py", "json.py", "src/math.py", "pytest/__init__.py",
    "_pytest/a.py", "pluggy.py", "x.pyc",
]  # fmt: skip


@pytest.mark.parametrize("name", NEVER)
def test_never_taken(tmp_path: Path, name: str) -> None:
    given, own = tmp_path / "given", tmp_path / "tests"
    own.mkdir()
    for one in (name, "fine.py"):
        (given / one).parent.mkdir(parents=True, exist_ok=True)
        (given / one).write_text("x = 1\n")
    taken = take(given, ("**",), "tests", None, own)
    assert [path.as_posix() for path in taken.files] == ["fine.py"]
    assert taken.left == 1


def test_a_module_below_a_package_may_have_any_name(tmp_path: Path) -> None:
    given, own = tmp_path / "given", tmp_path / "tests"
    own.mkdir()
    (given / "pkg").mkdir(parents=True)
    (given / "pkg" / "json.py").write_text("x = 1\n")
    taken = take(given, ("**",), "tests", None, own)
    assert [path.as_posix() for path in taken.files] == ["pkg/json.py"]
    assert taken.attempts == ()


def test_the_task_s_own_files_say_nothing(tmp_path: Path) -> None:
    base, given, own = tmp_path / "base", tmp_path / "given", tmp_path / "tests"
    for folder in (base, given):
        folder.mkdir()
        (folder / "pytest.ini").write_text("[pytest]\naddopts = -q\n")
    own.mkdir()
    (own / "test_a.py").write_text("x\n")
    (given / "tests").mkdir()
    (given / "tests" / "test_a.py").write_text("x\n")
    assert take(given, ("**/*.py",), "tests", base, own).attempts == ()
