"""`trueup goodhart scan`."""

from __future__ import annotations


def scan() -> None:
    """Not there yet."""
