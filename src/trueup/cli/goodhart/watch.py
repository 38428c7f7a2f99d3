"""`trueup goodhart watch`."""

from __future__ import annotations


def watch() -> None:
    """Not there yet."""
