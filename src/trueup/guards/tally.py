"""Count what each layer did in a run."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import quantiles

from trueup.guards.engine import Result
from trueup.guards.events import Row
from trueup.guards.model import Stack
from trueup.guards.verdict import Failure

__all__ = ["LayerTally", "Tally"]

_MAX_REASONS = 1000


@dataclass
class LayerTally:
    """scored, fired, blocked: records with a verdict, that it fired on, that it would block.

    failures: records without a verdict, by reason.
    """

    name: str
    scored: int = 0
    fired: int = 0
    blocked: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    _latencies: array[float] = field(default_factory=lambda: array("d"))

    @property
    def failed(self) -> int:
        return self.failures.total()

    def add(self, result: Result, events: Sequence[Row]) -> None:
        if isinstance(result, Failure):
            known = result.reason in self.failures or len(self.failures) < _MAX_REASONS
            self.failures[result.reason if known else "other reasons"] += 1
        elif result is not None:
            self.scored += 1
            self.fired += any(event["fired"] for event in events)
            self.blocked += any(event["action"] == "block" for event in events)
            self._latencies.append(result.latency_ms)

    def latency_ms(self, percent: int) -> float | None:
        """A percentile of the successful attempts, 1 to 99, in ms; None when there were none."""
        if len(self._latencies) < 2:
            return self._latencies[0] if self._latencies else None
        return quantiles(self._latencies, n=100, method="inclusive")[percent - 1]


class Tally:
    """One `LayerTally` for each layer, in the order of the stack."""

    def __init__(self, stack: Stack) -> None:
        self.layers = [LayerTally(layer.name) for layer in stack.layers]
        self.records = 0

    def add(self, results: Sequence[Result], events: Sequence[Row]) -> None:
        self.records += 1
        for layer, result in zip(self.layers, results, strict=True):
            layer.add(result, [event for event in events if event["layer"] == layer.name])
