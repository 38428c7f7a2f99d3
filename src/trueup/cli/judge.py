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
        bool, typer.Option("--careful", help="Read again, slower, what the first pass doubts.")
    ] = False,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Compare annotator and judges with human labels.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Also ask an LLM judge, by its LiteLLM name."),
    ] = None,
    api_base: Annotated[
        str | None, typer.Option(metavar="URL", help="OpenAI-compatible server of the LLM judge.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Your written policy, for the LLM judge to read."),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, help="Interactions that the LLM judge reads at most.")
    ] = 200,
    map: options.Map = None,
    format: options.Format = None,
    workspace: options.Workspace = None,
) -> None:
    """Annotate every response: complied, refused in part, or refused.

    On the workspace, or straight on a file with -o OUT:
    trueup judge answers.csv -o verdicts.csv
    """
    if bool(files) != bool(output):
        raise UserError(
            "A file to judge and a file to write go together.",
            "For example: trueup judge answers.csv -o verdicts.csv",
        )
    if files and output:
        if calibrate or model:
            raise UserError(
                "--calibrate and --model work on a workspace, not on a file.",
                "Import the file first: trueup import FILE",
            )
        judge_files(files, output, format=format, mapping=map, careful=careful)
        return
    from trueup.store import Workspace

    with Workspace.open(workspace) as ws:
        judge_workspace(ws, careful=careful)
        if model:
            judge_by_llm(ws, model, api_base, policy, limit)
        if calibrate:
            from trueup.cli._calibration import print_calibration

            print_calibration(ws)
        else:
            typer.echo("Next: trueup tax")


def judge_workspace(ws: Workspace, *, careful: bool) -> None:
    """Annotate what is not annotated yet, and say what came of it."""
    from trueup.cli._logs import progress_bar
    from trueup.judge.run import annotate_workspace
    from trueup.report.text import neutralise

    with progress_bar("Annotating", unit="rows") as progress:
        run = annotate_workspace(ws, careful=careful, progress=progress)
    typer.echo(f"Annotated {run.annotated:,} responses; {run.already:,} were up to date.")
    if careful:
        typer.echo(f"  {run.reviewed:,} that were in doubt were read again with care.")
    typer.echo("  " + ", ".join(f"{name} {count:,}" for name, count in _verdicts(ws).items()))
    for template in run.templates:
        typer.echo(f"  This site's own block message: {neutralise(template)[:90]}")


def judge_by_llm(
    ws: Workspace, model: str, api_base: str | None, policy: Path | None, limit: int
) -> None:
    """Ask an LLM judge about some interactions and store its answers as labels."""
    from trueup.cli._logs import progress_bar
    from trueup.judge.llm import judge_with_llm
    from trueup.judge.llm_items import items_to_judge
    from trueup.report.text import neutralise

    items = items_to_judge(ws, limit)
    with progress_bar(model[:30], unit="questions") as progress:
        run = judge_with_llm(
            items,
            model=model,
            api_base=api_base,
            policy=_read_policy(policy),
            cache_dir=Path(ws.location).parent / ".trueup-cache",
            progress=lambda done: progress(done, 2 * len(items)),
        )
    ws.upsert("labels", run.labels)
    typer.echo(
        f"{neutralise(model)} answered {run.labels.num_rows - len(run.failures):,} of "
        f"{run.labels.num_rows:,} questions ({run.calls:,} calls, {run.cached:,} from the cache)."
    )
    for failure in run.failures[:SHOWN_BAD]:
        typer.echo(neutralise(f"  {failure.target_id}: {failure.question}: {failure.reason}"))


def _read_policy(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"The policy {path} cannot be read: {error}.", "Name a text file."
        ) from error


def _verdicts(ws: Workspace) -> dict[str, int]:
    """How many responses got each verdict, most frequent first."""
    annotations = ws.table("annotations")
    counts = annotations.group_by("compliance").aggregate(n=annotations.count()).to_pyarrow()
    pairs = zip(
        counts.column("compliance").to_pylist(), counts.column("n").to_pylist(), strict=True
    )
    return dict(sorted(pairs, key=lambda pair: -pair[1]))


def judge_files(
    files: list[Path], output: Path, *, format: str | None, mapping: str | None, careful: bool
) -> None:
    """Annotate the records of files and write one row for each, in order."""
    from trueup.cli._logs import name_bad
    from trueup.cli._rows import check_suffix, write_rows
    from trueup.judge.run import annotate_batches, verdict_schema
    from trueup.store import Workspace

    check_suffix(output)
    bad: list[BadRow] = []
    with Workspace.scratch() as ws:
        verdicts = annotate_batches(ws, _batches(files, format, mapping, bad), careful=careful)
        written = write_rows(verdicts, verdict_schema(), output)
    name_bad([f"{record.file}:{record.line}: {record.reason}" for record in bad])
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
