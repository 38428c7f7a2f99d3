"""`trueup probe`: ask the prompts of a suite."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trueup.errors import UserError

if TYPE_CHECKING:
    from trueup.probe import ProbeRun, Progress, VersionTally

CACHE = ".trueup-cache"
_SUFFIX = ".jsonl"
_NONE = "none"
_REASONS = 3  # reasons for errors that are shown for each version


def probe(
    model: Annotated[
        list[str],
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="LiteLLM name, python:module:function, folder or .gguf file. Repeatable.",
        ),
    ],
    suite: Annotated[
        list[str],
        typer.Option("--suite", metavar="SUITE", help="builtin:NAME or a file. Repeatable."),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="OUT", help="A .jsonl file; or a folder, a file per version."
        ),
    ],
    api_base: Annotated[
        str | None,
        typer.Option(metavar="URL", help="OpenAI-compatible server that knows the models."),
    ] = None,
    system: Annotated[
        list[str] | None,
        typer.Option(metavar="[NAME=]FILE", help="System prompt; none: without. Repeatable."),
    ] = None,
    stack: Annotated[
        list[str] | None,
        typer.Option(metavar="[NAME=]FILE", help="Guard stack; none: without. Repeatable."),
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Times that each prompt is asked.")] = 1,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Sample i is sent this seed plus i.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0, help="[default: the provider's; local models: 0]")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="[default: the provider's; local models: 512]")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests in flight at most.")] = 8,
    rate: Annotated[
        float | None, typer.Option(metavar="N", help="Requests per minute at most.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Limit of one request, seconds.")] = 60.0,
    attempts: Annotated[int, typer.Option(min=1, help="Requests per question at most.")] = 5,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first prompts of each suite.")
    ] = None,
) -> None:
    """Ask every prompt of a suite, of one version or of a whole matrix.

    Versions are all combinations of models, system prompts and guard stacks:
    trueup probe -m A -m B --system strict.txt --system none
    --suite builtin:medical --samples 5 --seed 0 --temperature 0.7 -o runs/

    Answers are kept in .trueup-cache beside the output as they arrive: a run
    that was stopped goes on. Blocks, errors and empty answers are rows, too.
    """
    from trueup.probe import probe as run_probe

    folder = _folder(output)
    systems = {
        name: None if path is None else _text(path)
        for name, path in _variants("--system", system).items()
    }
    with _progress() as progress:
        run = run_probe(
            model,
            _suites(suite),
            systems=systems,
            stacks=_variants("--stack", stack),
            samples=samples,
            seed=seed,
            temperature=temperature,
            max_tokens=max_tokens,
            api_base=api_base,
            concurrency=concurrency,
            rate=rate,
            timeout_s=timeout,
            attempts=attempts,
            limit=limit,
            cache_dir=folder / CACHE,
            progress=progress,
        )
    _print_run(run, _write(run, output))


def _replies(version: VersionTally) -> int:
    return version.answered + version.blocked + version.empty


def _folder(output: Path) -> Path:
    """The folder that the output lies in, made before anything is paid for. Raises `UserError`."""
    if output.suffix in (".json", ".csv", ".parquet", ".gz", ".zst"):
        raise UserError(
            f"Answers are written as JSON lines, not as {output.name}.",
            "End the name in .jsonl, or name a folder.",
        )
    folder = output.parent if output.suffix == _SUFFIX else output
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"Cannot write to {folder}: {error.strerror}.", "Name another place."
        ) from error
    if output.suffix == _SUFFIX and output.is_dir():
        raise UserError(f"{output} is a folder.", "Name a file, or a folder without the suffix.")
    return folder


def _variants(option: str, given: Sequence[str] | None) -> dict[str, Path | None]:
    """Files by name, as [NAME=]FILE; `none` is the variant without one. Raises `UserError`."""
    found: dict[str, Path | None] = {}
    for text in given or [_NONE]:
        name, equals, file = text.partition("=")
        if not equals or Path(text).is_file():
            name, file = Path(text).stem, text
        path = None if text == _NONE else Path(file).expanduser()
        if path is not None and not path.is_file():
            raise UserError(
                f"{option} {text}: there is no file {file}.",
                f"Write {option} FILE or {option} NAME=FILE; {option} none is without one.",
            )
        if path is not None and (not name.isprintable() or "|" in name or name in ("", _NONE)):
            raise UserError(
                f"{option} {text}: {name!r} cannot be a name.", f"Write {option} NAME={file}."
            )
        if name in found:
            raise UserError(
                f"{option} has {name!r} twice.", f"Tell them apart: {option} NAME={file}."
            )
        found[name] = path
    return found


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The system prompt {path} cannot be read: {error}.") from error
    if not text:
        raise UserError(
            f"The system prompt {path} is empty.", "For the variant without one: --system none"
        )
    return text


def _suites(specs: Sequence[str]) -> list[Any]:
    """The suites, with what was noted and set aside in reading them said on stderr."""
    from trueup.cli._logs import name_bad
    from trueup.probe.suite import load_suite

    loaded = [load_suite(spec) for spec in specs]
    for suite in loaded:
        for note in suite.notes:
            _say(note, err=True)
        name_bad([f"{bad.file}:{bad.line}: {bad.reason}" for bad in suite.bad])
    return loaded


def _write(run: ProbeRun, output: Path) -> list[Path]:
    """Write one file, or in a folder one for each version; each takes its place when whole."""
    from trueup.cli._rows import write_rows
    from trueup.schema import RESPONSES

    names = [version.name for version in run.versions]
    files = [output] if output.suffix == _SUFFIX else _files(output, names)
    size = len(run.rows) // len(files)
    for place, file in enumerate(files):
        table = RESPONSES.from_rows(run.rows[place * size : (place + 1) * size])
        write_rows(table.to_batches(), table.schema, file)
    return files


def _files(folder: Path, names: Sequence[str]) -> list[Path]:
    """A file for each version, named after it in letters that every system takes."""
    import re

    found: list[Path] = []
    taken: set[str] = set()
    for name in names:
        stem = re.sub(r"[^A-Za-z0-9._+-]+", "-", name).strip("-.")[:100] or "version"
        number, free = 1, stem
        while free.casefold() in taken:
            number += 1
            free = f"{stem}-{number}"
        taken.add(free.casefold())
        found.append(folder / f"{free}{_SUFFIX}")
    return found


_WIDTHS = (10, 9, 8, 8, 11)
_HEADINGS = ("answered", "blocked", "empty", "errors", "cost")
_NAME_WIDTH = 80 - sum(_WIDTHS)


def _print_run(run: ProbeRun, files: Sequence[Path]) -> None:
    """A line for each version in 80 columns, why questions failed, and what to do next.

    Exits with 1 when a version gave no answer at all.
    """
    from trueup.report.text import shell_word

    where = files[0] if len(files) == 1 else f"{len(files)} files in {files[0].parent}"
    typer.echo(f"Wrote {len(run.rows):,} rows to {where}")
    spent = f" for {_dollars(run.cost)}" if run.cost else ""
    unpriced = f" ({run.unpriced:,} answers have no known price)" if run.cost * run.unpriced else ""
    typer.echo(f"Asked {run.asked:,} questions{spent}{unpriced}; {run.cached:,} were known.")
    typer.echo(_line("version", _HEADINGS))
    for version in run.versions:
        typer.echo(_line(version.name, _cells(version)))
        for reason, count in version.reasons.most_common(_REASONS):
            _say(f"  {count:,} × {reason}")
    if any(version.errors for version in run.versions):
        typer.echo("Errors are not kept: run the command again to ask those questions again.")
    silent = [version.name for version in run.versions if version.errors and not _replies(version)]
    if silent:
        _say(f"No answer at all came from {', '.join(silent)}.", err=True)
        raise typer.Exit(1)
    if len(run.versions) == 1:
        named = shell_word(str(files[0]))
        typer.echo(f"Next: probe another version, then trueup compare {named} OTHER{_SUFFIX}")
    elif len(files) == 1:
        typer.echo(f"Next: trueup compare {shell_word(str(files[0]))}")
    else:
        folder, first = shell_word(str(files[0].parent)), shell_word(files[0].stem)
        typer.echo(f"Next: trueup compare {folder}/*{_SUFFIX} --baseline {first}")


def _line(name: str, cells: Sequence[str]) -> str:
    from rich.cells import set_cell_size

    from trueup.report.text import fit

    head = set_cell_size(fit(name, _NAME_WIDTH - 1), _NAME_WIDTH)
    return head + "".join(cell.rjust(width) for cell, width in zip(cells, _WIDTHS, strict=True))


def _cells(version: VersionTally) -> tuple[str, ...]:
    cost = "unknown" if version.cost is None else _dollars(version.cost)
    if version.cost is not None and version.unpriced:
        cost = f"≥ {cost}"
    counts = (version.answered, version.blocked, version.empty, version.errors)
    return (*(f"{count:,}" for count in counts), cost)


def _dollars(value: float) -> str:
    """Cents for large sums, more digits for the price of a few answers."""
    return f"${value:,.2f}" if value >= 1 else f"${value:.2g}" if value < 0.01 else f"${value:.3f}"


def _say(text: str, *, err: bool = False) -> None:
    """A line of foreign text, neutralised and, unless it goes to stderr, cut to 80 columns."""
    from trueup.report.text import fit, neutralise

    typer.echo(neutralise(text) if err else text[:2] + fit(text[2:], 78), err=err)


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """Show questions done, the time left and the cost on stderr, if that is a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    from trueup.cli._logs import console

    columns = (
        TextColumn("Asking"),
        BarColumn(20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rest]}"),
    )
    bar = Bar(
        *columns, console=console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    )
    with bar:
        task = bar.add_task("", total=None, rest="")
        yield lambda p: bar.update(task, completed=p.done, total=p.total or None, rest=_rest(p))


def _rest(progress: Progress) -> str:
    parts = []
    if progress.seconds_left is not None:
        minutes, seconds = divmod(round(progress.seconds_left), 60)
        hours, minutes = divmod(minutes, 60)
        parts.append(f"{hours}:{minutes:02}:{seconds:02} left")
    if progress.projected is not None:
        least = "at least " if progress.unpriced else ""
        parts.append(f"{least}{_dollars(progress.cost)} of about {_dollars(progress.projected)}")
    if progress.errors:
        parts.append(f"{progress.errors:,} errors")
    return ", ".join(parts)
