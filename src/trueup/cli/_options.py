"""The options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Workspace = Annotated[
    str | None,
    typer.Option(
        "--workspace",
        "-w",
        metavar="FILE|URL",
        help="DuckDB file or Ibis URL. [default: $TRUEUP_WORKSPACE or trueup.duckdb]",
    ),
]
Map = Annotated[
    str | None,
    typer.Option(
        "--map",
        metavar="NAME=COLUMN,…",
        help="Name the columns: prompt=question,response=completion,segment.domain=topic.",
    ),
]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="NAME", help="Format of the files, instead of detecting it."),
]
Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[FILE]...", help="Work on these files; without any, on the workspace."),
]
LabelFiles = Annotated[
    list[Path] | None,
    typer.Option("--labels", metavar="FILE", help="Human labels, JSONL or CSV. May be repeated."),
]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write the report as one page.")
]
