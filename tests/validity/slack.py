"""Binomial slack for coverage simulations."""

from __future__ import annotations

from scipy.stats import binom

__all__ = ["assert_covers", "covers"]


def covers(hits: int, trials: int, level: float, doubt: float = 1e-4) -> bool:
    """Whether `hits` of `trials` is compatible with coverage of at least `level`.

    False only when a procedure of exactly that coverage would do so badly with probability
    below `doubt`.
    """
    return bool(binom.cdf(hits, trials, level) >= doubt)


def assert_covers(hits: int, trials: int, level: float, what: object, doubt: float = 1e-4) -> None:
    """Fail with the figures when coverage is below nominal beyond binomial slack."""
    assert covers(hits, trials, level, doubt), (
        f"{what}: covered {hits} of {trials} at level {level}"
    )
