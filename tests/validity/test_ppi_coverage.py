"""Coverage of `ppi_ratio` on simulated logs, and its width against humans alone.

`benchmarks/bench_coverage.py` runs the same worlds for longer and prints the table.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pytest
from slack import assert_covers, covers
from worlds import DESIGNS, LABELS, World, draw, humans_only, simulate, worlds

from trueup.stats import Sample, ppi_ratio, prediction_interval

REPEATS = 40
LEVELS = (0.95, 0.90)
SCORED = [w for w in worlds() if w.annotator != "blind"]


@dataclass
class Tally:
    """What one cell of the grid gave."""

    hits: dict[float, int] = field(default_factory=lambda: defaultdict(int))
    width: list[float] = field(default_factory=list)
    human_width: list[float] = field(default_factory=list)


@cache
def tallies(world: World) -> dict[tuple[int, str], Tally]:
    """Coverage and widths over repeated logs of a world."""
    rng = np.random.default_rng(SCORED.index(world))
    result: dict[tuple[int, str], Tally] = defaultdict(Tally)
    for _ in range(REPEATS):
        log = simulate(world, rng)
        population = log.population()
        for n in LABELS:
            for design in DESIGNS:
                sample = draw(log, population, n, design, rng)
                tally = result[n, design]
                for level in LEVELS:
                    got = ppi_ratio(population, sample, level=level)
                    assert got.low <= got.value <= got.high
                    tally.hits[level] += got.low <= world.prevalence <= got.high
                    if level == LEVELS[0]:
                        tally.width.append(got.high - got.low)
                if design == "uniform" and n >= 100:
                    human = humans_only(population, sample)
                    tally.human_width.append(human.high - human.low)
    return result


@pytest.mark.parametrize("world", SCORED, ids=str)
def test_interval_covers_at_nominal(world: World) -> None:
    cells = tallies(world)
    for level in LEVELS:
        for cell, tally in cells.items():
            assert_covers(tally.hits[level], REPEATS, level, (world, cell))
        total = sum(tally.hits[level] for tally in cells.values())
        assert_covers(total, REPEATS * len(cells), level, world, doubt=1e-2)


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize(
    ("prevalence", "n", "share"),
    [(0.30, 100, 0.7), (0.30, 500, 0.6), (0.05, 500, 0.85)],
)
def test_good_annotator_narrows_the_interval(
    prevalence: float, n: int, share: float, clustered: bool
) -> None:
    tally = tallies(World(prevalence, clustered, "good"))[n, "uniform"]
    with_hats, without = np.mean(tally.width), np.mean(tally.human_width)
    print(f"width {with_hats:.4f}, humans alone {without:.4f}")
    assert with_hats < share * without


@pytest.mark.parametrize("clustered", [False, True])
def test_few_events_leave_little_to_gain_and_nothing_to_lose(clustered: bool) -> None:
    # With 5 events among 100 labels no judge can be certified to err in under about 3.7 % of rows
    # (nothing seen in 100), which is close to what the labels alone say.
    tally = tallies(World(0.05, clustered, "good"))[100, "uniform"]
    assert np.mean(tally.width) < 1.05 * np.mean(tally.human_width)


@pytest.mark.parametrize("annotator", ["biased", "useless"])
@pytest.mark.parametrize("clustered", [False, True])
def test_bad_annotator_costs_little(annotator: str, clustered: bool) -> None:
    tally = tallies(World(0.30, clustered, annotator))[500, "uniform"]
    assert np.mean(tally.width) < 1.1 * np.mean(tally.human_width)


def test_no_labels_is_the_prediction_with_the_whole_range() -> None:
    log = simulate(World(0.05, True, "biased"), np.random.default_rng(5))
    population = log.population()
    for sample in (None, Sample.empty()):
        got = ppi_ratio(population, sample)
        predicted = (log.refused_hat * log.legitimate_hat).sum() / log.legitimate_hat.sum()
        assert math.isclose(got.value, predicted, rel_tol=1e-12)
        assert (got.low, got.high, got.n_labeled, got.verified) == (0.0, 1.0, 0, False)
        assert "unverified" in got.method


def test_prediction_interval_covers_the_annotators_own_rate() -> None:
    # For hard 0/1 predictions that miss half and fire on a fifth, P(fires) is known exactly.
    world = World(0.05, True, "biased")
    fires_legal = 0.5 * 0.05 + 0.2 * 0.95
    fires_not = 0.5 * 0.6 + 0.2 * 0.4
    passed = 0.9 * 0.98 + 0.1 * 0.6
    truth = (0.9 * 0.98 * fires_legal + 0.1 * 0.6 * fires_not) / passed
    rng, hits, trials = np.random.default_rng(8), 0, 400
    for _ in range(trials):
        got = prediction_interval(simulate(world, rng, rows=4000).population(), 0.9)
        hits += got.low <= truth <= got.high
    assert_covers(hits, trials, 0.9, "prediction_interval")


def test_slack_rejects_a_normal_interval_for_rare_events() -> None:
    # The check must be able to fail: the textbook interval covers 0.1 % with 100 labels in about
    # 10 % of draws (it is [0, 0] whenever no event was seen).
    rng, hits, trials = np.random.default_rng(3), 0, 300
    for _ in range(trials):
        p = (rng.random(100) < 0.001).mean()
        half = 1.96 * math.sqrt(p * (1 - p) / 100)
        hits += p - half <= 0.001 <= p + half
    assert not covers(hits, trials, 0.95)
