"""Write a mutant as a task folder of its own: its task.yaml and the files that it names.

The file is the original one with as little changed as the mutant changes, comments kept: whoever is
shown the visible cases must not see which of them is the wrong one. Only `impossible` says it, and
a submission never sees the task's folder.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup.errors import UserError
from trueup.goodhart.grade.canary.mutants import Mutant
from trueup.goodhart.grade.copies import copy_file, copy_folder
from trueup.goodhart.grade.task import Case, FunctionTask, ProgramCase, ProgramTask, SuiteTask
from trueup.goodhart.grade.task_file import read_task

__all__ = ["write_mutant"]

_FILES = ("reference", "make", "generated")
_FOLDERS = ("tests", "held_out", "base", "reference")


def write_mutant(mutant: Mutant, original: Path, folder: Path) -> Path:
    """Write the folder; return its task.yaml. original: the task file that it was made of.

    Raises `UserError` when the folder exists or cannot be written.
    """
    original = original / "task.yaml" if original.is_dir() else original
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise UserError(f"{folder} is there already.", "Name another folder.") from error
    except OSError as error:
        raise UserError(f"Cannot write {folder}: {error.strerror}.", "Name another.") from error
    values = _yaml().load(original.read_text(encoding="utf-8-sig"))
    _Files(original.parent, folder).copy(values)
    if isinstance(mutant.task, SuiteTask):
        _change_suite(values, mutant, folder)
    else:
        _change_cases(values, mutant)
    values["name"] = mutant.task.name
    values["impossible"] = mutant.task.impossible
    path = folder / "task.yaml"
    with path.open("w", encoding="utf-8") as out:
        _yaml().dump(values, out)
    _check_written(mutant, path)
    return path


def _yaml() -> Any:
    """A reader and writer that keeps comments, quotes and the order of keys."""
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import RoundTripConstructor, SafeConstructor

    class Plain(RoundTripConstructor):
        """Floats as floats: those that remember how they were written lose digits."""

    Plain.add_constructor("tag:yaml.org,2002:float", SafeConstructor.construct_yaml_float)
    yaml = YAML(typ="rt", pure=True)
    yaml.Constructor = Plain
    yaml.width = 1000  # a folded line does not always come back as it was
    yaml.preserve_quotes = True
    return yaml


@dataclass(frozen=True, slots=True)
class _Files:
    """Copies what a task file names; names outside its folder are given one inside."""

    source: Path
    target: Path

    def copy(self, values: dict[str, Any]) -> None:
        suite = values["kind"] == "pytest"
        for key in _FOLDERS if suite else _FILES:
            if key in values:
                values[key] = self._copied(values[key])
        compare = values.get("compare")
        if isinstance(compare, dict) and "path" in compare:
            compare["path"] = self._copied(compare["path"])

    def _copied(self, named: Any) -> Any:
        if isinstance(named, Mapping):  # generated: {make: …, count: …}
            named["make"] = self._copied(named["make"])  # type: ignore[index]
            return named
        file, colon, function = str(named).partition(".py:")
        path = file + ".py" * bool(colon)
        inside = self._inside(path)
        if (self.source / path).is_dir():
            copy_folder(self.source / path, self.target / inside)
        else:
            self._copy_modules(self.source / path, self.target / inside)
        return f"{inside}:{function}" if colon else inside

    def _inside(self, named: str) -> str:
        path = Path(named)
        return named if not path.is_absolute() and ".." not in path.parts else f"named/{path.name}"

    def _copy_modules(self, file: Path, target: Path) -> None:
        """The file, and the modules beside it, which it may import."""
        for path in {file, *file.parent.glob("*.py")}:
            copy_file(path, target.parent / path.name)


def _change_cases(values: dict[str, Any], mutant: Mutant) -> None:
    assert isinstance(mutant.task, FunctionTask | ProgramTask)
    cases: tuple[Case | ProgramCase, ...] = mutant.task.cases
    place, right = (
        next(at for at, case in enumerate(cases) if case.name == name)
        for name in (mutant.case, mutant.right)
    )
    expect = cases[place].expect
    if mutant.kind == "conflicting":
        values["cases"].append(_again(values["cases"][right], mutant.case, place + 1))
    entry = values["cases"][place]
    if "expect_literal" in entry:
        entry["expect_literal"] = repr(expect)
    else:
        entry["expect"] = expect


def _again(entry: Any, name: str, number: int) -> Any:
    """A copy of a case under another name, which is left out where cases have none."""
    again = copy.deepcopy(entry)
    again.pop("name", None)
    if "name" in entry or name != f"case-{number}":
        again["name"] = name
    return again


def _change_suite(values: dict[str, Any], mutant: Mutant, folder: Path) -> None:
    assert isinstance(mutant.task, SuiteTask)
    (folder / values["tests"] / mutant.file).write_bytes(mutant.source.encode())
    if mutant.task.ids:
        values["ids"] = list(mutant.task.ids)


def _check_written(mutant: Mutant, path: Path) -> None:
    """A task that says something else than the mutant would be worse than none."""
    again = read_task(path)
    same = again.name == mutant.task.name and again.impossible == mutant.task.impossible
    if isinstance(mutant.task, FunctionTask | ProgramTask):
        assert isinstance(again, FunctionTask | ProgramTask)
        read, meant = again.cases, mutant.task.cases
        same = same and (read == meant or repr(read) == repr(meant))  # NaN equals nothing
    if not same:
        shutil.rmtree(path.parent)
        raise UserError(
            f"{mutant.task.name} cannot be written as YAML.", "Use expect_literal in the task."
        )
