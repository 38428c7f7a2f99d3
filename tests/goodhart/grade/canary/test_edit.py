"""One expected value changes, and not a character more."""

from __future__ import annotations

import ast
import random
import re
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.goodhart.grade.canary.edit import Edit, contradictions, flips


def source(body: str) -> str:
    return textwrap.dedent(body).lstrip("\n")


def all_flips(text: str) -> list[Edit]:
    return list(flips(text, random.Random(0)))


def changed(body: str) -> set[str]:
    """What was expected, wherever it can be changed."""
    return {edit.before for edit in all_flips(source(body))}


def replaced(line: str, before: str, after: str) -> set[str]:
    """The line with one occurrence replaced, whichever."""
    places = (found.start() for found in re.finditer(re.escape(before), line))
    return {line[:place] + after + line[place + len(before) :] for place in places}


MIXED = source(
    '''
    """Über a file."""
    import pytest


    class TestAdd:
        # keep me
        def test_small(self):  # and me
            self.assertEqual(add(1), [1,  # one
                2])


    @pytest.mark.parametrize("a, want", [(1, 2), pytest.param(2, "é3", id="z")])
    def test_table(a, want):
        assert add(a) == want  # last
    async def test_later():
        assert add("ü") == pytest.approx(2.5)
    '''
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("def test_a():\n    assert f(1) == 2", {"2"}),
        ("def test_a():\n    assert 2 == f(1)", {"2"}),
        ("def test_a():\n    assert f(1) is True", {"True"}),
        ("def test_a():\n    assert f(1) == -3 and g(2) == 'x'", {"-3", "'x'"}),
        ("def test_a():\n    assert f(1) == {'k': [1, 2]}", {"1", "2"}),
        ("def test_a():\n    assert f(1) == []", {"[]"}),
        ("def test_a():\n    assert f(1) == approx(2.5, rel=1e-3)", {"2.5"}),
        ("def test_a():\n    assert f(1)", {"f(1)"}),
        ("def test_a():\n    assert not f(1)", {"not f(1)"}),
        ("def test_a():\n    self.assertTrue(f(1))", {"self.assertTrue"}),
        ("def test_a():\n    self.assertEqual(2, f(1))", {"2"}),
        ("def test_a():\n    for i in x:\n        with y:\n            assert f(i) == 2", {"2"}),
        ("@p.mark.parametrize('a,b', [(1, 2)])\ndef test_a(a, b):\n    assert f(a) == b", {"2"}),
        ("@p.mark.parametrize(('b',), [(7,)])\ndef test_a(b):\n    assert f() == b", {"7"}),
        ("@p.mark.parametrize('b', [7, 8])\ndef test_a(b):\n    assert f() == b", {"7", "8"}),
    ],
)
def test_what_an_assertion_expects_is_found(body: str, expected: set[str]) -> None:
    assert changed(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        "def test_a():\n    assert 1 == 1",
        "def test_a():\n    assert f(1) is None",
        "def test_a():\n    assert f(1) == g(1)",
        "def test_a():\n    x = 3",
        "def helper():\n    assert f(1) == 2",
        "@p.mark.parametrize('a,b', [(1, 2)])\ndef test_a(a, b):\n    f(a, b)",
        "@p.mark.parametrize('a,b', table())\ndef test_a(a, b):\n    assert f(a) == b",
    ],
)
def test_what_tests_nothing_is_left_alone(body: str) -> None:
    assert changed(body) == set()


def test_nothing_but_the_literal_changes() -> None:
    edits = all_flips(MIXED)
    assert {edit.test for edit in edits} == {"TestAdd::test_small", "test_table", "test_later"}
    for edit in edits:
        was, now = MIXED.splitlines(), edit.source.splitlines()
        assert len(was) == len(now)
        differing = [place for place, pair in enumerate(zip(was, now, strict=True), 1)
                     if pair[0] != pair[1]]  # fmt: skip
        assert differing == [edit.line]
        assert now[edit.line - 1] in replaced(was[edit.line - 1], edit.before, edit.after)
        ast.parse(edit.source)


def test_a_copy_stands_beside_the_test_it_contradicts() -> None:
    for edit in contradictions(MIXED, random.Random(0)):
        tree = ast.parse(edit.source)
        names = [node.name for node in ast.walk(tree) if hasattr(node, "decorator_list")]
        assert edit.test.rsplit("::")[-1] in names
        assert len(names) == len(set(names)) == 5
        assert all(line in edit.source for line in MIXED.splitlines())
    assert {edit.test for edit in contradictions(MIXED, random.Random(0))} == {
        "TestAdd::test_small_2",
        "test_table_2",
        "test_later_2",
    }


def test_a_comment_at_the_end_stays_with_its_test() -> None:
    (text,) = {
        edit.source
        for edit in contradictions(MIXED, random.Random(0))
        if edit.test == "test_table_2" and edit.after == "3"
    }
    assert text.count("== want  # last\n") == 2
    assert "(1, 2)" in text
    assert "(1, 3)" in text


def test_a_name_that_is_taken_is_not_taken_again() -> None:
    text = "def test_a():\n    assert f(1) == 2\n\n\ndef test_a_2():\n    pass\n"
    assert {edit.test for edit in contradictions(text, random.Random(0))} == {"test_a_3"}


def test_windows_newlines_stay() -> None:
    text = "def test_a():\r\n    assert f(1) == 2\r\n"
    assert {edit.source for edit in all_flips(text)} >= {text.replace("2", "3")}


@given(st.lists(st.integers(-9, 9) | st.text(max_size=5) | st.booleans(), max_size=4))
def test_any_literal_survives_the_edit(value: list[object]) -> None:
    text = f"def test_a():\n    assert f('ü{{}}') == {value!r}  # é\n"
    for edit in all_flips(text):
        (statement,) = ast.parse(edit.source).body[0].body  # type: ignore[attr-defined]
        assert ast.literal_eval(statement.test.comparators[0]) != value
        assert edit.source.endswith("  # é\n")
