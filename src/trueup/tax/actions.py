"""Fix this first: candidates priced by what they win back and what they let through."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.stats import Estimate
from trueup.tax.candidates import Candidate, Pool, model_candidates, pool, stack_candidates
from trueup.tax.certified import certified_actions
from trueup.tax.legitimacy import Legitimacy
from trueup.tax.prompts import PromptSample
from trueup.tax.rates import Cells, Quantity, Rates, Ratio, sum_cells
from trueup.tax.result import Action, Behaviour, GroupRow, LayerRow, TriggerTerm
from trueup.tax.survey import Survey
from trueup.tax.triggers import examples_of
from trueup.tax.words import percent, points, points_between

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from trueup.store import Workspace

__all__ = ["Evidence", "actions"]

MAX_ACTIONS = 6
_LEAST_SHARE = 0.002  # of legitimate traffic
_OVERLAP = 0.6  # of the smaller one: more, and the two are one action
_MOST_OF_IT = 0.5
_FEW_HARMFUL = 10
_TOO_RISKY = 0.25  # of harmful traffic let through: no one should be advised to do that
_UPTO = "What the model itself would refuse of it is not known: this is the most that is won back."
_CHOSEN = "The threshold was chosen on these data: check it on fresh labels before relying on it."


@dataclass(frozen=True)
class Evidence:
    """What the report found so far, from which actions follow."""

    found: Survey
    rates: Rates
    cells: Cells
    quantities: dict[str, Quantity]
    legitimacy: Legitimacy
    layers: Sequence[LayerRow]
    segments: Sequence[GroupRow]
    triggers: Sequence[TriggerTerm]
    behaviours: Sequence[Behaviour]
    sample: PromptSample

    @property
    def n_harmful(self) -> int:
        """Labelled interactions that a person called harmful."""
        return int(self.rates.rows.harm.sum())


@dataclass(frozen=True)
class _Priced:
    candidate: Candidate
    recoverable: Estimate
    risk: Estimate
    example_ids: tuple[str, ...]


def actions(ws: Workspace, facts: ir.Table, seen: Evidence) -> tuple[Action, ...]:
    """What is worth doing: what is certified, then by what it wins back, without what overlaps.

    Refusals come before manners: an answer with a caveat is still an answer. A guess at a layer's
    threshold or action gives way to one that is certified.
    """
    certified, settled = certified_actions(ws)
    guessed = [
        one
        for one in _stack(ws, facts, seen)
        if one.candidate.kind == "allow" or one.candidate.layer not in settled
    ]
    out = [_action(one, seen.n_harmful) for one in guessed]
    out += [_action(one, seen.n_harmful) for one in _model(facts, seen)]
    out.sort(key=lambda action: -action.recoverable.value)
    return (*certified, *out[: max(1, MAX_ACTIONS - 1 - len(certified))], *_softer(seen))


def _stack(ws: Workspace, facts: ir.Table, seen: Evidence) -> list[_Priced]:
    with pool(ws, facts, seen.found, seen.layers, seen.triggers) as aside:
        if aside is None:
            return []
        proposals = stack_candidates(
            aside, seen.found, seen.rates.rows, seen.legitimacy, seen.segments
        )
        quantities = {**seen.quantities, **_quantities(proposals)}
        marked = aside.table.mutate(
            **{c.name: c.mark(aside.table).fill_null(False) for c in proposals}
        )
        cells = seen.cells.joined(sum_cells(marked, _quantities(proposals)))
        rates = seen.rates.with_facts(_labelled_marks(ws, aside, proposals, seen.rates))
        inside = _sampled_marks(marked, proposals, seen.sample)
    priced = [
        _price(c, quantities, cells, rates, examples_of(seen.sample, inside[c.name]))
        for c in proposals
    ]
    n_harmful = seen.n_harmful
    return _distinct([one for one in priced if _sensible(one, n_harmful)], cells)


def _quantities(proposals: Sequence[Candidate]) -> dict[str, Quantity]:
    """Won back of the legitimate, let through of the harmful, and what two actions share."""
    out: dict[str, Quantity] = {}
    for number, one in enumerate(proposals):
        out[f"{one.name}_legit"] = _times(one.name, "legit")
        out[f"{one.name}_harm"] = _times(one.name, "harm")
        for other in proposals[:number]:
            if one.layer == other.layer:
                out[_pair(other, one)] = _shared(other.name, one.name)
    return out


def _times(name: str, what: str) -> Quantity:
    return lambda r: r.fact(name) * getattr(r, what)


def _shared(first: str, second: str) -> Quantity:
    return lambda r: r.fact(first) * r.fact(second) * r.legit


def _pair(first: Candidate, second: Candidate) -> str:
    return f"{first.name}_and_{second.name}"


def _labelled_marks(
    ws: Workspace, aside: Pool, proposals: Sequence[Candidate], rates: Rates
) -> dict[str, NDArray[Any]]:
    """Which labelled rows each candidate concerns."""
    labels = ws.table("labels")
    targets = labels.filter(labels.source == "human").select(id=labels.target_id).distinct()
    got = aside.table.semi_join(targets, "id").to_pyarrow()
    columns = {
        name: np.asarray(got.column(name).to_numpy(zero_copy_only=False))
        for name in got.column_names
    }
    place = {key: i for i, key in enumerate(rates.rows.id)}
    where = [place.get(key, -1) for key in columns["id"]]
    out = {}
    for one in proposals:
        marks = np.zeros(len(place) + 1)  # the last entry takes what is not used
        marks[where] = np.asarray(one.mark(columns), dtype=np.float64)
        out[one.name] = marks[:-1]
    return out


def _sampled_marks(
    marked: ir.Table, proposals: Sequence[Candidate], sample: PromptSample
) -> dict[str, NDArray[np.bool_]]:
    """Which rows of the prompt sample each candidate concerns."""
    import ibis

    ids = sample.id.astype(str)
    likely = [str(key) for key in ids[sample.wrongful > 0.3]][:20_000]
    names = [one.name for one in proposals]
    if not likely:
        return {name: np.zeros(len(ids), dtype=bool) for name in names}
    wanted = ibis.memtable({"id": likely})
    got = marked.semi_join(wanted, "id").select("id", *names).to_pyarrow()
    keys = np.array(got.column("id").to_pylist(), dtype=str)
    return {
        name: np.isin(ids, keys[np.asarray(got.column(name).to_pylist(), dtype=bool)])
        for name in names
    }


def _model(facts: ir.Table, seen: Evidence) -> list[_Priced]:
    out = []
    for one in model_candidates(seen.found, seen.layers, seen.segments):
        flagged = facts.mutate(**{one.name: one.mark(facts).fill_null(False)})
        own: dict[str, Quantity] = {
            "model_legit": lambda r: r.refused * r.fact("model") * r.legit,
            "model_harm": lambda r: r.refused * r.fact("model") * r.harm,
        }
        cells = seen.cells.joined(sum_cells(flagged, own))
        rows = seen.rates.rows
        marks = one.mark(rows.facts) if len(rows) else np.empty(0)
        rates = seen.rates.with_facts({one.name: np.asarray(marks, dtype=np.float64)})
        examples = examples_of(seen.sample, np.asarray(one.mark(seen.sample.facts), dtype=bool))
        priced = _price(one, {**seen.quantities, **own}, cells, rates, examples)
        if priced.recoverable.value >= _LEAST_SHARE:
            out.append(priced)
    return out


def _price(
    one: Candidate,
    quantities: dict[str, Quantity],
    cells: Cells,
    rates: Rates,
    example_ids: tuple[str, ...],
) -> _Priced:
    notes = {"threshold": (_UPTO, _CHOSEN), "model": ()}.get(one.kind, (_UPTO,))
    rates = rates.noting(notes)
    by_response = one.kind == "model"
    won = Ratio("recoverable", f"{one.name}_legit", "legit", by_response)
    risk = Ratio("risk", f"{one.name}_harm", "harm", by_response)
    return _Priced(
        one,
        rates.estimate(won, quantities, cells, layer=one.layer),
        rates.estimate(risk, quantities, cells, layer=one.layer),
        example_ids,
    )


def _sensible(one: _Priced, n_harmful: int) -> bool:
    """Worth a person's time, and not known to open the gates."""
    if not one.recoverable.value >= _LEAST_SHARE:
        return False
    known = n_harmful >= _FEW_HARMFUL and not math.isnan(one.risk.value)
    return not (known and one.risk.value > _TOO_RISKY)


def _distinct(priced: Sequence[_Priced], cells: Cells) -> list[_Priced]:
    """One action for the same rows: a precise one that wins back most of it before a blunt one."""
    kept: list[_Priced] = []
    for one in sorted(priced, key=lambda p: -p.recoverable.value):
        twin = next((k for k in kept if _same(one.candidate, k.candidate, cells)), None)
        if twin is None:
            kept.append(one)
        elif _more_precise(one, twin):
            kept[kept.index(twin)] = one
    return kept


def _more_precise(one: _Priced, twin: _Priced) -> bool:
    kinds = (one.candidate.kind, twin.candidate.kind)
    enough = _MOST_OF_IT * twin.recoverable.value
    return kinds == ("allow", "warn") and one.recoverable.value >= enough


def _same(one: Candidate, other: Candidate, cells: Cells) -> bool:
    """Whether most of the smaller action's rows are the other's too."""
    shared = cells.sums.get(_pair(one, other), cells.sums.get(_pair(other, one)))
    if shared is None:
        return False
    sizes = [float(cells.sums[f"{c.name}_legit"].sum()) for c in (one, other)]
    return float(shared.sum()) > _OVERLAP * min(sizes)


def _action(one: _Priced, n_harmful: int) -> Action:
    return Action(
        title=one.candidate.title,
        sentence=_sentence(one, n_harmful),
        recoverable=one.recoverable,
        risk=one.risk,
        example_ids=one.example_ids,
    )


def _sentence(one: _Priced, n_harmful: int) -> str:
    won, act = one.recoverable, one.candidate.act
    if not won.n_labeled:
        much = f"{points(won.value)} points of legitimate traffic by the annotator's word"
        if one.candidate.kind == "model":
            return f"{act}: it refuses {much} there. Unverified."
        return f"{act}: wins back up to {much}. Unverified; what harm it lets through is unknown."
    if one.candidate.kind == "model":
        return (
            f"{act}: it refuses {points_between(won)} of legitimate traffic in its own words. "
            "Measure under-refusal before and after."
        )
    risk = _risk(one.risk, n_harmful)
    return f"{act}: wins back up to {points_between(won)} of legitimate traffic; {risk}"


def _risk(risk: Estimate, n_harmful: int) -> str:
    if math.isnan(risk.value) or n_harmful < _FEW_HARMFUL or risk.high >= 0.999:
        few = "no harmful request is" if n_harmful == 0 else f"only {n_harmful} harmful ones are"
        return f"what harm that lets through is unknown: {few} labelled."
    return (
        f"lets through {percent(risk.value)} of harmful traffic that is stopped today "
        f"(at most {percent(risk.high)})."
    )


def _softer(seen: Evidence) -> tuple[Action, ...]:
    """Hedges, disclaimers and warnings: the commonest one, when common.

    Last of all, whatever its size: this traffic is answered, if not as well as it could be.
    """
    words = ("hedges", "disclaimers", "warnings")
    mine = [b for b in seen.behaviours if b.name in words and b.estimate.value >= 0.02]
    if not mine:
        return ()
    worst = max(mine, key=lambda b: b.estimate.value)
    found = worst.estimate
    nobody = Estimate(
        "risk",
        math.nan,
        0.0,
        1.0,
        found.level,
        found.n,
        0,
        "unknown",
        ("Whether a caveat prevents harm cannot be read from this log.",),
    )
    share = (
        f"{percent(found.value)} ({percent(found.low)} to {percent(found.high)})"
        if found.n_labeled
        else f"{percent(found.value)}, unverified,"
    )
    sentence = (
        f"Ask for answers without {worst.name} where none is due: {share} of legitimate answers "
        "carry one. They are degraded, not refused."
    )
    title = f"fewer needless {worst.name}"
    of_traffic = Ratio("recoverable", worst.name, "legit")
    recoverable = seen.rates.estimate(of_traffic, seen.quantities, seen.cells)
    return (Action(title, sentence, recoverable, nobody, ()),)
