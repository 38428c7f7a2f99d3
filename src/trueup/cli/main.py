"""The `trueup` command: registers the commands; user mistakes become a sentence and exit 2."""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated

import typer

from trueup import __version__
from trueup.cli import (
    certificate,
    compare,
    gate,
    goodhart,
    guards,
    import_,
    judge,
    label,
    labels,
    ls,
    probe,
    show,
    suite,
    tax,
    tune,
    watch,
)
from trueup.errors import UserError

INTERRUPTED = 130  # what Typer exits with after Ctrl-C
QUERY_INTERRUPTED = "Query interrupted"  # what DuckDB makes of Ctrl-C in the middle of a query

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
app.add_typer(guards.app, name="guards")
app.command("tax")(tax.tax)
app.command("tune")(tune.tune)
app.add_typer(certificate.app, name="certificate")
app.command("watch")(watch.watch)
app.command("probe")(probe.probe)
app.add_typer(suite.app, name="suite")
app.command("compare")(compare.compare)
app.command("gate")(gate.gate)
app.add_typer(goodhart.app, name="goodhart")
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

    Before and after a change: trueup probe, trueup compare, trueup gate.

    Is a score real? trueup goodhart scan, grade, attack, watch.
    """


def main() -> None:
    """Run the command line.

    Exit codes: 0 done; 1 a bug, or what was checked does not hold; 2 a user mistake; 130
    interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a log holds characters that not every output has
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="trueup")
    except UserError as error:
        from trueup.report.text import neutralise

        for text in filter(None, (f"trueup: {error.message}", f"  {error.fix}" * bool(error.fix))):
            typer.echo(neutralise(text, keep_newlines=True), err=True)  # it may quote a log
        sys.exit(2)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            _say_stopped()
        raise
    except RuntimeError as error:
        if str(error) != QUERY_INTERRUPTED:
            raise
        _say_stopped()
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say_stopped() -> None:
    note = "Stopped. What was finished is kept; run the command again to go on."
    typer.echo(f"\n{note}", err=True)


if __name__ == "__main__":
    main()
