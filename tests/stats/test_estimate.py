"""The contract of one number in a report."""

from __future__ import annotations

import json
import math

import pytest

from trueup import stats
from trueup.stats import Estimate

KEYS = [
    "name",
    "value",
    "low",
    "high",
    "level",
    "n",
    "n_labeled",
    "method",
    "assumptions",
    "segment",
    "layer",
]


def test_dict_has_the_contract_keys_in_order_and_is_json() -> None:
    got = Estimate("tax", math.nan, 0.0, math.inf, 0.95, 10, 0, "none", ("a.",)).to_dict()
    assert list(got) == KEYS
    assert got["value"] is None
    assert got["high"] is None
    assert json.loads(json.dumps(got, allow_nan=False))["assumptions"] == ["a."]


def test_verified_means_that_labels_stand_behind_it() -> None:
    assert not Estimate("x", 0.1, 0, 1, 0.95, 9, 0, "m", ()).verified
    assert Estimate("x", 0.1, 0, 1, 0.95, 9, 1, "m", ()).verified


def test_results_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Estimate("x", 0.1, 0, 1, 0.95, 9, 0, "m", ()).value = 1.0  # type: ignore[misc]


def test_public_names_exist_and_are_sorted() -> None:
    assert stats.__all__ == sorted(stats.__all__)
    for name in stats.__all__:
        assert hasattr(stats, name), name
