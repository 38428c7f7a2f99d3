"""The watch: each run by itself and all together, with everything a reader needs to decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trueup.goodhart.divergence.alarm import assumed, find_alarm, regime_of
from trueup.goodhart.divergence.best_step import best_step
from trueup.goodhart.divergence.curves import noise_of, proxy_curve, truth_curve
from trueup.goodhart.divergence.delay import delays
from trueup.goodhart.divergence.label_needs import label_needs
from trueup.goodhart.divergence.result import BestOfN, DivergenceReport, RunReport, ScalingFit
from trueup.goodhart.divergence.table import Run
from trueup.stats.series_noise import LEAST_READINGS, LONGEST_MEMORY

__all__ = ["watch_runs"]


def watch_runs(
    runs: Sequence[Run],
    *,
    together: Run | None = None,
    source: str = "",
    columns: dict[str, str] | None = None,
    level: float = 0.95,
    bounds: tuple[float, float] | None = None,
    memory: float = LONGEST_MEMORY,
    best_of_n: BestOfN | None = None,
    scaling: Sequence[ScalingFit] = (),
    notes: Sequence[str] = (),
) -> DivergenceReport:
    """Watch the runs of a table.

    Parameters
    ----------
    runs
        Each as `tabulate` made it.
    together
        Their rows as one run, where there are several.
    level
        1 − δ: the probability that no alarm is false, over all runs and looks together. Several
        runs and their mean share δ equally. Intervals have this level each.
    bounds, memory
        As in `find_alarm`.
    best_of_n, scaling, notes
        Carried into the report.
    """
    delta = 1 - level
    tested = [*runs, *([together] if together is not None else [])]
    share = delta / len(tested) if tested else delta
    found = [_report(run, level, share, bounds, memory, run is together) for run in tested]
    unknown = bool(tested) and all(run.regime == "none" for run in found)
    return DivergenceReport(
        source=source,
        columns=columns or {},
        level=level,
        delta=delta,
        alarm=any(run.alarm is not None and run.alarm.fired for run in found),
        runs=tuple(found),
        best_of_n=best_of_n,
        scaling=tuple(scaling),
        labels=label_needs(level) if unknown else None,
        notes=tuple(notes),
    )


def _report(
    run: Run,
    level: float,
    delta: float,
    bounds: tuple[float, float] | None,
    memory: float,
    together: bool,
) -> RunReport:
    regime = regime_of(run)
    plain = RunReport(
        name="together" if together else run.name,
        regime=regime,  # type: ignore[arg-type]
        steps=run.steps,
        position=tuple(map(float, run.position)),
        n_truth=len(run.measured),
        n_units=run.n_units,
        proxy=proxy_curve(run, level, memory),
        truth=None,
        alarm=None,
        best=None,
        noise=None,
        delays=(),
        observed_delay=None,
        assumptions=assumed(run, bounds, memory),
        together=together,
    )
    if regime == "none":
        return plain
    alarm = find_alarm(run, delta, bounds=bounds, memory=memory)
    best = best_step(run, level, memory=memory)
    waited = None
    if alarm.fired and best is not None:
        waited = int(((run.measured > best.at) & (run.measured <= (alarm.at or 0))).sum())
    limits = bounds or run.bounds
    reach = limits[1] - limits[0] if limits is not None else None
    return replace(
        plain,
        truth=truth_curve(run, level, memory),
        alarm=alarm,
        best=best,
        noise=noise_of(run, memory),
        delays=delays(run, _share_of_truth(run, delta), memory=memory, reach=reach),
        observed_delay=waited,
    )


def _share_of_truth(run: Run, delta: float) -> float:
    """What the test of the truth is given, where that of the proxy takes the rest."""
    tested = run.proxy_units is None and int(np.isfinite(run.proxy).sum()) >= LEAST_READINGS
    return delta / 2 if run.units is not None and tested else delta
