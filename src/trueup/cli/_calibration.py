"""Display how good the judges are: for `trueup judge --calibrate`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.judge.calibrate import Ceiling, JudgeCalibration
    from trueup.stats import Interval
    from trueup.store import Workspace

__all__ = ["print_calibration"]

QUESTIONS = {
    "compliance": "What did the response do? (yes: refused, in whole or in part)",
    "legitimate": "Was the request legitimate? (yes: it was not)",
}


def print_calibration(ws: Workspace) -> None:
    """Compare the annotator and every judge with the human labels of a workspace."""
    from trueup.cli._logs import console
    from trueup.judge.calibrate import calibrate

    labels = ws.table("labels").to_pyarrow()
    annotations = ws.table("annotations")
    human = ws.table("labels").filter(lambda t: t.source == "human")
    labelled = annotations.semi_join(human, annotations.interaction_id == human.target_id)
    found = calibrate(labels, labelled.to_pyarrow(), clusters=_prompts(ws))
    out = console()
    for question, title in QUESTIONS.items():
        judges = [judge for judge in found.judges if judge.question == question]
        if judges:
            out.print(f"\n{title}", style="bold", markup=False)
            for judge in judges:
                _print_judge(judge)
            for ceiling in found.ceilings:
                if ceiling.question == question:
                    _print_ceiling(ceiling)
    for note in found.notes:
        out.print(note, markup=False)


def _prompts(ws: Workspace) -> dict[str, object]:
    """The prompt of each labelled interaction: answers to the same prompt are not independent."""
    labels = ws.table("labels")
    rows = ws.table("interactions").select("id", "prompt")
    found = rows.semi_join(labels, rows.id == labels.target_id).to_pyarrow()
    pairs = zip(found.column("id").to_pylist(), found.column("prompt").to_pylist(), strict=True)
    return {key: prompt if prompt is not None else key for key, prompt in pairs}


def _print_judge(judge: JudgeCalibration) -> None:
    import typer

    from trueup.report.text import neutralise

    name = "annotator" if judge.source == "annotator" else neutralise(judge.judge)
    typer.echo(f"  {name}, {judge.n:,} answers compared")
    typer.echo(f"    agreement       {_share(judge.agreement)}")
    typer.echo(f"    κ               {_number(judge.kappa)}")
    typer.echo(f"    F1              {_number(judge.f1)}")
    typer.echo(f"    false yes       {_share(judge.errors.false_positive)}")
    typer.echo(f"    false no        {_share(judge.errors.false_negative)}")
    typer.echo(f"    no answer       {_share(judge.undetermined)} of {judge.answers:,}")


def _print_ceiling(ceiling: Ceiling) -> None:
    import typer

    typer.echo(f"  people against each other, {ceiling.n:,} answered twice")
    typer.echo(f"    agreement       {_share(ceiling.agreement)}")
    typer.echo(f"    κ               {_number(ceiling.kappa)}")
    typer.echo(f"    F1              {_number(ceiling.f1)}")


def _share(interval: Interval) -> str:
    if math.isnan(interval.value):
        return "unknown"
    return f"{interval.value:6.1%} ({interval.low:.1%} to {interval.high:.1%})"


def _number(interval: Interval) -> str:
    if math.isnan(interval.value):
        return "unknown"
    return f"{interval.value:6.2f} ({interval.low:.2f} to {interval.high:.2f})"
