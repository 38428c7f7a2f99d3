"""Train the fast annotator's weights: python scripts/train_annotator.py ../shared/data

Deterministic: the same data, features and versions of numpy and scikit-learn give the same file.
Only permissively licensed sets are used, and only numbers are written, never a text.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "scripts")]

import judge_data  # noqa: E402

from trueup.judge.training import feature_matrix, fit_model  # noqa: E402

VERSION = "1"
OUTPUT = ROOT / "src" / "trueup" / "judge" / "weights" / "annotator.json"
FILES = ("xstest/llama2orig.csv", "xstest/llama2new.csv", "xstest/mistralinstruct.csv", "chatgpt_refusals.jsonl",
         "coconot/coconot_pref.jsonl")  # fmt: skip
STRENGTH = (0.1, 0.03)
THRESHOLD = 0.5


def training_rows(data: Path) -> list[judge_data.Row]:
    rows = (
        judge_data.xstest(data)
        + judge_data.chatgpt_refusals(data)
        + judge_data.coconot_chosen(data)
    )
    return [row for row in rows if row.label != judge_data.UNKNOWN]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the labelled data")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    args = parser.parse_args()
    rows = training_rows(args.data)
    names, values = feature_matrix([row.text for row in rows])
    labels = np.array([row.label for row in rows])
    model = fit_model(
        names, values, labels, version=VERSION, strength=STRENGTH, threshold=THRESHOLD
    )
    written = {
        "version": model.version,
        "trained_on": {"files": list(FILES), "sha256": judge_data.digest([args.data / f for f in FILES]), "rows": len(rows)},
        "strength": list(STRENGTH),
        "threshold": model.threshold,
        "not_full": {"intercept": model.not_full.intercept, "coef": dict(model.not_full.coef)},
        "refusal": {"intercept": model.refusal.intercept, "coef": dict(model.refusal.coef)},
    }  # fmt: skip
    args.output.write_text(
        json.dumps(written, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    print(f"{args.output}: {len(rows)} rows, {len(names)} features")


if __name__ == "__main__":
    main()
