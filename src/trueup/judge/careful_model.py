"""The careful reader's model: logistic regressions on hashed n-grams and on structure, added up.

Two heads, as in the fast annotator: not full against full, and refusal against partial among the
rest. Weights are plain arrays in one .npz file: nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from trueup.judge.careful_features import (
    FEATURES_VERSION,
    HASH_BITS,
    STRUCTURE_NAMES,
    Reading,
    ngram_matrix,
    structure_matrix,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    Floats = NDArray[np.float64]

__all__ = ["CarefulModel", "Head", "load_careful"]

WEIGHTS = "weights/careful-1.npz"
# Share of each part's logit. N-grams know more sentences, structure carries over to new models.
NGRAM_SHARE, STRUCTURE_SHARE = 0.75, 0.5
_MAX_LOGIT = 9.2  # a part is never surer than 1 in 10,000
_MAX_STANDARDISED = 6.0


@dataclass(frozen=True, slots=True)
class Head:
    """One yes/no question: logit = offset + ((grams) 0.75 + (structure) 0.5) / temperature.

    grams: float32, shape (2**HASH_BITS,). structure: float64, shape (len(STRUCTURE_NAMES),), per
    standard deviation. offset, temperature: Platt scaling fitted to held-out predictions.
    """

    grams: NDArray[np.float32]
    grams_intercept: float
    structure: Floats
    structure_intercept: float
    offset: float = 0.0
    temperature: float = 1.0

    def probability(self, grams: csr_matrix, standardised: Floats) -> Floats:
        """P(yes), shape (n,)."""
        by_grams = grams @ self.grams + self.grams_intercept
        by_structure = standardised @ self.structure + self.structure_intercept
        logit = NGRAM_SHARE * _clip(by_grams) + STRUCTURE_SHARE * _clip(by_structure)
        return 1.0 / (1.0 + np.exp(-(self.offset + logit / self.temperature)))


@dataclass(frozen=True, slots=True)
class CarefulModel:
    """version: of the weights; mean, scale: of the structure features in training."""

    version: str
    mean: Floats
    scale: Floats
    not_full: Head
    refusal: Head

    def probabilities(self, readings: Sequence[Reading]) -> Floats:
        """P(full), P(partial), P(refusal), shape (n, 3); rows sum to 1."""
        return self.of_features(ngram_matrix(readings), structure_matrix(readings))

    def of_features(self, grams: csr_matrix, structure: Floats) -> Floats:
        """The same from features that were computed before."""
        standardised = self.standardise(structure)
        rest = self.not_full.probability(grams, standardised)
        refusal = rest * self.refusal.probability(grams, standardised)
        return np.column_stack([1.0 - rest, rest - refusal, refusal])

    def standardise(self, structure: Floats) -> Floats:
        return np.clip((structure - self.mean) / self.scale, -_MAX_STANDARDISED, _MAX_STANDARDISED)

    def save(self, path: str | Path) -> None:
        """Write the weights; n-gram weights in half precision."""
        arrays: dict[str, np.ndarray] = {"mean": self.mean, "scale": self.scale}
        for name, head in (("not_full", self.not_full), ("refusal", self.refusal)):
            arrays[f"{name}_grams"] = head.grams.astype(np.float16)
            arrays[f"{name}_structure"] = head.structure
            arrays[f"{name}_numbers"] = np.array(
                [head.grams_intercept, head.structure_intercept, head.offset, head.temperature]
            )
        arrays["version"] = np.array(self.version)
        arrays["features_version"] = np.array(FEATURES_VERSION)
        arrays["structure_names"] = np.array(STRUCTURE_NAMES)
        np.savez_compressed(path, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, source: str | Path | IO[bytes]) -> CarefulModel:
        """Read weights. Raises ValueError when they were trained on other features."""
        with np.load(source, allow_pickle=False) as found:
            _check(found)
            return cls(
                version=str(found["version"]),
                mean=found["mean"],
                scale=found["scale"],
                not_full=_head(found, "not_full"),
                refusal=_head(found, "refusal"),
            )


def _clip(logit: Floats) -> Floats:
    return np.clip(logit, -_MAX_LOGIT, _MAX_LOGIT)


def _check(found: np.lib.npyio.NpzFile) -> None:
    missing = {"version", "features_version", "structure_names", "not_full_grams"} - set(
        found.files
    )
    if missing:
        raise ValueError(f"not the careful reader's weights: no {sorted(missing)[0]}")
    version, names = str(found["features_version"]), tuple(found["structure_names"].tolist())
    if version != FEATURES_VERSION or names != STRUCTURE_NAMES:
        raise ValueError(
            f"weights fit features {version!r} ({len(names)} of structure), "
            f"the code computes {FEATURES_VERSION!r} ({len(STRUCTURE_NAMES)}): train again"
        )
    if found["not_full_grams"].shape != (1 << HASH_BITS,):
        raise ValueError("weights were trained with another number of hash bits: train again")


def _head(found: np.lib.npyio.NpzFile, name: str) -> Head:
    numbers = found[f"{name}_numbers"].tolist()
    return Head(
        found[f"{name}_grams"].astype(np.float32),
        numbers[0],
        found[f"{name}_structure"],
        numbers[1],
        numbers[2],
        numbers[3],
    )


@cache
def load_careful() -> CarefulModel:
    """The weights that are shipped."""
    with files("trueup.judge").joinpath(WEIGHTS).open("rb") as file:
        return CarefulModel.load(file)
