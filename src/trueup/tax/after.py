"""What people do after a wrongful refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.stats import Estimate, cluster_mean
from trueup.tax.prompts import PromptSample, terms_of
from trueup.tax.rates import Quantity, Rates, Ratio, sum_cells
from trueup.tax.survey import Survey

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from trueup.store import Workspace

__all__ = ["after_refusal"]

_KINDS = ("rephrase", "retry", "abandon", "complete")
_SOON = 600.0  # seconds within which the next turn is a reaction
_ALIKE = 0.3  # Jaccard similarity of words from which a prompt is a rephrasing
_LEAST = 5  # likely wrongful refusals
_MOST = 4_000  # of them followed up


def after_refusal(
    ws: Workspace, facts: ir.Table, found: Survey, rates: Rates, sample: PromptSample
) -> tuple[Estimate, ...]:
    """Shares of wrongful refusals followed by rephrase, retry, abandon and complete.

    From the logged outcomes; where the log has none of the first three, from the next turn of the
    same conversation. Empty when neither is known.
    """
    logged = [kind for kind in _KINDS if kind in found.outcome_kinds]
    out = list(_from_outcomes(facts, logged, rates)) if logged else []
    if not set(logged) & {"rephrase", "retry", "abandon"}:
        out += _from_turns(ws, found, sample, rates.level)
    return tuple(out)


def _from_outcomes(facts: ir.Table, logged: list[str], rates: Rates) -> list[Estimate]:
    quantities: dict[str, Quantity] = {"refused_legit": lambda r: r.refused * r.legit}
    flags = {f"after_{kind}": (facts[f"did_{kind}"] > 0).fill_null(False) for kind in logged}
    for kind in logged:
        quantities[kind] = _followed(f"after_{kind}")
    cells = sum_cells(facts.mutate(**flags), quantities)
    rows = rates.with_facts(
        {f"after_{kind}": _did(rates.rows.facts, kind, len(rates.rows)) for kind in logged}
    )
    note = ("An outcome that was not logged did not happen.",)
    return [
        rows.noting(note).estimate(
            Ratio(f"after_refusal_{kind}", kind, "refused_legit"), quantities, cells
        )
        for kind in logged
    ]


def _followed(name: str) -> Quantity:
    return lambda r: r.refused * r.legit * r.fact(name)


def _did(facts: dict[str, NDArray[Any]], kind: str, n: int) -> NDArray[np.float64]:
    values = facts.get(f"did_{kind}")
    if values is None:
        return np.zeros(n)
    return (np.nan_to_num(values.astype(np.float64)) > 0).astype(np.float64)


def _from_turns(ws: Workspace, found: Survey, sample: PromptSample, level: float) -> list[Estimate]:
    """Read the next turn of the conversation, for the wrongful refusals of the sample."""
    if not found.conversations or found.first is None:
        return []
    likely = np.flatnonzero((sample.wrongful > 0) & (sample.refused >= 0.5))
    likely = likely[:: max(1, -(-len(likely) // _MOST))]
    turns = _next_turns(ws, [str(key) for key in sample.id[likely]])
    known = np.array([str(sample.id[i]) in turns for i in likely], dtype=bool)
    rows = likely[known]
    if len(rows) < _LEAST:
        return []
    reactions = np.array(
        [_reaction(str(sample.prompt[i]), *turns[str(sample.id[i])]) for i in rows]
    )
    weights = (sample.weight * sample.wrongful)[rows]
    out = []
    for kind in ("rephrase", "retry", "abandon"):
        values = (reactions == kind).astype(np.float64)
        interval = cluster_mean(values, sample.cluster[rows], level, weights=weights)
        out.append(
            Estimate(
                name=f"after_refusal_{kind}",
                value=interval.value,
                low=interval.low,
                high=interval.high,
                level=level,
                n=interval.n,
                n_labeled=int(sample.labelled[rows].sum()),
                method="inferred from the next turn of the conversation within 10 minutes",
                assumptions=(
                    "The same words again are a retry, similar ones a rephrasing, none an end.",
                    "Refusals count by their chance of being wrongful.",
                ),
            )
        )
    return out


def _next_turns(ws: Workspace, ids: list[str]) -> dict[str, tuple[str | None, float | None]]:
    """Per refused turn the next prompt of its conversation and the seconds until then."""
    import ibis

    if not ids:
        return {}
    table = ws.table("interactions")
    turns = table.filter(table.conversation_id.notnull(), table.at.notnull())
    asked = turns.semi_join(ibis.memtable({"id": ids}), "id")
    mine = turns.semi_join(asked.select("conversation_id").distinct(), "conversation_id")
    order = ibis.window(group_by=mine.conversation_id, order_by=[mine.at, mine.id])
    ahead = mine.select(
        "id",
        "at",
        next_prompt=mine.prompt.substr(0, 600).lead(1).over(order),
        next_at=mine.at.lead(1).over(order),
    )
    wanted = set(ids)
    out: dict[str, tuple[str | None, float | None]] = {}
    for row in ahead.to_pyarrow().to_pylist():
        if row["id"] in wanted:
            later = row["next_at"]
            wait = None if later is None else (later - row["at"]).total_seconds()
            out[row["id"]] = (row["next_prompt"], wait)
    return out


def _reaction(prompt: str, later: str | None, wait: float | None) -> str:
    if wait is None or wait > _SOON:
        return "abandon"
    if later is None:
        return "other"
    if later.strip().casefold() == prompt.strip().casefold():
        return "retry"
    a, b = terms_of(prompt), terms_of(later)
    return "rephrase" if a | b and len(a & b) / len(a | b) >= _ALIKE else "other"
