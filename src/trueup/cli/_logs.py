"""Bring log files into a workspace, with a progress bar: what several commands begin with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from trueup.store import ImportSummary, Workspace

__all__ = ["console", "import_files", "name_bad", "open_workspace", "progress_bar", "warn_bad"]

_NAMED = 20  # bad records listed by reason; the rest are counted


def console(*, stderr: bool = False) -> Console:
    """A console that leaves numbers and paths alone."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


@contextmanager
def progress_bar(title: str, unit: str = "bytes") -> Iterator[Callable[[int, int], None]]:
    """Show progress on stderr while work is done; calls take (done, total).

    Nothing is drawn when stderr is not a terminal.
    """
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    amount = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), amount, TimeRemainingColumn())
    bar = Progress(
        *columns, console=console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    )
    with bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def import_files(
    ws: Workspace,
    files: Sequence[Path],
    *,
    format: str | None = None,
    mapping: str | None = None,
) -> list[ImportSummary]:
    """Import each file into the workspace."""
    from trueup import sources
    from trueup.store import import_batches

    columns = sources.parse_mapping(mapping) if mapping else None
    summaries = []
    for path in sources.expand(files):
        detected = format or ("flat" if columns else sources.detect(path))
        with progress_bar(path.name[:30]) as progress:
            batches = sources.read(
                path,
                format=detected,
                mapping=columns,
                user_key=ws.user_key,
                progress=progress,
            )
            summaries.append(import_batches(ws, batches, file=str(path), format=detected))
    return summaries


@contextmanager
def open_workspace(
    files: Sequence[Path] | None,
    location: str | None,
    *,
    format: str | None = None,
    mapping: str | None = None,
) -> Iterator[Workspace]:
    """The workspace, or a scratch one with these files imported and annotated."""
    from trueup.judge.run import annotate_workspace
    from trueup.store import Workspace

    if not files:
        with Workspace.open(location) as ws:
            yield ws
        return
    with Workspace.scratch() as ws:
        for summary in import_files(ws, files, format=format, mapping=mapping):
            warn_bad(summary)
        annotate_workspace(ws)
        yield ws


def warn_bad(summary: ImportSummary) -> None:
    """Say on stderr how many records of a file were set aside."""
    if summary.quarantined:
        console(stderr=True).print(
            f"{summary.quarantined:,} of {summary.records:,} records in {summary.file} "
            "could not be read and are left out.",
            markup=False,
        )


def name_bad(lines: Sequence[str]) -> None:
    """Say on stderr which records are left out: one line for each, of which the first are shown."""
    from trueup.report.text import neutralise

    errors = console(stderr=True)
    for line in lines[:_NAMED]:
        errors.print(neutralise(line), markup=False, soft_wrap=True)
    if lines:
        errors.print(f"{len(lines):,} records could not be read and are left out.")
