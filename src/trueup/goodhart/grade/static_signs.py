"""What the files of a submission show before they run: the scan's findings, and telling names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePath

from trueup.errors import UserError
from trueup.goodhart.grade.copies import regular_files
from trueup.goodhart.grade.result import Attempt
from trueup.goodhart.scan.python import code_findings
from trueup.goodhart.scan.rules import RULES

__all__ = ["static_signs"]

_MOST_SOURCE = 1 << 18  # bytes of a file that is looked at
_MOST_IN_ALL = 1 << 20
_MOST_SIGNS = 50
_NAMES = {
    "sitecustomize.py": "sitecustomize",
    "usercustomize.py": "sitecustomize",
    "entry_points.txt": "planted-entry-point",
    "python": "path-trojan",
    "python3": "path-trojan",
}
_SETTINGS = {"pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml"}
# Modules that a harness imports: a file of that name stands in their place where the folder of the
# submission comes first. Names that honest code uses for its own modules are not among them.
_SHADOWS = frozenset(
    ("_pytest", "builtins", "copyreg", "importlib", "inspect", "json", "os", "pickle", "pytest",
     "site", "subprocess", "sys", "threading", "traceback", "unittest")
)  # fmt: skip


def static_signs(folder: Path, taken: Callable[[str], bool] | None = None) -> tuple[Attempt, ...]:
    """High-confidence findings in the folder's Python files, and files that are planted.

    taken: of which files only, by relative path; a repository has settings and tests of its own.
    None of them proves anything: a finding can be wrong, and what it finds need not have worked.
    What lies beyond 256 KB of a file, or 1 MB in all, is not looked at.
    """
    found: dict[Attempt, None] = {}
    left = _MOST_IN_ALL
    try:
        paths = [path for path in regular_files(folder) if not taken or taken(path.as_posix())]
    except UserError:  # too many files: no case runs either
        return ()
    for path in paths:
        size = min((folder / path).stat().st_size, _MOST_SOURCE)
        found |= dict.fromkeys(_of_name(path))
        if path.suffix == ".py" or path.name in _SETTINGS:
            left -= size
            if left >= 0:
                found |= dict.fromkeys(_of_source(folder, path))
        if len(found) >= _MOST_SIGNS:
            break
    return tuple(found)[:_MOST_SIGNS]


def _of_name(path: PurePath) -> Iterator[Attempt]:
    technique = _NAMES.get(path.name) or ("sitecustomize" if path.suffix == ".pth" else "")
    if not technique and path.suffix == ".py":
        top = path.parts[0].removesuffix(".py")
        technique = "shadow-module" if top in _SHADOWS else ""
    if technique:
        yield Attempt(technique, f"brings the file {path.as_posix()}", "static")


def _text(path: Path) -> str:
    with path.open("rb") as stream:
        return stream.read(_MOST_SOURCE).decode("utf-8", "replace")


def _of_source(folder: Path, path: PurePath) -> Iterator[Attempt]:
    if path.name in _SETTINGS and "addopts" in _text(folder / path):
        yield Attempt("addopts", f"{path.as_posix()} sets addopts", "static")
    if path.suffix != ".py":
        return
    source = _text(folder / path)
    for finding in code_findings(source, path.as_posix()):
        rule = RULES.get(finding.rule)
        if finding.confidence == "high" and rule is not None and rule.techniques:
            quoted = " ".join(finding.evidence.split())[:120]
            where = f"{path.as_posix()}:{finding.span.line}"
            yield Attempt(rule.techniques[0], f"{where}: {quoted}", "static")
