"""`trueup gate`: may this version go out?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trueup.cli import compare as options
from trueup.errors import UserError

if TYPE_CHECKING:
    from trueup.cli._versions import Columns
    from trueup.compare.gate_result import GateReport
    from trueup.compare.limits import Limits
    from trueup.compare.result import Comparison

_CONFIG = Path("trueup.toml")

Sides = Annotated[
    list[Path],
    typer.Argument(
        metavar="[BEFORE] AFTER", help="BEFORE may be left out where no limit is on a change."
    ),
]


def gate(
    files: Sides,
    max_new_refusals: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE",
            help="Legitimate prompts answered before and refused after: flips, not the net.",
        ),
    ] = None,
    max_refusal_rise: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="Net rise of the share of legitimate prompts refused."),
    ] = None,
    max_refusals: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Legitimate prompts refused after.")
    ] = None,
    min_safety: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Harmful prompts refused after.")
    ] = None,
    max_safety_drop: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="Net fall of the share of harmful prompts refused."),
    ] = None,
    max_capability_drop: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]AMOUNT",
            help="Fall of a capability score, or of each; NAME=0.3 is on its own scale. "
            "Repeatable.",
        ),
    ] = None,
    max_missing: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE",
            help="Prompts without a verdict, above which nothing is shown. [default: 5%]",
        ),
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="Confidence of each limit. [default: 95%]"),
    ] = None,
    unproven: Annotated[
        str | None,
        typer.Option(
            metavar="fail|warn",
            help="What to do about a limit that is shown neither to hold nor to be broken. "
            "[default: fail]",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Limits under [gate]. [default: trueup.toml, if there]"),
    ] = None,
    key: options.Key = None,
    prompt: options.Prompt = None,
    response: options.Response = None,
    label: options.Label = None,
    labels: options.LabelFiles = None,
    legitimate: options.Legitimate = None,
    cluster: options.Cluster = None,
    capability: options.Capability = None,
    scores: options.Scores = None,
    version: options.VersionColumn = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write JUnit XML; - is stdout.")
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the checks as JSON; - is stdout."),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write Markdown for a pull request; - is stdout."),
    ] = None,
    seed: options.Seed = 0,
) -> None:
    """Hold a new version against limits: exit code 0 when all hold, 1 when not.

    trueup gate before.jsonl after.jsonl --max-new-refusals 2pp --min-safety 95%

    2pp is two percentage points, the same as 2% and 0.02. The interval decides,
    not the point: a limit that is not shown to hold fails too, unless --unproven
    warn. Limits may also stand in trueup.toml under [gate]; flags win.
    """
    from trueup.cli._versions import Columns
    from trueup.compare.gate import gate as hold

    outputs = [path for path in (junit, json, markdown) if path]
    if sum(str(path) == "-" for path in outputs) > 1:
        raise UserError("Only one output can go to stdout.", "Name a file for the others.")
    limits = _limits(
        {
            "max-new-refusals": max_new_refusals,
            "max-refusal-rise": max_refusal_rise,
            "max-refusals": max_refusals,
            "min-safety": min_safety,
            "max-safety-drop": max_safety_drop,
            "max-capability-drop": max_capability_drop,
            "max-missing": max_missing,
            "level": level,
            "unproven": unproven,
        },
        config,
    )
    columns = Columns(
        key=key,
        prompt=prompt,
        response=response,
        label=label,
        legitimate=legitimate,
        cluster=cluster,
        capability=tuple(capability or ()),
        version=version,
        labels=tuple(labels or ()),
    )
    comparison, alone = _compared(files, columns, limits, scores, seed)
    report = hold(comparison, limits, alone=alone)
    _write(report, junit, json, markdown)
    _display(report, files, outputs)
    if not report.lets_through:
        raise typer.Exit(1)


def _limits(flags: dict[str, Any], config: Path | None) -> Limits:
    from trueup.cli._inputs import read_text
    from trueup.compare.limits import gate_table, parse_limits

    path = config or (_CONFIG if _CONFIG.exists() else None)
    if path is None:
        return parse_limits(flags)
    return parse_limits(flags, gate_table(read_text(path), path.name), path.name)


def _compared(
    files: list[Path], columns: Columns, limits: Limits, scores: list[str] | None, seed: int
) -> tuple[Comparison, bool]:
    """The two versions compared, and whether there is but one, compared with itself."""
    from trueup.cli._versions import read_versions
    from trueup.compare.series import compare_two
    from trueup.compare.settings import Settings

    if len(files) > 2:
        raise UserError(
            f"A gate compares two files, got {len(files)}.",
            "Name the one before and the one after.",
        )
    if len(files) == 1:
        found = read_versions(files, columns)
        if len(found) == 1:
            if limits.relative:
                raise UserError(
                    f"{limits.relative[0]} needs the version before.",
                    "Name its file too: trueup gate before.jsonl after.jsonl",
                )
            settings = Settings(level=limits.two_sided, seed=seed)
            return compare_two(found[0], found[0], settings), True
    series = options.read_series(files, columns, scores=scores, level=limits.two_sided, seed=seed)
    if len(series.comparisons) != 1:
        names = ", ".join(one.after.name for one in series.comparisons)
        raise UserError(
            f"A gate compares two versions; there are {len(series.comparisons) + 1}: "
            f"{series.comparisons[0].before.name}, {names}.",
            "Give a file for each of the two.",
        )
    return series.comparisons[0], False


def _write(
    report: GateReport, junit: Path | None, json: Path | None, markdown: Path | None
) -> None:
    from trueup.cli._outputs import write_text
    from trueup.report.gate_junit import gate_junit
    from trueup.report.gate_markdown import gate_markdown

    forms: list[tuple[Path | None, Callable[[GateReport], str]]] = [
        (junit, gate_junit),
        (json, _as_json),
        (markdown, gate_markdown),
    ]
    for path, form in forms:
        if path:
            write_text(path, form(report))


def _as_json(report: GateReport) -> str:
    import orjson

    from trueup.report.gate_json import gate_json

    return orjson.dumps(gate_json(report), option=orjson.OPT_INDENT_2).decode() + "\n"


def _display(report: GateReport, files: list[Path], outputs: list[Path]) -> None:
    """Print the outcome; on stderr when another form goes to stdout, for the log of the job."""
    from trueup.cli._logs import console
    from trueup.report.gate_terminal import print_gate

    taken = any(str(path) == "-" for path in outputs)
    print_gate(report, console(stderr=taken), [str(path) for path in files])
    for path in outputs:
        if str(path) != "-":
            typer.echo(f"Wrote {path}", err=taken)
