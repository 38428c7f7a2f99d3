"""Words in prompts that go with being wrongly refused."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.stats import Estimate, cluster_mean
from trueup.tax.facts import PROVIDER, PROVIDER_CODE
from trueup.tax.prompts import PromptSample, terms_of
from trueup.tax.result import TriggerTerm

if TYPE_CHECKING:
    from scipy import sparse

    from trueup.tax.survey import Survey

__all__ = ["trigger_terms"]

FloatArray = NDArray[np.float64]

MAX_TERMS = 12
_FALSE_SHARE = 0.05  # of the terms shown, expected to be there by chance (Benjamini-Hochberg)
_LEAST_PROMPTS = 4  # distinct prompts that a term must occur in
_LEAST_REFUSED = 2.5  # of them, wrongly refused (chances summed)
_LEAST_LIFT = 1.5
_VOCABULARY = 60_000
_METHOD = "annotator's word, human answers where given; sampled rows, distinct prompts tested"


@dataclass(frozen=True)
class _Prompts:
    """The distinct prompts: which terms they hold and how much traffic they carry.

    `refused_mass` and `case` have a row per source of refusals, in the order of `sources`: codes of
    the layers, and -1 for the model.
    """

    terms: list[str]
    holds: sparse.csc_matrix
    of_row: NDArray[np.int64]
    sources: tuple[int, ...]
    legit_mass: FloatArray  # rows of legitimate traffic
    refused_mass: FloatArray  # of them refused by this source
    legit: FloatArray  # chance that the prompt is legitimate
    case: FloatArray  # chance that it is, and is refused by this source


def trigger_terms(
    sample: PromptSample, found: Survey, level: float, limit: int = MAX_TERMS
) -> tuple[TriggerTerm, ...]:
    """Terms ranked by the legitimate traffic refused with them above the base rate.

    Each term is tested against each layer (and the model): a word list shows against its own base
    rate, not against everybody's. Each distinct prompt counts once in the test (hypergeometric,
    one-sided), so that one repeated prompt proves nothing. Terms are taken greedily: after each,
    the prompts that hold it are set aside, so that a term that merely rides along falls away.
    """
    if len(sample) == 0 or sample.wrongful.sum() < _LEAST_REFUSED:
        return ()
    prompts = _distinct(sample)
    if not prompts.terms:
        return ()
    left = np.ones(len(prompts.legit_mass))
    chosen: list[TriggerTerm] = []
    while len(chosen) < limit:
        best = _best(prompts, left)
        if best is None:
            break
        source, term = best
        chosen.append(_described(prompts, source, term, sample, found, level))
        left[prompts.holds[:, term].indices] = 0.0
    return tuple(sorted(chosen, key=lambda term: -term.lost_points))


def _distinct(sample: PromptSample) -> _Prompts:
    texts, of_row = np.unique(sample.prompt.astype(str), return_inverse=True)
    size = len(texts)

    def total(values: FloatArray) -> FloatArray:
        return np.bincount(of_row, values, minlength=size).astype(np.float64)

    sources = tuple(int(code) for code in np.unique(sample.block[sample.wrongful > 0]))
    mass = total(sample.weight * sample.legit)
    wrongful = sample.weight * sample.wrongful
    refused = np.stack([total(wrongful * (sample.block == code)) for code in sources])
    legit = total(sample.legit) / np.bincount(of_row, minlength=size)
    share = np.divide(refused, mass, out=np.zeros_like(refused), where=mass > 0)
    terms, holds = _term_matrix(list(texts))
    return _Prompts(terms, holds, of_row, sources, mass, refused, legit, legit * share)


def _term_matrix(texts: list[str]) -> tuple[list[str], Any]:
    from scipy import sparse

    found = [terms_of(text) for text in texts]
    counts: Counter[str] = Counter()
    for terms in found:
        counts.update(terms)
    frequent = [term for term, n in counts.most_common(_VOCABULARY) if n >= _LEAST_PROMPTS]
    place = {term: i for i, term in enumerate(frequent)}
    columns: list[int] = []
    starts = [0]
    for terms in found:
        columns.extend(sorted(place[term] for term in terms if term in place))
        starts.append(len(columns))
    shape = (len(texts), len(frequent))
    data = np.ones(len(columns))
    return frequent, sparse.csr_matrix((data, columns, starts), shape=shape).tocsc()


def _best(prompts: _Prompts, left: FloatArray) -> tuple[int, int] | None:
    """Source and term, significant, that carry most refusals above base among the prompts left."""
    from scipy import stats

    holds = prompts.holds.T
    mass, legit = prompts.legit_mass * left, prompts.legit * left
    with_mass, with_legit = holds @ mass, np.round(holds @ legit)
    lost, p = [], []
    for refused, case in zip(prompts.refused_mass * left, prompts.case * left, strict=True):
        with_refused = holds @ refused
        base = (refused.sum() - with_refused) / np.maximum(mass.sum() - with_mass, 1e-9)
        above = with_refused - base * with_mass
        cases = np.minimum(np.round(holds @ case), with_legit)
        fair = (cases >= _LEAST_REFUSED) & (with_legit >= _LEAST_PROMPTS)
        fair &= with_refused >= _LEAST_LIFT * base * with_mass
        n, n_cases = round(legit.sum()), min(round(case.sum()), round(legit.sum()))
        tail = stats.hypergeom.sf(cases - 1, n, np.minimum(with_legit, n), n_cases)
        p.append(np.where(np.isfinite(tail), tail, 1.0))
        lost.append(np.where(fair, above, 0.0))
    gain, chance = np.array(lost), np.array(p)
    small = stats.false_discovery_control(chance.ravel()).reshape(chance.shape)
    gain[small > _FALSE_SHARE] = 0.0
    if not (gain > 0).any():
        return None
    # Of two equal terms the shorter one is the plainer.
    length = np.array([len(term) for term in prompts.terms])
    source, term = np.unravel_index(int(np.argmax(gain - 1e-9 * length)), gain.shape)
    return int(source), int(term)


def _described(
    prompts: _Prompts, source: int, index: int, sample: PromptSample, found: Survey, level: float
) -> TriggerTerm:
    holding = np.zeros(len(prompts.legit_mass), dtype=bool)
    holding[prompts.holds[:, index].indices] = True
    refused_mass = prompts.refused_mass.sum(axis=0)
    total = float(prompts.legit_mass.sum())
    with_mass = float(prompts.legit_mass[holding].sum())
    with_refused = float(refused_mass[holding].sum())
    rest = total - with_mass
    base = (float(refused_mass.sum()) - with_refused) / rest if rest > 0 else math.nan
    rows = holding[prompts.of_row] & (sample.legit > 0)
    interval = cluster_mean(
        sample.refused[rows],
        sample.cluster[rows],
        level,
        weights=sample.weight[rows] * sample.legit[rows],
    )
    refused = Estimate(
        name="refused_with_term",
        value=interval.value,
        low=interval.low,
        high=interval.high,
        level=level,
        n=round(with_mass),
        n_labeled=int(sample.labelled[rows].sum()),
        method=_METHOD,
        assumptions=("The interval is for sampling alone, not for the annotator's errors.",),
    )
    above = (with_refused - (0.0 if math.isnan(base) else base) * with_mass) / total
    return TriggerTerm(
        term=prompts.terms[index],
        n=round(with_mass),
        refused=refused,
        base=base,
        lost_points=100.0 * above,
        layer=layer_name(prompts.sources[source], found),
        example_ids=examples_of(sample, rows),
    )


def layer_name(code: int, found: Survey) -> str | None:
    """Name behind a `block` code; None when no layer blocked."""
    if code == PROVIDER_CODE:
        return PROVIDER
    if code < 0:
        return None
    names = found.layer_names
    return names[code] if code < len(names) else "other layers"


def examples_of(sample: PromptSample, rows: NDArray[np.bool_], limit: int = 4) -> tuple[str, ...]:
    """Ids of the surest wrongful refusals among the rows, labelled ones first, no prompt twice."""
    index = np.flatnonzero(rows & (sample.wrongful > 0.3))
    order = index[np.lexsort((sample.id[index], -sample.wrongful[index], ~sample.labelled[index]))]
    out: dict[str, str] = {}
    for i in order:
        out.setdefault(sample.prompt[i], str(sample.id[i]))
        if len(out) == limit:
            break
    return tuple(out.values())
