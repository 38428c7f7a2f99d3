"""Agreement measures against textbook values and independent programs."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.stats import cohen_kappa, error_rates, f1_score, krippendorff_alpha

PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)


def test_kappa_textbook() -> None:
    # 50 rows, both yes 20, only A 5, only B 10, both no 15: p_o 0.7, p_e 0.5, κ 0.4.
    a = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])
    b = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    got = cohen_kappa(a, b)
    assert got.value == pytest.approx(0.4)
    assert got.low < 0.25 < 0.55 < got.high


def test_kappa_and_f1_match_scikit_learn_on_xstest(shared_data: Path) -> None:
    # Real labels: paul-rottger/exaggerated-safety (CC-BY-4.0), read in place.
    metrics = pytest.importorskip("sklearn.metrics")
    truth, said, prompt = [], [], []
    for path in sorted((shared_data / "xstest").glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            for i, row in enumerate(csv.DictReader(file)):
                truth.append("refusal" in row["final_label"])
                said.append("refusal" in row["gpt4_label"])
                prompt.append(i)
    kappa = cohen_kappa(np.array(truth, int), np.array(said, int), prompt)
    f1 = f1_score(truth, said, prompt)
    assert kappa.value == pytest.approx(metrics.cohen_kappa_score(truth, said), abs=1e-12)
    assert f1.value == pytest.approx(metrics.f1_score(truth, said), abs=1e-12)
    assert kappa.high - kappa.low < 0.15


def test_krippendorff_published_example() -> None:
    # Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", example C: α = 0.743.
    raters = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, -1, -1, -1],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, -1, 3],
        [-1, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, -1],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, -1],
    ]
    assert krippendorff_alpha(np.array(raters).T) == pytest.approx(0.743, abs=5e-4)


def test_undefined_is_nan() -> None:
    assert math.isnan(krippendorff_alpha(np.array([[1, -1], [-1, 2]])))
    assert math.isnan(krippendorff_alpha(np.array([[1, 1], [1, 1]])))
    assert math.isnan(cohen_kappa([1, 1], [1, 1]).value)
    assert math.isnan(f1_score([0, 0], [0, 0]).value)
    rates = error_rates([1, 1], [1, 0])
    assert math.isnan(rates.false_positive.value)
    assert (rates.false_positive.low, rates.false_positive.high) == (0.0, 1.0)


def test_error_rates_by_hand() -> None:
    truth = np.repeat([1, 0], [10, 20])
    said = np.concatenate([np.arange(10) < 8, np.arange(20) < 3])
    got = error_rates(truth, said)
    assert (got.false_negative.value, got.false_positive.value) == (0.2, 0.15)
    assert (got.false_negative.n, got.false_positive.n) == (10, 20)


def test_perfect_agreement_on_few_rows_is_not_certainty() -> None:
    a = [0, 1, 1, 0, 1]
    assert cohen_kappa(a, a).low < 0.5
    assert f1_score(a, a).low < 0.5


@given(PAIRS)
def test_intervals_hold_their_value(pairs: list[tuple[bool, bool]]) -> None:
    truth, said = (np.array(side, dtype=int) for side in zip(*pairs, strict=True))
    for got, least in (
        (f1_score(truth, said, draws=50), 0.0),
        (cohen_kappa(truth, said, draws=50), -1.0),
    ):
        assert least <= got.low < got.high <= 1
        assert math.isnan(got.value) or got.low <= got.value <= got.high


def test_errors() -> None:
    with pytest.raises(ValueError, match="truth must be one-dimensional and hold 0/1"):
        f1_score([2, 0], [0, 0])
    with pytest.raises(ValueError, match="or -1 for missing, got -2"):
        krippendorff_alpha(np.array([[0, -2]]))
