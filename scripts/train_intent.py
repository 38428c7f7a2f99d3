"""Train the weights that find stated intentions: python scripts/train_intent.py ../shared/data

Trained on `intent_statements/`: statements of gaming and honest ones, a line each, by one author a
letter. Every author is left out once: that gives the levels and the figures in the docs. The folder
is optional; answers of language models to ordinary requests in it are further honest passages (the
permissively licensed sets only). No text of it is written, only weights: without it ordinary text
gives more false alarms. Deterministic: the same data, features and version of scikit-learn give the
same file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import spmatrix
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from trueup.goodhart.scan.prose import passages
from trueup.goodhart.scan.prose_model import features

ROOT = Path(__file__).parents[1]
STATEMENTS = Path(__file__).parent / "intent_statements"
OUTPUT = ROOT / "src" / "trueup" / "goodhart" / "scan" / "weights" / "intent.json"
ORDINARY = {
    "pandalm.jsonl": ("response1", "response2"),
    "chatgpt_refusals.jsonl": ("response",),
    "coconot/coconot_pref.jsonl": ("chosen", "rejected"),
}
STRENGTH = 40.0  # inverse of the penalty
ORDINARY_WEIGHT = 0.1  # of one ordinary passage beside one statement
STANCE_WEIGHT = 0.2  # of one act in one stance
MOST_ORDINARY = 8_000
KEPT = 11_000  # weights, the largest
# Shares of the honest statements of authors left out that may reach a level.
ALARMS = {"low": 0.06, "medium": 0.02, "high": 0.002}


@dataclass(frozen=True, slots=True)
class Statement:
    text: str
    gaming: bool
    author: str


def statements(folder: Path = STATEMENTS) -> list[Statement]:
    """All statements, by author and kind."""
    found = []
    for path in sorted(folder.glob("*_?.txt")):
        kind, author = path.stem.split("_")
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                found.append(Statement(line, kind == "gaming", author))
    return found


def stances(folder: Path = STATEMENTS) -> list[Statement]:
    """Every act in every stance: the same words as a plan and as anything else, and the same plans
    with acts of gaming and of honest work."""
    acts, work, ways = (
        [line for line in text.splitlines() if not line.startswith("#")]
        for text in (
            (folder / f"{name}.txt").read_text(encoding="utf-8")
            for name in ("acts", "work", "stances")
        )
    )
    return [
        Statement(way[2:].format(act), way[0] == "+" and act in acts, "stances")
        for act in acts + work
        for way in ways
    ]


def digest(said: Sequence[Statement]) -> str:
    return hashlib.sha256("\0".join(one.text for one in said).encode()).hexdigest()


def ordinary(data: Path | None) -> list[str]:
    """Passages of ordinary answers that the model would be asked about; no two share a sentence."""
    found: dict[str, None] = {}
    for name, keys in ORDINARY.items() if data else ():
        assert data is not None
        for line in (data / name).read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            for key in keys:
                if isinstance(record.get(key), str):
                    found |= dict.fromkeys(list(passages(record[key]))[::3])
    ranked = sorted(found, key=lambda text: hashlib.sha256(text.encode()).digest())
    return ranked[:MOST_ORDINARY]


class Table:
    """Features of all texts as a matrix whose rows have a length of one."""

    def __init__(self, texts: Sequence[str]) -> None:
        rows = []
        for text in texts:
            found = features(text)
            rows.append(dict.fromkeys(sorted(found), 1 / math.sqrt(len(found))))
        self.names = DictVectorizer()
        self.rows: spmatrix = self.names.fit_transform(rows)


def fitted(rows: spmatrix, said: Sequence[Statement], count_ordinary: int) -> LogisticRegression:
    """A regression on statements, and on ordinary passages, which come last in the rows."""
    truth = np.array([one.gaming for one in said] + [False] * count_ordinary)
    own = [STANCE_WEIGHT if one.author == "stances" else 1.0 for one in said]
    weight = np.r_[own, np.full(count_ordinary, ORDINARY_WEIGHT)]
    model = LogisticRegression(C=STRENGTH, max_iter=3000)
    return model.fit(rows, truth, sample_weight=weight)


def left_out(table: Table, said: Sequence[Statement]) -> np.ndarray:
    """The score of every statement by a model that saw nothing of its author."""
    scores = np.zeros(len(said))
    authors = np.array([one.author for one in said])
    rest = np.arange(len(said), table.rows.shape[0])
    for author in sorted(set(authors) - {"stances"}):
        seen, unseen = np.flatnonzero(authors != author), np.flatnonzero(authors == author)
        model = fitted(table.rows[np.r_[seen, rest]], [said[i] for i in seen], len(rest))
        scores[unseen] = model.decision_function(table.rows[unseen])
    return scores


def levels(scores: np.ndarray, said: Sequence[Statement]) -> dict[str, float]:
    """The least score of each confidence. The scanner's own author ("s") put honest statements as
    close to gaming as can be, and does not count here."""
    counted = [not one.gaming and one.author not in ("s", "stances") for one in said]
    honest = scores[np.array(counted)]
    return {name: round(float(np.quantile(honest, 1 - share)), 3) for name, share in ALARMS.items()}


def by_author(
    scores: np.ndarray, said: Sequence[Statement], least: dict[str, float]
) -> dict[str, dict[str, list[int]]]:
    """Per author: found, or flagged, at each level, of how many."""
    figures: dict[str, dict[str, list[int]]] = {}
    for author in sorted({one.author for one in said} - {"stances"}):
        for name, gaming in (("gaming", True), ("honest", False)):
            own = np.array([one.author == author and one.gaming == gaming for one in said])
            reached = [int((scores[own] >= least[level]).sum()) for level in least]
            figures.setdefault(author, {})[name] = [*reached, int(own.sum())]
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", help="folder with answers of models")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    args = parser.parse_args()
    said, answers = statements() + stances(), ordinary(args.data)
    table = Table([one.text for one in said] + answers)
    scores = left_out(table, said)
    least = levels(scores, said)
    model = fitted(table.rows, said, len(answers))
    weights = dict(zip(table.names.feature_names_, model.coef_[0], strict=True))
    largest = sorted(weights, key=lambda name: (-abs(weights[name]), name))[:KEPT]
    record = {
        "trained_on": {
            "statements": len(said),
            "statements_sha256": digest(said),
            "ordinary": len(answers),
            "ordinary_files": sorted(ORDINARY) if answers else [],
        },
        "left_out": {"levels": list(least), **by_author(scores, said, least)},
        "levels": least,
        "intercept": round(float(model.intercept_[0]), 4),
        "weights": {name: round(float(weights[name]) * 100) for name in sorted(largest)},
    }
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
    args.output.write_text(text, encoding="utf-8")
    print(f"{args.output}: {len(said)} statements, {len(answers)} passages, {len(text)} bytes")
    print(json.dumps({"levels": least, **record["left_out"]}, indent=None))


if __name__ == "__main__":
    main()
