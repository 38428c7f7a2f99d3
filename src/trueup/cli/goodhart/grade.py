"""`trueup goodhart grade`."""

from __future__ import annotations


def grade() -> None:
    """Not there yet."""
