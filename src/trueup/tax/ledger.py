"""What the layers cost in time: per layer, one after the other, and side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.tax.survey import Survey, Where, chosen, hash_below

if TYPE_CHECKING:
    from trueup.store import Workspace

__all__ = ["LayerTime", "Ledger", "ledger"]

FloatArray = NDArray[np.float64]

BUDGET = 0.10  # practitioners' rule: a 2 s p95 target leaves 200 ms for safety
_ENOUGH = 100_000  # interactions; a quantile of more of them is no sharper for a report


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
    """Quantiles over at most about 100,000 interactions, picked by the hash of their id."""
    share = min(1.0, _ENOUGH / found.interactions)
    table = chosen(ws, where)
    if share < 1.0:
        table = table.filter(hash_below(table.id, share))
    waited = table.filter(table.latency_ms.notnull()).select("latency_ms").to_pyarrow()
    end = _floats(waited.column("latency_ms"))
    end50, end95 = _quantile(end, 0.5), _quantile(end, 0.95)
    if not any(layer.timed for layer in found.layers):
        return Ledger(end_to_end_p50=end50, end_to_end_p95=end95)
    events = ws.table("layer_events")
    if share < 1.0:
        events = events.filter(hash_below(events.interaction_id, share))
    if where is not None:
        events = events.semi_join(table, events.interaction_id == table.id)
    events = events.filter(events.latency_ms.notnull())
    times = events.select("layer", "latency_ms", key=events.interaction_id.hash()).to_pyarrow()
    layer = np.array(times.column("layer").to_pylist(), dtype=object)
    spent = _floats(times.column("latency_ms"))
    serial, parallel = _together(times.column("key").to_numpy(), spent)
    return Ledger(
        layers={str(name): _layer_time(spent[layer == name]) for name in set(layer.tolist())},
        serial_p50=_quantile(serial, 0.5),
        serial_p95=_quantile(serial, 0.95),
        parallel_p95=_quantile(parallel, 0.95),
        end_to_end_p50=end50,
        end_to_end_p95=end95,
    )


def _together(keys: NDArray[Any], spent: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Per interaction the sum of its layers' times, and the longest of them."""
    _, index = np.unique(keys, return_inverse=True)
    n = int(index.max()) + 1 if len(index) else 0
    longest = np.zeros(n)
    np.maximum.at(longest, index, spent)
    return np.bincount(index, spent, minlength=n).astype(np.float64), longest


def _layer_time(spent: FloatArray) -> LayerTime:
    return LayerTime(float(np.quantile(spent, 0.5)), float(np.quantile(spent, 0.95)))


def _floats(column: Any) -> FloatArray:
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _quantile(values: FloatArray, share: float) -> float | None:
    return float(np.quantile(values, share)) if len(values) else None
