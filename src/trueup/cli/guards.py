"""`trueup guards`: score prompts and responses with a guard stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli import _options as options
from trueup.errors import UserError

if TYPE_CHECKING:
    from trueup.guards.stack import Stack
    from trueup.guards.tally import LayerTally, Tally
    from trueup.store import RecordBatch
    from trueup.store.imports import BadRow

app = typer.Typer(no_args_is_help=True)

CACHE = ".trueup-cache"


@app.callback()
def guards() -> None:
    """Score prompts and responses with a guard stack."""


@app.command("run")
def run(
    stack: Annotated[Path, typer.Argument(metavar="STACK", help="The stack, such as stack.yaml.")],
    files: options.Files = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT", help="Write .jsonl, .csv or .parquet."),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Carry a column over, such as a label. Repeatable."),
    ] = None,
    map: options.Map = None,
    format: options.Format = None,
    workspace: options.Workspace = None,
) -> None:
    """Ask every layer of a stack about every prompt or response.

    On the workspace, whose layer events are brought up to date, or straight on
    files with -o OUT; prompts without responses will do:
    trueup guards run stack.yaml prompts.jsonl -o scored.parquet --keep label

    Verdicts are kept in .trueup-cache as they arrive: a run that was stopped
    goes on, and new thresholds need no new scoring.
    """
    if bool(files) != bool(output):
        raise UserError(
            "A file to score and a file to write go together.",
            "For example: trueup guards run stack.yaml prompts.jsonl -o scored.parquet",
        )
    from trueup.guards.stack import load_stack

    loaded = load_stack(stack)
    if files and output:
        kept = [f"segment.{column}={column}" for column in keep or ()]
        mapping = ",".join([map, *kept] if map else kept) or None
        _run_files(loaded, files, output, format=format, mapping=mapping)
    else:
        _run_workspace(loaded, workspace)


def _run_workspace(stack: Stack, location: str | None) -> None:
    from trueup.cli._logs import progress_bar
    from trueup.guards.run import run_workspace
    from trueup.store import Workspace

    with Workspace.open(location) as ws, progress_bar("Scoring", unit="verdicts") as progress:
        beside = Path() if "://" in ws.location else Path(ws.location).parent
        tally = run_workspace(ws, stack, cache_dir=beside / CACHE, progress=progress)
    typer.echo(f"Scored {tally.records:,} interactions in {ws.location}")
    _print_tally(tally)
    typer.echo("Next: trueup tax")


def _run_files(
    stack: Stack, files: Sequence[Path], output: Path, *, format: str | None, mapping: str | None
) -> None:
    from trueup.cli._logs import name_bad, progress_bar
    from trueup.cli._rows import check_suffix, write_rows
    from trueup.guards.run import run_batches
    from trueup.store import Workspace

    as_text = check_suffix(output) == ".csv"
    bad: list[BadRow] = []
    with Workspace.scratch() as ws, progress_bar("Scoring", unit="verdicts") as progress:
        batches = _batches(files, format, mapping, ws.user_key, bad)
        run = run_batches(
            ws,
            batches,
            stack,
            cache_dir=output.parent / CACHE,
            events_as_text=as_text,
            progress=progress,
        )
        written = write_rows(run.rows, run.schema, output)
    name_bad([f"{record.file}:{record.line}: {record.reason}" for record in bad])
    typer.echo(f"Wrote {written:,} rows to {output}")
    _print_tally(run.tally)


def _batches(
    files: Sequence[Path],
    format: str | None,
    mapping: str | None,
    user_key: bytes,
    bad: list[BadRow],
) -> Iterator[RecordBatch]:
    """The records of every file, in order; those that could not be read go to `bad`."""
    from trueup import sources

    columns = sources.parse_mapping(mapping) if mapping else None
    for path in sources.expand(files):
        named = format or ("flat" if columns else sources.detect_prompts(path))
        for batch in sources.read(path, format=named, mapping=columns, user_key=user_key):
            bad.extend(batch.bad)
            yield batch


_WIDTHS = (9, 9, 12, 9, 9, 9)
_HEADINGS = ("scored", "fired", "would block", "failed", "p50", "p95")
_NAME_WIDTH = 80 - sum(_WIDTHS)


def _print_tally(tally: Tally) -> None:
    """A line for each layer in 80 columns, and under it why it failed most often."""
    from trueup.report.text import fit

    typer.echo(_line("layer", _HEADINGS))
    for layer in tally.layers:
        typer.echo(_line(layer.name, _cells(layer)))
        for reason, count in layer.failures.most_common(1):
            typer.echo("  " + fit(f"failed {layer.failed:,}, mostly ({count:,}): {reason}", 78))


def _line(name: str, cells: Sequence[str]) -> str:
    from rich.cells import set_cell_size

    from trueup.report.text import fit

    head = set_cell_size(fit(name, _NAME_WIDTH - 1), _NAME_WIDTH)
    return head + "".join(cell.rjust(width) for cell, width in zip(cells, _WIDTHS, strict=True))


def _cells(layer: LayerTally) -> tuple[str, ...]:
    from trueup.report.text import milliseconds

    def share(count: int) -> str:
        return f"{100 * count / layer.scored:.1f} %" if layer.scored else "–"

    times = (layer.latency_ms(50), layer.latency_ms(95))
    return (
        f"{layer.scored:,}",
        share(layer.fired),
        share(layer.blocked),
        f"{layer.failed:,}",
        *("–" if time is None else milliseconds(time) for time in times),
    )
