"""What each layer takes from legitimate traffic, and how the layers add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from trueup.stats import Estimate, Interval, clopper_pearson
from trueup.tax.facts import NOBODY, PROVIDER, PROVIDER_CODE
from trueup.tax.ledger import Ledger
from trueup.tax.rates import Cells, Quantity, Rates, Ratio
from trueup.tax.result import LayerRow, StackMaths

if TYPE_CHECKING:
    from trueup.tax.survey import Survey

__all__ = ["JointPass", "LayerSums", "layer_rows", "layer_sums", "stack_from_fires", "stack_maths"]

MODEL = "model"
_CLEAN = Ratio("clean_pass", "clean_legit", "legit", needs_response=False)
_PRODUCT = (
    "Layers are taken as independent of each other, which real layers rarely are.",
    "The interval multiplies per-layer limits at a level raised for their number: conservative.",
)


@dataclass(frozen=True)
class LayerSums:
    """The quantities and ratios of the layers; `ratios` maps a layer's name to its five."""

    quantities: dict[str, Quantity]
    ratios: dict[str, dict[str, Ratio]]

    def joined(self, others: dict[str, Quantity]) -> LayerSums:
        """The same, with quantities that are declared elsewhere."""
        return LayerSums({**others, **self.quantities}, self.ratios)


@dataclass(frozen=True, slots=True)
class JointPass:
    """Share of requests that no layer stops: if the layers were independent, and as measured."""

    independent: Interval
    measured: Interval


def layer_sums(found: Survey) -> LayerSums:
    """Quantities for every layer, the provider's filter and the model's own refusals."""
    quantities: dict[str, Quantity] = {
        "clean_legit": lambda r: r.is_("n_fired", 0) * r.is_("block", NOBODY) * r.legit
    }
    ratios: dict[str, dict[str, Ratio]] = {}
    for number, name in enumerate(found.layer_names):
        made = _of_layer(number)
        quantities |= {f"{number}_{key}": make for key, make in made.items()}
        ratios[name] = _ratios(str(number))
    quantities |= {f"provider_{key}": make for key, make in _of_provider().items()}
    ratios[PROVIDER] = _ratios("provider")
    quantities |= {f"model_{key}": make for key, make in _of_model().items()}
    ratios[MODEL] = _ratios("model", needs_response=True)
    return LayerSums(quantities, ratios)


def _ratios(prefix: str, *, needs_response: bool = False) -> dict[str, Ratio]:
    names = ("fired", "fired_first", "fired_alone", "wrongful")
    legit = {name: Ratio(name, f"{prefix}_{name}", "legit", needs_response) for name in names}
    harm = Ratio("harm_caught_alone", f"{prefix}_harm_alone", "harm", needs_response)
    return {**legit, "harm_caught_alone": harm}


def _of_layer(number: int) -> dict[str, Quantity]:
    column = f"fired_{number}"
    return {
        "fired": lambda r: r.fact(column) * r.legit,
        "fired_first": lambda r: r.is_("first", number) * r.legit,
        "fired_alone": lambda r: r.fact(column) * r.is_("n_fired", 1) * r.legit,
        "wrongful": lambda r: r.is_("block", number) * r.legit,
        "harm_alone": lambda r: r.fact(column) * r.is_("n_fired", 1) * r.harm,
    }


def _of_provider() -> dict[str, Quantity]:
    return {
        "fired": lambda r: r.is_("block", PROVIDER_CODE) * r.legit,
        "fired_first": lambda r: r.is_("block", PROVIDER_CODE) * r.is_("n_fired", 0) * r.legit,
        "fired_alone": lambda r: r.is_("block", PROVIDER_CODE) * r.is_("n_fired", 0) * r.legit,
        "wrongful": lambda r: r.is_("block", PROVIDER_CODE) * r.legit,
        "harm_alone": lambda r: r.is_("block", PROVIDER_CODE) * r.is_("n_fired", 0) * r.harm,
    }


def _of_model() -> dict[str, Quantity]:
    """The model refuses only what no layer blocked: what it would have done there is unknown."""
    return {
        "fired": lambda r: r.refused * r.is_("block", NOBODY) * r.legit,
        "fired_first": lambda r: r.refused * r.is_("block", NOBODY) * r.is_("n_fired", 0) * r.legit,
        "fired_alone": lambda r: r.refused * r.is_("block", NOBODY) * r.is_("n_fired", 0) * r.legit,
        "wrongful": lambda r: r.refused * r.is_("block", NOBODY) * r.legit,
        "harm_alone": lambda r: r.refused * r.is_("block", NOBODY) * r.is_("n_fired", 0) * r.harm,
    }


def layer_rows(
    found: Survey, sums: LayerSums, rates: Rates, cells: Cells, ledger: Ledger
) -> tuple[LayerRow, ...]:
    """One row per layer in stack order, then the provider's filter if it acted, then the model."""
    events = {layer.name: layer.events for layer in found.layers}
    out = []
    for name, ratios in sums.ratios.items():
        made = {
            key: rates.estimate(ratio, sums.quantities, cells, layer=name)
            for key, ratio in ratios.items()
        }
        if name == PROVIDER and not cells.sums["provider_fired"].sum():
            continue
        time = ledger.layers.get(name)
        p95 = time.p95 if time else None
        end = ledger.end_to_end_p95
        out.append(
            LayerRow(
                layer=name,
                kind="model" if name == MODEL else "layer",
                events=events.get(name, 0),
                p50_ms=time.p50 if time else None,
                p95_ms=p95,
                share_of_latency=p95 / end if p95 is not None and end else None,
                **made,
            )
        )
    return tuple(out)


def stack_maths(
    found: Survey, sums: LayerSums, rates: Rates, cells: Cells, ledger: Ledger
) -> StackMaths | None:
    """The product that independence would give beside the measured rate; None without layers."""
    if not found.layers:
        return None
    measured = rates.estimate(_CLEAN, sums.quantities, cells)
    strict = replace(rates, level=_shared_level(rates.level, len(found.layers)))
    fired = [
        strict.estimate(sums.ratios[name]["fired"], sums.quantities, cells)
        for name in found.layer_names
    ]
    product = _product(fired, rates.level, measured.n)
    independent = Estimate(
        name="clean_pass_if_independent",
        value=product.value,
        low=product.low,
        high=product.high,
        level=rates.level,
        n=measured.n,
        n_labeled=measured.n_labeled,
        method=f"product over {len(fired)} layers of 1 − share fired",
        assumptions=(*_PRODUCT, *measured.assumptions),
    )
    return StackMaths(
        independent=independent,
        measured=measured,
        serial_p50_ms=ledger.serial_p50,
        serial_p95_ms=ledger.serial_p95,
        parallel_p95_ms=ledger.parallel_p95,
        end_to_end_p50_ms=ledger.end_to_end_p50,
        end_to_end_p95_ms=ledger.end_to_end_p95,
        over_budget=ledger.over_budget,
    )


def stack_from_fires(fires: ArrayLike, level: float = 0.95) -> JointPass:
    """Independent and measured clean pass of a stack, from who fired on what.

    Parameters
    ----------
    fires
        Shape (n, k), true where layer j fired on request i; all requests legitimate.
    level
        Confidence level in (0, 1).

    Returns
    -------
    JointPass
        `independent`: ∏ⱼ (1 − FPRⱼ), its limits the products of Clopper-Pearson limits at level
        1 − (1 − level)/k (Bonferroni: at least `level` together, so conservative).
        `measured`: the share of rows where nothing fired, Clopper-Pearson.

    Raises
    ------
    ValueError
        `fires` is not two-dimensional with at least one layer.

    Notes
    -----
    Voided by rows that depend on each other (several per user).
    """
    matrix = np.asarray(fires, dtype=bool)
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise ValueError(f"fires must have shape (n, k) with k ≥ 1, got {matrix.shape}")
    n, k = matrix.shape
    strict = _shared_level(level, k)
    each = [clopper_pearson(int(column.sum()), n, strict) for column in matrix.T]
    clean = int((~matrix.any(axis=1)).sum())
    return JointPass(_product(each, level, n), clopper_pearson(clean, n, level))


def _shared_level(level: float, k: int) -> float:
    return 1.0 - (1.0 - level) / k


def _product(fired: Sequence[Interval | Estimate], level: float, n: int) -> Interval:
    value = float(np.prod([1.0 - one.value for one in fired]))
    low = float(np.prod([1.0 - one.high for one in fired]))
    high = float(np.prod([1.0 - one.low for one in fired]))
    return Interval(value, low, high, level, n)
