"""The rates before and after and their difference, in each of three states of the truth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from trueup.compare.misreading import MISREAD, difference_error, rate_limits
from trueup.compare.pairs import Pairs, newly_refused
from trueup.compare.settings import Settings
from trueup.stats import (
    Estimate,
    Interval,
    PairedDifference,
    Population,
    Sample,
    clopper_pearson,
    cluster_mean,
    is_equivalent,
    paired_difference,
    ppi_mean,
)

__all__ = ["Measured", "annotated", "corrected", "labelled", "labels_suffice", "rate"]

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

_MISREAD_VARIANCE = 0.15  # of a difference: 7 or 8 of 100 answers misread on either side
_DRAWN = "The labelled prompts were drawn at random, whatever was answered."
_PAIRED = "The same prompts were asked on both sides."
_LIKE = "The prompts stand for those that matter: a suite is not your traffic."


@dataclass(frozen=True, slots=True)
class Measured:
    """Refusal before and after, its difference, and two tests: of no change, and of a large one.

    new_refusals: share newly refused. error: how far the difference may be off because the
    annotator misreads, a share; None when people's labels stand behind it.
    """

    before: Interval
    after: Interval
    new_refusals: Interval
    difference: Estimate
    p_value: float
    equivalent: bool
    error: float | None


def labelled(pairs: Pairs, here: Mask, settings: Settings, *, drawn: bool = False) -> Measured:
    """From people's labels on these prompts, on both sides; drawn: they are a sample of all."""
    before, after = pairs.one.label_share[here], pairs.two.label_share[here]
    clusters = None if pairs.cluster is None else pairs.cluster[here]
    change = _change(before, after, clusters, settings)
    found = change.interval(settings.level)
    return Measured(
        rate(before, clusters, settings.level),
        rate(after, clusters, settings.level),
        rate(newly_refused(before, after).astype(np.float64), clusters, settings.level),
        _estimate(
            found,
            f"the labelled prompts alone; {change.method}" if drawn else change.method,
            len(before),
            (_DRAWN, _PAIRED, _LIKE) if drawn else (_PAIRED, _LIKE),
        ),
        change.p_value,
        is_equivalent(change, settings.margin, settings.level),
        None,
    )


def annotated(pairs: Pairs, here: Mask, group: str, settings: Settings) -> Measured:
    """From the annotator alone: the interval is wider by as much as it may misread.

    What it misreads, it also misses of what the sample holds too little of by chance: the read
    interval is stretched by 1 / (1 − false alarms − missed) around its value before it is widened.
    """
    before, after = pairs.one.share[here], pairs.two.share[here]
    clusters = None if pairs.cluster is None else pairs.cluster[here]
    change = _change(before, after, clusters, settings)
    by = MISREAD[group]
    differ = _texts_differ(pairs, here)
    share = float(differ.mean())
    below, above, stretch = 0.0, 0.0, 1.0
    if differ.any():
        means = float(before[differ].mean()), float(after[differ].mean())
        below, above = difference_error(*means, share, by)
        stretch = 1 / (1 - by.false_alarm - by.missed)
    found = _widened(change.interval(settings.level), stretch, below, above)
    tested = _widened(change.interval(2 * settings.level - 1), stretch, below, above)
    newly = rate(newly_refused(before, after).astype(np.float64), clusters, settings.level)
    limits = []
    for values in (before, after):
        read = rate(values, clusters, settings.level)
        low, high = rate_limits(read.low, by)[0], rate_limits(read.high, by)[1]
        limits.append(Interval(read.value, low, high, read.level, read.n))
    says = (
        f"The annotator misreads at most {100 * by.false_alarm:.0f} % of what was answered and "
        f"{100 * by.missed:.0f} % of what was refused, the worst seen on published answers.",
        _PAIRED,
        _LIKE,
    )
    return Measured(
        limits[0],
        limits[1],
        _widened(newly, stretch, below, above, least=0.0),
        _estimate(found, f"annotator alone; {change.method}", 0, says),
        change.p_value,
        -settings.margin < tested.low and tested.high < settings.margin,
        max(below, above),
    )


def labels_suffice(pairs: Pairs, here: Mask, labelled_prompts: int) -> bool:
    """Whether labels alone promise the shorter interval, told before any label is looked at.

    With n of N prompts labelled and a share D of them flipped, as the annotator reads it, labels
    alone leave 1.96 √(D/n). Prediction-powered inference leaves about 1.96 √(R/n + D/N) + 2/n, with
    R the variance of what the annotator gets wrong, taken to be 0.15, and 2/n for one misread
    prompt that the labels did not meet (`trueup.stats.ppi_mean`).
    """
    both = here & (pairs.one.read > 0) & (pairs.two.read > 0)
    if not both.any():
        return True
    flipped = float(((pairs.two.read_share - pairs.one.read_share)[both] ** 2).mean())
    n, total = labelled_prompts, int(both.sum())
    powered = 1.96 * math.sqrt(_MISREAD_VARIANCE / n + flipped / total) + 2 / n
    return 1.96 * math.sqrt(flipped / n) <= powered


def corrected(pairs: Pairs, here: Mask, on_both: Mask, settings: Settings) -> Measured:
    """From the annotator on every prompt and people on some: prediction-powered.

    The difference of a prompt, −1 to 1, is estimated as (difference + 1) / 2, a share
    (`trueup.stats.ppi_mean`).
    """
    level = settings.level
    one, two = pairs.one, pairs.two
    readable = here & (one.read > 0) & (two.read > 0)
    sampled = on_both & readable
    guess = (two.read_share - one.read_share + 1) / 2
    truth = (two.label_share - one.label_share + 1) / 2
    halves = _ppi(pairs, readable, sampled, guess, truth, level)
    low, high = _doubled(halves)
    tested = _doubled(_ppi(pairs, readable, sampled, guess, truth, 2 * level - 1))
    value = 2 * halves.value - 1
    difference = Estimate(
        "difference",
        value,
        low,
        high,
        level,
        int(readable.sum()),
        int(sampled.sum()),
        halves.method,
        (_DRAWN, _PAIRED, _LIKE),
    )
    was, now = (
        _ppi(pairs, readable, sampled, side.read_share, side.label_share, level)
        for side in (one, two)
    )
    newly = _ppi(
        pairs,
        readable,
        sampled,
        newly_refused(one.read_share, two.read_share).astype(np.float64),
        newly_refused(one.label_share, two.label_share).astype(np.float64),
        level,
    )
    return Measured(
        Interval(was.value, was.low, was.high, level, was.n),
        Interval(now.value, now.low, now.high, level, now.n),
        Interval(newly.value, newly.low, newly.high, level, newly.n),
        difference,
        _p_value(value, low, high, level),
        -settings.margin < tested[0] and tested[1] < settings.margin,
        None,
    )


def rate(values: Floats, clusters: NDArray[np.int64] | None, level: float) -> Interval:
    """A mean of shares: exact where each prompt is 0 or 1 and on its own."""
    if clusters is None and np.isin(values, (0.0, 1.0)).all():
        return clopper_pearson(int(values.sum()), len(values), level)
    return cluster_mean(values, clusters, level)


def _change(
    before: Floats, after: Floats, clusters: NDArray[np.int64] | None, settings: Settings
) -> PairedDifference:
    return paired_difference(
        before, after, clusters=clusters, rng=settings.rng, replicates=settings.replicates
    )


def _texts_differ(pairs: Pairs, here: Mask) -> Mask:
    """Whether the answers differ, for each prompt of the mask; with several samples they do."""
    one, two = pairs.one, pairs.two
    at = np.flatnonzero(here)
    single = (one.known[at] == 1) & (two.known[at] == 1)
    before, after = pairs.before.response, pairs.after.response
    same = [before[i] == after[j] for i, j in zip(one.first[at], two.first[at], strict=True)]
    return ~(single & np.array(same, dtype=bool))


def _widened(
    found: Interval, stretch: float, below: float, above: float, least: float = -1.0
) -> Interval:
    low = max(least, found.value - stretch * (found.value - found.low) - below)
    high = min(1.0, found.value + stretch * (found.high - found.value) + above)
    return Interval(found.value, low, high, found.level, found.n)


def _estimate(found: Interval, method: str, n_labeled: int, says: tuple[str, ...]) -> Estimate:
    return Estimate(
        "difference",
        found.value,
        found.low,
        found.high,
        found.level,
        found.n,
        n_labeled,
        method,
        says,
    )


def _ppi(
    pairs: Pairs, readable: Mask, sampled: Mask, guess: Floats, truth: Floats, level: float
) -> Estimate:
    cluster = np.arange(len(readable)) if pairs.cluster is None else pairs.cluster
    ones = np.ones(int(readable.sum()))
    none = np.zeros(len(ones), dtype=np.int64)
    population = Population(none, cluster[readable], ones, guess[readable], ones)
    n = int(sampled.sum())
    sample = Sample(
        np.zeros(n, dtype=np.int64),
        cluster[sampled],
        np.ones(n),
        truth[sampled],
        np.ones(n),
        guess[sampled],
        np.ones(n),
    )
    return ppi_mean(population, sample, level=level)


def _doubled(share: Estimate) -> tuple[float, float]:
    return 2 * share.low - 1, 2 * share.high - 1


def _p_value(value: float, low: float, high: float, level: float) -> float:
    """Two-sided p of "no difference", from the limits taken for those of a normal estimate."""
    deviation = (high - low) / (2 * float(special.ndtri(0.5 + level / 2)))
    if not deviation > 0:
        return math.nan
    return float(2 * special.ndtr(-abs(value) / deviation))
