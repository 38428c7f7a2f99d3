"""Prediction-powered rates: millions of cheap predictions corrected by a few human labels.

The quantity is a ratio θ = E[numerator] / E[denominator], for example P(refused | legitimate) with
numerator 1{refused and legitimate} and denominator 1{legitimate}. Predictions of both are summed
over the whole log in the warehouse (`Population`); humans answer for a sample (`Sample`).

References: Angelopoulos, Bates, Fannjiang, Jordan & Zrnic (2023, Science 382:669); Angelopoulos,
Duchi & Zrnic (2023, PPI++, arXiv:2311.01453) for power tuning; Fieller (1954) for inverting the
test of E[numerator − θ·denominator] = 0; `trueup.stats.skewed` for the limits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from trueup.stats import _check
from trueup.stats._fieller import invert
from trueup.stats._labelled import MIN_TO_TUNE, LabelledMoments, equal_probabilities
from trueup.stats._population import PredictedMoments
from trueup.stats.estimate import Estimate, Interval
from trueup.stats.intervals import clopper_pearson
from trueup.stats.ppi_inputs import Population, Sample

__all__ = ["Population", "Sample", "ppi_mean", "ppi_ratio", "prediction_interval"]

Target = Literal["traffic", "log"]

_TRUTH = "Human labels are taken as the truth."
_DRAWN = "Labelled rows were drawn with the recorded probabilities, none of which was zero."
_INDEPENDENT = "Users (or conversations) are independent of each other."
_UNREACHED = "Part of the log has no labels beyond chance; its truth is left open."


def ppi_ratio(
    population: Population,
    sample: Sample | None,
    *,
    level: float = 0.95,
    target: Target = "traffic",
    name: str = "ratio",
    segment: str | None = None,
    layer: str | None = None,
) -> Estimate:
    """Estimate θ = E[numerator] / E[denominator] from predictions for all rows and labels for some.

    Parameters
    ----------
    population
        Sums of predictions over every row of the segment.
    sample
        The labelled rows of the same segment; None or empty gives the predicted rate with the
        interval [0, 1], marked unverified.
    level
        Confidence level in (0, 1).
    target
        "traffic": the rate of the traffic that the log was drawn from; a small log is then
        uncertain even when every row is labelled. "log": the rate of these very rows.
    name, segment, layer
        Carried into the result.

    Returns
    -------
    Estimate
        `value` NaN when neither predictions nor labels say anything (an empty segment).

    Raises
    ------
    ValueError
        A labelled row lies in a stratum that the population does not have.

    Notes
    -----
    Within each stratum the labelled rows are weighted by 1/probability and their residuals from
    the λ-scaled prediction are averaged; λ is tuned leaving the row's own cluster out (PPI++,
    eq. 11, for a sample that is part of the population, where the optimum is the regression
    slope). Variances are sums over clusters (labels) and buckets (population).

    Voided by: probabilities that were not those used; rows that could never be picked; clusters
    that depend on each other; human answers that are not the truth.
    """
    level = _check.open_unit("level", level)
    labelled = Sample.empty() if sample is None else sample
    _known_strata(population, labelled)
    if target not in ("traffic", "log"):
        raise ValueError(f"target must be 'traffic' or 'log', got {target!r}")
    answer = _answer(population, labelled, level, target)
    return Estimate(
        name=name,
        value=answer.interval.value,
        low=answer.interval.low,
        high=answer.interval.high,
        level=level,
        n=round(population.size),
        n_labeled=len(labelled),
        method=answer.method,
        assumptions=answer.assumptions,
        segment=segment,
        layer=layer,
    )


def ppi_mean(
    population: Population,
    sample: Sample | None,
    *,
    level: float = 0.95,
    target: Target = "traffic",
    name: str = "mean",
    segment: str | None = None,
    layer: str | None = None,
) -> Estimate:
    """Estimate E[numerator]: `ppi_ratio` with every denominator set to 1."""
    whole = replace(population, denominator=population.n)
    labelled = Sample.empty() if sample is None else sample
    ones = np.ones(len(labelled))
    labelled = replace(labelled, denominator=ones, denominator_hat=ones)
    return ppi_ratio(
        whole, labelled, level=level, target=target, name=name, segment=segment, layer=layer
    )


def prediction_interval(population: Population, level: float = 0.95) -> Interval:
    """What the annotator says: the ratio of its sums, with the sampling interval over buckets.

    It tells how far the annotator's rate would move on other traffic of the same kind, not how far
    the annotator is from the truth. Without rows, or with a predicted denominator of 0: value NaN,
    interval [0, 1].
    """
    level = _check.open_unit("level", level)
    return invert(PredictedMoments(population), level, round(population.size))


@dataclass(frozen=True)
class _Answer:
    interval: Interval
    method: str
    assumptions: tuple[str, ...]


def _known_strata(population: Population, sample: Sample) -> None:
    present = np.unique(population.stratum[population.n > 0])
    unknown = np.setdiff1d(sample.stratum, present)
    if len(unknown):
        raise ValueError(f"stratum of a labelled row must occur in population, got {unknown[0]}")


def _answer(population: Population, sample: Sample, level: float, target: Target) -> _Answer:
    if len(sample) == 0:
        return _unverified(population, level, "prediction only, unverified", ())
    if sample.denominator.sum() <= 0:
        seen = f"None of the {len(sample)} labelled rows belongs to the denominator."
        return _unverified(population, level, "prediction only, no label applies", (seen,))
    if _plain_binomial(sample):
        return _exact(sample, level)
    if len(np.unique(sample.cluster)) < 2:
        seen = "All labels come from one user; nothing is known about others."
        return _unverified(population, level, "prediction only, labels of one user", (seen,))
    moments = LabelledMoments(population, sample, log_is_drawn=target == "traffic")
    interval = invert(moments, level, len(sample))
    if math.isnan(interval.value):
        seen = "The labels are too few and too unequal to fix the denominator."
        return _unverified(population, level, "prediction only, too few labels", (seen,))
    return _Answer(interval, _method(moments), _assumptions(moments))


def _unverified(
    population: Population, level: float, method: str, extra: tuple[str, ...]
) -> _Answer:
    value = prediction_interval(population, level).value
    size = round(population.size)
    assumptions = (*extra, "The value is the annotator's own; how wrong it is, is unknown.")
    return _Answer(Interval(value, 0.0, 1.0, level, size), method, assumptions)


def _plain_binomial(sample: Sample) -> bool:
    """Few independent, equally likely 0/1 labels: the exact binomial interval applies."""
    return (
        len(sample) < MIN_TO_TUNE
        and equal_probabilities(sample)
        and len(np.unique(sample.cluster)) == len(sample)
        and bool(np.isin(sample.numerator, (0.0, 1.0)).all())
        and bool(np.isin(sample.denominator, (0.0, 1.0)).all())
    )


def _exact(sample: Sample, level: float) -> _Answer:
    n = int(sample.denominator.sum())
    interval = clopper_pearson(int(sample.numerator.sum()), n, level)
    plural = "" if n == 1 else "s"
    assumptions = ("Labelled rows were drawn uniformly at random and are independent.", _TRUTH)
    return _Answer(interval, f"Clopper–Pearson on {n} label{plural}", assumptions)


def _method(moments: LabelledMoments) -> str:
    parts = ["prediction-powered" if moments.scale >= 0.01 else "human labels"]
    if moments.n_groups > 1:
        parts.append("stratified")
    if not moments.equal_weights:
        parts.append("weighted")
    if moments.n_clusters < moments.n:
        parts.append("clustered by user")
    return ", ".join(parts)


def _assumptions(moments: LabelledMoments) -> tuple[str, ...]:
    reach = () if moments.reach_is_full else (_UNREACHED,)
    return (_DRAWN, _INDEPENDENT, _TRUTH, *reach)
