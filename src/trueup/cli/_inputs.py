"""Read a small text file that the user named."""

from __future__ import annotations

from pathlib import Path

from trueup.errors import UserError

__all__ = ["read_text"]


def read_text(path: Path) -> str:
    """The file's text; raise `UserError` when it is not there or not text."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.", "Check the name.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not a text file.", "Check the name.") from error
