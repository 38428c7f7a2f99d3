"""Coverage on real judges: do_not_answer, humans as truth, published cheap labels as predictions.

Data: kunishou/do-not-answer-ja, CC-BY-NC-SA-4.0, read in place (`shared_data`). Truth is
`human_action` 0 (refuse); predictions are `gpt4_action` and `longformer_action` for the same rows.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from slack import assert_covers

from trueup.stats import Population, Sample, clopper_pearson, ppi_mean

DRAWS, LABELS = 500, 200


def refusals(path: Path, column: str) -> np.ndarray:
    """1 where the column says refuse; an answer that failed (blank) is not a refusal."""
    with path.open(newline="", encoding="utf-8") as file:
        cells = [row[column] for row in csv.DictReader(file)]
    return np.array([float(cell != "" and float(cell) == 0) for cell in cells])


@pytest.mark.parametrize("judge", ["gpt4_action", "longformer_action"])
@pytest.mark.parametrize("model", ["ChatGPT", "Claude", "llama2-7b-chat"])
def test_covers_the_full_data_value_and_beats_humans_alone(
    shared_data: Path, model: str, judge: str
) -> None:
    path = shared_data / "do_not_answer" / f"{model}.csv"
    truth, guess = refusals(path, "human_action"), refusals(path, judge)
    rows = len(truth)
    ones, target = np.ones(rows), truth.mean()
    population = Population(guess.astype(int), np.arange(rows), ones, guess, ones)
    rng = np.random.default_rng(2024)
    hits = dict.fromkeys(((t, v) for t in ("traffic", "log") for v in (0.95, 0.90)), 0)
    widths: dict[str, list[float]] = {"traffic": [], "log": [], "humans": []}
    for _ in range(DRAWS):
        i = rng.choice(rows, size=LABELS, replace=False)
        sample = Sample(
            guess[i].astype(int),
            i,
            np.full(LABELS, LABELS / rows),
            truth[i],
            ones[i],
            guess[i],
            ones[i],
        )
        for aim, level in hits:
            got = ppi_mean(population, sample, level=level, target=aim)
            hits[aim, level] += got.low <= target <= got.high
            if level == 0.95:
                widths[aim].append(got.high - got.low)
        alone = clopper_pearson(int(truth[i].sum()), LABELS)
        widths["humans"].append(alone.high - alone.low)
    print({key: round(float(np.mean(value)), 4) for key, value in widths.items()})
    for (aim, level), count in hits.items():
        assert_covers(count, DRAWS, level, (model, judge, aim))
    assert np.mean(widths["traffic"]) < 0.92 * np.mean(widths["humans"])
    assert np.mean(widths["log"]) < 0.88 * np.mean(widths["humans"])
