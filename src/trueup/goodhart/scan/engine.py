"""Files and folders scanned: found, told apart, read by as many processes as are given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

from trueup.errors import UserError
from trueup.goodhart.scan.one_file import FileReport, scan_file
from trueup.goodhart.scan.paths import File, walk
from trueup.goodhart.scan.result import Finding, Kind, ScanReport, Skipped
from trueup.goodhart.scan.rules import RULES

__all__ = ["scan_files", "scan_paths"]

_FEW = 64  # files up to which starting processes costs more than it saves
_BATCH = 48  # files handed over at a time
_MOST_NOTES = 50


def scan_paths(paths: Sequence[Path], *, jobs: int = 2, kind: Kind | None = None) -> ScanReport:
    """Scan files and folders.

    Parameters
    ----------
    paths
        What to scan. Folders are walked without version control, caches, virtual environments and
        links that lead out of them; each is scanned when it is named itself.
    jobs
        Processes; few files are read in this one. The report does not depend on it.
    kind
        What all the files are, for files that do not say so themselves.
    """
    if jobs < 1:
        raise UserError(f"jobs must be at least 1, got {jobs}.", "Give the number of processes.")
    files, skipped = walk([Path(path) for path in paths])
    return _report(list(scan_files(files, jobs=jobs, kind=kind)), skipped)


def scan_files(
    files: Sequence[File], *, jobs: int = 2, kind: Kind | None = None
) -> Iterator[FileReport]:
    """A report of each file, in their order."""
    if jobs == 1 or len(files) <= _FEW:
        for file in files:
            yield scan_file(file, kind)
        return
    batches = [files[at : at + _BATCH] for at in range(0, len(files), _BATCH)]
    done = 0
    try:
        with ProcessPoolExecutor(jobs) as pool:
            for reports in pool.map(partial(_scan_batch, kind=kind), batches):
                done += 1
                yield from reports
    except BrokenProcessPool:
        for file in (file for batch in batches[done:] for file in batch):
            yield _alone(file, kind)


def _scan_batch(batch: Sequence[File], kind: Kind | None) -> list[FileReport]:
    return [scan_file(file, kind) for file in batch]


def _alone(file: File, kind: Kind | None) -> FileReport:
    """In a process of its own, so that a file that kills it is the only one lost."""
    try:
        with ProcessPoolExecutor(1) as pool:
            return pool.submit(scan_file, file, kind).result()
    except BrokenProcessPool:
        path = file.path.as_posix()
        return FileReport(path, skipped=[Skipped(path, None, "ended the process that read it")])


def _report(reports: Sequence[FileReport], skipped: Sequence[Skipped]) -> ScanReport:
    kinds = Counter(one.kind for one in reports if one.kind is not None)
    findings = sorted((finding for one in reports for finding in one.findings), key=_place)
    used = {one.rule for one in findings}
    return ScanReport(
        findings=tuple(findings),
        files=sum(kinds.values()),
        kinds={kind: kinds[kind] for kind in sorted(kinds)},
        skipped=(*skipped, *(item for one in reports for item in one.skipped)),
        notes=tuple(_notes(reports, findings)),
        rules={rule: RULES[rule] for rule in sorted(used) if rule in RULES},
    )


def _place(one: Finding) -> tuple[str, int, int, int, str]:
    span = one.span
    return one.path, span.message or 0, span.line, span.column, one.rule


def _notes(reports: Sequence[FileReport], findings: Sequence[Finding]) -> Iterator[str]:
    notes = [note for one in reports for note in one.notes]
    yield from notes[:_MOST_NOTES]
    if len(notes) > _MOST_NOTES:
        yield f"{len(notes) - _MOST_NOTES:,} more notes of this kind are left out."
    accepted = sum(one.accepted is not None for one in findings)
    if accepted:
        yield (
            f"{accepted} of the findings were accepted by comments in the scanned files: whoever "
            "wrote the files can write such a comment."
        )
