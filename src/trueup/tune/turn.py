"""Turn the dial: from scored examples to a recommended setting with its certificate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trueup.errors import UserError
from trueup.stats import Interval
from trueup.tune.certificate import certificate
from trueup.tune.dial import Dial, Selection, cheapest, select
from trueup.tune.flips import flips
from trueup.tune.joint import joint_dial
from trueup.tune.plan import plan
from trueup.tune.result import Change, Point, TuneReport
from trueup.tune.risks import RiskKind, risks_at
from trueup.tune.scored import Scored, named
from trueup.tune.taxes import Taxes
from trueup.tune.thresholds import threshold_dial
from trueup.tune.words import assumptions, reason, voids

__all__ = ["Costs", "Goal", "tune", "tune_segments"]

FloatArray = NDArray[np.float64]

_MOST_LAYERS = 12  # at once: a grid with two levels for each is still counted in a second
_SHOWN = 40  # points of a frontier
_LEVEL = 0.95  # of the intervals on what is won back


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
    points = _Points(dial, selection, taxes, goal.delta)
    shown = points.shown(chosen)
    found = None if chosen is None else points.at(chosen)
    today = _today(part, taxes, goal, dial, selection)
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
        today=today,
        won_back=None if settings is None else taxes.won_back(settings),
        frontier=shown,
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
    if report.certified and chosen is not None:
        made = certificate(report, scored, dial, selection, chosen, seed)
        report = replace(report, certificate=made)
    return report


def tune_segments(
    scored: Scored,
    goal: Goal,
    column: str,
    *,
    seed: int = 0,
    texts: Callable[[Sequence[int]], Sequence[str]] | None = None,
    warnings: tuple[str, ...] = (),
) -> tuple[TuneReport, ...]:
    """A setting for each value of a segment column, all of them certified together.

    Each is certified at delta divided by the number of values (Bonferroni), so that with
    probability 1 − delta no bound fails. Values without a harmful example are reported too: nothing
    can be certified for them.
    """
    values = scored.segments[column]
    names = sorted({str(value) for value in values if value is not None})
    if not names:
        raise UserError(f"No example has a value for {column!r}.")
    each = replace(goal, delta=goal.delta / len(names))
    reports = []
    for name in names:
        rows = np.flatnonzero(values == name)
        reports.append(
            tune(
                scored.part(column, name),
                each,
                seed=seed,
                segment=f"{column}={name}",
                texts=_texts_of(texts, rows),
                warnings=warnings,
            )
        )
    return tuple(reports)


def _texts_of(
    texts: Callable[[Sequence[int]], Sequence[str]] | None, rows: NDArray[np.int64]
) -> Callable[[Sequence[int]], Sequence[str]] | None:
    if texts is None:
        return None
    return lambda wanted: texts([int(rows[i]) for i in wanted])


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


@dataclass(frozen=True)
class _Points:
    """Settings of a dial as points, made when asked for: intervals are not free."""

    dial: Dial
    selection: Selection
    taxes: Taxes
    delta: float

    def at(self, k: int) -> Point:
        return Point(
            thresholds=named(self.taxes.scored.layers, self.dial.settings[k]),
            tax=self.taxes.interval(self.dial.settings[k]),
            risk=self._risk(k),
            p=float(self.selection.p[k]),
            certified=bool(self.selection.certified[k]),
        )

    def _risk(self, k: int) -> Interval:
        risks = self.dial.risks
        return Interval(
            float(risks.mean[k]),
            0.0,
            risks.upper(k, self.delta),
            1.0 - self.delta,
            int(risks.n[k]),
        )

    def shown(self, chosen: int | None) -> tuple[Point, ...]:
        """Evenly spread settings, in order of rising tax, the chosen one among them."""
        count = len(self.dial.tax)
        picked = set(np.unique(np.linspace(0, count - 1, min(count, _SHOWN)).astype(int)).tolist())
        if chosen is not None:
            picked.add(chosen)
        order = sorted(picked, key=lambda k: (self.dial.tax[k], -self.dial.risks.mean[k]))
        return tuple(self.at(k) for k in order)


def _today(
    part: Scored, taxes: Taxes, goal: Goal, dial: Dial, selection: Selection
) -> Point | None:
    if part.today is None:
        return None
    tested = (np.asarray(dial.settings) == part.today).all(axis=1)
    setting = part.today[None, :]
    risks = risks_at(part, goal.kind, setting)
    p = math.nan if goal.alpha is None else float(risks.p_values(goal.alpha)[0])
    risk = Interval(
        float(risks.mean[0]), 0.0, risks.upper(0, goal.delta), 1 - goal.delta, int(risks.n[0])
    )
    certified = bool(selection.certified[tested].any())
    return Point(named(part.layers, part.today), taxes.interval(part.today), risk, p, certified)


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
