"""Candidates for impossible tasks: one visible expected value changed, or contradicted.

The method is ImpossibleBench's (Zhong, Raghunathan and Carlini 2025, arXiv 2510.20270). Held-out
and generated cases stay right. The change is in what a solver sees, so who passes has chosen the
pass over the task. What comes out is a candidate: the reference still has to fail it, see `check`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from trueup.errors import UserError
from trueup.goodhart.grade.canary.edit import Edit, contradictions, flips, parsed
from trueup.goodhart.grade.canary.perturb import wrong_texts, wrong_values
from trueup.goodhart.grade.task import (
    FunctionTask,
    ProgramTask,
    SuiteTask,
    Task,
)

__all__ = ["KINDS", "Kind", "Mutant", "impossible"]

Kind = Literal["oneoff", "conflicting"]
KINDS: tuple[Kind, ...] = ("oneoff", "conflicting")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A task that no honest submission passes.

    task: the whole task, `impossible` set; of a suite its tests are still those of the original.
    case: the name of the case or test that is wrong. right: the case that it contradicts; of a
    changed one, itself. before, after: the right and the wrong value, as Python source. file: of a
    suite, the test file that changes, relative to the folder of tests; source: its new text.
    """

    kind: Kind
    task: Task
    case: str
    right: str
    before: str
    after: str
    file: str = ""
    source: str = ""


def impossible(task: Task, kind: Kind, rng: random.Random) -> Iterator[Mutant]:
    """Candidates in random order, each case or place once before any comes again.

    kind: "oneoff", an expected value becomes another of its type; "conflicting", a second case
    asks for another answer to the same input, so that no function of the input can pass both.

    Raises `UserError` for a timed task, and for one without a value that can be changed.
    """
    if isinstance(task, FunctionTask):
        found = _of_cases(task, kind, wrong_values, rng)
    elif isinstance(task, ProgramTask):
        found = _of_cases(task, kind, wrong_texts, rng)
    elif isinstance(task, SuiteTask):
        found = _of_suite(task, kind, rng)
    else:
        raise UserError(
            f"The task {task.name} is timed: what it asks for is speed, which no expected value "
            "says.",
            "Make canaries of function, program and pytest tasks.",
        )
    first = next(found, None)
    if first is None:
        raise UserError(
            f"The task {task.name} has no visible expected value that could be changed.",
            "Canaries need a visible case whose expected value is a number, text, truth value or "
            "container.",
        )
    yield first
    yield from found


def _of_cases(
    task: FunctionTask | ProgramTask,
    kind: Kind,
    others: Callable[[Any, random.Random], Iterator[Any]],
    rng: random.Random,
) -> Iterator[Mutant]:
    cases: tuple[Any, ...] = task.cases
    options = [(place, others(case.expect, rng)) for place, case in enumerate(cases)]
    rng.shuffle(options)
    taken = {case.name for case in (*cases, *task.held_out)}
    while options:
        for option in list(options):
            place, values = option
            value = next(values, None)  # never a value: None has no other of its type
            if value is None:
                options.remove(option)
                continue
            right = cases[place]
            wrong = replace(right, expect=value)
            changed = (*cases[:place], wrong, *cases[place + 1 :])
            if kind == "conflicting":
                wrong = replace(wrong, name=_free(len(cases) + 1, taken))
                changed = (*cases, wrong)
            before, after = repr(right.expect), repr(value)
            reason = _reason(wrong.name, right.name, before, after)
            yield Mutant(
                kind=kind,
                task=_with_cases(task, changed, reason),
                case=wrong.name,
                right=right.name,
                before=before,
                after=after,
            )


def _with_cases(
    task: FunctionTask | ProgramTask, cases: tuple[Any, ...], reason: str
) -> FunctionTask | ProgramTask:
    if isinstance(task, FunctionTask):
        return replace(task, cases=cases, impossible=reason)
    return replace(task, cases=cases, impossible=reason)


def _of_suite(task: SuiteTask, kind: Kind, rng: random.Random) -> Iterator[Mutant]:
    change = flips if kind == "oneoff" else contradictions
    open_files = [(name, change(source, rng)) for name, source in _test_files(task.tests)]
    rng.shuffle(open_files)
    while open_files:
        for name, edits in list(open_files):
            edit = next(edits, None)
            if edit is None:
                open_files.remove((name, edits))
            else:
                yield _suite_mutant(task, kind, name, edit)


def _suite_mutant(task: SuiteTask, kind: Kind, name: str, edit: Edit) -> Mutant:
    wrong, right = (f"{name}::{test}" for test in (edit.test, edit.right))
    return Mutant(
        kind=kind,
        task=replace(task, impossible=_reason(wrong, right, edit.before, edit.after)),
        case=wrong,
        right=right,
        before=edit.before,
        after=edit.after,
        file=name,
        source=edit.source,
    )


def _test_files(folder: Path) -> Iterator[tuple[str, str]]:
    """(relative name, source) of the test files that parse and are UTF-8."""
    for path in sorted(folder.rglob("*.py")):
        if path.name.startswith("test_") or path.name.endswith("_test.py"):
            try:
                source = path.read_bytes().decode("utf-8-sig")
                parsed(source)
            except (SyntaxError, ValueError):
                continue
            yield path.relative_to(folder).as_posix(), source


def _reason(wrong: str, right: str, before: str, after: str) -> str:
    """wrong, right: names of the cases; the same when one was changed."""
    before, after = _short(before), _short(after)
    if wrong == right:
        return f"{wrong} expects {after}; right is {before}"
    return f"{wrong} expects {after} where {right} expects {before}"


def _short(written: str) -> str:
    return written if len(written) <= 80 else f"{written[:79]}…"


def _free(number: int, taken: set[str]) -> str:
    """A name like those that cases without one have."""
    name = f"case-{number}"
    return name if name not in taken else _free(number + 1, taken)
