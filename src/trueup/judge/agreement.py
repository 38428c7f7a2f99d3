"""How far the human raters agree: the ceiling for every judge that is compared with them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from trueup.errors import UserError
from trueup.schema import ANSWERS
from trueup.stats.agreement import cohen_kappa, krippendorff_alpha
from trueup.stats.estimate import Interval
from trueup.stats.intervals import cluster_mean

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Agreement", "Disagreement", "PairAgreement", "agreement"]

UNNAMED = "(unnamed)"
_DRAWS = 1000

Answers = Mapping[str, Mapping[str, str]]  # target -> rater -> answer


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Two raters: items both answered, share answered alike, Cohen's κ."""

    raters: tuple[str, str]
    items: int
    alike: float
    kappa: Interval


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One interaction that was answered differently; `answers` by rater."""

    target_id: str
    answers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement on one question.

    Attributes
    ----------
    raters
        Answers given by each rater, most first.
    items
        Interactions with at least two raters.
    alpha
        Krippendorff's α, nominal; NaN when unknown. `low` and `high` from a bootstrap over
        interactions; [-1, 1] when unknown.
    pairs, disagreements
        Pairs that share an interaction, and the interactions answered differently, by id.
    sentence
        Why α is unknown, else "".
    """

    question: str
    raters: dict[str, int]
    items: int
    alpha: Interval
    pairs: tuple[PairAgreement, ...]
    disagreements: tuple[Disagreement, ...]
    sentence: str


def agreement(
    labels: pa.Table, *, level: float = 0.95, rng: np.random.Generator | None = None
) -> tuple[Agreement, ...]:
    """Agreement of the human raters, one result per question of `trueup.schema.ANSWERS`.

    Parameters
    ----------
    labels
        Rows of `trueup.schema.LABELS`; those of judges and rules are left out.
    level
        Confidence level in (0, 1).
    rng
        Source of the bootstrap (default: a fixed seed, so that a report repeats).

    Notes
    -----
    Answers such as `unsure` count as categories of their own. α corrects for chance, so that it is
    undefined, not 1, when everybody gave one and the same answer throughout.
    """
    if not 0.0 < level < 1.0:
        raise UserError(f"level must be in the open interval (0, 1), got {level!r}.")
    generator = np.random.default_rng(0) if rng is None else rng
    by_question: dict[str, dict[str, dict[str, str]]] = {q: defaultdict(dict) for q in ANSWERS}
    for row in labels.to_pylist():
        if row["source"] == "human":
            rater = row["rater"] or UNNAMED
            by_question[row["question"]][row["target_id"]][rater] = row["value"]
    return tuple(_question(q, answers, level, generator) for q, answers in by_question.items())


def _question(question: str, answers: Answers, level: float, rng: np.random.Generator) -> Agreement:
    counts: dict[str, int] = defaultdict(int)
    for given in answers.values():
        for rater in given:
            counts[rater] += 1
    raters = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    shared = {target: given for target, given in sorted(answers.items()) if len(given) > 1}
    codes = _codes(question, shared, tuple(raters))
    alpha = _alpha(codes, level, rng)
    pairs = (_pair(codes, pair, tuple(raters), level, rng) for pair in combinations(raters, 2))
    return Agreement(
        question,
        raters,
        len(shared),
        alpha,
        tuple(pair for pair in pairs if pair is not None),
        tuple(
            Disagreement(target, dict(given))
            for target, given in shared.items()
            if len(set(given.values())) > 1
        ),
        _sentence(raters, len(shared), alpha),
    )


def _codes(question: str, shared: Answers, raters: tuple[str, ...]) -> np.ndarray:
    """Shape (items, raters): position of the answer in `ANSWERS`, -1 where none was given."""
    options = ANSWERS[question]
    table = np.full((len(shared), len(raters)), -1, dtype=np.int64)
    for row, given in enumerate(shared.values()):
        for rater, value in given.items():
            table[row, raters.index(rater)] = options.index(value)
    return table


def _alpha(codes: np.ndarray, level: float, rng: np.random.Generator) -> Interval:
    """α with the wider of two intervals.

    One is a bootstrap over items; the other carries the interval of the observed disagreement
    through α = 1 − observed/expected, so that agreement throughout never looks certain.
    """
    value = krippendorff_alpha(codes)
    n = len(codes)
    if math.isnan(value):
        return Interval(math.nan, -1.0, 1.0, level, n)
    drawn = np.array([krippendorff_alpha(codes[rng.integers(0, n, n)]) for _ in range(_DRAWS)])
    drawn = drawn[np.isfinite(drawn)]
    limits = [
        value,
        *(np.quantile(drawn, [0.5 - level / 2, 0.5 + level / 2]) if len(drawn) else []),
    ]
    observed = cluster_mean(_disagreement(codes), level=level)
    expected = _expected_disagreement(codes)
    limits += [1 - observed.low / expected, 1 - observed.high / expected]
    low, high = float(min(limits)), float(max(limits))
    return Interval(value, max(-1.0, low), min(1.0, high), level, n)


def _disagreement(codes: np.ndarray) -> np.ndarray:
    """Per item, the share of its pairs of answers that differ."""
    counts = np.stack(
        [(codes == code).sum(axis=1) for code in np.unique(codes[codes >= 0])], axis=1
    )
    answers = counts.sum(axis=1)
    return 1 - (counts * (counts - 1)).sum(axis=1) / (answers * (answers - 1))


def _expected_disagreement(codes: np.ndarray) -> float:
    """The share of all pairs of answers, across items, that differ."""
    counts = np.unique(codes[codes >= 0], return_counts=True)[1]
    total = int(counts.sum())
    return float(1 - (counts * (counts - 1)).sum() / (total * (total - 1)))


def _pair(
    codes: np.ndarray,
    pair: tuple[str, str],
    raters: tuple[str, ...],
    level: float,
    rng: np.random.Generator,
) -> PairAgreement | None:
    left, right = (codes[:, raters.index(name)] for name in pair)
    both = (left >= 0) & (right >= 0)
    if not both.any():
        return None
    alike = float((left[both] == right[both]).mean())
    kappa = cohen_kappa(left[both], right[both], level=level, rng=rng, draws=_DRAWS)
    return PairAgreement(pair, int(both.sum()), alike, kappa)


def _sentence(raters: Mapping[str, int], items: int, alpha: Interval) -> str:
    if not raters:
        return "No human labels yet: agreement unknown."
    if len(raters) == 1:
        return "One rater only: agreement unknown."
    if not items:
        return "No interaction has two raters: agreement unknown."
    if math.isnan(alpha.value):
        return "Everybody gave one and the same answer: agreement beyond chance is undefined."
    return ""
