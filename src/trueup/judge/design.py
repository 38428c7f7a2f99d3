"""The sampling design of the label queue: how informative a row is, and what that makes its chance.

Every interaction has a permanent random number u, uniform on (0, 1), and a size s that grows with
how much its label would shrink the report's intervals. The queue runs in the order of u / s. After
the rows below a frontier f have been labelled, a row was among them with probability min(1, f·s).
The sample of a longer queue contains that of a shorter one, so that batches, pauses and several
raters all lengthen one and the same sample.

This is sequential Poisson sampling (Ohlsson 1998, J. Official Statistics 14:149), known in
computing as priority sampling: with f the value at the first row not reached, weights
1 / min(1, f·s) give unbiased totals and may be treated as those of independent draws (Duffield,
Lund & Thorup 2007, J. ACM 54(6), Theorem 1; Ting 2022, SIGMOD, "Adaptive threshold sampling").
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import orjson
from numpy.typing import NDArray

__all__ = [
    "BINS",
    "BLOCKED",
    "FIRED",
    "UNKNOWN_BIN",
    "Design",
    "Stratum",
    "design_for",
    "expected_below",
    "frontier_for",
    "sd_of",
]

BINS = (0.02, 0.1, 0.3, 0.7, 0.9, 0.98)  # edges, of the annotator's P(refused, wholly or in part)
_MIDDLE = (0.005, 0.05, 0.2, 0.5, 0.8, 0.95, 0.995)
UNKNOWN_BIN = len(BINS) + 1  # not annotated, or undetermined
QUIET, FIRED, BLOCKED = _LAYER_STATES = (0, 1, 2)  # what the layers did

# Planning values for P(legitimate). Wrong ones cost width, never validity.
_LEGITIMATE_IF_FIRED = 0.5
_LEGITIMATE_IF_QUIET = (0.9, 0.5)  # at risk 0 and at risk 1
_FLOOR = 0.2  # share of the labels spread evenly: bounds what wrong planning values can cost
_MOST_BOOST = 2.0  # of a small segment


@dataclass(frozen=True, slots=True)
class Stratum:
    """Rows alike to the design: annotator bin, what the layers did, segment value, and how many."""

    bin: int
    layers: int
    segment: str
    n: int


@dataclass(frozen=True)
class Design:
    """What fixes the queue of one workspace; kept there from the first draw on.

    Attributes
    ----------
    seed
        Of the permanent random numbers.
    refused
        Planning value of the wrongful refusal rate, in (0, 1).
    even, slope
        size = even + slope · sd · boost.
    segment
        Key of `interactions.segments` used for stratifying; None when there is none.
    boosts
        Factor by value of the segment; 1 where not named.
    frontier
        Everything below this value of u / size has been offered; 0 at the start, infinite when
        nothing is left.
    """

    seed: int
    refused: float
    even: float
    slope: float
    segment: str | None = None
    boosts: Mapping[str, float] = field(default_factory=dict)
    frontier: float = 0.0

    def size(self, bin: int, layers: int, segment: str) -> float:
        """Size of a row, greater than 0: its chance is min(1, frontier · size)."""
        boost = self.boosts.get(segment, 1.0)
        return self.even + self.slope * sd_of(bin, layers, self.refused) * boost

    @property
    def largest(self) -> float:
        """An upper bound of all sizes: u is below place · largest."""
        sds = (sd_of(b, a, self.refused) for b in range(UNKNOWN_BIN + 1) for a in _LAYER_STATES)
        return self.even + self.slope * max(sds) * max(1.0, *self.boosts.values(), 1.0)

    def dumps(self) -> str:
        values = asdict(self)
        values["frontier"] = None if math.isinf(self.frontier) else self.frontier
        return orjson.dumps(values).decode()

    @classmethod
    def loads(cls, text: str) -> Design:
        values = orjson.loads(text)
        if values["frontier"] is None:
            values["frontier"] = math.inf
        return cls(**values)


def sd_of(bin: int, layers: int, refused: float) -> float:
    """Standard deviation of what a label adds to the wrongful refusal rate of one row.

    With r = P(refused) from the annotator, l = P(legitimate) from the planning values and θ the
    rate, a row moves the estimate by L(R − θ), of which l(r − θ) is known without a label (the
    prediction of the prediction-powered estimate). What is left has variance
    l(r(1 − θ)² + (1 − r)θ²) − l²(r − θ)².
    """
    r = _risk(bin, layers)
    legitimate = _legitimate(bin, layers)
    squared = legitimate * (r * (1 - refused) ** 2 + (1 - r) * refused**2)
    return math.sqrt(max(0.0, squared - (legitimate * (r - refused)) ** 2))


def _risk(bin: int, layers: int) -> float:
    """P(refused): a block by a layer is a refusal, whatever the response says."""
    if layers == BLOCKED:
        return _MIDDLE[-1]
    return 0.5 if bin == UNKNOWN_BIN else _MIDDLE[bin]


def _legitimate(bin: int, layers: int) -> float:
    if layers != QUIET:
        return _LEGITIMATE_IF_FIRED
    calm, refused = _LEGITIMATE_IF_QUIET
    return calm + (refused - calm) * _risk(bin, layers)


def design_for(strata: Sequence[Stratum], *, seed: int, segment: str | None) -> Design:
    """The design of a log: labels go by Neyman's rule, with a share spread evenly.

    Equal to `trueup.stats.neyman_allocation(n, sd, 1, floor)` per stratum; kept as two numbers so
    that a stratum that appears later has a size too. Small segments get more than their share, in
    proportion to the inverse root of their share of the log and at most twofold, for the sake of
    their own intervals (a power allocation; Bankier 1988, American Statistician 42:174).
    """
    total = sum(stratum.n for stratum in strata)
    expected = sum(s.n * _legitimate(s.bin, s.layers) * _risk(s.bin, s.layers) for s in strata)
    legitimate = sum(s.n * _legitimate(s.bin, s.layers) for s in strata)
    refused = min(max(expected / legitimate, 0.01), 0.5) if legitimate else 0.1
    boosts = _boosts(strata) if segment is not None else {}
    spread = sum(s.n * sd_of(s.bin, s.layers, refused) * boosts.get(s.segment, 1.0) for s in strata)
    if not total:
        return Design(seed, refused, 1.0, 0.0, segment, boosts)
    return Design(seed, refused, _FLOOR / total, (1 - _FLOOR) / spread, segment, boosts)


def _boosts(strata: Sequence[Stratum]) -> dict[str, float]:
    counts: dict[str, int] = {}
    for stratum in strata:
        counts[stratum.segment] = counts.get(stratum.segment, 0) + stratum.n
    total, values = sum(counts.values()), len(counts)
    return {
        value: round(min(max(math.sqrt(total / (values * n)), 1 / _MOST_BOOST), _MOST_BOOST), 4)
        for value, n in counts.items()
    }


def expected_below(frontier: float, n: NDArray[np.float64], size: NDArray[np.float64]) -> float:
    """Expected number of rows below a frontier; n, size of shape (strata,)."""
    if math.isinf(frontier):
        return float(n.sum())
    return float(n @ np.minimum(1.0, frontier * size))


def frontier_for(wanted: float, n: NDArray[np.float64], size: NDArray[np.float64]) -> float:
    """The frontier below which `wanted` rows are expected; infinite when there are not so many."""
    if wanted >= n.sum():
        return math.inf
    low, high = 0.0, 1.0 / float(size[n > 0].min())
    for _ in range(100):
        middle = (low + high) / 2
        if expected_below(middle, n, size) < wanted:
            low = middle
        else:
            high = middle
    return high
