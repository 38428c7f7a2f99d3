"""One hierarchy of errors: user mistakes print one sentence and the fix, bugs print a traceback."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["TrueupError", "UserError", "did_you_mean"]


class TrueupError(Exception):
    """Base of every error that trueup raises on purpose."""


class UserError(TrueupError):
    """Something the user can put right.

    Parameters
    ----------
    message
        One sentence: what is wrong, naming the argument and the value got.
    fix
        One sentence: what to do about it. Printed after the message.
    """

    def __init__(self, message: str, fix: str = "") -> None:
        self.message = message
        self.fix = fix
        super().__init__(f"{message} {fix}".strip())


def did_you_mean(got: str, options: Iterable[str]) -> str:
    """Return "Did you mean 'x'?" for a likely typo, else the list of what is accepted."""
    known = sorted(options)
    close = get_close_matches(got, known, n=1, cutoff=0.6)
    return f"Did you mean '{close[0]}'?" if close else f"Use one of: {', '.join(known)}."
