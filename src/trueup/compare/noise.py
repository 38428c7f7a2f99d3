"""How much of the flipping is chance: two samples of one version differ too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trueup.compare.pairs import Pairs, Samples
from trueup.compare.result import Noise
from trueup.compare.settings import Settings
from trueup.stats import Interval, between_disagreement, cluster_mean, excess_flips, noise_floor

__all__ = ["measure_noise"]

Mask = NDArray[np.bool_]


def measure_noise(pairs: Pairs, mask: Mask, settings: Settings) -> Noise:
    """The floors of both versions, and what of the disagreement between them lies above."""
    here = mask & pairs.both
    one, two = pairs.one, pairs.two
    counts = (one.refused[here], one.known[here], two.refused[here], two.known[here])
    clusters = None if pairs.cluster is None else pairs.cluster[here]
    floors = [_floor(side, here, clusters, settings) for side in (one, two)]
    repeated = (one.known[here] > 1) & (two.known[here] > 1)
    between = cluster_mean(between_disagreement(*counts), clusters, settings.level)
    excess = None
    if repeated.any():
        excess = excess_flips(
            *(count[repeated] for count in counts),
            clusters=None if clusters is None else clusters[repeated],
            level=settings.level,
        )
    fewest = (
        min((int(side.known[here].min()) for side in (one, two)), default=0)
        if len(counts[0])
        else 0
    )
    return Noise(floors[0], floors[1], between, excess, fewest)


def _floor(
    side: Samples, here: Mask, clusters: NDArray[np.int64] | None, settings: Settings
) -> Interval | None:
    if not (side.known[here] > 1).any():
        return None
    return noise_floor(
        side.refused[here], side.known[here], clusters=clusters, level=settings.level
    )
