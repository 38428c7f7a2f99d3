"""Fit the annotator's weights. Needs scikit-learn (extra ``dev``); nothing in use imports this."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from trueup.judge.features import length_features, phrase_features, with_features
from trueup.judge.model import MAX_LOGIT, Logistic, Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["FULL", "PARTIAL", "REFUSAL", "feature_matrix", "fit_model", "predict"]

FULL, PARTIAL, REFUSAL = 0, 1, 2
FOLDS = 5


def feature_matrix(texts: Sequence[str]) -> tuple[list[str], Floats]:
    """Names and values, shape (len(texts), len(names)), by the expression used in the engine."""
    import ibis
    import pyarrow as pa

    rows = pa.table({"row": np.arange(len(texts)), "response": pa.array(texts, pa.string())})
    table = with_features(ibis.memtable(rows), "response")
    features = length_features(table) | phrase_features(table)
    out = ibis.duckdb.connect().to_pyarrow(table.select("row", **features)).sort_by("row")
    return list(features), np.column_stack([out[name].to_numpy() for name in features])


def fit_model(
    names: Sequence[str],
    values: Floats,
    labels: NDArray[np.int_],
    *,
    version: str,
    weights: Floats | None = None,
    groups: Sequence[str] | None = None,
    calibrate_on: NDArray[np.bool_] | None = None,
    strength: tuple[float, float] = (0.003, 0.03),
    threshold: float = 0.5,
) -> Model:
    """Two ridge logistic regressions, full against the rest and refusal against partial.

    A strong ridge makes the sum of many overlapping phrases generalise, and leaves it too timid; so
    its slope and intercept are refitted on predictions for held-out groups (Platt 1999).

    Parameters
    ----------
    values
        Shape (n, len(names)).
    labels
        Shape (n,), of FULL, PARTIAL, REFUSAL; all three must occur.
    weights
        Shape (n,), how much each row counts; 1 by default.
    groups
        Length n, what must not be split when holding out; each row by itself by default.
    calibrate_on
        Shape (n,), the rows that look like real traffic; all by default.
    strength
        Inverse ridge penalty of each regression, on standardised features.
    """
    if set(np.unique(labels)) != {FULL, PARTIAL, REFUSAL}:
        raise ValueError(f"labels must hold all of 0, 1, 2, got {sorted(set(labels.tolist()))}")
    weights = np.ones(len(labels)) if weights is None else weights
    real = np.ones(len(labels), dtype=bool) if calibrate_on is None else calibrate_on
    folds = _folds([str(i) for i in range(len(labels))] if groups is None else groups)
    rest = labels != FULL
    return Model(
        version=version,
        not_full=_calibrated(names, values, rest, weights, strength[0], folds, real),
        refusal=_calibrated(
            names,
            values[rest],
            labels[rest] == REFUSAL,
            weights[rest],
            strength[1],
            folds[rest],
            real[rest],
        ),
        threshold=threshold,
    )


def _folds(groups: Sequence[str]) -> NDArray[np.int_]:
    return np.array([zlib.crc32(f"calibrate {group}".encode()) % FOLDS for group in groups])


def _calibrated(
    names: Sequence[str],
    values: Floats,
    positive: NDArray[np.bool_],
    weights: Floats,
    strength: float,
    folds: NDArray[np.int_],
    real: NDArray[np.bool_],
) -> Logistic:
    from sklearn.linear_model import LogisticRegression

    logits = np.zeros(len(positive))
    for fold in range(FOLDS):
        out = folds == fold
        part = _ridge(names, values[~out], positive[~out], weights[~out], strength)
        logits[out] = _logit(part, names, values[out])
    if len(np.unique(positive[real])) < 2:  # nothing real of one kind: calibrate on all there is
        real = np.ones_like(real)
    platt = LogisticRegression(C=np.inf, max_iter=1_000).fit(logits[real, None], positive[real])
    slope, shift = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    whole = _ridge(names, values, positive, weights, strength)
    coef = {name: round(slope * c, 5) for name, c in whole.coef.items()}
    return Logistic(round(slope * whole.intercept + shift, 5), coef)


def _ridge(
    names: Sequence[str],
    values: Floats,
    positive: NDArray[np.bool_],
    weights: Floats,
    strength: float,
) -> Logistic:
    from sklearn.linear_model import LogisticRegression

    mean, scale = values.mean(axis=0), values.std(axis=0)
    used = scale > 1e-9
    scaled = (values[:, used] - mean[used]) / scale[used]
    fitted = LogisticRegression(C=strength, max_iter=5_000, tol=1e-8).fit(
        scaled, positive, sample_weight=weights
    )
    coef = fitted.coef_[0] / scale[used]
    intercept = float(fitted.intercept_[0] - coef @ mean[used])
    kept = (name for name, use in zip(names, used, strict=True) if use)
    return Logistic(intercept, dict(zip(kept, coef.tolist(), strict=True)))


def predict(model: Model, names: Sequence[str], values: Floats) -> Floats:
    """P(FULL), P(PARTIAL), P(REFUSAL), shape (n, 3): the expression's arithmetic in numpy."""
    rest, wholly = (
        1 / (1 + np.exp(-np.clip(_logit(part, names, values), -MAX_LOGIT, MAX_LOGIT)))
        for part in (model.not_full, model.refusal)
    )
    return np.column_stack([1 - rest, rest * (1 - wholly), rest * wholly])


def _logit(part: Logistic, names: Sequence[str], values: Floats) -> Floats:
    coef = np.array([part.coef.get(name, 0.0) for name in names])
    return part.intercept + values @ coef
