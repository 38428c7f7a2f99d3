"""From what a model wrote to files: whatever it wrote, files stay below their folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import UserError
from trueup.goodhart.completions import (
    check_extract,
    completion_text,
    fenced_code,
    submission_folder,
    submitted,
)
from trueup.goodhart.grade.task import FunctionTask, ProgramTask, SuiteTask, Task

ADD = FunctionTask(name="add", entry="solve", cases=())
ECHO = ProgramTask(name="echo", command=("{python}", "main.py"), cases=())
SUITE = SuiteTask(name="suite", sources=("src/**/*.py",), tests=Path("tests"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```python\nx = 1\n```", "x = 1\n"),
        ("```python\nx = 1\n```\nor\n```py\nx = 2\n```", "x = 2\n"),
        ("```python\nx = 1\n```\nrun it:\n```sh\npython x.py\n```", "x = 1\n"),
        ("```python\nx = 1\n```\nprints\n```\n1\n```", "x = 1\n"),
        ("```\nx = 1\n```", "x = 1\n"),
        ("~~~Python3 title\nx = '```'\n~~~", "x = '```'\n"),
        ("````python\n```\nx\n```\n````", "```\nx\n```\n"),
        ("  ```python\n  x = 1\n  ```", "  x = 1\n"),
        ("```python\nx = 1", "x = 1\n"),
        ("```python\r\nx = 1\r\n```\r\n", "x = 1\n"),
        ("```python\n```", "\n"),
        ("```json\n{}\n```", None),
        ("x = 1", None),
        ("", None),
        ("`x = 1`", None),
        ("```x = 1```", None),
    ],
)
def test_the_last_block_of_python_is_taken(text: str, code: str | None) -> None:
    assert fenced_code(text) == code


@given(st.text(st.sampled_from("`~\n py thon x=1 "), max_size=80))
def test_no_text_breaks_it(text: str) -> None:
    code = fenced_code(text)
    assert code is None or code.endswith("\n")


@given(st.text(st.characters(exclude_characters="`~\r\n"), max_size=30), st.integers(3, 6))
def test_what_is_fenced_comes_back(line: str, ticks: int) -> None:
    assert fenced_code(f"so:\n{'`' * ticks}python\n{line}\n{'`' * ticks}\n") == f"{line}\n"


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("plain", "plain"),
        ([{"role": "assistant", "content": "a"}], "a"),
        ({"role": "assistant", "content": "a"}, "a"),
        (
            [
                {"role": "assistant", "content": None, "tool_calls": []},
                {"role": "tool", "content": "```python\nnot mine\n```"},
                {"role": "assistant", "content": [{"type": "text", "text": "b"}]},
            ],
            "b",
        ),
        ([{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}], "a\n\nb"),
        (None, ""),
        ([1, 2], ""),
    ],
)
def test_messages_are_read_as_the_assistant_s_text(completion: Any, text: str) -> None:
    assert completion_text(completion) == text


@pytest.mark.parametrize(
    ("task", "name"), [(ADD, "solution.py"), (ECHO, "main.py")], ids=["function", "program"]
)
def test_code_becomes_the_file_that_the_task_takes(task: Task, name: str) -> None:
    found = submitted(task, "```python\nx = 1\n```", "fenced")
    assert found.files == ((name, "x = 1\n"),)
    assert submitted(task, "x = 1", "whole").files == ((name, "x = 1"),)


def test_no_code_is_a_flag_and_no_error() -> None:
    for text in ("I cannot.", "", "```python\n \n```"):
        found = submitted(ADD, text, "fenced")
        assert (found.files, found.flag) == ((), "no code")
    assert submitted(ADD, "x", lambda _: None).flag == "no code"


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd", "../x.py", "a/../../x.py", "", ".", "a\\b.py", "x\0.py", "x\n.py", "\ud800",
        "n" * 201, "é" * 150,
    ],
)  # fmt: skip
def test_a_name_that_leaves_the_folder_is_refused(name: str) -> None:
    found = submitted(ADD, "", lambda _: {name: "x"})
    assert (found.files, found.flag) == ((), "unsafe file name")


def test_a_file_cannot_be_a_folder_too() -> None:
    assert submitted(ADD, "", lambda _: {"a": "x", "a/b": "y"}).flag == "unsafe file name"


@given(st.dictionaries(st.text(max_size=12), st.text(st.characters(), max_size=20), max_size=3))
def test_any_files_stay_below_their_folder(files: dict[str, str]) -> None:
    found = submitted(ADD, "", lambda _: files)
    with submission_folder(found.files) as folder:
        written = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
        assert len(written) == len(found.files)
    assert not folder.exists()


def test_a_task_of_many_files_needs_a_function() -> None:
    with pytest.raises(UserError, match="more than one file"):
        check_extract(SUITE, "fenced")
    check_extract(SUITE, lambda text: {"src/a.py": text})
    with pytest.raises(UserError, match="'fenced', 'whole' or a function"):
        check_extract(ADD, "code")  # type: ignore[arg-type]
