"""False alarms of the watch under continuous looking, and coverage of its intervals.

Of a series without a fall the truth's side of the alarm, at δ, is what can go wrong; of one whose
truth falls and whose proxy does not rise the proxy's side, which is the same test upside down. So
the rate of alarms is at most that of one side, which many series can be asked for at once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal import lfilter
from slack import assert_covers

from trueup.goodhart.divergence.alarm import find_alarm
from trueup.goodhart.divergence.best_step import best_step
from trueup.goodhart.divergence.scaling import fit_scaling, reward_at
from trueup.goodhart.divergence.table import tabulate
from trueup.stats import Falls, fall_threshold, look_times
from trueup.stats.course import fit_course, highest_drop, peak_places
from trueup.stats.series_noise import LONGEST_MEMORY, NoiseModel, noise_like

Array = np.ndarray
DELTA, RUNS = 0.05, 1000

FLAT: Callable[[Array], Array] = lambda x: 0 * x  # noqa: E731
CONVERGING: Callable[[Array], Array] = lambda x: 8 * (1 - np.exp(-8 * x))  # noqa: E731
RISING: Callable[[Array], Array] = lambda x: 6 * np.sqrt(x)  # noqa: E731


def noise(kind: str, shape: tuple[int, int], seed: int = 0) -> Array:
    """Noise of variance 1 or more: "white", "0.5", "0.9", "t", "t 0.9" or "mixed"."""
    rng = np.random.default_rng(seed)
    if kind.startswith("t"):
        memory = float(kind[2:] or 0)
        drawn = rng.standard_t(3, (shape[0], shape[1] + 200))
        return np.asarray(lfilter([1.0], [1.0, -memory], drawn, axis=1)[:, 200:])
    models = {"white": NoiseModel(0.0), "mixed": NoiseModel(0.9, 0.5)}
    model = models.get(kind) or NoiseModel(float(kind))
    return noise_like(rng, shape, model)


def ever_shown(readings: Array, doubt: float, memory: float = LONGEST_MEMORY) -> int:
    """Of how many series a fall is shown at any look."""
    falls, threshold = Falls(readings, memory), fall_threshold(doubt)
    tops = [falls.scores(s).score.max(axis=1) for s in look_times(readings.shape[1])]
    return int((np.max(tops, axis=0) >= threshold).sum())


@pytest.mark.parametrize("course", [FLAT, CONVERGING, RISING])
@pytest.mark.parametrize("kind", ["white", "0.5", "0.9", "t", "t 0.9", "mixed"])
def test_false_alarms_in_short_runs(kind: str, course: Callable[[Array], Array]) -> None:
    readings = course(np.linspace(0, 1, 20)) + noise(kind, (RUNS, 20))
    shown = ever_shown(readings, DELTA)
    assert_covers(RUNS - shown, RUNS, 1 - DELTA, kind)


@pytest.mark.parametrize(
    ("kind", "course"), [("0.9", FLAT), ("t 0.9", FLAT), ("mixed", CONVERGING)]
)
def test_false_alarms_in_runs_of_200(kind: str, course: Callable[[Array], Array]) -> None:
    readings = course(np.linspace(0, 1, 200)) + noise(kind, (RUNS, 200), 1)
    shown = ever_shown(readings, DELTA)
    assert_covers(RUNS - shown, RUNS, 1 - DELTA, kind)


@pytest.mark.parametrize("kind", ["0.8", "0.9"])
def test_false_alarms_in_runs_of_50(kind: str) -> None:
    shown = ever_shown(noise(kind, (RUNS, 50), 14), DELTA)
    assert_covers(RUNS - shown, RUNS, 1 - DELTA, kind)


@pytest.mark.parametrize(("kind", "memory"), [("white", 0.0), ("t", 0.0), ("0.5", 0.5)])
def test_false_alarms_when_the_memory_is_said(kind: str, memory: float) -> None:
    shown = ever_shown(noise(kind, (RUNS, 100), 15), DELTA, memory)
    assert_covers(RUNS - shown, RUNS, 1 - DELTA, kind)


@pytest.mark.parametrize(
    ("n", "deviations", "kind", "share"),
    [
        (13, 20, "0.5", 0.75),
        (20, 20, "white", 0.9),
        (20, 20, "0.5", 0.9),
        (30, 15, "0.5", 0.75),
        (50, 10, "white", 0.6),
        (100, 10, "white", 0.9),
    ],
)
def test_an_obvious_collapse_raises_the_alarm(
    n: int, deviations: float, kind: str, share: float
) -> None:
    """The truth rises by 15 deviations to its best at 40 % of the run and then falls steadily."""
    x = np.linspace(0, 1, n)
    rise = 15 * np.sin(np.minimum(x / 0.4, 1) * np.pi / 2)
    truth = rise - deviations * np.maximum(x - 0.4, 0) / 0.6 + noise(kind, (40, n), 16)
    proxy = 1 - np.exp(-3 * x) + 0.01 * noise("white", (40, n), 17)
    pairs = zip(proxy, truth, strict=True)
    fired = sum(find_alarm(tabulate(p, t), DELTA).fired for p, t in pairs)
    assert fired >= share * 40


@pytest.mark.parametrize("kind", ["0.9", "t 0.9"])
def test_false_alarms_in_a_long_run(kind: str) -> None:
    shown = ever_shown(noise(kind, (100, 1500), 2), DELTA)
    assert_covers(100 - shown, 100, 1 - DELTA, f"{kind}, 1,500 steps")


def test_both_sides_together_with_a_proxy_that_saturates() -> None:
    """The alarm itself: the truth rises and levels off, the proxy rises and saturates."""
    x = np.linspace(0, 1, 60)
    proxy = 1 - np.exp(-6 * x) + 0.1 * noise("0.5", (100, 60), 3)
    truth = 1 - np.exp(-6 * x) + 0.1 * noise("0.9", (100, 60), 4)
    pairs = zip(proxy, truth, strict=True)
    fired = sum(find_alarm(tabulate(x, y), DELTA).fired for x, y in pairs)
    assert_covers(100 - fired, 100, 1 - DELTA, "saturating")


def test_a_truth_that_falls_with_its_proxy_is_no_divergence() -> None:
    x = np.linspace(0, 1, 60)
    fall = -5 * x + 0.3 * noise("0.5", (100, 60), 5)
    proxy = -2 * x + 0.3 * noise("0.9", (100, 60), 6)
    pairs = zip(proxy, fall, strict=True)
    fired = sum(find_alarm(tabulate(p, t), DELTA).fired for p, t in pairs)
    assert_covers(100 - fired, 100, 1 - DELTA, "falling together")


def test_the_simulation_can_see_alarms() -> None:
    """Planted falls, so that the tests above cannot pass because nothing is ever shown."""
    x = np.linspace(0, 1, 200)
    readings = -12 * np.abs(x - 0.4) + noise("0.5", (100, 200), 7)
    assert ever_shown(readings, DELTA) > 90


def test_a_random_walk_is_taken_for_a_fall() -> None:
    """What the assumption is for: it cannot be told from one, and is not."""
    walks = np.cumsum(noise("white", (200, 100), 8), axis=1)
    assert ever_shown(walks, DELTA) > 200 * DELTA


# -- by example -------------------------------------------------------------------------------


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("rates", [[0.5] * 12, np.linspace(0.3, 0.8, 12).tolist(), [0.97] * 12])
def test_false_alarms_by_example(rates: list[float], same: bool) -> None:
    rng = np.random.default_rng(9)
    n, k, runs = 60, 12, 300
    fired = 0
    for _ in range(runs):
        ease = rng.random((n, 1)) if same else rng.random((n, k))
        anew = rng.random((n, k)) < 0.4
        values = np.where(anew, rng.random((n, k)), ease) < rates
        example = np.repeat(np.arange(n), k) if same else np.arange(n * k)
        run = tabulate(
            np.tile(np.arange(k) * 1.0, n),
            values.ravel(),
            step=np.tile(np.arange(k), n).tolist(),
            example=example.tolist(),
        )
        fired += find_alarm(run, DELTA).fired
    assert_covers(runs - fired, runs, 1 - DELTA, rates[0])


@pytest.mark.parametrize("draw", ["normal", "t", "lognormal"])
def test_false_alarms_of_values_without_bounds(draw: str) -> None:
    rng = np.random.default_rng(10)
    fired, runs = 0, 300
    for _ in range(runs):
        made = {
            "normal": lambda: rng.normal(size=(80, 8)),
            "t": lambda: rng.standard_t(3, (80, 8)),
            "lognormal": lambda: rng.lognormal(size=(80, 8)),
        }[draw]()
        values = made + 2 * rng.normal(size=(80, 1))
        run = tabulate(
            np.tile(np.arange(8) * 1.0, 80),
            values.ravel(),
            step=np.tile(np.arange(8), 80).tolist(),
            example=np.repeat(np.arange(80), 8).tolist(),
        )
        fired += find_alarm(run, DELTA).fired
    assert_covers(runs - fired, runs, 1 - DELTA, draw)


# -- intervals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "n", "level"),
    [("white", 20, 0.95), ("0.5", 60, 0.95), ("t", 60, 0.95), ("0.9", 20, 0.85), ("0.9", 60, 0.9)],
)
def test_the_best_step_and_the_drop_of_a_series(kind: str, n: int, level: float) -> None:
    """At level 0.95; where the noise remembers most of a short run, what the docs say it holds."""
    x = np.linspace(0, 1, n)
    truth = -8 * ((x - 0.42) / 0.58) ** 2
    peak, drop, runs = 0, 0, 100
    for one in noise(kind, (runs, n), 11):
        course = fit_course(truth + one)
        first, last = peak_places(course, 0.95)
        peak += first <= int(truth.argmax()) <= last
        found = highest_drop(course, 0.95)
        drop += found.low <= truth[-1] - truth.max() <= found.high
    assert_covers(peak, runs, level, f"best step, {kind}, {n}")
    assert_covers(drop, runs, level, f"drop, {kind}, {n}")


def test_the_best_step_and_the_drop_by_example() -> None:
    rng = np.random.default_rng(12)
    rates = np.array([0.4, 0.55, 0.65, 0.67, 0.62, 0.5])
    peak, drop, runs = 0, 0, 120
    for _ in range(runs):
        anew = rng.random((150, 6)) < 0.5
        values = np.where(anew, rng.random((150, 6)), rng.random((150, 1))) < rates
        run = tabulate(
            np.zeros(900),
            values.ravel(),
            step=np.tile(np.arange(6), 150).tolist(),
            example=np.repeat(np.arange(150), 6).tolist(),
        )
        found = best_step(run, 0.95)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        peak += found.low <= 3 <= found.high
        drop += found.drop.low <= 0.5 - 0.67 <= found.drop.high
    assert_covers(peak, runs, 0.95, "best step")
    assert_covers(drop, runs, 0.95, "drop")


@pytest.mark.parametrize(("form", "alpha", "beta"), [("best-of-n", 0.49, 0.12), ("rl", 0.6, 0.4)])
def test_the_predicted_peak(form: str, alpha: float, beta: float) -> None:
    d = np.linspace(0, 4, 12)
    truth = alpha / (2 * beta) if form == "best-of-n" else np.exp(alpha / beta - 1)
    top = float(reward_at(form, [truth], alpha, beta)[0])
    rng = np.random.default_rng(13)
    peak, reward, runs = 0, 0, 150
    for _ in range(runs):
        found = fit_scaling(form, d, reward_at(form, d, alpha, beta) + rng.normal(0, 0.03, 12))
        assert found is not None
        assert found.peak is not None
        assert found.peak_reward is not None
        peak += found.peak.low <= truth <= found.peak.high
        reward += found.peak_reward.low <= top <= found.peak_reward.high
    assert_covers(peak, runs, 0.95, "peak")
    assert_covers(reward, runs, 0.95, "reward at the peak")
