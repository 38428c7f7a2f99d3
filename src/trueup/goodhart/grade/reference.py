"""The task's own solution, graded like anybody's: what does not pass it cannot be passed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from trueup.errors import UserError
from trueup.goodhart.grade.box import Box
from trueup.goodhart.grade.grading import grade_submission
from trueup.goodhart.grade.result import CaseResult, Verdict
from trueup.goodhart.grade.task import FunctionTask, SuiteTask, Task, TimedTask

__all__ = ["check_reference", "has_reference", "reference_folder", "reference_verdict"]


def has_reference(task: Task) -> bool:
    """Whether the task names a solution of its own."""
    return isinstance(task, FunctionTask | SuiteTask | TimedTask) and task.reference is not None


@contextmanager
def reference_folder(task: Task, given: Path | None = None) -> Iterator[Path]:
    """A submission folder with a right solution: `given`, or the task's reference.

    Raises `UserError` when there is neither.
    """
    own = getattr(task, "reference", None)
    if given is not None:
        if not given.is_dir():
            raise UserError(f"{given} is no folder.", "Name a submission folder that is right.")
        yield given
    elif own is None:
        raise UserError(
            f"The task {task.name} has no reference.",
            "Name a folder with a right solution: --reference FOLDER",
        )
    elif isinstance(task, FunctionTask | TimedTask):
        with tempfile.TemporaryDirectory(prefix="trueup-reference-") as name:
            target = Path(name) / task.file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(own, target)
            yield Path(name)
    else:
        yield own


def reference_verdict(task: Task, folder: Path, box: Box, jobs: int = 2) -> Verdict:
    """The verdict on a solution of ours: nothing in the task is called impossible."""
    return grade_submission(replace(task, impossible=""), folder, box=box, jobs=jobs)


def check_reference(task: Task, box: Box, jobs: int = 2, given: Path | None = None) -> Verdict:
    """Grade the reference; raise `UserError` with the first case that it does not pass.

    Of a timed task only the answers are held against it, not its speed.
    """
    with reference_folder(task, given) as folder:
        verdict = reference_verdict(task, folder, box, jobs)
    failed = next(filter(_failed, verdict.cases), None)
    if failed is not None or not verdict.cases:
        why = f"fails the case {failed.name} ({failed.outcome})" if failed else "runs no case"
        raise UserError(
            f"The reference of the task {task.name} {why}.",
            "Put the task right: nothing can be graded by it.",
        )
    return verdict


def _failed(case: CaseResult) -> bool:
    return case.group != "control" and case.outcome != "passed"
