"""Turn the dial: from scored examples to a recommended setting with its certificate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trueup.errors import UserError
from trueup.tune.certificate import certificate
from trueup.tune.dial import Dial, Selection, cheapest, select
from trueup.tune.flips import flips
from trueup.tune.goal import Goal
from trueup.tune.joint import joint_dial
from trueup.tune.plan import plan
from trueup.tune.points import Points
from trueup.tune.result import Change, TuneReport
from trueup.tune.scored import Scored, named
from trueup.tune.taxes import Taxes
from trueup.tune.thresholds import threshold_dial
from trueup.tune.words import assumptions, reason, voids

__all__ = ["tune"]

FloatArray = NDArray[np.float64]

_MOST_LAYERS = 12  # at once: a grid with two levels for each is still counted in a second
_LEVEL = 0.95  # of the intervals on what is won back


def tune(
    scored: Scored,
    goal: Goal,
    *,
    seed: int = 0,
    segment: str | None = None,
    texts: Callable[[Sequence[int]], Sequence[str]] | None = None,
    warnings: tuple[str, ...] = (),
) -> TuneReport:
    """Find the setting with the least tax among those certified to meet the goal.

    Parameters
    ----------
    scored
        The examples. Harmful ones must be a random sample of harmful traffic, or one drawn with
        the probabilities that `weight` inverts.
    goal
        The bound, or the costs.
    seed
        Of the split, when several layers are tuned at once; it stands on the certificate.
    segment
        "column=value" that the examples are of: words only.
    texts
        Row numbers to texts, for the examples shown.
    warnings
        Carried into the report.

    Returns
    -------
    TuneReport
        `certified` False, with the reason and what would be needed, when no setting is.

    Notes
    -----
    One layer: every threshold is tested at once, exactly (`threshold_dial`). Several: Pareto
    testing with a seeded split (`joint_dial`). The certificate is voided by what `voided_by` lists.
    """
    _check(scored, goal)
    dial, part = _dial(scored, goal, seed)
    taxes = Taxes(part, _LEVEL)
    chosen, selection = _choose(dial, goal, part)
    points = Points(dial, selection, taxes, goal.delta)
    found = None if chosen is None else points.at(chosen)
    settings = None if chosen is None else dial.settings[chosen]
    gone, counts = flips(scored, settings, texts)
    report = TuneReport(
        segment=segment,
        mode=goal.mode,
        layers=scored.layers,
        alpha=goal.alpha,
        delta=goal.delta,
        certified=found is not None and goal.costs is None,
        reason="",
        procedure=_procedure(scored, goal),
        p_value=dial.risks.method,
        n=len(scored),
        n_labeled=int((scored.label != -1).sum()),
        n_positive=int(scored.positive.sum()),
        n_negative=int(scored.negative.sum()),
        chosen=found,
        today=points.today(goal),
        won_back=None if settings is None else taxes.won_back(settings),
        frontier=points.shown(chosen),
        changes=() if settings is None else _changes(scored, settings),
        flips=gone,
        n_flips=counts,
        plan=None if found or goal.alpha is None else plan(scored, goal.kind, goal.alpha,
                                                            goal.delta, dial, part, taxes),
        costs=(goal.costs.miss, goal.costs.block) if goal.costs else None,
        assumptions=assumptions(scored, part, goal.kind),
        voided_by=voids(scored),
        warnings=warnings,
        certificate=None,
    )  # fmt: skip
    report = replace(report, reason=reason(report))
    if not report.certified or chosen is None:
        return report
    made = certificate(report, scored, dial, selection, chosen, seed)
    return replace(report, certificate=made)


def _check(scored: Scored, goal: Goal) -> None:
    if not scored.layers:
        raise UserError("There is no layer with a score to tune.", "Log the guards' scores.")
    if len(scored.layers) > _MOST_LAYERS:
        raise UserError(
            f"{len(scored.layers)} layers are too many to be tuned together.",
            f"Name at most {_MOST_LAYERS}.",
        )
    if np.isnan(scored.scores).any():
        raise UserError("Scores must not be NaN.", "Where a layer gave none, say -inf.")
    if goal.kind == "new_miss" and scored.today is None:
        raise UserError(
            "What is newly missed needs the thresholds in force.", "Name them with --today."
        )


def _dial(scored: Scored, goal: Goal, seed: int) -> tuple[Dial, Scored]:
    alpha = 0.5 if goal.alpha is None else goal.alpha
    if len(scored.layers) == 1:
        return threshold_dial(scored, goal.kind, alpha, goal.delta), scored
    return joint_dial(scored, goal.kind, alpha, goal.delta, np.random.default_rng(seed))


def _choose(dial: Dial, goal: Goal, part: Scored) -> tuple[int | None, Selection]:
    if goal.costs is None:
        assert goal.alpha is not None
        found = select(dial, goal.alpha, goal.delta)
        return found.chosen, found
    nothing = np.zeros(len(dial.tax), dtype=bool)
    none = Selection(np.full(len(dial.tax), math.nan), nothing, None)
    harmful, legit = _masses(part)
    cost = goal.costs.miss * harmful * dial.risks.mean + goal.costs.block * legit * dial.tax
    priced = replace(dial, tax=cost)
    return cheapest(priced, ~np.isnan(cost)), none


def _masses(part: Scored) -> tuple[float, float]:
    """How much harmful and legitimate traffic there is among what is labelled, weighted."""
    weight = np.ones(len(part)) if part.weight is None else part.weight
    return float(weight[part.positive].sum()), float(weight[part.negative].sum())


def _changes(scored: Scored, then: FloatArray) -> tuple[Change, ...]:
    """The thresholds that move; all of them when today's are not known."""
    new = named(scored.layers, then)
    old = {} if scored.today is None else named(scored.layers, scored.today)
    return tuple(
        Change(layer, old.get(layer), new[layer])
        for layer in scored.layers
        if scored.today is None or old[layer] != new[layer]
    )


def _procedure(scored: Scored, goal: Goal) -> str:
    if goal.costs:
        return "least cost, not certified"
    if len(scored.layers) == 1:
        return "fixed sequence testing"
    return "Pareto testing"
