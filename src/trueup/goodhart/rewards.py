"""A reward function for TRL: each completion is graded in the box, out of its reach.

What this does not stop: a policy that learns which tampering is seen. A penalty on what a monitor
sees teaches hiding from the monitor (Baker et al. 2025, arXiv 2503.11926). So keep some detectors
out of the reward, read the log, and watch a held-out measure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from trueup.errors import UserError
from trueup.goodhart.completions import (
    Extract,
    Submitted,
    check_extract,
    completion_text,
    submission_folder,
    submitted,
)
from trueup.goodhart.grade.box import Box, open_box
from trueup.goodhart.grade.grading import grade_submission
from trueup.goodhart.grade.reference import check_reference, has_reference
from trueup.goodhart.grade.result import Verdict
from trueup.goodhart.grade.task import Task
from trueup.goodhart.reward_log import Graded, Log, open_log, shares, told
from trueup.goodhart.reward_tasks import Tasks, TasksLike, read_tasks

__all__ = ["Reward", "reward"]


def reward(
    task: TasksLike = None,
    *,
    tampered: float = -1.0,
    attempted: float | None = None,
    partial: bool = False,
    jobs: int = 2,
    extract: Extract = "fenced",
    log: Path | str | Log | None = None,
    require_isolation: bool = False,
    column: str = "task",
    name: str = "trueup",
) -> Reward:
    """A reward function for `GRPOTrainer(reward_funcs=…)` and its like.

    Parameters
    ----------
    task
        One task, or the path of its task.yaml; or a mapping from the values of a dataset column to
        tasks or paths; or None, when the column itself holds paths or the content of a task.yaml
        as a mapping. Rows of another task, and rows without one, get None, which TRL leaves to the
        other reward functions.
    tampered
        What a completion gets when tampering is proven, whatever else it did.
    attempted
        What a completion gets that shows signs of tampering that prove nothing; None: it is scored
        like any other. A sign can be wrong, so a penalty here also falls on honest code.
    partial
        Whether a completion that does not pass gets the share of cases that it passed, in [0, 1).
        It pays for hardcoded visible cases too.
    jobs
        Completions graded at once.
    extract
        "fenced": the last fenced block of Python; "whole": all of the text; or a function of the
        text that returns code, files as a mapping, or None. No code gets 0 and a flag in the log.
    log
        A file that gets one JSON object a line for each completion, or a function that gets each
        as a dict. What it quotes of a completion is hostile text.
    require_isolation
        Refuse to grade where the machine offers no isolation.
    column
        The dataset column that names the task of each row.
    name
        Under which TRL logs the reward and what is counted.

    Raises
    ------
    UserError
        At once, when a task cannot be read, when its reference does not pass it, when completions
        cannot be made into its files, or when isolation is required and there is none.
    """
    if jobs < 1:
        raise UserError(f"jobs must be at least 1, got {jobs}.", "Leave it out for 2.")
    written = open_log(log)
    tasks = read_tasks(task, column)
    with open_box(require=require_isolation) as box:
        for one in tasks.known:
            check_extract(one, extract)
            if has_reference(one) and not one.impossible:
                check_reference(one, box, jobs)
    scores = _Scores(tampered, attempted, partial)
    return Reward(tasks, scores, jobs, extract, written, require_isolation, name)


class _Scores:
    """From a verdict to a number."""

    def __init__(self, tampered: float, attempted: float | None, partial: bool) -> None:
        self.tampered, self.attempted, self.partial = tampered, attempted, partial

    def of(self, verdict: Verdict | None) -> float:
        if verdict is None:
            return 0.0
        if verdict.succeeded or any(sign.proven for sign in verdict.tampering):
            return self.tampered
        if verdict.attempted and self.attempted is not None:
            return self.attempted
        if verdict.passed:
            return 1.0
        return verdict.score if self.partial else 0.0


class Reward:
    """What `reward` returns; called by a trainer with the lists of one batch."""

    def __init__(
        self,
        tasks: Tasks,
        scores: _Scores,
        jobs: int,
        extract: Extract,
        log: Log | None,
        require_isolation: bool,
        name: str,
    ) -> None:
        self.__name__ = name
        self._tasks = tasks
        self._scores = scores
        self._jobs = jobs
        self._extract = extract
        self._log = log
        self._require = require_isolation

    def __call__(
        self,
        completions: Sequence[Any],
        prompts: Sequence[Any] | None = None,
        completion_ids: Sequence[Any] | None = None,
        trainer_state: Any = None,
        log_extra: Callable[[str, list[Any]], None] | None = None,
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Sequence[Any],
    ) -> list[float | None]:
        """The reward of each completion, in order; None for rows of another task.

        Equal completions of one task are graded once. An error of the machine, or of the task, is
        raised: a reward that was not earned must not be learnt from.
        """
        tasks = self._tasks.of_rows(columns, len(completions))
        found = [
            None if task is None else (task, self._submitted(task, completion))
            for task, completion in zip(tasks, completions, strict=True)
        ]
        verdicts = self._graded([one for one in found if one is not None])
        step = getattr(trainer_state, "global_step", None)
        results = [
            one and Graded(index, one[0].name, one[1], verdicts[_key(*one)], step)
            for index, one in enumerate(found)
        ]
        rewards = [None if one is None else self._scores.of(one.verdict) for one in results]
        self._tell(results, rewards, log_extra, log_metric)
        return rewards

    def _submitted(self, task: Task, completion: Any) -> Submitted:
        return submitted(task, completion_text(completion), self._extract)

    def _graded(self, found: Sequence[tuple[Task, Submitted]]) -> dict[_Key, Verdict | None]:
        once = {_key(task, files): (task, files) for task, files in found}
        to_grade = {key: pair for key, pair in once.items() if pair[1].files}
        verdicts: dict[_Key, Verdict | None] = dict.fromkeys(once)
        if not to_grade:
            return verdicts
        with (
            open_box(require=self._require) as box,
            ThreadPoolExecutor(self._jobs, thread_name_prefix="trueup-reward") as pool,
        ):
            running = {
                key: pool.submit(_grade, task, files, box)
                for key, (task, files) in to_grade.items()
            }
            try:
                return verdicts | {key: one.result() for key, one in running.items()}
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _tell(
        self,
        results: Sequence[Graded | None],
        rewards: Sequence[float | None],
        log_extra: Callable[[str, list[Any]], None] | None,
        log_metric: Callable[[str, float], None] | None,
    ) -> None:
        ours = [one for one in results if one is not None]
        if self._log:
            for one, value in zip(results, rewards, strict=True):
                if one is not None:
                    self._log(told(one, value))
        if log_extra:
            log_extra("tampering", [one.techniques if one else "" for one in results])
        if log_metric and ours:
            for label, share in shares(ours).items():
                log_metric(f"{self.__name__}/{label}", share)


_Key = tuple[int, tuple[tuple[str, str], ...]]


def _key(task: Task, files: Submitted) -> _Key:
    return id(task), files.files


def _grade(task: Task, files: Submitted, box: Box) -> Verdict:
    with submission_folder(files.files) as folder:
        return grade_submission(task, folder, box=box, jobs=1)
