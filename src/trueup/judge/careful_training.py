"""Fit the careful reader. Needs scikit-learn (extra ``dev``); nothing in use imports this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from trueup.judge.careful_features import HASH_BITS, ngram_matrix, read, structure_matrix
from trueup.judge.careful_model import CarefulModel, Head

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    Floats = NDArray[np.float64]

__all__ = ["FULL", "PARTIAL", "REFUSAL", "Features", "calibrated", "featurise", "fit_careful"]

FULL, PARTIAL, REFUSAL = 0, 1, 2
# Inverse ridge penalties, and in how many responses an n-gram must occur to count.
_NGRAM_STRENGTH, _STRUCTURE_STRENGTH, _MIN_RESPONSES = 10.0, 0.05, 4


@dataclass(frozen=True, slots=True)
class Features:
    """grams: sparse (n, 2**HASH_BITS); structure: (n, number of structure features)."""

    grams: csr_matrix
    structure: Floats

    def take(self, rows: NDArray[np.int_] | NDArray[np.bool_]) -> Features:
        return Features(self.grams[rows], self.structure[rows])


def featurise(texts: Sequence[str], prompts: Sequence[str | None]) -> Features:
    """The features of responses, in order."""
    readings = [read(text, prompt) for text, prompt in zip(texts, prompts, strict=True)]
    return Features(ngram_matrix(readings), structure_matrix(readings))


def fit_careful(
    features: Features,
    labels: NDArray[np.int_],
    weights: Floats,
    *,
    version: str,
) -> CarefulModel:
    """Fit both heads, uncalibrated.

    Parameters
    ----------
    labels
        Shape (n,), of FULL, PARTIAL, REFUSAL; all three must occur.
    weights
        Shape (n,), how much each row counts.
    """
    if set(np.unique(labels)) != {FULL, PARTIAL, REFUSAL}:
        raise ValueError(f"labels must hold all of 0, 1, 2, got {sorted(set(labels.tolist()))}")
    mean = features.structure.mean(axis=0)
    scale = features.structure.std(axis=0)
    scale[scale == 0] = 1.0
    empty = _empty_head()
    model = CarefulModel(version, mean, scale, empty, empty)
    standardised = model.standardise(features.structure)
    rest = labels != FULL
    return replace(
        model,
        not_full=_fit_head(features.grams, standardised, rest, weights),
        refusal=_fit_head(
            features.grams[rest], standardised[rest], labels[rest] == REFUSAL, weights[rest]
        ),
    )


def _empty_head() -> Head:
    return Head(np.zeros(1 << HASH_BITS, np.float32), 0.0, np.zeros(0), 0.0)


def _fit_head(
    grams: csr_matrix, standardised: Floats, positive: NDArray[np.bool_], weights: Floats
) -> Head:
    from sklearn.linear_model import LogisticRegression

    common = np.flatnonzero(np.asarray((grams > 0).sum(axis=0)).ravel() >= _MIN_RESPONSES)
    by_grams = LogisticRegression(C=_NGRAM_STRENGTH, solver="liblinear", random_state=0)
    by_grams.fit(grams[:, common], positive, sample_weight=weights)
    by_structure = LogisticRegression(C=_STRUCTURE_STRENGTH, solver="liblinear", random_state=0)
    by_structure.fit(standardised, positive, sample_weight=weights)
    coefficients = np.zeros(1 << HASH_BITS, np.float32)
    coefficients[common] = by_grams.coef_[0]
    return Head(
        coefficients,
        float(by_grams.intercept_[0]),
        by_structure.coef_[0],
        float(by_structure.intercept_[0]),
    )


def calibrated(
    model: CarefulModel, held_out: Floats, labels: NDArray[np.int_], weights: Floats
) -> CarefulModel:
    """Set offset and temperature of both heads so that held-out probabilities fit (Platt 1999).

    held_out: shape (n, 3), by uncalibrated fits that saw neither the prompts nor the models.
    """
    rest = 1.0 - held_out[:, 0]
    some = labels != FULL
    share = held_out[some, 2] / rest[some]
    return replace(
        model,
        not_full=_platt(model.not_full, rest, some, weights),
        refusal=_platt(model.refusal, share, labels[some] == REFUSAL, weights[some]),
    )


def _platt(head: Head, p: Floats, positive: NDArray[np.bool_], weights: Floats) -> Head:
    from sklearn.linear_model import LogisticRegression

    p = np.clip(p, 1e-9, 1 - 1e-9)
    logit = np.log(p / (1 - p))[:, None]
    fitted = LogisticRegression(C=1e6).fit(logit, positive, sample_weight=weights)
    return replace(
        head, offset=float(fitted.intercept_[0]), temperature=1.0 / float(fitted.coef_[0, 0])
    )
