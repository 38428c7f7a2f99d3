"""How soon a fall would be seen: abrupt falls planted in noise like the run's own."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from trueup.goodhart.divergence.result import Delay
from trueup.goodhart.divergence.table import Held, Run
from trueup.stats import Falls, fall_evidence, fall_threshold, look_times
from trueup.stats.course import fit_course
from trueup.stats.series_noise import LEAST_READINGS, LONGEST_MEMORY, noise_like

__all__ = ["delays"]

FloatArray = NDArray[np.float64]

_RUNS = 60
_DEVIATIONS = (2.0, 4.0, 8.0)  # sizes of the falls in a series, in standard deviations of a reading
_SHARES = (0.05, 0.1, 0.2)  # the same for values by example, in shares of their range
_AFTER = (20, 120)  # measured checkpoints after the fall: at least, and at most
_BEFORE = 150  # at most


def delays(
    run: Run, delta: float, *, memory: float = LONGEST_MEMORY, reach: float | None = None
) -> tuple[Delay, ...]:
    """Simulated delays of the truth's side of the alarm, as of now, for three sizes of a fall.

    Parameters
    ----------
    run
        Its noise is used; for a series the likeliest, for examples the differences that were seen.
    delta
        What the truth's side is given of the false-alarm probability, in (0, 1).
    reach
        Range of the truth's values by example; None: unbounded, and sizes are in deviations.

    Notes
    -----
    The proxy is taken to rise all the while, and the truth to be level before the fall.
    """
    if run.units is not None:
        return _of_units(run.units, delta, reach)
    if len(run.measured) < LEAST_READINGS:
        return ()
    return _of_series(run, delta, memory)


def _of_series(run: Run, delta: float, memory: float) -> tuple[Delay, ...]:
    course = fit_course(run.truth[run.measured], memory)
    if not course.deviation > 1e-9 * float(np.abs(course.fit).max()):
        return ()  # without noise anything would be seen at once
    before = min(len(run.measured), _BEFORE)
    after = min(max(before, _AFTER[0]), _AFTER[1])
    noise = noise_like(np.random.default_rng(0), (_RUNS, before + after), course.model)
    threshold = fall_threshold(delta)
    looks = [s for s in look_times(before + after) if s > before]
    found = []
    for size in _DEVIATIONS:
        planted = noise.copy()
        planted[:, before:] -= size
        falls = Falls(planted, memory)
        shown = np.array([falls.scores(s).score.max(axis=1) >= threshold for s in looks])
        waits = np.where(shown.any(axis=0), np.array(looks)[shown.argmax(axis=0)] - before, np.inf)
        found.append(_delay(size * course.deviation, waits, after))
    return tuple(found)


def _of_units(units: Held, delta: float, reach: float | None) -> tuple[Delay, ...]:
    if len(units.at) < 2:
        return ()
    rest = units.before_after(len(units.at) - 2, len(units.at) - 1)
    rest = rest[np.isfinite(rest)]
    rest = rest - rest.mean()
    spread = float(rest.std())
    if len(rest) < 2 or not spread > 0:
        return ()
    sizes = [share * reach for share in _SHARES] if reach else [x * spread for x in _SHARES]
    looked, rng = len(units.at) - 1, np.random.default_rng(0)
    needed = math.log(1 / delta)
    found = []
    for size in sizes:
        waits = np.full(_RUNS, np.inf)
        total = np.full(_RUNS, -np.inf)
        for wait in range(1, _AFTER[0] + 1):
            drawn = rng.choice(rest, (len(rest), _RUNS)) + size
            if reach is not None:
                drawn = np.clip(drawn, -reach, reach)
            s = looked + wait
            total = np.logaddexp(total, fall_evidence(drawn, reach) - math.log(s * (s + 1)))
            waits = np.where((total >= needed) & np.isinf(waits), wait, waits)
        found.append(_delay(size, waits, _AFTER[0]))
    return tuple(found)


def _delay(size: float, waits: FloatArray, horizon: int) -> Delay:
    return Delay(float(size), float(np.median(waits)), float(np.isfinite(waits).mean()), horizon)
