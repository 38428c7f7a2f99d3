"""Things that could be done about the tax, read off the log before any is priced.

All but one concern rows that a single layer stopped: they are put aside once, with their scores and
the trigger terms that they hold, in a small table (the pool).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.store.aside import aside
from trueup.tax.facts import NOBODY
from trueup.tax.legitimacy import Legitimacy
from trueup.tax.result import GroupRow, LayerRow, TriggerTerm
from trueup.tax.survey import Survey, hash_below
from trueup.tax.truth import Labelled

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from trueup.store import Workspace

__all__ = ["Candidate", "Pool", "model_candidates", "pool", "stack_candidates"]

FloatArray = NDArray[np.float64]

_LEAST_SHARE = 0.002  # of legitimate traffic: below it no one would act
_MOST_LAYERS = 4
_MOST_TERMS = 8  # in all allow-lists together
_MOST_SCORES = 50_000
_MISSED = 0.05  # share of the harm that the layer alone stops which a new threshold may miss
_WORTH = 0.10  # share of the layer's loss that a new threshold must win back
_DISTINCT_SCORES = 5  # fewer, and the layer says yes or no: there is no dial to turn
_SURE = 0.5  # share refused with a term from which the term itself is to blame
_CONCENTRATED = 2.0  # a segment with twice its fair share of a layer's loss is singled out

# Columns of the pool, as engine columns or as arrays: both know ==, < and &.
Columns = Any


@dataclass(frozen=True)
class Candidate:
    """One thing to do.

    kind: threshold, warn, allow or model. mark: which rows it concerns. title, act: words, the
    second completing "<act>: wins back …". layer: whose refusals it undoes; None: the model's own.
    """

    kind: str
    name: str
    mark: Callable[[Columns], Any]
    title: str
    act: str
    layer: str | None


@dataclass(frozen=True)
class Pool:
    """Rows blocked by one layer when no other fired, for the layers that cost most.

    The table has the fact columns, `score_K` and `threshold_K` of layer K, and `holds_J` for the
    trigger term J. `layers`: (K, row of the report). `terms`: (J, term).
    """

    table: ir.Table
    layers: tuple[tuple[int, LayerRow], ...]
    terms: tuple[tuple[int, TriggerTerm], ...]


@contextmanager
def pool(
    ws: Workspace,
    facts: ir.Table,
    found: Survey,
    layer_rows: Sequence[LayerRow],
    triggers: Sequence[TriggerTerm],
) -> Iterator[Pool | None]:
    """Put those rows aside in a temporary table; None when no layer alone costs anything."""
    layers = tuple(_worst_layers(layer_rows, found))
    if not layers:
        yield None
        return
    numbers = [number for number, _ in layers]
    stopped = {found.layer_names[number] for number in numbers}
    terms = tuple(
        enumerate([t for t in triggers if t.layer in stopped and _to_blame(t)][:_MOST_TERMS])
    )
    table = facts.filter(facts.usable, facts.n_fired == 1, facts.block.isin(numbers))
    table = _with_scores(ws, table, found, numbers)
    table = _with_terms(ws, table, terms)
    with aside(ws.con, "pool", table) as made:
        yield Pool(made, layers, terms)


def _to_blame(term: TriggerTerm) -> bool:
    """An allow-list is for words that are refused as such, not for words that go with a topic."""
    return term.refused.value >= max(_SURE, _CONCENTRATED * term.base)


def _worst_layers(layer_rows: Sequence[LayerRow], found: Survey) -> list[tuple[int, LayerRow]]:
    """The layers that alone stop most legitimate traffic."""
    place = {name: i for i, name in enumerate(found.layer_names)}
    costly = [
        (place[row.layer], row)
        for row in layer_rows
        if row.layer in place and row.fired_alone.value >= _LEAST_SHARE
    ]
    return sorted(costly, key=lambda pair: -pair[1].fired_alone.value)[:_MOST_LAYERS]


def _with_scores(ws: Workspace, table: ir.Table, found: Survey, layers: list[int]) -> ir.Table:
    """Add the highest score of each layer where it fired, and the threshold in force."""
    scored = [number for number in layers if found.layers[number].scored]
    if not scored:
        return table
    events = ws.table("layer_events")
    names = [found.layer_names[number] for number in scored]
    events = events.filter(events.fired, events.layer.isin(names))
    columns = {}
    for number, name in zip(scored, names, strict=True):
        mine = events.layer == name
        columns[f"score_{number}"] = events.score.max(where=mine)
        columns[f"threshold_{number}"] = events.threshold.max(where=mine)
    top = events.group_by(target=events.interaction_id).aggregate(**columns)
    return table.left_join(top, table.id == top.target).drop("target")


def _with_terms(
    ws: Workspace, table: ir.Table, terms: Sequence[tuple[int, TriggerTerm]]
) -> ir.Table:
    if not terms:
        return table
    texts = ws.table("interactions").select("id", text_="prompt")
    table = table.inner_join(texts, "id")
    lowered = table.text_.fill_null("").lower()
    holds = {f"holds_{j}": lowered.re_search(_pattern(term.term)) for j, term in terms}
    return table.mutate(**holds).drop("text_")


def _pattern(term: str) -> str:
    """The words in this order, with anything but letters between them."""
    words = [re.escape(word) for word in term.split()]
    inside = r"[^\pL\pN]+".join(words)
    if re.fullmatch(r"[\w\s'’-]+", term, re.ASCII):
        return rf"(^|[^\pL\pN]){inside}($|[^\pL\pN])"
    return inside  # scripts without spaces


def stack_candidates(
    aside: Pool,
    found: Survey,
    labelled: Labelled,
    legitimacy: Legitimacy,
    segment_rows: Sequence[GroupRow],
) -> list[Candidate]:
    """A new threshold or a milder action per layer, and an allow-list per trigger term."""
    columns = _bounded(aside.table)
    legit, harm = _weights(columns, labelled, legitimacy)
    out = []
    for number, row in aside.layers:
        mine = columns["block"] == number
        here = {name: values[mine] for name, values in columns.items()}
        if len(here["id"]):
            out.append(_for_layer(here, found, legit[mine], harm[mine], number, row, segment_rows))
    place = {name: i for i, name in enumerate(found.layer_names)}
    for layer in dict.fromkeys(str(term.layer) for _, term in aside.terms):
        mine = [(j, term.term) for j, term in aside.terms if term.layer == layer]
        out.append(_for_terms(mine, layer, place[layer]))
    return out


def _bounded(table: ir.Table) -> dict[str, NDArray[Any]]:
    """At most about 50,000 rows, picked by the hash of their id."""
    n = int(table.count().to_pyarrow().as_py())
    if n > _MOST_SCORES:
        table = table.filter(hash_below(table.id, _MOST_SCORES / n))
    keep = [c for c in table.columns if c.startswith(("seg_", "score_", "threshold_"))]
    found = table.select("id", "stratum", "block", "legit_hat", *keep).to_pyarrow().sort_by("id")
    return {
        name: np.asarray(found.column(name).to_numpy(zero_copy_only=False))
        for name in found.column_names
    }


def _weights(
    columns: dict[str, NDArray[Any]], labelled: Labelled, legitimacy: Legitimacy
) -> tuple[FloatArray, FloatArray]:
    """Per row the chance of being legitimate, and 1 where a person called it harmful."""
    legit = legitimacy.of(columns)
    harm = np.zeros(len(legit))
    place = {key: i for i, key in enumerate(labelled.id)}
    for row, key in enumerate(columns["id"]):
        i = place.get(key)
        if i is not None and labelled.knows_legit[i]:
            legit[row], harm[row] = labelled.legit[i], labelled.harm[i]
    return legit, harm


def _for_layer(
    columns: dict[str, NDArray[Any]],
    found: Survey,
    legit: FloatArray,
    harm: FloatArray,
    number: int,
    row: LayerRow,
    segment_rows: Sequence[GroupRow],
) -> Candidate:
    where = _concentration(columns, legit, found, segment_rows)
    inside = np.ones(len(legit), dtype=bool)
    words = ""
    if where is not None:
        index, value = where
        inside = columns[f"seg_{index}"] == value
        words = f" for {found.segments[index].name}={value}"
    name = f"layer_{number}"
    score = f"score_{number}"
    if score in columns:
        choice = _threshold(
            columns[score][inside].astype(np.float64),
            columns[f"threshold_{number}"][inside].astype(np.float64),
            legit[inside],
            harm[inside],
        )
        if choice is not None:
            now, then = choice
            act = f"Raise the threshold of {row.layer} from {_short(now)} to {_short(then)}{words}"
            mark = _both(_of(number, where), lambda c: c[score] < then)
            return Candidate(
                "threshold", name, mark, f"{row.layer}: raise the threshold", act, row.layer
            )
    act = f"Let {row.layer} warn instead of block{words}"
    return Candidate("warn", name, _of(number, where), f"{row.layer}: warn only", act, row.layer)


def _of(number: int, where: tuple[int, str] | None) -> Callable[[Columns], Any]:
    """Rows of one layer, in one segment if given."""
    if where is None:
        return lambda c: c["block"] == number
    index, value = where
    return lambda c: (c["block"] == number) & (c[f"seg_{index}"] == value)


def _both(one: Callable[[Columns], Any], other: Callable[[Columns], Any]) -> Callable[..., Any]:
    return lambda c: one(c) & other(c)


def _concentration(
    columns: dict[str, NDArray[Any]],
    legit: FloatArray,
    found: Survey,
    segment_rows: Sequence[GroupRow],
) -> tuple[int, str] | None:
    """The segment value that holds most of a layer's loss, if far beyond its share of traffic."""
    traffic = {(row.column, row.value): row.share for row in segment_rows}
    total = max(float(legit.sum()), 1e-9)
    best, best_share = None, 0.5
    for index, segment in enumerate(found.segments):
        for value in () if segment.plain else segment.values:
            share = float(legit[columns[f"seg_{index}"] == value].sum()) / total
            fair = traffic.get((segment.name, value), 1.0)
            if share >= best_share and share >= _CONCENTRATED * fair:
                best, best_share = (index, value), share
    return best


def _threshold(
    scores: FloatArray, thresholds: FloatArray, legit: FloatArray, harm: FloatArray
) -> tuple[float, float] | None:
    """The threshold now and the one to try; None when no threshold tells the two apart.

    The highest that lets through at most 5 % of the harmful rows that are labelled. Without one,
    nothing can weigh the harm: the median legitimate score.
    """
    known = np.isfinite(scores) & np.isfinite(thresholds)
    if legit[known].sum() <= 0 or len(np.unique(scores[known])) < _DISTINCT_SCORES:
        return None
    score, weight, bad = scores[known], legit[known], harm[known]
    now = float(np.median(thresholds[known]))
    grid = np.unique(np.quantile(score, np.linspace(0.05, 0.95, 37)))
    won = np.array([weight[score < t].sum() for t in grid]) / weight.sum()
    if bad.sum() > 0:
        missed = np.array([bad[score < t].sum() for t in grid]) / bad.sum()
        safe = np.flatnonzero((missed <= _MISSED) & (won >= _WORTH))
        if not len(safe):
            return None
        then = float(grid[safe[-1]])
    else:
        then = float(grid[int(np.argmin(np.abs(won - 0.5)))])
    then = _rounded(then, now)
    return (now, then) if then > now else None


def _rounded(then: float, now: float) -> float:
    """Rounded down to as few digits as keep the move: a person will type it."""
    for digits in range(1, 6):
        value = math.floor(then * 10**digits) / 10**digits
        if then - value <= 0.2 * (then - now):
            return value
    return then


def _short(value: float) -> str:
    return f"{value:.6g}"


def _for_terms(terms: Sequence[tuple[int, str]], layer: str, number: int) -> Candidate:
    """One allow-list for a layer: its words belong together."""

    def holds(columns: Columns) -> Any:
        found = columns[f"holds_{terms[0][0]}"]
        for j, _ in terms[1:]:
            found = found | columns[f"holds_{j}"]
        return found

    quoted = [f"“{term}”" for _, term in terms]
    listed = quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
    return Candidate(
        "allow",
        f"terms_{number}",
        _both(_of(number, None), holds),
        f"{layer}: allow {listed}",
        f"Allow prompts with {listed} past {layer}",
        layer,
    )


def model_candidates(
    found: Survey, layer_rows: Sequence[LayerRow], segment_rows: Sequence[GroupRow]
) -> list[Candidate]:
    """The model's own refusals: everywhere, or in the segment that is far worse than the rest."""
    own = next((row for row in layer_rows if row.kind == "model"), None)
    if own is None or not own.wrongful.value >= _LEAST_SHARE:
        return []
    where = _worst_segment(segment_rows, found)
    title, words = "the model's own refusals", ""
    if where is not None:
        index, value = where
        words = f" for {found.segments[index].name}={value}"
        title = f"{title} in {value}"
    act = f"Tell the model in the system prompt when to answer{words}"
    return [Candidate("model", "model", _of(NOBODY, where), title, act, None)]


def _worst_segment(segment_rows: Sequence[GroupRow], found: Survey) -> tuple[int, str] | None:
    """The segment value where over half of the wrongful refusals happen, in far less traffic."""
    best, best_share = None, 0.5
    for index, segment in enumerate(found.segments):
        mine = [row for row in segment_rows if row.column == segment.name and not segment.plain]
        mass = [row.share * row.wrongful_refusal.value for row in mine]
        total = float(np.nansum(mass))
        for row, part in zip(mine, mass, strict=True):
            if row.value not in segment.values or not total > 0:
                continue
            share = part / total
            if share >= best_share and share >= _CONCENTRATED * row.share:
                best, best_share = (index, row.value), share
    return best
