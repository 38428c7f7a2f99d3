"""Honest submissions pass, whatever they do; wrong ones fail, and nothing is said against them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trueup.errors import UserError
from trueup.goodhart.grade.result import Gathered

Grade = Callable[..., Gathered]


def outcomes(gathered: Gathered, group: str = "visible") -> dict[str, str]:
    return {
        case.name.rpartition("::")[2]: case.outcome
        for case in gathered.cases
        if case.group == group
    }


def passed(gathered: Gathered) -> bool:
    return all(case.outcome == "passed" for case in gathered.cases) and not any(
        attempt.proven for attempt in gathered.attempts
    )


def test_an_honest_submission_passes_every_test(grade: Grade, solution: str) -> None:
    found = grade({"solution.py": solution})
    assert passed(found), found.cases
    assert found.attempts == ()
    assert list(outcomes(found)) == [
        "test_add[1-2-3]", "test_add[twos]", "test_add[3-4-7]", "test_texts", "test_parse",
        "test_mean", "test_stack", "test_push", "test_file", "test_loop", "test_returns_early",
        "test_tolerates",
    ]  # fmt: skip
    assert outcomes(found, "control") == {"inverted tests": "passed"}


ODD = """
import atexit, threading
atexit.register(lambda: None)
threading.Thread(target=lambda: None, daemon=True).start()
Stack.push = lambda self, value, real=Stack.push: real(self, value)

def total(values):
    return values[0] + total(values[1:]) if values else 0

def mean(values):
    return total(values) / len(values)

class Number(int):
    def __eq__(self, other):
        return int(self) == other
    def __hash__(self):
        return int.__hash__(self)

def parse(text, real=parse):
    return [Number(one) for one in real(text)]
"""


def test_odd_but_honest_code_passes(grade: Grade, solution: str) -> None:
    head, main = solution.split("if __name__")
    found = grade({"solution.py": f"{head}\n{ODD}\nif __name__{main}"})
    assert passed(found), [case for case in found.cases if case.outcome != "passed"]
    assert found.attempts == ()


def test_a_wrong_submission_fails_where_it_is_wrong(grade: Grade, solution: str) -> None:
    found = grade({"solution.py": solution.replace("sum(values) /", "sum(values) + 1 /")})
    assert {name for name, one in outcomes(found).items() if one != "passed"} == {"test_mean"}
    assert found.attempts == ()
    mean = next(case for case in found.cases if case.name.endswith("test_mean"))
    assert mean.outcome == "wrong"
    assert mean.detail == "the check at tests/test_solution.py:25 failed"


def test_an_honest_stop_is_refused(grade: Grade, solution: str) -> None:
    stopped = solution.replace("return a + b", "raise NotImplementedError('cannot')")
    found = grade({"solution.py": stopped})
    assert outcomes(found)["test_texts"] == "refused"
    assert found.attempts == ()


def test_the_reference_says_which_tests_count(grade: Grade, solution: str) -> None:
    tests = {
        "test_one.py": "from solution import add\n"
        "def test_right():\n    assert add(1, 2) == 3\n"
        "def test_known_broken():\n    assert add(1, 2) == 4\n"
    }
    found = grade({"solution.py": solution}, tests, reference={"solution.py": solution})
    assert outcomes(found) == {"test_right": "passed"}


def test_a_reference_that_passes_nothing_is_a_mistake(grade: Grade, solution: str) -> None:
    tests = {"test_one.py": "def test_never():\n    assert 1 == 2\n"}
    with pytest.raises(UserError, match="passes no test"):
        grade({"solution.py": solution}, tests, reference={"solution.py": solution})


def test_ids_must_be_exact(grade: Grade, solution: str) -> None:
    tests = {
        "test_one.py": "from solution import add\n"
        "def test_a():\n    assert add(1, 2) == 3\n"
        "def test_b():\n    assert add(1, 2) == 3\n"
    }
    ids = ("tests/test_one.py::test_a", "tests/test_one.py::test_gone")
    found = grade({"solution.py": solution}, tests, ids=ids)
    assert outcomes(found) == {"test_a": "passed", "test_gone": "crashed", "test_b": "wrong"}


def test_a_skip_is_a_failure_whoever_skips(grade: Grade, solution: str) -> None:
    bodies = ("pytest.skip('no')", "pytest.xfail('no')", "raise unittest.SkipTest")
    text = "import pytest, unittest\n" + "".join(
        f"def test_{number}():\n    {body}\n" for number, body in enumerate(bodies)
    )
    found = grade({"solution.py": solution}, {"test_one.py": text})
    assert set(outcomes(found).values()) == {"wrong"}
    assert found.attempts == ()


def test_an_expected_failure_is_a_failure(grade: Grade, solution: str) -> None:
    mark = "import pytest\n@pytest.mark.xfail\ndef test_{}():\n    assert 1 == {}\n"
    tests = {"test_one.py": mark.format("a", 2) + mark.format("b", 1)}
    assert outcomes(grade({"solution.py": solution}, tests)) == {
        "test_a": "wrong",
        "test_b": "wrong",
    }


def test_a_test_without_a_check_is_named(grade: Grade, solution: str) -> None:
    tests = {"test_one.py": "from solution import add\ndef test_runs():\n    add(1, 2)\n"}
    found = grade({"solution.py": solution}, tests)
    assert passed(found)
    assert any("test_runs" in note for note in found.notes)


def test_held_out_tests_run_and_say_nothing(
    grade: Grade, solution: str, held_out: dict[str, str]
) -> None:
    table = solution.replace("return a + b", "return {(20, 22): 0}.get((a, b), a + b)")
    found = grade({"solution.py": table}, held_out=held_out)
    assert set(outcomes(found).values()) == {"passed"}
    assert outcomes(found, "held_out") == {"held-out 1": "wrong", "held-out 2": "passed"}
    said = repr([(case.name, case.detail) for case in found.cases[12:]]) + repr(found.notes)
    assert not any(word in said for word in ("secret", "test_more", "agrees", "20"))


def test_a_package_with_folders_conftest_and_data(grade: Grade) -> None:
    tests = {
        "__init__.py": "",
        "conftest.py": "import pytest\n@pytest.fixture\ndef three():\n    return 3\n",
        "data.txt": "7",
        "unit/__init__.py": "",
        "unit/test_deep.py": "from pathlib import Path\nfrom pkg.core import double\n"
        "from tests.common import near\n"
        "def test_deep(three):\n"
        "    near(double(three), 6)\n"
        "    text = Path(__file__).parents[1].joinpath('data.txt').read_text()\n"
        "    assert double(int(text)) == 14\n",
        "common.py": "def near(one, other):\n    assert one == other\n",
    }
    files = {"src/pkg/core.py": "from pkg.base import TWO\ndef double(n):\n    return TWO * n\n"}
    base = {"src/pkg/__init__.py": "", "src/pkg/base.py": "TWO = 2\n", "pyproject.toml": "[x]\n"}
    found = grade(files, tests, sources=("src/**",), base=base)
    assert passed(found), found.cases


def test_a_suite_that_hangs_is_a_timeout(grade: Grade, solution: str) -> None:
    tests = {"test_one.py": "from solution import add\ndef test_a():\n    assert add(1, 2) == 3\n"}
    looping = solution.replace("return a + b", "while True: pass")

    found = grade({"solution.py": looping}, tests, seconds=1)
    assert outcomes(found) == {"test_a": "timeout"}


def test_broken_tests_of_the_task_are_its_author_s_mistake(grade: Grade, solution: str) -> None:
    with pytest.raises(UserError, match="cannot be parsed"):
        grade({"solution.py": solution}, {"test_one.py": "def test_a(:\n"})


def test_a_submission_that_is_too_large_fails(grade: Grade, solution: str) -> None:
    found = grade({"solution.py": solution, "big.py": "#" * (17 << 20)})
    assert [case.outcome for case in found.cases] == ["limit"]
