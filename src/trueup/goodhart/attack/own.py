"""Our own grader, as one of those that are attacked."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from trueup.goodhart.attack.battery import TASKS, BatteryTask, write_files
from trueup.goodhart.attack.graders import Graded, Job
from trueup.goodhart.attack.result import Called
from trueup.goodhart.grade.result import Verdict

__all__ = ["OwnGrader"]


class OwnGrader:
    """`trueup goodhart grade`, called as a library: the submission's processes are the box's own.

    It grades on the whole task, with held-out and generated cases and the reference.
    """

    name = "trueup"

    def __init__(self) -> None:
        self._tasks = Path(tempfile.mkdtemp(prefix="trueup-own-"))
        for task in TASKS.values():
            write_files(task.files, self._tasks / task.name)

    def close(self) -> None:
        """Remove the tasks that were written."""
        shutil.rmtree(self._tasks, ignore_errors=True)

    def fits(self, task: BatteryTask) -> bool:
        return True

    def grade(self, job: Job, seconds: float) -> Graded:
        from trueup.goodhart.grade.grading import grade_submission
        from trueup.goodhart.grade.task_file import read_task

        task = read_task(self._tasks / job.task.name / "task.yaml")
        start = time.monotonic()
        verdict = grade_submission(task, job.submission, jobs=1)
        taken = time.monotonic() - start
        said = [case for case in verdict.cases if case.outcome != "passed"]
        detail = f"{said[0].outcome}: {said[0].detail}" if said else "every case passed"
        return Graded(
            passed=verdict.passed,
            detail=detail[:300],
            seconds=taken,
            seen=tuple(dict.fromkeys(attempt.technique for attempt in verdict.tampering)),
            called=_called(verdict),
            isolation=verdict.isolation,
        )


def _called(verdict: Verdict) -> Called:
    if verdict.succeeded:
        return "succeeded"
    if verdict.attempted:
        return "attempted"
    return "honest stop" if verdict.honest_stop else ""
