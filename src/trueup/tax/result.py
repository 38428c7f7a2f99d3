"""What the tax report says, as frozen values: computed in `tax`, displayed by `report`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trueup.stats import Estimate

__all__ = [
    "Action",
    "Behaviour",
    "Example",
    "GroupRow",
    "LabelPlan",
    "LayerRow",
    "Money",
    "OutcomeEffect",
    "Overview",
    "PromptCluster",
    "StackMaths",
    "TaxReport",
    "TriggerTerm",
]


@dataclass(frozen=True, slots=True)
class Overview:
    """What the log holds. `labels` counts interactions with a human answer to both questions."""

    source: str
    interactions: int
    users: int
    first: datetime | None
    last: datetime | None
    models: tuple[str, ...]
    layers: tuple[str, ...]
    segment_columns: tuple[str, ...]
    labels: int
    undetermined: int
    quarantined: int
    outcomes_simulated: bool
    annotator_version: str
    cluster: str  # "user", "conversation" or "interaction": the unit of independence


@dataclass(frozen=True, slots=True)
class GroupRow:
    """The three rates for one group: a segment value, or a period of time.

    `column` is the segment column or "period"; `share` the group's share of the interactions.
    """

    column: str
    value: str
    n: int
    share: float
    wrongful_refusal: Estimate
    needless_degradation: Estimate
    under_refusal: Estimate


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer of the stack.

    fired, fired_first and fired_alone are shares of the legitimate traffic; `wrongful` is the share
    of legitimate traffic that this layer was the first to block; `harm_caught_alone` the share of
    harmful traffic that nothing else caught (what removing the layer would let through). Latencies
    are milliseconds, None when not logged; `share_of_latency` is the layer's p95 over the
    end-to-end p95. The model's own refusals are a row of kind "model".
    """

    layer: str
    kind: str  # "layer" or "model"
    events: int
    fired: Estimate
    fired_first: Estimate
    fired_alone: Estimate
    wrongful: Estimate
    harm_caught_alone: Estimate
    p50_ms: float | None
    p95_ms: float | None
    share_of_latency: float | None


@dataclass(frozen=True, slots=True)
class StackMaths:
    """Clean pass of legitimate traffic: what independence would give, and the measured rate.

    Latency: serial is the sum of the layers per interaction, parallel the slowest; end to end as
    logged.
    `over_budget`: the layers take more than 10 % of the end-to-end p95.
    """

    independent: Estimate
    measured: Estimate
    serial_p50_ms: float | None
    serial_p95_ms: float | None
    parallel_p95_ms: float | None
    end_to_end_p50_ms: float | None
    end_to_end_p95_ms: float | None
    over_budget: bool | None


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Share of legitimate, answered traffic that carries at least one such phrase."""

    name: str  # hedges, disclaimers, warnings, apologies, judgements, deflections
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class OutcomeEffect:
    """Outcome lost to an intervention on legitimate traffic: untreated mean minus treated mean.

    `design` is "randomised arm", "adjusted" or "not estimable"; `reason` says why not. `overlap` is
    the share of the weight that has a counterpart in the other group, None for a randomised arm.
    """

    outcome: str
    design: str
    effect: Estimate
    without: Estimate
    with_intervention: Estimate
    overlap: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Money:
    """Value lost to wrongful refusals: completions lost times the value given for one."""

    value_per_completion: float
    currency: str
    lost: Estimate  # over the whole log, in currency
    per_thousand: Estimate  # per 1,000 interactions
    sentence: str


@dataclass(frozen=True, slots=True)
class TriggerTerm:
    """A word in prompts that goes with being refused."""

    term: str
    n: int  # legitimate interactions that contain it
    refused: Estimate  # share of them refused
    base: float  # share refused without the term
    lost_points: (
        float  # percentage points of all legitimate traffic refused with this term, above base
    )
    layer: str | None  # the layer that blocks most of them; None: the model itself
    example_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PromptCluster:
    """A group of similar refused prompts; `share` is its share of all wrongful refusals."""

    terms: tuple[str, ...]
    n: int
    share: float
    example_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do, ranked by the legitimate traffic that it would win back.

    `recoverable` is a share of legitimate traffic; `risk` the share of harmful traffic that it
    would let through (value NaN when unknown). `sentence` says both, in words. `certified`: the
    risk carries the guarantee of a certificate, and `risk.high` is its bound.
    """

    title: str
    sentence: str
    recoverable: Estimate
    risk: Estimate
    example_ids: tuple[str, ...]
    certified: bool = False


@dataclass(frozen=True, slots=True)
class LabelPlan:
    """How many more labels bring the main interval to the wanted half width.

    `needed` is None when no number is enough: the log itself is too small a sample.
    """

    needed: int | None
    half_width: float
    sentence: str
    command: str


@dataclass(frozen=True, slots=True)
class Example:
    """One real interaction behind a number. Texts are the log's own: hostile until escaped."""

    id: str
    at: datetime | None
    prompt: str
    response: str
    compliance: str
    p_refusal: float
    refused_by: str  # a layer's name, "model", or "" when not refused
    layers: tuple[dict[str, Any], ...]  # layer, score, threshold, action
    segments: dict[str, str]
    labels: dict[str, str]  # question -> human answer


@dataclass(frozen=True, slots=True)
class TaxReport:
    """The whole report. `verified` is False when no human label stands behind the numbers."""

    overview: Overview
    level: float
    verified: bool
    headline: str  # one or two sentences for a lead
    wrongful_refusal: Estimate
    needless_degradation: Estimate
    under_refusal: Estimate
    annotator_says: Estimate  # prediction-only share refused, of all traffic: the sampling interval
    kinds: tuple[Estimate, ...]  # shares of refusals: over, policy, capability gap, policy mismatch
    behaviours: tuple[Behaviour, ...]
    segments: tuple[GroupRow, ...]
    periods: tuple[GroupRow, ...]
    layers: tuple[LayerRow, ...]
    stack: StackMaths | None
    outcomes: tuple[OutcomeEffect, ...]
    after_refusal: tuple[
        Estimate, ...
    ]  # shares of wrongful refusals followed by rephrase, retry, …
    money: Money | None
    triggers: tuple[TriggerTerm, ...]
    clusters: tuple[PromptCluster, ...]
    actions: tuple[Action, ...]
    labels: LabelPlan
    examples: dict[str, Example]
    notes: tuple[str, ...]

    def estimates(self) -> Iterator[Estimate]:
        """Every estimate of the report, in reading order: what `--json` carries."""
        yield from (self.wrongful_refusal, self.needless_degradation, self.under_refusal)
        yield self.annotator_says
        yield from self.kinds
        yield from (row.estimate for row in self.behaviours)
        for group in (*self.segments, *self.periods):
            yield from (group.wrongful_refusal, group.needless_degradation, group.under_refusal)
        for row in self.layers:
            yield from (row.fired, row.fired_first, row.fired_alone, row.wrongful)
            yield row.harm_caught_alone
        if self.stack:
            yield from (self.stack.independent, self.stack.measured)
        for outcome in self.outcomes:
            yield from (outcome.effect, outcome.without, outcome.with_intervention)
        yield from self.after_refusal
        if self.money:
            yield from (self.money.lost, self.money.per_thousand)
        for action in self.actions:
            yield from (action.recoverable, action.risk)
