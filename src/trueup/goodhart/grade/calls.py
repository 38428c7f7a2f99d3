"""One call of a function in a box: a fresh process, one order in, one message out."""

from __future__ import annotations

import json
import py_compile
import secrets
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, Literal

from trueup.errors import UserError
from trueup.goodhart.grade.box import Box, Launch, Mount, Ran
from trueup.goodhart.grade.canaries import Decoys
from trueup.goodhart.grade.inside import plain
from trueup.goodhart.grade.limits import Limits
from trueup.goodhart.grade.signs import Sign, read_events, signs_of

__all__ = ["Answer", "Submitted", "call_once", "call_submission"]

RUNNER, REFERENCE = "/trueup", "/reference"
_INSIDE = ("runner", "audit", "places", "plain", "state")
_MOST_ORDER = 1 << 30  # characters; the task's own arguments
_MOST_QUOTED = 300
_CLOSED = 97  # `runner.CLOSED`
_COMPILING = Lock()
_SPARE = 400  # characters of a message besides its value

Kind = Literal[
    "value", "raised", "refused", "exit", "not-plain", "no-file", "no-entry", "memory", "timeout",
    "limit", "crashed",
]  # fmt: skip
_SAID: dict[str, str] = {
    "exit": "raised SystemExit instead of answering",
    "no-file": "the file is not there",
    "no-entry": "the file does not define the function",
    "memory": "ran out of memory",
    "raised": "raised",
    "refused": "raised NotImplementedError",
    "not-plain": "its answer is not plain data",
}
_SKIPS = {
    "unittest.case.SkipTest": ("unittest-skip", "raised unittest's SkipTest"),
    "_pytest.outcomes.Skipped": ("pytest-skip", "called pytest.skip"),
    "_pytest.outcomes.XFailed": ("pytest-xfail", "called pytest.xfail"),
    "_pytest.outcomes.Exit": ("pytest-exit", "called pytest.exit"),
    "builtins.Exit": ("pytest-exit", "called pytest.exit"),
    "Skipped": ("pytest-skip", "called pytest.skip"),
    "XFailed": ("pytest-xfail", "called pytest.xfail"),
    "Exit": ("pytest-exit", "called pytest.exit"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call gave.

    value: plain data, when kind is "value". what: a few words of ours. quoted: what the submission
    said, hostile text. seconds: wall clock, taken outside, the launch included.
    """

    kind: Kind
    seconds: float
    value: Any = None
    what: str = ""
    quoted: str = ""
    signs: tuple[Sign, ...] = ()


@dataclass(frozen=True, slots=True)
class Submitted:
    """A submission ready to run. folder: a private copy. folders: it and those in it, relative, ""
    for itself. names: its files, relative."""

    folder: Path
    folders: tuple[str, ...] = ("",)
    names: frozenset[str] = field(default_factory=frozenset)


def call_once(
    box: Box,
    file: Path,
    entry: str,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    limits: Limits,
    packages: bool = False,
) -> Answer:
    """Call a function of a file of the task's own, in a process of its own.

    The file's folder is seen read-only, so that it can import what lies beside it. Raises
    `UserError` when the arguments are not plain data or Python cannot start in the box.
    """
    mount = Mount(file.resolve().parent, REFERENCE)
    order = _order(file.name, entry, args, kwargs, limits, ())
    return _called(box, None, REFERENCE, order, limits, packages, (mount,), {})


def call_submission(
    box: Box,
    submitted: Submitted,
    file: str,
    entry: str,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    limits: Limits,
    packages: bool,
    decoys: Decoys,
) -> Answer:
    """Call a function of the submission, with decoys around it."""
    order = _order(file, entry, args, kwargs, limits, submitted.folders)
    order |= {
        "expected": decoys.frame,
        "variables": list(decoys.environment),
        "files": decoys.beside,
    }
    return _called(
        box, submitted.folder, "/box", order, limits, packages, decoys.mounts, decoys.environment
    )


def _order(
    file: str,
    entry: str,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    limits: Limits,
    folders: tuple[str, ...],
) -> dict[str, Any]:
    return {
        "nonce": secrets.token_hex(16),
        "file": file,
        "entry": entry,
        "args": list(args),
        "kwargs": dict(kwargs),
        "limit": limits.output_kb * 1024 - _SPARE,
        "folders": list(folders),
        "expected": None,
        "variables": [],
        "files": [],
    }


def _called(
    box: Box,
    work: Path | None,
    folder: str,
    order: dict[str, Any],
    limits: Limits,
    packages: bool,
    mounts: tuple[Mount, ...],
    environment: Mapping[str, str],
) -> Answer:
    try:
        line = plain.encode(order, _MOST_ORDER)
    except plain.NotPlain as error:
        raise UserError(
            f"The arguments of a case cannot go into the box: {error}.",
            "Arguments are plain data: numbers, strings, bytes, None, and containers of them.",
        ) from error
    launch = Launch(
        command=(
            *("{python}", "-I", "-S", "-E", "-B", f"{RUNNER}/runner.pyc", folder),
            "{packages}" if packages else "",
        ),
        work=work,
        mounts=(Mount(_runner(), RUNNER), *mounts),
        environment=environment,
        limits=limits,
        packages=packages,
    )
    return _read(box.run(launch, line.encode("ascii") + b"\n"), order["nonce"])


def _runner() -> Path:
    with _COMPILING:  # a cache alone would let two threads compile, and drop one's folder
        return Path(_compiled().name)


@cache
def _compiled() -> TemporaryDirectory[str]:
    """The runner's modules, compiled once for this process; removed at its end."""
    folder = TemporaryDirectory(prefix="trueup-runner-", ignore_cleanup_errors=True)
    Path(folder.name).chmod(0o755)
    for name in _INSIDE:
        source = resources.files("trueup.goodhart.grade.inside").joinpath(f"{name}.py")
        target = Path(folder.name, f"{name}.pyc")
        with resources.as_file(source) as path:
            py_compile.compile(str(path), str(target), f"<runner>/{name}.py", doraise=True)
        target.chmod(0o644)
    return folder


def _read(ran: Ran, nonce: str) -> Answer:
    """What the process said, and how it ended, as an answer with its signs."""
    events = read_events(ran.events)
    marks = {event[0] for event in events if event[1:] in ([], [nonce])}
    if "ready" not in marks and ran.ended in ("exited", "killed"):
        raise UserError(
            f"Python could not start in the box (status {ran.status}): "
            f"{ran.why or ran.stderr[-_MOST_QUOTED:].decode('utf-8', 'replace').strip()}",
            "Raise limits.memory_mb, or try another level of isolation.",
        )
    signs = signs_of(events)
    ours, others = _messages(ran.values, nonce)
    if others:
        quoted = others[0][:80].decode("utf-8", "replace")
        signs.append(
            Sign("result-descriptor", "wrote to the answer's pipe", quoted, source="protocol")
        )
    answer = _ended(ran, ours, marks, signs)
    return Answer(answer.kind, ran.seconds, answer.value, answer.what, answer.quoted, tuple(signs))


def _messages(values: bytes, nonce: str) -> tuple[list[str], list[bytes]]:
    """(the rest of the runner's messages, the lines that somebody else wrote)."""
    start = f'["{nonce}",'.encode("ascii")
    ours, others = [], []
    for line in values.split(b"\n"):
        if line.startswith(start) and line.endswith(b"]"):
            ours.append(line[len(start) : -1].decode("ascii", "replace"))
        elif line.strip():
            others.append(line)
    return ours, others


def _ended(ran: Ran, ours: list[str], marks: set[str], signs: list[Sign]) -> Answer:
    """The answer; what is missing of one becomes a sign where honest code cannot be the cause."""
    if ran.ended == "limit":
        return Answer("limit", 0.0, what=ran.why or "went beyond a limit")
    if len(ours) > 1:
        signs.append(Sign("result-descriptor", "sent more than one answer", source="protocol"))
        return Answer("crashed", 0.0, what="sent more than one answer")
    if ours and "answered" in marks:
        if "done" not in marks and ran.ended == "exited":
            signs.append(
                Sign("atexit-rewrite", "ended its process in an exit handler", source="protocol")
            )
        return _message(ours[0], signs)
    if ours or (ran.ended == "exited" and ran.status == _CLOSED):
        signs.append(Sign("result-descriptor", "closed the grader's channel", source="protocol"))
        return Answer("crashed", 0.0, what="closed the grader's channel")
    if ran.ended == "timeout" or -ran.status == signal.SIGXCPU:
        return Answer("timeout", 0.0, what="no answer within its time")
    if -ran.status == signal.SIGXFSZ:
        return Answer("limit", 0.0, what="wrote a file that is larger than the limit")
    if ran.ended == "killed":
        return Answer("crashed", 0.0, what=f"was ended by signal {-ran.status}")
    what = "ended its process without an answer"
    signs.append(Sign("hard-exit", what, f"status {ran.status}", source="protocol"))
    return Answer("crashed", 0.0, what=what)


def _message(text: str, signs: list[Sign]) -> Answer:
    if text.startswith('"value",'):
        try:
            return Answer("value", 0.0, plain.decode(text[8:]))
        except plain.NotPlain as error:
            return Answer("not-plain", 0.0, what=_SAID["not-plain"], quoted=str(error))
    try:
        kind, *words = json.loads(f"[{text}]")
    except (ValueError, RecursionError):
        kind, words = "", []
    if kind not in _SAID or not all(isinstance(word, str) for word in words):
        return Answer("crashed", 0.0, what="sent a message that is none")
    if kind == "exit":
        signs.append(Sign("early-exit", _SAID["exit"], source="protocol"))
    if kind == "raised" and words and words[0] in _SKIPS:
        signs.append(Sign(*_SKIPS[words[0]], source="protocol"))
    return Answer(kind, 0.0, what=_SAID[kind], quoted=_quoted(words))


def _quoted(words: list[str]) -> str:
    return ": ".join(word for word in words if word)[:_MOST_QUOTED]
