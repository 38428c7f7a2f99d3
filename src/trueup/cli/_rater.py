"""Who labels, when nobody says so."""

from __future__ import annotations

import os
import subprocess

from trueup.errors import UserError

__all__ = ["default_rater"]


def default_rater() -> str:
    """$USER, else git's user.name. Raises `UserError` when there is neither."""
    name = os.environ.get("USER", "").strip() or _git_name()
    if not name:
        raise UserError("It is not known who labels.", "Say so with --rater NAME.")
    return name


def _git_name() -> str:
    try:
        done = subprocess.run(
            ["git", "config", "user.name"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
