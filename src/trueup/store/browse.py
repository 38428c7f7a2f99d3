"""Find and read single interactions: the rows behind any number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError
from trueup.schema import COMPLIANCE

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from trueup.store.workspace import Workspace

__all__ = ["Detail", "Filters", "find", "read"]


@dataclass(frozen=True, slots=True)
class Filters:
    """What `find` selects; every condition that is set must hold.

    refused: a layer blocked it or the annotator says refusal. compliance: the annotator's verdict.
    layer: this layer fired. segments: `column=value`, or a bare value of any segment column.
    contains: text in the prompt, whatever the case. legitimate: the human answer to that question.
    """

    refused: bool = False
    compliance: str | None = None
    layer: str | None = None
    segments: tuple[str, ...] = ()
    contains: str | None = None
    legitimate: str | None = None
    unlabeled: bool = False


@dataclass(frozen=True, slots=True)
class Detail:
    """One interaction with all that is known of it; rows as dicts of the declared tables."""

    interaction: dict[str, Any]
    layer_events: tuple[dict[str, Any], ...]
    annotation: dict[str, Any] | None
    outcomes: tuple[dict[str, Any], ...]
    labels: tuple[dict[str, Any], ...]


def find(ws: Workspace, filters: Filters, *, limit: int = 20) -> tuple[int, list[dict[str, Any]]]:
    """Count the matching interactions and return the newest `limit` of them.

    Each row has id, at, prompt, response, segments, compliance, p_refusal and blocked_by.
    """
    matching = _matching(ws, filters)
    newest = matching.order_by(matching.at.desc(nulls_first=False), matching.id).limit(limit)
    return int(matching.count().execute()), newest.to_pyarrow().to_pylist()


def read(ws: Workspace, key: str) -> Detail:
    """Read one interaction by its id or by a prefix that only it has."""
    interactions = ws.table("interactions")
    exact = interactions.filter(interactions.id == key).limit(1).to_pyarrow().to_pylist()
    found = exact or _by_prefix(interactions, key)
    target = found["id"] if isinstance(found, dict) else found[0]["id"]
    interaction = found if isinstance(found, dict) else found[0]
    annotations = _children(ws, "annotations", "interaction_id", target)
    return Detail(
        interaction,
        tuple(sorted(_children(ws, "layer_events", "interaction_id", target), key=_position)),
        annotations[0] if annotations else None,
        tuple(_children(ws, "outcomes", "interaction_id", target)),
        tuple(_children(ws, "labels", "target_id", target)),
    )


def _by_prefix(interactions: ir.Table, key: str) -> dict[str, Any]:
    near = interactions.filter(interactions.id.startswith(key)).limit(2).to_pyarrow().to_pylist()
    if not near:
        raise UserError(f"No interaction has the id {key[:80]!r}.", "List some with: trueup ls")
    if len(near) > 1:
        raise UserError(
            f"Several interactions have ids that begin with {key[:80]!r}.", "Give more."
        )
    return near[0]


def _children(ws: Workspace, name: str, column: str, key: str) -> list[dict[str, Any]]:
    table = ws.table(name)
    return table.filter(table[column] == key).to_pyarrow().to_pylist()


def _position(event: dict[str, Any]) -> int:
    return event["position"] if event["position"] is not None else 1_000_000


def _matching(ws: Workspace, filters: Filters) -> ir.Table:
    """The interactions that pass every filter, with verdict and blocking layer."""
    if filters.compliance and filters.compliance not in COMPLIANCE:
        raise UserError(
            f"--compliance must be one of {', '.join(COMPLIANCE)}, got {filters.compliance!r}."
        )
    rows = _with_verdict(ws)
    if filters.refused:
        rows = rows.filter(rows.blocked_by.notnull() | (rows.compliance == "refusal"))
    if filters.compliance:
        rows = rows.filter(rows.compliance == filters.compliance)
    if filters.contains:
        rows = rows.filter(rows.prompt.lower().contains(filters.contains.lower()))
    rows = _in_segments(rows, filters.segments)
    if filters.layer:
        events = ws.table("layer_events")
        fired = events.filter(events.fired & (events.layer == filters.layer))
        rows = rows.semi_join(fired, rows.id == fired.interaction_id)
    return _labelled(ws, rows, filters)


def _with_verdict(ws: Workspace) -> ir.Table:
    events = ws.table("layer_events")
    blocks = (
        events.filter(events.action == "block")
        .group_by("interaction_id")
        .aggregate(blocked_by=events.layer.min())
    )
    verdicts = ws.table("annotations").select("interaction_id", "compliance", "p_refusal")
    rows = ws.table("interactions").select("id", "at", "prompt", "response", "segments")
    rows = rows.left_join(verdicts, rows.id == verdicts.interaction_id).drop("interaction_id")
    return rows.left_join(blocks, rows.id == blocks.interaction_id).drop("interaction_id")


def _in_segments(rows: ir.Table, segments: Sequence[str]) -> ir.Table:
    for wanted in segments:
        column, equals, value = wanted.partition("=")
        if equals:
            rows = rows.filter(rows.segments.get(column) == value)
        else:
            rows = rows.filter(rows.segments.values().contains(wanted))
    return rows


def _labelled(ws: Workspace, rows: ir.Table, filters: Filters) -> ir.Table:
    labels = ws.table("labels")
    human = labels.filter(labels.source == "human")
    if filters.legitimate:
        said = human.filter((human.question == "legitimate") & (human.value == filters.legitimate))
        rows = rows.semi_join(said, rows.id == said.target_id)
    if filters.unlabeled:
        rows = rows.anti_join(human, rows.id == human.target_id)
    return rows
