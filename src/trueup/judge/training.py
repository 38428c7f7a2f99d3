"""Fit the annotator's weights. Needs scikit-learn (extra ``dev``); nothing in use imports this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trueup.judge.features import length_features, phrase_features, with_features
from trueup.judge.model import Logistic, Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["FULL", "PARTIAL", "REFUSAL", "feature_matrix", "fit_model", "predict"]

FULL, PARTIAL, REFUSAL = 0, 1, 2


def feature_matrix(texts: Sequence[str]) -> tuple[list[str], Floats]:
    """Names and values, shape (len(texts), len(names)), by the very expression used in the engine."""
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
    strength: tuple[float, float] = (0.1, 0.1),
    threshold: float = 0.5,
) -> Model:
    """Two ridge logistic regressions, full against the rest and refusal against partial.

    Parameters
    ----------
    values
        Shape (n, len(names)).
    labels
        Shape (n,), of FULL, PARTIAL, REFUSAL; all three must occur.
    weights
        Shape (n,), how much each row counts; 1 by default.
    strength
        Inverse ridge penalty of each regression, on standardised features.
    """
    if set(np.unique(labels)) != {FULL, PARTIAL, REFUSAL}:
        raise ValueError(f"labels must hold all of 0, 1, 2, got {sorted(set(labels.tolist()))}")
    weights = np.ones(len(labels)) if weights is None else weights
    rest = labels != FULL
    return Model(
        version=version,
        not_full=_ridge(names, values, rest, weights, strength[0]),
        refusal=_ridge(names, values[rest], labels[rest] == REFUSAL, weights[rest], strength[1]),
        threshold=threshold,
    )


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
    return Logistic(
        round(intercept, 5), {n: round(float(c), 5) for n, c in zip(kept, coef, strict=True)}
    )


def predict(model: Model, names: Sequence[str], values: Floats) -> Floats:
    """Probabilities of FULL, PARTIAL, REFUSAL, shape (n, 3): the expression's arithmetic in numpy."""
    rest, wholly = (_sigmoid(part, names, values) for part in (model.not_full, model.refusal))
    return np.column_stack([1 - rest, rest * (1 - wholly), rest * wholly])


def _sigmoid(part: Logistic, names: Sequence[str], values: Floats) -> Any:
    from trueup.judge.model import MAX_LOGIT

    coef = np.array([part.coef.get(name, 0.0) for name in names])
    logit = np.clip(part.intercept + values @ coef, -MAX_LOGIT, MAX_LOGIT)
    return 1 / (1 + np.exp(-logit))
