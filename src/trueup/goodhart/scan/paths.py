"""What a file is, from where it lies and how it begins."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

from trueup.errors import UserError
from trueup.goodhart.scan.result import Skipped

__all__ = [
    "File", "Place", "is_installed", "is_settings", "is_test_file", "place_of", "walk",
]  # fmt: skip

Place = Literal["submission", "tests", "library"]
"""What is normal in a file depends on what it is: code that was handed in, a test, or a part of an
installed library or of a package."""

_INSTALLED = re.compile(r"(^|/)(site-packages|dist-packages|lib/python\d[\d.]*)(/|$)")
_TEST_FOLDERS = frozenset({"test", "tests", "testing", "_test", "_tests", "_testing", "testutils"})
_TEST_NAME = re.compile(r"(test_.*|.*_tests?|tests?|conftest)\.py")
_SETTINGS = frozenset(
    {
        "pytest.ini",
        ".pytest.ini",
        "pyproject.toml",
        "tox.ini",
        "setup.cfg",
        "package.json",
        "makefile",
    }
    | {"noxfile.py", ".coveragerc", "entry_points.txt", "jenkinsfile", ".travis.yml", "gnumakefile"}
    | {
        ".gitlab-ci.yml",
        "azure-pipelines.yml",
        "justfile",
        "run_tests.sh",
        ".pre-commit-config.yaml",
    }
)
_WORKFLOW = re.compile(r"(^|/)(\.github/workflows|\.circleci|\.buildkite)/[^/]+\.ya?ml$")
_UNWALKED = frozenset(
    {".git", ".hg", ".svn", "__pycache__", "node_modules", ".mypy_cache", ".ruff_cache", ".tox"}
    | {".nox", ".pytest_cache", ".hypothesis", ".venv"}
)
_RELATIVE = re.compile(r"^\s*from\s+\.", re.MULTILINE)


def is_installed(path: str) -> bool:
    """Whether it lies where packages or the standard library are installed."""
    return bool(_INSTALLED.search(path.replace("\\", "/")))


def is_test_file(path: str) -> bool:
    """Whether pytest would collect it, or it lies with tests."""
    pure = PurePath(path.replace("\\", "/"))
    if _TEST_NAME.fullmatch(pure.name):
        return True
    return pure.suffix in {".py", ".pyi"} and any(part in _TEST_FOLDERS for part in pure.parts[:-1])


def is_settings(path: str) -> bool:
    """Whether it says how tests are run: pytest's configuration, a Makefile, a workflow."""
    name = PurePath(path.replace("\\", "/")).name.lower()
    return name in _SETTINGS or bool(_WORKFLOW.search(path)) or name.endswith((".pth",))


def place_of(path: str, text: str) -> Place:
    """Installed code and packages are libraries. A package is told by its relative imports, which
    a file that is loaded alone cannot make."""
    normal = path.replace("\\", "/")
    if is_test_file(normal.rpartition("site-packages/")[2]):
        return "tests"
    if _INSTALLED.search(normal) or PurePath(normal).name in {"__init__.py", "setup.py"}:
        return "library"
    return "library" if _RELATIVE.search(text) else "submission"


@dataclass(frozen=True, slots=True)
class File:
    """A file to look at. named: the user named it, rather than a folder above it."""

    path: Path
    named: bool = False


def walk(paths: Sequence[Path]) -> tuple[list[File], list[Skipped]]:
    """Every regular file below the paths, each once, in the order of their names.

    Left out below a folder: version control, caches, virtual environments, and links that lead out
    of it; what the user names is taken. A path that is not there is a `UserError`.
    """
    found: dict[Path, File] = {}
    skipped: list[Skipped] = []
    for path in paths:
        if not path.exists():
            raise UserError(f"There is no {path}.", "Give files or folders that exist.")
        if path.is_dir():
            for file in _below(path, skipped):
                found.setdefault(file, File(file))
        else:
            found[path] = File(path, named=True)
    return [found[path] for path in sorted(found)], skipped


def _below(root: Path, skipped: list[Skipped]) -> Iterator[Path]:
    def refused(error: OSError) -> None:
        skipped.append(Skipped(str(error.filename), None, f"cannot be listed: {error.strerror}"))

    home = root.resolve()
    for folder, folders, names in os.walk(root, onerror=refused):
        here = Path(folder)
        folders[:] = sorted(
            one for one in folders if one not in _UNWALKED and not _is_environment(here / one)
        )
        for name in sorted(names):
            path = here / name
            try:
                mode = path.lstat().st_mode
                if stat.S_ISLNK(mode):
                    if not path.resolve().is_relative_to(home) or not path.exists():
                        continue
                    mode = path.stat().st_mode
            except (OSError, RuntimeError) as error:
                skipped.append(Skipped(path.as_posix(), None, f"cannot be read: {error}"))
                continue
            if stat.S_ISREG(mode):
                yield path


def _is_environment(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").exists()
