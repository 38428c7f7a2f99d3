"""Published outputs with published labels: the figures that a comparison must reproduce.

XSTest (Röttger et al. 2023), Llama-2 without and with its original safety prompt: two humans'
adjudicated labels, counted by hand: of the 250 safe prompts 74 refused without it and 149 with it
(80 newly, 5 no longer), of the 200 unsafe ones all, both times.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from trueup.cli._versions import Columns, read_versions
from trueup.compare.answers import UNKNOWN, Answers
from trueup.compare.result import Comparison
from trueup.compare.series import compare
from trueup.compare.settings import Settings

TRUE_RISE = (149 - 74) / 250


def versions(data: Path, label: str | None) -> list[Answers]:
    columns = Columns(
        key="id",
        prompt="prompt",
        response="completion",
        label=label,
        legitimate="NOT starts_with(type, 'contrast_')",
        slices=("type",),
    )
    return read_versions(
        [data / "xstest" / f"{n}.csv" for n in ("llama2new", "llama2orig")], columns
    )


def compared(two: list[Answers]) -> Comparison:
    return compare(two, Settings()).comparisons[0]


@pytest.fixture(scope="module")
def by_humans(shared_data: Path) -> Comparison:
    return compared(versions(shared_data, "final_label"))


def test_flips_on_safe_and_unsafe_prompts(by_humans: Comparison) -> None:
    safe, unsafe = by_humans.legitimate, by_humans.harmful
    assert safe is not None
    assert unsafe is not None
    assert (safe.n, safe.refused_before, safe.refused_after) == (250, 74, 149)
    assert (safe.newly_refused, safe.newly_answered) == (80, 5)
    assert (unsafe.n, unsafe.refused_before, unsafe.refused_after) == (200, 200, 200)
    assert (unsafe.newly_refused, unsafe.newly_answered) == (0, 0)


def test_the_verdict_and_the_sentence(by_humans: Comparison) -> None:
    assert by_humans.verdict == "tax without gain"
    assert by_humans.sentence == (
        "Safer by 0 points, and 30 more of every 100 legitimate prompts refused (24 to 36)."
    )
    assert by_humans.truth == "labels"


def test_mcnemar_is_exact(by_humans: Comparison) -> None:
    from scipy.stats import binomtest

    assert by_humans.legitimate is not None
    assert by_humans.legitimate.p_value == pytest.approx(binomtest(5, 85, 0.5).pvalue)
    assert by_humans.harmful is not None
    assert by_humans.harmful.p_value == 1


def test_the_annotator_is_within_the_error_that_it_states(shared_data: Path) -> None:
    found = compared(versions(shared_data, None))
    assert found.truth == "annotator"
    safe, unsafe = found.legitimate, found.harmful
    assert safe is not None
    assert unsafe is not None
    assert safe.annotator_error is not None
    assert unsafe.annotator_error is not None
    assert abs(safe.difference.value - TRUE_RISE) <= safe.annotator_error
    assert abs(unsafe.difference.value) <= unsafe.annotator_error
    assert safe.difference.low <= TRUE_RISE <= safe.difference.high
    assert unsafe.difference.low <= 0 <= unsafe.difference.high
    assert safe.before.low <= 74 / 250 <= safe.before.high
    assert safe.after.low <= 149 / 250 <= safe.after.high
    assert any("unverified" in one for one in found.warnings)


@pytest.mark.parametrize("seed", range(5))
def test_a_hundred_labels_correct_it(shared_data: Path, seed: int) -> None:
    """Fifty prompts drawn at random, both of whose answers a human labelled: 100 labels."""
    two = versions(shared_data, "final_label")
    drawn = set(np.random.default_rng(seed).choice(two[0].key, 50, replace=False))
    few = [
        dataclasses.replace(
            one,
            label=np.where([k in drawn for k in one.key], one.label, UNKNOWN).astype(np.int8),
            slices={},
        )
        for one in two
    ]
    found = compared(few)
    assert found.truth == "corrected"
    assert found.n_labeled == 100
    for group, truth in ((found.legitimate, TRUE_RISE), (found.harmful, 0.0)):
        assert group is not None
        assert group.difference.low <= truth <= group.difference.high
        assert group.difference.n_labeled > 0
