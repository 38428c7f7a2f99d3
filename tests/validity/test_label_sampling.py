"""The label queue as a sampling design: unbiased totals and nominal coverage, simulated.

A log of 1,000 rows with known truth; the annotator's score is informative and biased, so that the
order of the queue is anything but independent of the truth. Only the permanent random numbers vary.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats as scipy_stats

from trueup.judge.design import Design, Stratum, design_for
from trueup.judge.label_values import label_id
from trueup.judge.order import Row, permanent_number
from trueup.judge.sample import QUESTIONS, Item, Sample, next_items
from trueup.stats import cluster_mean

ROWS = 1_000
REPEATS = 300
LEVEL = 0.95


@dataclass(frozen=True)
class Log:
    """Bin of the annotator, whether a layer fired, size in the design, and the truth."""

    bin: np.ndarray
    layers: np.ndarray
    size: np.ndarray
    truth: np.ndarray
    design: Design


@pytest.fixture(scope="module")
def log() -> Log:
    rng = np.random.default_rng(7)
    score = rng.beta(0.25, 1.0, ROWS)
    bins = np.digitize(score, (0.02, 0.1, 0.3, 0.7, 0.9, 0.98))
    layers = (rng.random(ROWS) < 0.1 + 0.5 * score).astype(int)
    truth = rng.random(ROWS) < np.clip(0.08 + 0.7 * score, 0, 1)
    counts = [
        Stratum(b, layer, "", int(((bins == b) & (layers == layer)).sum()))
        for b in range(7)
        for layer in range(2)
    ]
    design = design_for(counts, seed=0, segment=None)
    size = np.array([design.size(b, layer, "") for b, layer in zip(bins, layers, strict=True)])
    return Log(bins, layers, size, truth.astype(float), design)


def ordered(log: Log, seed: int) -> list[Row]:
    """The order that one seed gives."""
    digests = (hashlib.md5(f"{seed}:{i}".encode()).hexdigest() for i in range(ROWS))
    rows = [
        Row(str(i), permanent_number(digest) / log.size[i], log.size[i], ("log", log.bin[i] > 2))
        for i, digest in enumerate(digests)
    ]
    return sorted(rows, key=lambda row: row.place)


def serve(sample: Sample, n: int, stop: int, skipped: Callable[[Item], bool]) -> None:
    """One sitting: a queue of n, of which the first `stop` are offered."""
    items, after = next_items(sample, n, "ann", 0.2)
    ends = [*(item.place for item in items[1:]), after]
    for item, end in list(zip(items, ends, strict=True))[:stop]:
        for question in QUESTIONS if not skipped(item) else ():
            key = label_id(item.id, question, "human", "ann")
            sample.put(
                {
                    "id": key,
                    "target_id": item.id,
                    "question": question,
                    "value": "yes",
                    "rater": "ann",
                    "probability": None,
                }
            )
        sample.offer(end)
    sample.refresh()


def never(item: Item) -> bool:
    return False


def tenth(item: Item) -> bool:
    """A tenth of the rows, chosen by nothing that matters."""
    return hashlib.md5(b"skip" + item.id.encode()).digest()[0] < 26


PLANS: dict[str, list[tuple[int, int, Callable[[Item], bool]]]] = {
    "one batch": [(60, 60, never)],
    "two batches": [(40, 40, never), (60, 60, never)],
    "stopped half-way": [(120, 50, never)],
    "stopped, then gone on with": [(80, 30, never), (80, 45, never)],
    "a tenth skipped": [(100, 100, tenth)],
    "skipped, then another batch": [(50, 50, tenth), (50, 50, never)],
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_totals_are_unbiased_and_intervals_cover(
    log: Log, plan: list[tuple[int, int, Callable[[Item], bool]]]
) -> None:
    totals, counts, covered = [], [], 0
    for seed in range(REPEATS):
        sample = Sample(log.design, ordered(log, seed), {}, complete=True)
        for n, stop, skipped in plan:
            serve(sample, n, stop, skipped)
        labels = [label for label in sample.labels.values() if label["question"] == "legitimate"]
        rows = np.array([int(label["target_id"]) for label in labels])
        chance = np.array([label["probability"] for label in labels])
        assert len(rows) <= sum(stop for _, stop, _ in plan)
        values = log.truth[rows]
        totals.append((values / chance).sum())
        counts.append((1 / chance).sum())
        found = cluster_mean(values, level=LEVEL, weights=1 / chance)
        covered += found.low <= log.truth.mean() <= found.high
    for got, true in ((totals, log.truth.sum()), (counts, ROWS)):
        error = np.std(got, ddof=1) / math.sqrt(REPEATS)
        assert abs(np.mean(got) - true) < 4 * error, (np.mean(got), true, error)
    least = scipy_stats.binom.ppf(0.001, REPEATS, LEVEL)
    assert covered >= least, f"{covered} of {REPEATS} intervals cover, at least {least} should"


def test_the_check_can_fail(log: Log) -> None:
    """Equal weights, in place of the recorded ones, are far from the truth."""
    means = []
    for seed in range(60):
        sample = Sample(log.design, ordered(log, seed), {}, complete=True)
        serve(sample, 60, 60, never)
        rows = np.array([int(label["target_id"]) for label in sample.labels.values()])
        means.append(log.truth[rows].mean())
    error = np.std(means, ddof=1) / math.sqrt(60)
    assert abs(np.mean(means) - log.truth.mean()) > 6 * error
