"""Coverage of the speedup's interval on times with the tails and the drift of real ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from slack import assert_covers

from trueup.goodhart.grade.speedup import LEVEL, LOOKS, is_clear, look, measure

RUNS = 4000


def noise(kind: str, rng: np.random.Generator, n: int) -> np.ndarray:
    """Log noise of one side, any median: both sides have the same."""
    if kind == "heavy":
        return rng.standard_t(1.5, n) * 0.05
    if kind == "skewed":  # now and then something else runs
        return rng.exponential(0.02, n) + (rng.random(n) < 0.1) * rng.exponential(1.0, n)
    return rng.normal(0, 0.02, n)


@pytest.mark.parametrize("kind", ["normal", "heavy", "skewed"])
@pytest.mark.parametrize("n", [6, 15, 30])
def test_the_interval_covers_the_true_ratio(kind: str, n: int) -> None:
    rng = np.random.default_rng([n, len(kind)])
    truth = 1.3
    covered = too_high = 0
    for _ in range(RUNS):
        drift = rng.normal(0, 0.3, n)  # of the machine, the same for both of a pair
        reference = np.exp(math.log(truth) + drift + noise(kind, rng, n))
        submission = np.exp(drift + noise(kind, rng, n))
        found = measure(reference.tolist(), submission.tolist())
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
        too_high += found.low > truth
    assert_covers(covered, RUNS, LEVEL, (kind, n))
    assert_covers(RUNS - too_high, RUNS, 1 - (1 - LEVEL) / 2, (kind, n, "lower limit alone"))


@pytest.mark.parametrize("kind", ["normal", "heavy", "skewed"])
@pytest.mark.parametrize("at_least", [1.3, 1.32])
def test_it_covers_although_it_looks_until_it_is_clear(kind: str, at_least: float) -> None:
    rng = np.random.default_rng([len(kind), round(100 * at_least)])
    truth, repeats = 1.3, 9
    covered = passed = 0
    for _ in range(RUNS):
        n = repeats * LOOKS[-1]
        drift = rng.normal(0, 0.3, n)
        reference = np.exp(math.log(truth) + drift + noise(kind, rng, n)).tolist()
        submission = np.exp(drift + noise(kind, rng, n)).tolist()
        for times in LOOKS:
            found = look(reference[: repeats * times], submission[: repeats * times])
            if is_clear(found, at_least):
                break
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
        passed += found.low >= at_least
    assert_covers(covered, RUNS, LEVEL, (kind, at_least))
    assert_covers(RUNS - passed, RUNS, 1 - (1 - LEVEL) / 2, (kind, at_least, "passes"))
