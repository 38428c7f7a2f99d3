"""Who is trained on what when the annotator is measured: folds, predictors and training rows.

A tier is measured by anything with `fit(rows)` and `predict(rows)`; see `Predictor`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import judge_data
import numpy as np
from judge_data import UNKNOWN, Row
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).parents[1] / "scripts"))

import careful_examples

from trueup.judge.model import Model
from trueup.judge.training import feature_matrix, fit_model, predict

Floats = NDArray[np.float64]
FOLDS = 5
STRENGTH = (0.003, 0.03)
WRITTEN_TOTAL = 700.0  # the written examples together weigh as much as so many labelled rows
THRESHOLD = 0.4


class Predictor(Protocol):
    """One tier. `fit` starts afresh; `predict` gives P(full, partial, refusal), shape (n, 3)."""

    def fit(self, rows: Sequence[Row]) -> None: ...

    def predict(self, rows: Sequence[Row]) -> Floats: ...


class FastPredictor:
    """The engine tier, with features computed once per text by the engine's own expression."""

    def __init__(self) -> None:
        self._features: dict[str, Floats] = {}
        self._names: list[str] = []
        self.model: Model | None = None

    def fit(self, rows: Sequence[Row]) -> None:
        self.model = self.trained(rows, version="cv")

    def trained(self, rows: Sequence[Row], version: str) -> Model:
        values = self._values(rows)
        ours = np.array([row.source == "written" for row in rows])
        return fit_model(
            self._names,
            values,
            np.array([row.label for row in rows]),
            version=version,
            weights=np.where(ours, WRITTEN_TOTAL / max(1, ours.sum()), 1.0),
            groups=[row.group for row in rows],
            calibrate_on=~ours,
            strength=STRENGTH,
            threshold=THRESHOLD,
        )

    def predict(self, rows: Sequence[Row]) -> Floats:
        assert self.model is not None, "fit comes first"
        return predict(self.model, self._names, self._values(rows))

    def _values(self, rows: Sequence[Row]) -> Floats:
        missing = list(dict.fromkeys(row.text for row in rows if row.text not in self._features))
        if missing:
            self._names, values = feature_matrix(missing)
            self._features.update(zip(missing, values, strict=True))
        return np.array([self._features[row.text] for row in rows])


def written() -> list[Row]:
    """Our own examples of behaviours that public sets show too rarely."""
    return [
        Row(
            "written",
            "written",
            f"written:{e.prompt}",
            e.prompt,
            e.response,
            e.label,
            True,
            {"kind": e.kind},
        )
        for e in careful_examples.examples()
    ]


def labelled(data: Path) -> list[Row]:
    """Every row of the permissively licensed sets that has a compliance label."""
    rows = judge_data.xstest(data) + judge_data.chatgpt_refusals(data)
    return [row for row in rows + judge_data.coconot_chosen(data) if row.label != UNKNOWN]


def leave_one_out(
    make: Callable[[], Predictor], tested: Sequence[Row], pool: Sequence[Row]
) -> Floats:
    """Predictions for `tested`, each from training without its model and without its prompt.

    chatgpt_refusals is one model; there only the prompts are held out.
    """
    out = np.full((len(tested), 3), np.nan)
    predictor = make()
    for source, model in sorted({(row.source, row.model) for row in tested}):
        for fold in range(FOLDS):
            here = [i for i, r in enumerate(tested) if r.model == model and r.fold == fold]
            train = [
                row
                for row in pool
                if row.source == "written"
                or (row.fold != fold and (source == "chatgpt" or row.model != model))
            ]
            predictor.fit(train)
            out[here] = predictor.predict([tested[i] for i in here])
    return out


def without(
    make: Callable[[], Predictor],
    tested: Sequence[Row],
    pool: Sequence[Row],
    left_out: Callable[[Row], bool],
) -> Floats:
    """Predictions for `tested` from training on the part of `pool` that is not left out."""
    predictor = make()
    predictor.fit([row for row in pool if not left_out(row)])
    return predictor.predict(tested)
