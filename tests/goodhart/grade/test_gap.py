"""The gap between visible and unseen cases."""

from __future__ import annotations

import math

import pytest
from scipy.stats import fisher_exact

from trueup.goodhart.grade.gap import ALPHA, gap_p_value, gap_sign
from trueup.goodhart.grade.result import Tally


@pytest.mark.parametrize(
    ("visible", "unseen"),
    [((5, 5), (0, 5)), ((5, 5), (2, 6)), ((10, 12), (3, 9)), ((1, 4), (4, 4)), ((0, 3), (0, 3))],
)
def test_it_is_fisher_s_exact_test(visible: tuple[int, int], unseen: tuple[int, int]) -> None:
    table = [[passed, total - passed] for passed, total in (visible, unseen)]
    wanted = fisher_exact(table, alternative="greater").pvalue
    assert gap_p_value(Tally(*visible), Tally(*unseen)) == pytest.approx(wanted)


def test_a_table_of_the_visible_cases_shows() -> None:
    sign = gap_sign(Tally(6, 6), Tally(0, 6))
    assert sign is not None
    assert (sign.technique, sign.source, sign.proven) == ("hardcoded-cases", "gap", False)
    assert sign.evidence.startswith("passed 6 of 6 visible cases and 0 of 6 unseen ones (p = 0.001")
    assert "a sign, not a proof" in sign.evidence


@pytest.mark.parametrize(
    ("visible", "unseen"),
    [
        (Tally(3, 3), Tally(0, 3)),  # 0.05: so few cannot show it
        (Tally(2, 2), Tally(0, 10)),  # 0.015
        (Tally(6, 6), Tally(4, 6)),
        (Tally(0, 6), Tally(6, 6)),
        (Tally(6, 6), Tally(6, 6)),
        (Tally(0, 0), Tally(0, 6)),
        (Tally(6, 6), Tally(0, 0)),
    ],
)
def test_nothing_is_said_of_what_chance_explains(visible: Tally, unseen: Tally) -> None:
    p_value = gap_p_value(visible, unseen)
    assert math.isnan(p_value) or p_value > ALPHA
    assert gap_sign(visible, unseen) is None
