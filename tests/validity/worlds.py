"""Simulated logs with a known truth, for coverage: written for these tests, no outside origin.

A row is legitimate with probability 0.9; a legitimate one is refused with the world's prevalence θ,
another with probability 0.6. θ = P(refused | legitimate) is the target. Clustered worlds draw each
user's own refusal rate from Beta(9θ, 9(1 − θ)), intraclass correlation 0.1, with uneven numbers of
rows per user.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.stats import Estimate, Population, Sample, neyman_allocation, ppi_ratio

Array = NDArray[np.float64]

ROWS = 10_000
USERS = 1_000
BUCKETS = 400
EDGES = (0.02, 0.1, 0.3, 0.7)  # annotator score at which strata divide
PREVALENCES = (0.001, 0.01, 0.05, 0.30)
LABELS = (10, 30, 100, 500)
ANNOTATORS = ("good", "biased", "useless", "blind")
DESIGNS = ("uniform", "stratified")


@dataclass(frozen=True)
class World:
    """What to simulate."""

    prevalence: float
    clustered: bool
    annotator: str


@dataclass(frozen=True)
class Log:
    """One simulated log: truth, predictions, users and strata per row."""

    user: NDArray[np.int64]
    stratum: NDArray[np.int64]
    refused: Array
    legitimate: Array
    refused_hat: Array
    legitimate_hat: Array

    def population(self) -> Population:
        """The GROUP BY over stratum and hash bucket of the user."""
        key = self.stratum * BUCKETS + self.user % BUCKETS
        size = (len(EDGES) + 1) * BUCKETS
        n = np.bincount(key, minlength=size)
        top = np.bincount(key, self.refused_hat * self.legitimate_hat, minlength=size)
        bottom = np.bincount(key, self.legitimate_hat, minlength=size)
        cell = np.flatnonzero(n)
        return Population(cell // BUCKETS, cell % BUCKETS, n[cell], top[cell], bottom[cell])

    def sample(self, rows: NDArray[np.int64], probability: Array) -> Sample:
        """Labels for `rows`, drawn with `probability`."""
        return Sample(
            stratum=self.stratum[rows],
            cluster=self.user[rows],
            probability=probability,
            numerator=(self.refused * self.legitimate)[rows],
            denominator=self.legitimate[rows],
            numerator_hat=(self.refused_hat * self.legitimate_hat)[rows],
            denominator_hat=self.legitimate_hat[rows],
        )


def worlds() -> Iterator[World]:
    """Every combination of prevalence, dependence and annotator."""
    for prevalence in PREVALENCES:
        for clustered in (False, True):
            for annotator in ANNOTATORS:
                yield World(prevalence, clustered, annotator)


def simulate(world: World, rng: np.random.Generator, rows: int = ROWS) -> Log:
    """Draw a log."""
    if world.clustered:
        popularity = rng.gamma(0.7, size=USERS)
        user = np.sort(rng.choice(USERS, size=rows, p=popularity / popularity.sum()))
        rate = rng.beta(9 * world.prevalence, 9 * (1 - world.prevalence), size=USERS)[user]
    else:
        user, rate = np.arange(rows), np.full(rows, world.prevalence)
    legitimate = rng.random(rows) < 0.9
    refused = rng.random(rows) < np.where(legitimate, rate, 0.6)
    refused_hat, legitimate_hat = _annotate(world.annotator, refused, legitimate, user, rng)
    stratum = np.searchsorted(EDGES, refused_hat * legitimate_hat, side="right")
    truth = (refused.astype(float), legitimate.astype(float))
    return Log(user, stratum, *truth, refused_hat, legitimate_hat)


def _annotate(
    kind: str,
    refused: NDArray[np.bool_],
    legitimate: NDArray[np.bool_],
    user: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    n = len(refused)
    if kind == "good":
        yes, no = rng.beta(9, 1, n), rng.beta(0.3, 9, n)
        right, wrong = rng.beta(12, 1, n), rng.beta(1, 4, n)
        return np.where(refused, yes, no), np.where(legitimate, right, wrong)
    if kind == "biased":  # misses half of the refusals and fires on a fifth of the rest
        fires = rng.random(n) < np.where(refused, 0.5, 0.2)
        passes = rng.random(n) < np.where(legitimate, 0.98, 0.6)
        return fires.astype(float), passes.astype(float)
    if kind == "blind":  # right, except that it misses every refusal of one user in ten
        seen = user % 10 > 0
        return np.where(seen, refused, False).astype(float), legitimate.astype(float)
    return rng.random(n), rng.random(n)


def draw(log: Log, population: Population, n: int, design: str, rng: np.random.Generator) -> Sample:
    """Label n rows: uniformly, or by annotator score with unequal known probabilities."""
    if design == "uniform":
        rows = rng.choice(len(log.user), size=n, replace=False)
        return log.sample(rows, np.full(n, n / len(log.user)))
    strata = len(EDGES) + 1
    sizes = np.bincount(log.stratum, minlength=strata)
    top = np.bincount(population.stratum, population.numerator, minlength=strata)
    guess = top / np.maximum(sizes, 1)
    probability = neyman_allocation(sizes, np.sqrt(guess * (1 - guess)), n)
    # Systematic sampling in random order within strata: fixed size, exactly these probabilities.
    order = np.lexsort((rng.random(len(log.stratum)), log.stratum))
    ticks = np.floor(np.cumsum(probability[log.stratum[order]]) + rng.random())
    rows = order[np.flatnonzero(np.diff(ticks, prepend=0.0) > 0)]
    return log.sample(rows, probability[log.stratum[rows]])


def humans_only(population: Population, sample: Sample, level: float = 0.95) -> Estimate:
    """The interval from the labels alone: predictions and strata that say nothing."""
    flat = np.zeros_like(population.stratum)
    blank = Population(flat, population.bucket, population.n, 0.0 * population.n, population.n)
    n = len(sample)
    labels = Sample(
        np.zeros(n, dtype=np.int64),
        sample.cluster,
        sample.probability,
        sample.numerator,
        sample.denominator,
        np.zeros(n),
        np.ones(n),
    )
    return ppi_ratio(blank, labels, level=level)
