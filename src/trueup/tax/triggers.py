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
    """The distinct prompts: which terms they hold and how much traffic they carry."""

    terms: list[str]
    holds: sparse.csc_matrix
    of_row: NDArray[np.int64]
    legit_mass: FloatArray  # rows of legitimate traffic
    refused_mass: FloatArray  # of them refused
    case: FloatArray  # chance that the prompt is legitimate and refused
    control: FloatArray  # chance that it is legitimate and answered


def trigger_terms(
    sample: PromptSample, found: Survey, level: float, limit: int = MAX_TERMS
) -> tuple[TriggerTerm, ...]:
    """Terms ranked by the legitimate traffic refused with them above the base rate.

    Each distinct prompt counts once in the test (hypergeometric, one-sided), so that one repeated
    prompt proves nothing. Terms are taken greedily: after each, the prompts that hold it are set
    aside, so that a term that merely rides along falls away.
    """
    if len(sample) == 0 or sample.wrongful.sum() < _LEAST_REFUSED:
        return ()
    prompts = _distinct(sample)
    if not prompts.terms:
        return ()
    total = float(prompts.legit_mass.sum())
    left = np.ones(len(prompts.legit_mass))
    chosen: list[TriggerTerm] = []
    while len(chosen) < limit:
        best = _best(prompts, left, total)
        if best is None:
            break
        chosen.append(_described(prompts, best, sample, found, level, total))
        left[prompts.holds[:, best].indices] = 0.0
    return tuple(sorted(chosen, key=lambda term: -term.lost_points))


def _distinct(sample: PromptSample) -> _Prompts:
    texts, of_row = np.unique(sample.prompt.astype(str), return_inverse=True)
    size = len(texts)
    mass = np.bincount(of_row, sample.weight * sample.legit, minlength=size).astype(np.float64)
    wrongful = sample.weight * sample.wrongful
    refused = np.bincount(of_row, wrongful, minlength=size).astype(np.float64)
    rows = np.bincount(of_row, minlength=size)
    legit = np.bincount(of_row, sample.legit, minlength=size) / rows
    share = np.divide(refused, mass, out=np.zeros(size), where=mass > 0)
    terms, holds = _term_matrix(list(texts))
    return _Prompts(terms, holds, of_row, mass, refused, legit * share, legit * (1.0 - share))


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


def _best(prompts: _Prompts, left: FloatArray, total: float) -> int | None:
    """The significant term that carries most refusals above base among the prompts left."""
    from scipy import stats

    holds = prompts.holds.T
    mass, refused = prompts.legit_mass * left, prompts.refused_mass * left
    with_mass, with_refused = holds @ mass, holds @ refused
    without = (refused.sum() - with_refused) / np.maximum(mass.sum() - with_mass, 1e-9)
    rate = with_refused / np.maximum(with_mass, 1e-9)
    lost = (with_refused - without * with_mass) / total
    case, control = prompts.case * left, prompts.control * left
    k1, k0 = np.round(holds @ case), np.round(holds @ control)
    n1, n0 = round(case.sum()), round(control.sum())
    p = stats.hypergeom.sf(k1 - 1, n1 + n0, np.minimum(k1 + k0, n1 + n0), n1)
    candidate = (
        (k1 >= _LEAST_REFUSED) & (k1 + k0 >= _LEAST_PROMPTS) & (rate >= _LEAST_LIFT * without)
    )
    tested = np.where(np.isfinite(p), p, 1.0)
    fine = candidate & (stats.false_discovery_control(tested) <= _FALSE_SHARE) & (lost > 0)
    if not fine.any():
        return None
    # Of two equal terms the shorter one is the plainer.
    order = np.lexsort((np.array([len(t) for t in prompts.terms]), -np.round(lost, 9)))
    return int(next(i for i in order if fine[i]))


def _described(
    prompts: _Prompts, index: int, sample: PromptSample, found: Survey, level: float, total: float
) -> TriggerTerm:
    holding = np.zeros(len(prompts.legit_mass), dtype=bool)
    holding[prompts.holds[:, index].indices] = True
    with_mass = float(prompts.legit_mass[holding].sum())
    with_refused = float(prompts.refused_mass[holding].sum())
    rest = float(prompts.legit_mass.sum()) - with_mass
    base = (float(prompts.refused_mass.sum()) - with_refused) / rest if rest > 0 else math.nan
    rows = holding[prompts.of_row] & (sample.legit > 0)
    interval = cluster_mean(
        sample.refused[rows],
        prompts.of_row[rows],
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
        layer=_main_layer(sample, rows, found),
        example_ids=examples_of(sample, rows),
    )


def _main_layer(sample: PromptSample, rows: NDArray[np.bool_], found: Survey) -> str | None:
    """The layer that carries most of the wrongful refusals; None for the model itself."""
    blocks, mass = sample.block[rows], (sample.weight * sample.wrongful)[rows]
    if not len(blocks):
        return None
    totals = {int(code): float(mass[blocks == code].sum()) for code in np.unique(blocks)}
    return layer_name(max(totals, key=lambda code: totals[code]), found)


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
