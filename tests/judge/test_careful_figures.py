"""The careful reader on a model that it never saw. The whole table: benchmarks/bench_careful.py."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from trueup.judge.careful_training import FULL, PARTIAL, REFUSAL, featurise, fit_careful
from trueup.stats import f1_score

LABEL = {"1": FULL, "2": REFUSAL, "3": PARTIAL}


def rows(data: Path, model: str, *, even: bool) -> list[dict[str, str]]:
    """Published completions; prompts of even and odd number never meet."""
    with (data / "xstest" / f"{model}.csv").open(newline="", encoding="utf-8") as file:
        return [r for r in csv.DictReader(file) if (int(r["id"].split("-")[1]) % 2 == 0) == even]


def test_an_unseen_model_on_unseen_prompts_is_read_well(shared_data):
    pytest.importorskip("sklearn")
    train = [r for m in ("llama2new", "mistralinstruct") for r in rows(shared_data, m, even=True)]
    test = rows(shared_data, "llama2orig", even=False)
    features = featurise(
        [r["completion"] for r in train + test], [r["prompt"] for r in train + test]
    )
    label = np.array([LABEL[r["final_label"][0]] for r in train + test])
    n = len(train)
    known = features.take(np.arange(n))
    model = fit_careful(known, label[:n], np.ones(n), version="test")
    unseen = features.take(np.arange(n, len(label)))
    said = model.of_features(unseen.grams, unseen.structure)[:, 0] < 0.5
    assert len(test) == 225
    # Trained on a third of what is shipped; string match reaches 0.88 on the whole set.
    assert f1_score(label[n:] != FULL, said).value > 0.92
