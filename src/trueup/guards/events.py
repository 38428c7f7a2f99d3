"""Rows of layer_events out of what the layers said."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import orjson

from trueup.guards.engine import Record, Result
from trueup.guards.model import Layer, Stack, decide
from trueup.guards.verdict import Failure
from trueup.schema import ACTIONS

__all__ = ["blocked_by", "events_of", "strictest"]

Row = dict[str, Any]


def events_of(stack: Stack, record: Record, results: Sequence[Result]) -> list[Row]:
    """One row for each layer that looked; for several categories one for each that fired."""
    return [
        row
        for position, (layer, result) in enumerate(zip(stack.layers, results, strict=True))
        if result is not None
        for row in _layer_rows(layer, position, record, result)
    ]


def _layer_rows(layer: Layer, position: int, record: Record, result: Result) -> list[Row]:
    """A failure is a third state: it has no score, and its action is what `fail` says."""
    if isinstance(result, Failure):
        threshold = layer.rules.bands_for(None, record.segments).threshold
        action = "block" if layer.fail == "closed" else "allow"
        failed = _row(layer, position, record, None, None, threshold, action, None)
        return [failed | {"failure": result.reason}]
    assert result is not None
    rows = []
    for category, score in result.scores:
        decision = decide(layer, category, score, record.segments)
        rows.append(
            _row(
                *(layer, position, record, category, score),
                *(decision.threshold, decision.action, result.latency_ms),
            )
        )
    return [row for row in rows if row["fired"]] or rows[:1]


def _row(
    layer: Layer,
    position: int,
    record: Record,
    category: str | None,
    score: float | None,
    threshold: float | None,
    action: str,
    latency_ms: float | None,
) -> Row:
    reached = score is not None and threshold is not None and score >= threshold
    return {
        "id": _event_id(record.id, layer.name, layer.stage, category, position),
        "interaction_id": record.id,
        "layer": layer.name,
        "position": position,
        "stage": layer.stage,
        "category": category,
        "score": score,
        "threshold": threshold,
        "fired": reached or action != "allow",
        "action": action,
        "latency_ms": latency_ms,
        "config_version": layer.version,
        "failure": None,
    }


def _event_id(*parts: Any) -> str:
    """As the importer makes it, so that a scored file imports to the same rows."""
    return blake2b(orjson.dumps(parts), digest_size=16).hexdigest()


def strictest(events: Sequence[Row]) -> str:
    """The strictest action of any layer; allow when none looked."""
    return max((event["action"] for event in events), key=ACTIONS.index, default="allow")


def blocked_by(events: Sequence[Row]) -> str | None:
    """The layer that would have blocked first: those of the input come before the output's."""
    blocks = [event for event in events if event["action"] == "block"]
    first = min(blocks, key=lambda event: (event["stage"], event["position"]), default=None)
    return None if first is None else str(first["layer"])
