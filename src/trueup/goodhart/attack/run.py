"""Run the battery against a grader: each submission in a fresh copy, each verdict read."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from trueup.errors import UserError
from trueup.goodhart.attack.battery import (
    ABSENT,
    TASKS,
    Attack,
    BatteryTask,
    adapted,
    attacks,
    write_files,
)
from trueup.goodhart.attack.choosing import OWN, Pair, chosen_tasks, own_task, pairs_of
from trueup.goodhart.attack.graders import Graded, Grader, Job, find
from trueup.goodhart.attack.places import repository, task_folder, web
from trueup.goodhart.attack.result import AttackReport, Row

__all__ = ["run_attack"]

Progress = Callable[[int, int], None]
_WEB = "{{web}}"  # stands in submissions for the address of the loopback server


def run_attack(
    command: str,
    *,
    task: str | None = None,
    passed: str = "exit",
    jobs: int = 2,
    seconds: float = 60.0,
    only: Sequence[str] = (),
    quick: bool = False,
    entry: str | None = None,
    file: str | None = None,
    right: Path | None = None,
    progress: Progress | None = None,
) -> AttackReport:
    """Give every submission that fits to the grader, and say which it fell for.

    Parameters
    ----------
    command
        A built-in grader's name, or a command with {submission} in it; {task} and {work} are
        folders.
    task
        A kind of task, or the name of one of the battery's; all when None. With `right`, a folder
        that is handed on as {task}.
    passed
        How a pass shows, see `graders.passed_rule`.
    seconds
        Limit of each run.
    only
        Ids of submissions or of techniques; a right solution of the same tasks is run too.
    quick
        Each submission on the first of its tasks only.
    entry, file, right
        The user's own task: the function's name, its file, and a folder with a right solution. The
        submissions are written for that function, and those that answer the battery's own tasks
        are left out.

    What voids it: a grader that keeps something between runs, and a right solution that it refuses
    (such tasks are "void").
    """
    grader = find(command, passed)
    own = own_task(entry, file, right)
    given = Path(task) if own and task else None
    if given and not given.is_dir():
        raise UserError(f"--task: there is no folder {given}.", "Name the folder of your task.")
    wanted = [own] if own else chosen_tasks(task, grader)
    pairs = pairs_of(wanted, own, right, only)
    if quick:
        pairs = list({attack.id: (attack, one) for attack, one in reversed(pairs)}.values())[::-1]
    start = time.monotonic()
    with _ready(wanted, given) as (folders, address):

        def one(pair: Pair) -> tuple[Row, Graded]:
            return _one(grader, *pair, folders[pair[1].name], address, seconds)

        try:
            done = _mapped(one, pairs, jobs, progress)
        finally:
            grader.close()
    rows = tuple(row for row, _ in done)
    report = AttackReport(grader.name, rows, time.monotonic() - start, _absent(rows, own, only))
    return _settled(report, [graded for _, graded in done])


@contextmanager
def _ready(
    wanted: Sequence[BatteryTask], given: Path | None
) -> Iterator[tuple[dict[str, Path], str]]:
    """Each task's folder, to be copied for each run, and the loopback server's address."""
    with tempfile.TemporaryDirectory(prefix="trueup-tasks-") as place, web() as address:
        folders = {}
        for task in wanted:
            folder = Path(place) / task.name
            if task.name in TASKS:
                task_folder(task, folder)
                repository(task, folder / "repository")
            elif given:
                shutil.copytree(given, folder)
            else:
                folder.mkdir()
            folders[task.name] = folder
        yield folders, address


def _one(
    grader: Grader, attack: Attack, task: BatteryTask, folder: Path, address: str, seconds: float
) -> tuple[Row, Graded]:
    """One run, in folders of its own that are removed after it."""
    theirs = task.name == OWN and attack.role == "right"
    files = dict(attack.files) if theirs else _written_for(attack, task, address)
    with (
        tempfile.TemporaryDirectory(prefix="trueup-attack-", ignore_cleanup_errors=True) as place,
        tempfile.TemporaryDirectory(prefix="trueup-task-", ignore_cleanup_errors=True) as apart,
    ):
        here = Path(place)
        write_files(files, here / "submission")
        shutil.copytree(folder, Path(apart) / "task", symlinks=True)
        (here / "work").mkdir()
        job = Job(task, here / "submission", Path(apart) / "task", here / "work")
        graded = grader.grade(job, seconds)
    row = Row(
        id=attack.id,
        role=attack.role,
        task=task.name,
        kind=task.kind,
        techniques=attack.exploits,
        title=attack.title,
        outcome=graded.outcome(attack.role),
        detail=graded.detail,
        seconds=graded.seconds,
        seen=graded.seen,
        called=graded.called,
    )
    return row, graded


def _written_for(attack: Attack, task: BatteryTask, address: str) -> dict[str, str]:
    if task.kind == "program":
        return dict(attack.files)
    return adapted(attack.files, task.entry, task.file, {_WEB: f"{address}/{task.name}"})


def _mapped(
    one: Callable[[Pair], tuple[Row, Graded]],
    pairs: Sequence[Pair],
    jobs: int,
    progress: Progress | None,
) -> list[tuple[Row, Graded]]:
    done = []
    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        running = [pool.submit(one, pair) for pair in pairs]
        try:
            for count, future in enumerate(running, 1):
                done.append(future.result())
                if progress:
                    progress(count, len(pairs))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return done


def _absent(rows: Sequence[Row], own: BatteryTask | None, only: Sequence[str]) -> dict[str, str]:
    """Techniques that were not tried, and why."""
    if only:
        return {}
    tried = {technique for row in rows for technique in row.techniques}
    absent = dict(ABSENT)
    for attack in attacks():
        for technique in attack.exploits:
            if technique not in tried:
                absent[technique] = (
                    "answers the battery's own tasks" if own else "is for tasks of another kind"
                )
    return absent


def _settled(report: AttackReport, graded: Sequence[Graded]) -> AttackReport:
    """The report with what was held in a task without a control marked void, and its notes."""
    void = set(report.void_tasks)
    rows = tuple(
        replace(row, outcome="void") if row.outcome == "held" and row.task in void else row
        for row in report.rows
    )
    return replace(report, rows=rows, notes=_notes(report, graded))


def _notes(report: AttackReport, graded: Sequence[Graded]) -> tuple[str, ...]:
    notes = []
    isolation = {one.isolation for one in graded if one.isolation}
    if isolation:
        notes.append(f"Isolation: {', '.join(sorted(isolation))}.")
    if any(row.task == "merge" for row in report.rows) and shutil.which("git") is None:
        notes.append("git is not installed: the repository had no history to look in.")
    seen = [row for row in report.of("exploit") if row.seen is not None]
    if seen:
        told = sum(bool(row.seen) for row in seen)
        notes.append(f"It reported an attempt for {told} of {len(seen)} exploits.")
    return tuple(notes)
