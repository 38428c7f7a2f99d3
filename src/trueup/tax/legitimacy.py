"""How likely a row is legitimate, given where it stands: for weights, never for the rates.

The rates are corrected by prediction-powered inference. Words, clusters and outcomes need a weight
for every single row; it is the labelled share of the row's stratum and blocking layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.tax.truth import Labelled

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Legitimacy"]

_PRIOR = 2.0  # labels' worth of trust in the wider group when a cell has few


@dataclass(frozen=True)
class Legitimacy:
    """P(legitimate) by (stratum, block), shrunk to the stratum's and to the overall rate.

    `by_cell` is empty without labels: then a row counts as predicted (a judge's word, else 1).
    """

    by_cell: dict[tuple[int, int], float]
    by_stratum: dict[int, float]
    overall: float | None

    @classmethod
    def learn(cls, rows: Labelled) -> Legitimacy:
        keep = rows.knows_legit
        if not keep.any():
            return cls({}, {}, None)
        strata = rows.facts["stratum"][keep].astype(np.int64)
        blocks = rows.facts["block"][keep].astype(np.int64)
        weight = 1.0 / rows.probability[keep]
        weight = weight / weight.mean()
        truth = rows.legit[keep]
        overall = float(weight @ truth / weight.sum())
        by_stratum, by_cell = {}, {}
        for stratum in np.unique(strata):
            here = strata == stratum
            broad = by_stratum[int(stratum)] = _shrunk(truth[here], weight[here], overall)
            for block in np.unique(blocks[here]):
                both = here & (blocks == block)
                by_cell[int(stratum), int(block)] = _shrunk(truth[both], weight[both], broad)
        return cls(by_cell, by_stratum, overall)

    def expression(self, facts: ir.Table) -> Any:
        """The weight as an engine column."""
        import ibis

        if self.overall is None:
            return facts.legit_hat
        cells = [
            ((facts.stratum == stratum) & (facts.block == block), value)
            for (stratum, block), value in self.by_cell.items()
        ]
        strata = [(facts.stratum == stratum, value) for stratum, value in self.by_stratum.items()]
        return ibis.cases(*cells, *strata, else_=self.overall)

    def of(self, columns: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
        """The weight for rows given as columns stratum, block and legit_hat."""
        if self.overall is None:
            return columns["legit_hat"].astype(np.float64)
        strata = columns["stratum"].astype(np.int64)
        blocks = columns["block"].astype(np.int64)
        out = np.empty(len(strata))
        for stratum, block in {*zip(strata.tolist(), blocks.tolist(), strict=True)}:
            broad = self.by_stratum.get(stratum, self.overall)
            value = self.by_cell.get((stratum, block), broad)
            out[(strata == stratum) & (blocks == block)] = value
        return out


def _shrunk(truth: NDArray[np.float64], weight: NDArray[np.float64], prior: float) -> float:
    return float((weight @ truth + _PRIOR * prior) / (weight.sum() + _PRIOR))
