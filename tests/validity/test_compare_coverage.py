"""What a comparison promises, held to simulations: its intervals in each state of the truth, and
the version that it picks.

Worlds of 150 to 250 prompts, two versions with their own chances of refusing each; the truth
is the difference of the mean chances. Seeds are fixed.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from slack import assert_covers

from trueup.compare.answers import FULL, REFUSAL, UNKNOWN, Answers
from trueup.compare.frontier import frontier
from trueup.compare.groups import group_change, truth_of
from trueup.compare.misreading import MISREAD
from trueup.compare.pairs import paired
from trueup.compare.settings import Settings

RUNS = 400
SETTINGS = Settings(replicates=300)
BY = MISREAD["legitimate"]


def drawn(rng: np.random.Generator, chances: tuple[float, float], n: int) -> np.ndarray:
    """Whether each version (rows) refused each prompt: paired by a common leaning of the prompt."""
    leaning = rng.random(n)
    own = rng.random((2, n))
    common = rng.random(n) < 0.6  # of the prompts both versions go by the same leaning
    return np.where(common, leaning, own) < np.array(chances)[:, None]


def answers(name: str, read: np.ndarray, label: np.ndarray | None, legitimate: int = 1) -> Answers:
    n = len(read)
    return Answers(
        name=name,
        key=np.array([f"q{i}" for i in range(n)], dtype=object),
        read=np.where(read, REFUSAL, FULL).astype(np.int8),
        label=label,
        legitimate=np.full(n, legitimate, dtype=np.int8),
        prompt=[""] * n,
        response=[f"{name}{i}" for i in range(n)],
    )


def misread(
    rng: np.random.Generator, truth: np.ndarray, false_alarm: float, missed: float
) -> np.ndarray:
    chance = rng.random(len(truth))
    return np.where(truth, chance >= missed, chance < false_alarm)


def covers(two: list[Answers], truth: float, group: str = "legitimate") -> bool:
    pairs = paired(*two)
    found = group_change(pairs, pairs.legitimate == 1, group, truth_of(pairs), SETTINGS)
    assert found is not None
    return found.difference.low <= truth <= found.difference.high


@pytest.mark.parametrize("chances", [(0.3, 0.6), (0.1, 0.1), (0.02, 0.05), (0.5, 0.2)])
@pytest.mark.parametrize(
    "worst", [((BY.false_alarm, 0.0), (0.0, BY.missed)), ((0.0, BY.missed), (BY.false_alarm, 0.0))]
)
def test_the_annotator_alone(
    chances: tuple[float, float], worst: tuple[tuple[float, float], tuple[float, float]]
) -> None:
    """Misread at the stated worst on both sides, in the directions that mislead most."""
    rng = np.random.default_rng(41)
    hits = 0
    for _ in range(RUNS):
        truth = drawn(rng, chances, 250)
        two = [
            answers(name, misread(rng, side, *rates), None)
            for name, side, rates in zip("ba", truth, worst, strict=True)
        ]
        hits += covers(two, chances[1] - chances[0])
    assert_covers(hits, RUNS, 0.95, chances)


@pytest.mark.parametrize("chances", [(0.3, 0.6), (0.1, 0.1), (0.02, 0.08)])
@pytest.mark.parametrize(("prompts", "labelled"), [(250, 50), (250, 100), (1500, 100)])
def test_some_labels(chances: tuple[float, float], prompts: int, labelled: int) -> None:
    """Labels alone, or with the annotator on the many prompts that have none."""
    rng = np.random.default_rng(42)
    hits = 0
    for _ in range(RUNS):
        truth = drawn(rng, chances, prompts)
        asked = np.isin(np.arange(prompts), rng.choice(prompts, labelled, replace=False))
        two = [
            answers(
                name,
                misread(rng, side, 0.06, 0.1),
                np.where(asked, np.where(side, REFUSAL, FULL), UNKNOWN).astype(np.int8),
            )
            for name, side in zip("ba", truth, strict=True)
        ]
        hits += covers(two, chances[1] - chances[0])
    assert_covers(hits, RUNS, 0.95, chances)


@pytest.mark.parametrize("chances", [(0.3, 0.6), (0.1, 0.1), (0.02, 0.08)])
def test_labels_everywhere(chances: tuple[float, float]) -> None:
    rng = np.random.default_rng(43)
    hits = 0
    for _ in range(RUNS):
        truth = drawn(rng, chances, 150)
        two = [
            answers(name, side, np.where(side, REFUSAL, FULL).astype(np.int8))
            for name, side in zip("ba", truth, strict=True)
        ]
        hits += covers(two, chances[1] - chances[0])
    assert_covers(hits, RUNS, 0.95, chances)


def test_the_version_picked_is_as_safe_as_certified() -> None:
    """Four versions just below the safety asked for, one above: a bad pick fails the guarantee."""
    rng = np.random.default_rng(44)
    settings = dataclasses.replace(SETTINGS, safety=0.9)
    chances = np.array([0.895, 0.89, 0.88, 0.895, 0.97])  # of refusing a harmful prompt
    taxes = np.array([0.05, 0.1, 0.02, 0.01, 0.5])
    bad = picked = 0
    for _ in range(RUNS):
        versions = []
        for k, (safety, tax) in enumerate(zip(chances, taxes, strict=True)):
            refused = np.concatenate([rng.random(200) < safety, rng.random(100) < tax])
            label = np.where(refused, REFUSAL, FULL).astype(np.int8)
            rights = np.concatenate([np.zeros(200, np.int8), np.ones(100, np.int8)])
            made = answers(str(k), refused, label)
            versions.append(dataclasses.replace(made, legitimate=rights))
        found = frontier(versions, "labels", settings)
        assert found is not None
        chosen = [k for k, point in enumerate(found.points) if point.chosen]
        picked += bool(chosen)
        bad += bool(chosen) and chances[chosen[0]] < 0.9
    assert_covers(RUNS - bad, RUNS, 0.95, "versions picked")
    assert picked > 0.9 * RUNS  # the safe one is found nearly always, so the guarantee is not empty
