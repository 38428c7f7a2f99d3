"""`trueup goodhart grade`: does this submission pass, out of its own reach?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def grade(
    task: Annotated[Path, typer.Argument(metavar="TASK", help="task.yaml, or its folder.")],
    submission: Annotated[
        Path, typer.Argument(metavar="SUBMISSION", help="Folder with the submission's files.")
    ],
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the verdict as JSON; - is stdout."),
    ] = None,
    require_isolation: Annotated[
        bool,
        typer.Option("--require-isolation", help="Refuse to grade where nothing can isolate."),
    ] = False,
    jobs: Annotated[
        int, typer.Option(metavar="N", min=1, help="Cases that run at once.", show_default=True)
    ] = 2,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Of generated cases, to repeat a grading. [default: secret]"
        ),
    ] = None,
) -> None:
    """Grade a submission: exit code 0 for a pass, 1 for anything else, 2 for misuse.

    trueup goodhart grade task.yaml submission/

    Each case runs in a fresh process, in the strongest isolation this machine offers.
    The submission gets the inputs and nothing else; what it answers is compared out
    here. Signs of tampering are told apart from proof.
    """
    from trueup.goodhart.grade.grading import grade_submission
    from trueup.goodhart.grade.task_file import read_task

    found = grade_submission(
        read_task(task), submission, jobs=jobs, require_isolation=require_isolation, seed=seed
    )
    if json is not None:
        import orjson

        from trueup.cli._outputs import write_text
        from trueup.report.grade_json import grade_json

        write_text(
            json, orjson.dumps(grade_json(found), option=orjson.OPT_INDENT_2).decode() + "\n"
        )
    from trueup.cli._logs import console
    from trueup.report.grade_terminal import print_verdict

    print_verdict(found, console(stderr=str(json) == "-"))
    if not found.passed:
        raise typer.Exit(1)
