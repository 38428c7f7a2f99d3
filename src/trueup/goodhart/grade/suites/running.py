"""One run of a sealed suite in the box, told line by line and answered from here.

Whether a run is the control, which tests are decoys and what they must come to is known here alone.
The box learns at the end of each test whether it is to fail, and of a check that failed whether to
go on.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from trueup.errors import UserError
from trueup.goodhart.grade import inside
from trueup.goodhart.grade.box import Box, Launch, Mount, Ran, Running
from trueup.goodhart.grade.limits import Limits
from trueup.goodhart.grade.suites.decoys import Decoy
from trueup.goodhart.grade.suites.preparing import Suite, Tree

__all__ = ["START_S", "Report", "Run", "TestRun", "run_tree"]

START_S = 20.0  # for Python and pytest to start, before the clock of the limits runs
_TAG = 8
_LEAST_OUTPUT_KB = 4096
_MOST_GARBAGE = 50
_NEEDED = ("pytest", "_pytest", "pluggy", "iniconfig")
_USED = ("packaging", "pygments", "py")
_OWN, _FOR_PYTEST = "/suite", "/pytest"


@dataclass(frozen=True, slots=True)
class Report:
    """What pytest said of one phase. why: the exception's name, and whose file it came from: "s"
    the submission's, "t" the tests', "o" another."""

    when: str
    outcome: str
    xfail: bool
    why: str
    origin: str


@dataclass(slots=True)
class TestRun:
    """One test in one run. saw: by check, what it came to. ended: marks of its end that were
    reached. failed_by_us: it was told to fail at its end. wild: (technique, type) of values that
    satisfy everything; replaced: (technique, name) of what its checks rely on."""

    saw: dict[int, set[bool]] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    failed_by_us: bool = False
    reports: list[Report] = field(default_factory=list)
    wild: set[tuple[str, str]] = field(default_factory=set)
    replaced: set[tuple[str, str]] = field(default_factory=set)
    starts: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Run:
    """ids: as collected, in order. tests: by id, decoys among them. outside: what happened outside
    of any test. status: what pytest returned, None when it did not get there. broke: exceptions
    that ended collection or the session. garbage: lines on the pipe that are not ours."""

    ids: list[str] = field(default_factory=list)
    tests: dict[str, TestRun] = field(default_factory=dict)
    outside: TestRun = field(default_factory=TestRun)
    status: int | None = None
    broke: list[str] = field(default_factory=list)
    garbage: list[str] = field(default_factory=list)
    collected: bool = False
    late: bool = False
    began: bool = False
    ran: Ran | None = None


def run_tree(
    box: Box, tree: Tree, suite: Suite, limits: Limits, packages: bool, *, control: bool
) -> Run:
    """Run pytest over the tree and gather what came of it."""
    key = random.SystemRandom().randbytes(32)
    running = box.start(_launch(tree, limits, packages))
    try:
        running.send(_orders(suite, key))
        run = _Listener(running, key, tree, control).listen(limits.seconds)
        running.close_input()
        run.ran = running.finish()
    except BaseException:
        running.abort()
        raise
    if not run.began:  # nothing of the submission's has run yet
        last = run.ran.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise UserError(
            f"pytest did not start in the box: {last or run.ran.ended}.",
            "Check limits.memory_mb and limits.file_mb of the task.",
        )
    return run


def _launch(tree: Tree, limits: Limits, packages: bool) -> Launch:
    mounts = [Mount(Path(inside.__file__).parent, _OWN)]
    words = ["{python}", "-I", "-S", "-B", f"{_OWN}/suite_run.py"]
    if packages:
        words += ["folders", "{packages}"]
    else:
        words.append("parts")
        for name, folder in _pytest_packages().items():
            mounts.append(Mount(folder, f"{_FOR_PYTEST}/{name}"))
        words += [f"{_FOR_PYTEST}/{name}" for name in _pytest_packages()]
    return Launch(
        command=tuple(words),
        work=tree.folder,
        mounts=tuple(mounts),
        environment={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        limits=replace(
            limits,
            seconds=limits.seconds + START_S,
            output_kb=max(limits.output_kb, _LEAST_OUTPUT_KB),
        ),
        packages=packages,
    )


@cache
def _pytest_packages() -> Mapping[str, Path]:
    """What pytest needs, by name, where it is installed."""
    found: dict[str, Path] = {}
    for name in (*_NEEDED, *_USED):
        spec = find_spec(name)
        if spec is not None and spec.submodule_search_locations:
            found[name] = Path(next(iter(spec.submodule_search_locations)))
        elif spec is not None and spec.origin:
            found[Path(spec.origin).name] = Path(spec.origin)
        elif name in _NEEDED:
            raise UserError("pytest is not installed.", "Install it: pip install pytest")
    return found


def _orders(suite: Suite, key: bytes) -> bytes:
    secret = random.SystemRandom()
    orders = {
        "key": key.hex(),
        "names": asdict(suite.names),
        "tests": suite.place,
        "numbers": [secret.randrange(1 << 40, 1 << 50) for _ in range(6)],
    }
    return json.dumps(orders).encode() + b"\n"


class _Listener:
    """Reads the lines of one run. A line counts when its tag and its number are right."""

    def __init__(self, running: Running, key: bytes, tree: Tree, control: bool) -> None:
        self._running = running
        self._key = key
        self._decoys: Mapping[str, Decoy] = tree.decoys
        self._control = control
        self._count = 0
        self._now = -1
        self._since = time.monotonic()
        self.run = Run()

    def listen(self, seconds: float) -> Run:
        until = time.monotonic() + START_S
        while True:
            line = self._running.value_line(max(0.0, until - time.monotonic()))
            if line is None:
                if time.monotonic() >= until:
                    self.run.late = True
                    self._running.abort()
                return self.run
            words = self._ours(line)
            if words is None:
                continue
            if words[0] == "b":
                until = time.monotonic() + seconds
                self.run.began = True
                continue
            try:
                self._take(words[0], words[1])
            except (ValueError, IndexError, KeyError):
                self._foreign(line)
            if words[0] == "f":
                until = time.monotonic() + min(2.0, seconds)

    def _ours(self, line: bytes) -> tuple[str, str] | None:
        """(kind, rest) of a line with the right tag; None for others."""
        if not line:
            return None
        tag, _, body = line.partition(b" ")
        right = hashlib.blake2b(body, key=self._key, digest_size=_TAG).hexdigest().encode()
        number, _, text = body.partition(b" ")
        if not hmac.compare_digest(tag, right) or number != str(self._count).encode():
            self._foreign(line)
            return None
        self._count += 1
        kind, _, rest = text.decode("utf-8", "replace").partition(" ")
        return kind, rest

    def _foreign(self, line: bytes) -> None:
        if len(self.run.garbage) < _MOST_GARBAGE:
            self.run.garbage.append(line[:80].decode("utf-8", "replace"))

    def _test(self, place: int) -> TestRun:
        if 0 <= place < len(self.run.ids):
            return self.run.tests.setdefault(self.run.ids[place], TestRun())
        return self.run.outside

    def _decoy(self) -> Decoy | None:
        here = 0 <= self._now < len(self.run.ids)
        return self._decoys.get(self.run.ids[self._now]) if here else None

    def _take(self, kind: str, rest: str) -> None:
        test = self._test(self._now)
        if kind == "c":
            site, held = rest.split(" ")
            self._check(test, int(site), held == "1")
        elif kind == "e":
            self._end(test, int(rest))
        elif kind == "s":
            self._start(int(rest))
        elif kind == "r":
            self._report(rest)
        elif kind == "i":
            if not self.run.collected:
                self.run.ids.append(str(json.loads(rest)))
        elif kind == "n":
            self.run.collected = True
        elif kind == "w":
            _, technique, name = rest.split(" ", 2)
            test.wild.add((technique, name))
        elif kind == "m":
            technique, name = rest.split(" ", 1)
            test.replaced.add((technique, name))
        elif kind in ("x", "q"):
            self.run.broke.append(rest[:200])
        elif kind == "f":
            self.run.status = int(rest)
        else:
            raise ValueError(kind)

    def _check(self, test: TestRun, site: int, held: bool) -> None:
        test.saw.setdefault(site, set()).add(held)
        if not held:
            goes_on = self._control and self._decoy() is None
            if not goes_on:
                test.refused.add(site)
            self._answer(goes_on)

    def _end(self, test: TestRun, number: int) -> None:
        decoy = self._decoy()
        fails = self._control if decoy is None else decoy.kind == "ended"
        test.ended.add(number)
        test.failed_by_us |= fails
        self._answer(not fails)

    def _answer(self, goes_on: bool) -> None:
        self._running.send(b"g" if goes_on else b"x")

    def _start(self, place: int) -> None:
        self._now = place
        self._since = time.monotonic()
        self._test(place).starts += 1

    def _report(self, rest: str) -> None:
        place, when, outcome, odd, reason = rest.split(" ")
        why, _, origin = reason.partition(":")
        test = self._test(int(place))
        test.reports.append(Report(when, outcome, odd == "xfail", why, origin))
        test.seconds = time.monotonic() - self._since
