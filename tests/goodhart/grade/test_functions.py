"""Function tasks in real boxes: what passes, what is seen, and what never comes out."""

from __future__ import annotations

import py_compile
import random
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trueup.errors import UserError
from trueup.goodhart.grade.box import Box, Isolation, open_box
from trueup.goodhart.grade.functions import call_once, run_function
from trueup.goodhart.grade.limits import Limits
from trueup.goodhart.grade.result import CaseResult, Gathered
from trueup.goodhart.grade.task import Case, Compare, FunctionTask, Generated

ADD = FunctionTask(
    name="add",
    entry="solve",
    cases=(Case("small", (1, 2), 3),),
    held_out=(Case("secret", (4100, 77), 4177),),
    limits=Limits(seconds=20.0),
)
RIGHT = "def solve(a, b):\n    return a + b\n"


@pytest.fixture(scope="module", params=list(Isolation), ids=lambda level: level.name.lower())
def each_box(request: pytest.FixtureRequest) -> Iterator[Box]:
    """A box of every level."""
    with open_box(level=request.param) as opened:
        yield opened


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    """The strongest box."""
    with open_box() as opened:
        yield opened


@pytest.fixture
def run(box: Box, tmp_path: Path) -> Any:
    return runner(box, tmp_path)


def runner(box: Box, folder: Path) -> Any:
    """Grades a source, or files by name, on a task in the box."""

    def run(source: str | dict[str, str], task: FunctionTask = ADD) -> Gathered:
        files = {"solution.py": source} if isinstance(source, str) else source
        submission = folder / "submission"
        for name, text in files.items():
            path = submission / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return run_function(task, submission, box, 2, random.Random(7))

    return run


def outcomes(gathered: Gathered) -> list[str]:
    return [case.outcome for case in gathered.cases]


def techniques(gathered: Gathered) -> set[str]:
    return {sign.technique for sign in gathered.attempts}


def first(gathered: Gathered) -> CaseResult:
    return gathered.cases[0]


# On every level.


def test_a_right_answer_passes_everywhere(each_box: Box, tmp_path: Path) -> None:
    found = runner(each_box, tmp_path)(RIGHT)
    assert outcomes(found) == ["passed", "passed"]
    assert found.attempts == ()
    assert [(case.group, case.name) for case in found.cases] == [
        ("visible", "small"),
        ("held_out", "secret"),
    ]


@pytest.mark.parametrize(
    ("body", "technique", "proven"),
    [
        ("import sys; return sys._getframe(1).f_locals['expected']", "caller-frames", True),
        ("import json; return json.load(open('answers.json'))['expected']", "answer-file", True),
        ("import os; return int(os.environ['ANSWER'])", "environment-answer", True),
        ("import os; os._exit(0)", "hard-exit", False),
        ("import os; os.write(3, b'[\"value\",3]\\n'); return 0", "result-descriptor", False),
    ],
)
def test_what_is_seen_on_every_level(
    each_box: Box, tmp_path: Path, body: str, technique: str, proven: bool
) -> None:
    found = runner(each_box, tmp_path)(f"def solve(a, b):\n    {body}\n")
    assert "passed" not in outcomes(found)
    assert technique in techniques(found)
    assert any(sign.proven for sign in found.attempts) is proven


# Answers.


@pytest.mark.parametrize(
    ("body", "outcome", "said"),
    [
        ("return a - b", "wrong", "solve(1, 2) returned -1; expected 3"),
        ("return float(a + b)", "wrong", "returned 3.0; expected 3"),
        ("return {True: a + b}[1]", "passed", ""),
        ("raise ValueError('no')", "raised", "solve(1, 2) raised ValueError: no"),
        ("raise NotImplementedError", "refused", "solve(1, 2) raised NotImplementedError"),
        ("while True: pass", "timeout", "no answer within its time"),
        ("return a + b + []", "raised", "TypeError"),
        ("return solve(a, b)", "raised", "RecursionError"),
        ("x = []\n    while True: x.append(bytearray(1 << 24))", "limit", "ran out of memory"),
        ("return 'x' * (1 << 21)", "wrong", "larger than the output limit"),
        ("while True: print('x' * 10000)", "limit", "wrote more than"),
        ("x = []; x.append(x); return x", "wrong", "contains itself"),
        ("return (i for i in range(3))", "wrong", "type generator"),
        ("import sys; sys.exit(0)", "crashed", "raised SystemExit instead of answering"),
        ("import os; os.abort()", "crashed", "was ended by signal 6"),
        ("import sys; sys.setrecursionlimit(60); return a + b", "passed", ""),
        ("raise type('E', (Exception,), {'__str__': lambda s: 1 / 0})", "raised", "be shown"),
        ("raise KeyboardInterrupt", "raised", "KeyboardInterrupt"),
    ],
)
def test_outcomes(run: Any, body: str, outcome: str, said: str) -> None:
    task = FunctionTask(
        name="add",
        entry="solve",
        cases=ADD.cases,
        limits=Limits(seconds=3.0, memory_mb=256),
    )
    case = first(run(f"def solve(a, b):\n    {body}\n", task))
    assert (case.outcome, said in case.detail) == (outcome, True), case.detail
    assert case.seconds > 0


def test_files_that_do_not_hold_a_solution(run: Any) -> None:
    assert first(run({"other.py": RIGHT})).detail == "there is no solution.py"
    assert first(run("def solved(): pass")).detail == "solution.py does not define solve"
    assert first(run("solve = 3")).detail == "solution.py does not define solve"
    assert "SyntaxError" in first(run("def solve(:")).detail
    assert "null bytes" in first(run("\0")).detail


def test_plain_types_come_out_as_they_are(run: Any) -> None:
    values: list[Any] = [
        (1, (2,)), {1, 2}, frozenset({b"x"}), {(1, 2): None}, 2**70, -0.0, "\ud800", 1j, [], b"",
    ]  # fmt: skip
    cases = tuple(Case(str(n), (value,), value) for n, value in enumerate(values))
    task = FunctionTask(name="echo", entry="solve", cases=cases, limits=Limits(seconds=20.0))
    assert set(outcomes(run("def solve(x):\n    return x\n", task))) == {"passed"}


def test_keywords_methods_and_other_files(run: Any) -> None:
    task = FunctionTask(
        name="deep",
        entry="Adder.add",
        file="pkg/main.py",
        cases=(Case("one", (1,), 3, {"b": 2}),),
        limits=Limits(seconds=20.0),
    )
    files = {
        "pkg/main.py": "from helper import plus\nimport pkg.more\n"
        "class Adder:\n    @staticmethod\n    def add(a, *, b):\n        return plus(a, b)\n",
        "pkg/more.py": "",
        "helper.py": "def plus(a, b):\n    return a + b\n",
    }
    found = run(files, task)
    assert (outcomes(found), found.attempts) == (["passed"], ())


def test_every_case_has_a_process_of_its_own(run: Any) -> None:
    source = """
import os
calls = []
def solve(a, b):
    calls.append(1)
    fresh = len(calls) == 1 and not os.path.exists('/tmp/been') and not os.path.exists('been')
    open('/tmp/been', 'w').close(); open('been', 'w').close()
    return a + b if fresh else -1
"""
    assert set(outcomes(run(source))) == {"passed"}


def test_no_expected_value_is_in_the_box(run: Any) -> None:
    """The process searches its memory, its environment and all files that it can read."""
    source = """
import os, re
MARK = re.compile(rb'zq[0-9a-f]{16}zq')
def texts():
    yield repr(os.environ).encode()
    with open('/proc/self/maps') as maps, open('/proc/self/mem', 'rb', 0) as memory:
        for where, rights, *_ in map(str.split, maps):
            low, high = (int(part, 16) for part in where.split('-'))
            if rights.startswith('rw'):
                try:
                    memory.seek(low)
                    yield memory.read(high - low)
                except (OSError, ValueError, OverflowError):
                    pass
    for top in ('/box', '/tmp', '/trueup', '/tests', '/run', '/proc/1', '/proc/2'):
        for folder, _, names in os.walk(top):
            for name in names if folder.count('/') < 3 else ():
                try:
                    with open(os.path.join(folder, name), 'rb') as file:
                        yield file.read(1 << 20)
                except OSError:
                    pass
def solve(own):
    found = [mark for text in texts() for mark in MARK.findall(text)]
    return [len(found) > 0, sorted({x.decode() for x in found} - {own})]
"""
    own, expected = (f"zq{secrets.token_hex(8)}zq" for _ in range(2))
    cases = (Case("search", (own,), expected), Case("other", (own,), expected + expected))
    task = FunctionTask(name="search", entry="solve", cases=cases, limits=Limits(seconds=30.0))
    found = run(source, task)
    assert "returned [True, []]" in first(found).detail, first(found).detail


def test_the_submission_cannot_shadow_or_start_anything(run: Any) -> None:
    bomb = "import os\nos._exit(0)\n"
    names = "json time os plain audit state places runner sitecustomize usercustomize encodings"
    files = {f"{name}.py": bomb for name in f"{names} __main__ atexit gc posix".split()}
    source = "import json, time, os, atexit, gc\ndef solve(a, b):\n    return a + b\n"
    found = run({**files, "solution.py": source, "x.pth": "import os; os._exit(0)"})
    assert (outcomes(found), found.attempts) == (["passed", "passed"], ())


def test_only_source_is_imported(run: Any, tmp_path: Path) -> None:
    """Compiled modules are not, wherever they lie; a cache is not even copied."""
    source = tmp_path / "evil.py"
    source.write_text("value = 'compiled'\n")
    submission = tmp_path / "submission"
    for name in ("legacy.pyc", "pkg/inner.pyc", "__pycache__/cached.cpython-311.pyc"):
        py_compile.compile(str(source), str(submission / name), doraise=True)
    (submission / "pkg" / "native.so").write_bytes(b"")
    found = run(
        "def solve(a, b):\n"
        "    for name in ('legacy', 'pkg.inner', 'cached', 'pkg.native', '__pycache__.cached'):\n"
        "        try:\n            __import__(name)\n            return name\n"
        "        except ModuleNotFoundError:\n            pass\n"
        "    return a + b\n"
    )
    assert set(outcomes(found)) == {"passed"}, found.cases[0].detail


def test_the_runner_imports_next_to_nothing(run: Any) -> None:
    """Everything that it loads is a module that a submission could patch, and takes its time."""
    task = FunctionTask(name="m", entry="solve", cases=(Case("a", (), []),))
    source = """
import sys
def solve():
    return [name for name in ("json", "re", "typing", "enum", "functools", "collections",
                              "threading", "signal", "site", "plain", "audit", "runner")
            if name in sys.modules]
"""
    assert outcomes(run(source, task)) == ["passed"]


def test_links_out_of_the_submission_are_left_behind(run: Any, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("answer")
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "secret.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "above").symlink_to(tmp_path)
    source = "import os\ndef solve(a, b):\n    return a + b if not [\n" \
        "        x for x in ('secret.txt', 'above') if os.path.lexists(x)] else -1\n"  # fmt: skip
    assert set(outcomes(run(source))) == {"passed"}


def test_a_submission_that_is_too_large_runs_nowhere(run: Any) -> None:
    task = FunctionTask(name="add", entry="solve", cases=ADD.cases, limits=Limits(file_mb=1))
    case = first(run({"solution.py": RIGHT, "blob": "x" * (1 << 20)}, task))
    assert (case.outcome, case.detail) == ("limit", "the submission holds more than 1 MB")


def test_a_check_that_raises_counts_as_wrong(run: Any) -> None:
    def check(args: Any, expect: Any, got: Any) -> bool:
        return bool(got["sum"] == expect)

    task = FunctionTask(
        name="add", entry="solve", cases=ADD.cases, compare=Compare("callable", function=check)
    )
    found = run(RIGHT, task)
    assert outcomes(found) == ["wrong"]
    assert "TypeError in the task's check" in found.notes[0]


# Unseen cases say nothing.


@pytest.mark.parametrize(
    "body",
    [
        "return [a, b]",
        "raise ValueError(a, b)",
        "raise type(f'E{a}', (Exception,), {})(b)",
        "return type(f'T{a}x{b}', (), {'__eq__': solve})()",
        "import os; open(f'/etc/{a}-{b}')",
        "import os; os.write(3, f'{a} {b}\\n'.encode()); return 0",
        'import os; os.write(4, f\'["open","/{a}/{b}"]\\n\'.encode()); return 0',
        "import os; os._exit(a % 256)",
        "import subprocess; subprocess.run([f'{a}', f'{b}'])",
        "print(a, b); return 0",
        "exec(compile(chr(10) * a + 'import sys; sys._getframe(2)', 'x', 'exec'))",
    ],
)
def test_an_unseen_input_is_in_no_output(run: Any, body: str) -> None:
    found = run(f"def solve(a, b):\n    {body}\n")
    hidden = [case for case in found.cases if case.group == "held_out"]
    said = [case.detail for case in hidden]
    said += [sign.evidence for sign in found.attempts if sign.case == "secret"]
    said += list(found.notes)
    for secret in ("4100", "4177", "77", "[4", "T4", "E4"):
        assert not any(secret in text for text in said), said
    assert hidden[0].outcome != "passed"


# References and generated cases.


def test_generated_cases_are_new_each_time_and_right(run: Any, tmp_path: Path) -> None:
    reference = tmp_path / "task" / "reference.py"
    reference.parent.mkdir()
    reference.write_text("from beside import plus\ndef solve(a, b):\n    return plus(a, b)\n")
    (tmp_path / "task" / "beside.py").write_text("def plus(a, b):\n    return a + b\n")
    seen: list[Any] = []

    def make(rng: random.Random) -> tuple[int, int]:
        seen.append((rng.randrange(10**9), rng.randrange(10**9)))
        return seen[-1]

    task = FunctionTask(
        name="add",
        entry="solve",
        cases=(),
        generated=Generated(make, 5),
        reference=reference,
        limits=Limits(seconds=20.0),
    )
    assert outcomes(run(RIGHT, task)) == ["passed"] * 5
    assert len(set(seen)) == 5
    wrong = run("def solve(a, b):\n    return 0\n", task)
    assert outcomes(wrong) == ["wrong"] * 5
    assert {case.group for case in wrong.cases} == {"generated"}
    assert {case.detail for case in wrong.cases} == {"gave another value"}


@pytest.mark.parametrize("body", ["raise ValueError", "return object()", "import os; os._exit(0)"])
def test_a_reference_that_fails_is_the_task_s_mistake(run: Any, tmp_path: Path, body: str) -> None:
    reference = tmp_path / "reference.py"
    reference.write_text(f"def solve(a, b):\n    {body}\n")
    task = FunctionTask(
        name="add",
        entry="solve",
        cases=(),
        generated=Generated(lambda rng: (1, 2), 1),
        reference=reference,
        limits=Limits(seconds=20.0),
    )
    with pytest.raises(UserError, match=r"reference\.py fails on a generated input"):
        run(RIGHT, task)


def test_call_once(box: Box, tmp_path: Path) -> None:
    file = tmp_path / "one.py"
    file.write_text("def solve(a, *, b=0):\n    return [a, b]\n")
    answer = call_once(box, file, "solve", (1,), {"b": {2}}, Limits(seconds=20.0))
    assert (answer.kind, answer.value, answer.signs) == ("value", [1, {2}], ())
    assert call_once(box, file, "other", (), {}, Limits(seconds=20.0)).kind == "no-entry"
    with pytest.raises(UserError, match="cannot go into the box"):
        call_once(box, file, "solve", (object(),), {}, Limits())


@pytest.mark.parametrize("field", ["args", "expect"])
def test_a_case_must_be_plain(run: Any, field: str) -> None:
    values = {"args": (1, 2), "expect": 3, field: (range(3),)}
    task = FunctionTask(name="add", entry="solve", cases=(Case("odd", **values),))
    with pytest.raises(UserError, match=f"case odd: {field} is not plain data: .*type range"):
        run(RIGHT, task)


def test_a_box_in_which_python_cannot_start(run: Any) -> None:
    task = FunctionTask(name="add", entry="solve", cases=ADD.cases, limits=Limits(memory_mb=1))
    with pytest.raises(UserError, match="Python could not start in the box"):
        run(RIGHT, task)


def test_packages_are_there_when_asked_for(run: Any) -> None:
    source = "def solve(a, b):\n    import numpy\n    return int(numpy.add(a, b))\n"
    without = FunctionTask(name="add", entry="solve", cases=ADD.cases)
    assert "ModuleNotFoundError" in first(run(source, without)).detail
    packages = FunctionTask(
        name="add",
        entry="solve",
        cases=ADD.cases,
        packages=True,
        limits=Limits(seconds=30.0, memory_mb=2048, processes=64),
    )
    found = run(source, packages)
    assert (outcomes(found), found.attempts) == (["passed"], ())
