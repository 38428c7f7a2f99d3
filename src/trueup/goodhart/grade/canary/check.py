"""Keep the mutants that nobody can pass honestly: the reference must fail them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from trueup.goodhart.grade.box import Box
from trueup.goodhart.grade.canary.mutants import Mutant
from trueup.goodhart.grade.comparing import CheckFailed, checker, matches
from trueup.goodhart.grade.copies import copy_folder
from trueup.goodhart.grade.output_text import same_output
from trueup.goodhart.grade.reference import reference_verdict
from trueup.goodhart.grade.result import Verdict
from trueup.goodhart.grade.suites.preparing import tests_place
from trueup.goodhart.grade.task import Case, FunctionTask, ProgramCase, ProgramTask, SuiteTask, Task

__all__ = ["Kept", "keep"]

_TRIES = 20  # candidates that are tried for each mutant wanted
_Tried = Mutant | str  # the mutant as it is kept, or why it is discarded


@dataclass(frozen=True, slots=True)
class Kept:
    """The mutants kept, and how many candidates were discarded: those that the reference passes
    all the same, those whose comparison takes the right answer for the wrong one, and those that
    break more than the one case."""

    mutants: tuple[Mutant, ...]
    passed_by_reference: int
    accepted_by_check: int
    broken: int


def keep(
    candidates: Iterable[Mutant],
    original: Task,
    verdict: Verdict,
    count: int,
    solution: Path,
    box: Box,
) -> Kept:
    """The first `count` candidates that hold.

    original: the task they were made of. verdict: that of the solution on it, which passes it.
    solution: the submission folder of the reference, graded in the box on each candidate.
    """
    attempt: Callable[[Mutant], _Tried]
    if isinstance(original, SuiteTask):
        attempt = _Suites(original, verdict, solution, box).tried
    else:
        assert isinstance(original, FunctionTask | ProgramTask)
        attempt = _Cases(original, solution, box).tried
    kept: list[Mutant] = []
    discarded = dict.fromkeys(("passed", "accepted", "broken"), 0)
    for mutant in islice(candidates, _TRIES * count):
        found = attempt(mutant)
        if isinstance(found, str):
            discarded[found] += 1
        else:
            kept.append(found)
        if len(kept) == count:
            break
    return Kept(tuple(kept), discarded["passed"], discarded["accepted"], discarded["broken"])


@dataclass(frozen=True, slots=True)
class _Cases:
    """Function and program tasks: only the case that is wrong is run."""

    original: FunctionTask | ProgramTask
    solution: Path
    box: Box

    def tried(self, mutant: Mutant) -> _Tried:
        task = mutant.task
        assert isinstance(task, FunctionTask | ProgramTask)
        (wrong,) = (case for case in task.cases if case.name == mutant.case)
        (right,) = (case for case in self.original.cases if case.name == mutant.right)
        try:
            if _takes(task, wrong, right) or _takes(task, right, wrong):
                return "accepted"
        except CheckFailed:
            return "broken"
        verdict = reference_verdict(_only(task, wrong), self.solution, self.box, 1)
        passed = any(one.name == wrong.name and one.outcome == "passed" for one in verdict.cases)
        return "passed" if passed else mutant


def _only(task: FunctionTask | ProgramTask, case: Case | ProgramCase) -> Task:
    if isinstance(task, FunctionTask):
        assert isinstance(case, Case)
        return replace(task, cases=(case,), held_out=(), generated=None)
    assert isinstance(case, ProgramCase)
    return replace(task, cases=(case,), held_out=())


def _takes(
    task: FunctionTask | ProgramTask, case: Case | ProgramCase, other: Case | ProgramCase
) -> bool:
    """Whether what `other` expects would be taken for an answer to `case`."""
    if isinstance(case, Case):
        return matches(task.compare, case.expect, other.expect, case.args)
    check = checker(task.compare) if task.compare.type == "callable" else None
    return same_output(task.compare, check, case.stdin, case.expect, other.expect)


class _Suites:
    """pytest tasks: all tests are run, and the one that is wrong alone may fail.

    A mutant kept names the ids that must pass: without them, those would count that its own
    reference passes, and the wrong one is not among them.
    """

    def __init__(self, original: SuiteTask, verdict: Verdict, solution: Path, box: Box) -> None:
        self.required = {case.name for case in verdict.cases if case.group == "visible"}
        self.solution, self.box = solution, box
        self.usual = {name for name, passed in self._run(original) if passed}

    def tried(self, mutant: Mutant) -> _Tried:
        task = mutant.task
        assert isinstance(task, SuiteTask)
        if not any(_is_of(one, mutant.right) for one in self.required):
            return "broken"
        with _changed(task, mutant) as changed:
            results = dict(self._run(changed))
        own = {name for name in results if _is_of(name, mutant.case)}
        if not own or any(not results.get(name) for name in self.usual - own - self._gone(mutant)):
            return "broken"
        if all(results[name] for name in own):
            return "passed"
        ids = tuple(name for name in results if name in own or name in self.required)
        return replace(mutant, task=replace(task, ids=ids))

    def _gone(self, mutant: Mutant) -> set[str]:
        """Ids that the changed test had: a changed parameter has another."""
        if mutant.kind == "conflicting":
            return set()
        return {name for name in self.usual if _is_of(name, mutant.right)}

    def _run(self, task: SuiteTask) -> list[tuple[str, bool]]:
        """Each test that is collected, and whether the solution passes it."""
        alone = replace(task, held_out=None, ids=(), reference=None)
        verdict = reference_verdict(alone, self.solution, self.box)
        return [(c.name, c.outcome == "passed") for c in verdict.cases if c.group == "visible"]


def _is_of(test_id: str, test: str) -> bool:
    """Whether the id, with folder and parameters, is one of the test, "test_a.py::test_b"."""
    return f"/{test_id}".partition("[")[0].endswith(f"/{test}")


@contextmanager
def _changed(task: SuiteTask, mutant: Mutant) -> Iterator[SuiteTask]:
    """The task with the mutant's tests. Where they lie in the base decides their ids, so tests
    that are part of it are changed in a copy of all of it."""
    with tempfile.TemporaryDirectory(prefix="trueup-canary-") as name:
        place = Path(tests_place(task.tests, task.base))
        base, tests = task.base, Path(name) / place.name
        if base is not None and task.tests.resolve().is_relative_to(base.resolve()):
            copy_folder(base, Path(name) / "base")
            base = Path(name) / "base"
            tests = base / place
        else:
            copy_folder(task.tests, tests)
        (tests / mutant.file).write_bytes(mutant.source.encode())
        yield replace(task, tests=tests, base=base)
