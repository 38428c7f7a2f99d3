"""What goes into the box is the same test, and its control is false where the test is right."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.goodhart.grade.suites.decoys import decoy_modules
from trueup.goodhart.grade.suites.literals import altered
from trueup.goodhart.grade.suites.sealing import Names, Sealed, defined_names, seal

LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4)
    | st.tuples(inner, inner)
    | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(LITERALS, st.integers(0, 2**32))
def test_another_literal_is_another_value_of_the_same_type(value: Any, seed: int) -> None:
    node = ast.parse(repr(value), mode="eval").body
    found = altered(node, random.Random(seed))
    assert found is not None
    other = ast.literal_eval(ast.unparse(ast.fix_missing_locations(found)))
    assert other != value
    assert type(other) is type(value) or value is None


@given(st.floats(-1e6, 1e6), st.floats(1e-9, 1e3), st.integers(0, 2**32))
def test_a_number_moves_beyond_its_tolerance(value: float, tolerance: float, seed: int) -> None:
    found = altered(ast.parse(repr(value), mode="eval").body, random.Random(seed), tolerance)
    assert found is not None
    assert abs(ast.literal_eval(ast.unparse(found)) - value) > 2 * tolerance


def sealed(text: str, seed: int = 1) -> tuple[Sealed, Names]:
    tree = ast.parse(text)
    names = Names.drawn(random.Random(seed))
    own = defined_names([tree])
    return seal(tree, "test_x.py", names, own, 0, random.Random(seed)), names


def checks_of(
    text: str, names: Names, scope: dict[str, Any], run: str = "test_it"
) -> dict[int, list[bool]]:
    """Run one test of a sealed text; what each check came to, going on after a failure."""
    saw: dict[int, list[bool]] = {}

    def check(site: int, value: Any) -> bool:
        saw.setdefault(site, []).append(bool(value))
        return True

    def call(site: int, function: Callable[..., Any], *args: Any, **keywords: Any) -> None:
        try:
            function(*args, **keywords)
        except AssertionError:
            check(site, False)
        else:
            check(site, True)

    class Manager:
        def __init__(self, site: int, inner: Any) -> None:
            self.site, self.inner = site, inner

        def __enter__(self) -> Any:
            return self.inner.__enter__()

        def __exit__(self, *exc: Any) -> bool:
            return check(self.site, self.inner.__exit__(*exc))

    scope = {
        **scope,
        "__name__": "test_x",
        names.check: check,
        names.equal: lambda site, left, right: left == right,
        names.minus: lambda site, left, right: left - right,
        names.call: call,
        names.manager: Manager,
        names.end: lambda number: saw.setdefault(-1, []).append(True),
        names.module: lambda found: None,
    }
    exec(compile(text, "test_x.py", "exec"), scope)
    function = scope[run]
    marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
    rows = marks[0].args[1] if marks else [()]
    for row in rows:
        function(*getattr(row, "values", row))
    return saw


# A test of `f`, which doubles. Each check must be seen: held as written, false in the control.
CHECKS = {
    "a literal": "assert f(2) == 4",
    "on the left": "assert 4 == f(2)",
    "a list": "assert [f(1), f(2)] == [2, 4]",
    "a name": "want = 4\n    got = f(2)\n    assert got == want",
    "a loop": "for n, want in [(1, 2), (2, 4)]:\n        assert f(n) == want",
    "a mapping": "for n, want in {1: 2, 2: 4}.items():\n        assert f(n) == want",
    "all": "assert all(f(n) == want for n, want in [(1, 2), (2, 4)])",
    "approx": "assert f(2.0) == pytest.approx(4.0, rel=0.01)",
    "isclose": "assert math.isclose(f(2.0), 4.0, abs_tol=0.5)",
    "a difference": "assert abs(f(2) - 4) < 0.5",
    "and": "assert f(1) == 2 and f(2) == 4",
    "a truth": "assert f(2)",
    "a falsehood": "assert not f(0)",
    "less": "assert f(2) < 5",
    "in": "assert f(2) in (3, 4)",
    "not equal": "assert f(2) != 5",
    "a type": "assert isinstance(f(2), int)",
    "a chain": "assert 3 < f(2) < 5",
    "none": "assert n(2) is None",
    "unittest": "case.assertEqual(f(2), 4)",
    "unittest truth": "case.assertTrue(f(2))",
    "unittest in": "case.assertIn(f(2), [3, 4])",
    "unittest near": "case.assertAlmostEqual(f(2.0), 4.0, places=1)",
    "a computed value": "assert f(2) == 2 + 2",
    "returns": "if f(1):\n        assert f(2) == 4\n        return",
}


def doubled(n: Any) -> Any:
    return 2 * n


def scope() -> dict[str, Any]:
    import math
    import unittest

    return {
        "f": doubled,
        "n": lambda n: None,
        "pytest": pytest,
        "math": math,
        "case": unittest.TestCase(),
        "nullcontext": nullcontext,
    }


@pytest.mark.parametrize("kind", CHECKS)
@pytest.mark.parametrize("seed", range(5))
def test_a_check_holds_as_written_and_is_false_inverted(kind: str, seed: int) -> None:
    made, names = sealed(f"def test_it():\n    {CHECKS[kind]}\n", seed)
    written = checks_of(made.text, names, scope())
    assert written.pop(-1) == [True]
    assert written
    assert all(all(held) for held in written.values())
    control = checks_of(made.control, names, scope())
    assert control.pop(-1) == [True]
    assert {site: len(held) for site, held in control.items()}.keys() == written.keys()
    assert not any(any(held) for held in control.values())


@pytest.mark.parametrize("rows", ["[(1, 2), pytest.param(2, 4, id='x')]", "ROWS"])
def test_parameters_that_are_expected_are_changed_and_inputs_are_not(rows: str) -> None:
    text = (
        "ROWS = [(1, 2), (2, 4)]\n"
        f"@pytest.mark.parametrize('n, want', {rows})\n"
        "def test_it(n, want):\n    assert f(n) == want\n"
    )
    made, names = sealed(text)
    assert [site.inverted for site in made.sites] == ["value"]
    assert next(iter(checks_of(made.text, names, scope()).values())) == [True, True]
    assert next(v for k, v in checks_of(made.control, names, scope()).items() if k >= 0) == [
        False,
        False,
    ]


def test_an_input_that_is_also_expected_is_left() -> None:
    made, _ = sealed("def test_it():\n    n = 0\n    assert f(n) == n\n")
    assert "n = 0" in made.control
    assert [site.inverted for site in made.sites] == ["operator"]


def test_a_test_that_means_to_fail_is_left_alone() -> None:
    text = (
        "def test_it():\n"
        "    try:\n        assert f(1) == 3\n    except AssertionError:\n        pass\n"
        "    with pytest.raises(AssertionError):\n        assert f(1) == 3\n"
    )
    made, _ = sealed(text)
    for version in (made.text, made.control):
        assert version.count("assert f(1) == 3") == 2


def test_another_exception_is_expected_in_the_control() -> None:
    made, _ = sealed("def test_it():\n    with pytest.raises(ValueError):\n        f('x')\n")
    assert "pytest.raises(ValueError)" in made.text
    assert "pytest.raises(ValueError)" not in made.control


def test_the_two_versions_differ_in_nothing_but_what_is_expected() -> None:
    made, _ = sealed("def test_it():\n    assert f(2) == 4\n    assert f(3) == 6\n")
    ones, others = made.text.splitlines(), made.control.splitlines()
    assert len(ones) == len(others)
    assert sum(one != other for one, other in zip(ones, others, strict=True)) == 2


def test_names_are_drawn_afresh() -> None:
    assert Names.drawn(random.Random(1)) != Names.drawn(random.Random(2))


@pytest.mark.parametrize("seed", range(8))
def test_decoys_come_to_what_they_are_said_to(seed: int) -> None:
    rng = random.Random(seed)
    modules, decoys = decoy_modules(["test_parse_text", "test_add"], {"test_a.py"}, rng)
    assert {decoy.kind for decoy in decoys} == {"holds", "false", "ended"}
    for decoy in decoys:
        file, *holders, name = decoy.id.split("::")
        space: dict[str, Any] = {"__name__": "decoys"}
        exec(compile(modules[file], file, "exec"), space)
        test = getattr(space[holders[0]](name), name) if holders else space[name]
        failed = False
        try:
            test()
        except (AssertionError, pytest.fail.Exception):
            failed = True
        assert failed == (decoy.kind == "false"), (decoy, modules[file])
