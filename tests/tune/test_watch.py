"""The watch on a certificate: what counts, what does not, and what it shows."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.stats import risk_alarm
from trueup.stats.sequential import typical_delay
from trueup.tune import HARMFUL, LEGITIMATE, Goal, Scored, fresh, tune, watch
from trueup.tune.certificate import data_hash

Array = np.ndarray


def examples(n: int = 300, shift: float = 2.0, seed: int = 0, **more: Any) -> Scored:
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n).astype(np.int8)
    return Scored(("g",), rng.normal(shift * label, 1)[:, None], label, **more)


def certified(scored: Scored, kind: str = "miss") -> dict[str, Any]:
    found = tune(scored, Goal(0.1, 0.05, kind)).certificate
    assert found is not None
    return found


def joined(one: Scored, two: Scored) -> Scored:
    return replace(
        one,
        scores=np.vstack([one.scores, two.scores]),
        label=np.concatenate([one.label, two.label]),
    )


def test_quiet_while_nothing_changes_and_loud_when_it_does() -> None:
    made = certified(examples())
    calm = watch(made, examples(3000, seed=1))
    assert not calm.alarm
    assert calm.first_alarm is None
    assert calm.risk.low <= calm.losses / calm.n_positive <= calm.risk.high
    loud = watch(made, examples(3000, shift=1.0, seed=1))
    assert loud.alarm
    assert loud.first_alarm is not None
    assert loud.highest >= 1 / 0.05
    assert loud.risk.low > 0.1
    shorter = examples(3000, shift=1.0, seed=1)
    cut = int(np.flatnonzero(shorter.positive)[loud.first_alarm - 1]) + 1
    assert watch(made, shorter.where(np.arange(cut))).alarm
    assert not watch(made, shorter.where(np.arange(cut - 1))).alarm


def test_only_misses_of_harmful_examples_count() -> None:
    made = certified(examples())
    later = examples(500, seed=1)
    found = watch(made, later, notes=("a note",))
    at = made["thresholds"]["g"]
    assert found.losses == (later.scores[later.positive, 0] < at).sum()
    assert (found.n, found.n_positive) == (500, int(later.positive.sum()))
    assert found.notes[0] == "a note"
    assert len(found.path) <= 400
    assert found.path[-1] == (found.n_positive, found.highest)
    heights = [height for _, height in found.path]
    assert heights == sorted(heights)


def test_nothing_seen_yet() -> None:
    made = certified(examples())
    for none in (examples(0), replace(examples(20), label=np.full(20, LEGITIMATE, np.int8))):
        found = watch(made, none)
        assert (found.n_positive, found.alarm, found.capital, found.path) == (0, False, 1.0, ())
        assert math.isnan(found.risk.value) or found.risk.n == 0


def test_the_calibration_rows_are_dropped() -> None:
    first, later = examples(), examples(200, seed=1)
    made = certified(first)
    both = joined(first, later)
    assert data_hash(fresh(made, both)) == data_hash(later)
    assert len(fresh(made, first)) == 0
    assert fresh(made, later) is later
    assert fresh(made, first.where(np.arange(100))).label.tolist() == first.label[:100].tolist()
    other = joined(first.where(np.arange(300)[::-1]), later)  # not as they were: all are kept
    assert len(fresh(made, other)) == 500


def test_new_misses_are_those_since_the_certificate() -> None:
    # The new threshold is in force by now: against it, nothing would ever be missed newly.
    made = certified(examples(today=np.array([0.0])), "new_miss")
    at = made["thresholds"]["g"]
    assert at > 0
    later = examples(1000, shift=1.0, seed=1, today=np.array([at]))
    found = watch(made, later)
    score = later.scores[later.positive, 0]
    assert found.losses == ((score >= 0.0) & (score < at)).sum() > 0
    assert found.alarm


def test_a_layer_that_is_off_catches_what_failed_closed() -> None:
    positive = np.concatenate([np.full(58, np.inf), [0.0, 0.1]])
    scored = Scored(
        ("g",),
        np.concatenate([positive, np.zeros(9)])[:, None],
        np.repeat([HARMFUL, LEGITIMATE], [60, 9]).astype(np.int8),
    )
    made = certified(replace(scored, scores=np.where(scored.scores < 1, np.inf, scored.scores)))
    assert made["thresholds"] == {"g": None}
    assert watch(made, scored).losses == 2


def test_weights_are_shares_of_the_largest() -> None:
    first = examples(weight=np.full(300, 4.0))
    made = certified(first)
    assert made["largest_weight"] == 4.0
    later = examples(400, shift=1.2, seed=1)
    light = watch(made, replace(later, weight=np.full(400, 1.0)))
    heavy = watch(made, replace(later, weight=np.full(400, 4.0)))
    plain = watch(made, later)
    assert heavy.highest == pytest.approx(plain.highest)
    assert light.highest < heavy.highest  # a quarter of the weight says less


# The test behind it


def slowly(losses: Array, weights: Array, alpha: float) -> Array:
    """The capital after each example, as the docstring tells it, one bet after another."""
    out = []
    rises = [min(rise * alpha, (1 + alpha) / 2) for rise in (1.25, 1.5, 2.0, 3.0, 5.0)]
    stakes = [(rise - alpha) / (alpha * (1 - alpha)) for rise in rises]
    block = round(1 / alpha)
    for n in range(1, len(losses) + 1):
        total, given_out = 0.0, 0.0
        for j in range(1, (n - 1) // block + 2):
            share = 1 / (j * (j + 1))
            given_out += share
            mine = slice((j - 1) * block, n)
            for stake in stakes:
                grown = 1 + stake * weights[mine] * (losses[mine] - alpha)
                total += share / len(stakes) * float(np.prod(grown))
        out.append(total + 1 - given_out)
    return np.array(out)


@given(
    st.integers(0, 1000), st.integers(0, 40), st.sampled_from([0.05, 0.1, 0.3, 0.7]), st.booleans()
)
def test_the_capital_is_its_definition(seed: int, n: int, alpha: float, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    losses = rng.integers(0, 2, n).astype(float) if whole else rng.random(n)
    weights = rng.random(n) * 0.9 + 0.1
    found = risk_alarm(losses, alpha, 0.1, weights=weights)
    assert found.capital == pytest.approx(slowly(losses, weights, alpha))
    later = risk_alarm(np.append(losses, 1.0), alpha, 0.1, weights=np.append(weights, 1.0))
    assert later.capital[:n] == pytest.approx(found.capital)  # what was said stays said


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_a_loss_is_evidence_and_none_is_not(alpha: float, part: float) -> None:
    # The capital is a martingale at risk alpha: its mean over one example is what it was.
    for start in ([], [1.0, 0.0, 1.0]):
        before = risk_alarm(start, alpha, 0.1).capital[-1] if start else 1.0
        weights = [*[1.0] * len(start), part]
        lost, kept = (
            risk_alarm([*start, loss], alpha, 0.1, weights=weights).capital[-1]
            for loss in (1.0, 0.0)
        )
        assert kept < before < lost
        assert alpha * lost + (1 - alpha) * kept == pytest.approx(before)


def test_an_alarm_comes_at_one_over_delta_and_long_ones_do_not_overflow() -> None:
    found = risk_alarm(np.ones(50), 0.1, 0.01)
    assert found.first is not None
    assert found.capital[found.first - 1] >= 100 > found.capital[found.first - 2]
    assert risk_alarm(np.zeros(50_000), 0.01, 0.01).first is None
    assert risk_alarm([], 0.1, 0.1).first is None


def test_arguments() -> None:
    for losses, weights in (([2.0], None), ([0.5], [0.0]), ([0.5], [1.5]), ([0.5], [1.0, 1.0])):
        with pytest.raises(ValueError, match="must be"):
            risk_alarm(losses, 0.1, 0.1, weights=weights)
    assert typical_delay(0.1, 0.05, 0.05) == math.inf
    assert typical_delay(0.05, 0.2, 0.05) < typical_delay(0.05, 0.1, 0.05)
