"""What else changed: how it refused, what it hedged, how long it was, what it can do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trueup.compare.answers import PARTIAL, REFUSAL, Answers, is_known
from trueup.compare.pairs import Pairs
from trueup.compare.result import MeasureChange
from trueup.compare.settings import Settings
from trueup.stats import Estimate, holm, paired_difference

__all__ = ["adjusted", "measure_changes"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_SHARES = ("hedges", "disclaimers", "warnings")  # of prompts whose answer has at least one
_WORDS = "words"


def measure_changes(
    pairs: Pairs, groups: Mapping[str, Mask], settings: Settings
) -> list[MeasureChange]:
    """Every measure on every group, not yet adjusted for their number."""
    found = []
    for name, unit, before, after in _values(pairs.before, pairs.after):
        one, two = pairs.mean(before, after)
        for group, mask in groups.items():
            here = mask & np.isfinite(one) & np.isfinite(two)
            if here.any():
                found.append(_change(name, group, unit, one, two, here, pairs.cluster, settings))
    return found


def adjusted(changes: Sequence[MeasureChange]) -> tuple[MeasureChange, ...]:
    """The same with p-values adjusted by Holm over all of them."""
    p = holm([change.p_value for change in changes])
    return tuple(replace(c, p_adjusted=float(q)) for c, q in zip(changes, p, strict=True))


def _values(before: Answers, after: Answers) -> Iterator[tuple[str, str, Floats, Floats]]:
    """Name, unit, and the value of each row of either side."""
    for name, verdict in (("full refusal", REFUSAL), ("partial refusal", PARTIAL)):
        yield name, "share", _is(before, verdict), _is(after, verdict)
    for name in _SHARES:
        if name in before.counts and name in after.counts:
            yield name, "share", _any(before.counts[name]), _any(after.counts[name])
    if _WORDS in before.counts and _WORDS in after.counts:
        yield _WORDS, "words", before.counts[_WORDS], after.counts[_WORDS]
    for name in before.scores:
        if name in after.scores:
            yield name, "score", before.scores[name], after.scores[name]


def _is(side: Answers, verdict: int) -> Floats:
    return np.where(is_known(side.verdict), side.verdict == verdict, np.nan).astype(np.float64)


def _any(counts: Floats) -> Floats:
    return np.where(np.isfinite(counts), counts > 0, np.nan)


def _change(
    name: str,
    group: str,
    unit: str,
    one: Floats,
    two: Floats,
    here: Mask,
    cluster: NDArray[np.int64] | None,
    settings: Settings,
) -> MeasureChange:
    before, after = one[here], two[here]
    inside = bool(((before >= 0) & (before <= 1) & (after >= 0) & (after <= 1)).all())
    change = paired_difference(
        before,
        after,
        clusters=None if cluster is None else cluster[here],
        rng=settings.rng,
        replicates=settings.replicates,
        bounds=(0.0, 1.0) if unit != "words" and inside else None,
    )
    found = change.interval(settings.level)
    difference = Estimate(
        name, found.value, found.low, found.high, found.level, found.n, 0, change.method, ()
    )
    return MeasureChange(
        name=name,
        group=group,
        unit=unit,
        before=float(before.mean()),
        after=float(after.mean()),
        difference=difference,
        p_value=change.p_value,
        p_adjusted=math.nan,
    )
