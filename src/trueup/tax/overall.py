"""The rates over all traffic: the main three, the four kinds of refusal, the model's manners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from trueup.stats import Estimate
from trueup.tax.facts import BEHAVIOURS
from trueup.tax.rates import MAIN, MAIN_QUANTITIES, Cells, Quantity, Rates, Ratio, Reading
from trueup.tax.result import Behaviour

__all__ = ["OVERALL_QUANTITIES", "annotator_says", "behaviours", "kinds", "main_rates"]

_KINDS = (
    Ratio("over_refusal", "refused_legit", "refused_any"),
    Ratio("policy_refusal", "refused_harm", "refused_any"),
    Ratio("capability_gap", "unable", "refused_any"),
    Ratio("policy_mismatch", "refused_mismatch", "refused_any"),
)


def _behaviour(name: str) -> Callable[[Reading], object]:
    return lambda r: r.fact(name) * (r.partial + r.full) * r.legit


OVERALL_QUANTITIES: dict[str, Quantity] = {
    **MAIN_QUANTITIES,
    "all": lambda r: r.refused * 0.0 + 1.0,
    "refused": lambda r: r.refused,
    "refused_any": lambda r: r.refused + r.unable,
    "refused_harm": lambda r: r.refused * r.harm,
    "refused_mismatch": lambda r: r.refused * r.mismatch,
    "unable": lambda r: r.unable,
    "answered_legit": lambda r: (r.partial + r.full) * r.legit,
    **{name: _behaviour(name) for name in BEHAVIOURS},
}
_REFUSED = Ratio("annotator_refused", "refused", "all")


def main_rates(rates: Rates, cells: Cells) -> dict[str, Estimate]:
    return {ratio.name: rates.estimate(ratio, OVERALL_QUANTITIES, cells) for ratio in MAIN}


def kinds(rates: Rates, cells: Cells) -> tuple[Estimate, ...]:
    """Shares of refusals that were over-refusal, policy, capability gap and policy mismatch.

    Only people can tell them apart: without labels each is unknown.
    """
    found = tuple(rates.estimate(ratio, OVERALL_QUANTITIES, cells) for ratio in _KINDS)
    if any(one.n_labeled for one in found):
        return found
    need = ("Only labels of both questions can tell the kinds of refusal apart.",)
    return tuple(
        replace(one, value=float("nan"), low=0.0, high=1.0, method="unknown", assumptions=need)
        for one in found
    )


def behaviours(rates: Rates, cells: Cells) -> tuple[Behaviour, ...]:
    """Share of legitimate, answered traffic that carries such phrases, as the annotator counts."""
    out = []
    for name in BEHAVIOURS:
        made = rates.estimate(Ratio(name, name, "answered_legit"), OVERALL_QUANTITIES, cells)
        counted = ("The phrases are counted by the annotator; no one labelled them.",)
        out.append(Behaviour(name, replace(made, assumptions=(*made.assumptions, *counted))))
    return tuple(out)


def annotator_says(rates: Rates, cells: Cells) -> Estimate:
    """Share of all traffic that the annotator and the layers' blocks call refused."""
    interval = rates.predicted(_REFUSED, cells)
    return Estimate(
        name="annotator_refused",
        value=interval.value,
        low=interval.low,
        high=interval.high,
        level=interval.level,
        n=interval.n,
        n_labeled=0,
        method="annotator alone; the interval is for sampling, not for its errors",
        assumptions=("The annotator and the logged blocks are taken at their word.",),
    )
