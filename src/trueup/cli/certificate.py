"""`trueup certificate verify`: recompute a certificate from its data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trueup.cli import _options as options

app = typer.Typer(no_args_is_help=True, help="Check certificates.")


@app.callback()
def certificate() -> None:
    """Check certificates."""


@app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The certificate.")],
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The score table that it was made from."),
    ] = None,
    workspace: options.Workspace = None,
) -> None:
    """Recompute a certificate from its data, and say what does not hold.

    Exit code 0: all of it holds; 1: something does not.
    """
    from trueup.cli._dial_data import from_certificate
    from trueup.cli._inputs import read_text
    from trueup.tune import differences, read_certificate, recomputed

    failed = False
    for one in read_certificate(read_text(file), file.name):
        scored, _ = from_certificate(one, data, workspace)
        wrong = differences(one, recomputed(one, scored))
        where = f" for {one['segment']}" if one["segment"] else ""
        if wrong:
            failed = True
            typer.echo(f"DOES NOT HOLD{where}:")
            for line in wrong:
                typer.echo(f"  {line}")
        else:
            typer.echo(f"Holds{where}: recomputed from {one['n']:,} examples, all of it agrees.")
            typer.echo(f"  {one['statement']}")
    if failed:
        raise typer.Exit(1)
