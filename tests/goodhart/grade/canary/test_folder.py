"""What is written is read back as it was meant, whatever the expected values are."""

from __future__ import annotations

import random
import tempfile
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from trueup.errors import UserError
from trueup.goodhart.grade.canary.folder import write_mutant
from trueup.goodhart.grade.canary.mutants import KINDS, Kind, impossible
from trueup.goodhart.grade.task import FunctionTask
from trueup.goodhart.grade.task_file import read_task

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
YAMLS = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=6,
)
LITERALS = st.tuples(st.integers(), st.binary(max_size=3), st.frozensets(st.integers()).map(set))


def written(folder: Path, cases: list[dict[str, Any]], kind: Kind, seed: int) -> list[Path]:
    file = folder / "task.yaml"
    with file.open("w", encoding="utf-8") as out:
        YAML(typ="safe", pure=True).dump(
            {"kind": "function", "name": "x", "entry": "solve", "cases": cases}, out
        )
    task = read_task(file)
    found = islice(impossible(task, kind, random.Random(seed)), 3)
    return [
        write_mutant(
            replace(one, task=replace(one.task, name=f"x-{number}")), file, folder / str(number)
        )
        for number, one in enumerate(found)
    ]


@settings(max_examples=25)
@given(YAMLS, LITERALS, st.sampled_from(KINDS), st.integers(0, 9))
def test_every_mutant_comes_back(value: Any, literal: Any, kind: Kind, seed: int) -> None:
    cases = [
        {"args": [1], "expect": value},
        {"args_literal": "(2,)", "expect_literal": repr(literal)},
    ]
    with tempfile.TemporaryDirectory() as name:
        try:
            paths = written(Path(name), cases, kind, seed)
        except UserError as error:
            assume("which YAML reads as" not in error.message)  # a text that looks like a date
            raise
        assert paths  # it compares what it wrote with what was meant, and raises


def test_a_second_case_looks_like_the_first(tmp_path: Path) -> None:
    for path in written(tmp_path, [{"args": [[1, 2]], "expect": 3}], "conflicting", 0):
        assert "&" not in path.read_text()
        first, second = YAML(typ="safe", pure=True).load(path)["cases"]
        assert first.keys() == second.keys() == {"args", "expect"}


def test_a_named_case_gets_a_named_companion(tmp_path: Path) -> None:
    cases = [{"args": [1], "expect": 3, "name": "case-2"}]
    task = read_task(written(tmp_path, cases, "conflicting", 0)[0])
    assert isinstance(task, FunctionTask)
    assert [case.name for case in task.cases] == ["case-2", "case-3"]


def test_what_is_read_back_otherwise_is_not_left_lying_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trueup.goodhart.grade.canary.folder as folder

    monkeypatch.setattr(folder, "_change_cases", lambda values, mutant: None)
    with pytest.raises(UserError, match="cannot be written as YAML"):
        written(tmp_path, [{"args": [1], "expect": 3}], "oneoff", 0)
    assert not (tmp_path / "0").exists()
