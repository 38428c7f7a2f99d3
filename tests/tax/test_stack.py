"""Stack maths on arrays: independent product beside the measured joint rate."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from trueup.tax import stack_from_fires


def test_four_real_guards_on_benign_cases(shared_data: Path) -> None:
    """Share of benign cases that some guard stops, counted from hatecheck_guards.csv."""
    with (shared_data / "hatecheck_guards.csv").open(encoding="utf-8", newline="") as file:
        cases = [row for row in csv.DictReader(file) if row["label_gold"] == "non-hateful"]
    guards = [name for name in cases[0] if name.startswith("pred_")]
    fires = np.array([[row[guard] == "hateful" for guard in guards] for row in cases])
    found = stack_from_fires(fires)
    assert fires.shape[1] == 4
    assert 1 - found.independent.value == pytest.approx(0.927, abs=5e-4)
    assert 1 - found.measured.value == pytest.approx(0.780, abs=5e-4)
    # Correlated guards stop fewer together: the two intervals do not even touch.
    assert found.independent.high < found.measured.low


def test_five_layers_at_ten_percent() -> None:
    """Five independent layers at 0.10 pass 0.9⁵ = 0.59049."""
    n = 1_000
    rng = np.random.default_rng(1)
    fires = np.stack([rng.permutation(np.arange(n) < n // 10) for _ in range(5)], axis=1)
    found = stack_from_fires(fires)
    assert found.independent.value == pytest.approx(0.59049, abs=1e-12)
    assert found.independent.low < 0.59049 < found.independent.high


def test_five_percent_budget_over_five_layers() -> None:
    """1 − 0.95^(1/5) = 1.02 % each."""
    n = 100_000
    each = round(n * (1 - 0.95**0.2))
    fires = np.zeros((n, 5), dtype=bool)
    for column in range(5):
        fires[column * each : (column + 1) * each, column] = True
    assert each / n == pytest.approx(0.0102, abs=5e-5)
    assert stack_from_fires(fires).independent.value == pytest.approx(0.95, abs=5e-5)


def test_product_interval_covers_and_is_conservative() -> None:
    rng = np.random.default_rng(2)
    rates = np.array([0.02, 0.1, 0.25])
    truth = float(np.prod(1 - rates))
    inside = 0
    runs = 400
    for _ in range(runs):
        found = stack_from_fires(rng.random((200, 3)) < rates).independent
        inside += found.low <= truth <= found.high
    assert inside / runs >= 0.95


def test_nothing_fired_is_not_certainty() -> None:
    found = stack_from_fires(np.zeros((50, 2), dtype=bool))
    assert found.independent.value == found.measured.value == 1.0
    assert found.independent.low < 0.95
    assert found.measured.low < 0.95


def test_no_rows_is_unknown() -> None:
    found = stack_from_fires(np.zeros((0, 2), dtype=bool))
    assert np.isnan(found.measured.value)
    assert np.isnan(found.independent.value)
    assert (found.independent.low, found.independent.high) == (0.0, 1.0)


def test_shape_is_checked() -> None:
    with pytest.raises(ValueError, match=r"shape \(n, k\) with k ≥ 1, got \(3,\)"):
        stack_from_fires([True, False, True])
