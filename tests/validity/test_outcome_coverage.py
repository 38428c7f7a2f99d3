"""Coverage of outcome differences in a confounded world whose effect is known."""

from __future__ import annotations

import numpy as np
import pytest
from slack import assert_covers, covers

from trueup.stats import Cells, adjusted_difference, randomised_difference

LOST = 0.12  # completion that the intervention takes from everyone
USERS = 250


def world(rng: np.random.Generator, *, random_arm: bool = False) -> dict[str, np.ndarray]:
    """Rows of users; harder segments meet the intervention more often and complete less anyway."""
    user = np.repeat(np.arange(USERS), 1 + rng.poisson(11, USERS))
    n = len(user)
    x = np.stack([rng.integers(0, 3, n), rng.integers(0, 2, n)], axis=1)
    logit = -2.4 + 0.9 * x[:, 0] + 0.6 * x[:, 1]
    propensity = np.full(n, 0.2) if random_arm else 1 / (1 + np.exp(-logit))
    treated = rng.random(n) < propensity
    mood = 0.3 * (rng.random(USERS) - 0.5)[user]
    chance = 0.7 - 0.12 * x[:, 0] - 0.08 * x[:, 1] + mood - LOST * treated
    y = (rng.random(n) < chance).astype(float)
    legitimate = rng.choice([0.5, 0.9, 1.0], n)
    return {
        "x": x,
        "user": user,
        "treated": treated,
        "y": y,
        "w": legitimate,
        "propensity": propensity,
    }


def cells(d: dict[str, np.ndarray]) -> Cells:
    """The GROUP BY over covariates, bucket and arm."""
    bucket = d["user"] % 200
    key = ((d["x"][:, 0] * 2 + d["x"][:, 1]) * 200 + bucket) * 2 + d["treated"]
    values, index = np.unique(key, return_inverse=True)
    group = values // 400
    return Cells(
        covariates=np.stack([group // 2, group % 2], axis=1),
        bucket=values // 2 % 200,
        treated=values % 2,
        weight=np.bincount(index, d["w"]),
        sum_y=np.bincount(index, d["w"] * d["y"]),
        sum_y2=np.bincount(index, d["w"] * d["y"] ** 2),
    )


@pytest.mark.parametrize("level", [0.90, 0.95])
@pytest.mark.parametrize("target", ["treated", "all"])
def test_adjusted_difference(target: str, level: float) -> None:
    rng, hits, naive_hits, trials = np.random.default_rng(21), 0, 0, 150
    for _ in range(trials):
        d = world(rng)
        got = adjusted_difference(cells(d), target=target, level=level).estimate
        hits += got.low <= LOST <= got.high
        naive = d["y"][~d["treated"]].mean() - d["y"][d["treated"]].mean()
        naive_hits += naive - (got.high - got.value) <= LOST <= naive + (got.high - got.value)
    assert_covers(hits, trials, level, ("adjusted", target))
    assert not covers(naive_hits, trials, level)  # the world is confounded: adjusting is needed


def test_adjusted_difference_without_an_effect() -> None:
    rng, hits, trials = np.random.default_rng(22), 0, 150
    for _ in range(trials):
        d = world(rng)
        d["y"] = (rng.random(len(d["y"])) < 0.5 - 0.1 * d["x"][:, 0]).astype(float)
        got = adjusted_difference(cells(d)).estimate
        hits += got.low <= 0 <= got.high
    assert_covers(hits, trials, 0.95, "no effect")


@pytest.mark.parametrize("level", [0.90, 0.95])
def test_randomised_difference(level: float) -> None:
    rng, hits, trials = np.random.default_rng(23), 0, 300
    for _ in range(trials):
        d = world(rng, random_arm=True)
        got = randomised_difference(
            d["y"], d["treated"], d["propensity"], d["user"], weights=d["w"], level=level
        ).estimate
        hits += got.low <= LOST <= got.high
    assert_covers(hits, trials, level, "randomised")


def test_randomised_difference_with_rare_outcomes_and_few_users() -> None:
    rng, hits, trials = np.random.default_rng(24), 0, 300
    for _ in range(trials):
        treated = rng.random(60) < 0.5
        y = (rng.random(60) < np.where(treated, 0.0, 0.02)).astype(float)
        got = randomised_difference(y, treated, np.full(60, 0.5)).estimate
        hits += got.low <= 0.02 <= got.high
        assert got.low < got.high
    assert_covers(hits, trials, 0.95, "rare outcomes")
