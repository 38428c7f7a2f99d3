from __future__ import annotations

import csv
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import UserError
from trueup.goodhart.divergence.best_of_n import (
    best_of_n,
    best_of_n_curve,
    best_of_n_kl,
    best_of_n_table,
)
from trueup.goodhart.divergence.scaling import fit_scaling, peak_of, reward_at


def by_subsets(proxy: list[float], truth: list[float], n: int) -> float:
    """The definition: mean over all subsets of n, a tie for the best broken at random."""
    found = []
    for chosen in combinations(range(len(proxy)), n):
        top = max(proxy[i] for i in chosen)
        found.append(np.mean([truth[i] for i in chosen if proxy[i] == top]))
    return float(np.mean(found))


@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(-100, 100)), min_size=1, max_size=8), st.data()
)
def test_it_equals_trying_every_subset(
    samples: list[tuple[int, float]], data: st.DataObject
) -> None:
    n = data.draw(st.integers(1, len(samples)))
    proxy, truth = [float(p) for p, _ in samples], [t for _, t in samples]
    assert best_of_n(proxy, truth, n) == pytest.approx(by_subsets(proxy, truth, n), abs=1e-9)


def test_the_ends() -> None:
    assert best_of_n([1, 2, 3], [5, 6, 10], 1) == pytest.approx(7)  # the mean
    assert best_of_n([1, 2, 3], [5, 6, 10], 3) == pytest.approx(10)  # the proxy's favourite
    assert np.isfinite(best_of_n(np.arange(60_000.0), np.arange(60_000.0), 30_000))
    with pytest.raises(ValueError, match="between 1 and the 3 samples"):
        best_of_n([1, 2, 3], [1, 2, 3], 4)


def test_kl() -> None:
    """ln n − (n − 1)/n, computed by hand for n = 4, 64 and 1000."""
    assert best_of_n_kl([1, 4, 64, 1000]) == pytest.approx([0, 0.6363, 3.1745, 5.9088], abs=5e-5)
    with pytest.raises(ValueError, match="at least 1"):
        best_of_n_kl([0.5])


def test_a_curve_over_prompts() -> None:
    rng = np.random.default_rng(0)
    prompt = np.repeat(np.arange(50), 16)
    gold = rng.normal(size=800)
    found = best_of_n_curve(prompt.tolist(), gold, gold)
    assert found.n == (1, 2, 4, 8, 16)
    assert found.best_n == 16
    # The expected maximum of two normal numbers is 1/√π.
    assert found.truth[1].low < 1 / np.sqrt(np.pi) < found.truth[1].high
    for at in found.truth:
        assert at.low < at.value < at.high
    with pytest.raises(UserError, match="at least two samples"):
        best_of_n_curve(["a", "b"], [1, 2], [1, 2])


def test_rows_of_one_n_are_averaged() -> None:
    found = best_of_n_table([4, 1, 4], [1, 0, 3], [0.2, 0.1, 0.4], 0.95)
    assert found.n == (1, 4)
    assert [one.value for one in found.truth] == pytest.approx([0.1, 0.3])
    assert found.best_n == 4


# -- Gao et al. 2022 --------------------------------------------------------------------------


def test_the_3m_reward_model() -> None:
    """α = 0.490 and β = 0.120 (Gao et al. 2022): the peak is at d = 2.04, with a reward of 0.50."""
    assert peak_of("best-of-n", 0.490, 0.120) == pytest.approx(2.04, abs=0.005)
    d = np.linspace(0, 3.5, 12)
    noise = 0.004 * np.cos(np.arange(12))
    found = fit_scaling("best-of-n", d, reward_at("best-of-n", d, 0.490, 0.120) + noise, start=0.0)
    assert found is not None
    assert found.peak is not None
    assert found.peak.low < 2.0417 < found.peak.high
    assert found.peak_reward is not None
    assert found.peak_reward.low < 0.5002 < found.peak_reward.high
    assert found.peak_n is not None
    assert found.peak_n.value == pytest.approx(176, rel=0.1)  # ln n − (n − 1)/n = 2.04²


def test_the_form_for_rl_is_another() -> None:
    """Its peak is exp(α/β − 1): the logarithm, and not the form for best of n, is RL's."""
    assert reward_at("rl", [0.0, 1.0, np.e], 0.5, 0.2) == pytest.approx([0, 0.5, 0.3 * np.e])
    assert peak_of("rl", 0.5, 0.25) == pytest.approx(np.e)
    d = np.linspace(0.1, 5, 30)
    y = 0.3 + reward_at("rl", d, 0.5, 0.25) + np.random.default_rng(1).normal(0, 0.01, 30)
    found = fit_scaling("rl", d, y)
    assert found is not None
    assert found.peak is not None
    assert found.peak.low < np.e < found.peak.high
    assert found.start.low < 0.3 < found.start.high
    assert found.peak_n is None


def test_a_peak_beyond_the_data_is_unknown() -> None:
    d = np.linspace(0, 1.5, 40)
    found = fit_scaling("best-of-n", d, reward_at("best-of-n", d, 0.49, 0.12))
    assert found is not None
    assert found.peak is None
    assert "beyond the data" in found.unknown


def test_a_curve_that_does_not_turn_is_unknown() -> None:
    d = np.linspace(0, 3, 20)
    found = fit_scaling("best-of-n", d, 0.4 * d + np.random.default_rng(0).normal(0, 0.05, 20))
    assert found is not None
    assert found.peak is None
    assert "β reaches 0" in found.unknown


def test_three_distances_are_too_few() -> None:
    assert fit_scaling("rl", [0, 1, 2, 2], [0, 1, 1, 1]) is None
    with pytest.raises(ValueError, match="at least 0"):
        fit_scaling("rl", [-1, 1, 2, 3], [0, 1, 1, 1])


def test_published_points_do_not_show_a_peak(shared_data: Path) -> None:
    """Seven published points with ranges of n: whichever end is used, they do not fix a peak."""
    path = shared_data.parent / "reference" / "gao_best_of_n.csv"
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    gold = [float(row["gold_reward"]) for row in rows]
    for end in ("n_low", "n_high"):
        d = np.sqrt(best_of_n_kl([float(row[end]) for row in rows]))
        found = fit_scaling("best-of-n", d, gold)
        assert found is not None
        assert found.peak is None
        assert found.unknown
