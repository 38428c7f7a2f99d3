"""What tuning says, as frozen values: computed in `tune`, displayed by `report`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trueup.stats import Estimate, Interval

__all__ = ["Change", "Flip", "Plan", "Point", "TuneReport", "Watch"]


@dataclass(frozen=True, slots=True)
class Point:
    """One setting of the dial on its frontier.

    thresholds: by layer; None is off, nothing reaches it. tax: share of legitimate traffic flagged.
    risk: what the bound is about, with its one-sided upper limit as `high`. p: p-value of "the risk
    is alpha or more". certified: whether the procedure rejected that.
    """

    thresholds: dict[str, float | None]
    tax: Interval
    risk: Interval
    p: float
    certified: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One threshold that the recommendation moves. `now` or `then` None: off, or not known."""

    layer: str
    now: float | None
    then: float | None


@dataclass(frozen=True, slots=True)
class Flip:
    """A real example whose fate changes. Texts are the log's own: hostile until escaped.

    fate: "passes" (was flagged) or "blocked" (was not). label: "harmful", "legitimate", "unknown".
    layer, score, threshold: which layer's change decides, its score, and the new threshold.
    """

    id: str
    fate: str
    label: str
    text: str
    layer: str
    score: float
    threshold: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What it would take to certify when nothing is, and the best that can be certified today.

    needed: positives (label 1) at which a setting that misses none certifies. needed_today: how
    many, of those drawn alike, would certify today's setting; None when it is not known or misses
    too much. best_alpha: the strictest bound that would have been certified, had it been asked for
    before looking; None when there is none. best: the setting it would have been.
    """

    n_positive: int
    needed: int
    needed_today: int | None
    best_alpha: float | None
    best: Point | None


@dataclass(frozen=True, slots=True)
class TuneReport:
    """One dial turned: for all traffic, or for one segment.

    certified: whether a setting is. reason: a sentence, why or why not. chosen: the certified
    setting with the least tax; in costs mode the cheapest, uncertified. today: the setting in
    force, None when unknown. won_back: tax today minus tax then, a difference of shares; None
    without a setting in force. frontier: points in order of rising tax. delta: after division
    among segments.
    """

    segment: str | None  # "column=value"; None: all traffic
    mode: str  # "miss", "new_miss" or "costs"
    layers: tuple[str, ...]
    alpha: float | None
    delta: float
    certified: bool
    reason: str
    procedure: str
    p_value: str
    n: int
    n_labeled: int
    n_positive: int
    n_negative: int
    chosen: Point | None
    today: Point | None
    won_back: Estimate | None
    frontier: tuple[Point, ...]
    changes: tuple[Change, ...]
    flips: tuple[Flip, ...]
    n_flips: dict[str, int]  # "passes", "blocked"
    plan: Plan | None
    costs: tuple[float, float] | None  # of one miss, of one block
    assumptions: tuple[str, ...]
    voided_by: tuple[str, ...]
    warnings: tuple[str, ...]
    certificate: dict[str, Any] | None

    @property
    def risk_bound(self) -> float | None:
        """Upper limit of the chosen setting's risk at confidence 1 − delta."""
        return self.chosen.risk.high if self.certified and self.chosen else None


@dataclass(frozen=True, slots=True)
class Watch:
    """What the watch on a certificate says.

    capital: evidence against the guarantee, an e-value now; highest: its highest so far. alarm:
    whether it ever reached 1/delta. first_alarm: how many positives had been seen by then. risk:
    empirical, with an anytime-valid interval. path: highest capital after each positive, for a
    chart, at most a few hundred points of (positives, capital).
    """

    alpha: float
    delta: float
    n: int
    n_positive: int
    losses: float
    risk: Interval
    capital: float
    highest: float
    alarm: bool
    first_alarm: int | None
    path: tuple[tuple[int, float], ...]
    notes: tuple[str, ...]
    kind: str = "miss"  # what is bounded: "miss" or "new_miss"
