"""Sample sizes, label plans and allocation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trueup.stats import (
    Population,
    Sample,
    equivalence_n,
    interval_half_width_after,
    is_equivalent,
    labels_needed,
    mcnemar,
    neyman_allocation,
    paired_difference,
    paired_n,
    ppi_mean,
    two_proportion_n,
)


@pytest.mark.parametrize(("base", "n"), [(0.05, 432), (0.10, 683), (0.20, 1091), (0.50, 1562)])
def test_rows_to_see_a_rise_of_five_points(base: float, n: int) -> None:
    # Published figures for a rise of 5 points at 80 % power, two-sided 5 %.
    assert two_proportion_n(base, base + 0.05) == n


@pytest.mark.parametrize(
    ("newly", "fixed", "n"),
    # Published calculators by Connor (1987), 80 % power, two-sided 5 %.
    [(0.45, 0.05, 23), (0.15, 0.30, 155)],
)
def test_prompts_for_mcnemar(newly: float, fixed: float, n: int) -> None:
    assert paired_n(newly, fixed) == paired_n(fixed, newly) == n


def flips(n: int, newly: float, fixed: float) -> list[tuple[int, int, float]]:
    """Every likely pair of counts of flips, and its probability."""
    result = []
    for b in range(n + 1):
        first = stats.binom.pmf(b, n, newly)
        if first < 1e-8:
            continue
        c = np.arange(n - b + 1)
        chance = first * stats.binom.pmf(c, n - b, fixed / (1 - newly))
        result += [(b, int(k), float(chance[k])) for k in np.flatnonzero(chance > 1e-9)]
    return result


def test_so_many_prompts_give_the_power() -> None:
    # The exact test is a little weaker than the score test that Connor's formula is for.
    n = paired_n(0.2, 0.1)
    assert n is not None
    power = sum(chance for b, c, chance in flips(n, 0.2, 0.1) if mcnemar(b, c) <= 0.05)
    assert 0.74 < power < 0.81


def test_so_many_prompts_show_equivalence() -> None:
    n, shown = equivalence_n(0.1, 0.05), 0.0
    assert n == 343  # (1.6449 + 1.2816)² · 0.1 / 0.05² = 342.6
    for b, c, chance in flips(n, 0.05, 0.05):
        if chance > 1e-6:
            after = np.repeat([1.0, 0.0, 0.0], [b, c, n - b - c])
            before = np.repeat([0.0, 1.0, 0.0], [b, c, n - b - c])
            shown += chance * is_equivalent(paired_difference(before, after), 0.05)
    assert 0.75 < shown < 0.82  # the interval is a little wider than the normal one


def test_no_number_of_prompts_shows_a_difference_that_is_none() -> None:
    assert paired_n(0.1, 0.1) is None
    assert paired_n(0.0, 0.0) is None
    assert paired_n(1.0, 0.0) == 4


def log(rate: float = 0.2, rows: int = 200_000) -> Population:
    """A log in 1,000 buckets with a flat predicted rate."""
    each = rows / 1000
    bucket = np.arange(1000)
    return Population(
        np.zeros(1000, int),
        bucket,
        np.full(1000, each),
        np.full(1000, each * rate),
        np.full(1000, each),
    )


def labels(n: int, rng: np.random.Generator, noise: float = 1.0) -> Sample:
    """n labels at rate 0.2 with predictions that are the truth but for `noise`."""
    truth = (rng.random(n) < 0.2).astype(float)
    hat = (1 - noise) * truth + noise * 0.2
    return Sample(
        np.zeros(n, int), np.arange(n), np.full(n, 0.01), truth, np.ones(n), hat, np.ones(n)
    )


def test_labels_needed_without_labels_is_the_textbook_size() -> None:
    # 1.96² · 0.2 · 0.8 / 0.01² = 6,147; the plan adds a little for the event not yet seen.
    plan = labels_needed(log())
    assert plan.n_labels is not None
    assert 6147 <= plan.n_labels < 6147 * 1.05


def test_planned_width_is_the_width_obtained() -> None:
    rng = np.random.default_rng(0)
    plan = labels_needed(log(), labels(200, rng), half_width=0.03)
    assert plan.n_labels is not None
    widths = []
    for _ in range(20):
        got = ppi_mean(log(), labels(plan.n_labels, rng))
        widths.append((got.high - got.low) / 2)
    assert np.mean(widths) == pytest.approx(0.03, rel=0.15)


def test_a_good_annotator_needs_fewer_labels() -> None:
    rng = np.random.default_rng(1)
    useless = labels_needed(log(), labels(300, rng)).n_labels
    good = labels_needed(log(), labels(300, rng, noise=0.2)).n_labels
    assert useless is not None
    assert good is not None
    assert good < useless / 4


def test_a_small_log_cannot_reach_the_width() -> None:
    rng = np.random.default_rng(2)
    n = rng.poisson(1.0, 300)
    top = rng.binomial(n, 0.3)
    plan = labels_needed(Population(np.zeros(300, int), np.arange(300), n, top, n))
    assert plan.n_labels is None
    assert "too small" in plan.assumptions[0]


def test_half_width_falls_with_labels() -> None:
    widths = [interval_half_width_after(log(), None, n) for n in (0, 10, 100, 1000)]
    assert widths[0] == 1.0
    assert widths == sorted(widths, reverse=True)


def test_neyman_by_hand() -> None:
    # floor 0.5, n 100: half by size (80, 20), half by size·sd (80·0.1, 20·0.4 → 1:1).
    got = neyman_allocation([800, 200], [0.1, 0.4], 100, floor=0.5)
    assert got * [800, 200] == pytest.approx([65, 35])


@given(
    st.lists(st.tuples(st.integers(0, 500), st.floats(0, 1)), min_size=1, max_size=8),
    st.integers(0, 3000),
    st.floats(0.05, 1),
)
def test_allocation_spends_the_budget_and_leaves_nobody_out(
    strata: list[tuple[int, float]], n: int, floor: float
) -> None:
    sizes, sd = (np.array(side, float) for side in zip(*strata, strict=True))
    got = neyman_allocation(sizes, sd, n, floor)
    assert ((got >= 0) & (got <= 1)).all()
    assert (got * sizes).sum() == pytest.approx(min(n, sizes.sum()), abs=1e-6)
    if n > 0:
        assert (got[sizes > 0] > 0).all()


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"p1 and p2 must differ, got 0\.1 twice"):
        two_proportion_n(0.1, 0.1)
    with pytest.raises(ValueError, match=r"floor must be in \(0, 1\], got 0"):
        neyman_allocation([1], [1], 1, floor=0)
    with pytest.raises(ValueError, match=r"newly \+ fixed must be at most 1, got 1.2"):
        paired_n(0.6, 0.6)
    with pytest.raises(ValueError, match=r"discordance must be in \(0, 1\], got 0"):
        equivalence_n(0, 0.1)
    with pytest.raises(ValueError, match="margin must be in the open interval"):
        equivalence_n(0.1, 1.0)
    with pytest.raises(ValueError, match=r"level must be in the open interval \(0.5, 1\)"):
        equivalence_n(0.1, 0.1, level=0.4)
    with pytest.raises(ValueError, match="half_width must be in the open interval"):
        labels_needed(log(), half_width=1.5)
