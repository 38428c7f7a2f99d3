"""`trueup tax`: the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli import _options as options

if TYPE_CHECKING:
    from trueup.tax.result import TaxReport


def tax(
    files: options.Files = None,
    labels: options.LabelFiles = None,
    html: options.Html = None,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write every estimate as JSON; - is stdout."),
    ] = None,
    segment: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Slice by this column only. May be repeated."),
    ] = None,
    value: Annotated[
        float | None,
        typer.Option("--value-per-completion", min=0, help="What a completed task is worth."),
    ] = None,
    currency: Annotated[str, typer.Option(help="Sign printed with money.")] = "$",
    level: Annotated[
        float, typer.Option(help="Confidence level of the intervals, between 0 and 1.")
    ] = 0.95,
    map: options.Map = None,
    format: options.Format = None,
    workspace: options.Workspace = None,
) -> None:
    """What the safety layer costs legitimate users, with intervals.

    Works on the workspace, or straight on files:
    trueup tax log.parquet --labels labels.jsonl
    """
    from trueup.cli._logs import console, open_workspace
    from trueup.cli.labels import add_labels
    from trueup.tax import measure

    with open_workspace(files, workspace, format=format, mapping=map) as ws:
        if labels:
            add_labels(ws, labels)
        with console(stderr=True).status("Measuring…"):
            report = measure(
                ws,
                level=level,
                segments=segment,
                value_per_completion=value,
                currency=currency,
            )
    _display(report, html, json, files or [])


def _display(report: TaxReport, html: Path | None, json: Path | None, files: list[Path]) -> None:
    """Print the report, unless one of its other forms goes to stdout."""
    from trueup.cli._logs import console
    from trueup.cli._outputs import write_text
    from trueup.report import print_tax, tax_html, tax_json

    if json:
        import orjson

        write_text(json, orjson.dumps(tax_json(report), option=orjson.OPT_INDENT_2).decode() + "\n")
    if html:
        write_text(html, tax_html(report))
    if str(json) != "-" and str(html) != "-":
        print_tax(report, console(), [str(path) for path in files])
        for path in filter(None, (html, json)):
            typer.echo(f"Wrote {path}")
