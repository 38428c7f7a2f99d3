"""`trueup import`: read logs into the workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli import _options as options
from trueup.errors import UserError

if TYPE_CHECKING:
    from trueup.store import ImportSummary, Workspace


def import_(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[LOG]...", help="Log files or folders.")
    ] = None,
    map: options.Map = None,
    format: options.Format = None,
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="List the records that were set aside, and why.")
    ] = False,
    workspace: options.Workspace = None,
) -> None:
    """Import logs into the workspace; the format is detected.

    Reads OpenAI-style chat JSONL, flat JSONL, CSV and Parquet, OpenTelemetry
    GenAI spans (OTLP JSON), Langfuse exports and Inspect eval logs, also
    compressed with gzip or zstd. Importing a file again changes nothing.
    """
    from trueup.cli._logs import import_files
    from trueup.store import Workspace

    if not files and not quarantine:
        raise UserError("No log file was named.", "For example: trueup import logs.jsonl")
    with Workspace.open(workspace, create=bool(files)) as ws:
        for summary in import_files(ws, files or [], format=format, mapping=map):
            _print_summary(summary)
        if quarantine:
            _print_quarantine(ws)
        elif files:
            typer.echo(
                f"The workspace {ws.location} holds {ws.count('interactions'):,} interactions."
            )
            typer.echo("Next: trueup judge")


def _print_summary(summary: ImportSummary) -> None:
    from trueup.report.text import neutralise

    parts = [f"{summary.added:,} new"]
    if summary.existing:
        parts.append(f"{summary.existing:,} already there")
    if summary.quarantined:
        parts.append(f"{summary.quarantined:,} set aside (see trueup import --quarantine)")
    typer.echo(f"{neutralise(summary.file)} [{summary.format}]: {', '.join(parts)}")
    children = {
        "layer events": summary.layer_events,
        "outcomes": summary.outcomes,
        "labels": summary.labels,
    }
    if any(children.values()):
        typer.echo("  with " + ", ".join(f"{n:,} {name}" for name, n in children.items() if n))


def _print_quarantine(ws: Workspace) -> None:
    from trueup.report.text import neutralise

    rows = ws.table("quarantine").order_by("file", "line").to_pyarrow().to_pylist()
    if not rows:
        typer.echo("Nothing is in quarantine.")
    for row in rows:
        typer.echo(f"{neutralise(row['file'])}:{row['line']}: {neutralise(row['reason'])}")
        if row["excerpt"]:
            typer.echo(f"    {neutralise(row['excerpt'])[:76]}")
