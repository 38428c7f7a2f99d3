"""What a task is: plain frozen values. `task_file` reads them from task.yaml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from trueup.goodhart.grade.limits import Limits

__all__ = [
    "Case", "Compare", "FunctionTask", "Generated", "ProgramCase", "ProgramTask", "SuiteTask",
    "Task", "TimedTask",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compare:
    """How an answer is compared with the expected value, in the parent, types first.

    type: "exact" (equal and of the same type, all the way down; NaN equals nothing), "close"
    (floats within rel or abs of each other, all else exact) or "callable" (`check(args, expect,
    got)` of the file `path` beside the task, run in the parent on plain data).
    """

    type: Literal["exact", "close", "callable"] = "exact"
    rel: float = 0.0
    abs: float = 0.0
    path: Path | None = None
    function: Callable[..., bool] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Arguments and the value expected of them. name: unique in its task."""

    name: str
    args: tuple[Any, ...]
    expect: Any
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Generated:
    """Cases made afresh at every grading, from a secret seed.

    make: called with a `random.Random`, returns the positional arguments; or a hypothesis strategy
    of argument tuples. count: how many. The expected values come from the task's reference.
    """

    make: Any
    count: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What every kind has. root: the folder of the task, which the submission never sees.

    impossible: why no honest submission can pass ("" when one can): every pass is tampering.
    packages: whether the installed packages of this Python are visible to the submission.
    """

    name: str
    root: Path | None = None
    limits: Limits = field(default_factory=Limits)
    compare: Compare = field(default_factory=Compare)
    packages: bool = False
    impossible: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTask(Task):
    """A function in one file. file: its name in the submission's folder."""

    entry: str
    cases: tuple[Case, ...]
    held_out: tuple[Case, ...] = ()
    generated: Generated | None = None
    reference: Path | None = None
    file: str = "solution.py"


@dataclass(frozen=True, slots=True)
class ProgramCase:
    """What is given on stdin and as arguments, and what stdout and the exit status must be."""

    name: str
    stdin: str
    expect: str
    args: tuple[str, ...] = ()
    status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramTask(Task):
    """A program on stdin and stdout. command: run in a copy of the submission's folder."""

    command: tuple[str, ...]
    cases: tuple[ProgramCase, ...]
    held_out: tuple[ProgramCase, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteTask(Task):
    """A repository with a pytest suite.

    sources: the files of the submission that are taken, as globs; all else is left behind. base: a
    folder they are laid over, None for an empty tree. tests, held_out: folders of the task. ids:
    the exact test ids that must pass; empty: those that the reference passes. reference: a folder
    with the sources of a solution, None when there is none.
    """

    sources: tuple[str, ...]
    tests: Path
    held_out: Path | None = None
    base: Path | None = None
    ids: tuple[str, ...] = ()
    reference: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedTask(Task):
    """A function that must be right, and faster than the reference.

    make: inputs from a secret seed, as in `Generated`. at_least: the speedup whose lower limit
    passes. repeats: timed runs of each, in alternating order, each in a fresh process.
    """

    entry: str
    make: Any
    reference: Path
    at_least: float = 1.0
    repeats: int = 15
    cases: tuple[Case, ...] = ()
    held_out: tuple[Case, ...] = ()
    file: str = "solution.py"
