"""One or two sentences for a lead."""

from __future__ import annotations

import math
from collections.abc import Sequence

from trueup.stats import Estimate
from trueup.tax.result import LabelPlan, LayerRow
from trueup.tax.words import base_of, between, of_every, percent

__all__ = ["headline"]

_NO_INTERVAL = 0.98  # a width that says nothing
_REQUESTS = "legitimate requests"


def headline(
    wrongful: Estimate, says: Estimate, layers: Sequence[LayerRow], plan: LabelPlan
) -> str:
    """The main number, who takes most of it; what to do when nobody has checked it."""
    if not wrongful.n_labeled:
        return _unverified(says, layers, plan)
    if math.isnan(wrongful.value) or wrongful.high - wrongful.low > _NO_INTERVAL:
        return (
            f"Unknown: the {wrongful.n_labeled:,} labelled interactions do not hold enough "
            f"legitimate ones. Label more: {plan.command}."
        )
    if wrongful.value < 0.0005:
        return (
            f"Hardly any legitimate request is refused: {percent(wrongful.value)}, at most "
            f"{percent(wrongful.high)}."
        )
    return f"{_rate(wrongful)}{_blame(wrongful, layers)}"


def _rate(found: Estimate) -> str:
    text = of_every(found.value, _REQUESTS)
    text = text[0].upper() + text[1:]
    return f"{text} refused ({between(found)})."


def _blame(wrongful: Estimate, layers: Sequence[LayerRow]) -> str:
    """Who is behind most of it, with its own interval."""
    known = [row for row in layers if row.wrongful.value > 0]
    if not known:
        return ""
    top = max(known, key=lambda row: row.wrongful.value)
    share = top.wrongful.value / wrongful.value
    if len(known) == 1:
        return " All in the model's own words." if top.kind == "model" else f" All by {top.layer}."
    if share < 0.25:
        return ""
    who = "The model itself" if top.kind == "model" else the_layer(top.layer)
    how = "nearly all" if share >= 0.9 else "most" if share > 0.5 else "the largest part"
    base = base_of(wrongful.value)
    number = f"{_tidy(top.wrongful.value * base)} of those {_tidy(wrongful.value * base)}"
    limits = f"{_tidy(top.wrongful.low * base)} to {_tidy(top.wrongful.high * base)} per {base:,}"
    return f" {who} takes {how} of it: {number} ({limits})."


def the_layer(name: str) -> str:
    """ "The topic guard", "The topic layer": a name that says what it is stays alone."""
    kinds = ("guard", "filter", "list", "layer", "classifier", "moderation", "check", "detector")
    alone = name.lower().replace("_", " ").replace("-", " ").endswith(kinds)
    return f"The {name}" if alone else f"The {name} layer"


def _tidy(value: float) -> str:
    return f"{round(value):,}" if value >= 9.5 or value == 0 else f"{value:.1f}".removesuffix(".0")


def _unverified(says: Estimate, layers: Sequence[LayerRow], plan: LabelPlan) -> str:
    if math.isnan(says.value):
        return "Unverified: nothing in this log could be judged."
    batch = plan.command.rsplit(" ", 1)[-1]
    ask = f" Label {batch} to know how many of them were legitimate: {plan.command}."
    if says.value == 0:
        return f"Unverified: the annotator finds no refusal in {says.n:,} interactions.{ask}"
    text = of_every(says.value, "requests")
    return f"Unverified: the annotator says that {text} refused ({between(says)}).{ask}"
