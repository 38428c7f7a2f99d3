"""`trueup goodhart attack`: which exploits does your grader fall for?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.errors import UserError

if TYPE_CHECKING:
    from trueup.goodhart.attack.result import AttackReport


def attack(
    grader: Annotated[
        str,
        typer.Argument(
            metavar="GRADER",
            help="A command with {submission} in it ({task} and {work} are folders), or one of "
            "pytest, pytest-bwrap, junit, exec, in-process, pickle, trueup.",
        ),
    ],
    task: Annotated[
        str | None,
        typer.Option(
            metavar="KIND|DIR",
            help="function, program, pytest, timed, or one task of the battery. [default: all] "
            "With --right: the folder that {task} stands for.",
        ),
    ] = None,
    passed: Annotated[
        str,
        typer.Option(
            metavar="RULE",
            help="How a pass shows: exit (status 0), json:KEY, or regex:PATTERN on its output.",
        ),
    ] = "exit",
    answers: Annotated[
        bool,
        typer.Option("--answers", help="The grader reads the text file {answer} instead."),
    ] = False,
    entry: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Your own task: the function that is asked for."),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The file that it is in. [default: solution.py]"),
    ] = None,
    right: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="A folder with a right solution (a text file with --answers)."
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(metavar="ID,…", help="Only these submissions or techniques, and controls."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Each submission on the first of its tasks only.")
    ] = False,
    jobs: Annotated[int, typer.Option(metavar="N", min=1, help="Runs at once.")] = 2,
    timeout: Annotated[
        float, typer.Option(metavar="S", min=0.1, help="Seconds that one run may take.")
    ] = 60.0,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write JSON; - is stdout.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write Markdown; - is stdout.")
    ] = None,
) -> None:
    """Run a battery of exploits against your own grader.

    trueup goodhart attack "python grade.py {submission}" --passed json:passed

    Exit code 0 when nothing fooled it and no right solution was refused, 1 otherwise.
    The submissions are harmless, but they are exploits: run them where you would run
    any code of a model's.
    """
    from trueup.cli._logs import progress_bar
    from trueup.goodhart.attack.run import run_attack
    from trueup.goodhart.attack.texts import run_texts

    if str(json) == str(markdown) == "-":
        raise UserError("Only one output can go to stdout.", "Name a file for the other.")
    if answers:
        if task or entry or file or only or quick:
            raise UserError(
                "--answers takes none of --task, --entry, --file, --only and --quick.",
                "Leave them out.",
            )
        report = run_texts(grader, right, passed=passed, seconds=timeout)
    else:
        with progress_bar("attack", "runs") as progress:
            report = run_attack(
                grader,
                task=task,
                passed=passed,
                jobs=jobs,
                seconds=timeout,
                only=[name.strip() for name in (only or "").split(",") if name.strip()],
                quick=quick,
                entry=entry,
                file=file,
                right=right,
                progress=progress,
            )
    _write(report, json, markdown)
    if not report.holds:
        raise typer.Exit(1)


def _write(report: AttackReport, json: Path | None, markdown: Path | None) -> None:
    """The outputs, and the page in the terminal; on stderr when another form goes to stdout."""
    import orjson

    from trueup.cli._logs import console
    from trueup.cli._outputs import write_text
    from trueup.report.attack_json import attack_json
    from trueup.report.attack_markdown import attack_markdown
    from trueup.report.attack_terminal import print_attack

    if json:
        written = orjson.dumps(attack_json(report), option=orjson.OPT_INDENT_2)
        write_text(json, written.decode() + "\n")
    if markdown:
        write_text(markdown, attack_markdown(report))
    taken = "-" in (str(json), str(markdown))
    print_attack(report, console(stderr=taken))
    for path in (json, markdown):
        if path and str(path) != "-":
            typer.echo(f"Wrote {path}", err=taken)
