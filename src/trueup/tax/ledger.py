"""What the layers cost in time: per layer, one after the other, and side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trueup.tax.survey import Survey, Where, chosen, hash_below, rows

if TYPE_CHECKING:
    from trueup.store import Workspace

__all__ = ["LayerTime", "Ledger", "ledger"]

BUDGET = 0.10  # practitioners' rule: a 2 s p95 target leaves 200 ms for safety
_ENOUGH = 200_000  # interactions; a quantile of more of them is no sharper for a report


@dataclass(frozen=True, slots=True)
class LayerTime:
    """Milliseconds per event."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Ledger:
    """Milliseconds; None where the log has no times. Serial: the sum of the layers per interaction;
    parallel: the slowest one."""

    layers: dict[str, LayerTime] = field(default_factory=dict)
    serial_p50: float | None = None
    serial_p95: float | None = None
    parallel_p95: float | None = None
    end_to_end_p50: float | None = None
    end_to_end_p95: float | None = None

    @property
    def over_budget(self) -> bool | None:
        """Whether the layers take more than 10 % of the end-to-end p95; None when unknown."""
        if self.serial_p95 is None or not self.end_to_end_p95:
            return None
        return self.serial_p95 > BUDGET * self.end_to_end_p95


def ledger(ws: Workspace, found: Survey, where: Where = None) -> Ledger:
    """Quantiles over at most about 200,000 interactions, picked by the hash of their id."""
    share = min(1.0, _ENOUGH / found.interactions)
    table = chosen(ws, where)
    if share < 1.0:
        table = table.filter(hash_below(table.id, share))
    end = rows(_quantiles(table.filter(table.latency_ms.notnull()), {"end": "latency_ms"}))[0]
    end50, end95 = _number(end["end_50"]), _number(end["end_95"])
    if not any(layer.timed for layer in found.layers):
        return Ledger(end_to_end_p50=end50, end_to_end_p95=end95)
    events = ws.table("layer_events")
    if share < 1.0:
        events = events.filter(hash_below(events.interaction_id, share))
    events = events.filter(events.latency_ms.notnull())
    if where is not None:
        events = events.semi_join(table, events.interaction_id == table.id)
    per_layer = rows(_quantiles(events.group_by("layer"), {"own": "latency_ms"}, events))
    together = events.group_by("interaction_id").aggregate(
        serial=events.latency_ms.sum(), parallel=events.latency_ms.max()
    )
    whole = rows(_quantiles(together, {"serial": "serial", "parallel": "parallel"}))[0]
    return Ledger(
        layers={
            row["layer"]: LayerTime(float(row["own_50"]), float(row["own_95"]))
            for row in per_layer
            if row["own_50"] is not None
        },
        serial_p50=_number(whole["serial_50"]),
        serial_p95=_number(whole["serial_95"]),
        parallel_p95=_number(whole["parallel_95"]),
        end_to_end_p50=end50,
        end_to_end_p95=end95,
    )


def _quantiles(grouped: Any, columns: dict[str, str], table: Any = None) -> Any:
    """Median and 95th percentile of each column."""
    source = grouped if table is None else table
    wanted = {}
    for name, column in columns.items():
        wanted[f"{name}_50"] = source[column].quantile(0.5)
        wanted[f"{name}_95"] = source[column].quantile(0.95)
    return grouped.aggregate(**wanted)


def _number(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
