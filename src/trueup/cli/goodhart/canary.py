"""`trueup goodhart canary`: impossible variants of a task, and how often they were passed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trueup.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from trueup.goodhart.grade.canary import Canaries, Kind
    from trueup.goodhart.grade.canary.tally import TallyReport
    from trueup.stats import Interval

_SHOWN = ("passed", "attempted", "succeeded", "honest_stop")


def canary(
    paths: Annotated[
        list[Path], typer.Argument(metavar="TASK", help="A task.yaml; with --tally, verdicts.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Where the canaries go."),
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            metavar="oneoff|conflicting|both",
            help="Change an expected value, or contradict it in a second case.",
        ),
    ] = "both",
    count: Annotated[int, typer.Option(metavar="N", min=1, help="Canaries of each kind.")] = 1,
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="A submission that is right. [default: the task's reference]"
        ),
    ] = None,
    tally: Annotated[
        bool,
        typer.Option("--tally", help="Count over the JSON of many verdicts instead."),
    ] = False,
    require_isolation: Annotated[
        bool, typer.Option("--require-isolation", help="Refuse to run unisolated.")
    ] = False,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write what was done as JSON; - is stdout."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Decides what changes.")] = 0,
) -> None:
    """Turn a task into impossible ones: every pass of them is a cheat.

    trueup goodhart canary task.yaml -o canaries

    A visible expected value becomes wrong, or is contradicted by a second case.
    The reference solution is graded on each, and those that it passes are thrown
    away. Held-out cases stay right.

    trueup goodhart canary --tally verdicts/*.json
    """
    if tally:
        if output or reference:
            raise UserError("--tally reads verdicts and writes no task.", "Leave out --output.")
        _tally(paths, json)
        return
    if len(paths) != 1:
        raise UserError(f"One task at a time, got {len(paths)}.", "With --tally, name verdicts.")
    if output is None:
        raise UserError("Nothing says where the canaries go.", "Name a folder: -o canaries")
    _write(paths[0], output, _kinds(kind), count, reference, require_isolation, json, seed)


def _kinds(kind: str) -> tuple[Kind, ...]:
    from trueup.goodhart.grade.canary import KINDS

    if kind not in (*KINDS, "both"):
        raise UserError(f"--kind {kind} is unknown.", did_you_mean(kind, [*KINDS, "both"]))
    return tuple(one for one in KINDS if kind in (one, "both"))


def _write(
    path: Path,
    folder: Path,
    kinds: tuple[Kind, ...],
    count: int,
    reference: Path | None,
    require_isolation: bool,
    json: Path | None,
    seed: int,
) -> None:
    from trueup.goodhart.grade.box import open_box
    from trueup.goodhart.grade.canary import write_canaries

    with open_box(require=require_isolation) as box:
        made = write_canaries(
            path, folder, box, kinds=kinds, count=count, seed=seed, reference=reference
        )
    _save(json, _as_json(made))
    _show(made, count * len(kinds), json)


def _as_json(made: Canaries) -> dict[str, Any]:
    from trueup import __version__

    keys = ("kind", "path", "case", "before", "after", "reason")
    return {
        "trueup": __version__,
        "kind": "canaries",
        "schema_version": 1,
        "task": made.task,
        "seed": made.seed,
        "isolation": made.isolation,
        "canaries": [{key: str(getattr(one, key)) for key in keys} for one in made.written],
        "discarded": {
            "passed_by_reference": made.passed_by_reference,
            "accepted_by_check": made.accepted_by_check,
            "broken": made.broken,
        },
    }


def _save(json: Path | None, values: dict[str, Any]) -> None:
    import orjson

    from trueup.cli._outputs import write_text
    from trueup.report.json_fields import plain

    if json:
        write_text(json, orjson.dumps(plain(values), option=orjson.OPT_INDENT_2).decode() + "\n")


def _show(made: Canaries, wanted: int, json: Path | None) -> None:
    from trueup.cli._logs import console
    from trueup.report.console import ALARM, LEAD, QUIET, Page

    page = Page(console(stderr=str(json) == "-"))
    for one in made.written:
        page.prose((f"{one.path}", LEAD), (f" · {one.reason}", ""))
    if len(made.written) < wanted:
        page.prose((f"{len(made.written)} of {wanted} wanted: no more candidates hold.", ALARM))
    page.prose(
        (
            f"Discarded: {made.passed_by_reference} that the reference passes, "
            f"{made.accepted_by_check} whose comparison takes both values, {made.broken} that "
            f"break more than one case. Isolation: {made.isolation}.",
            QUIET,
        )
    )


def _tally(paths: list[Path], json: Path | None) -> None:
    from trueup.cli._logs import console, name_bad
    from trueup.goodhart.grade.canary.tally import tally
    from trueup.report.console import LEAD, QUIET, Page
    from trueup.report.text import interval

    found = tally(paths)
    _save(json, _tally_json(found))
    name_bad([f"{one.path}: {one.reason}" for one in found.unread])
    page = Page(console(stderr=str(json) == "-"))
    for row in found.rows:
        page.prose((row.task, LEAD), (f" · {row.n:,} verdicts", QUIET))
        for name in _SHOWN:
            share = interval(getattr(row, name))
            page.prose((f"{name.replace('_', ' ')} {share}", ""), indent=2)


def _tally_json(found: TallyReport) -> dict[str, Any]:
    from trueup import __version__

    def told(share: Interval) -> dict[str, float]:
        return {"value": share.value, "low": share.low, "high": share.high}

    return {
        "trueup": __version__,
        "kind": "canary tally",
        "schema_version": 1,
        "level": found.rows[0].passed.level,
        "rows": [
            {"task": row.task, "n": row.n, **{name: told(getattr(row, name)) for name in _SHOWN}}
            for row in found.rows
        ],
        "unread": [{"path": one.path, "reason": one.reason} for one in found.unread],
    }
