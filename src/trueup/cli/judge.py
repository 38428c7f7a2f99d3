"""`trueup judge`: annotate every response."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli import _options as options
from trueup.errors import UserError

if TYPE_CHECKING:
    from trueup.store import RecordBatch, Workspace
    from trueup.store.imports import BadRow

SHOWN_BAD = 20  # bad records listed by reason; the rest are counted


def judge(
    files: options.Files = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT", help="Write .jsonl, .csv or .parquet."),
    ] = None,
    careful: Annotated[
        bool,
        typer.Option("--careful", help="Read again, slower, what the first pass is unsure of."),
    ] = False,
    map: options.Map = None,
    format: options.Format = None,
    workspace: options.Workspace = None,
) -> None:
    """Annotate every response: complied, refused in part, or refused.

    On the workspace, or straight on one file with -o OUT:
    trueup judge answers.csv -o verdicts.csv
    """
    if bool(files) != bool(output):
        raise UserError(
            "A file to judge and a file to write go together.",
            "For example: trueup judge answers.csv -o verdicts.csv",
        )
    if files and output:
        _judge_files(files, output, format, map)
    else:
        _judge_workspace(workspace)


def _judge_workspace(location: str | None) -> None:
    from trueup.cli._logs import progress_bar
    from trueup.judge.run import annotate_workspace
    from trueup.report.text import neutralise
    from trueup.store import Workspace

    with Workspace.open(location) as ws:
        with progress_bar("Annotating", unit="rows") as progress:
            run = annotate_workspace(ws, progress=progress)
        verdicts = _verdicts(ws)
    typer.echo(f"Annotated {run.annotated:,} responses; {run.already:,} were up to date.")
    typer.echo("  " + ", ".join(f"{name} {count:,}" for name, count in verdicts.items()))
    for template in run.templates:
        typer.echo(f"  This site's own block message: {neutralise(template)[:90]}")
    typer.echo("Next: trueup tax")


def _verdicts(ws: Workspace) -> dict[str, int]:
    """How many responses got each verdict, most frequent first."""
    annotations = ws.table("annotations")
    counts = annotations.group_by("compliance").aggregate(n=annotations.count()).to_pyarrow()
    pairs = zip(
        counts.column("compliance").to_pylist(), counts.column("n").to_pylist(), strict=True
    )
    return dict(sorted(pairs, key=lambda pair: -pair[1]))


def _judge_files(files: list[Path], output: Path, format: str | None, mapping: str | None) -> None:
    from trueup.cli._logs import console
    from trueup.cli._rows import check_suffix, write_rows
    from trueup.judge.run import annotate_batches, verdict_schema
    from trueup.report.text import neutralise
    from trueup.store import Workspace

    check_suffix(output)
    bad: list[BadRow] = []
    with Workspace.scratch() as ws:
        verdicts = annotate_batches(ws, _batches(files, format, mapping, bad))
        written = write_rows(verdicts, verdict_schema(), output)
    errors = console(stderr=True)
    for record in bad[:SHOWN_BAD]:
        line = f"{record.file}:{record.line}: {record.reason}"
        errors.print(neutralise(line), markup=False, soft_wrap=True)
    if bad:
        errors.print(f"{len(bad):,} records could not be read and are left out.")
    typer.echo(f"Wrote {written:,} rows to {output}")


def _batches(
    files: list[Path], format: str | None, mapping: str | None, bad: list[BadRow]
) -> Iterator[RecordBatch]:
    """The records of every file, in order; those that could not be read go to `bad`."""
    from trueup import sources
    from trueup.cli._logs import progress_bar

    columns = sources.parse_mapping(mapping) if mapping else None
    for path in sources.expand(files):
        with progress_bar(path.name[:30]) as progress:
            for batch in sources.read(path, format=format, mapping=columns, progress=progress):
                bad.extend(batch.bad)
                yield batch
