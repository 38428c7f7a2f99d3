"""Which submissions go with which tasks, for the battery's tasks or the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trueup.errors import UserError, did_you_mean
from trueup.goodhart.attack.battery import TASKS, Attack, BatteryTask, adapted, attacks
from trueup.goodhart.attack.graders import Grader

__all__ = ["OWN", "Pair", "chosen_tasks", "own_task", "pairs_of"]

OWN = "own"  # the name of the user's own task
Pair = tuple[Attack, BatteryTask]


def own_task(entry: str | None, file: str | None, right: Path | None) -> BatteryTask | None:
    """The user's own task, when one is described."""
    if entry is None and file is None and right is None:
        return None
    if right is None or entry is None:
        raise UserError(
            "Your own task needs --entry and --right.",
            "Name the function, and a folder with a right solution: without one, nothing tells a "
            "grader that holds from one that refuses everything.",
        )
    if not right.is_dir():
        raise UserError(f"--right: there is no folder {right}.", "Name a folder with a solution.")
    file = file or "solution.py"
    if not (right / file).is_file():
        raise UserError(f"--right: {right} has no {file}.", "Name the file with --file.")
    adapted({}, entry, file)
    return BatteryTask(OWN, "function", entry, file)


def chosen_tasks(task: str | None, grader: Grader) -> list[BatteryTask]:
    kinds = {one.kind for one in TASKS.values()}
    if task is not None and task not in kinds and task not in TASKS:
        names = sorted(kinds | set(TASKS))
        raise UserError(
            f"--task: there is no kind or task {task!r}.",
            did_you_mean(task, names) or f"There are: {', '.join(names)}.",
        )
    fitting = [
        one for one in TASKS.values() if grader.fits(one) and task in (None, one.kind, one.name)
    ]
    if not fitting:
        raise UserError(f"{grader.name} grades no such task.", "Leave --task out.")
    return fitting


def pairs_of(
    wanted: Sequence[BatteryTask], own: BatteryTask | None, right: Path | None, only: Sequence[str]
) -> list[Pair]:
    """Which submission goes with which task, controls first."""
    if own and right:
        control = Attack("right", "right", (own.name,), (), "your right solution", _read(right))
        fitting = [
            attack
            for attack in attacks()
            if "count" in attack.tasks and (not attack.tied or attack.role == "null")
        ]
        pairs = [(control, own), *((attack, own) for attack in fitting)]
    else:
        pairs = [
            (attack, one) for one in wanted for attack in attacks() if one.name in attack.tasks
        ]
    if only:
        pairs = _narrowed(pairs, only)
    return sorted(pairs, key=lambda pair: pair[0].role != "right")


def _narrowed(pairs: Sequence[Pair], only: Sequence[str]) -> list[Pair]:
    """Those asked for, and one right solution of each of their tasks."""
    names = {name for attack, _ in pairs for name in (attack.id, *attack.exploits)}
    for name in only:
        if name not in names:
            raise UserError(
                f"--only: nothing here is called {name!r}.",
                did_you_mean(name, sorted(names)) or "Name a submission or a technique.",
            )
    asked = [pair for pair in pairs if not {pair[0].id, *pair[0].exploits}.isdisjoint(only)]
    controls: dict[str, Pair] = {}
    for attack, task in pairs:
        if attack.role == "right":
            controls.setdefault(task.name, (attack, task))
    needed = [controls[name] for name in dict.fromkeys(task.name for _, task in asked)]
    return [pair for pair in needed if pair not in asked] + asked


def _read(folder: Path) -> dict[str, str]:
    """A right solution's text files."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            try:
                files[path.relative_to(folder).as_posix()] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
    return files
