"""A dial: settings, and what each of them loses in risk and in tax. One routine selects.

Whatever can be tuned is a dial once it has losses per example and setting: guard thresholds, an
action ladder, a prompt among variants, a weight between two models, a step at which to stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trueup.errors import UserError
from trueup.stats import BoundedRisks, CountedRisks, Risks, holm

__all__ = ["Dial", "Procedure", "Selection", "cheapest", "losses_dial", "select"]

FloatArray = NDArray[np.float64]
Procedure = Literal["fixed sequence", "Holm"]


@dataclass(frozen=True)
class Dial:
    """K settings with their risks and taxes.

    Attributes
    ----------
    settings
        What each setting is, in the order in which they are tested: safest first.
    risks
        The risk of each, with its evidence (`trueup.stats.Risks`).
    tax
        Shape (K,): the empirical tax of each, on whatever scale; NaN where unknown.
    procedure
        "fixed sequence" tests the settings in their order and stops at the first that fails: for
        an order that was fixed before these risks were seen, or along which the risk can only grow.
        "Holm" needs no order and pays for it.
    order
        One phrase: where the order comes from. It stands on the certificate.
    """

    settings: Sequence[Any] | FloatArray
    risks: Risks
    tax: FloatArray
    procedure: Procedure
    order: str

    def __post_init__(self) -> None:
        if not len(self.settings) == len(self.tax) == len(self.risks.mean):
            raise ValueError(
                f"settings, risks and tax must be of one length, got {len(self.settings)}, "
                f"{len(self.risks.mean)} and {len(self.tax)}"
            )


@dataclass(frozen=True)
class Selection:
    """What `select` found: p-values and verdicts per setting, and the choice (None: none)."""

    p: FloatArray
    certified: NDArray[np.bool_]
    chosen: int | None


def select(dial: Dial, alpha: float, delta: float) -> Selection:
    """Choose the setting with the least tax among those whose risk is certified to be below alpha.

    P(risk of the choice > alpha) ≤ delta (Angelopoulos et al. 2021, Theorem 1, with fixed-sequence
    or Holm's family-wise control at delta).

    Parameters
    ----------
    dial
        The settings.
    alpha, delta
        Bound on the risk and the probability that it fails, in (0, 1).

    Notes
    -----
    A setting whose risk is undefined (no example to measure it on) has p = 1. Whether it is, is
    known before any outcome, so the fixed sequence passes over it instead of stopping there.
    Ties in tax go to the lower risk, then to the earlier setting.

    Voided by: an order chosen on the examples that are tested here; examples that are unlike the
    traffic to come; everything that voids the p-values.
    """
    p = dial.risks.p_values(alpha)
    defined = dial.risks.n > 0
    certified = np.zeros(len(p), dtype=bool)
    if dial.procedure == "fixed sequence":
        passed = np.logical_and.accumulate(p[defined] <= delta)
    else:
        passed = holm(p[defined]) <= delta
    certified[defined] = passed
    return Selection(p, certified, cheapest(dial, certified))


def cheapest(dial: Dial, allowed: NDArray[np.bool_]) -> int | None:
    """The allowed setting with the least tax; ties go to the lower risk, then to the earlier."""
    usable = np.flatnonzero(allowed & ~np.isnan(dial.tax))
    if not len(usable):
        return None
    return int(usable[np.lexsort((dial.risks.mean[usable], dial.tax[usable]))[0]])


def losses_dial(
    settings: Sequence[Any],
    risk: ArrayLike,
    tax: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    ordered: str = "",
) -> Dial:
    """A dial from the losses themselves: prompt variants, action ladders, checkpoints.

    Parameters
    ----------
    settings
        K of them: names, numbers, anything JSON can hold.
    risk
        Shape (n, K), each in [0, 1]: what example i (of those that could be lost: harmful ones)
        loses at setting k.
    tax
        Shape (m, K): what example j (of those that could be taxed: legitimate ones) pays. Its
        columns are averaged.
    weights, clusters
        Shape (n,), of the examples in `risk`; see `trueup.stats.betting_p`.
    ordered
        Where the order of the settings, safest first, comes from, if it was fixed before these
        examples were seen: then they are tested in sequence. Empty: Holm's procedure.

    Raises
    ------
    UserError
        No setting, shapes that do not fit, losses outside [0, 1].
    """
    lost, paid = np.asarray(risk, dtype=np.float64), np.asarray(tax, dtype=np.float64)
    for name, matrix in (("risk", lost), ("tax", paid)):
        if matrix.ndim != 2 or matrix.shape[1] != len(settings) or not len(settings):
            raise UserError(
                f"{name} must have one column per setting ({len(settings)}), got shape "
                f"{matrix.shape}."
            )
    if not ((lost >= 0) & (lost <= 1)).all():
        raise UserError("risk must lie in [0, 1]; divide losses by the greatest possible one.")
    plain = weights is None and clusters is None and bool(np.isin(lost, (0.0, 1.0)).all())
    risks: Risks
    if plain:
        risks = CountedRisks(lost.sum(axis=0), np.full(len(settings), float(len(lost))))
    else:
        risks = BoundedRisks(
            lost,
            None if weights is None else np.asarray(weights, dtype=np.float64),
            None if clusters is None else np.asarray(clusters),
        )
    means = paid.mean(axis=0) if len(paid) else np.full(len(settings), np.nan)
    return Dial(
        tuple(settings),
        risks,
        means,
        "fixed sequence" if ordered else "Holm",
        ordered or "none: every setting is tested by itself",
    )
