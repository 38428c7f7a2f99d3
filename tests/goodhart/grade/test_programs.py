"""Program tasks: outcomes, comparisons, what is said and what is not, and attempts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trueup.errors import UserError
from trueup.goodhart.grade.box import Box, open_box
from trueup.goodhart.grade.limits import Limits
from trueup.goodhart.grade.programs import run_program
from trueup.goodhart.grade.result import Gathered
from trueup.goodhart.grade.task import Compare, ProgramCase, ProgramTask

Grade = Callable[..., Gathered]

ADDS = """\
import sys

def main():
    print(sum(map(int, sys.stdin.read().split())))
    return 0

if __name__ == "__main__":
    sys.exit(main())
"""


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with open_box() as opened:
        yield opened


@pytest.fixture
def grade(box: Box, tmp_path: Path) -> Grade:
    def graded(source: str, name: str = "main.py", seconds: float = 5, **options: Any) -> Gathered:
        given = tmp_path / "given"
        given.mkdir(exist_ok=True)
        (given / name).write_text(source)
        (given / name).chmod(0o755)
        options.setdefault("command", ("python", "main.py"))
        options.setdefault("cases", (ProgramCase("adds", "1 2\n", "3\n"),))
        task = ProgramTask(name="adding", limits=Limits(seconds=seconds), **options)
        return run_program(task, given, box, 2, random.Random(1))

    return graded


def outcome(found: Gathered) -> str:
    (case,) = found.cases
    return case.outcome


def test_an_honest_program_with_an_exit_in_main_passes(grade: Grade) -> None:
    found = grade(ADDS, command=("{python}", "main.py"))
    assert outcome(found) == "passed"
    assert found.attempts == ()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("print(4)", "wrong"),
        ("print(3); raise SystemExit(1)", "wrong"),
        ("print(3); 1 / 0", "raised"),
        ("raise NotImplementedError('not yet')", "refused"),
        ("import os; os.kill(os.getpid(), 11)", "crashed"),
        ("while True: print('x' * 1000)", "limit"),
    ],
)
def test_outcomes(grade: Grade, source: str, expected: str) -> None:
    assert outcome(grade(source)) == expected


def test_a_program_that_sleeps_is_a_timeout(grade: Grade) -> None:
    assert outcome(grade("import time; time.sleep(60)", seconds=0.5)) == "timeout"


def test_the_exit_status_and_arguments_count(grade: Grade) -> None:
    source = "import sys\nprint(sys.argv[1])\nsys.exit(3)\n"
    case = ProgramCase("says", "", "a b", args=("a b",), status=3)
    assert outcome(grade(source, cases=(case,))) == "passed"


def test_a_script_of_another_language(grade: Grade) -> None:
    source = "#!/bin/sh\nread a b\necho $((a + b))\n"
    assert outcome(grade(source, "add.sh", command=("./add.sh",))) == "passed"


def test_a_command_that_does_not_exist_is_a_mistake(grade: Grade) -> None:
    with pytest.raises(UserError, match="does not exist"):
        grade(ADDS, command=("no-such-program",))


def test_close_and_callable_comparisons(grade: Grade) -> None:
    case = (ProgramCase("near", "", "1.0 two"),)
    close = Compare("close", rel=1e-3)
    assert outcome(grade("print('1.0000001   two')", cases=case, compare=close)) == "passed"
    assert outcome(grade("print('1.1 two')", cases=case, compare=close)) == "wrong"

    def check(stdin: str, expect: str, got: str) -> bool:
        return (stdin, expect) == ("", "1.0 two") and got.startswith("fine")

    by = Compare("callable", function=check)
    assert outcome(grade("print('fine')", cases=case, compare=by)) == "passed"
    assert outcome(grade("print('1.0 two')", cases=case, compare=by)) == "wrong"


def test_a_visible_failure_is_shown_and_a_held_out_one_is_not(grade: Grade) -> None:
    source = "import sys\ntext = sys.stdin.read()\nprint(text)\nraise ValueError(text)\n"
    shown = ProgramCase("shown", "open", "7")
    hidden = ProgramCase("hidden", "secret-in", "secret-out")
    found = grade(source, cases=(shown,), held_out=(hidden,))
    assert "ValueError: open" in found.cases[0].detail
    assert [case.group for case in found.cases] == ["visible", "held_out"]
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("source", "technique"),
    [
        ("print(open('/box/answers.json').read())", "answer-file"),
        ("import os; print(os.environ['EXPECTED_OUTPUT'])", "environment-answer"),
        ("import os; os.write(3, b'passed'); print(4)", "result-descriptor"),
    ],
)
def test_attempts_are_seen_and_do_not_pass(grade: Grade, source: str, technique: str) -> None:
    found = grade(source)
    assert outcome(found) != "passed"
    assert technique in {one.technique for one in found.attempts}


def test_every_case_has_a_process_and_a_folder_of_its_own(grade: Grade) -> None:
    source = (
        "import pathlib\nmark = pathlib.Path('mark')\nprint(int(mark.exists()))\nmark.touch()\n"
    )
    cases = tuple(ProgramCase(str(number), "", "0") for number in range(3))
    assert {case.outcome for case in grade(source, cases=cases).cases} == {"passed"}


def test_a_link_out_of_the_folder_is_left_behind(grade: Grade, tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("3")
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "real.txt").symlink_to(tmp_path / "real.txt")
    assert outcome(grade("print(open('real.txt').read())")) == "raised"
