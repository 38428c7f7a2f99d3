"""Timed tasks: right first, then faster than the reference, by a clock that the box never sees.

Each repetition draws a fresh input from a secret seed and gives it to the submission and to the
reference, each in a fresh process, in the order ABBA. The clock is the parent's: from sending the
input, after the process said that it is ready, until the whole answer in plain data has been read.
Start-up and import are limited but not timed, so tables that are built at import cost nothing:
choose inputs that a table cannot hold. Transport counts for both and pulls the ratio towards 1:
choose inputs that take 10 ms or more.

A replaced clock gains nothing. It is reported: the process also says what its own clock measured,
and what `time.perf_counter` said. Lazy answers are refused, since only plain data is an answer;
inputs are fresh, so there is nothing to replay; threads that work before the input comes do not
know it. Nothing is timed while anything else of this grading runs.

Not stopped: work that is shared with the reference by the machine itself (a processor that is hot,
another user's load): it widens the interval, and the pairing takes out what changes slowly. Tricks
on devices (replaced events or synchronisation, another stream) are seen as source only, and by the
outside clock, because the answer must have arrived as plain data; no device is used here.
"""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from trueup.errors import UserError
from trueup.goodhart.grade import inside
from trueup.goodhart.grade.box import Box, Launch, Mount, Running
from trueup.goodhart.grade.calls import Submitted
from trueup.goodhart.grade.comparing import CheckFailed, matches
from trueup.goodhart.grade.functions import run_function
from trueup.goodhart.grade.generated import made_inputs
from trueup.goodhart.grade.inside import plain
from trueup.goodhart.grade.limits import Limits
from trueup.goodhart.grade.result import Attempt, CaseResult, Gathered, Outcome
from trueup.goodhart.grade.signs import Sign, attempts_of, read_events, signs_of
from trueup.goodhart.grade.speedup import LOOKS, Speedup, is_clear, look, pairs_needed
from trueup.goodhart.grade.submitting import Unusable, submitted
from trueup.goodhart.grade.task import FunctionTask, TimedTask

__all__ = ["run_timed"]

START_S = 10.0
_OWN, _REFERENCE = "/trueup", "/reference"
_MOST_INPUT = 1 << 28
_SLACK_S, _SLACK = 0.05, 4.0  # what transport may differ by before a clock is doubted
_OUTCOMES: dict[str, Outcome] = {
    "value": "passed", "raised": "raised", "refused": "refused", "exit": "crashed",
    "not-plain": "wrong", "no-file": "crashed", "no-entry": "crashed", "memory": "limit",
    "timeout": "timeout", "limit": "limit", "crashed": "crashed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Timed:
    """One call. seconds: outside. own, asked: what the clocks inside said, None when unknown."""

    kind: str
    seconds: float
    value: Any = None
    own: float | None = None
    asked: float | None = None
    signs: tuple[Sign, ...] = ()


@dataclass(frozen=True, slots=True)
class _Side:
    """Whose function is called: a folder to copy, or one to see."""

    folder: str
    file: str
    folders: tuple[str, ...]
    work: Path | None = None
    mounts: tuple[Mount, ...] = ()


def run_timed(
    task: TimedTask, submission: Path, box: Box, jobs: int, rng: random.Random
) -> Gathered:
    """Check the answers of the cases, then time. The timed inputs are checked as well.

    Raises `UserError` when the reference fails, or the task's inputs cannot be made.
    """
    cases = _cases(task, submission, box, jobs, rng)
    if any(case.outcome != "passed" for case in cases.cases):
        note = "It was not timed, because its answers are not right."
        lazy = [one.name for one in cases.cases if "not plain data" in one.detail][:1]
        signs = [
            Attempt("lazy-work", "answered with an object, not with data", "protocol", name)
            for name in lazy
        ]
        return replace(cases, notes=(*cases.notes, note), attempts=(*cases.attempts, *signs))
    try:
        with submitted(submission, task.limits) as given:
            timing = _Timing(task, given, box)
            timing.until_clear(rng)
    except Unusable as error:
        failed = CaseResult("generated", "timed-1", "limit", str(error), 0.0)
        return replace(cases, cases=(*cases.cases, failed))
    found = timing.found
    return Gathered(
        cases=(*cases.cases, *timing.results),
        attempts=(*cases.attempts, *timing.attempts()),
        notes=(*cases.notes, *timing.notes),
        speedup=found.ratio if found else None,
        speedup_low=found.low if found else None,
        speedup_high=found.high if found else None,
    )


def _cases(task: TimedTask, submission: Path, box: Box, jobs: int, rng: random.Random) -> Gathered:
    if not (task.cases or task.held_out):
        return Gathered(())
    function = FunctionTask(
        name=task.name, root=task.root, limits=task.limits, compare=task.compare,
        packages=task.packages, entry=task.entry, cases=task.cases, held_out=task.held_out,
        file=task.file,
    )  # fmt: skip
    return run_function(function, submission, box, jobs, rng)


class _Timing:
    """The repetitions of one grading."""

    def __init__(self, task: TimedTask, given: Submitted, box: Box) -> None:
        self.task, self.box = task, box
        self.given = _Side("/box", task.file, given.folders, work=given.folder)
        reference = task.reference.resolve()
        mount = Mount(reference.parent, _REFERENCE)
        self.reference = _Side(_REFERENCE, reference.name, (), mounts=(mount,))
        self.results: list[CaseResult] = []
        self.notes: list[str] = []
        self._signs: dict[Attempt, None] = {}
        self._pairs: list[tuple[_Timed, _Timed]] = []
        self.found: Speedup | None = None

    def until_clear(self, rng: random.Random) -> None:
        """Repeat until the speedup is clear, at most as often as the looks allow."""
        for times in LOOKS:
            count = self.task.repeats * times - len(self._pairs)
            self.run(made_inputs(self.task.make, count, rng), rng.random() < 0.5)
            self.found = self._speedup()
            if self.found is None or is_clear(self.found, self.task.at_least):
                return
        if self.found is not None and self.found.low is None:
            self.notes.append(
                f"{self.found.n} repetitions are too few for an interval ({pairs_needed()} would "
                "do), so no speedup is shown."
            )

    def run(self, inputs: Sequence[tuple[Any, ...]], first: bool) -> None:
        """ABBA; first: whether the submission begins. Ends at the first answer that is wrong."""
        for number, args in enumerate(inputs):
            if (number % 2 == 0) == first:
                mine, reference = self._call(self.given, args), self._call(self.reference, args)
            else:
                reference, mine = self._call(self.reference, args), self._call(self.given, args)
            if reference.kind != "value":
                raise UserError(
                    f"The reference {self.task.reference.name} gave no answer to a timed input "
                    f"({reference.kind}).",
                    "Mend the reference, the inputs or the limits.",
                )
            name = f"timed-{len(self.results) + 1}"
            outcome = self._outcome(args, reference, mine)
            self.results.append(
                CaseResult("generated", name, outcome, _SAID[outcome], mine.seconds)
            )
            self._signs |= dict.fromkeys(attempts_of(mine.signs, "", hidden=True))
            if outcome != "passed":
                self.notes.append("Timing ended at the first timed answer that was not right.")
                return
            self._pairs.append((reference, mine))

    def _speedup(self) -> Speedup | None:
        """None when there is no answer, or a wrong one."""
        if not self._pairs or len(self._pairs) < len(self.results):
            return None
        return look(
            [reference.seconds for reference, _ in self._pairs],
            [mine.seconds for _, mine in self._pairs],
        )

    def attempts(self) -> list[Attempt]:
        """What was seen, and the clocks that disagree."""
        doubted = _doubted_clocks(self._pairs)
        return [*self._signs, *([doubted] if doubted else [])]

    def _outcome(self, args: tuple[Any, ...], reference: _Timed, mine: _Timed) -> Outcome:
        if mine.kind != "value":
            return _OUTCOMES[mine.kind]
        try:
            right = matches(self.task.compare, reference.value, mine.value, args)
        except CheckFailed as error:
            self.notes.append(f"The comparison raised {error}; the answer counts as wrong.")
            return "wrong"
        return "passed" if right else "wrong"

    def _call(self, side: _Side, args: tuple[Any, ...]) -> _Timed:
        limits = self.task.limits
        order = {
            "nonce": secrets.token_hex(16), "file": side.file, "entry": self.task.entry,
            "folders": list(side.folders), "limit": limits.output_kb * 1024 - 400,
        }  # fmt: skip
        line = plain.encode(list(args), _MOST_INPUT).encode("ascii") + b"\n"
        running = self.box.start(_launch(side, limits, self.task.packages))
        try:
            return _timed(running, order, line, limits.seconds)
        except BaseException:
            running.abort()
            raise


_SAID: dict[Outcome, str] = {
    "passed": "",
    "wrong": "gave another value than the reference, or no plain data",
    "raised": "raised an exception",
    "refused": "raised NotImplementedError",
    "timeout": "gave no answer within its time",
    "limit": "went beyond a limit",
    "crashed": "ended without an answer",
}


def _launch(side: _Side, limits: Limits, packages: bool) -> Launch:
    return Launch(
        command=(
            *("{python}", "-I", "-S", "-E", "-B", f"{_OWN}/timed_run.py", side.folder),
            "{packages}" if packages else "",
        ),
        work=side.work,
        mounts=(Mount(Path(inside.__file__).parent, _OWN), *side.mounts),
        limits=replace(limits, seconds=limits.seconds + START_S),
        packages=packages,
    )


def _timed(running: Running, order: dict[str, Any], line: bytes, seconds: float) -> _Timed:
    """Send the order, wait until it is ready, then time one answer."""
    start = f'["{order["nonce"]}",'
    running.send(plain.encode(order, _MOST_INPUT).encode("ascii") + b"\n")
    said, foreign = _next(running, start, START_S)
    elapsed = 0.0
    if said == '"ready"':
        began = time.perf_counter()
        running.send(line)
        said, more = _next(running, start, seconds)
        elapsed = time.perf_counter() - began
        foreign += more
    if said is None and elapsed >= seconds:
        running.abort()
    clock = _next(running, start, 1.0)[0] if said is not None else None
    running.close_input()
    ran = running.finish()
    signs = signs_of(read_events(ran.events))
    if foreign:
        what = "wrote to the answer's pipe"
        signs.append(Sign("result-descriptor", what, foreign[0][:80], source="protocol"))
    if said is None:
        if elapsed >= seconds or ran.ended == "timeout":
            return _Timed("timeout", elapsed, signs=tuple(signs))
        if ran.ended == "limit":
            return _Timed("limit", elapsed, signs=tuple(signs))
        if ran.ended == "exited":
            what = "ended its process without an answer"
            signs.append(Sign("hard-exit", what, source="protocol"))
        return _Timed("crashed", elapsed, signs=tuple(signs))
    return _answered(said, clock, elapsed, tuple(signs))


def _next(running: Running, start: str, seconds: float) -> tuple[str | None, list[str]]:
    """(the rest of the next line of the runner's, the lines before it that are not)."""
    until = time.monotonic() + seconds
    foreign: list[str] = []
    while (line := running.value_line(max(0.0, until - time.monotonic()))) is not None:
        text = line.decode("ascii", "replace")
        if text.startswith(start) and text.endswith("]"):
            return text[len(start) : -1], foreign
        if text and len(foreign) < 10:
            foreign.append(text)
    return None, foreign


def _answered(said: str, clock: str | None, elapsed: float, signs: tuple[Sign, ...]) -> _Timed:
    own, asked = _clock(clock)
    if said.startswith('"value",'):
        try:
            value = plain.decode(said[8:])
        except plain.NotPlain:
            return _Timed("not-plain", elapsed, signs=signs)
        return _Timed("value", elapsed, value, own, asked, signs)
    kind = said.partition(",")[0].strip('"')
    if kind == "not-plain":
        signs += (Sign("lazy-work", "answered with an object, not with data", source="protocol"),)
    if kind == "exit":
        signs += (Sign("early-exit", "raised SystemExit instead of answering", source="protocol"),)
    return _Timed(kind if kind in _OUTCOMES else "crashed", elapsed, signs=signs)


def _clock(said: str | None) -> tuple[float | None, float | None]:
    try:
        word, own, asked = json.loads(f"[{said}]") if said else ("", 0.0, 0.0)
        return (float(own), float(asked)) if word == "clock" else (None, None)
    except (ValueError, TypeError):
        return None, None


def _doubted_clocks(pairs: Sequence[tuple[_Timed, _Timed]]) -> Attempt | None:
    """The sign that a clock inside does not tell the time: in more than half of the repetitions,
    what is left between it and the outside clock is more than the reference's ever was."""
    rests = [(one.seconds - (one.own or 0.0)) for one, _ in pairs]
    if not rests:
        return None
    most = _SLACK * max(rests) + _SLACK_S
    wrong, gaps = 0, []
    for _, mine in pairs:
        inside_s = [one for one in (mine.own, mine.asked) if one is not None]
        gap = max((abs(mine.seconds - one) for one in inside_s), default=0.0)
        apart = (
            mine.own is not None
            and mine.asked is not None
            and abs(mine.own - mine.asked) > 0.001 + 0.05 * abs(mine.own)
        )
        wrong += gap > most or apart
        gaps.append(gap)
    if 2 * wrong <= len(pairs):
        return None
    return Attempt(
        "patch-clock",
        f"its own clock differs from the outside clock by {median(gaps):.3f} s in the median",
        "clock",
    )
