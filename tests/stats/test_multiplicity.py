"""Holm's adjusted p-values by hand and against the definition of the procedure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.stats import holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_by_hand() -> None:
    # 4 · 0.005; 3 · 0.01; 2 · 0.03; then 0.04, which may not fall below the 0.06 before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_tests_that_were_not_done_do_not_count() -> None:
    got = holm([[0.01, np.nan], [np.nan, 0.02]])
    assert got.shape == (2, 2)
    assert np.isnan(got[0, 1])
    assert np.isnan(got[1, 0])
    assert (got[0, 0], got[1, 1]) == pytest.approx((0.02, 0.02))
    assert holm([]).shape == (0,)
    assert np.isnan(holm([np.nan])).all()


@given(P_VALUES, st.floats(0.001, 0.5))
def test_rejects_what_the_step_down_procedure_rejects(p: list[float], alpha: float) -> None:
    # Holm (1979): the smallest against α/m, the next against α/(m − 1), until one fails.
    rejected: set[int] = set()
    for step, i in enumerate(np.argsort(p, kind="stable")):
        bound = alpha / (len(p) - step)
        if p[i] == pytest.approx(bound, rel=1e-12):  # a tie that rounding decides
            return
        if p[i] > bound:
            break
        rejected.add(int(i))
    assert set(np.flatnonzero(holm(p) <= alpha).tolist()) == rejected


@given(P_VALUES, st.randoms(use_true_random=False))
def test_keeps_order_and_range(p: list[float], shuffle) -> None:
    adjusted = holm(p)
    assert (adjusted >= np.array(p)).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
    order = list(range(len(p)))
    shuffle.shuffle(order)
    assert holm([p[i] for i in order]) == pytest.approx(adjusted[order])


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"p must be in \[0, 1\], got 1.2"):
        holm([0.1, 1.2])
