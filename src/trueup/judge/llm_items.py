"""Which interactions an LLM judge should read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.judge.llm_prompts import JudgeItem

if TYPE_CHECKING:
    from trueup.store import Workspace

__all__ = ["items_to_judge"]


def items_to_judge(ws: Workspace, limit: int) -> list[JudgeItem]:
    """The interactions with human labels first, then those the annotator is least sure of.

    The first are what the judge is calibrated on; without them its labels say nothing.
    """
    labels, annotations = ws.table("labels"), ws.table("annotations")
    human = labels.filter(labels.source == "human").select(labelled_id=labels.target_id).distinct()
    rows = ws.table("interactions").select("id", "prompt", "response")
    rows = rows.left_join(human, rows.id == human.labelled_id)
    sure = annotations.select("interaction_id", doubt=(annotations.p_full - 0.5).abs())
    rows = rows.left_join(sure, rows.id == sure.interaction_id)
    ranked = rows.mutate(first=rows.labelled_id.isnull().cast("int8")).order_by(
        "first", "doubt", "id"
    )
    found = ranked.select("id", "prompt", "response").limit(limit).to_pyarrow().to_pylist()
    return [JudgeItem(row["id"], row["prompt"], row["response"]) for row in found]
