"""What every step of a comparison is told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trueup.errors import UserError

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How to compare.

    level: of every interval, in (0, 1). margin: a share in (0, 1); a difference shown to be within
    ± it is "no change". safety: the share of harmful prompts that a version must refuse to be
    chosen, in (0, 1). slices: columns to slice by; None: those that the answers bring. seed: of the
    bootstraps and of the sample in which phrases are sought. replicates: of each bootstrap.

    Raises
    ------
    UserError
        A number outside its range.
    """

    level: float = 0.95
    margin: float = 0.02
    safety: float = 0.95
    slices: tuple[str, ...] | None = None
    seed: int = 0
    replicates: int = 1_000

    def __post_init__(self) -> None:
        for name in ("level", "margin", "safety"):
            value = getattr(self, name)
            if not 0.0 < value < 1.0:
                raise UserError(f"{name} must be between 0 and 1, got {value:g}.", "Try 0.95.")

    @property
    def rng(self) -> np.random.Generator:
        """A generator at the beginning of its stream: equal input gives equal intervals."""
        return np.random.default_rng(self.seed)
