"""When nothing certifies: how many labels would, and the best that can be certified today."""

from __future__ import annotations

import math

import numpy as np

from trueup.stats import least_n
from trueup.tune.dial import Dial, select
from trueup.tune.points import risk_interval
from trueup.tune.result import Plan, Point
from trueup.tune.risks import RiskKind, effective_n, risks_at
from trueup.tune.scored import Scored, named
from trueup.tune.taxes import Taxes
from trueup.tune.thresholds import threshold_dial

__all__ = ["plan"]


def plan(
    scored: Scored,
    kind: RiskKind,
    alpha: float,
    delta: float,
    dial: Dial,
    part: Scored,
    taxes: Taxes,
) -> Plan:
    """What it would take to certify alpha at delta.

    Parameters
    ----------
    scored, part
        All examples, and those that the dial's risks were measured on.
    dial, taxes
        As tried, on `part`.

    Notes
    -----
    Numbers of positives are those of the whole sample, drawn like this one: the share that chooses
    an order and the loss by unequal weights are allowed for.
    """
    n = int(scored.positive.sum())
    worth = effective_n(part) / n if n else 1.0
    best = _best(scored, kind, delta, dial, taxes)
    return Plan(
        n_positive=n,
        needed=_scaled(least_n(alpha, delta), worth) or 0,
        needed_today=_for_today(part, kind, alpha, delta, worth),
        best_alpha=best[0],
        best=best[1],
    )


def _scaled(needed: int | None, worth: float) -> int | None:
    return None if needed is None or worth <= 0 else math.ceil(needed / worth)


def _for_today(
    part: Scored, kind: RiskKind, alpha: float, delta: float, worth: float
) -> int | None:
    if part.today is None or not part.positive.any():
        return None
    rate = float(risks_at(part, kind, part.today[None, :]).mean[0])
    return _scaled(least_n(alpha, delta, rate), worth)


def _best(
    scored: Scored, kind: RiskKind, delta: float, dial: Dial, taxes: Taxes
) -> tuple[float | None, Point | None]:
    """The strictest bound that the safest setting passes, and the setting certified at it."""
    if not len(dial.tax) or dial.risks.n[0] == 0:
        return None, None
    strictest = dial.risks.upper(0, delta)
    if not 0.0 < strictest < 1.0:
        return None, None
    alpha = math.ceil(strictest * 1000) / 1000
    if not 0.0 < alpha < 1.0:
        return None, None
    if len(scored.layers) == 1:  # the critical threshold depends on the bound
        dial = threshold_dial(scored, kind, alpha, delta)
    found = select(dial, alpha, delta)
    if found.chosen is None:
        return None, None
    k = found.chosen
    risk = risk_interval(dial.risks, k, delta)
    settings = np.asarray(dial.settings[k])
    point = Point(
        named(scored.layers, settings), taxes.interval(settings), risk, float(found.p[k]), True
    )
    return alpha, point
