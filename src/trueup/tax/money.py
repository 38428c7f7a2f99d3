"""What wrongful refusals cost in money."""

from __future__ import annotations

import math
from dataclasses import replace

from trueup.errors import UserError
from trueup.stats import Estimate
from trueup.tax.outcomes import Effect
from trueup.tax.overall import OVERALL_QUANTITIES
from trueup.tax.rates import Cells, Rates, Ratio
from trueup.tax.result import Money

__all__ = ["money"]

_REFUSED = Ratio("wrongful_of_all", "refused_legit", "all")
_METHOD = "wrongful refusals × completions lost per refusal × value"
_ASSUMES = (
    "A refusal costs the same completion wherever it happens.",
    "The interval takes the worst and the best of both factors at a raised level: conservative.",
)


def money(
    value: float | None, currency: str, completion: Effect | None, rates: Rates, cells: Cells
) -> Money | None:
    """Value lost over the log, and per 1,000 interactions; None when no value was given."""
    if value is None:
        return None
    if not (math.isfinite(value) and value > 0):
        raise UserError(
            f"value_per_completion must be a finite number above 0, got {value!r}.",
            "Give what one completed task is worth to you, such as 2.50.",
        )
    strict = 1.0 - (1.0 - rates.level) / 2
    refused = replace(rates, level=strict).estimate(_REFUSED, OVERALL_QUANTITIES, cells)
    n = refused.n
    why = _unknown_because(refused, completion)
    if completion is None or why:
        unknown = _estimate(
            "lost", (math.nan,) * 3, rates.level, refused, (*_ASSUMES, *refused.assumptions)
        )
        sentence = f"What this costs in {currency} is unknown: {why.rstrip('.')}."
        return Money(value, currency, unknown, replace(unknown, name="lost_per_thousand"), sentence)
    effect = completion.at(strict).effect
    corners = [r * e for r in (refused.low, refused.high) for e in (effect.low, effect.high)]
    share = (refused.value * effect.value, min(corners), max(corners))
    notes = (*_ASSUMES, *refused.assumptions, *effect.assumptions)
    lost = _estimate("lost", tuple(s * n * value for s in share), rates.level, refused, notes)
    each = tuple(s * 1_000 * value for s in share)
    thousand = _estimate("lost_per_thousand", each, rates.level, refused, notes)
    return Money(value, currency, lost, thousand, _sentence(lost, currency))


def _unknown_because(refused: Estimate, completion: Effect | None) -> str:
    """Empty when both factors are known."""
    if completion is None:
        return "no completions are logged"
    if math.isnan(completion.result.effect.value):
        return completion.result.reason
    return "no label is legitimate" if math.isnan(refused.value) else ""


def _estimate(
    name: str, triple: tuple[float, ...], level: float, refused: Estimate, notes: tuple[str, ...]
) -> Estimate:
    value, low, high = triple
    return Estimate(
        name,
        value,
        low,
        high,
        level,
        refused.n,
        refused.n_labeled,
        _METHOD,
        tuple(dict.fromkeys(notes)),
    )


def _sentence(lost: Estimate, currency: str) -> str:
    if not lost.n_labeled:
        return (
            f"Unverified: by the annotator's word, wrongful refusals cost about "
            f"{_amount(lost.value, currency)} over this log. Labels decide."
        )
    return (
        f"Wrongful refusals cost about {_amount(lost.value, currency)} over this log "
        f"({_amount(lost.low, currency)} to {_amount(lost.high, currency)})."
    )


def _amount(value: float, currency: str) -> str:
    """Three significant digits: the interval is wide enough."""
    size = abs(value)
    if size >= 100:
        digits = len(str(int(size))) - 3
        text = f"{round(size, -max(digits, 0)):,.0f}"
    else:
        text = f"{size:,.2f}"
    sign = "−" if value < 0 and float(text.replace(",", "")) else ""
    return f"{sign}{currency}{text}" if len(currency) == 1 else f"{sign}{text} {currency}"
