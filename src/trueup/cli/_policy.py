"""Write a tuned stack: the user's own file with new thresholds, and what changed in it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from trueup.guards.stack import Change, Stack
    from trueup.tune import TuneReport

__all__ = ["write_policy"]

_SCORE = "score_"  # how `trueup guards run` names the column of a layer's score


def write_policy(
    stack: Path, path: Path, reports: Sequence[TuneReport], *, quiet: bool = False
) -> None:
    """Write the stack with the thresholds that were chosen; print the difference.

    quiet: on stderr, because stdout is taken.
    """
    from trueup.cli._outputs import write_text
    from trueup.guards.stack import load_stack, with_thresholds
    from trueup.report.text import neutralise

    loaded = load_stack(stack)
    changes = [change for report in reports for change in _changes(report, loaded)]
    if not any(report.chosen for report in reports):
        typer.echo(f"No setting was chosen, so {path} was not written.", err=True)
        return
    before = stack.read_text(encoding="utf-8")
    after = with_thresholds(before, changes)
    write_text(path, after)
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), str(stack), str(path), lineterm="", n=2
    )
    typer.echo(f"Wrote {path}", err=quiet)
    for line in lines:
        typer.echo(f"  {neutralise(line, keep_newlines=True)}", err=quiet)
    for name in _shadowed(changes, loaded):
        typer.echo(
            f"{name} has thresholds per category in {stack.name}; a category's own still goes "
            "before the new one, or in a segment after it. Check them.",
            err=True,
        )


def _changes(report: TuneReport, stack: Stack) -> Iterator[Change]:
    from trueup.guards.stack import Change

    if report.chosen is None:
        return
    names = {layer.name for layer in stack.layers}
    for change in report.changes:
        layer, category = _place(change.layer, names)
        yield Change(layer, report.segment, category, change.then)


def _place(name: str, layers: set[str]) -> tuple[str, str | None]:
    """The stack's layer, and its category, that a tuned score belongs to."""
    for known in (name, name.removeprefix(_SCORE)):
        if known in layers:
            return known, None
        layer, mark, category = known.partition("/")
        if mark and layer in layers:
            return layer, category
    return name, None


def _shadowed(changes: Sequence[Change], stack: Stack) -> list[str]:
    """Layers that got one threshold though their categories have some of their own."""
    ruled = {layer.name for layer in stack.layers if layer.rules.categories}
    return sorted({one.layer for one in changes if one.category is None and one.layer in ruled})
