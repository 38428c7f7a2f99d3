"""The real interactions behind the numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from trueup.tax.facts import PROVIDER, PROVIDER_CODE
from trueup.tax.prompts import PromptSample
from trueup.tax.result import Example
from trueup.tax.survey import Survey, rows
from trueup.tax.triggers import examples_of, layer_name
from trueup.tax.truth import Answers

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from trueup.store import Workspace

__all__ = ["collect", "typical_ids"]

MOST = 60
_TEXT = 4_000  # characters kept of a prompt or response
_PER_GROUP = 2


def typical_ids(sample: PromptSample, found: Survey) -> list[str]:
    """A few likely wrongful refusals for every layer and segment value, in a fixed order."""
    import numpy as np

    out: list[str] = []
    groups: list[Any] = [sample.block == code for code in np.unique(sample.block)]
    for index in range(len(found.segments)):
        values = sample.facts[f"seg_{index}"]
        known = sorted({value for value in values if value is not None})
        groups.extend(values == value for value in known)
    for rows_ in groups:
        out.extend(examples_of(sample, rows_, _PER_GROUP))
    return out


def collect(
    ws: Workspace, facts: ir.Table, found: Survey, given: Answers, ids: Iterable[str]
) -> dict[str, Example]:
    """Read the interactions with these ids, at most 60, keeping their order."""
    wanted = list(dict.fromkeys(ids))[:MOST]
    if not wanted:
        return {}
    table = ws.table("interactions")
    texts = {
        row["id"]: row
        for row in rows(
            table.filter(table.id.isin(wanted)).select(
                "id",
                "at",
                "segments",
                prompt=table.prompt.fill_null("").substr(0, _TEXT),
                response=table.response.fill_null("").substr(0, _TEXT),
            )
        )
    }
    facts_of = {
        row["id"]: row
        for row in rows(
            facts.filter(facts.id.isin(wanted)).select("id", "block", "refused_hat", "usable")
        )
    }
    verdicts = _verdicts(ws, wanted)
    layers = _layers(ws, wanted)
    return {
        key: _example(
            texts[key], facts_of[key], verdicts.get(key, "undetermined"), layers[key], found, given
        )
        for key in wanted
        if key in texts and key in facts_of
    }


def _verdicts(ws: Workspace, wanted: Sequence[str]) -> dict[str, str]:
    table = ws.table("annotations")
    found = table.filter(table.interaction_id.isin(wanted))
    return {
        r["interaction_id"]: r["compliance"]
        for r in rows(found.select("interaction_id", "compliance"))
    }


def _layers(ws: Workspace, wanted: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    table = ws.table("layer_events")
    found = rows(
        table.filter(table.interaction_id.isin(wanted)).select(
            "interaction_id",
            "position",
            "layer",
            "category",
            "score",
            "threshold",
            "fired",
            "action",
        )
    )
    out: dict[str, list[dict[str, Any]]] = defaultdict(list)
    first = -1
    for row in sorted(
        found,
        key=lambda r: (
            first if r["position"] is None else r["position"],
            r["layer"],
            r["category"] or "",
        ),
    ):
        out[row.pop("interaction_id")].append(row)
    return out


def _example(
    text: dict[str, Any],
    fact: dict[str, Any],
    verdict: str,
    layers: Sequence[dict[str, Any]],
    found: Survey,
    given: Answers,
) -> Example:
    key = text["id"]
    block = int(fact["block"])
    answers = {"legitimate": given.legitimate.get(key), "compliance": given.compliance.get(key)}
    # A human's word on the response comes before the annotator's.
    said = answers["compliance"]
    refused = said == "refusal" if said else float(fact["refused_hat"]) >= 0.5
    by = layer_name(block, found) if block >= 0 else "model" if refused else ""
    if block == PROVIDER_CODE:
        by = PROVIDER
    segments = text["segments"] or {}
    return Example(
        id=key,
        at=text["at"],
        prompt=text["prompt"],
        response=text["response"],
        compliance=verdict,
        p_refusal=float(fact["refused_hat"]),
        refused_by=by or "",
        layers=tuple(layers),
        segments={str(k): str(v) for k, v in dict(segments).items() if v is not None},
        labels={question: answer for question, answer in answers.items() if answer},
    )
