"""A small honest suite, and grading of whatever is put in the place of its sources."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from trueup.goodhart.grade.box import Box, open_box
from trueup.goodhart.grade.limits import Limits
from trueup.goodhart.grade.result import Gathered
from trueup.goodhart.grade.suites import run_suite
from trueup.goodhart.grade.task import SuiteTask

TESTS = """\
import math
import unittest
import pytest
from solution import Stack, add, mean, parse
from helpers import agrees

TABLE = [("1", [1]), ("7,8", [7, 8])]

@pytest.mark.parametrize("a, b, want", [(1, 2, 3), pytest.param(2, 2, 4, id="twos"), (3, 4, 7)])
def test_add(a, b, want):
    assert add(a, b) == want, f"not {want}"

def test_texts():
    expected = "xy"
    got = add("x", "y")
    assert got == expected

def test_parse():
    assert parse("1,2,3") == [1, 2, 3]
    with pytest.raises(ValueError, match="invalid") as caught:
        parse("x")
    assert "invalid" in str(caught.value)

def test_mean():
    assert abs(mean([1, 2, 3]) - 2.0) < 1e-9
    assert mean([1.0, 2.0]) == pytest.approx(1.5)
    assert math.isclose(mean([2.0, 4.0]), 3.0)

@pytest.fixture
def stack():
    made = Stack()
    made.push(1)
    yield made
    assert made is not None

def test_stack(stack):
    assert len(stack) == 1
    assert stack.pop() == 1
    assert not stack

class TestUnit(unittest.TestCase):
    def setUp(self):
        self.stack = Stack()

    def test_push(self):
        self.stack.push(3)
        self.assertEqual(self.stack.pop(), 3)
        self.assertFalse(self.stack)
        with self.assertRaises(IndexError):
            self.stack.pop()

class TestMore:
    def test_file(self, tmp_path, monkeypatch, capsys):
        (tmp_path / "a").write_text("4,5")
        monkeypatch.setenv("WHERE", str(tmp_path))
        print("seen")
        assert capsys.readouterr().out == "seen\\n"
        assert parse((tmp_path / "a").read_text()) == [4, 5]

    def test_loop(self):
        for text, want in TABLE:
            assert parse(text) == want

    def test_returns_early(self):
        if add(1, 1) == 2:
            assert agrees(add(2, 2), 4)
            return
        pytest.fail("no")

    def test_tolerates(self):
        try:
            assert add(1, 1) == 3
        except AssertionError:
            pass
        assert add(1, 1) == 2
"""
HELPERS = """\
def agrees(one, other):
    assert type(one) is type(other)
    return one == other
"""
SOLUTION = """\
import sys

def add(a, b):
    return a + b

def parse(text):
    return [int(word) for word in text.split(",")]

def mean(values):
    return sum(values) / len(values)

class Stack:
    def __init__(self):
        self.items = []
    def push(self, value):
        self.items.append(value)
    def pop(self):
        return self.items.pop()
    def __len__(self):
        return len(self.items)

if __name__ == "__main__":
    sys.exit(0)
"""
HELD_OUT = """\
from solution import add, parse
from helpers import agrees

def test_secret_sum():
    assert add(20, 22) == 42
    assert agrees(add(1, 0), 1)

def test_secret_parse():
    assert parse("9,9") == [9, 9]
"""

Grade = Callable[..., Gathered]


@pytest.fixture(scope="session")
def box() -> Iterator[Box]:
    with open_box() as opened:
        yield opened


@pytest.fixture
def solution() -> str:
    return SOLUTION


@pytest.fixture
def grade(box: Box, tmp_path: Path) -> Grade:
    """Grade files against the suite above, or against `tests` (by name)."""

    def graded(
        files: Mapping[str, str],
        tests: Mapping[str, str] | None = None,
        seed: int = 1,
        seconds: float = 20,
        **options: Any,
    ) -> Gathered:
        tests = {"test_solution.py": TESTS, "helpers.py": HELPERS} if tests is None else tests
        for folder, content in (("tests", tests), ("given", files)):
            for name, text in content.items():
                path = tmp_path / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        for key in ("held_out", "base", "reference"):
            if isinstance(options.get(key), Mapping):
                for name, text in options[key].items():
                    path = tmp_path / key / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text, encoding="utf-8")
                options[key] = tmp_path / key
        options.setdefault("sources", ("**/*.py",))
        task = SuiteTask(
            name="small",
            root=tmp_path,
            tests=tmp_path / "tests",
            limits=Limits(seconds=seconds),
            **options,
        )
        return run_suite(task, tmp_path / "given", box, 2, random.Random(seed))

    return graded


@pytest.fixture
def held_out() -> dict[str, str]:
    return {"test_more.py": HELD_OUT}
