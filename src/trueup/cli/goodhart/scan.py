"""`trueup goodhart scan`: signs of gaming in code, patches, tests, transcripts and graders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trueup.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from trueup.goodhart.scan.calibration import Calibration
    from trueup.goodhart.scan.opinion import OpinionRun
    from trueup.goodhart.scan.result import ScanReport
    from trueup.stats import Interval

_KINDS = ("code", "patch", "tests", "transcript", "grader", "judge")
_LEVELS = ("high", "medium", "low")


def scan(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files and folders; folders are walked.")
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="KIND",
            help="What the files are, where they do not say so: code, patch, tests, transcript, "
            "grader (audit it) or judge (answers that a judge will read).",
        ),
    ] = None,
    least: Annotated[
        str,
        typer.Option(metavar="high|medium|low", help="Lowest confidence that is shown."),
    ] = "medium",
    fail_on: Annotated[
        str | None,
        typer.Option(
            metavar="high|medium|low",
            help="Exit with 1 when a finding of this confidence or above stands. [default: never]",
        ),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write all findings as JSON; - is stdout."),
    ] = None,
    sarif: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write SARIF 2.1.0 for code scanning; - is stdout."),
    ] = None,
    jobs: Annotated[int, typer.Option(metavar="N", help="Processes.")] = 2,
    opinion: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="Have a model confirm or dismiss findings, by its LiteLLM name."
        ),
    ] = None,
    api_base: Annotated[
        str | None, typer.Option(metavar="URL", help="OpenAI-compatible server of that model.")
    ] = None,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Compare findings and opinions with people's verdicts: rows with key and gaming.",
        ),
    ] = None,
) -> None:
    """Look for signs of gaming; the exit code is 0 unless --fail-on says otherwise.

    trueup goodhart scan run.jsonl solution/ fix.patch
    trueup goodhart scan --as grader grade.py
    trueup goodhart scan . --sarif scan.sarif --fail-on high

    A finding is where to look, not a verdict: each says how to confirm it. A line
    is accepted with `# trueup: allow[rule] reason`.
    """
    from trueup.goodhart.scan.engine import scan_paths

    _check(kind, _KINDS, "--as")
    _check(least, _LEVELS, "--least")
    _check(fail_on, _LEVELS, "--fail-on")
    outputs = [path for path in (json, sarif) if path]
    if sum(str(path) == "-" for path in outputs) > 1:
        raise UserError("Only one output can go to stdout.", "Name a file for the other.")
    if api_base and not opinion:
        raise UserError("--api-base names the server of a model.", "Name the model: --opinion NAME")
    report = scan_paths(paths, jobs=jobs, kind=kind)  # type: ignore[arg-type]
    run = _asked(report, opinion, api_base, least) if opinion else None
    report = run.report if run else report
    _write(report, json, sarif)
    _display(report, least, outputs, run, _compared(report, calibrate) if calibrate else None)
    if fail_on and _fails(report, fail_on):
        raise typer.Exit(1)


def _check(value: str | None, choices: tuple[str, ...], option: str) -> None:
    if value is not None and value not in choices:
        raise UserError(
            f"{option} must be one of {', '.join(choices)}, got {value!r}.",
            did_you_mean(value, choices),
        )


def _fails(report: ScanReport, fail_on: str) -> bool:
    from trueup.report.scan_text import at_least, standing

    return bool(at_least(standing(report.findings), fail_on))  # type: ignore[arg-type]


def _asked(report: ScanReport, model: str, api_base: str | None, least: str) -> OpinionRun:
    from trueup.cli._logs import progress_bar
    from trueup.goodhart.scan.opinion import second_opinions
    from trueup.remote.chat import Client

    with progress_bar(model[:30], unit="questions") as progress:
        return second_opinions(
            report,
            client=Client(
                model, api_base, max_tokens=1024, what="The second opinion", flag="--opinion"
            ),
            cache_dir=Path(".trueup-cache"),
            least=least,  # type: ignore[arg-type]
            progress=progress,
        )


def _compared(report: ScanReport, path: Path) -> Calibration:
    from trueup.cli._logs import name_bad
    from trueup.goodhart.scan.calibration import calibrate, read_verdicts

    verdicts, bad = read_verdicts(path)
    name_bad([f"{one.path}:{one.line}: {one.reason}" for one in bad])
    return calibrate(report, verdicts)


def _write(report: ScanReport, json: Path | None, sarif: Path | None) -> None:
    import orjson

    from trueup.cli._outputs import write_text
    from trueup.report.scan_json import scan_json
    from trueup.report.scan_sarif import scan_sarif

    forms: list[tuple[Path | None, Any]] = [(json, scan_json), (sarif, scan_sarif)]
    for path, form in forms:
        if path:
            text = orjson.dumps(form(report), option=orjson.OPT_INDENT_2).decode() + "\n"
            write_text(path, text)


def _display(
    report: ScanReport,
    least: str,
    outputs: list[Path],
    run: OpinionRun | None,
    found: Calibration | None,
) -> None:
    """Print the report; on stderr when another form goes to stdout."""
    from trueup.cli._logs import console
    from trueup.report.scan_terminal import print_scan

    taken = any(str(path) == "-" for path in outputs)
    print_scan(report, console(stderr=taken), least)  # type: ignore[arg-type]
    if run is not None:
        typer.echo(
            f"Second opinion: {run.asked - len(run.failures):,} of {run.asked:,} findings answered "
            f"({run.calls:,} calls, {run.cached:,} from the cache).",
            err=taken,
        )
        for reason in sorted(set(run.failures))[:5]:
            typer.echo(f"  no opinion: {reason}", err=taken)
    if found is not None:
        for line in _calibration(found):
            typer.echo(line, err=taken)
    for path in outputs:
        if str(path) != "-":
            typer.echo(f"Wrote {path}", err=taken)


def _calibration(found: Calibration) -> list[str]:
    lines = [f"\nAgainst people's verdicts on {found.labelled:,} findings"]
    if found.unknown:
        lines.append(f"  {found.unknown:,} verdicts are of findings that are not there")
    for level, share in found.gaming.items():
        lines.append(f"  gaming, of those of {level} confidence   {_share(share)}, n = {share.n}")
    if found.errors is None or found.agreement is None or found.unanswered is None:
        lines.append("  no second opinion to compare: run with --opinion MODEL")
        return lines
    lines += [
        f"  second opinion, {found.compared:,} findings compared",
        f"    agreement          {_share(found.agreement)}",
        f"    κ                  {_number(found.kappa)}",
        f"    wrongly confirmed  {_share(found.errors.false_positive)}",
        f"    wrongly dismissed  {_share(found.errors.false_negative)}",
        f"    no opinion         {_share(found.unanswered)}",
    ]
    return lines


def _share(interval: Interval) -> str:
    if interval.value != interval.value:
        return "unknown"
    return f"{interval.value:.1%} ({interval.low:.1%} to {interval.high:.1%})"


def _number(interval: Interval | None) -> str:
    if interval is None or interval.value != interval.value:
        return "unknown"
    return f"{interval.value:.2f} ({interval.low:.2f} to {interval.high:.2f})"
