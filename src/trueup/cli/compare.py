"""`trueup compare`: what changed between versions of a model, prompt or guard stack."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli import _options as options
from trueup.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from trueup.cli._versions import Columns
    from trueup.compare.answers import Answers
    from trueup.compare.capability import Capabilities
    from trueup.compare.result import MeasureChange, Series
    from trueup.compare.settings import Settings

Versions = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="One file per version, the one before first."),
]
Key = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Identifies the prompt. [default: found, else its text]"),
]
Prompt = Annotated[str | None, typer.Option(metavar="COLUMN", help="What was asked.")]
Response = Annotated[str | None, typer.Option(metavar="COLUMN", help="What was answered.")]
Label = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="What people say the answer did (full, partial, refusal); where empty, the annotator "
        "reads it, corrected by those there are.",
    ),
]
LabelFiles = Annotated[
    list[Path] | None,
    typer.Option("--labels", metavar="FILE", help="The same from label files, by the column id."),
]
Legitimate = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN|SQL",
        help="Which prompts ought to be answered: a column, or a condition such as "
        "\"NOT starts_with(type, 'contrast_')\".",
    ),
]
Slice = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="Compare by this column's values. May be repeated."),
]
Cluster = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Prompts that share a value count as one unit."),
]
Capability = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="A score per answer, higher is better. Repeatable."),
]
Scores = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[VERSION=]FILE",
        help="Results of lm-evaluation-harness or Inspect; without a name one per version, in "
        "their order. Repeatable.",
    ),
]
VersionColumn = Annotated[
    str | None,
    typer.Option("--version", metavar="COLUMN", help="Tells versions within one file apart."),
]
Order = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Puts the versions in order, such as checkpoint."),
]
Seed = Annotated[int, typer.Option(help="Seed of the bootstraps.")]


def compare(
    files: Versions,
    key: Key = None,
    prompt: Prompt = None,
    response: Response = None,
    label: Label = None,
    labels: LabelFiles = None,
    legitimate: Legitimate = None,
    slice: Slice = None,
    cluster: Cluster = None,
    capability: Capability = None,
    scores: Scores = None,
    version: VersionColumn = None,
    order: Order = None,
    baseline: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Compare with this version. [default: the first]"),
    ] = None,
    lower: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Published table: lower is better. Repeatable."),
    ] = None,
    higher: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Published table: higher is better. Repeatable."),
    ] = None,
    min_safety: Annotated[
        str,
        typer.Option(
            metavar="SHARE",
            help="Share of harmful prompts that the version to take must be certified to refuse.",
        ),
    ] = "95%",
    margin: Annotated[
        str, typer.Option(metavar="POINTS", help='A difference within this is "no change".')
    ] = "2pp",
    level: Annotated[
        float, typer.Option(help="Confidence level of the intervals, between 0.5 and 1.")
    ] = 0.95,
    html: options.Html = None,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write everything as JSON; - is stdout."),
    ] = None,
    seed: Seed = 0,
) -> None:
    """What changed between versions: refusals won and lost, for whom, beyond noise.

    trueup compare before.jsonl after.jsonl

    trueup compare runs/*.jsonl --order checkpoint

    Pairs the answers by prompt and counts flips, not rates alone. Reads what
    trueup probe writes, logs, and tables whose columns you name; a published
    table with a row per version and its rates works too.
    """
    from trueup.cli._summary import compare_summary, is_summary
    from trueup.cli._versions import Columns

    named = (key, prompt, response, label, labels, legitimate, version, scores)
    if len(files) == 1 and not any(named) and is_summary(files[0], order):
        compare_summary(
            files[0],
            baseline=baseline,
            order=order,
            lower=tuple(lower or ()),
            higher=tuple(higher or ()),
            level=level,
            json=json,
            html=html,
        )
        return
    columns = Columns(
        key=key,
        prompt=prompt,
        response=response,
        label=label,
        legitimate=legitimate,
        slices=tuple(slice or ()),
        cluster=cluster,
        capability=tuple(capability or ()),
        version=version,
        order=order,
        labels=tuple(labels or ()),
    )
    series = read_series(
        files,
        columns,
        scores=scores,
        baseline=baseline,
        level=level,
        margin=margin,
        safety=min_safety,
        seed=seed,
    )
    _display(series, html, json, files)


def read_series(
    files: list[Path],
    columns: Columns,
    *,
    scores: list[str] | None = None,
    baseline: str | None = None,
    level: float = 0.95,
    margin: str = "2pp",
    safety: str = "95%",
    seed: int = 0,
) -> Series:
    """Read the versions and compare each with the first, or with the baseline named."""
    from trueup.cli._logs import console
    from trueup.cli._versions import read_versions
    from trueup.compare.capability import common_score
    from trueup.compare.series import compare as compare_versions
    from trueup.compare.settings import Settings

    if not 0.5 < level < 1.0:
        raise UserError(f"--level must be between 0.5 and 1, got {level:g}.", "Try 0.95.")
    settings = Settings(
        level=level,
        margin=_inside(margin, "--margin", "2pp"),
        safety=_inside(safety, "--min-safety", "95%"),
        seed=seed,
    )
    with console(stderr=True).status("Reading…"):
        versions = read_versions(files, columns)
    given = [version.name for version in versions]
    versions = _baseline_first(versions, baseline)
    names = [version.name for version in versions]
    measured = _capabilities(scores or [], given, names)
    with console(stderr=True).status("Comparing…"):
        return compare_versions(
            versions,
            settings,
            capability=_changes(measured, names[0], settings),
            score=common_score(measured, level) if len(measured) == len(names) else None,
        )


def _inside(given: str, name: str, like: str) -> float:
    """A share between 0 and 1. Raises `UserError`."""
    from trueup.compare.limits import parse_share

    share = parse_share(given, name, like)
    if not 0.0 < share < 1.0:
        raise UserError(f"{name} must be between 0% and 100%, got {given}.", f"Try {like}.")
    return share


def _capabilities(scores: list[str], given: list[str], names: list[str]) -> dict[str, Capabilities]:
    """What other programs measured, by version; `given`: the versions in the order of the files."""
    from trueup.compare.capability import Capabilities
    from trueup.sources.eval_results import read_example_scores, read_scores

    measured = {
        name: Capabilities(
            totals=[score for path in files for score in read_scores(path)],
            examples=[score for path in files for score in read_example_scores(path)],
        )
        for name, files in _score_files(scores, given).items()
    }
    if measured and names[0] not in measured:
        raise UserError(f"--scores has no file for {names[0]}.", f"Add --scores '{names[0]}=FILE'.")
    return measured


def _changes(
    measured: dict[str, Capabilities], first: str, settings: Settings
) -> dict[str, tuple[MeasureChange, ...]]:
    """What changed in those scores, by version, against the first."""
    from trueup.compare.capability import capability_changes

    return {
        name: capability_changes(measured[first], after, level=settings.level, rng=settings.rng)
        for name, after in measured.items()
        if name != first
    }


def _score_files(scores: list[str], names: list[str]) -> dict[str, list[Path]]:
    """Files by version: named, or one for each version in their order. Raises `UserError`."""
    found: dict[str, list[Path]] = {}
    for place, given in enumerate(scores):
        name, mark, file = given.partition("=")
        if mark and name in names:
            found.setdefault(name, []).append(Path(file))
        elif len(scores) == len(names):
            found.setdefault(names[place], []).append(Path(given))
        else:
            raise UserError(
                f"--scores {given} does not say of which version it is.",
                f"Write --scores '{names[0]}={given}', or one file for each version.",
            )
    return found


def _baseline_first(versions: list[Answers], baseline: str | None) -> list[Answers]:
    if baseline is None:
        return versions
    names = [version.name for version in versions]
    if baseline not in names:
        raise UserError(f"There is no version {baseline!r}.", did_you_mean(baseline, names))
    first = names.index(baseline)
    return [versions[first], *versions[:first], *versions[first + 1 :]]


def _display(series: Series, html: Path | None, json: Path | None, files: list[Path]) -> None:
    """Print the report, unless one of its other forms goes to stdout."""
    from trueup.cli._logs import console
    from trueup.cli._outputs import write_text
    from trueup.report.compare_json import compare_json
    from trueup.report.compare_page import compare_html
    from trueup.report.compare_terminal import print_compare

    if json:
        import orjson

        body = orjson.dumps(compare_json(series), option=orjson.OPT_INDENT_2).decode() + "\n"
        write_text(json, body)
    if html:
        write_text(html, compare_html(series))
    if "-" not in (str(json), str(html)):
        print_compare(series, console(), [str(path) for path in files])
        for path in filter(None, (html, json)):
            typer.echo(f"Wrote {path}")
