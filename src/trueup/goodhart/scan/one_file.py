"""One file: what kind it is, and what the rules for that kind say of it."""

from __future__ import annotations

import codecs
import gc
import json
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path

from trueup.goodhart.scan.allow import accept
from trueup.goodhart.scan.patches import (
    config_findings,
    is_diff,
    patch_findings,
    test_findings,
)
from trueup.goodhart.scan.paths import File, is_installed, is_settings, is_test_file, place_of
from trueup.goodhart.scan.python import Unreadable, read_code
from trueup.goodhart.scan.python.prefilter import may_hold
from trueup.goodhart.scan.result import Finding, Kind, Skipped
from trueup.goodhart.scan.rules import RULES

__all__ = ["FileReport", "scan_file"]

MOST_SECONDS = 8  # of the processor that one file may take
_MOST_FOR_TRANSCRIPTS = 300  # seconds
_LARGEST = 3_000_000  # bytes of a file of code, a patch or a configuration
_HEAD = 1 << 16
_PATCHES = (".diff", ".patch")
_GRADER = re.compile(
    r"(^|_)(grad(e|er|ers|ing)|verif(y|ier)|judges?|scor(e|er|ing)|rewards?|eval(uate|uator)?)(_|\d|\.|$)"
)
_STANDING = re.compile(
    rb"assert True|assert 1\b|or True|pytestmark|mark\.(skip|xfail)|allow_module_level"
    rb"|@unittest\.skip"
)
_SMALL = 12_000
_MODULES = 20  # of a package that is no submission
_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg", ".git")


@dataclass
class FileReport:
    """What one file held. kind: None for a file of no kind that is scanned. parsed: whether the
    code was parsed, rather than cleared by its bytes."""

    path: str
    kind: Kind | None = None
    findings: list[Finding] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    parsed: bool = False


class _TooLong(Exception):
    """The time for one file is over."""


def scan_file(file: File, kind: Kind | None = None) -> FileReport:
    """Scan one file. Whatever is in it, this returns within some seconds and raises nothing: what
    could not be read is in `skipped`, with the reason."""
    report = FileReport(file.path.as_posix())
    try:
        with _without_collection(), _limited(MOST_SECONDS):
            _scan(file, kind, report)
    except _TooLong:
        _skip(report, f"takes longer than {MOST_SECONDS} seconds")
    except OSError as error:
        _skip(report, f"cannot be read: {error.strerror or error}")
    except (RecursionError, MemoryError):
        _skip(report, "is nested too deeply")
    except Exception as error:  # a file that finds a mistake in a rule must not hide all the others
        _skip(report, f"was not scanned to its end, by a mistake of the scan: {error!r}"[:300])
    return report


def _skip(report: FileReport, reason: str, line: int | None = None) -> None:
    report.skipped.append(Skipped(report.path, line, reason))


@contextmanager
def _without_collection() -> Iterator[None]:
    """No search for cycles: syntax trees hold none, and looking for some after every few hundred
    nodes takes longer than to read them. Nor can an exception be lost in it."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise `_TooLong` after so many seconds of this process's own work, so that a busy machine
    loses no file; without a limit outside the main thread, and where
    there are no such timers."""
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    def ring(_number: int, _frame: object) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 0.2)  # again, should one ring be lost
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _extend(seconds: float) -> None:
    """More time for what may honestly be large; without effect where there is no limit."""
    if hasattr(signal, "setitimer") and signal.getitimer(signal.ITIMER_VIRTUAL)[0]:
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 0.2)


def _scan(file: File, wanted: Kind | None, report: FileReport) -> None:
    path = file.path
    suffix = path.suffix.lower()
    if wanted == "transcript":
        _transcript(path, report)
        return
    with path.open("rb") as opened:
        head = opened.read(_HEAD)
    if not head:
        report.kind = wanted or _kind_of_empty(report.path)
        if report.kind == "tests" and suffix == ".py" and not is_installed(report.path):
            report.findings += test_findings("", report.path)
        return
    code = suffix in {".py", ".pyi", ".pyw"} or (not suffix and _is_script(head))
    settings = is_settings(report.path)
    patch = suffix in _PATCHES or (
        suffix in {"", ".txt"} and is_diff(head.decode("utf-8", "replace"))
    )
    if wanted is None and not (code or settings or patch or suffix == ".ipynb"):
        if _looks_like_transcript(path, head):
            _transcript(path, report)
        elif file.named:
            _skip(report, "is of no kind that is scanned; --as says what it is")
        return
    data = _bytes(path, head, report)
    if data is None:
        return
    if wanted in {"judge", "grader"}:
        _asked(wanted, data, report)
    elif patch or wanted == "patch":
        _patch(data, report)
    elif suffix == ".ipynb":
        _notebook(data, report)
    elif code or wanted in {"code", "tests"}:
        _code(data, report)
    if settings and wanted is None:
        _settings(data, report)


def _kind_of_empty(path: str) -> Kind | None:
    if not path.endswith(".py"):
        return None
    return "tests" if is_test_file(path) else "code"


def _is_script(head: bytes) -> bool:
    return head.startswith(b"#!") and b"python" in head.split(b"\n", 1)[0]


def _bytes(path: Path, head: bytes, report: FileReport) -> bytes | None:
    if b"\0" in head and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        _skip(report, "holds NUL bytes, so it is no text")
        return None
    size = path.stat().st_size
    if size > _LARGEST:
        _skip(report, f"is larger than is scanned: {size:,} bytes, of at most {_LARGEST:,}")
        return None
    return head if size <= len(head) else path.read_bytes()


def _text(data: bytes, report: FileReport) -> str | None:
    """As Python reads it: UTF-8, or what its first two lines declare."""
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        declared = re.match(rb"(?:[^\n]*\n)?[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", data[:400])
        if declared:
            try:
                return data.decode(declared.group(1).decode("ascii"))
            except (LookupError, UnicodeError, ValueError):
                pass
        line = data.count(b"\n", 0, error.start) + 1
        _skip(report, f"is not UTF-8, from line {line} on", line)
        return None


def _code(data: bytes, report: FileReport) -> None:
    installed = is_installed(report.path)
    tests = is_test_file(report.path)
    report.kind = "tests" if tests else "code"
    text = _text(data, report)
    if text is None:
        return
    place = place_of(report.path, text)
    if place == "submission" and _in_project(Path(report.path).parent):
        place = "library"
    found: list[Finding] = []
    if may_hold(data, place, installed):
        report.parsed = True
        try:
            found += read_code(text, report.path, place)
        except Unreadable as error:
            _skip(report, str(error))
    if tests and not installed and (len(data) <= _SMALL or _STANDING.search(data)):
        found += test_findings(text, report.path)
    if not installed and _GRADER.search(Path(report.path).name):
        found += _graders(text, report.path)
    _keep(report, found, text, python=True)


@lru_cache(maxsize=4096)
def _in_project(folder: Path) -> bool:
    """Whether it is a package of a project, or of many modules, whose code is judged as a
    library's. What a change adds to it is judged as handed in: scan the change."""
    if not (folder / "__init__.py").exists():
        return False
    top = folder.absolute()
    while (top.parent / "__init__.py").exists():
        top = top.parent
    projects = list(top.parents)[:4]
    if any((one / name).exists() for one in projects for name in _PROJECT):
        return True
    return len(list(islice(top.rglob("*.py"), _MODULES))) >= _MODULES


def _keep(report: FileReport, found: list[Finding], text: str, python: bool = False) -> None:
    kept, notes = accept(found, text, report.path, RULES, python)
    report.findings += kept
    report.notes += notes


def _patch(data: bytes, report: FileReport) -> None:
    report.kind = "patch"
    text = data.decode("utf-8", "replace")
    _keep(report, patch_findings(text, report.path), text)


def _settings(data: bytes, report: FileReport) -> None:
    report.kind = report.kind or "tests"
    text = data.decode("utf-8", "replace")
    _keep(report, config_findings(text, report.path), text)


def _notebook(data: bytes, report: FileReport) -> None:
    """The code cells, one after the other; lines count within them, not within the file."""
    report.kind = "code"
    try:
        cells = json.loads(data)["cells"]
        parts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        _skip(report, "is not a notebook that can be read")
        return
    text = "\n".join(
        re.sub(r"^(\s*)[%!?]", r"\1pass  # ", part, flags=re.MULTILINE) for part in parts
    )
    report.parsed = True
    try:
        _keep(report, read_code(text, report.path), text, python=True)
    except Unreadable as error:
        _skip(report, f"its code cells together: {error}")


def _asked(kind: Kind, data: bytes, report: FileReport) -> None:
    from trueup.goodhart.scan.judges import judge_findings

    report.kind = kind
    text = _text(data, report)
    if text is None:
        return
    if kind == "judge":
        _keep(report, judge_findings(text, report.path), text)
    else:
        _keep(report, _graders(text, report.path), text, python=True)


def _graders(text: str, path: str) -> list[Finding]:
    from trueup.goodhart.scan.graders import grader_findings

    return grader_findings(text, path)


def _looks_like_transcript(path: Path, head: bytes) -> bool:
    from trueup.goodhart.scan.transcripts import looks_like_transcript

    return looks_like_transcript(path, head)


def _transcript(path: Path, report: FileReport) -> None:
    from trueup.goodhart.scan.transcripts import scan_transcript

    report.kind = "transcript"
    _extend(_MOST_FOR_TRANSCRIPTS)
    done = scan_transcript(path)
    report.findings += done.findings
    report.skipped += done.skipped
    report.notes += done.notes
