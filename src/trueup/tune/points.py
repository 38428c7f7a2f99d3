"""Settings of a dial as points with their intervals: what a report shows of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from trueup.stats import Interval, Risks
from trueup.tune.dial import Dial, Selection
from trueup.tune.goal import Goal
from trueup.tune.result import Point
from trueup.tune.risks import risks_at
from trueup.tune.scored import named
from trueup.tune.taxes import Taxes

__all__ = ["Points", "risk_interval"]

_SHOWN = 40  # points of a frontier


@dataclass(frozen=True)
class Points:
    """Settings of a dial as points, made when asked for: intervals are not free."""

    dial: Dial
    selection: Selection
    taxes: Taxes
    delta: float

    def at(self, k: int) -> Point:
        return Point(
            thresholds=named(self.taxes.scored.layers, self.dial.settings[k]),
            tax=self.taxes.interval(self.dial.settings[k]),
            risk=risk_interval(self.dial.risks, k, self.delta),
            p=float(self.selection.p[k]),
            certified=bool(self.selection.certified[k]),
        )

    def shown(self, chosen: int | None) -> tuple[Point, ...]:
        """Evenly spread settings, in order of rising tax, the chosen one among them."""
        count = len(self.dial.tax)
        picked = set(np.unique(np.linspace(0, count - 1, min(count, _SHOWN)).astype(int)).tolist())
        if chosen is not None:
            picked.add(chosen)
        order = sorted(picked, key=lambda k: (self.dial.tax[k], -self.dial.risks.mean[k]))
        return tuple(self.at(k) for k in order)

    def today(self, goal: Goal) -> Point | None:
        """The setting in force; None when it is not known."""
        part = self.taxes.scored
        if part.today is None:
            return None
        risks = risks_at(part, goal.kind, part.today[None, :])
        p = math.nan if goal.alpha is None else float(risks.p_values(goal.alpha)[0])
        tested = (np.asarray(self.dial.settings) == part.today).all(axis=1)
        return Point(
            named(part.layers, part.today),
            self.taxes.interval(part.today),
            risk_interval(risks, 0, self.delta),
            p,
            bool(self.selection.certified[tested].any()),
        )


def risk_interval(risks: Risks, k: int, delta: float) -> Interval:
    """The empirical risk of setting k, with its one-sided upper limit."""
    return Interval(float(risks.mean[k]), 0.0, risks.upper(k, delta), 1.0 - delta, int(risks.n[k]))
