"""How many labels would make the main number sharp, and the command that asks for them."""

from __future__ import annotations

from trueup import stats
from trueup.stats import Estimate
from trueup.tax.overall import OVERALL_QUANTITIES
from trueup.tax.rates import MAIN, Cells, Rates
from trueup.tax.result import LabelPlan

__all__ = ["label_plan"]

HALF_WIDTHS = (0.01, 0.02, 0.03, 0.05)
_FIRST_BATCH = 120  # about an hour of one person
_LARGEST_BATCH = 500


def label_plan(rates: Rates, cells: Cells, main: Estimate) -> LabelPlan:
    """Labels still needed for ±1 point on wrongful refusal, or for the finest that can be had.

    `needed` is None when labels cannot even bring ±5 points: the log itself is too small.
    """
    ratio = MAIN[0]
    sample = rates.sample(ratio, OVERALL_QUANTITIES)
    half = (main.high - main.low) / 2
    for aim in HALF_WIDTHS:
        plan = stats.labels_needed(
            cells.population(ratio), sample, half_width=aim, level=rates.level
        )
        if plan.n_labels is None:
            continue
        needed = max(0, plan.n_labels - len(sample))
        if needed == 0 or (main.n_labeled and half <= aim):
            return LabelPlan(0, aim, _reached(cells, aim), f"trueup label --n {_FIRST_BATCH}")
        return _more(cells, len(sample), needed, aim)
    size = round(float(cells.n.sum()))
    batch = min(_FIRST_BATCH, max(size - main.n_labeled, 1))
    sentence = (
        f"With {size:,} interactions no number of labels brings even ±{_points(HALF_WIDTHS[-1])}: "
        "the log itself is that small a sample of the traffic."
    )
    if not main.n_labeled:
        sentence += f" Label {batch:,} to put a number on it."
    command = f"trueup label --n {batch}" if main.n_labeled < size else "trueup label"
    return LabelPlan(None, HALF_WIDTHS[0], sentence, command)


def _more(cells: Cells, given: int, needed: int, aim: float) -> LabelPlan:
    batch = _batch(needed, given)
    about = "About " if given < 50 else ""
    noun = "label" if needed == 1 else "labels"
    more = " more" if given else ""
    sentence = f"{about}{needed:,}{more} {noun} bring wrongful refusal to ±{_points(aim)}"
    if batch < needed:
        sentence += f"; the first {batch:,} do most of the work"
    sentence += "."
    if aim != HALF_WIDTHS[0]:
        sentence += f" {_small_log(cells)}"
    return LabelPlan(needed, aim, sentence, f"trueup label --n {batch}")


def _reached(cells: Cells, aim: float) -> str:
    if aim == HALF_WIDTHS[0]:
        return "The main interval is within ±1 point: more labels sharpen the segments."
    return f"The main interval is within ±{_points(aim)}. {_small_log(cells)}"


def _small_log(cells: Cells) -> str:
    size = round(float(cells.n.sum()))
    return f"±1 point is out of reach with {size:,} interactions: a longer log is what it takes."


def _points(half_width: float) -> str:
    return "1 point" if half_width == HALF_WIDTHS[0] else f"{100 * half_width:.0f} points"


def _batch(needed: int, given: int) -> int:
    return min(needed, _FIRST_BATCH if given < _FIRST_BATCH else _LARGEST_BATCH)
