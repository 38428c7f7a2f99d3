"""How many labels would make the main number sharp, and the command that asks for them."""

from __future__ import annotations

from trueup import stats
from trueup.stats import Estimate
from trueup.tax.overall import OVERALL_QUANTITIES
from trueup.tax.rates import MAIN, Cells, Rates
from trueup.tax.result import LabelPlan

__all__ = ["label_plan"]

HALF_WIDTH = 0.01
_FIRST_BATCH = 120  # about an hour of one person
_LARGEST_BATCH = 500


def label_plan(rates: Rates, cells: Cells, main: Estimate) -> LabelPlan:
    """Labels still needed for ± 1 point on wrongful refusal; `needed` None: no number is enough."""
    ratio = MAIN[0]
    sample = rates.sample(ratio, OVERALL_QUANTITIES)
    plan = stats.labels_needed(
        cells.population(ratio), sample, half_width=HALF_WIDTH, level=rates.level
    )
    half = (main.high - main.low) / 2
    if plan.n_labels is None:
        return _never_enough(cells, main)
    needed = max(0, plan.n_labels - len(sample))
    if needed == 0 or (main.n_labeled and half <= HALF_WIDTH):
        sentence = "The main interval is within ±1 point: more labels sharpen the segments."
        return LabelPlan(0, HALF_WIDTH, sentence, "trueup label")
    batch = _batch(needed, len(sample))
    about = "About " if len(sample) < 50 else ""
    sentence = f"{about}{needed:,} more labels bring wrongful refusal to ±1 point"
    if batch < needed:
        sentence += f"; the first {batch:,} do most of the work"
    return LabelPlan(needed, HALF_WIDTH, sentence + ".", f"trueup label --n {batch}")


def _never_enough(cells: Cells, main: Estimate) -> LabelPlan:
    size = round(float(cells.n.sum()))
    batch = min(_FIRST_BATCH, max(size - main.n_labeled, 1))
    sentence = (
        f"±1 point is out of reach with {size:,} interactions, however many are labelled: the log "
        "itself is that small a sample of the traffic."
    )
    if not main.n_labeled:
        sentence += f" Label {batch:,} to put a number on it."
    return LabelPlan(None, HALF_WIDTH, sentence, f"trueup label --n {batch}")


def _batch(needed: int, given: int) -> int:
    return min(needed, _FIRST_BATCH if given < _FIRST_BATCH else _LARGEST_BATCH)
