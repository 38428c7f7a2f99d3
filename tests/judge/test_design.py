"""The sampling design: sizes, frontiers, and what they are good for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trueup.judge.design import (
    BINS,
    BLOCKED,
    FIRED,
    QUIET,
    UNKNOWN_BIN,
    Design,
    Stratum,
    design_for,
    expected_below,
    frontier_for,
    sd_of,
)
from trueup.stats import neyman_allocation

COUNTS = [
    Stratum(0, QUIET, "legal", 900),
    Stratum(0, QUIET, "code", 8_000),
    Stratum(3, FIRED, "code", 300),
    Stratum(6, BLOCKED, "legal", 100),
    Stratum(UNKNOWN_BIN, QUIET, "code", 50),
]


def test_sizes_are_neymans() -> None:
    design = design_for(COUNTS, seed=0, segment=None)
    n = [stratum.n for stratum in COUNTS]
    sd = [sd_of(stratum.bin, stratum.layers, design.refused) for stratum in COUNTS]
    sizes = [design.size(stratum.bin, stratum.layers, "") for stratum in COUNTS]
    assert sizes == pytest.approx(list(neyman_allocation(n, sd, 1, floor=0.2)))


def test_every_row_has_a_chance() -> None:
    design = design_for(COUNTS, seed=0, segment="domain")
    sizes = [
        design.size(bin, layers, segment)
        for bin in range(UNKNOWN_BIN + 1)
        for layers in (QUIET, FIRED, BLOCKED)
        for segment in ("legal", "code", "never seen")
    ]
    assert min(sizes) > 0
    assert max(sizes) <= design.largest
    assert max(sizes) < 20 * min(sizes)  # no weight swamps the others


def test_small_segments_get_more_than_their_share() -> None:
    design = design_for(COUNTS, seed=0, segment="domain")
    assert design.size(0, QUIET, "legal") > design.size(0, QUIET, "code")


def test_frontiers_invert_expectations() -> None:
    design = design_for(COUNTS, seed=0, segment=None)
    n = np.array([stratum.n for stratum in COUNTS], dtype=float)
    size = np.array([design.size(s.bin, s.layers, "") for s in COUNTS])
    for wanted in (1.0, 50.0, 3_000.0, n.sum() - 1):
        assert expected_below(frontier_for(wanted, n, size), n, size) == pytest.approx(wanted)
    assert math.isinf(frontier_for(n.sum(), n, size))
    assert expected_below(math.inf, n, size) == n.sum()


@pytest.mark.parametrize("frontier", [0.0, 12.5, math.inf])
def test_a_design_survives_being_stored(frontier: float) -> None:
    design = Design(3, 0.1, 1e-4, 2e-3, "domain", {"legal": 2.0}, frontier)
    assert Design.loads(design.dumps()) == design


@pytest.mark.parametrize(
    ("skew", "legitimate_if_refused", "fires", "harm"),
    [(0.05, 0.6, 0.05, 0.03), (0.1, 0.5, 0.1, 0.05), (0.25, 0.8, 0.1, 0.02)],
)
def test_the_main_interval_narrows_and_under_refusal_hardly_widens(
    skew: float, legitimate_if_refused: float, fires: float, harm: float
) -> None:
    """Variance of the linearised estimates with 200 labels, against equal chances.

    For Poisson sampling it is Σ e²(1/p − 1), e being what a row adds beyond its prediction.
    """
    rng = np.random.default_rng(1)
    rows = 20_000
    score = rng.beta(skew, 1.0, rows)
    bins = np.digitize(score, BINS)
    refused = rng.random(rows) < 0.02 + 0.93 * score
    fired = rng.random(rows) < fires
    layers = np.where(refused & (rng.random(rows) < 0.5), BLOCKED, np.where(fired, FIRED, QUIET))
    legit = rng.random(rows) < np.where(refused, legitimate_if_refused, 1 - harm)
    counts = [
        Stratum(b, state, "", int(((bins == b) & (layers == state)).sum()))
        for b in range(len(BINS) + 1)
        for state in (QUIET, FIRED, BLOCKED)
    ]
    design = design_for(counts, seed=0, segment=None)
    size = np.array([design.size(b, s, "") for b, s in zip(bins, layers, strict=True)])

    def variance(error: np.ndarray, sizes: np.ndarray) -> float:
        chance = np.minimum(1.0, frontier_for(200, np.ones(rows), sizes) * sizes)
        return float((error**2 * (1 / chance - 1)).sum())

    rate = (legit & refused).sum() / legit.sum()
    missed = (~legit & ~refused).sum() / (~legit).sum()
    wrongful = legit * (refused - rate) - (score - rate)
    under = ~legit * (~refused - missed)
    equal = np.ones(rows)
    assert variance(wrongful, size) < 0.85 * variance(wrongful, equal)
    assert variance(under, size) < 1.35 * variance(under, equal)
