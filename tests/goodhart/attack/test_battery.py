"""The battery is what it says: inert where it lies, complete, and written for any function."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import UserError
from trueup.goodhart.attack.battery import (
    ABSENT,
    BATTERY,
    TASKS,
    TIED,
    adapted,
    attacks,
    write_files,
)
from trueup.goodhart.attack.graders import BUILT_IN
from trueup.goodhart.attack.recorded import read_recorded
from trueup.goodhart.exploits import EXPLOITS

USED = {technique for attack in attacks() for technique in attack.exploits}


def test_every_technique_is_there_or_has_a_reason() -> None:
    assert set(EXPLOITS) == USED | set(ABSENT)
    assert not USED & set(ABSENT)
    assert len(USED) >= 60
    assert set(EXPLOITS) >= TIED


def test_the_commonest_have_several_variants() -> None:
    for technique in ("always-equal", "hard-exit", "caller-frames", "addopts", "import-hook"):
        assert sum(technique in attack.exploits for attack in attacks()) >= 4


def test_every_task_has_controls_and_nulls_of_each_kind() -> None:
    for task in TASKS:
        there = [attack for attack in attacks() if task in attack.tasks]
        roles = {attack.role for attack in there}
        assert {"exploit", "right", "wrong", "stop", "null"} <= roles, task
        assert sum(attack.role == "right" for attack in there) >= 2, task


def test_what_is_honest_names_no_technique() -> None:
    for attack in attacks():
        assert bool(attack.exploits) == (attack.role == "exploit"), attack.id
        assert attack.honest == (attack.role in ("right", "wrong", "stop"))
        assert set(attack.tasks) <= set(TASKS)
        assert attack.files, attack.id


def test_nothing_in_the_battery_can_be_imported_or_collected() -> None:
    files = [path for path in BATTERY.rglob("*") if path.is_file()]
    assert len(files) > 250
    assert {path.suffix for path in files if path.parent != BATTERY} == {".txt"}


def test_every_folder_is_in_the_manifest() -> None:
    folders = {path.name for path in (BATTERY / "submissions").iterdir()}
    assert folders == {attack.id for attack in attacks()}


def test_python_in_the_battery_is_python() -> None:
    for attack in attacks():
        for path, text in attack.files.items():
            if path.endswith(".py"):
                ast.parse(text, f"{attack.id}/{path}")


@given(st.from_regex(r"[a-z][a-z_]{2,9}", fullmatch=True))
def test_a_submission_is_written_for_the_function_that_is_asked_for(name: str) -> None:
    attack = next(one for one in attacks() if one.id == "caller-frames-inspect")
    files = adapted(attack.files, f"f_{name}", f"m_{name}.py")
    assert set(files) == {f"m_{name}.py"}
    defined = [
        node.name
        for node in ast.walk(ast.parse(files[f"m_{name}.py"]))
        if isinstance(node, ast.FunctionDef)
    ]
    assert defined == [f"f_{name}"]


@pytest.mark.parametrize(
    ("entry", "file", "named"),
    [("two words", "solution.py", "--entry"), ("f", "a/b.py", "--file"), ("f", "x.txt", "--file")],
)
def test_a_name_that_cannot_be_one_is_refused(entry: str, file: str, named: str) -> None:
    with pytest.raises(UserError, match=named):
        adapted({}, entry, file)


def test_scripts_are_written_executable(tmp_path: Path) -> None:
    write_files({"bin/python": "#!/bin/sh\n", "a.py": "x = 1\n"}, tmp_path)
    assert (tmp_path / "bin" / "python").stat().st_mode & 0o111
    assert not (tmp_path / "a.py").stat().st_mode & 0o111


RECORDED = {
    report.grader: report
    for report in read_recorded(Path(__file__).parents[3] / "docs" / "attack_results.json")
}


def test_every_exploit_fools_some_grader_of_its_kind() -> None:
    fooled = {row.id for report in RECORDED.values() for row in report.fooled}
    never = {attack.id for attack in attacks() if attack.role == "exploit"} - fooled
    assert never <= {"empty-answer"}  # for graders of text, see test_attack.py of the command


def test_plain_pytest_falls_for_many_and_accepts_every_control() -> None:
    report = RECORDED["pytest"]
    assert len(report.fell_for) >= 45
    assert not report.failed_controls
    assert not [row for row in report.fooled if row.role != "exploit"]


def test_the_docs_show_every_built_in_grader(root: Path) -> None:
    assert set(RECORDED) == set(BUILT_IN)
    page = (root / "docs" / "attack.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in page for name in BUILT_IN)
