from __future__ import annotations

import numpy as np
import pytest

from trueup.stats import Falls, fall_doubt, fall_evidence, fall_threshold, look_times
from trueup.stats.course import drop_from_highest, fit_course, highest_drop, peak_places, unbeaten
from trueup.stats.falls import _block_moments
from trueup.stats.series_noise import MODELS, NoiseModel, noise_like, series_noise


@pytest.mark.parametrize("model", MODELS)
def test_innovations_are_independent_and_of_variance_one(model: NoiseModel) -> None:
    rng = np.random.default_rng(0)
    white = model.innovations(noise_like(rng, (400, 300), model).T)
    assert white.var() == pytest.approx(1.0, abs=0.02)
    for lag in (1, 2, 10):
        assert (white[lag:] * white[:-lag]).mean() == pytest.approx(0.0, abs=0.015)


def test_noise_has_the_correlation_that_it_says() -> None:
    model = NoiseModel(0.8, 0.4)
    noise = noise_like(np.random.default_rng(1), (2000, 60), model, 3.0)
    assert noise.std() == pytest.approx(3.0, rel=0.03)
    for lag in (1, 4):
        found = (noise[:, lag:] * noise[:, :-lag]).mean() / 9
        assert found == pytest.approx(float(model.correlation(np.array(lag))), abs=0.03)
        assert found == pytest.approx(0.6 * 0.8**lag, abs=0.03)


def test_the_true_noise_is_among_the_likely() -> None:
    for place, model in enumerate(MODELS):
        noise = series_noise(noise_like(np.random.default_rng(2), (200, 100), model))
        short = noise.likelihood.max(axis=1) - noise.likelihood[:, place]
        assert (short < 4.0).mean() > 0.97
        assert np.median(noise.variance[:, place]) == pytest.approx(1.0, rel=0.25)
        assert noise.weight.sum(axis=1) == pytest.approx(1.0)


def test_the_variance_of_block_medians() -> None:
    """Against simulation: close for noise that forgets, and never too small for other noise."""
    for place, closeness in ((0, 1.12), (1, 1.15), (3, 1.25), (8, 1.2)):
        noise = noise_like(np.random.default_rng(3), (20_000, 40), MODELS[place])
        first, second = np.median(noise[:, :7], axis=1), np.median(noise[:, 20:27], axis=1)
        alone, together = _block_moments(7, 64)
        said = 2 * (alone[place] - together[place, 20 - 7])
        assert 0.97 < said / (first - second).var() < closeness


def test_a_planted_fall_is_seen_and_its_place_named() -> None:
    readings = np.concatenate([np.full(50, 1.0), np.full(50, 0.0)])
    readings += np.random.default_rng(0).normal(0, 0.1, 100)
    falls = Falls(readings)
    seen = falls.first(0.05)
    assert seen is not None
    assert 50 < seen < 60
    found = falls.scores(100)
    best = int(found.score[0].argmax())
    width = int(found.width[0, best])
    assert width > 3
    assert best - width < 50 < 100 - width  # from a block that began before it to one after it
    assert Falls(-readings).first(0.05) is None


def test_scores_do_not_depend_on_unit_or_level() -> None:
    readings = np.random.default_rng(4).normal(size=60)
    plain = Falls(readings).scores(60).score
    assert np.allclose(Falls(1e-6 * readings + 1e3).scores(60).score, plain, atol=1e-3)


def test_independent_noise_that_is_known_to_be_shows_falls_sooner() -> None:
    readings = np.concatenate([np.zeros(40), np.full(40, -1.0)])
    readings += np.random.default_rng(5).normal(0, 0.4, 80)
    known, unknown = Falls(readings, 0.0), Falls(readings)
    assert known.scores(80).score.max() > unknown.scores(80).score.max()


def test_thresholds_and_doubts_are_inverse() -> None:
    for doubt in (0.2, 0.05, 0.0125, 0.002):
        assert fall_doubt(fall_threshold(doubt)) == pytest.approx(doubt)
    assert fall_threshold(1e-5) > fall_threshold(0.001)
    assert fall_doubt(-5.0) == 1.0
    with pytest.raises(ValueError, match="doubt must be"):
        fall_threshold(0.0)


def test_looks_do_not_depend_on_how_many_there_will_be() -> None:
    assert look_times(7) == []
    assert look_times(10) == [8, 9, 10]
    assert look_times(500) == [one for one in look_times(2000) if one <= 500]


# -- evidence by example ----------------------------------------------------------------------


def test_bets_have_mean_one_under_no_difference() -> None:
    """Every outcome of three differences of ±1, listed: the mean of the e-value is exactly 1."""
    outcomes = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1)
    assert np.exp(fall_evidence(outcomes, 1.0)).mean() == pytest.approx(1.0)


def test_a_fall_is_evidence_and_a_rise_is_not() -> None:
    rng = np.random.default_rng(0)
    down = rng.choice([-1.0, 0.0, 1.0], (300, 1), p=[0.05, 0.7, 0.25])
    for reach in (1.0, None):
        assert fall_evidence(down, reach)[0] > np.log(1000)
        assert fall_evidence(-down, reach)[0] < 0


def test_missing_units_do_not_bet_and_order_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    d = rng.uniform(-1, 1, (40, 2))
    gaps = np.concatenate([d, np.full((10, 2), np.nan)])
    for reach in (1.0, None):
        plain = fall_evidence(d, reach)
        assert fall_evidence(gaps, reach) == pytest.approx(plain)
        assert fall_evidence(rng.permutation(d), reach) == pytest.approx(plain)
    assert fall_evidence(np.ones((2, 1)), None)[0] == 0.0  # nothing says how far they spread
    with pytest.raises(ValueError, match="must be in ±1"):
        fall_evidence([[2.0]], 1.0)


# -- the course -------------------------------------------------------------------------------


def test_a_smooth_curve_is_found_again() -> None:
    x = np.linspace(0, 1, 200)
    curve = 3 * x - 4 * x**2
    course = fit_course(curve + np.random.default_rng(0).normal(0, 0.05, 200))
    assert np.abs(course.fit - curve).max() < 0.06
    assert course.deviation == pytest.approx(0.05, rel=0.2)
    first, last = peak_places(course, 0.95)
    assert first <= 75 <= last
    drop = highest_drop(course, 0.95)
    assert drop.low < -1.5625 < drop.high


def test_means_that_are_clearly_worse_are_left_out() -> None:
    draws = np.random.default_rng(0).normal(0, 0.1, (2000, 4))
    means = np.array([0.0, 1.0, 0.95, -2.0])
    assert unbeaten(means, draws, 0.95).tolist() == [False, True, True, False]
    drop = drop_from_highest(means, draws, 0.95)
    assert drop.value == -3.0
    assert drop.low < -3.0 < drop.high < -2.5
    exact = drop_from_highest(means, np.zeros((10, 4)), 0.95)
    assert (exact.low, exact.high) == (-3.0, -3.0)
