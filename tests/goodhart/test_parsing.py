"""Parsing beside other threads."""

from __future__ import annotations

import ast
from concurrent.futures import ThreadPoolExecutor

import pytest

from trueup.goodhart.parsing import parsed

DEEP = (
    "x = " + "(" * 40 + "1" + ",)" * 40 + "\n" + "def f():\n    return [i for i in range(3)]\n" * 40
)


def test_many_threads_parse_the_same_tree() -> None:
    expected = ast.dump(ast.parse(DEEP))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: ast.dump(parsed(DEEP)), range(60)))
    assert set(found) == {expected}


def test_errors_are_those_of_python() -> None:
    with pytest.raises(SyntaxError):
        parsed("def f(:")
