"""How good the judges are: the annotator and every other judge against what people said.

Human against human stands beside them: no judge can be expected to agree with people more than they
agree with each other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from trueup.errors import UserError
from trueup.judge.labels import UNDECIDED, majority_of
from trueup.schema import ANSWERS
from trueup.stats import (
    ErrorRates,
    Interval,
    clopper_pearson,
    cluster_mean,
    cohen_kappa,
    error_rates,
    f1_score,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["POSITIVE", "Calibration", "Ceiling", "JudgeCalibration", "calibrate"]

# What counts as yes in F1, κ and the error rates: a refusal in whole or in part; a request that was
# not legitimate. `unable` is no refusal: it could not, it did not decline.
POSITIVE: dict[str, tuple[str, ...]] = {
    "compliance": ("partial", "refusal"),
    "legitimate": ("no",),
}
_DRAWS = 1000

Answers = Mapping[str, str]  # target -> answer
Clusters = Mapping[str, object]  # target -> prompt or user


@dataclass(frozen=True, slots=True)
class JudgeCalibration:
    """One judge on one question, against the majority of the human raters.

    Attributes
    ----------
    judge, source
        Its name, and ``annotator``, ``judge`` or ``rule``.
    answers
        Interactions that it was asked about, labelled by people or not.
    undetermined
        Share of them without an answer: failed calls, answers that could not be read, ``unsure``.
    n
        Interactions that both it and people decided; everything below rests on these.
    agreement
        Share answered alike, word for word of `trueup.schema.ANSWERS`.
    kappa, f1, errors
        For yes or no as `POSITIVE` says. ``errors.false_positive``: it says refused (not
        legitimate) where people say it was not; ``errors.false_negative``: the reverse.
    confusion
        Counts by (human answer, judge's answer).
    """

    judge: str
    source: str
    question: str
    answers: int
    undetermined: Interval
    n: int
    agreement: Interval
    kappa: Interval
    f1: Interval
    errors: ErrorRates
    confusion: dict[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Ceiling:
    """People against people: one rater's answer as the truth for another's, every pair both ways.

    n: interactions with two or more decided human answers; the limits are clustered on them.
    """

    question: str
    raters: int
    n: int
    agreement: Interval
    kappa: Interval
    f1: Interval


@dataclass(frozen=True, slots=True)
class Calibration:
    """Every judge on every question, the human ceilings, and in sentences what stays unknown."""

    judges: tuple[JudgeCalibration, ...]
    ceilings: tuple[Ceiling, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Setup:
    level: float
    rng: np.random.Generator
    clusters: Clusters


def calibrate(
    labels: pa.Table,
    annotations: pa.Table | None = None,
    *,
    clusters: Clusters | None = None,
    level: float = 0.95,
    rng: np.random.Generator | None = None,
) -> Calibration:
    """Measure the annotator and every judge against human labels.

    Parameters
    ----------
    labels
        Rows of `trueup.schema.LABELS` from people, judges and rules.
    annotations
        Rows of `trueup.schema.ANNOTATIONS`: the annotator's answers to ``compliance``.
    clusters
        Prompt or user of each interaction, where interactions share one; else each stands alone.
    level
        Confidence level in (0, 1).
    rng
        Source of the bootstrap (default: a fixed seed, so that a report repeats).

    Raises
    ------
    UserError
        `level` is out of range.

    Notes
    -----
    Where people disagree, their majority is the truth; ties and ``unsure`` are left out. The
    figures describe the interactions that people labelled, unweighted: where the hard ones were
    picked for labelling, a judge looks worse here than on the whole log.
    """
    if not 0.0 < level < 1.0:
        raise UserError(
            f"level must be in the open interval (0, 1), got {level!r}.", "The default is 0.95."
        )
    setup = _Setup(level, np.random.default_rng(0) if rng is None else rng, clusters or {})
    people, others = _gather(labels)
    if annotations is not None:
        others.update(_annotator(annotations))
    judges = []
    for (question, source, name), given in sorted(others.items()):
        truth = {target: majority_of(question, votes) for target, votes in people[question].items()}
        judges.append(_judge(question, source, name, given, truth, setup))
    ceilings = tuple(_ceilings(labels, setup))
    return Calibration(tuple(judges), ceilings, tuple(_notes(people, judges, ceilings)))


def _gather(
    labels: pa.Table,
) -> tuple[dict[str, dict[str, list[str]]], dict[tuple[str, str, str], dict[str, str]]]:
    """Human votes by question and target; other answers by question, source and name."""
    people: dict[str, dict[str, list[str]]] = {q: defaultdict(list) for q in ANSWERS}
    others: dict[tuple[str, str, str], dict[str, str]] = defaultdict(dict)
    for row in labels.to_pylist():
        question, target, value = row["question"], row["target_id"], row["value"]
        if row["source"] == "human":
            people[question][target].append(value)
        else:
            others[question, row["source"], row["rater"] or "(unnamed)"][target] = value
    return people, dict(others)


def _annotator(annotations: pa.Table) -> dict[tuple[str, str, str], dict[str, str]]:
    """The annotator's answers, under one name whatever the version: a log is annotated by one."""
    ids, given = annotations["interaction_id"].to_pylist(), annotations["compliance"].to_pylist()
    versions = sorted(set(annotations["annotator_version"].to_pylist()))
    name = versions[0] if len(versions) == 1 else f"{len(versions)} versions"
    return {("compliance", "annotator", name): dict(zip(ids, given, strict=True))} if ids else {}


def _judge(
    question: str, source: str, name: str, given: Answers, truth: Answers, setup: _Setup
) -> JudgeCalibration:
    open_answer = UNDECIDED[question]
    unread = sum(value == open_answer for value in given.values())
    both = sorted(
        target
        for target in given.keys() & truth.keys()
        if open_answer not in (given[target], truth[target])
    )
    right, said = [truth[t] for t in both], [given[t] for t in both]
    groups = _codes([setup.clusters.get(t, ("", t)) for t in both])
    yes, judged = _positive(question, right), _positive(question, said)
    return JudgeCalibration(
        judge=name,
        source=source,
        question=question,
        answers=len(given),
        undetermined=clopper_pearson(unread, len(given), setup.level),
        n=len(both),
        agreement=_alike(right, said, groups, setup),
        kappa=cohen_kappa(yes, judged, groups, setup.level, rng=setup.rng, draws=_DRAWS),
        f1=f1_score(yes, judged, groups, setup.level, rng=setup.rng, draws=_DRAWS),
        errors=error_rates(yes, judged, groups, setup.level),
        confusion=dict(sorted(Counter(zip(right, said, strict=True)).items())),
    )


def _codes(values: Sequence[object]) -> np.ndarray:
    seen: dict[object, int] = {}
    return np.array([seen.setdefault(value, len(seen)) for value in values], dtype=np.int64)


def _positive(question: str, values: Sequence[str]) -> np.ndarray:
    return np.array([value in POSITIVE[question] for value in values], dtype=np.int64)


def _alike(a: Sequence[str], b: Sequence[str], groups: np.ndarray, setup: _Setup) -> Interval:
    same = np.array([x == y for x, y in zip(a, b, strict=True)], dtype=np.float64)
    if len(np.unique(groups)) == len(same):
        return clopper_pearson(int(same.sum()), len(same), setup.level)
    return cluster_mean(same, groups, setup.level)


def _ceilings(labels: pa.Table, setup: _Setup) -> Iterator[Ceiling]:
    votes: dict[str, dict[str, dict[str, str]]] = {q: defaultdict(dict) for q in ANSWERS}
    for row in labels.to_pylist():
        if row["source"] == "human" and row["value"] != UNDECIDED[row["question"]]:
            votes[row["question"]][row["target_id"]][row["rater"] or "(unnamed)"] = row["value"]
    for question, by_target in votes.items():
        shared = {t: given for t, given in sorted(by_target.items()) if len(given) > 1}
        if shared:
            yield _ceiling(question, shared, setup)


def _ceiling(question: str, shared: Mapping[str, Answers], setup: _Setup) -> Ceiling:
    left: list[str] = []
    right: list[str] = []
    owner: list[object] = []
    for target, given in shared.items():
        for a, b in permutations(sorted(given), 2):
            left.append(given[a])
            right.append(given[b])
            owner.append(setup.clusters.get(target, ("", target)))
    groups = _codes(owner)
    yes, said = _positive(question, left), _positive(question, right)
    return Ceiling(
        question=question,
        raters=len({rater for given in shared.values() for rater in given}),
        n=len(shared),
        agreement=_alike(left, right, groups, setup),
        kappa=cohen_kappa(yes, said, groups, setup.level, rng=setup.rng, draws=_DRAWS),
        f1=f1_score(yes, said, groups, setup.level, rng=setup.rng, draws=_DRAWS),
    )


def _notes(
    people: Mapping[str, Mapping[str, Sequence[str]]],
    judges: Sequence[JudgeCalibration],
    ceilings: Sequence[Ceiling],
) -> Iterator[str]:
    asked = {judge.question for judge in judges}
    for question in ANSWERS:
        if question not in asked:
            continue
        if not people[question]:
            yield f"No human labels for '{question}': nothing to compare the judges with."
        elif not any(c.question == question for c in ceilings):
            yield (
                f"No interaction has two human answers to '{question}': "
                "how far people agree is unknown."
            )
    for judge in judges:
        if people[judge.question] and judge.n == 0:
            yield (
                f"{judge.judge} and people decided no interaction in common on '{judge.question}'."
            )
