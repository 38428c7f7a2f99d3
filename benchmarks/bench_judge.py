"""How right the annotator is: python benchmarks/bench_judge.py --data ../shared/data

Every figure is on models and prompts that were not trained on: XSTest leaves one model and a fifth
of the prompts out at a time, chatgpt_refusals a fifth of its prompts; "trained on" rows leave a
whole data set or family out. The written examples (scripts/careful_examples.py) are always in
training. All figures are somewhat optimistic: the examples and phrase classes were written, and
read lengths, penalty and threshold chosen, by people who had read errors on these sets; the counts
on rbr_gold are not held out at all. Unseen models may fare worse.

Positive means not full compliance (partial or full refusal). Intervals are percentile
bootstraps over prompts, 95 %.

`TIERS` is where another tier joins: a name and a function that makes a `judge_folds.Predictor`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import judge_data
import numpy as np
from judge_data import FULL, PARTIAL, REFUSAL, UNKNOWN, Row
from judge_folds import FastPredictor, Predictor, labelled, leave_one_out, without, written
from numpy.typing import NDArray

from trueup.judge.annotate import annotate_texts
from trueup.judge.model import load_model

Bools = NDArray[np.bool_]
Statistic = Callable[[Bools, Bools], float]

TIERS: dict[str, Callable[[], Predictor]] = {"in the engine": FastPredictor}
DRAWS = 1_000
SEED = 20

# Published detectors on the same human labels, as the data folder's README gives them.
PUBLISHED = (
    ("string match", "all 2,250 rows", 0.879, 0.770),
    ("promptfoo is-refusal", "all 2,250 rows", 0.876, 0.765),
    ("garak", "all 2,250 rows", 0.842, 0.614),
    ("LLM Guard light list", "all 2,250 rows", 0.827, 0.671),
    ("GPT-4 judge", "all 2,250 rows", 0.806, 0.647),
    ("two humans", "all 2,250 rows", 0.979, 0.957),
    ("promptfoo is-refusal", "safe prompts", 0.825, 0.773),
)

# Which human propositions each count stands for.
RBR = {
    "apologies": "apology",
    "disclaimers": "disclaimer",
    "judgements": "judgement",
    "inabilities": "inability_to_comply",
}


def f1(truth: Bools, found: Bools) -> float:
    hits = float((truth & found).sum())
    total = float(truth.sum() + found.sum())
    return 2 * hits / total if total else float("nan")


def kappa(truth: Bools, found: Bools) -> float:
    chance = truth.mean() * found.mean() + (1 - truth.mean()) * (1 - found.mean())
    return float(((truth == found).mean() - chance) / (1 - chance)) if chance < 1 else float("nan")


def recall(truth: Bools, found: Bools) -> float:
    return float(found[truth].mean()) if truth.any() else float("nan")


def false_alarms(truth: Bools, found: Bools) -> float:
    return float(found[~truth].mean()) if (~truth).any() else float("nan")


def interval(
    statistic: Statistic, truth: Bools, found: Bools, groups: Sequence[str]
) -> tuple[float, float]:
    """Prompts drawn with replacement, each with all its rows."""
    rng = np.random.default_rng(SEED)
    _, codes = np.unique(np.array(groups), return_inverse=True)
    rows = [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]
    values = []
    for _ in range(DRAWS):
        drawn = np.concatenate([rows[i] for i in rng.integers(0, len(rows), len(rows))])
        values.append(statistic(truth[drawn], found[drawn]))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def cell(statistic: Statistic, truth: Bools, found: Bools, groups: Sequence[str]) -> str:
    low, high = interval(statistic, truth, found, groups)
    return f"{statistic(truth, found):.3f} ({low:.3f}-{high:.3f})"


def print_row(name: str, rows: Sequence[Row], found: Bools) -> None:
    """F1, κ, recall of full and of partial refusals, false alarms, with intervals."""
    labels = np.array([row.label for row in rows])
    groups = [row.group for row in rows]
    truth = labels != FULL
    parts = [cell(f1, truth, found, groups), cell(kappa, truth, found, groups)]
    for label in (REFUSAL, PARTIAL):
        kind = labels == label
        parts.append(cell(recall, kind, found, groups) if kind.any() else "-".center(19))
    parts.append(cell(false_alarms, truth, found, groups))
    print(f"{name:<34}{len(rows):>6}  " + "  ".join(part.ljust(19) for part in parts))


def head(title: str) -> None:
    names = ("F1", "kappa", "recall, full", "recall, partial", "false alarms")
    print(f"\n{title:<34}{'rows':>6}  " + "  ".join(name.ljust(19) for name in names))


def slices(rows: Sequence[Row]) -> list[tuple[str, list[int]]]:
    """Named parts of XSTest: all, unique responses, safe prompts, and each model's."""
    every = list(range(len(rows)))
    first: dict[str, int] = {}
    for i in every:
        first.setdefault(rows[i].text.strip(), i)
    parts = [
        ("all", every),
        ("unique responses", sorted(first.values())),
        ("safe prompts", [i for i in every if rows[i].safe]),
    ]
    for model in judge_data.XSTEST_MODELS:
        parts.append((model, [i for i in every if rows[i].model == model]))
        parts.append(
            (f"{model}, safe", [i for i in every if rows[i].model == model and rows[i].safe])
        )
    return parts


def baselines(rows: Sequence[Row]) -> dict[str, Bools]:
    """The labels published with XSTest. GPT-4's unreadable answers count as refusals missed."""
    return {
        "string match": np.array([row.extra["strmatch_label"][:1] in "23" for row in rows]),
        "GPT-4 judge": np.array([row.extra["gpt4_label"][:2] in ("2_", "3_") for row in rows]),
    }


def xstest(pool: Sequence[Row], make: Callable[[], Predictor], tier: str, threshold: float) -> None:
    rows = [row for row in pool if row.source == "xstest"]
    found = 1 - leave_one_out(make, rows, pool)[:, 0] > threshold
    head(f"XSTest, {tier}")
    for name, part in slices(rows):
        print_row(name, [rows[i] for i in part], found[part])
    for name, left_out in (
        ("no XSTest model trained on", lambda row: row.source == "xstest"),
        ("no Llama trained on: Llamas", lambda row: row.model.startswith("llama2")),
    ):
        tested = [row for row in rows if left_out(row)]
        guess = 1 - without(make, tested, pool, left_out)[:, 0] > threshold
        print_row(name, tested, guess)
        safe = [i for i, row in enumerate(tested) if row.safe]
        print_row(f"{name}, safe", [tested[i] for i in safe], guess[safe])


def misreading(pool: Sequence[Row], make: Callable[[], Predictor], threshold: float) -> None:
    """What `trueup.compare.misreading` states: rates by model, none of it trained on."""
    rows = [row for row in pool if row.source == "xstest"]
    left_out = without(make, rows, pool, lambda row: row.source == "xstest")
    print("\nMisread, by model: false alarms, missed; this model, or all of XSTest, not trained on")
    for what, guess in (("model", leave_one_out(make, rows, pool)), ("set", left_out)):
        found = 1 - guess[:, 0] > threshold
        for model in judge_data.XSTEST_MODELS:
            for safe in (True, False):
                here = [i for i, r in enumerate(rows) if r.model == model and r.safe == safe]
                truth = np.array([rows[i].label != FULL for i in here])
                alarms, missed = false_alarms(truth, found[here]), 1 - recall(truth, found[here])
                name = f"{model}, {'legitimate' if safe else 'harmful'}, no {what}"
                counts = (~truth).sum(), truth.sum()
                print(f"  {name:<42}{alarms:6.3f} of {counts[0]:>3}{missed:9.3f} of {counts[1]:>3}")


def xstest_baselines(pool: Sequence[Row]) -> None:
    rows = [row for row in pool if row.source == "xstest"]
    for name, found in baselines(rows).items():
        head(f"XSTest, {name} (published)")
        for part_name, part in slices(rows)[:3]:
            print_row(part_name, [rows[i] for i in part], found[part])
    print("\nPublished on more rows, F1 / kappa:")
    for name, where, score, agreement in PUBLISHED:
        print(f"  {name:<24}{where:<18}{score:.3f} / {agreement:.3f}")


def chatgpt(
    pool: Sequence[Row], make: Callable[[], Predictor], tier: str, threshold: float
) -> None:
    rows = [row for row in pool if row.source == "chatgpt"]
    score = 1 - leave_one_out(make, rows, pool)[:, 0]
    truth = np.array([row.label != FULL for row in rows])
    head(f"chatgpt_refusals, {tier}")
    print_row("held-out prompts", rows, score > threshold)
    for wanted in (0.85, 0.90):
        cut = np.quantile(score[truth], 1 - wanted)
        print(f"  false alarms at recall {wanted:.2f}: {(score[~truth] >= cut).mean():.3f}")
    guess = 1 - without(make, rows, pool, lambda row: row.source == "chatgpt")[:, 0] > threshold
    print_row("no row of the set trained on", rows, guess)


def calibration(pool: Sequence[Row], make: Callable[[], Predictor], tier: str) -> None:
    rows = [row for row in pool if row.source in {"xstest", "chatgpt"}]
    full = leave_one_out(make, rows, pool)[:, 0]
    truth = np.array([row.label == FULL for row in rows])
    print(f"\nCalibration of P(full), {tier}: said, seen, rows")
    for low in np.arange(0, 1, 0.1):
        here = (full >= low) & (full < low + 0.1)
        if here.any():
            print(f"  {full[here].mean():.3f}  {truth[here].mean():.3f}  {here.sum():>5}")


def rbr(data: Path) -> None:
    rows = judge_data.rbr_gold(data)
    counts = annotate_texts([row.text for row in rows])
    groups = [row.group for row in rows]
    print("\nrbr_gold, count > 0 against the human proposition: F1, recall, false alarms")
    for name, proposition in RBR.items():
        truth = np.array([bool(row.extra[proposition]) for row in rows])
        found = counts[name].to_numpy() > 0
        parts = (cell(s, truth, found, groups) for s in (f1, recall, false_alarms))
        print(f"  {name:<14}{truth.sum():>4} positive  " + "  ".join(parts))


def do_not_answer(data: Path) -> None:
    rows = judge_data.do_not_answer(data)
    verdicts = np.array(annotate_texts([row.text for row in rows])["compliance"].to_pylist())
    actions = np.array([int(float(row.extra["human_action"])) for row in rows])
    names = ("refuses", "rebuts", "both sides", "caution", "cannot know", "follows")
    print("\ndo_not_answer (never trained on): share of verdicts by what humans saw")
    for action, name in enumerate(names):
        here = verdicts[actions == action]
        shares = "  ".join(f"{v} {(here == v).mean():.3f}" for v in ("full", "partial", "refusal"))
        print(f"  {name:<12}{len(here):>5}  {shares}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    pool = [row for row in labelled(args.data) if row.label != UNKNOWN] + written()
    threshold = load_model().threshold
    xstest_baselines(pool)
    for tier, make in TIERS.items():
        xstest(pool, make, tier, threshold)
        misreading(pool, make, threshold)
        chatgpt(pool, make, tier, threshold)
        calibration(pool, make, tier)
    rbr(args.data)
    do_not_answer(args.data)


if __name__ == "__main__":
    main()
