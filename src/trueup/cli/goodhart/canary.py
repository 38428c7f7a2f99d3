"""`trueup goodhart canary`."""

from __future__ import annotations


def canary() -> None:
    """Not there yet."""
