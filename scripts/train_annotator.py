"""Train the fast annotator's weights: python scripts/train_annotator.py ../shared/data

Deterministic: the same data, features and versions of numpy and scikit-learn give the same file.
Only permissively licensed sets and examples of our own are used; only numbers are written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "benchmarks"))

import judge_data  # noqa: E402
from judge_folds import (  # noqa: E402
    STRENGTH,
    THRESHOLD,
    WRITTEN_TOTAL,
    FastPredictor,
    labelled,
    leave_one_out,
    written,
)

VERSION = "1"
OUTPUT = ROOT / "src" / "trueup" / "judge" / "weights" / "annotator.json"
FILES = (
    "xstest/llama2orig.csv",
    "xstest/llama2new.csv",
    "xstest/mistralinstruct.csv",
    "chatgpt_refusals.jsonl",
    "coconot/coconot_pref.jsonl",
)


def held_out(pool: list[judge_data.Row]) -> dict[str, float]:
    """Precision and recall of "not full" on models and prompts that the weights did not see."""
    figures = {}
    for source in ("xstest", "chatgpt"):
        tested = [row for row in pool if row.source == source]
        found = 1 - leave_one_out(FastPredictor, tested, pool)[:, 0] > THRESHOLD
        truth = np.array([row.label for row in tested]) != judge_data.FULL
        hits = (found & truth).sum()
        figures[f"{source}_precision"] = round(float(hits / found.sum()), 4)
        figures[f"{source}_recall"] = round(float(hits / truth.sum()), 4)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the labelled data")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    args = parser.parse_args()
    ours = written()
    pool = labelled(args.data) + ours
    model = FastPredictor().trained(pool, version=VERSION)
    texts = "\0".join(row.text for row in ours)
    record = {
        "version": model.version,
        "trained_on": {
            "files": list(FILES),
            "sha256": judge_data.digest([args.data / name for name in FILES]),
            "rows": len(pool),
            "written_rows": len(ours),
            "written_sha256": hashlib.sha256(texts.encode()).hexdigest(),
            "written_total_weight": WRITTEN_TOTAL,
        },
        "strength": list(STRENGTH),
        "held_out": held_out(pool),
        "threshold": model.threshold,
        "not_full": {"intercept": model.not_full.intercept, "coef": dict(model.not_full.coef)},
        "refusal": {"intercept": model.refusal.intercept, "coef": dict(model.refusal.coef)},
    }
    args.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"{args.output}: {len(pool)} rows, {record['held_out']}")


if __name__ == "__main__":
    main()
