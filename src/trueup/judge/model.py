"""The linear model: weights read from the package's data, scores written as an expression.

Two logistic regressions on the same features. The first separates full compliance from the rest,
the second full refusal from partial, among the rest; so P(partial) = P(not full) * P(partial | not
full), and the three probabilities sum to one by construction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from trueup.judge.features import PREFIX, length_features, phrase_features

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Logistic", "Model", "load_model", "with_probabilities"]

WEIGHTS = "weights/annotator.json"
MAX_LOGIT = 12.0  # a rule of thumb about text is never surer than 6 in a million


@dataclass(frozen=True, slots=True)
class Logistic:
    """intercept: logit at zero features; coef: feature name -> logit per unit."""

    intercept: float
    coef: Mapping[str, float]

    def logit(self, table: ir.Table) -> ir.FloatingValue:
        """The score of every row of a table that `with_features` made.

        Most answers are not suspect and have only a length: the rest of the sum is for the few.
        """
        import ibis

        plain = self._plus(ibis.literal(self.intercept), length_features(table))
        close = self._plus(plain, phrase_features(table))
        return ibis.ifelse(table[PREFIX + "suspect"], close, plain)

    def _plus(self, start: Any, features: Mapping[str, ir.Value]) -> Any:
        for name, value in features.items():
            if name in self.coef:
                start = start + value * self.coef[name]
        return start


@dataclass(frozen=True, slots=True)
class Model:
    """version: of the weights; threshold: on P(not full), above which it is refused."""

    version: str
    not_full: Logistic
    refusal: Logistic
    threshold: float

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Model:
        """Read the form that `scripts/train_annotator.py` writes."""
        return cls(
            version=data["version"],
            not_full=Logistic(**data["not_full"]),
            refusal=Logistic(**data["refusal"]),
            threshold=data["threshold"],
        )


@cache
def load_model() -> Model:
    """The weights shipped with the package."""
    from importlib.resources import files

    return Model.from_dict(json.loads(files("trueup.judge").joinpath(WEIGHTS).read_text("utf-8")))


def _sigmoid(logit: ir.FloatingValue) -> ir.FloatingValue:
    import ibis

    from trueup.judge.barriers import exp

    return 1 / (1 + exp(-ibis.least(ibis.greatest(logit, -MAX_LOGIT), MAX_LOGIT)))


def with_probabilities(table: ir.Table, model: Model) -> ir.Table:
    """Add `_tu_p_full`, `_tu_p_partial` and `_tu_p_refusal` to a table with features."""
    t = table.mutate(
        **{PREFIX + "z1": model.not_full.logit(table), PREFIX + "z2": model.refusal.logit(table)}
    )
    t = t.mutate(
        **{PREFIX + "s1": _sigmoid(t[PREFIX + "z1"]), PREFIX + "s2": _sigmoid(t[PREFIX + "z2"])}
    )
    refused, wholly = t[PREFIX + "s1"], t[PREFIX + "s2"]
    return t.mutate(
        **{
            PREFIX + "p_full": 1 - refused,
            PREFIX + "p_partial": refused * (1 - wholly),
            PREFIX + "p_refusal": refused * wholly,
        }
    )
