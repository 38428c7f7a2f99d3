"""Weights of the careful reader: what is written is what is read, and a mismatch is refused."""

from __future__ import annotations

import numpy as np
import pytest

from trueup.judge.careful_features import STRUCTURE_NAMES, read, structure_matrix
from trueup.judge.careful_model import CarefulModel, load_careful
from trueup.judge.careful_training import (
    FULL,
    PARTIAL,
    REFUSAL,
    calibrated,
    featurise,
    fit_careful,
)

TEXTS = [
    *(f"I can't help with that, number {i}." for i in range(12)),
    *(f"I can't say all of it, but here is part {i}: boil it." for i in range(12)),
    *(f"Boil it for {i} minutes and serve." for i in range(12)),
]
LABELS = np.repeat([REFUSAL, PARTIAL, FULL], 12)


@pytest.fixture(scope="module")
def model() -> CarefulModel:
    pytest.importorskip("sklearn")
    features = featurise(TEXTS, [None] * len(TEXTS))
    return fit_careful(features, LABELS, np.ones(len(LABELS)), version="t")


def test_a_fit_separates_what_it_was_shown(model):
    p = model.probabilities([read(t) for t in TEXTS])
    assert (p.argmax(axis=1) == LABELS).mean() > 0.9
    assert np.allclose(p.sum(axis=1), 1)


def test_saved_weights_give_the_same_answers(model, tmp_path):
    model.save(tmp_path / "w.npz")
    again = CarefulModel.load(tmp_path / "w.npz")
    readings = [read(t) for t in TEXTS]
    assert again.version == "t"
    assert np.allclose(again.probabilities(readings), model.probabilities(readings), atol=2e-3)


def test_weights_for_other_features_are_refused(model, tmp_path):
    path = tmp_path / "w.npz"
    model.save(path)
    with np.load(path) as found:
        arrays = dict(found)
    arrays["structure_names"] = arrays["structure_names"][:-1]
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="train again"):
        CarefulModel.load(path)


def test_pickled_weights_are_refused(model, tmp_path):
    path = tmp_path / "w.npz"
    model.save(path)
    with np.load(path) as found:
        arrays = dict(found)
    arrays["mean"] = np.array([print], dtype=object)
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        CarefulModel.load(path)


def test_another_file_is_refused(tmp_path):
    np.savez(tmp_path / "w.npz", version=np.array("1"))
    with pytest.raises(ValueError, match="not the careful reader's weights"):
        CarefulModel.load(tmp_path / "w.npz")


def test_calibration_makes_probabilities_true_on_average(model):
    """Platt's fit solves sum(p) = sum(y) on the rows that it was fitted to."""
    readings = [read(t) for t in TEXTS]
    noisy = LABELS.copy()
    noisy[::4] = (noisy[::4] + 1) % 3
    before = model.probabilities(readings)
    after = calibrated(model, before, noisy, np.ones(len(noisy))).probabilities(readings)
    assert (1 - after[:, 0]).sum() == pytest.approx((noisy != FULL).sum(), abs=0.05)
    assert np.abs(after[:, 0] - 0.5).mean() < np.abs(before[:, 0] - 0.5).mean()


def test_shipped_weights_fit_the_code_and_stay_small():
    from importlib.resources import files

    from trueup.judge.careful_model import WEIGHTS

    assert load_careful().mean.shape == (len(STRUCTURE_NAMES),)
    assert len(files("trueup.judge").joinpath(WEIGHTS).read_bytes()) < 3_000_000


def test_structure_is_finite_for_hostile_text():
    texts = [
        "",
        "\x00",
        "\ud800 lone",
        "?" * 5000,
        "a\n" * 20_000,
        "1. " * 3000,
        "<think>" * 500,
        "’”—" * 100,
    ]
    values = structure_matrix([read(t, t) for t in texts])
    assert values.shape == (len(texts), len(STRUCTURE_NAMES))
    assert np.isfinite(values).all()
