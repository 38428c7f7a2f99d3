"""What a comparison reads: the answers of one version, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FULL",
    "PARTIAL",
    "REFUSAL",
    "UNABLE",
    "UNDETERMINED",
    "UNKNOWN",
    "VERDICT_NAMES",
    "Answers",
    "is_known",
    "is_refused",
]

Codes = NDArray[np.int8]
Floats = NDArray[np.float64]
Words = NDArray[np.object_]

UNDETERMINED, UNKNOWN, FULL, PARTIAL, REFUSAL, UNABLE = -2, -1, 0, 1, 2, 3
VERDICT_NAMES = {
    FULL: "full",
    PARTIAL: "partial",
    REFUSAL: "refusal",
    UNABLE: "unable",
    UNDETERMINED: "undetermined",
    UNKNOWN: "unknown",
}


def is_known(verdict: Codes) -> NDArray[np.bool_]:
    """Whether each verdict says what the answer did."""
    return np.asarray(verdict >= FULL)


def is_refused(verdict: Codes) -> NDArray[np.bool_]:
    """Whether each answer refused, wholly or in part; what it could not do is no refusal."""
    return np.asarray((verdict == PARTIAL) | (verdict == REFUSAL))


@dataclass(frozen=True)
class Answers:
    """The answers of one version, one row each.

    Attributes
    ----------
    name
        Of the version.
    key
        Shape (n,), text: the prompt that was asked. Versions are paired by it; rows of one version
        that share it are samples of the same prompt.
    read
        Shape (n,): what the annotator says the answer did (FULL, PARTIAL, REFUSAL, or UNKNOWN for
        one that is empty, an error or undetermined).
    label
        Shape (n,): the same by a person, who may also have said UNABLE or UNDETERMINED; UNKNOWN
        where nobody said. None: no labels at all.
    legitimate
        Shape (n,): 1, 0, or -1 when nobody said.
    prompt, response
        n texts each; a missing answer is "".
    counts
        What the annotator counts, each of shape (n,): hedges, disclaimers, warnings, words; NaN
        without an answer.
    scores
        Capability scores per row, each of shape (n,), finite or NaN.
    slices
        Text columns to slice by, each of shape (n,), None where the cell is empty.
    cluster
        Shape (n,), text: prompts that share a value are not independent. None: every prompt is.
    order
        The version's place among others, as it stands in the file.
    missing
        Rows without a verdict, by what is wrong: "error", "empty", "undetermined".
    """

    name: str
    key: Words
    read: Codes
    legitimate: Codes
    prompt: Sequence[str]
    response: Sequence[str]
    label: Codes | None = None
    counts: dict[str, Floats] = field(default_factory=dict)
    scores: dict[str, Floats] = field(default_factory=dict)
    slices: dict[str, Words] = field(default_factory=dict)
    cluster: Words | None = None
    order: str | None = None
    missing: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = {
            "read": self.read,
            "legitimate": self.legitimate,
            "prompt": self.prompt,
            "response": self.response,
            "label": self.label,
            "cluster": self.cluster,
            **self.counts,
            **self.scores,
            **self.slices,
        }
        for name, values in columns.items():
            if values is not None and len(values) != len(self.key):
                raise ValueError(
                    f"{name} must be as long as key ({len(self.key)}), got {len(values)}"
                )

    def __len__(self) -> int:
        return len(self.key)

    @property
    def verdict(self) -> Codes:
        """What each answer did: as labelled, else as read."""
        if self.label is None:
            return self.read
        return np.where(self.label != UNKNOWN, self.label, self.read).astype(np.int8)
