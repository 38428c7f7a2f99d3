"""Train the careful reader: python scripts/train_careful.py ../shared/data

Held-out predictions first (each XSTest model and each fold of prompts left out in turn, and each
fold of the ChatGPT set), which calibrate; then one fit on everything. Deterministic.
Only permissively licensed sets are trained on, and only numbers are written, never a text.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "scripts")]

import careful_examples  # noqa: E402
import judge_data  # noqa: E402
from judge_data import FULL, PARTIAL, REFUSAL, UNKNOWN, Row  # noqa: E402

from trueup.judge.careful_model import WEIGHTS, CarefulModel  # noqa: E402
from trueup.judge.careful_training import (  # noqa: E402
    Features,
    calibrated,
    featurise,
    fit_careful,
)

VERSION = "1"
OUTPUT = ROOT / "src" / "trueup" / "judge" / WEIGHTS
PROMPT_DROPPED = 0.4  # share of training rows whose prompt is hidden: it is not always known
# How much a row counts: weak labels and written examples less than what people labelled.
COUNTS = {
    "xstest": 1.0,
    "chatgpt": 1.2,
    "rbr": 0.5,
    "coconot": 0.3,
    "coconot-weak": 0.2,
    "written": 0.2,
}

_REFUSAL_WORDS = re.compile(
    r"sorry|cannot|can't|unable|not able|apolog|inappropriate|not appropriate|as an ai", re.I
)
_OPENS_REFUSING = re.compile(
    r"^\W*(?:i apologi[sz]e|i'm sorry|sorry|i cannot|i can't|i am unable|i'm unable"
    r"|as a responsible ai language model, i cannot)", re.I,
)  # fmt: skip


def training_rows(data: Path) -> list[Row]:
    """Every row that may be trained on, with a label."""
    rows = judge_data.xstest(data) + judge_data.chatgpt_refusals(data)
    rows += [*_rbr(data), *_coconot(data), *_written()]
    return [row for row in rows if row.label != UNKNOWN]


def _rbr(data: Path) -> Iterator[Row]:
    """Completions that people marked as complying fully, or as unable to."""
    for row in judge_data.rbr_gold(data):
        full, partly, unable = (
            bool(row.extra[k])
            for k in ("fully_complies", "partially_complies", "inability_to_comply")
        )
        label = (
            FULL if full and not unable
            else UNKNOWN if not unable or full
            else PARTIAL if partly else REFUSAL
        )  # fmt: skip
        yield _row("rbr", row.group, "", row.text, label)


def _coconot(data: Path) -> Iterator[Row]:
    """Weak labels: chosen complies unless it sounds otherwise; rejected goes by its opening."""
    for row in judge_data.coconot_pairs(data):
        chosen, rejected = row.text, str(row.extra["rejected"])
        if not _REFUSAL_WORDS.search(chosen[:400]):
            yield _row("coconot", row.group, row.prompt, chosen, FULL)
        if _OPENS_REFUSING.search(rejected[:60]) and not re.search(r"\n\s*1\.", rejected):
            yield _row("coconot", row.group, row.prompt, rejected, REFUSAL)
        elif rejected and not _REFUSAL_WORDS.search(rejected[:500]):
            yield _row("coconot-weak", row.group, row.prompt, rejected, FULL)


def _written() -> Iterator[Row]:
    for example in careful_examples.examples():
        yield _row(
            "written", f"written:{example.kind}", example.prompt, example.response, example.label
        )


def _row(source: str, group: str, prompt: str, text: str, label: int) -> Row:
    return Row(source, source, group, prompt, text, label, True, {})


@dataclass(frozen=True)
class Prepared:
    """Rows with features: as they are, without prompts, and as trained on (some prompts hidden)."""

    rows: Sequence[Row]
    labels: NDArray[np.int_]
    counts: NDArray[np.float64]
    known: Features
    hidden: Features
    trained: Features


def prepare(rows: Sequence[Row], seed: int = 0) -> Prepared:
    texts, prompts = [r.text for r in rows], [r.prompt or None for r in rows]
    known, hidden = featurise(texts, prompts), featurise(texts, [None] * len(rows))
    drop = np.random.default_rng(seed).random(len(rows)) < PROMPT_DROPPED
    return Prepared(
        rows,
        np.array([r.label for r in rows]),
        np.array([COUNTS[r.source] for r in rows]),
        known,
        hidden,
        _mixed(known, hidden, drop),
    )


def _mixed(known: Features, hidden: Features, drop: NDArray[np.bool_]) -> Features:
    from scipy.sparse import diags

    grams = (
        diags((~drop).astype(np.float32)) @ known.grams
        + diags(drop.astype(np.float32)) @ hidden.grams
    )
    return Features(grams.tocsr(), np.where(drop[:, None], hidden.structure, known.structure))


def template_of(row: Row) -> str:
    """Prompts of the ChatGPT set share templates: their first words decide the fold."""
    return " ".join(row.prompt.lower().split()[:4])


def folds(rows: Sequence[Row]) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Masks (train, test): no row's model and no row's prompt is on both sides."""
    import zlib

    source = np.array([r.source for r in rows])
    model = np.array([r.model for r in rows])
    fold = np.array(
        [zlib.crc32(template_of(r).encode()) % 5 if r.source == "chatgpt" else r.fold for r in rows]
    )
    for name in judge_data.XSTEST_MODELS:
        for k in range(5):
            mine = source == "xstest"
            yield ~(mine & ((model == name) | (fold == k))), mine & (model == name) & (fold == k)
    for k in range(5):
        test = (source == "chatgpt") & (fold == k)
        yield ~test, test


def held_out(
    data: Prepared, asked: Sequence[Features], tell: Callable[[str], None] = lambda _: None
) -> list[NDArray[np.float64]]:
    """For each of the features asked about, probabilities of shape (n, 3) by fits that saw neither
    the row's model nor its prompt; NaN for rows that are only trained on."""
    out = [np.full((len(data.rows), 3), np.nan) for _ in asked]
    for number, (train, test) in enumerate(folds(data.rows), 1):
        if test.any():
            model = fit(data, train)
            for p, features in zip(out, asked, strict=True):
                p[test] = model.of_features(features.grams[test], features.structure[test])
        tell(f"fold {number} of 20")
    return out


def fit(data: Prepared, train: NDArray[np.bool_]) -> CarefulModel:
    return fit_careful(
        data.trained.take(train), data.labels[train], data.counts[train], version=VERSION
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the labelled data")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    args = parser.parse_args()
    data = prepare(training_rows(args.data))
    (p,) = held_out(data, [data.trained], lambda text: print(text, file=sys.stderr))
    tested = ~np.isnan(p[:, 0])
    model = fit(data, np.ones(len(data.rows), bool))
    model = calibrated(model, p[tested], data.labels[tested], data.counts[tested])
    model.save(args.output)
    print(
        f"{args.output}: {len(data.rows)} rows, calibration "
        f"{model.not_full.offset:.3f} {model.not_full.temperature:.3f}, "
        f"{model.refusal.offset:.3f} {model.refusal.temperature:.3f}; "
        f"{args.output.stat().st_size / 1e6:.2f} MB"
    )


if __name__ == "__main__":
    main()
