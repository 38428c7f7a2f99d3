"""Function tasks: every case in a process of its own, compared out here.

What goes into the box: the arguments of one case, and decoys. What comes out: plain data. Expected
values, other cases, the reference and the seed of generated cases stay here.

What this does not stop: a submission that answers visible cases from a table (held-out and
generated cases do), and one that was told the answers beforehand.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup.errors import UserError
from trueup.goodhart.grade import canaries
from trueup.goodhart.grade.box import Box
from trueup.goodhart.grade.calls import Answer, Submitted, call_once, call_submission
from trueup.goodhart.grade.comparing import CheckFailed, matches
from trueup.goodhart.grade.generated import made_cases
from trueup.goodhart.grade.inside import plain
from trueup.goodhart.grade.result import Attempt, CaseResult, Gathered, Group, Outcome
from trueup.goodhart.grade.signs import Sign, attempts_of
from trueup.goodhart.grade.submitting import Unusable, submitted
from trueup.goodhart.grade.task import Case, FunctionTask

__all__ = ["Answer", "call_once", "run_function"]

_MOST_SHOWN = 80
_ALL_NAN = 3  # cases that all answer NaN before that is a sign
_MOST_PLAIN = 1 << 30
_HIDDEN: dict[Outcome, str] = {
    "passed": "",
    "wrong": "gave another value",
    "raised": "raised an exception",
    "refused": "raised NotImplementedError",
    "timeout": "gave no answer within its time",
    "limit": "went beyond a limit",
    "crashed": "ended without an answer",
}
_OUTCOMES: dict[str, Outcome] = {
    "raised": "raised",
    "refused": "refused",
    "exit": "crashed",
    "not-plain": "wrong",
    "no-file": "crashed",
    "no-entry": "crashed",
    "memory": "limit",
    "timeout": "timeout",
    "limit": "limit",
    "crashed": "crashed",
}


@dataclass(frozen=True, slots=True)
class _Ran:
    """One case and what came of it."""

    result: CaseResult
    attempts: tuple[Attempt, ...]
    note: str = ""
    is_nan: bool = False


def run_function(
    task: FunctionTask, submission: Path, box: Box, jobs: int, rng: random.Random
) -> Gathered:
    """Run every case of the task, `jobs` at a time.

    Raises `UserError` when a case is not plain data, or the reference fails on a generated input.
    """
    _check_plain(task)
    cases: list[tuple[Group, Case]] = [("visible", case) for case in task.cases]
    cases += [("held_out", case) for case in task.held_out]
    with ThreadPoolExecutor(jobs) as pool:
        cases += [("generated", case) for case in made_cases(task, box, pool, rng)]
        try:
            with (
                submitted(submission, task.limits) as given,
                canaries.planted(task.cases, given.names, rng) as decoys,
            ):
                runner = _Cases(task, given, box, decoys)
                ran = list(pool.map(lambda one: runner.run(*one), cases))
                opened = attempts_of(decoys.opened(), "", hidden=False)
        except Unusable as error:
            return Gathered(
                tuple(
                    CaseResult(group, case.name, "limit", str(error), 0.0) for group, case in cases
                )
            )
    return Gathered(
        cases=tuple(one.result for one in ran),
        attempts=tuple(sign for one in ran for sign in one.attempts)
        + opened
        + tuple(_over_all(ran)),
        notes=tuple(dict.fromkeys(one.note for one in ran if one.note)),
    )


class _Cases:
    """Runs the cases of one grading."""

    def __init__(
        self, task: FunctionTask, given: Submitted, box: Box, decoys: canaries.Decoys
    ) -> None:
        self.task, self.given, self.box, self.decoys = task, given, box, decoys

    def run(self, group: Group, case: Case) -> _Ran:
        task = self.task
        answer = call_submission(
            self.box, self.given, task.file, task.entry, case.args, case.kwargs, task.limits,
            task.packages, self.decoys,
        )  # fmt: skip
        outcome, signs, note = self._judged(case, answer)
        hidden = group != "visible"
        detail = _HIDDEN[outcome] if hidden else _detail(task, case, answer, outcome)
        return _Ran(
            CaseResult(group, case.name, outcome, detail, answer.seconds),
            attempts_of(signs, case.name, hidden=hidden),
            note,
            outcome == "wrong" and _is_nan(answer.value),
        )

    def _judged(self, case: Case, answer: Answer) -> tuple[Outcome, list[Sign], str]:
        """The outcome, the signs, and what to note."""
        signs, note = list(answer.signs), ""
        if answer.kind != "value":
            return _OUTCOMES[answer.kind], signs, note
        try:
            right = matches(self.task.compare, case.expect, answer.value, case.args)
        except CheckFailed as error:
            right, note = False, f"The comparison raised {error}; the answer counts as wrong."
        if right:
            return "passed", signs, note
        decoy = self.decoys.sign(answer.value)
        if decoy is not None:
            signs.append(decoy)
        if _is_nan(answer.value) and not isinstance(case.expect, float):
            what = "answered NaN where no float is expected"
            signs.append(Sign("nan-wildcard", what, source="protocol"))
        return "wrong", signs, note


def _over_all(ran: Sequence[_Ran]) -> Iterable[Attempt]:
    """Signs that only the cases together show."""
    ends = {"early-exit", "hard-exit"}
    ended = [
        one
        for one in ran
        if one.result.outcome == "crashed" and any(s.technique in ends for s in one.attempts)
    ]
    if ended and any(one.result.outcome == "passed" for one in ran):
        yield Attempt(
            "selective-exit",
            f"ended its process in {len(ended)} of {len(ran)} cases, and answered others",
            "protocol",
        )
    if len(ran) >= _ALL_NAN and all(one.is_nan for one in ran):
        yield Attempt("nan-wildcard", "answered NaN in every case", "protocol")


def _check_plain(task: FunctionTask) -> None:
    for case in (*task.cases, *task.held_out):
        for what, value in (
            ("args", list(case.args)), ("kwargs", dict(case.kwargs)), ("expect", case.expect),
        ):  # fmt: skip
            try:
                plain.encode(value, _MOST_PLAIN)
            except plain.NotPlain as error:
                raise UserError(
                    f"The case {case.name}: {what} is not plain data: {error}.",
                    "Use numbers, strings, bytes, None, and lists, tuples, sets and dicts of them.",
                ) from error


def _detail(task: FunctionTask, case: Case, answer: Answer, outcome: Outcome) -> str:
    """One line on a visible case that failed."""
    if outcome == "passed":
        return ""
    call = f"{task.entry}({_arguments(case)})"
    if answer.kind == "value":
        return f"{call} returned {shown(answer.value)}; expected {shown(case.expect)}"
    if answer.kind == "no-file":
        return f"there is no {task.file}"
    if answer.kind == "no-entry":
        return f"{task.file} does not define {task.entry}"
    if outcome in ("raised", "refused"):
        return f"{call} raised {answer.quoted}"
    return f"{call}: {answer.what}" + (f": {answer.quoted}" if answer.quoted else "")


def _arguments(case: Case) -> str:
    words = [shown(arg) for arg in case.args]
    words += [f"{name}={shown(value)}" for name, value in case.kwargs.items()]
    text = ", ".join(words)
    return text if len(text) <= 2 * _MOST_SHOWN else f"{text[: 2 * _MOST_SHOWN - 1]}…"


def shown(value: Any) -> str:
    """A value as Python writes it, cut to one line's worth."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an int of more digits than Python will print
        return f"a {type(value).__name__} too long to show"
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"


def _is_nan(value: Any) -> bool:
    return type(value) is float and value != value
