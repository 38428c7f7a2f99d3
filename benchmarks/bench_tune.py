"""Certified thresholds beside MAPIE 1.6: python benchmarks/bench_tune.py --data ../shared/data

1. Five guards tuned at once on 100,000 labelled rows, beside each alone.
2. Real guard scores, each attribute split in two at random many times: how often a threshold is
   certified, what it costs, and how often the bound is broken. The calibration half is a simple
   random sample of the file, so the truth is the miss rate of the whole file; the other half's own
   miss rate is printed too, which is off by that half's own sampling.
3. A million rows: time of one certified threshold.
4. How long the watch takes to see a doubled miss rate.

MAPIE runs in the same process on the same splits, on fewer of them where it is slow.
"""

from __future__ import annotations

import argparse
import csv
import resource
import time
import warnings
from pathlib import Path

import numpy as np
from mapie.risk_control import BinaryClassificationController

from trueup.stats import risk_alarm
from trueup.tune import HARMFUL, LEGITIMATE, Goal, Scored, flags, select, tune
from trueup.tune.thresholds import threshold_dial

ATTRIBUTES = ("hostile", "antagonise", "sarcastic", "generalisation")
BOUNDS = (0.1, 0.2)
DELTA = 0.1
MAPIE_SPLITS = 100


def main() -> None:
    """Run all four parts and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--splits", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    together()  # first: the peak memory is then its own
    real_scores(given.data / "guard_scores.csv", given.splits)
    large(given.rows)
    delays()


def real_scores(path: Path, splits: int) -> None:
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    print(f"\nguard_scores.csv, {splits:,} splits in halves, confidence {1 - DELTA:.0%}")
    print(f"{'':16}{'miss':>6}  {'certified':>10}{'mean FPR':>10}{'broken':>9}{'other half':>12}")
    for name in ATTRIBUTES:
        label = np.array([int(row[name]) for row in rows])
        score = np.array([float(row[f"pred_{name}"]) for row in rows])
        for alpha in BOUNDS:
            for who, chooser, count in (
                ("trueup", ours, splits),
                ("MAPIE 1.6", mapie, min(splits, MAPIE_SPLITS)),
            ):
                found = [one_split(label, score, alpha, seed, chooser) for seed in range(count)]
                print(line(name if who == "trueup" else "  " + who, alpha, found))


def one_split(label, score, alpha, seed, chooser):  # type: ignore[no-untyped-def]
    """FPR on the other half, and the miss rate of the whole file and of the other half."""
    calibrate = np.random.default_rng(seed).random(len(label)) < 0.5
    threshold = chooser(label[calibrate], score[calibrate], alpha)
    if threshold is None:
        return None
    flagged, other = score >= threshold, ~calibrate
    return (
        flagged[other & (label == 0)].mean(),
        (~flagged[label == 1]).mean() > alpha,
        (~flagged[other & (label == 1)]).mean() > alpha,
    )


def line(name: str, alpha: float, found: list) -> str:
    solved = [one for one in found if one is not None]
    share = f"{len(solved) / len(found):.1%}"
    if not solved:
        return f"{name:16}{alpha:6.2f}  {share:>10}{'–':>10}{'–':>9}{'–':>12}"
    fpr = np.mean([one[0] for one in solved])
    broken, other = (sum(one[k] for one in solved) / len(found) for k in (1, 2))
    return f"{name:16}{alpha:6.2f}  {share:>10}{fpr:>10.3f}{broken:>9.1%}{other:>12.1%}"


def ours(label: np.ndarray, score: np.ndarray, alpha: float) -> float | None:
    dial = threshold_dial(scored(label, score[:, None]), "miss", alpha, DELTA)
    chosen = select(dial, alpha, DELTA).chosen
    return None if chosen is None else float(dial.settings[chosen][0])


def mapie(label: np.ndarray, score: np.ndarray, alpha: float) -> float | None:
    """MAPIE as it comes: recall at least 1 − alpha, its own grid and its own correction."""
    controller = BinaryClassificationController(
        lambda x: np.column_stack([1 - x[:, 0], x[:, 0]]),
        risk="recall",
        target_level=1 - alpha,
        confidence_level=1 - DELTA,
    )
    controller.calibrate(score[:, None], label)
    best = controller.best_predict_param
    return None if best is None else float(np.ravel(best)[0])


def scored(label: np.ndarray, scores: np.ndarray) -> Scored:
    harmful = np.where(label == 1, HARMFUL, LEGITIMATE).astype(np.int8)
    return Scored(tuple(f"guard {k + 1}" for k in range(scores.shape[1])), scores, harmful)


def large(n: int) -> None:
    rng = np.random.default_rng(0)
    label = (rng.random(n) < 0.05).astype(int)
    score = 1 / (1 + np.exp(-(rng.standard_normal(n) + 2 * label)))
    mine = min(timed(lambda: ours(label, score, 0.1)) for _ in range(3))
    theirs = timed(lambda: mapie(label, score, 0.1))
    print(f"\n{n:,} rows, one certified threshold")
    print(f"  trueup {mine:.3f} s, MAPIE {theirs:.3f} s: {theirs / mine:.1f} times as long")


def timed(run) -> float:  # type: ignore[no-untyped-def]
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def together(n: int = 100_000, guards: int = 5) -> None:
    """Guards that each know one kind of harm and are startled by the same harmless words."""
    rng = np.random.default_rng(0)
    label = (rng.random(n) < 0.05).astype(int)
    shared = rng.standard_normal((n, 1))
    scores = (shared + rng.standard_normal((n, guards))) / np.sqrt(2) + 0.5 * label[:, None]
    scores[np.arange(n), rng.integers(0, guards, n)] += 3.0 * label
    whole = scored(label, scores)
    start = time.perf_counter()
    report = tune(whole, Goal(0.1, 0.05))
    took = time.perf_counter() - start
    assert report.chosen is not None
    alone = np.array([threshold_alone(whole, k) for k in range(guards)])
    legit = whole.negative
    found = report.chosen
    print(f"{guards} correlated guards, {n:,} labelled rows, miss at most 10 %, 95 % confidence")
    print(
        f"  together        tax {found.tax.value:.3f}, missed {found.risk.value:.3f} "
        f"(at most {found.risk.high:.3f})"
    )
    best = min((scores[legit, k] >= alone[k]).mean() for k in range(guards))
    print(f"  best one alone  tax {best:.3f}")
    print(f"  each on its own, all in use  tax {flags(scores, alone)[legit].mean():.3f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  {took:.1f} s with all intervals; peak memory of this process {peak:,.0f} MB")


def threshold_alone(whole: Scored, k: int) -> float:
    one = Scored(whole.layers[k : k + 1], whole.scores[:, [k]], whole.label)
    dial = threshold_dial(one, "miss", 0.1, 0.05)
    chosen = select(dial, 0.1, 0.05).chosen
    assert chosen is not None
    return float(dial.settings[chosen][0])


def delays(runs: int = 200) -> None:
    rng = np.random.default_rng(0)
    print(f"\nwatch: harmful examples until a doubled miss rate is seen, 95 %, {runs} runs")
    print(f"{'bound':>8}{'from the start':>24}{'after 20/bound quiet ones':>32}")
    for alpha in (0.01, 0.05, 0.1):
        cells = []
        for quiet in (0, round(20 / alpha)):
            waits = []
            for _ in range(runs):
                calm = rng.random(quiet) < 0.5 * alpha
                bad = rng.random(round(80 / alpha)) < 2 * alpha
                first = risk_alarm(np.concatenate([calm, bad]), alpha, 0.05).first
                waits.append(np.inf if first is None else first - quiet)
            cells.append(f"{np.median(waits):,.0f} (90 %: {np.quantile(waits, 0.9):,.0f})")
        print(f"{alpha:8.2f}{cells[0]:>24}{cells[1]:>32}")


if __name__ == "__main__":
    main()
