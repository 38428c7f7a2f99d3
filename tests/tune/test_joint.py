"""The path through combinations of thresholds, against all combinations counted one by one."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.tune import HARMFUL, LEGITIMATE, OFF, Scored, flags, select
from trueup.tune.joint import ORDER_SHARE, _path, joint_dial, split
from trueup.tune.risks import at_stake

Array = np.ndarray


def examples(seed: int, n: int, layers: int, **more: object) -> Scored:
    """Scores with six values per layer, some layers failed open or closed."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n).astype(np.int8)
    scores = np.round(np.clip(rng.normal(2 + label[:, None], 1.2, (n, layers)), 0, 5))
    scores[rng.random((n, layers)) < 0.05] = -np.inf
    scores[rng.random((n, layers)) < 0.02] = np.inf
    return Scored(
        tuple(f"g{k}" for k in range(layers)),
        scores,
        label,
        today=np.full(layers, 3.0),
        weight=rng.choice([1.0, 2.0], n) if seed % 2 else None,
        **more,
    )


@settings(max_examples=40)
@given(
    st.integers(0, 10_000),
    st.integers(30, 80),
    st.integers(2, 3),
    st.sampled_from(["miss", "new_miss"]),
)
def test_the_path_is_the_best_of_all_combinations(
    seed: int, n: int, layers: int, kind: str
) -> None:
    part = examples(seed, n, layers)
    levels = [np.array([1.0, 2.0, 3.0, 4.0])] * layers
    legit = part.negative.astype(float)
    combinations = np.array(list(product([1.0, 2.0, 3.0, 4.0, OFF], repeat=layers)))
    mass = np.ones(n) if part.weight is None else part.weight
    stake = at_stake(part, kind)
    flagged = np.array([flags(part.scores, row) for row in combinations])
    tax = flagged @ legit / legit.sum()
    risk = (~flagged & stake) @ mass / mass[part.positive].sum()
    steps = np.unique(np.append(tax, 1.0))
    path = _path(part, kind, legit, levels, steps)
    for setting, its_tax, its_risk in zip(path.settings, path.tax, path.risk, strict=True):
        k = int(np.flatnonzero((combinations == setting).all(axis=1))[0])
        assert (its_tax, its_risk) == (pytest.approx(tax[k]), pytest.approx(risk[k]))
    for step in steps:
        best = risk[tax <= step + 1e-9].min(initial=np.inf)
        on_path = path.risk[path.tax <= step + 1e-9]
        if len(on_path):
            assert on_path.min() == pytest.approx(best)
    assert (np.diff(path.tax) <= 1e-12).all()
    assert (np.diff(path.risk) >= -1e-12).all()


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(2, 4), st.sampled_from(["miss", "new_miss"]))
def test_risks_are_measured_on_the_other_part(seed: int, layers: int, kind: str) -> None:
    scored = examples(seed, 120, layers)
    dial, rest = joint_dial(scored, kind, 0.3, 0.2, np.random.default_rng(seed))
    again, _ = joint_dial(scored, kind, 0.3, 0.2, np.random.default_rng(seed))
    assert np.array_equal(dial.settings, again.settings)
    mass = np.ones(len(rest)) if rest.weight is None else rest.weight
    stake = at_stake(rest, kind)
    for k, setting in enumerate(dial.settings):
        flagged = flags(rest.scores, setting)
        assert dial.risks.mean[k] == pytest.approx(
            mass[stake & ~flagged].sum() / mass[rest.positive].sum()
        )
        assert dial.tax[k] == pytest.approx(flagged[rest.negative].mean())
    if kind == "new_miss":
        assert scored.today is not None
        assert np.array_equal(dial.settings[0], scored.today)
        assert dial.risks.mean[0] == 0


@given(st.integers(0, 10_000), st.booleans())
def test_the_split_keeps_users_together(seed: int, clustered: bool) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 200))
    users = rng.integers(0, 40, n) if clustered else np.arange(n)
    scored = Scored(
        ("a", "b"),
        np.arange(2.0 * n).reshape(n, 2),
        rng.integers(-1, 3, n).astype(np.int8),
        cluster=users if clustered else None,
        ids=np.arange(n).astype(str),
    )
    first, rest = split(scored, rng)
    assert sorted([*first.ids, *rest.ids]) == sorted(scored.ids)
    mine, theirs = (set(users[np.asarray(part.ids, int)]) for part in (first, rest))
    assert not mine & theirs
    assert abs(len(mine) - ORDER_SHARE * len(mine | theirs)) <= 1.01


def test_a_layer_without_any_score_stays_off() -> None:
    scored = examples(0, 200, 2)
    scored = replace(scored, today=None)
    scored.scores[:, 1] = -np.inf
    dial, _ = joint_dial(scored, "miss", 0.5, 0.1, np.random.default_rng(0))
    assert np.isinf(np.asarray(dial.settings)[:, 1]).all()
    assert np.isinf(dial.settings[-1]).all()
    assert select(dial, 0.9, 0.1).chosen is not None


def test_two_layers_that_complement_each_other_beat_either() -> None:
    # Each layer sees another half of the harm: one threshold alone must flag half of what is legal.
    rng = np.random.default_rng(1)
    label = np.repeat([HARMFUL, LEGITIMATE], 1000).astype(np.int8)
    scores = rng.normal(0, 1, (2000, 2))
    scores[:500, 0] += 4
    scores[500:1000, 1] += 4
    scored = Scored(("a", "b"), scores, label)
    dial, _ = joint_dial(scored, "miss", 0.05, 0.05, rng)
    chosen = select(dial, 0.05, 0.05).chosen
    assert chosen is not None
    assert dial.tax[chosen] < 0.1
