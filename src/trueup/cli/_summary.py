"""Compare the rows of a published table: read it, compute, show it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from trueup.compare.summary_result import SummaryReport

__all__ = ["compare_summary", "is_summary"]


def is_summary(path: Path, order: str | None = None) -> bool:
    """Whether the file is a table with a row per version and its figures, without responses."""
    from trueup.sources.summary_table import is_summary_table

    return is_summary_table(path, order)


def compare_summary(
    path: Path,
    *,
    baseline: str | None = None,
    order: str | None = None,
    lower: tuple[str, ...] = (),
    higher: tuple[str, ...] = (),
    level: float = 0.95,
    json: Path | None = None,
    html: Path | None = None,
) -> SummaryReport:
    """Compare the rows of the table and show what changed, as `trueup compare TABLE` does."""
    from trueup.cli._logs import console, name_bad
    from trueup.cli._outputs import write_text
    from trueup.compare.summary import summarise
    from trueup.report.summary_json import summary_json
    from trueup.report.summary_page import summary_html
    from trueup.report.summary_terminal import print_summary
    from trueup.sources.summary_table import read_summary

    table = read_summary(path, order=order)
    name_bad([f"{path.name}, row {bad.number}: {bad.reason}" for bad in table.bad])
    report = summarise(table, baseline=baseline, lower=lower, higher=higher, level=level)
    if json:
        import orjson

        body = orjson.dumps(summary_json(report), option=orjson.OPT_INDENT_2).decode() + "\n"
        write_text(json, body)
    if html:
        write_text(html, summary_html(report))
    if "-" not in (str(json), str(html)):
        print_summary(report, console())
        for written in filter(None, (html, json)):
            typer.echo(f"Wrote {written}")
    return report
