"""`trueup ls`: list the interactions behind a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from trueup.cli import _options as options

if TYPE_CHECKING:
    from rich.table import Table


def ls(
    files: options.Files = None,
    refused: Annotated[
        bool, typer.Option("--refused", help="Blocked by a layer or refused by the model.")
    ] = False,
    compliance: Annotated[
        str | None,
        typer.Option(metavar="VERDICT", help="full, partial, refusal or undetermined."),
    ] = None,
    layer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only where this layer fired.")
    ] = None,
    segment: Annotated[
        list[str] | None,
        typer.Option(metavar="[COLUMN=]VALUE", help="Only this segment. May be repeated."),
    ] = None,
    contains: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only prompts with this text.")
    ] = None,
    legitimate: Annotated[
        str | None,
        typer.Option(metavar="ANSWER", help="Only those a human labelled yes, no or mismatch."),
    ] = None,
    unlabeled: Annotated[
        bool, typer.Option("--unlabeled", help="Only those no human has labelled.")
    ] = False,
    n: Annotated[int, typer.Option("-n", "--n", min=1, help="How many to list.")] = 20,
    map: options.Map = None,
    format: options.Format = None,
    workspace: options.Workspace = None,
) -> None:
    """List interactions, newest first.

    Read one whole with: trueup show ID
    """
    from trueup.cli._logs import console, open_workspace
    from trueup.store.browse import Filters, find

    filters = Filters(
        refused, compliance, layer, tuple(segment or ()), contains, legitimate, unlabeled
    )
    with open_workspace(files, workspace, format=format, mapping=map) as ws:
        total, rows = find(ws, filters, limit=n)
    if rows:
        console().print(_table(rows))
    shown = "" if len(rows) == total else f", the newest {len(rows):,} shown"
    typer.echo(f"{total:,} interaction{'' if total == 1 else 's'}{shown}")


def _table(rows: list[dict[str, Any]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from trueup.report.text import neutralise

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("id", no_wrap=True, max_width=14)
    table.add_column("when", no_wrap=True)
    table.add_column("verdict", no_wrap=True, max_width=16)
    table.add_column("segment", no_wrap=True, max_width=12)
    table.add_column("prompt", no_wrap=True, overflow="ellipsis", ratio=1)
    for row in rows:
        cells = (
            row["id"],
            f"{row['at']:%Y-%m-%d}" if row["at"] else "",
            f"block: {row['blocked_by']}" if row["blocked_by"] else row["compliance"] or "",
            ", ".join(value for _, value in row["segments"] or ()),
            " ".join((row["prompt"] or "").split()),
        )
        table.add_row(*(Text(neutralise(cell[:300])) for cell in cells))
    return table
