"""Groups of similar prompts among the wrongful refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.tax.prompts import PromptSample, terms_of
from trueup.tax.result import PromptCluster
from trueup.tax.triggers import examples_of

__all__ = ["prompt_clusters"]

LEAST = 20  # wrongful refusals below which groups would be accidents
_MOST = 5_000
_GROUPS = range(2, 9)
_DIMENSIONS = 24


def prompt_clusters(sample: PromptSample, rng: np.random.Generator) -> tuple[PromptCluster, ...]:
    """Group the likely wrongful refusals by their words; empty below 20 distinct prompts.

    TF-IDF, truncated SVD, k-means; the number of groups, 2 to 8, is the one with the best
    Caliński-Harabasz score (1974, Communications in Statistics 3:1).
    """
    surest = np.flatnonzero(sample.wrongful >= 0.5)
    texts, first = np.unique(sample.prompt[surest].astype(str), return_index=True)
    if len(texts) < LEAST:
        return ()
    if len(texts) > _MOST:
        keep = np.sort(rng.choice(len(texts), _MOST, replace=False))
        texts, first = texts[keep], first[keep]
    features, names = _features(list(texts))
    if features is None:
        return ()
    space = _reduced(features, rng)
    groups = _grouped(space, rng)
    mass = _mass(sample, surest, texts)
    out = [_described(sample, texts, groups == g, features, names, mass) for g in np.unique(groups)]
    return tuple(sorted((c for c in out if c.terms), key=lambda c: -c.share))


def _features(texts: list[str]) -> tuple[Any, list[str]]:
    """Rows of unit length: log-scaled inverse document frequency of the terms held."""
    from scipy import sparse

    held = [terms_of(text) for text in texts]
    counts: dict[str, int] = {}
    for terms in held:
        for term in terms:
            counts[term] = counts.get(term, 0) + 1
    names = sorted(term for term, n in counts.items() if 2 <= n <= 0.8 * len(texts))
    if len(names) < 3:
        return None, []
    place = {name: i for i, name in enumerate(names)}
    idf = np.log(len(texts) / np.array([counts[name] for name in names]))
    columns = [sorted(place[t] for t in terms if t in place) for terms in held]
    starts = np.cumsum([0] + [len(c) for c in columns])
    flat = np.array([i for c in columns for i in c], dtype=np.int64)
    matrix = sparse.csr_matrix((idf[flat], flat, starts), shape=(len(texts), len(names)))
    length = np.sqrt(matrix.multiply(matrix).sum(axis=1)).A1
    return sparse.diags(1.0 / np.maximum(length, 1e-9)) @ matrix, names


def _reduced(features: Any, rng: np.random.Generator) -> NDArray[np.float64]:
    from scipy.sparse.linalg import svds

    k = min(_DIMENSIONS, min(features.shape) - 1)
    left, values, _ = svds(features, k=k, v0=rng.standard_normal(min(features.shape)))
    space = left * values
    return space / np.maximum(np.linalg.norm(space, axis=1, keepdims=True), 1e-9)


def _grouped(space: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    from scipy.cluster.vq import kmeans2

    best, best_score = np.zeros(len(space), dtype=np.int64), -np.inf
    for k in _GROUPS:
        if k * 5 > len(space):
            break
        centres, groups = kmeans2(space, k, minit="++", rng=rng, missing="warn")
        score = _separation(space, centres, groups)
        if score > best_score:
            best, best_score = groups.astype(np.int64), score
    return best


def _separation(
    space: NDArray[np.float64], centres: NDArray[np.float64], groups: NDArray[Any]
) -> float:
    """Caliński-Harabasz: variance between groups over variance within."""
    sizes = np.bincount(groups, minlength=len(centres))
    if (sizes == 0).any():
        return -np.inf
    within = float(((space - centres[groups]) ** 2).sum())
    between = float((sizes * ((centres - space.mean(axis=0)) ** 2).sum(axis=1)).sum())
    k, n = len(centres), len(space)
    return (between / (k - 1)) / max(within / (n - k), 1e-12)


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
    inside: NDArray[np.bool_],
    features: Any,
    names: list[str],
    mass: NDArray[np.float64],
) -> PromptCluster:
    score = np.asarray(features[inside].mean(axis=0)).ravel()
    score = score - np.asarray(features.mean(axis=0)).ravel()
    top = [names[i] for i in np.argsort(-score)[:12] if score[i] > 0]
    mine = np.isin(sample.prompt.astype(str), texts[inside])
    return PromptCluster(
        terms=tuple(_distinct_terms(top)[:5]),
        n=round(float(mass[inside].sum())),
        share=float(mass[inside].sum() / mass.sum()),
        example_ids=examples_of(sample, mine),
    )


def _distinct_terms(terms: list[str]) -> list[str]:
    """Drop a term whose words were named already."""
    out: list[str] = []
    seen: set[str] = set()
    for term in terms:
        words = set(term.split())
        if not words <= seen:
            out.append(term)
            seen |= words
    return out
