"""The sign of a visible-unseen gap: a submission that is as good on both is seldom suspected."""

from __future__ import annotations

import numpy as np
import pytest

from tests.validity.slack import covers
from trueup.goodhart.grade.gap import ALPHA, gap_sign
from trueup.goodhart.grade.result import Tally

TRIALS = 1000


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(("visible", "unseen"), [(5, 5), (10, 40), (30, 30), (4, 200)])
def test_false_alarms(rate: float, visible: int, unseen: int) -> None:
    """Cases pass independently, at one rate: alarms come in at most a share `ALPHA`."""
    rng = np.random.default_rng([visible, unseen, int(100 * rate)])
    seen = rng.binomial(visible, rate, TRIALS)
    held = rng.binomial(unseen, rate, TRIALS)
    quiet = sum(
        gap_sign(Tally(int(a), visible), Tally(int(b), unseen)) is None
        for a, b in zip(seen, held, strict=True)
    )
    assert covers(quiet, TRIALS, 1 - ALPHA), f"{TRIALS - quiet} alarms in {TRIALS}"


def test_hardcoded_cases_are_found() -> None:
    """A table of the visible cases that guesses a tenth of the others is seen almost always."""
    rng = np.random.default_rng(5)
    held = rng.binomial(20, 0.1, 500)
    found = sum(gap_sign(Tally(8, 8), Tally(int(b), 20)) is not None for b in held)
    assert found >= 495
