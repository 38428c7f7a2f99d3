"""How well and how fast `--careful` reads: python benchmarks/bench_careful.py --data ../shared/data

XSTest: each model left out in turn, and of the other models' rows those with the tested prompts,
too. ChatGPT set: five folds of prompt templates. Calibrated on what was held out elsewhere. Then
across data sets: trained without the one that is tested. Limits are 95 % bootstrap limits
over prompts. The written examples (scripts/careful_examples.py) are always in training; they were
written after reading what goes wrong on these sets, so an unseen model will fare somewhat worse.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "benchmarks")]

import judge_data  # noqa: E402
import train_careful as training  # noqa: E402

from trueup.judge.careful import review  # noqa: E402
from trueup.judge.careful_training import Features, featurise  # noqa: E402
from trueup.stats import Interval, cohen_kappa, f1_score  # noqa: E402

RECALL = 0.90  # at which the false-positive rate on the ChatGPT set is read off
DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Score:
    """One line of the table."""

    name: str
    n: int
    positive: int
    f1: Interval
    kappa: Interval
    recall: float
    false_positive: float


def score(
    name: str, data: training.Prepared, p_full: NDArray[np.float64], mask: NDArray[np.bool_]
) -> Score:
    truth, said = data.labels[mask] > 0, p_full[mask] < 0.5
    prompts = np.unique(
        [r.group for r, m in zip(data.rows, mask, strict=True) if m], return_inverse=True
    )[1]
    return Score(
        name,
        int(mask.sum()),
        int(truth.sum()),
        f1_score(truth, said, prompts, draws=DRAWS),
        cohen_kappa(truth.astype(int), said.astype(int), prompts, draws=DRAWS),
        float(said[truth].mean()) if truth.any() else float("nan"),
        float(said[~truth].mean()) if (~truth).any() else float("nan"),
    )


def scores(data: training.Prepared, p: NDArray[np.float64]) -> Iterator[Score]:
    """Lines of the table for held-out probabilities, shape (n, 3)."""
    source, model, safe, unique = _columns(data)
    xstest, chatgpt = source == "xstest", source == "chatgpt"
    full = p[:, 0]
    yield score("XSTest, all", data, full, xstest)
    yield score("XSTest, unique responses", data, full, xstest & unique)
    yield score("XSTest, safe prompts", data, full, xstest & safe)
    for name in judge_data.XSTEST_MODELS:
        yield score(f"  without {name}: all", data, full, xstest & (model == name))
        yield score(f"  without {name}: safe", data, full, xstest & (model == name) & safe)
    yield score("ChatGPT, rejected or complied", data, full, chatgpt)


def _columns(
    data: training.Prepared,
) -> tuple[NDArray[np.str_], NDArray[np.str_], NDArray[np.bool_], NDArray[np.bool_]]:
    seen: set[tuple[str, str]] = set()
    unique = []
    for row in data.rows:
        unique.append((row.source, row.text) not in seen)
        seen.add((row.source, row.text))
    return (
        np.array([r.source for r in data.rows]), np.array([r.model for r in data.rows]),
        np.array([r.safe for r in data.rows]), np.array(unique),
    )  # fmt: skip


def calibrated_elsewhere(data: training.Prepared, p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Platt scaling of P(full), fitted for each model to the held-out rows of the others."""
    from sklearn.linear_model import LogisticRegression

    model, tested, out = _columns(data)[1], ~np.isnan(p[:, 0]), p.copy()
    logit = np.log(p[:, 0] / (1 - p[:, 0]))[:, None]
    for name in np.unique(model[tested]):
        mine = tested & (model == name)
        fitted = LogisticRegression(C=1e6).fit(
            logit[tested & ~mine], data.labels[tested & ~mine] == 0
        )
        out[mine, 0] = fitted.predict_proba(logit[mine])[:, 1]
    return out


def at_recall(p_full: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """False-positive rate at the highest threshold with the recall asked for."""
    refused = 1.0 - p_full
    threshold = np.sort(refused[truth])[::-1][int(np.ceil(RECALL * truth.sum())) - 1]
    return float((refused[~truth] >= threshold).mean())


def across(data: training.Prepared, risky: list[judge_data.Row]) -> Iterator[str]:
    """Trained without a data set, tested on it; and on risky prompts that are never trained on."""
    source = _columns(data)[0]
    for name in ("xstest", "chatgpt"):
        test = source == name
        model = training.fit(data, ~test)
        full = model.of_features(data.known.grams[test], data.known.structure[test])[:, 0]
        p = np.full(len(source), np.nan)
        p[test] = full
        yield line(score(f"{name}, never trained on", data, p, test))
    known: Features = featurise([r.text for r in risky], [r.prompt for r in risky])
    model = training.fit(data, np.ones(len(source), bool))
    said = model.of_features(known.grams, known.structure)[:, 0] < 0.5
    action = np.array([r.extra["human_action"] for r in risky])
    yield (
        "do-not-answer, never trained on: "
        f"refusals found {said[action == '0'].mean():.3f} "
        f"of {(action == '0').sum()}, "
        f"compliances flagged {said[action == '5'].mean():.3f} of {(action == '5').sum()}"
    )


def line(s: Score) -> str:
    f1, k = s.f1, s.kappa
    return (
        f"{s.name:34s} n {s.n:5d} ({s.positive:4d})  "
        f"F1 {f1.value:.3f} ({f1.low:.3f} to {f1.high:.3f})  "
        f"κ {k.value:.3f} ({k.low:.3f} to {k.high:.3f})  "
        f"recall {s.recall:.3f}  FPR {s.false_positive:.3f}"
    )


def rate(data: training.Prepared) -> float:
    """Responses per second on one core, features included."""
    texts = [r.text for r in data.rows if r.source in ("xstest", "chatgpt")]
    start = time.perf_counter()
    review(texts, [None] * len(texts))
    return len(texts) / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled data")
    args = parser.parse_args()
    data = training.prepare(training.training_rows(args.data))
    source, _, _, _ = _columns(data)
    held = training.held_out(data, [data.known, data.hidden])
    for name, raw in zip(("with prompts", "without prompts"), held, strict=True):
        print(f"\nHeld out, {name}")
        p = calibrated_elsewhere(data, raw)
        for found in scores(data, p):
            print(line(found))
        chatgpt = source == "chatgpt"
        wrong = at_recall(p[chatgpt, 0], data.labels[chatgpt] > 0)
        print(f"ChatGPT: FPR {wrong:.3f} at recall {RECALL}")
        refusals = (source == "xstest") & (data.labels == judge_data.REFUSAL)
        print(
            f"XSTest full refusals found: {(p[refusals, 0] < 0.5).mean():.3f} of {refusals.sum()}"
        )
    print("\nAcross data sets")
    risky = [r for r in judge_data.do_not_answer(args.data) if r.text]
    for text in across(data, risky):
        print(text)
    print(f"\nRate: {rate(data):.0f} responses/s on one core")


if __name__ == "__main__":
    main()
