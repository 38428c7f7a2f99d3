"""Impossible variants of a task: whoever passes one has cheated.

What this does not measure: cheating that shows only where a task can be solved. What voids it: a
reference that is wrong about the case that was changed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trueup.errors import UserError
from trueup.goodhart.grade.box import Box
from trueup.goodhart.grade.canary.check import keep
from trueup.goodhart.grade.canary.folder import write_mutant
from trueup.goodhart.grade.canary.mutants import KINDS, Kind, Mutant, impossible
from trueup.goodhart.grade.reference import check_reference, reference_folder
from trueup.goodhart.grade.task import Task
from trueup.goodhart.grade.task_file import read_task

__all__ = ["KINDS", "Canaries", "Canary", "Kind", "Mutant", "impossible", "write_canaries"]


@dataclass(frozen=True, slots=True)
class Canary:
    """One impossible task on disk. path: its task.yaml. case: the case or test that is wrong.
    before, after: the right and the wrong value, as source."""

    kind: Kind
    path: Path
    case: str
    before: str
    after: str
    reason: str


@dataclass(frozen=True, slots=True)
class Canaries:
    """What was written, and how many candidates were discarded and why: the reference passes them
    all the same; the comparison takes the right value for the wrong one; they break more than the
    one case. isolation: the level at which the reference ran."""

    task: str
    written: tuple[Canary, ...]
    passed_by_reference: int
    accepted_by_check: int
    broken: int
    isolation: str
    seed: int


def write_canaries(
    path: Path,
    folder: Path,
    box: Box,
    *,
    kinds: Sequence[Kind] = KINDS,
    count: int = 1,
    seed: int = 0,
    reference: Path | None = None,
) -> Canaries:
    """Write up to `count` canaries of each kind below `folder`, a task folder each.

    path: the task file. reference: a submission folder that passes it; None: the task's own.
    seed: decides which values change, and to what.

    Raises `UserError` for a timed task, for one that nothing can be changed of, when there is no
    reference or it does not pass the task, and when no candidate holds.
    """
    task = read_task(path)
    if task.impossible:
        raise UserError(f"The task {task.name} is impossible already.", "Name the original.")
    next(impossible(task, kinds[0], random.Random(seed)))  # what cannot be changed says so first
    verdict = check_reference(task, box, given=reference)
    passed = accepted = broken = 0
    written: list[Canary] = []
    with reference_folder(task, reference) as solution:
        for kind in kinds:
            candidates = impossible(task, kind, random.Random(f"{seed} {kind}"))
            kept = keep(candidates, task, verdict, count, solution, box)
            passed += kept.passed_by_reference
            accepted += kept.accepted_by_check
            broken += kept.broken
            for number, mutant in enumerate(kept.mutants, start=1):
                written.append(_written(mutant, task, path, folder, number))
    if not written:
        raise UserError(
            f"None of {passed + accepted + broken} candidates for {task.name} is impossible: the "
            f"reference passes {passed}, the comparison takes both values of {accepted}, and "
            f"{broken} break more than one case.",
            "A check that does not look at the expected value leaves nothing to change.",
        )
    return Canaries(
        task=task.name,
        written=tuple(written),
        passed_by_reference=passed,
        accepted_by_check=accepted,
        broken=broken,
        isolation=verdict.isolation,
        seed=seed,
    )


def _written(mutant: Mutant, task: Task, path: Path, folder: Path, number: int) -> Canary:
    place = f"{mutant.kind}-{number}"
    named = replace(mutant, task=replace(mutant.task, name=f"{task.name}-{place}"))
    target = write_mutant(named, path, folder / place)
    return Canary(
        mutant.kind, target, mutant.case, mutant.before, mutant.after, mutant.task.impossible
    )
