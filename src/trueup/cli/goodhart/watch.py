"""`trueup goodhart watch`: does a proxy climb while the truth falls?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trueup.cli import _options as options
from trueup.errors import UserError


def watch(
    table: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, TSV, JSON Lines or Parquet.")],
    proxy: Annotated[
        str, typer.Option(metavar="COLUMN", help="What is optimised, such as a reward.")
    ],
    truth: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Held-out quality: empty where it was not measured."),
    ] = None,
    step: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Step or checkpoint. [default: step, if there]"),
    ] = None,
    example: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Held-out example. [default: example, if there]"),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Run or seed. [default: run, if there]"),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="User or prompt: examples that share one count once."),
    ] = None,
    n: Annotated[
        str | None, typer.Option("--n", metavar="COLUMN", help="A table of best of n: its n.")
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Rows are samples of one policy: their prompt."),
    ] = None,
    kl: Annotated[
        str | None,
        typer.Option("--kl", metavar="COLUMN", help="KL from the start, in nats: fit Gao's form."),
    ] = None,
    values: Annotated[
        str | None,
        typer.Option("--range", metavar="LOW:HIGH", help="Range of the truth's values."),
    ] = None,
    memory: Annotated[
        float,
        typer.Option(
            metavar="0..0.95",
            help="Longest memory of the noise from one reading to the next; 0: independent.",
        ),
    ] = 0.95,
    level: Annotated[
        float, typer.Option(metavar="SHARE", help="Confidence; 1 less the false-alarm rate.")
    ] = 0.95,
    html: options.Html = None,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the result as JSON; - is stdout."),
    ] = None,
) -> None:
    """Tell gaming from learning: an alarm when the proxy rose and the truth fell.

    Look as often as you like: the probability of any false alarm, ever, is 1 − level. Exit code 0:
    no alarm; 1: alarm.
    """
    from trueup.cli._logs import console, name_bad
    from trueup.cli._outputs import write_text
    from trueup.cli.goodhart._watch_report import report_on
    from trueup.cli.goodhart._watch_table import Columns, read_watch_table
    from trueup.report.divergence_json import divergence_json
    from trueup.report.divergence_page import divergence_html
    from trueup.report.divergence_terminal import print_divergence

    if not 0 < level < 1:
        raise UserError(f"--level must be between 0 and 1, got {level:g}.", "Say --level 0.95.")
    if not 0 <= memory <= 0.95:
        raise UserError(
            f"--memory must be between 0 and 0.95, got {memory:g}.",
            "Noise that remembers longer cannot be told from a fall.",
        )
    if str(json) == "-" == str(html):
        raise UserError("Only one output can go to stdout.", "Name a file for the other.")
    columns = Columns(proxy, truth, step, example, run, cluster, n, prompt, kl)
    read = read_watch_table(table, columns)
    name_bad([f"{table.name}, row {row}: {reason}" for row, reason in read.bad])
    report = report_on(read, source=table.name, level=level, memory=memory, bounds=_range(values))
    if json:
        import orjson

        body = orjson.dumps(divergence_json(report), option=orjson.OPT_INDENT_2).decode() + "\n"
        write_text(json, body)
    if html:
        write_text(html, divergence_html(report))
    if "-" not in (str(json), str(html)):
        print_divergence(report, console())
        for written in filter(None, (html, json)):
            typer.echo(f"Wrote {written}")
    if report.alarm:
        raise typer.Exit(1)


def _range(given: str | None) -> tuple[float, float] | None:
    if given is None:
        return None
    low, _, high = given.partition(":")
    try:
        limits = float(low), float(high)
    except ValueError:
        limits = (0.0, 0.0)
    if not -1e300 < limits[0] < limits[1] < 1e300:
        raise UserError(f"--range must be LOW:HIGH, got {given!r}.", "Say --range 0:10.")
    return limits
