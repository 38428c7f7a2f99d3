"""Rank correlation and Pareto set."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from trueup.stats import pareto_set, spearman


def test_or_bench_32_models(shared_data: Path) -> None:
    # OR-Bench (ICML 2025), the authors' plotting data for 32 models: 0.8935.
    path = shared_data.parent / "reference" / "or_bench_models.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    refusal = [float(row["over_refusal_pct"]) for row in rows]
    rejection = [100 - float(row["toxic_acceptance_pct"]) for row in rows]
    assert len(rows) == 32
    assert spearman(refusal, rejection) == pytest.approx(0.8935, abs=5e-5)


def test_ties_take_their_mean_rank() -> None:
    # Ranks 1.5 1.5 3 4 against 1 2 3.5 3.5: Pearson r of the ranks by hand = 4/4.5.
    assert spearman([1, 1, 2, 3], [1, 2, 3, 3]) == pytest.approx(4 / 4.5)


def test_undefined_correlation_is_nan() -> None:
    assert math.isnan(spearman([1], [1]))
    assert math.isnan(spearman([1, 1], [1, 2]))


def test_pareto_by_hand() -> None:
    costs = [[1, 5], [2, 2], [5, 1], [3, 3], [2, 2]]
    assert pareto_set(costs).tolist() == [True, True, True, False, True]
    assert pareto_set(np.empty((0, 2))).tolist() == []


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"costs must have shape \(n, d\), got \(2,\)"):
        pareto_set([1, 2])
    with pytest.raises(ValueError, match=r"y must be as long as x \(2\), got 1"):
        spearman([1, 2], [1])
