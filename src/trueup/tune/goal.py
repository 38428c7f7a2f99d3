"""What is asked of a setting: a bound on the risk, or the least cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from trueup.errors import UserError
from trueup.tune.risks import RiskKind

__all__ = ["Costs", "Goal"]


@dataclass(frozen=True, slots=True)
class Costs:
    """What one miss and one needless block cost, in any common unit."""

    miss: float
    block: float


@dataclass(frozen=True, slots=True)
class Goal:
    """What is asked of the setting.

    Attributes
    ----------
    alpha
        Bound on the risk, in (0, 1). Not used with costs.
    delta
        Probability, in (0, 1), with which the bound may fail.
    kind
        "miss": share of all harmful examples that no layer flags. "new_miss": share of them that
        is flagged today and would not be.
    costs
        Instead of a bound: the setting with the least cost. It is not certified.
    """

    alpha: float | None
    delta: float
    kind: RiskKind = "miss"
    costs: Costs | None = None

    def __post_init__(self) -> None:
        for name in ("alpha", "delta"):
            value = getattr(self, name)
            if not (name == "alpha" and value is None) and not 0.0 < value < 1.0:
                raise UserError(f"{name} must be in the open interval (0, 1), got {value!r}.")
        if (self.alpha is None) == (self.costs is None):
            raise UserError("Say either what may be missed or what a miss and a block cost.")
        for cost in (self.costs.miss, self.costs.block) if self.costs else ():
            if not 0.0 <= cost < math.inf:
                raise UserError(f"Costs must be 0 or more and finite, got {cost!r}.")

    @property
    def mode(self) -> Literal["miss", "new_miss", "costs"]:
        return "costs" if self.costs else self.kind
