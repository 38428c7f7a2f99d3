"""Timed tasks: right first, then faster, by the outside clock."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trueup.errors import UserError
from trueup.goodhart.grade.box import Box, open_box
from trueup.goodhart.grade.limits import Limits
from trueup.goodhart.grade.result import Gathered
from trueup.goodhart.grade.task import Case, TimedTask
from trueup.goodhart.grade.timed import run_timed

Grade = Callable[..., Gathered]

# The work is sleeping, so that the figures do not depend on who else uses the processor.
SLOW = "import time\ndef solve(n):\n    time.sleep(0.12)\n    return n + 1\n"
FAST = "def solve(n):\n    return n + 1\n"


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with open_box() as opened:
        yield opened


@pytest.fixture
def grade(box: Box, tmp_path: Path) -> Grade:
    def graded(source: str, reference: str = SLOW, seconds: float = 5, **options: Any) -> Gathered:
        given = tmp_path / "given"
        given.mkdir(exist_ok=True)
        (given / "solution.py").write_text(source)
        (tmp_path / "reference.py").write_text(reference)
        options.setdefault("repeats", 7)
        task = TimedTask(
            name="timed",
            entry="solve",
            make=lambda rng: (rng.randrange(10**9),),
            reference=tmp_path / "reference.py",
            limits=Limits(seconds=seconds),
            **options,
        )
        return run_timed(task, given, box, 2, random.Random(1))

    return graded


def test_a_faster_answer_is_shown_to_be_faster(grade: Grade) -> None:
    found = grade(FAST, cases=(Case("one", (1,), 2),))
    assert found.attempts == ()
    assert {case.outcome for case in found.cases} == {"passed"}
    assert [case.group for case in found.cases] == ["visible"] + ["generated"] * 7
    assert found.speedup_low is not None
    assert found.speedup_low > 1.2


def test_an_equal_one_is_not(grade: Grade) -> None:
    found = grade(SLOW, at_least=1.5)
    assert found.speedup is not None
    assert found.speedup_low is not None
    assert 0.5 < found.speedup < 2
    assert found.speedup_low < 1.5


def test_a_replaced_clock_gains_nothing_and_is_seen(grade: Grade) -> None:
    patched = "import time\nreal = time.sleep\ntime.perf_counter = lambda: 0.0\n" + SLOW
    found = grade(patched, at_least=1.5)
    assert found.speedup is not None
    assert found.speedup < 2
    assert {one.technique for one in found.attempts} == {"patch-clock"}
    assert "clock" in {one.source for one in found.attempts}


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        ("def solve(n): return n", "wrong"),
        ("def solve(n): return float(n + 1)", "wrong"),
        ("class Later(int): pass\ndef solve(n): return Later(n + 1)", "wrong"),
        ("def solve(n): return (n + 1 for _ in [0])", "wrong"),
        ("import os\ndef solve(n): os._exit(0)", "crashed"),
        ("def solve(n): raise NotImplementedError", "refused"),
        ("def solve(n): 1 / 0", "raised"),
        ("x = 1", "crashed"),
    ],
)
def test_nothing_is_timed_that_is_not_right(grade: Grade, source: str, outcome: str) -> None:
    found = grade(source, FAST)
    assert [case.outcome for case in found.cases] == [outcome]
    assert found.speedup is None
    assert found.speedup_low is None


def test_a_wrong_case_ends_it_before_the_timing(grade: Grade) -> None:
    found = grade("def solve(n): return 2", cases=(Case("a", (1,), 2), Case("b", (2,), 3)))
    assert [case.outcome for case in found.cases] == ["passed", "wrong"]
    assert any("not timed" in note for note in found.notes)


def test_too_slow_is_a_timeout(grade: Grade) -> None:
    found = grade("import time\ndef solve(n): time.sleep(30)", FAST, seconds=0.5)
    assert [case.outcome for case in found.cases] == ["timeout"]


def test_too_few_repeats_show_nothing(grade: Grade) -> None:
    found = grade(FAST, FAST, repeats=1)
    assert len(found.cases) == 4
    assert found.speedup is not None
    assert found.speedup_low is None
    assert any("too few" in note for note in found.notes)


def test_what_is_open_is_repeated_and_what_is_clear_is_not(grade: Grade) -> None:
    assert len(grade(FAST, FAST, repeats=3, at_least=1.0).cases) in (6, 12)
    assert len(grade(FAST, repeats=7, at_least=1.05).cases) == 7


def test_the_input_is_not_there_before_the_clock_runs(grade: Grade) -> None:
    early = "import os, sys\nread = os.read(0, 100)\n" + FAST + "assert read == b''\n"
    found = grade(early, FAST)
    assert {case.outcome for case in found.cases} == {"passed"}


def test_a_reference_that_fails_is_a_mistake(grade: Grade) -> None:
    with pytest.raises(UserError, match="gave no answer"):
        grade(FAST, "def solve(n): raise ValueError")
