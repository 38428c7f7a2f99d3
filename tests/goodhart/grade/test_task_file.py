"""task.yaml: what it may say, and that every mistake names its key."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from trueup.errors import UserError
from trueup.goodhart.grade.limits import Limits
from trueup.goodhart.grade.task import (
    Case,
    Compare,
    FunctionTask,
    ProgramCase,
    ProgramTask,
    SuiteTask,
    TimedTask,
)
from trueup.goodhart.grade.task_file import KEYS, read_task, task_from
from trueup.goodhart.grade.user_code import load_object

ADD = "kind: function\nentry: solve\ncases: [{args: [1, 2], expect: 3}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that tasks here name."""
    (tmp_path / "reference.py").write_text("def solve(a, b): return a + b\n")
    (tmp_path / "check.py").write_text("def check(args, expect, got): return True\n")
    (tmp_path / "made.py").write_text("def inputs(rng): return (1, 2)\n")
    for name in ("tests", "unseen", "base", "right"):
        (tmp_path / name).mkdir()
    return tmp_path


def task(folder: Path, text: str) -> Any:
    (folder / "task.yaml").write_text(text, encoding="utf-8")
    return read_task(folder / "task.yaml")


def test_the_smallest_function_task(folder: Path) -> None:
    assert task(folder, ADD) == FunctionTask(
        name=folder.name, root=folder, entry="solve", cases=(Case("case-1", (1, 2), 3),)
    )
    assert read_task(folder) == read_task(folder / "task.yaml")


def test_everything_of_a_function_task(folder: Path) -> None:
    found = task(
        folder,
        ADD
        + """
name: add
file: pkg/add.py
held_out: [{args: [5, 7], expect: 12, name: big}, {kwargs: {a: 1, b: 2}, expect: 3}]
generated: {make: "made.py:inputs", count: 7}
reference: reference.py
limits: {seconds: 0.5, memory_mb: 64, processes: 4, output_kb: 8, file_mb: 2}
compare: {type: close, rel: 1e-6}
packages: true
impossible: case-1 contradicts itself
""",
    )
    assert found.name == "add"
    assert found.file == "pkg/add.py"
    assert found.held_out == (Case("big", (5, 7), 12), Case("held-out-2", (), 3, {"a": 1, "b": 2}))
    assert found.generated.count == 7
    assert found.generated.make(None) == (1, 2)
    assert found.reference == folder / "reference.py"
    assert found.limits == Limits(0.5, 64, 4, 8, 2)
    assert found.compare == Compare("close", 1e-6)
    assert found.packages
    assert found.impossible == "case-1 contradicts itself"


def test_values_keep_their_types(folder: Path) -> None:
    found = task(
        folder,
        """
kind: function
entry: solve
cases:
  - {args: [1, 1.0, true, null, "1", .nan, -.inf, [2], {a: 1, 2: b}], expect: [1.5]}
  - args_literal: "(1, {2}), b'x'"
    expect_literal: "{(1, 2): frozenset(), 'k': -1j}"
""".replace("frozenset()", "set()"),
    )
    first, second = found.cases
    assert [type(arg).__name__ for arg in first.args] == [
        "int", "float", "bool", "NoneType", "str", "float", "float", "list", "dict",
    ]  # fmt: skip
    assert first.args[8] == {"a": 1, 2: "b"}
    assert second.args == ((1, {2}), b"x")
    assert second.expect == {(1, 2): set(), "k": -1j}


def test_a_program(folder: Path) -> None:
    found = task(
        folder,
        """
kind: program
command: ["{python}", main.py]
cases: [{stdin: "1\\n", expect: "2\\n"}]
held_out: [{args: [-x], expect: "", status: 3, name: bad}]
""",
    )
    assert found == ProgramTask(
        name=folder.name,
        root=folder,
        command=("{python}", "main.py"),
        cases=(ProgramCase("case-1", "1\n", "2\n"),),
        held_out=(ProgramCase("bad", "", "", ("-x",), 3),),
    )


def test_a_suite(folder: Path) -> None:
    found = task(
        folder,
        """
kind: pytest
sources: [src/**/*.py]
tests: tests
held_out: unseen
base: base
ids: ["tests/test_a.py::test_b"]
reference: right
""",
    )
    assert found == SuiteTask(
        name=folder.name,
        root=folder,
        sources=("src/**/*.py",),
        tests=folder / "tests",
        held_out=folder / "unseen",
        base=folder / "base",
        ids=("tests/test_a.py::test_b",),
        reference=folder / "right",
    )


def test_a_timed_task(folder: Path) -> None:
    found = task(
        folder,
        ADD.replace("function", "timed")
        + "make: made.py:inputs\nreference: reference.py\nat_least: 1.5\nrepeats: 9\n",
    )
    assert isinstance(found, TimedTask)
    assert (found.at_least, found.repeats, found.entry) == (1.5, 9, "solve")
    assert found.make(None) == (1, 2)


def test_a_check_is_loaded(folder: Path) -> None:
    found = task(folder, ADD + "compare: {type: callable, path: check.py}\n")
    assert found.compare.path == folder / "check.py"
    assert found.compare.function((1,), 2, 3) is True


def test_a_mapping_is_a_task_too(folder: Path) -> None:
    values = {"kind": "function", "entry": "solve", "cases": [{"args": [1, 2], "expect": 3}]}
    assert task_from(values, folder) == task(folder, ADD)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "task.yaml must be a mapping"),
        ("- a", "task.yaml must be a mapping of keys to values, got ['a']"),
        ("a: [", "task.yaml:"),
        ("a: 1\na: 2", "task.yaml:"),
        ("kind: functions", "one of function, program, pytest, timed, got 'functions'"),
        ("entry: solve", "kind must be one of"),
        (ADD + "held_outs: []", "unknown key 'held_outs'. Did you mean 'held_out'?"),
        ("kind: function\ncases: []", "entry must be a text"),
        ("kind: function\nentry: a b", "entry must be the name of a function, got 'a b'"),
        (ADD + "file: ../x.py", "file must be a Python file in the submission's folder"),
        (ADD + "file: x.txt", "file must be a Python file"),
        (ADD + "name: 3", "name must be a text, got 3"),
        (ADD + "packages: 1", "packages must be true or false, got 1"),
        (ADD + "held_out: {a: 1}", "held_out must be a list"),
        (ADD + "held_out: [3]", "held_out[1] must be a mapping"),
        (ADD + "held_out: [{args: [1]}]", "held_out[1] must have expect or expect_literal"),
        (ADD + "held_out: [{args: [1], expect: 1, expect_literal: '1'}]", "and not both"),
        (ADD + "held_out: [{args: [1], args_literal: '1,', expect: 1}]", "and not both"),
        (ADD + "held_out: [{expect: 1}]", "must have args or args_literal"),
        (ADD + "held_out: [{args: 3, expect: 1}]", "args must be a list of the arguments, got 3"),
        (ADD + "held_out: [{args_literal: '3', expect: 1}]", "args_literal must be a list"),
        (ADD + "held_out: [{args_literal: 'f()', expect: 1}]", "args_literal must be a Python lit"),
        (ADD + "held_out: [{args: [1], expect_literal: '{', expect_: 1}]", "unknown key 'expect_'"),
        (ADD + "held_out: [{args: [], kwargs: [1], expect: 1}]", "kwargs must be a mapping"),
        (ADD + "held_out: [{args: [2020-01-01], expect: 1}]", "args holds datetime.date(2020,"),
        (ADD + "held_out: [{args: [1], expect: 2020-01-01}]", "write expect_literal"),
        (ADD + "held_out: [{args: [1], expect: 1, name: a}, {args: [1], expect: 1, name: a}]",
         "held_out[2]: name must be taken by one case alone"),
        (ADD + "limits: {second: 1}", "limits: unknown key 'second'. Did you mean 'seconds'?"),
        (ADD + "limits: {seconds: 0}", "limits: seconds must be a number greater than 0, got 0"),
        (ADD + "limits: {seconds: yes}", "limits: seconds must be a number"),
        (ADD + "limits: {memory_mb: 1.5}", "memory_mb must be a whole number"),
        (ADD + "limits: {memory_mb: 1}", "memory_mb must be a whole number of at least 32"),
        (ADD + "compare: {type: near}", "compare: type must be one of exact, close, callable"),
        (ADD + "compare: {type: close}", "compare: rel must be there, or abs"),
        (ADD + "compare: {rel: 0.1}", "rel must be left out"),
        (ADD + "compare: {path: check.py}", "path must be left out"),
        (ADD + "compare: {type: close, rel: -1}", "rel must be in [0, 1)"),
        (ADD + "compare: {type: callable}", "path must be a text"),
        (ADD + "compare: {type: callable, path: no.py}", "path must be a file that exists"),
        (ADD + "compare: {type: callable, path: made.py}", "does not define check"),
        (ADD + "generated: made.py:inputs", "generated needs a reference"),
        (ADD + "reference: reference.py\ngenerated: made.py", "generated must be file.py:name"),
        (ADD + "reference: reference.py\ngenerated: made.py:input", "Did you mean 'inputs'?"),
        (ADD + "reference: reference.py\ngenerated: {make: made.py:inputs, count: 0}",
         "count must be a whole number of at least 1, got 0"),
        ("kind: program\ncommand: run\ncases: []", "command must be a list of texts, got 'run'"),
        ("kind: program\ncases: []", "command must be a list of words"),
        ("kind: program\ncommand: [a]\ncases: [{expect: 3}]", "expect must be a text, got 3"),
        ("kind: program\ncommand: [a]\ncases: [{stdin: ''}]", "expect must be a text"),
        ("kind: pytest\ntests: tests", "sources must be a list of globs"),
        ("kind: pytest\nsources: [a]\ntests: test", "tests must be a folder that exists"),
        ("kind: timed\nentry: solve\nmake: made.py:inputs", "reference must be a text"),
        ("kind: timed\nentry: solve\nreference: reference.py", "make must be a text"),
    ],
)  # fmt: skip
def test_every_mistake_names_its_key(folder: Path, text: str, said: str) -> None:
    with pytest.raises(UserError) as raised:
        task(folder, text)
    assert said in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_task(tmp_path / "task.yaml")
    (tmp_path / "task.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="not UTF-8"):
        read_task(tmp_path / "task.yaml")


def test_no_tag_makes_an_object(folder: Path) -> None:
    with pytest.raises(UserError):
        task(folder, ADD + "held_out: !!python/object/apply:os.system [true]")


def test_a_missing_package_is_one_sentence(folder: Path) -> None:
    (folder / "made.py").write_text("import not_installed_here\n")
    with pytest.raises(UserError, match="needs not_installed_here, which is not installed here"):
        task(folder, ADD + "reference: reference.py\ngenerated: made.py:inputs")


# The page.

KINDS = {
    "function": "A function",
    "program": "A program",
    "pytest": "A repository with a pytest suite",
    "timed": "A timed task",
}


def named(section: str) -> set[str]:
    """The keys in the first column of a section's tables."""
    cells = re.findall(r"^\| (`.+?`) \|", section, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_the_page_names_every_key_and_no_other(root: Path) -> None:
    page = (root / "docs" / "grade.md").read_text(encoding="utf-8")
    page = page.partition("## task.yaml")[2].partition("## From Python")[0]
    common, *sections = page.split("\n### ")
    by_title = {section.partition("\n")[0]: section for section in sections}
    for kind, title in KINDS.items():
        assert named(common) | named(by_title[title]) == set(KEYS[kind]), kind
    assert named(by_title["compare"]) == {"type", "rel", "abs", "path"}
    for field in fields(Limits):
        assert f"`{field.name}` ({getattr(Limits(), field.name):g}" in common


def test_the_tasks_of_the_page_are_tasks(root: Path, tmp_path: Path) -> None:
    page = (root / "docs" / "grade.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"^```\w+ (\S+\.\w+)\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    for name in ("tests", "unseen_tests", "skeleton", "solution"):
        (tmp_path / name).mkdir()
    kinds = {
        name: type(read_task(tmp_path / name)).__name__ for name in files if name.endswith(".yaml")
    }
    assert kinds == {
        "task.yaml": "FunctionTask",
        "shapes.yaml": "FunctionTask",
        "program.yaml": "ProgramTask",
        "suite.yaml": "SuiteTask",
        "timed.yaml": "TimedTask",
    }
    check = load_object(tmp_path / "check.py", "check", "path")
    assert check(([2, 1],), [1, 2], [2, 1])
    assert not check(([2, 1],), [1, 2], (2, 1))
