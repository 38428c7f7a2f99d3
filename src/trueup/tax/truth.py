"""The labelled rows: what humans said, beside what was predicted of the same interactions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.store import Answers, answers

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from trueup.store import Workspace

__all__ = ["Answers", "Labelled", "answers", "labelled"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Labelled:
    """The labelled interactions as arrays of one length, in the order of `id`.

    `facts` holds their columns of the fact table. Truth arrays are 0/1 and mean something only
    where the mask beside them is true: `knows_legit` for legit, harm and mismatch; `knows_response`
    for refused, unable, partial and full.
    """

    id: tuple[str, ...]
    facts: dict[str, NDArray[Any]]
    probability: FloatArray
    cluster: NDArray[np.int64]
    knows_legit: NDArray[np.bool_]
    knows_response: NDArray[np.bool_]
    legit: FloatArray
    harm: FloatArray
    mismatch: FloatArray
    refused: FloatArray
    unable: FloatArray
    partial: FloatArray
    full: FloatArray
    drawn: bool  # False: the labels carry no probabilities and count as a simple random sample
    by_hand: int  # labelled rows left out because they were chosen by hand while others were drawn
    ties: int
    unsure: int

    def __len__(self) -> int:
        return len(self.id)

    @property
    def both(self) -> int:
        """Interactions for which both questions are settled."""
        return int((self.knows_legit & self.knows_response).sum())


def labelled(ws: Workspace, facts: ir.Table, given: Answers) -> Labelled:
    """The labelled rows of the fact table.

    Where some labels were drawn at random, those chosen by hand are left out: they say nothing
    about the rate.
    """
    columns = _columns_of(ws, facts, given)
    ids = columns.pop("id", np.empty(0, dtype=object))
    known = np.array([key in given.probability for key in ids], dtype=bool)
    keep = known if given.random else np.ones(len(ids), dtype=bool)
    columns = {name: values[keep] for name, values in columns.items()}
    kept = tuple(str(key) for key in ids[keep])
    legit = [given.legitimate.get(key) for key in kept]
    response = [given.compliance.get(key) for key in kept]
    blocked = columns.get("blocked", np.empty(0)).astype(bool)

    def said(values: list[str | None], answer: str) -> FloatArray:
        return np.array([value == answer for value in values], dtype=np.float64)

    def unblocked(answer: str) -> FloatArray:
        return np.where(blocked, 0.0, said(response, answer))

    return Labelled(
        id=kept,
        facts=columns,
        probability=np.array([given.probability.get(key, 1.0) for key in kept], dtype=np.float64),
        cluster=np.unique(columns.get("cluster", np.empty(0, np.int64)), return_inverse=True)[
            1
        ].astype(np.int64),
        knows_legit=np.array([value is not None for value in legit], dtype=bool),
        # A block by a layer needs nobody's opinion.
        knows_response=blocked | np.array([value is not None for value in response], dtype=bool),
        legit=said(legit, "yes"),
        harm=said(legit, "no"),
        mismatch=said(legit, "mismatch"),
        refused=np.where(blocked, 1.0, said(response, "refusal")),
        unable=unblocked("unable"),
        partial=unblocked("partial"),
        full=unblocked("full"),
        drawn=given.random,
        by_hand=int((~keep).sum()),
        ties=given.ties,
        unsure=given.unsure,
    )


def _columns_of(ws: Workspace, facts: ir.Table, given: Answers) -> dict[str, NDArray[Any]]:
    """The fact columns of the labelled, usable interactions, ordered by id."""
    labels = ws.table("labels")
    targets = labels.filter(labels.source == "human").select(id=labels.target_id).distinct()
    found = facts.filter(facts.usable).semi_join(targets, "id").to_pyarrow().sort_by("id")
    settled = set(given.ids)
    keep = np.array([key in settled for key in found.column("id").to_pylist()], dtype=bool)
    columns = {}
    for name in found.column_names:
        values = np.asarray(found.column(name).to_numpy(zero_copy_only=False))
        columns[name] = values[keep]
    return columns
