"""Groups of similar prompts among the wrongful refusals."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.tax.prompts import PromptSample, terms_of
from trueup.tax.result import PromptCluster
from trueup.tax.triggers import examples_of

__all__ = ["prompt_clusters"]

LEAST = 20  # wrongful refusals below which groups would be accidents
_MOST = 5_000
_PER_GROUP = 25  # distinct prompts for each group made
_MOST_GROUPS = 8
_STARTS = 5
_DIMENSIONS = 24
_COMMON = 0.02  # share of all prompts from which a word counts as common
_TELLING = 1.5  # unless refused prompts hold it that much more often than their share
_NAMES = 5


@dataclass(frozen=True)
class _Background:
    """How many of the prompts, refused or not, hold each term; `empty`: the common words."""

    size: int
    counts: Counter[str]
    empty: frozenset[str]


def prompt_clusters(sample: PromptSample, rng: np.random.Generator) -> tuple[PromptCluster, ...]:
    """Group the likely wrongful refusals by their words; empty below 20 distinct prompts.

    TF-IDF, truncated SVD, k-means with k-means++ starts: one group for every 25 distinct prompts,
    2 to 8. A group is named by the words that it holds more often than prompts at large do.
    """
    surest = np.flatnonzero(sample.wrongful >= 0.5)
    texts = np.unique(sample.prompt[surest].astype(str))
    if len(texts) < LEAST:
        return ()
    if len(texts) > _MOST:
        texts = texts[np.sort(rng.choice(len(texts), _MOST, replace=False))]
    background = _background(sample)
    held = [_telling(text, background.empty) for text in texts]
    features = _features(held)
    if features is None:
        return ()
    groups = _grouped(_reduced(features, rng), rng)
    mass = _mass(sample, surest, texts)
    out = [
        _described(sample, texts, held, groups == g, background, mass) for g in np.unique(groups)
    ]
    return tuple(sorted((c for c in out if c.terms), key=lambda c: -c.share))


def _background(sample: PromptSample) -> _Background:
    texts, first = np.unique(sample.prompt.astype(str), return_index=True)
    if len(texts) > _MOST:
        step = -(-len(texts) // _MOST)
        texts, first = texts[::step], first[::step]
    refused = sample.wrongful[first] >= 0.5
    counts: Counter[str] = Counter()
    among: Counter[str] = Counter()
    for text, hit in zip(texts, refused, strict=True):
        terms = terms_of(text)
        counts.update(terms)
        if hit:
            among.update(terms)
    share = float(refused.mean())
    empty = frozenset(
        term
        for term, n in counts.items()
        if n > _COMMON * len(texts) and among[term] < _TELLING * share * n
    )
    return _Background(len(texts), counts, empty)


def _telling(text: str, empty: frozenset[str]) -> set[str]:
    """The terms of a prompt without common words, alone or in pairs."""
    return {t for t in terms_of(text) if t not in empty and not set(t.split()) & empty}


def _features(held: list[set[str]]) -> Any:
    """Rows of unit length: log-scaled inverse document frequency of the terms held."""
    from scipy import sparse

    counts = Counter(term for terms in held for term in terms)
    names = sorted(term for term, n in counts.items() if 2 <= n <= 0.8 * len(held))
    if len(names) < 3:
        return None
    place = {name: i for i, name in enumerate(names)}
    idf = np.log(len(held) / np.array([counts[name] for name in names]))
    columns = [sorted(place[t] for t in terms if t in place) for terms in held]
    starts = np.cumsum([0] + [len(c) for c in columns])
    flat = np.array([i for c in columns for i in c], dtype=np.int64)
    matrix = sparse.csr_matrix((idf[flat], flat, starts), shape=(len(held), len(names)))
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sparse.diags(1.0 / np.maximum(length, 1e-9)) @ matrix


def _reduced(features: Any, rng: np.random.Generator) -> NDArray[np.float64]:
    from scipy.sparse.linalg import svds

    k = min(_DIMENSIONS, min(features.shape) - 1)
    left, values, _ = svds(features, k=k, v0=rng.standard_normal(min(features.shape)))
    space = left * values
    return space / np.maximum(np.linalg.norm(space, axis=1, keepdims=True), 1e-9)


def _grouped(space: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """The tightest of a few k-means runs."""
    from scipy.cluster.vq import kmeans2

    k = min(_MOST_GROUPS, max(2, len(space) // _PER_GROUP))
    best, best_spread = np.zeros(len(space), dtype=np.int64), math.inf
    for _ in range(_STARTS):
        centres, groups = kmeans2(space, k, minit="++", rng=rng, missing="warn")
        spread = float(((space - centres[groups]) ** 2).sum())
        if spread < best_spread:
            best, best_spread = groups.astype(np.int64), spread
    return best


def _mass(
    sample: PromptSample, surest: NDArray[np.int64], texts: NDArray[Any]
) -> NDArray[np.float64]:
    """Wrongful refusals that each distinct prompt stands for."""
    place = {text: i for i, text in enumerate(texts)}
    mass = np.zeros(len(texts))
    for row in surest:
        i = place.get(str(sample.prompt[row]))
        if i is not None:
            mass[i] += sample.weight[row] * sample.wrongful[row]
    return mass


def _described(
    sample: PromptSample,
    texts: NDArray[Any],
    held: list[set[str]],
    inside: NDArray[np.bool_],
    background: _Background,
    mass: NDArray[np.float64],
) -> PromptCluster:
    mine = np.isin(sample.prompt.astype(str), texts[inside])
    return PromptCluster(
        terms=_names([held[i] for i in np.flatnonzero(inside)], background),
        n=round(float(mass[inside].sum())),
        share=float(mass[inside].sum() / mass.sum()),
        example_ids=examples_of(sample, mine),
    )


def _slight(term: str) -> bool:
    """Whether it is one or two Latin letters: a name should say more."""
    return term.isascii() and len(term) < 3


def _names(held: list[set[str]], background: _Background) -> tuple[str, ...]:
    """Terms by their part of the divergence between the group and prompts at large."""
    counts = Counter(term for terms in held for term in terms)
    score = {}
    for term, n in counts.items():
        usual = max(background.counts[term], 1) / background.size
        if n >= 2:
            score[term] = n / len(held) * math.log(n / len(held) / usual)
    out: list[str] = []
    seen: set[str] = set()
    for term in sorted(score, key=lambda t: (-score[t], t)):
        words = set(term.split())
        if score[term] > 0 and not words & seen and not _slight(term):
            out.append(term)
            seen |= words
        if len(out) == _NAMES:
            break
    return tuple(out)
