"""The `trueup` command: registers the commands; user mistakes become a sentence and exit 2."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from trueup import __version__
from trueup.cli import import_, judge, label, labels, ls, show, tax
from trueup.errors import UserError

app = typer.Typer(
    name="trueup",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)

app.command("import")(import_.import_)
app.command("judge")(judge.judge)
app.command("label")(label.label)
app.add_typer(labels.app, name="labels")
app.command("tax")(tax.tax)
app.command("show")(show.show)
app.command("ls")(ls.ls)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"trueup {__version__}")
        raise typer.Exit()


@app.callback()
def trueup(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What your LLM safety layer costs you, measured from your own logs.

    Start with: trueup import LOG, then trueup judge, then trueup tax.
    """


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 a bug, 2 a user mistake, 130 interrupted."""
    try:
        app(prog_name="trueup")
    except UserError as error:
        typer.echo(f"trueup: {error.message}", err=True)
        if error.fix:
            typer.echo(f"  {error.fix}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo(
            "\nStopped. What was finished is kept; run the command again to go on.", err=True
        )
        sys.exit(130)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
