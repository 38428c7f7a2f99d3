"""`trueup labels`: bring labels in, hand them out, see how far raters agree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli import _options as options

if TYPE_CHECKING:
    from trueup.judge.agreement import Agreement
    from trueup.judge.labels import BadLabel, LabelImport
    from trueup.store import Workspace

app = typer.Typer(no_args_is_help=True, help="Import and export human labels, show agreement.")

SHOWN_BAD = 10  # records set aside that are listed; the rest are counted
SHOWN_DISAGREEMENTS = 20

Rater = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who answered, where the file does not say.")
]
LabelMap = Annotated[
    str | None,
    typer.Option(
        "--map",
        metavar="NAME=COLUMN,…",
        help="Name the columns: target_id=row,legitimate=ok,compliance=verdict.",
    ),
]


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSONL or CSV.")],
    rater: Rater = None,
    source: Annotated[
        str | None, typer.Option(metavar="KIND", help="Who answered: human, judge or rule.")
    ] = None,
    guideline: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Guideline that the raters followed.")
    ] = None,
    map: LabelMap = None,
    workspace: options.Workspace = None,
) -> None:
    """Import labels from any tool's file.

    One answer per record (target_id, question, value) or one interaction per
    record (id, legitimate, compliance). Importing a file again changes nothing.
    """
    from trueup.judge.labels import import_labels
    from trueup.store import Workspace

    with Workspace.open(workspace) as ws:
        done = import_labels(
            ws, files, rater=rater, source=source, guideline=guideline, mapping=_mapping(map)
        )
    _print_import(done)


@app.command("export")
def export(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="Write .jsonl, .csv or .parquet.")
    ],
    question: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this question.")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="jsonl or csv, when the file's name does not say."),
    ] = None,
    queue: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Instead: the next N interactions to label."),
    ] = None,
    rater: Annotated[
        str | None, typer.Option(metavar="NAME", help="With --queue: who will label.")
    ] = None,
    workspace: options.Workspace = None,
) -> None:
    """Export the labels; with --queue N, what to label next, for another tool.

    Fill in the columns legitimate and compliance, from the top, and bring the
    file back with trueup labels import.
    """
    from trueup.cli._rater import default_rater
    from trueup.cli._rows import write_rows
    from trueup.judge.labels import export_labels
    from trueup.judge.queue import draw, queue_rows
    from trueup.store import Workspace

    with Workspace.open(workspace) as ws:
        if queue:
            rows = queue_rows(ws, draw(ws, queue, rater=rater or default_rater()))
        else:
            rows = export_labels(ws, question=question)
    count = write_rows(rows.to_batches(), rows.schema, output, format=format)
    what = "interactions to label" if queue else "labels"
    typer.echo(f"Wrote {count:,} {what} to {output}")


@app.command("agreement")
def agreement(
    question: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this question.")
    ] = None,
    level: Annotated[
        float, typer.Option(min=0.5, max=0.999, help="Confidence level of the intervals.")
    ] = 0.95,
    workspace: options.Workspace = None,
) -> None:
    """How far the raters agree beyond chance, and where they do not."""
    from trueup.judge.agreement import agreement as measure
    from trueup.judge.labels import export_labels
    from trueup.store import Workspace

    with Workspace.open(workspace) as ws:
        labels = export_labels(ws, question=question)
    for found in measure(labels, level=level):
        if question in (None, found.question):
            _print_agreement(found)


def add_labels(ws: Workspace, files: Sequence[Path]) -> None:
    """Import label files into a workspace; say on stderr what was set aside."""
    from trueup.judge.labels import import_labels

    _print_bad(import_labels(ws, files).bad)


def _mapping(text: str | None) -> dict[str, str] | None:
    from trueup.errors import UserError

    if text is None:
        return None
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    for name, equals, _ in pairs:
        if not equals or not name.strip():
            raise UserError(
                f"--map must be NAME=COLUMN, got {text!r}.", "For example: --map target_id=row"
            )
    return {name.strip(): column.strip() for name, _, column in pairs}


def _print_import(done: LabelImport) -> None:
    parts = [f"{done.added:,} new"]
    for count, words in (
        (done.updated, "changed"),
        (done.unchanged, "already there"),
        (done.older, "older than the stored answer and left out"),
        (done.blank, "blank"),
    ):
        if count:
            parts.append(f"{count:,} {words}")
    typer.echo(f"{done.records:,} records; answers: {', '.join(parts)}")
    _print_bad(done.bad)


def _print_bad(bad: Sequence[BadLabel]) -> None:
    from trueup.report.text import neutralise

    if not bad:
        return
    typer.echo(f"{len(bad):,} set aside:", err=True)
    for record in bad[:SHOWN_BAD]:
        typer.echo(
            f"  {neutralise(record.file)}:{record.line}: {neutralise(record.reason)}", err=True
        )
    if len(bad) > SHOWN_BAD:
        typer.echo(f"  and {len(bad) - SHOWN_BAD:,} more", err=True)


def _print_agreement(found: Agreement) -> None:
    from trueup.report.text import neutralise

    typer.echo(found.question)
    raters = ", ".join(f"{neutralise(name)} {count:,}" for name, count in found.raters.items())
    if raters:
        typer.echo(f"  answers: {raters}")
    if found.sentence:
        typer.echo(f"  {found.sentence}")
    else:
        alpha = found.alpha
        typer.echo(
            f"  Krippendorff's alpha {_range(alpha.value, alpha.low, alpha.high)}, "
            f"{found.items:,} interactions with two raters or more"
        )
    for pair in found.pairs:
        kappa = pair.kappa
        typer.echo(
            f"  {neutralise(pair.raters[0])} and {neutralise(pair.raters[1])}: "
            f"{pair.alike:.0%} alike on {pair.items:,}, "
            f"kappa {_range(kappa.value, kappa.low, kappa.high)}"
        )
    _print_disagreements(found)


def _range(value: float, low: float, high: float) -> str:
    known = f"{value:.2f}" if value == value else "unknown"
    return f"{known} ({low:.2f} to {high:.2f})"


def _print_disagreements(found: Agreement) -> None:
    from trueup.report.text import neutralise

    if found.disagreements:
        typer.echo(f"  {len(found.disagreements):,} answered differently:")
    for item in found.disagreements[:SHOWN_DISAGREEMENTS]:
        said = ", ".join(f"{neutralise(who)} {value}" for who, value in item.answers.items())
        typer.echo(f"    {neutralise(item.target_id)}: {said}")
    if len(found.disagreements) > SHOWN_DISAGREEMENTS:
        typer.echo(f"    and {len(found.disagreements) - SHOWN_DISAGREEMENTS:,} more")
