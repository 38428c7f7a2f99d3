"""From the table of `trueup goodhart watch` to its report: a run, or what best of n brings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trueup.errors import UserError

if TYPE_CHECKING:
    from trueup.cli.goodhart._watch_table import WatchTable
    from trueup.goodhart.divergence.result import DivergenceReport, ScalingFit

__all__ = ["report_on"]


def report_on(
    table: WatchTable,
    *,
    source: str,
    level: float,
    memory: float,
    bounds: tuple[float, float] | None,
) -> DivergenceReport:
    """Watch the runs of the table; with a column for n or for the prompt, best of n instead."""
    from trueup.goodhart.divergence.watching import watch_runs

    _check_range(table, bounds)
    notes = []
    if table.bad:
        notes.append(f"{len(table.bad):,} rows could not be read and are left out.")
    if "n" in table.numbers or "prompt" in table.words:
        return _best_of_n(table, source, level, notes)
    runs, together = table.runs()
    return watch_runs(
        runs,
        together=together,
        source=source,
        columns=table.columns,
        level=level,
        bounds=bounds,
        memory=memory,
        scaling=_rl_fits(table, level),
        notes=notes,
    )


def _check_range(table: WatchTable, bounds: tuple[float, float] | None) -> None:
    known = [x for x in table.numbers.get("truth", []) if not math.isnan(x)]
    if bounds is not None and known and not bounds[0] <= min(known) <= max(known) <= bounds[1]:
        raise UserError(
            f"--range is {bounds[0]:g}:{bounds[1]:g}, but the truth goes from {min(known):g} to "
            f"{max(known):g}.",
            "Give the range that the values can take.",
        )


def _best_of_n(table: WatchTable, source: str, level: float, notes: list[str]) -> DivergenceReport:
    """What best of n brings, with Gao's fit; there is no run to raise an alarm about."""
    import numpy as np

    from trueup.goodhart.divergence.best_of_n import best_of_n_curve, best_of_n_table
    from trueup.goodhart.divergence.scaling import fit_scaling
    from trueup.goodhart.divergence.watching import watch_runs

    if "truth" not in table.numbers:
        raise UserError("Best of n needs a truth.", "Name its column with --truth.")
    proxy, truth = (np.array(table.numbers[role]) for role in ("proxy", "truth"))
    known = np.isfinite(proxy) & np.isfinite(truth)
    if not known.any():
        raise UserError("No row has both a proxy and a truth.", "Label some.")
    if known.sum() < len(known):
        left = int(len(known) - known.sum())
        notes.append(f"{left:,} rows without a proxy or a truth are left out.")
    if "n" in table.numbers:
        found = best_of_n_table(
            np.array(table.numbers["n"])[known], proxy[known], truth[known], level
        )
    else:
        prompts = [name for name, there in zip(table.words["prompt"], known, strict=True) if there]
        found = best_of_n_curve(prompts, proxy[known], truth[known], level=level)
    values = [one.value for one in found.truth]
    fit = fit_scaling(
        "best-of-n",
        np.sqrt(found.kl),
        values,
        level=level,
        covariance=found.covariance or None,
        units=found.n_prompts,
    )
    if fit is None:
        notes.append("Gao's form needs at least four different n.")
    return watch_runs(
        [],
        source=source,
        columns=table.columns,
        level=level,
        best_of_n=found,
        scaling=[fit] if fit is not None else [],
        notes=notes,
    )


def _rl_fits(table: WatchTable, level: float) -> list[ScalingFit]:
    """Gao's form for RL over the rows that have a KL and a truth."""
    import numpy as np

    from trueup.goodhart.divergence.scaling import fit_scaling
    from trueup.goodhart.divergence.table import tabulate

    if "kl" not in table.numbers or "truth" not in table.numbers:
        return []
    steps = table.words.get("step")
    kl = tabulate(table.numbers["kl"], step=steps)
    truth = tabulate(table.numbers["truth"], step=steps)
    known = np.isfinite(kl.proxy) & np.isfinite(truth.proxy)
    fit = fit_scaling("rl", np.sqrt(kl.proxy[known]), truth.proxy[known], level=level)
    return [fit] if fit is not None else []
