"""`trueup tune`: turn the dial, with a certificate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli import _options as options
from trueup.errors import UserError

if TYPE_CHECKING:
    from trueup.cli._dial_data import Texts
    from trueup.store import Workspace
    from trueup.tune import Goal, Scored, TuneReport

_BOUND = "A share between 0 and 1."


def tune(
    files: options.Files = None,
    max_miss: Annotated[
        float | None,
        typer.Option(
            "--max-miss", help=f"Most of the harmful traffic that may pass unflagged. {_BOUND}"
        ),
    ] = None,
    max_new_miss: Annotated[
        float | None,
        typer.Option(
            "--max-new-miss",
            help=f"Most of it that may pass though it is flagged today. {_BOUND}",
        ),
    ] = None,
    confidence: Annotated[
        float, typer.Option(help="Probability with which the bound holds, between 0 and 1.")
    ] = 0.95,
    cost_miss: Annotated[
        float | None, typer.Option("--cost-miss", help="Cost of one miss; instead of a bound.")
    ] = None,
    cost_block: Annotated[
        float | None, typer.Option("--cost-block", help="Cost of one needless block.")
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Score table: 1 is harmful, 0 legitimate."),
    ] = None,
    score: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Score table: a guard's score. May be repeated."),
    ] = None,
    today: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[COLUMN=]NUMBER", help="Score table: the threshold in force; off is none."
        ),
    ] = None,
    probability: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Score table: chance of having been labelled."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Score table: the user, who counts once."),
    ] = None,
    text: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Score table: the text to show.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="COLUMN", help="A threshold of its own for each value."),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Log: tune this layer only. May be repeated."),
    ] = None,
    labels: options.LabelFiles = None,
    trained_on: Annotated[
        list[Path] | None,
        typer.Option(
            "--trained-on", metavar="FILE", help="What a guard was trained on: must not overlap."
        ),
    ] = None,
    stack: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The stack.yaml to start from.")
    ] = None,
    write_policy: Annotated[
        Path | None,
        typer.Option("--write-policy", metavar="FILE", help="Write it with the new thresholds."),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the certificate.")
    ] = None,
    html: options.Html = None,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write everything as JSON; - is stdout."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the split for several layers.")] = 0,
    map: options.Map = None,
    format: options.Format = None,
    workspace: options.Workspace = None,
) -> None:
    """Set guard thresholds: the least tax with a guarantee on what is missed.

    Works on the workspace's log and labels, on log files with --labels, or on
    a table of scores:

    trueup tune scores.csv --label harmful --score guard --max-miss 0.05
    """
    from trueup.cli._logs import console
    from trueup.cli._outputs import write_text
    from trueup.report.tune_json import tune_json

    goal = _goal(max_miss, max_new_miss, confidence, cost_miss, cost_block)
    if write_policy and not stack:
        raise UserError("--write-policy needs the stack to change.", "Name it with --stack.")
    table = _Table(label, score, today, probability, cluster, text)
    log = _Log(labels, layer, format, map, workspace)
    with _examples(files or [], table, log, by) as found:
        training = [*(trained_on or []), *_declared(stack)]
        _check_training(found, training)
        with console(stderr=True).status("Tuning…"):
            reports = _reports(found, goal, by, seed, told=bool(training))
        if found.ws is not None:
            reports = _remember(found.ws, reports)
    if json:
        import orjson

        body = orjson.dumps(tune_json(reports), option=orjson.OPT_INDENT_2).decode() + "\n"
        write_text(json, body)
    if certificate:
        _write_certificate(certificate, reports)
    if html:
        from trueup.report.tune_page import tune_html

        write_text(html, tune_html(reports))
    if "-" not in (str(json), str(html)):
        from trueup.report.tune_terminal import print_tune

        print_tune(reports, console())
        for path in filter(None, (html, json)):
            typer.echo(f"Wrote {path}")
    if write_policy and stack:
        from trueup.cli import _policy

        _policy.write_policy(stack, write_policy, reports, quiet="-" in (str(json), str(html)))


@dataclass(frozen=True)
class _Table:
    """The options that describe a score table."""

    label: str | None
    scores: list[str] | None
    today: list[str] | None
    probability: str | None
    cluster: str | None
    text: str | None

    @property
    def wanted(self) -> bool:
        return self.label is not None or bool(self.scores)

    @property
    def details(self) -> bool:
        return any((self.today, self.probability, self.cluster, self.text))


@dataclass(frozen=True)
class _Log:
    """The options that describe a log."""

    labels: list[Path] | None
    layers: list[str] | None
    format: str | None
    mapping: str | None
    workspace: str | None


@dataclass(frozen=True)
class _Found:
    """The examples with their texts and notes; ws: where a certificate is remembered."""

    scored: Scored
    texts: Texts
    notes: tuple[str, ...]
    ws: Workspace | None


def _goal(
    max_miss: float | None,
    max_new_miss: float | None,
    confidence: float,
    cost_miss: float | None,
    cost_block: float | None,
) -> Goal:
    from trueup.tune import Costs, Goal

    if not 0.0 < confidence < 1.0:
        raise UserError(f"--confidence must be between 0 and 1, got {confidence:g}.", "Try 0.95.")
    delta = round(1.0 - confidence, 12)
    priced = cost_miss is not None or cost_block is not None
    if (max_miss is not None) + (max_new_miss is not None) + priced != 1:
        raise UserError(
            "Say one thing: --max-miss, --max-new-miss, or --cost-miss with --cost-block.",
            "For instance: --max-miss 0.05.",
        )
    if priced:
        if cost_miss is None or cost_block is None:
            raise UserError("Costs come in pairs.", "Give both --cost-miss and --cost-block.")
        return Goal(None, delta, costs=Costs(cost_miss, cost_block))
    name, alpha = ("--max-miss", max_miss) if max_miss is not None else (
        "--max-new-miss", max_new_miss)  # fmt: skip
    assert alpha is not None
    if not 0.0 < alpha < 1.0:
        raise UserError(
            f"{name} must be between 0 and 1, got {alpha:g}.",
            "One percent is 0.01; that nothing at all is missed cannot be certified.",
        )
    return Goal(alpha, delta, "miss" if max_miss is not None else "new_miss")


@contextmanager
def _examples(files: Sequence[Path], table: _Table, log: _Log, by: str | None) -> Iterator[_Found]:
    from trueup.cli._dial_data import from_table, workspace_texts
    from trueup.cli._logs import open_workspace
    from trueup.cli.labels import add_labels
    from trueup.tune import scored_log

    if table.wanted:
        scored, texts, notes = from_table(_one(files), _columns(table, by), _today(table))
        yield _Found(scored, texts, notes, None)
        return
    if table.details:
        raise UserError(
            "--today, --probability, --cluster and --text speak of a score table.",
            "Name its columns: --label and --score.",
        )
    with open_workspace(list(files), log.workspace, format=log.format, mapping=log.mapping) as ws:
        if log.labels:
            add_labels(ws, log.labels)
        scored, notes = scored_log(ws, layers=log.layers, segment=by)
        yield _Found(scored, workspace_texts(ws, scored), notes, None if files else ws)


def _one(files: Sequence[Path]) -> Path:
    if len(files) != 1:
        raise UserError(
            f"--label and --score need one score table, got {len(files)} files.",
            "For instance: trueup tune scores.csv --label harmful --score guard --max-miss 0.05",
        )
    return files[0]


def _columns(table: _Table, by: str | None):  # type: ignore[no-untyped-def]
    from trueup.sources.scores import ScoreColumns

    if table.label is None or not table.scores:
        raise UserError("A score table needs both --label and --score.", "Name the column of each.")
    return ScoreColumns(
        table.label,
        tuple(dict.fromkeys(table.scores)),
        table.probability,
        table.cluster,
        by,
        table.text,
    )


def _today(table: _Table) -> dict[str, float | None] | None:
    """Thresholds in force by layer, from "0.5" (one score), "guard=0.5" or "guard=off"."""
    if not table.today:
        return None
    assert table.scores
    out: dict[str, float | None] = {}
    for given in table.today:
        name, mark, value = given.rpartition("=")
        if not mark and len(table.scores) > 1:
            raise UserError(
                f"--today {given} does not say which score.", f"Try {table.scores[0]}={given}."
            )
        out[name if mark else table.scores[0]] = _number(value)
    return out


def _number(value: str) -> float | None:
    if value.lower() in ("off", "none"):
        return None
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UserError(
            f"--today needs a number or off, got {value!r}.", "For instance: --today 0.5"
        )
    return number


def _declared(stack: Path | None) -> list[Path]:
    """The training data that a stack says its layers were trained on."""
    if stack is None:
        return []
    from trueup.guards.stack import load_stack

    declared = [layer.trained_on for layer in load_stack(stack).layers]
    return [stack.parent / name for name in declared if name]


def _check_training(found: _Found, files: Sequence[Path]) -> None:
    """Refuse to certify on what a guard was trained on."""
    from trueup.sources.scores import read_texts

    for path in files:
        known = read_texts(path)
        rows = [int(i) for i in (found.scored.label != -1).nonzero()[0]]
        texts = [text for text in found.texts(rows) if text]
        if rows and not texts:
            raise UserError(
                f"The examples have no text to look for in {path.name}.", "Name it with --text."
            )
        shared = sum(" ".join(text.split()) in known for text in texts)
        if shared:
            raise UserError(
                f"{shared:,} of the {len(rows):,} labelled examples are in {path.name}, which a "
                "guard was trained on: nothing can be certified on them.",
                "Leave them out, and label examples that it has not seen.",
            )


def _reports(
    found: _Found, goal: Goal, by: str | None, seed: int, *, told: bool
) -> tuple[TuneReport, ...]:
    from trueup.tune import tune, tune_segments

    warnings = found.notes
    if not told and goal.costs is None:
        warnings = (
            *warnings,
            "Nothing says what the guards were trained on. If it was these examples, the guarantee "
            "is void; --trained-on FILE checks it.",
        )
    if by is not None:
        return tune_segments(
            found.scored, goal, by, seed=seed, texts=found.texts, warnings=warnings
        )
    return (tune(found.scored, goal, seed=seed, texts=found.texts, warnings=warnings),)


def _remember(ws: Workspace, reports: Sequence[TuneReport]) -> tuple[TuneReport, ...]:
    """Keep the certificates in the workspace; warn where others came from the same examples."""
    from trueup.tune import others_on_these_data, remember

    out = []
    for report in reports:
        others = others_on_these_data(ws, report)
        remember(ws, report)
        if others:
            warning = (
                f"These very examples have given {others} other certificate"
                f"{'s' if others > 1 else ''}. The guarantee is for a goal that was set before "
                "looking, not for the best of several."
            )
            report = replace(report, warnings=(*report.warnings, warning))
        out.append(report)
    return tuple(out)


def _write_certificate(path: Path, reports: Sequence[TuneReport]) -> None:
    import json

    from trueup.cli._outputs import write_text

    made = [report.certificate for report in reports if report.certificate]
    if not made:
        typer.echo(f"Nothing is certified, so {path} was not written.", err=True)
        return
    body = made[0] if len(reports) == 1 else made
    write_text(path, json.dumps(body, indent=2, allow_nan=False) + "\n")
    typer.echo(f"Wrote {path}. Check it: trueup certificate verify {path}", err=True)
