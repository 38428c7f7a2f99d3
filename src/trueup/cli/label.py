"""`trueup label`: a queue in the terminal, one key per answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli import _options as options

if TYPE_CHECKING:
    from trueup.cli._keys import Keys
    from trueup.cli._label_screen import Screen
    from trueup.judge.session import Session
    from trueup.store import Workspace

ENOUGH = 10  # labels of legitimate requests before an interval is worth printing
DEFAULT_OUTPUT = Path("labels.jsonl")


def label(
    files: options.Files = None,
    n: Annotated[int, typer.Option("-n", "--n", min=1, help="How many to label.")] = 50,
    rater: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who labels. [default: $USER, or git's user.name]"),
    ] = None,
    guideline: Annotated[
        str, typer.Option(metavar="VERSION", help="Version of the guideline you follow.")
    ] = "g1",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="OUT", help="With FILE: where the labels go. [labels.jsonl]"
        ),
    ] = None,
    map: options.Map = None,
    format: options.Format = None,
    workspace: options.Workspace = None,
) -> None:
    """Label interactions, the most informative first.

    Asks two questions of each: was the request legitimate, and what did the
    response do? Every answer is saved as it is given; stop whenever you like.
    On log files, the labels go to a file for trueup tax LOG --labels OUT.
    """
    from trueup.cli._keys import key_reader
    from trueup.cli._label_screen import Screen
    from trueup.cli._logs import console
    from trueup.cli._rater import default_rater
    from trueup.errors import UserError
    from trueup.judge.queue import Recorder, draw
    from trueup.judge.session import Session
    from trueup.report.text import neutralise

    if output and not files:
        raise UserError(
            "--output goes with a log file; in a workspace the labels are kept there.",
            "Write them to a file with: trueup labels export -o labels.jsonl",
        )
    who = (rater or "").strip() or default_rater()
    with _workspace(files, workspace, output, map, format) as (ws, target):
        queue = draw(ws, n, rater=who)
        recorder = Recorder(ws, queue, guideline=guideline, saved=_saver(ws, target))
        session = Session(queue, recorder)
        if not queue.items:
            typer.echo(f"{neutralise(who)} has labelled all {queue.population:,} interactions.")
            return
        interrupted = False
        with key_reader() as keys:
            screen = Screen(console(), clear=keys.single)
            try:
                _run(ws, session, screen, keys)
            except KeyboardInterrupt:
                interrupted = True
                screen.say("")
        _print_end(session, files, target)
        if interrupted:
            raise typer.Exit(130)


@contextmanager
def _workspace(
    files: Sequence[Path] | None,
    location: str | None,
    output: Path | None,
    mapping: str | None,
    format: str | None,
) -> Iterator[tuple[Workspace, Path | None]]:
    """The workspace; for log files a scratch one with the labels so far, and where they go."""
    from trueup.cli._logs import open_workspace

    with open_workspace(files, location, format=format, mapping=mapping) as ws:
        if not files:
            _advise(ws)
            yield ws, None
            return
        target = output or DEFAULT_OUTPUT
        _resume(ws, target)
        yield ws, target


def _advise(ws: Workspace) -> None:
    """The queue works without verdicts, but it cannot put the informative rows first."""
    if ws.count("annotations") < ws.count("interactions"):
        typer.echo(
            "Not every response has been judged; with trueup judge first, fewer "
            "labels say as much.",
            err=True,
        )


def _resume(ws: Workspace, target: Path) -> None:
    """Read the labels of an earlier sitting back."""
    from trueup.cli._rows import check_suffix
    from trueup.errors import UserError
    from trueup.judge.labels import import_labels
    from trueup.judge.queue import resume

    check_suffix(target)
    if not target.exists():
        return
    bad = import_labels(ws, [target]).bad
    if bad:
        raise UserError(
            f"{target} holds labels that do not belong to this log: {bad[0].reason}",
            "Name another file with --output.",
        )
    resume(ws)


def _saver(ws: Workspace, target: Path | None) -> Callable[[], None] | None:
    """Writes the labels file anew after each answer; a kill leaves the last whole one."""
    from trueup.cli._rows import write_rows
    from trueup.judge.labels import export_labels

    if target is None:
        return None

    def save() -> None:
        rows = export_labels(ws)
        write_rows(rows.to_batches(), rows.schema, target)

    return save


def _run(ws: Workspace, session: Session, screen: Screen, keys: Keys) -> None:
    """Ask until the queue, the input or the rater's patience ends."""
    from trueup.cli._keys import END
    from trueup.cli._label_screen import KEYS, WORDS
    from trueup.store.browse import Detail, read

    detail: Detail | None = None
    while not session.done:
        if detail is None or detail.interaction["id"] != session.item.id:
            detail = read(ws, session.item.id)
            screen.item(detail, session, whole=False)
        screen.ask(session)
        key = keys.read(WORDS[session.question])
        if key in (END, "q"):
            screen.say("")
            return
        if key in KEYS[session.question]:
            value = KEYS[session.question][key]
            screen.say(value)
            session.answer(value)
        elif key == "s":
            session.skip()
        elif key == "b":
            if not session.back():
                screen.say("This is the first question.")
        elif key == " ":
            screen.item(detail, session, whole=True)
        else:
            screen.help(known=key == "?")


def _print_end(session: Session, files: Sequence[Path] | None, target: Path | None) -> None:
    from trueup.report.text import neutralise, percent

    skipped = f", {session.skipped:,} skipped" if session.skipped else ""
    where = f" in {target}" if target else ""
    answers = "answer" if session.answers == 1 else "answers"
    typer.echo(f"{session.answers:,} {answers} saved{where}{skipped}.")
    found = session.interval()
    if found.n >= ENOUGH:
        typer.echo(
            f"Wrongful refusal by these labels alone: {percent(found.value)} "
            f"({percent(found.low)} to {percent(found.high)}); the report's interval is narrower."
        )
    if files and target:
        logs = " ".join(neutralise(str(file)) for file in files)
        typer.echo(f"Next: trueup tax {logs} --labels {target}")
    else:
        typer.echo("Next: trueup tax")
