"""The alarm: the proxy rose and the truth fell, whenever one looks and from wherever it fell.

A pair is an earlier checkpoint and a later one. "Diverged" is said of a pair only when a test shows
that the truth is lower at the later one *and* a test shows that the proxy is higher there
(intersection-union: Berger 1982); over all pairs and looks together it is wrongly said of any with
probability at most δ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.goodhart.divergence.result import Alarm
from trueup.goodhart.divergence.table import Held, Run
from trueup.stats import Falls, fall_doubt, fall_evidence, fall_threshold, look_times
from trueup.stats.series_noise import LEAST_READINGS, LONGEST_MEMORY

__all__ = ["assumed", "find_alarm", "regime_of"]

FloatArray = NDArray[np.float64]

_STARTS = 64  # earlier checkpoints that a look compares with, spread evenly when there are more
_BLOCK = 3  # readings of the narrowest block: over which a moment of a series extends


def regime_of(run: Run) -> str:
    """How the truth was measured: "paired", "fresh", "series" or "none"."""
    if not len(run.measured):
        return "none"
    if run.units is None:
        return "series"
    return "paired" if run.units.paired else "fresh"


def find_alarm(
    run: Run,
    delta: float,
    *,
    bounds: tuple[float, float] | None = None,
    memory: float = LONGEST_MEMORY,
) -> Alarm:
    """Look after each measured checkpoint whether the proxy rose while the truth fell.

    Parameters
    ----------
    run
        Its rows so far. A later row never takes an alarm back.
    delta
        Probability of any false alarm, ever, in (0, 1).
    bounds
        The range of the truth's values by example; None: (0, 1) where all lie in it, else none.
    memory
        The longest memory of the noise, for a series without examples.

    Notes
    -----
    By example the truth's side is exact for bounded values: e-values of each pair, averaged over
    the starts and added up over the looks with shares 1/(s(s + 1)). For a series both sides are
    `trueup.stats.Falls`, with δ each, since an alarm needs both: a run whose truth never falls, or
    whose proxy never rises, raises it with probability at most δ; one in which some pairs are
    false for one reason and some for the other, with at most 2δ.
    """
    if run.units is None:
        return _of_series(run, delta, memory)
    return _of_units(run, run.units, delta, bounds or run.bounds, memory)


# -- one number for each checkpoint -----------------------------------------------------------


def _of_series(run: Run, delta: float, memory: float) -> Alarm:
    at = run.measured
    truth, proxy = Falls(run.truth[at], memory), _Rises(run, memory)
    threshold = fall_threshold(delta)
    method = "multiscale medians of a series, noise estimated as the run goes"
    looks, top, fell_at = 0, -math.inf, None
    for s in look_times(len(at)) if run.enough_proxy() else []:
        looks += 1
        falls = truth.scores(s)
        score = falls.score[0]
        likely = np.flatnonzero(score > top)
        rises = proxy.scores(int(at[s - 1]), at, likely)
        both = np.minimum(score[likely], rises)
        if fell_at is None and score.max() >= threshold:
            fell_at = int(at[s - 1])
        if not len(both):
            continue
        best = int(likely[both.argmax()])
        top = max(top, float(both.max()))
        if top >= threshold:
            width = int(falls.width[0, best])
            then, now = slice(best - width + 1, best + 1), slice(s - width, s)
            return Alarm(
                fired=True,
                at=int(at[s - 1]),
                since=int(at[best]),
                truth=(_middle(run.truth[at[then]]), _middle(run.truth[at[now]])),
                proxy=(_around(run.proxy, at[then]), _around(run.proxy, at[now])),
                fell_at=fell_at,
                looks=looks,
                evidence=1.0,
                delta=delta,
                method=method,
            )
    evidence = _progress(fall_doubt(top), delta) if looks else 0.0
    return Alarm(False, None, None, None, None, fell_at, looks, evidence, delta, method)


class _Rises:
    """The same test on the proxy upside down: what it shows of rises between two moments."""

    def __init__(self, run: Run, memory: float) -> None:
        self.at = np.flatnonzero(np.isfinite(run.proxy))
        self.falls = Falls(-run.proxy[self.at], memory)

    def scores(
        self, now: int, measured: NDArray[np.int64], likely: NDArray[np.int64]
    ) -> FloatArray:
        """The highest score of a rise until step `now`, from each likely place of the measured.

        A moment of a series is as long as its narrowest block.
        """
        s = int(np.searchsorted(self.at, now, side="right"))
        found = np.full(len(likely), -np.inf)
        if s < LEAST_READINGS or not len(likely):
            return found
        score = self.falls.scores(s).score[0]
        first = np.searchsorted(self.at, measured[np.maximum(likely - _BLOCK + 1, 0)])
        last = np.searchsorted(self.at, measured[likely], side="right")
        for i, (a, b) in enumerate(zip(first, last, strict=True)):
            a = min(a, b - 1) if b else 0
            found[i] = score[a:b].max(initial=-np.inf)
        return found


def _middle(values: FloatArray) -> float:
    return float(np.median(values))


def _around(proxy: FloatArray, places: NDArray[np.int64]) -> float:
    """Median of the proxy's readings over these steps and between them."""
    return float(np.nanmedian(proxy[places[0] : places[-1] + 1]))


def _progress(doubt: float, delta: float) -> float:
    if doubt >= 1:
        return 0.0
    return min(1.0, math.log(doubt) / math.log(delta))


# -- by example -------------------------------------------------------------------------------


def _of_units(
    run: Run,
    units: Held,
    delta: float,
    bounds: tuple[float, float] | None,
    memory: float,
) -> Alarm:
    proxy = _proxy_side(run, memory, delta)
    needed = math.log(1 / (delta * proxy.left))
    reach = None if bounds is None else bounds[1] - bounds[0]
    method = "bets on paired differences" if units.paired else "bets on differences of new examples"
    if reach is None:
        method = method.replace("bets", "self-normalised evidence")
    fell = diverged = -math.inf
    fell_at, top = None, -math.inf
    for s in range(1, len(units.at)):
        starts = np.unique(np.linspace(0, s - 1, min(s, _STARTS)).astype(np.int64))
        truth = _evidence(units, starts, s, reach)
        rose = proxy.logs(units.at, starts, s)
        weight = -math.log(s * (s + 1) * len(starts))
        fell = _added(fell, truth + weight)
        diverged = _added(diverged, np.minimum(truth, rose) + weight)
        if fell_at is None and fell >= needed:
            fell_at = int(units.at[s])
        top = max(top, diverged)
        if diverged >= needed:
            best = int(starts[np.minimum(truth, rose).argmax()])
            then, now = int(units.at[best]), int(units.at[s])
            return Alarm(
                fired=True,
                at=now,
                since=then,
                truth=(float(run.truth[then]), float(run.truth[now])),
                proxy=(proxy.reading(then), proxy.reading(now)),
                fell_at=fell_at,
                looks=s,
                evidence=1.0,
                delta=delta,
                method=method,
            )
    looks = max(len(units.at) - 1, 0)
    evidence = min(1.0, max(0.0, top / needed)) if looks else 0.0
    return Alarm(False, None, None, None, None, fell_at, looks, evidence, delta, method)


def _evidence(units: Held, starts: NDArray[np.int64], s: int, reach: float | None) -> FloatArray:
    """Log e-values of a fall from each start to the s-th measured checkpoint."""
    if units.paired:
        return fall_evidence(units.values[:, starts] - units.values[:, [s]], reach)
    return np.array(
        [fall_evidence(units.before_after(int(j), s)[:, None], reach)[0] for j in starts]
    )


def _added(log_sum: float, logs: FloatArray) -> float:
    return float(np.logaddexp.reduce(np.append(logs, log_sum)))


@dataclass(frozen=True)
class _ProxyByUnit:
    """E-values of a rise, by example: the smaller of both e-values is one for "not both"."""

    run: Run
    held: Held
    left: float = 1.0  # share of δ that is left to the truth

    def logs(self, at: NDArray[np.int64], starts: NDArray[np.int64], s: int) -> FloatArray:
        bounds = self.run.proxy_bounds
        reach = None if bounds is None else bounds[1] - bounds[0]
        place = {int(step): m for m, step in enumerate(self.held.at)}
        now = place.get(int(at[s]))
        found = np.full(len(starts), -np.inf)
        for i, j in enumerate(starts):
            then = place.get(int(at[j]))
            if now is not None and then is not None:
                rise = -self.held.before_after(then, now)[:, None]
                found[i] = fall_evidence(rise, reach)[0]
        return found

    def reading(self, step: int) -> float:
        return float(self.run.proxy[step])


class _ProxyBySeries:
    """Rises that the series of the proxy's readings shows: all or nothing, with δ/2."""

    left = 0.5

    def __init__(self, run: Run, memory: float, delta: float) -> None:
        self.run, self.rises = run, _Rises(run, memory)
        self.threshold = fall_threshold(delta / 2)

    def logs(self, at: NDArray[np.int64], starts: NDArray[np.int64], s: int) -> FloatArray:
        score = self.rises.scores(int(at[s]), at, starts)
        return np.where(score >= self.threshold, np.inf, -np.inf)

    def reading(self, step: int) -> float:
        return _reading(self.run.proxy, step)


class _ProxyTaken:
    """Too few readings to test: a higher reading is taken for a rise."""

    left = 1.0

    def __init__(self, run: Run) -> None:
        self.run = run

    def logs(self, at: NDArray[np.int64], starts: NDArray[np.int64], s: int) -> FloatArray:
        now = self.reading(int(at[s]))
        higher = [now > self.reading(int(at[j])) for j in starts]
        return np.where(higher, np.inf, -np.inf)

    def reading(self, step: int) -> float:
        return _reading(self.run.proxy, step)


def _reading(proxy: FloatArray, step: int) -> float:
    """The proxy at a step, or when it was last read before it."""
    known = proxy[: step + 1]
    known = known[np.isfinite(known)]
    return float(known[-1]) if len(known) else math.nan


def _proxy_side(
    run: Run, memory: float, delta: float
) -> _ProxyByUnit | _ProxyBySeries | _ProxyTaken:
    if run.proxy_units is not None:
        return _ProxyByUnit(run, run.proxy_units)
    if run.enough_proxy():
        return _ProxyBySeries(run, memory, delta)
    return _ProxyTaken(run)


# -- what it rests on -------------------------------------------------------------------------


def assumed(run: Run, bounds: tuple[float, float] | None, memory: float) -> tuple[str, ...]:
    """What must hold for the alarm to be right, in short sentences."""
    regime = regime_of(run)
    if regime == "none":
        return ()
    if regime == "series":
        return (*_of_noise("the truth", memory), "The readings are about equally spaced.")
    unit = "The held-out examples are a sample of those that matter, and independent of each other."
    said = [unit]
    if regime == "fresh":
        said.append("Each checkpoint's examples are drawn alike; whom one measures is not chosen.")
    if bounds is None and run.bounds is None:
        said.append("Values without bounds: the test is approximate, and needs a finite spread.")
    elif bounds is None:
        said.append("All values so far are between 0 and 1; they are taken to stay there.")
    if run.proxy_units is None:
        said += (
            _of_noise("the proxy", memory)
            if run.enough_proxy()
            else ["The proxy has too few readings to test its rise: they are taken as read."]
        )
    return tuple(said)


def _of_noise(what: str, memory: float) -> list[str]:
    kind = (
        f"The noise of {what} returns to its course: correlation at most {memory:g} from one "
        "reading to the next, perhaps with independent noise on top. A random walk could not be "
        "told from a fall."
    )
    return [kind, f"Noise of {what} is estimated, and the test calibrated by simulation."]
