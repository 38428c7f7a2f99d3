"""Write what a command made to a file, or to stdout when the name is a dash."""

from __future__ import annotations

from pathlib import Path

import typer

from trueup.errors import UserError

__all__ = ["write_text"]


def write_text(path: Path, text: str) -> None:
    """Write the text; raise `UserError` when the file cannot be written."""
    if str(path) == "-":
        typer.echo(text, nl=False)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror}.", "Name another file.") from error
