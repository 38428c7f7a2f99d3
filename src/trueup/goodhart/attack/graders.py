"""Graders: the built-in ones by name, or a command with placeholders."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from trueup.errors import UserError
from trueup.goodhart.attack.battery import BatteryTask
from trueup.goodhart.attack.launch import launch
from trueup.goodhart.attack.result import Called, Outcome, Role

__all__ = ["BUILT_IN", "CommandGrader", "Graded", "Grader", "Job", "Passed", "find", "passed_rule"]

_WEAK = Path(__file__).with_name("weak")
_DETAIL = 300
_PLACES = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Job:
    """One submission to grade. submission: its folder, a fresh copy; task: a folder with task.yaml
    and tests; work: an empty folder; text: the file of an answer, in place of a submission."""

    task: BatteryTask
    submission: Path
    folder: Path
    work: Path
    text: Path | None = None


@dataclass(frozen=True, slots=True)
class Graded:
    """What a grader said. passed: None when no verdict could be read. timeout: it ran too long."""

    passed: bool | None
    detail: str
    seconds: float
    timeout: bool = False
    seen: tuple[str, ...] | None = None
    called: Called | None = None
    isolation: str = ""

    def outcome(self, role: Role) -> Outcome:
        """What it means for a submission of this role."""
        if self.timeout:
            return "timeout"
        if self.passed is None:
            return "unread"
        if role == "right":
            return "accepted" if self.passed else "refused"
        return "fooled" if self.passed else "held"


class Grader(Protocol):
    """Whatever gives a verdict on a submission."""

    @property
    def name(self) -> str:
        """How it is called in the report."""

    def fits(self, task: BatteryTask) -> bool:
        """Whether it can grade this task."""

    def grade(self, job: Job, seconds: float) -> Graded:
        """Grade one submission within the time."""

    def close(self) -> None:
        """Remove what it keeps."""


Passed = Callable[[int, str], bool | None]  # exit status and stdout; None: no verdict there


def passed_rule(spec: str) -> Passed:
    """How a pass is read: "exit", "json:KEY" (dots for keys inside) or "regex:PATTERN"."""
    kind, _, rest = spec.partition(":")
    if kind == "exit" and not rest:
        return lambda status, out: status == 0
    if kind == "json" and rest:
        return partial(_by_json, rest)
    if kind == "regex" and rest:
        try:
            pattern = re.compile(rest, re.MULTILINE)
        except re.error as error:
            raise UserError(f"--passed: {rest!r} is no pattern: {error}.", "Mend it.") from error
        return lambda status, out: pattern.search(out) is not None
    raise UserError(
        f"--passed must be exit, json:KEY or regex:PATTERN, got {spec!r}.",
        "Say how a pass shows, such as --passed json:passed.",
    )


def _by_json(key: str, status: int, out: str) -> bool | None:
    """The value under the key in the output, or in its last line that is a JSON object."""
    for text in (out, *reversed(out.splitlines())):
        try:
            found: Any = json.loads(text)
            for part in key.split("."):
                found = found[part]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if isinstance(found, bool):
            return found
        return isinstance(found, int | float) and found >= 1
    return None


@dataclass(frozen=True, slots=True)
class CommandGrader:
    """A command. words: argv with {submission}, {task}, {work} or {answer} in it."""

    name: str
    words: tuple[str, ...]
    passed: Passed
    tasks: Callable[[BatteryTask], bool] = lambda task: True
    cases: bool = False  # the visible cases go into the environment

    def fits(self, task: BatteryTask) -> bool:
        return self.tasks(task)

    def close(self) -> None:
        pass

    def grade(self, job: Job, seconds: float) -> Graded:
        places = {
            "submission": str(job.submission),
            "task": str(job.folder),
            "work": str(job.work),
            "answer": str(job.text or ""),
        }
        command = [_PLACES.sub(lambda m: places.get(m[1], m[0]), word) for word in self.words]
        environment = dict(os.environ)
        if self.cases:
            environment["GRADER_CASES"] = visible_cases(job.task)
        ended = launch(command, job.work, environment, seconds)
        if ended.status is None:
            return Graded(None, f"no verdict after {seconds:g} s", ended.seconds, timeout=True)
        said = (ended.stdout.strip() or ended.stderr.strip()).splitlines()
        detail = f"exit {ended.status}" + (f": {said[-1]}" if said else "")
        passed = self.passed(ended.status, ended.stdout)
        return Graded(passed, detail[:_DETAIL], ended.seconds)


def visible_cases(task: BatteryTask) -> str:
    """The visible cases of a function task as JSON, for the graders in `weak`."""
    spec = _spec(task)
    return json.dumps(
        {
            "module": task.file.removesuffix(".py"),
            "entry": task.entry,
            "tolerance": 1e-6 if "compare" in spec else 0,
            "cases": [dict(case) for case in spec["cases"]],
        }
    )


def _spec(task: BatteryTask) -> Mapping[str, Any]:
    """The task's file as plain values."""
    from ruamel.yaml import YAML

    return YAML(typ="safe").load(task.files["task.yaml"])


def _weak(script: str, *more: str) -> tuple[str, ...]:
    return (sys.executable, str(_WEAK / script), "{submission}", *more)


def _plain_values(task: BatteryTask) -> bool:
    return task.kind == "function" and task.name != "nim"


def _built_in(name: str, script: str, *more: str, cases: bool = False) -> Callable[[], Grader]:
    tasks = _plain_values if cases else (lambda task: True)
    return lambda: CommandGrader(
        name, _weak(script, *more), lambda status, out: status == 0, tasks, cases
    )


def _trueup() -> Grader:
    from trueup.goodhart.attack.own import OwnGrader

    return OwnGrader()


_PLACE = ("{task}", "{work}")
BUILT_IN: dict[str, Callable[[], Grader]] = {
    "pytest": _built_in("pytest", "plain_pytest.py", *_PLACE),
    "pytest-bwrap": _built_in("pytest-bwrap", "plain_pytest.py", *_PLACE, "--bwrap"),
    "junit": _built_in("junit", "plain_pytest.py", *_PLACE, "--junit"),
    "exec": _built_in("exec", "exec_style.py", cases=True),
    "in-process": _built_in("in-process", "in_process.py", cases=True),
    "pickle": _built_in("pickle", "pickled.py", cases=True),
    "trueup": _trueup,
}


def find(command: str, passed: str, *, answers: bool = False) -> Grader:
    """The grader of this name, or the command.

    Raises `UserError` for a command without a placeholder, or one that is not there.
    """
    if command in BUILT_IN and not answers:
        if command == "pytest-bwrap" and shutil.which("bwrap") is None:
            raise UserError("bubblewrap is not installed.", "Install it, or attack pytest.")
        return BUILT_IN[command]()
    needed = "answer" if answers else "submission"
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise UserError(f"The command cannot be read: {error}.", "Close its quotes.") from error
    if not words or f"{{{needed}}}" not in command:
        names = "" if answers else f", or name one of: {', '.join(BUILT_IN)}"
        raise UserError(
            f"The grader must be a command with {{{needed}}} in it, got {command!r}.",
            f"Write where the {needed} goes, such as: python grade.py {{{needed}}}{names}.",
        )
    for word in words:
        for place in _PLACES.findall(word):
            if place not in ("submission", "task", "work", "answer"):
                raise UserError(
                    f"Unknown placeholder {{{place}}}.",
                    "There are {submission}, {task}, {work}, and {answer} with --answers.",
                )
    if shutil.which(words[0]) is None:
        raise UserError(f"There is no command {words[0]!r}.", "Give its path.")
    return CommandGrader(command, tuple(map(_from_here, words)), passed_rule(passed))


def _from_here(word: str) -> str:
    """A path from the current folder as an absolute one: the command runs in a folder of its own,
    so that what a submission writes stays out of the user's."""
    try:
        named = not word.startswith("-") and not _PLACES.search(word) and Path(word).exists()
    except OSError:  # too long for a path
        return word
    return str(Path(word).absolute()) if named else word
