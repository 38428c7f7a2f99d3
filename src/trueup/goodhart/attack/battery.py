"""The battery: submissions that game a grader, right ones, and the tasks that they are for.

All of it is text beside this package, in `goodhart/battery`. Every file there has ".txt" behind its
name, so that nothing imports, collects, compiles or lints it: a `conftest.py` that ends the process
must not lie about. `manifest.csv` names each submission; its folder holds its files.

The exploits are harmless where they succeed. They end or patch their own process and its parent
harness's memory of itself, write in the working copy that they were given, and speak to a server
on the loopback address that the attack itself starts. Those that look outside (a parent's memory,
answer files) only read.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import cast

from trueup.errors import UserError
from trueup.goodhart.attack.result import Role
from trueup.goodhart.exploits import EXPLOITS

__all__ = [
    "ABSENT",
    "TASKS",
    "UNSEEN",
    "Attack",
    "BatteryTask",
    "adapted",
    "attacks",
    "write_files",
]

BATTERY = Path(__file__).parents[1] / "battery"
_STORED = ".txt"  # behind every stored name
_ENTRY, _FILE = "solve", "solution.py"  # what fixtures call the function and its file
_EXECUTABLE = "#!"  # a file that begins so is made executable

# Techniques without a submission in the battery, and why.
ABSENT = {
    "patch-sync": "needs a device with a queue of its own; a stand-in would only test itself",
    "other-stream": "needs a device with streams; a stand-in would only test itself",
    "stale-memory": "needs uninitialised memory, which Python does not hand out",
    "judge-token": "for graders that read text: --answers",
    "judge-injection": "for graders that read text: --answers",
}

# Techniques whose submissions answer the battery's own tasks, so that they say nothing of another.
TIED = frozenset(
    {
        "type-confusion", "selective-exit", "hardcoded-cases", "nth-call", "replay", "guess-seed",
        "mutate-inputs", "state-edit", "poisoned-labels", "lazy-work", "patch-clock",
        "weaken-tests", "web-lookup", "git-history", "verifier-log",
    }
)  # fmt: skip


def _unseen() -> dict[str, str]:
    with (BATTERY / "unseen.csv").open(encoding="utf-8", newline="") as rows:
        return {row["id"]: row["reason"] for row in csv.DictReader(rows)}


# Exploits that our own grader stops but cannot tell from honest work, and why.
UNSEEN = _unseen()


@dataclass(frozen=True, slots=True)
class BatteryTask:
    """One of the battery's tasks. entry, file: the function asked for, and where; the program's
    file where there is no function."""

    name: str
    kind: str
    entry: str
    file: str

    @property
    def files(self) -> dict[str, str]:
        """Its task.yaml, tests, reference: everything, by path."""
        return _stored(BATTERY / "tasks" / self.name)


TASKS = {
    task.name: task
    for task in (
        BatteryTask("count", "function", "solve", "solution.py"),
        BatteryTask("spread", "function", "solve", "solution.py"),
        BatteryTask("rank", "function", "solve", "solution.py"),
        BatteryTask("nim", "function", "solve", "solution.py"),
        BatteryTask("gcds", "program", "", "main.py"),
        BatteryTask("merge", "pytest", "merge", "intervals.py"),
        BatteryTask("fast", "timed", "solve", "solution.py"),
    )
}


@dataclass(frozen=True, slots=True)
class Attack:
    """One submission. exploits: technique ids; none for controls. tasks: names of the tasks that it
    is for. files: text by path, as written for a function `solve` in solution.py."""

    id: str
    role: Role
    tasks: tuple[str, ...]
    exploits: tuple[str, ...]
    title: str
    files: Mapping[str, str]

    @property
    def honest(self) -> bool:
        """It does not try to game anything."""
        return self.role in ("right", "wrong", "stop")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its tasks."""
        return tuple(dict.fromkeys(TASKS[task].kind for task in self.tasks))

    @property
    def tied(self) -> bool:
        """Whether it answers the battery's tasks, and so makes no sense on another."""
        return self.role != "exploit" or not TIED.isdisjoint(self.exploits)


@cache
def attacks() -> tuple[Attack, ...]:
    """The whole battery, in the order of its manifest."""
    with (BATTERY / "manifest.csv").open(encoding="utf-8", newline="") as manifest:
        return tuple(_attack(row) for row in csv.DictReader(manifest))


def _attack(row: dict[str, str]) -> Attack:
    techniques = tuple(row["techniques"].split())
    unknown = [name for name in techniques if name not in EXPLOITS]
    if unknown:
        raise ValueError(f"{row['id']} names unknown techniques: {', '.join(unknown)}")
    return Attack(
        row["id"],
        cast(Role, row["role"]),
        tuple(row["tasks"].split()),
        techniques,
        row["title"],
        _stored(BATTERY / "submissions" / row["id"]),
    )


def _stored(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix().removesuffix(_STORED): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob(f"*{_STORED}"))
    }


def adapted(
    files: Mapping[str, str], entry: str, file: str, replaced: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The files for a function of another name in another file.

    replaced: further words of the text, such as the address of the loopback server.
    """
    if entry and not entry.isidentifier():
        raise UserError(f"--entry must be a Python name, got {entry!r}.", "Name the function.")
    stem = PurePosixPath(file).stem
    if PurePosixPath(file).suffix != ".py" or "/" in file or not stem.isidentifier():
        raise UserError(
            f"--file must be the name of a Python file, got {file!r}.",
            "Name the file that your grader imports, such as solution.py.",
        )
    made = {}
    for path, text in files.items():
        for word, by in (replaced or {}).items():
            text = text.replace(word, by)
        if entry:
            text = re.sub(rf"\b{_ENTRY}\b", entry, text)
        text = re.sub(rf"\b{PurePosixPath(_FILE).stem}\b", stem, text)
        made[file if path == _FILE else path] = text
    return made


def write_files(files: Mapping[str, str], folder: Path) -> None:
    """Write the files below the folder; scripts are made executable."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        at = folder / path
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(text, encoding="utf-8")
        if text.startswith(_EXECUTABLE):
            at.chmod(0o755)
