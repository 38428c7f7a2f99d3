"""What an intervention costs in outcomes: completion, satisfaction, return."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup import stats
from trueup.stats import Estimate, OutcomeDifference, cluster_mean
from trueup.tax.legitimacy import Legitimacy
from trueup.tax.result import OutcomeEffect
from trueup.tax.survey import Survey, hash_below, rows
from trueup.tax.truth import Labelled

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Effect", "outcome_effects", "sharpest"]

FloatArray = NDArray[np.float64]

_TOO_WIDE = 2.0
_BUCKETS = 64  # enough to tell the spread between users, few enough to keep the cells few
_MOST_CELLS = 60_000
_MOST_ROWS = 200_000  # of a randomised comparison, read into memory
_SCALES = ((0.0, 1.0), (-1.0, 1.0), (1.0, 5.0), (0.0, 5.0), (1.0, 10.0), (0.0, 10.0), (0.0, 100.0))
_BY_RATE = (
    "Unlabelled rows count by their chance of being legitimate: harmful ones among them blur it."
)
_LENGTHS = (40, 120, 400)  # characters of a prompt


@dataclass(frozen=True)
class _Outcome:
    """An outcome as a fact-table column in [0, 1], null where unknown."""

    name: str
    column: Any
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Effect:
    """An outcome effect that can be had at another level, for a joint interval."""

    at: Callable[[float], OutcomeEffect]
    result: OutcomeEffect


def outcome_effects(facts: ir.Table, found: Survey, rows_: Labelled, level: float) -> list[Effect]:
    """Effects on completion, satisfaction and return, as far as they were logged.

    The randomised comparison comes first where there is one; the adjusted one follows, because a
    small holdout alone may be too wide to act on.
    """
    if not found.outcome_kinds:
        return []
    facts = _with_answers(facts, rows_)
    out: list[Effect] = []
    for outcome in _outcomes(facts, found):
        made = [Effect(at, at(level)) for at in _estimators(facts, found, outcome)]
        known = [effect for effect in made if not effect.result.reason]
        out += known or made[-1:]
    return out


def sharpest(effects: Sequence[Effect], outcome: str) -> Effect | None:
    """The randomised effect on this outcome, unless the adjusted one is twice as sharp."""
    mine = [effect for effect in effects if effect.result.outcome == outcome]
    if not mine:
        return None
    first, last = mine[0], mine[-1]
    return last if _width(first) > _TOO_WIDE * _width(last) else first


def _width(effect: Effect) -> float:
    return effect.result.effect.high - effect.result.effect.low


def _with_answers(facts: ir.Table, rows_: Labelled) -> ir.Table:
    """Add `legit_weight` and `is_refused`: the human answer where there is one, else the rate of
    the row's stratum and the annotator's verdict."""
    import ibis

    weight = Legitimacy.learn(rows_).expression(facts)
    refused = facts.refused_hat >= 0.5
    if not len(rows_):
        return facts.mutate(legit_weight=weight, is_refused=refused)
    facts = facts.mutate(rate_=weight, verdict_=refused)
    legit = [float(x) if k else None for x, k in zip(rows_.legit, rows_.knows_legit, strict=True)]
    is_refused = rows_.refused + rows_.unable > 0
    said = [bool(x) if k else None for x, k in zip(is_refused, rows_.knows_response, strict=True)]
    columns = {"known_": list(rows_.id), "legit_": legit, "said_": said}
    schema = {"known_": "string", "legit_": "float64", "said_": "boolean"}
    answers = ibis.memtable(columns, schema=schema)
    facts = facts.left_join(answers, facts.id == answers.known_)
    return facts.mutate(
        legit_weight=ibis.coalesce(facts.legit_, facts.rate_),
        is_refused=ibis.coalesce(facts.said_, facts.verdict_),
    ).drop("known_", "legit_", "said_", "rate_", "verdict_")


def _outcomes(facts: ir.Table, found: Survey) -> list[_Outcome]:
    out = []
    for name, kind in (("completion", "complete"), ("return", "return")):
        if kind not in found.outcome_kinds:
            continue
        _, least, _ = found.outcome_kinds[kind]
        column = facts[f"did_{kind}"]
        if least > 0:
            note = f"Only positive '{kind}' outcomes are logged: its absence is read as no."
            out.append(_Outcome(name, column.fill_null(0.0).clip(0.0, 1.0), (note,)))
        else:
            note = f"Interactions without a '{kind}' outcome are left out."
            out.append(_Outcome(name, column.clip(0.0, 1.0), (note,)))
    satisfaction = _satisfaction(facts, found)
    if satisfaction is not None:
        out.insert(1 if out and out[0].name == "completion" else 0, satisfaction)
    return out


def _satisfaction(facts: ir.Table, found: Survey) -> _Outcome | None:
    import ibis

    parts, notes = [], ["Only people who rated are counted: raters may differ from the rest."]
    if "thumb" in found.outcome_kinds:
        parts.append(facts.did_thumb.clip(0.0, 1.0))
    if "rating" in found.outcome_kinds:
        _, least, largest = found.outcome_kinds["rating"]
        low, high = _scale(least, largest)
        notes.append(f"Ratings are read on a scale of {low:g} to {high:g}.")
        parts.append(((facts.did_rating - low) / (high - low)).clip(0.0, 1.0))
    if not parts:
        return None
    return _Outcome("satisfaction", ibis.coalesce(*parts), tuple(notes))


def _scale(least: float, largest: float) -> tuple[float, float]:
    """The first usual scale that holds what was observed, else the observed range."""
    for low, high in _SCALES:
        if low <= least and largest <= high:
            return low, high
    return (least, largest) if largest > least else (least, least + 1.0)


def _estimators(
    facts: ir.Table, found: Survey, outcome: _Outcome
) -> list[Callable[[float], OutcomeEffect]]:
    table = facts.mutate(y=outcome.column)
    table = table.filter(table.usable, table.y.notnull(), table.legit_weight > 0)
    arms = _arms(facts) if found.has_arms else None
    random = _random_rows(table, arms) if arms else None
    adjusted = _Adjusted(outcome, *_cells(table, found))
    return [adjusted] if random is None else [_Randomised(outcome, random), adjusted]


@dataclass(frozen=True, slots=True)
class _Arms:
    holdout: str
    enforced: str


def _arms(facts: ir.Table) -> _Arms | None:
    """Two random arms, told apart by how often a layer that fired also blocked."""
    drawn = facts.filter(
        facts.arm.notnull(), facts.propensity > 0.0, facts.propensity < 1.0, facts.n_fired > 0
    )
    shares = rows(drawn.group_by("arm").aggregate(blocked=drawn.blocked.cast("float64").mean()))
    if len(shares) != 2:
        return None
    low, high = sorted(shares, key=lambda row: row["blocked"])
    if high["blocked"] - low["blocked"] < 0.1:
        return None
    return _Arms(holdout=low["arm"], enforced=high["arm"])


@dataclass(frozen=True)
class _RandomRows:
    y: FloatArray
    treated: NDArray[np.int64]
    propensity: FloatArray
    cluster: NDArray[np.int64]
    weight: FloatArray


def _random_rows(table: ir.Table, arms: _Arms) -> _RandomRows | None:
    """The rows where a layer fired and an arm was drawn, a repeatable subset of them if many."""
    drawn = table.filter(
        table.n_fired > 0, table.arm.notnull(), table.propensity > 0.0, table.propensity < 1.0
    )
    n = int(drawn.count().to_pyarrow().as_py())
    if n < 4:
        return None
    if n > _MOST_ROWS:
        drawn = drawn.filter(hash_below(drawn.id, _MOST_ROWS / n))
    found = drawn.select("id", "y", "arm", "propensity", "cluster", "legit_weight").to_pyarrow()
    found = found.sort_by("id")
    treated = np.array([arm == arms.enforced for arm in found.column("arm").to_pylist()])
    own = np.asarray(found.column("propensity").to_numpy(), dtype=np.float64)
    return _RandomRows(
        y=np.asarray(found.column("y").to_numpy(), dtype=np.float64),
        treated=treated.astype(np.int64),
        propensity=np.where(treated, own, 1.0 - own),
        cluster=found.column("cluster").to_numpy().astype(np.int64),
        weight=np.asarray(found.column("legit_weight").to_numpy(), dtype=np.float64),
    )


@dataclass(frozen=True)
class _Randomised:
    """Among legitimate traffic on which a layer fired: holdout against enforced."""

    outcome: _Outcome
    rows: _RandomRows

    def __call__(self, level: float) -> OutcomeEffect:
        rows_ = self.rows
        difference = stats.randomised_difference(
            rows_.y,
            rows_.treated,
            rows_.propensity,
            rows_.cluster,
            weights=rows_.weight,
            level=level,
            name=f"{self.outcome.name}_tax",
        )
        without, treated = self._mean(0, level), self._mean(1, level)
        notes = (*self.outcome.notes, _BY_RATE)
        return _effect(
            replace(self.outcome, notes=notes), "randomised arm", difference, without, treated, None
        )

    def _mean(self, arm: int, level: float) -> Estimate:
        rows_ = self.rows
        inside = rows_.treated == arm
        chance = np.where(rows_.treated == 1, rows_.propensity, 1.0 - rows_.propensity)
        interval = cluster_mean(
            rows_.y[inside],
            rows_.cluster[inside],
            level,
            weights=(rows_.weight / chance)[inside],
        )
        return Estimate(
            name=f"{self.outcome.name}_{'with' if arm else 'without'}_intervention",
            value=interval.value,
            low=interval.low,
            high=interval.high,
            level=level,
            n=interval.n,
            n_labeled=0,
            method="mean of the arm, weighted by the logged propensity",
            assumptions=self.outcome.notes,
        )


def _cells(table: ir.Table, found: Survey) -> tuple[stats.Cells, tuple[str, ...]]:
    """One GROUP BY over covariates, bucket and treatment; the names of the covariates used."""
    import ibis

    covariates, names = _covariates(table, found)
    weight = table.legit_weight
    keyed = table.select(
        **{f"x_{i}": column for i, column in enumerate(covariates)},
        bucket=(table.bucket % _BUCKETS).cast("int64"),
        treated=ibis.ifelse(table.is_refused, 1, 0).cast("int64"),
        w=weight,
        wy=weight * table.y,
        wy2=weight * table.y * table.y,
    )
    keys = [name for name in keyed.columns if name not in ("w", "wy", "wy2")]
    got = (
        keyed.group_by(keys)
        .aggregate(w=keyed.w.sum(), wy=keyed.wy.sum(), wy2=keyed.wy2.sum())
        .to_pyarrow()
    )
    got = got.sort_by([(key, "ascending") for key in keys])

    def floats(name: str) -> FloatArray:
        return np.asarray(got.column(name).to_numpy(zero_copy_only=False), dtype=np.float64)

    codes = [_codes(got.column(f"x_{i}").to_pylist()) for i in range(len(covariates))]
    x = np.stack(codes, axis=1) if codes else np.zeros((got.num_rows, 1), dtype=np.int64)
    cells = stats.Cells(
        covariates=x,
        bucket=floats("bucket").astype(np.int64),
        treated=floats("treated").astype(np.int64),
        weight=np.round(floats("w"), 9),  # the engine adds in any order
        sum_y=np.round(floats("wy"), 9),
        sum_y2=np.round(floats("wy2"), 9),
    )
    return cells, names


def _covariates(table: ir.Table, found: Survey) -> tuple[list[Any], tuple[str, ...]]:
    """Prompt length, time and as many segment columns as keep the cells few."""
    import ibis

    bins = [(table.prompt_length < edge, i) for i, edge in enumerate(_LENGTHS)]
    columns: list[Any] = [ibis.cases(*bins, else_=len(_LENGTHS))]
    names = ["prompt length"]
    cells = len(_LENGTHS) + 1
    for index, segment in enumerate(found.segments):
        levels = len(segment.values) + 1
        if cells * levels * _BUCKETS * 2 > _MOST_CELLS * 4:  # most combinations never occur
            continue
        columns.append(table[f"seg_{index}"].fill_null(""))
        names.append(segment.name)
        cells *= levels
    return columns, tuple(names)


def _codes(values: list[Any]) -> NDArray[np.int64]:
    place: dict[Any, int] = {value: i for i, value in enumerate(sorted(set(values)))}
    return np.array([place[value] for value in values], dtype=np.int64)


@dataclass(frozen=True)
class _Adjusted:
    """Among legitimate traffic: answered against refused, adjusted for what both depend on."""

    outcome: _Outcome
    cells: stats.Cells
    covariates: tuple[str, ...]

    def __call__(self, level: float) -> OutcomeEffect:
        name = self.outcome.name
        difference = stats.adjusted_difference(self.cells, level=level, name=f"{name}_tax")
        used = f"Adjusted for {', '.join(self.covariates)}, and for nothing else."
        refused = self._refused_mean(level)
        estimate = difference.estimate
        without = replace(
            refused,
            name=f"{name}_without_intervention",
            value=refused.value + estimate.value,
            low=max(0.0, refused.value + estimate.low),
            high=min(1.0, refused.value + estimate.high),
            method="mean of the refused plus the adjusted difference",
        )
        design = "not estimable" if difference.reason else "adjusted"
        word = "Who was refused is the annotator's word: its errors shrink the difference."
        outcome = replace(self.outcome, notes=(*self.outcome.notes, used, word, _BY_RATE))
        return _effect(outcome, design, difference, without, refused, difference.overlap)

    def _refused_mean(self, level: float) -> Estimate:
        """Mean outcome of the refused, clustered by bucket."""
        cells = self.cells
        rows_ = (cells.treated == 1) & (cells.weight > 0)
        refused = stats.Population(
            stratum=np.zeros(int(rows_.sum()), dtype=np.int64),
            bucket=cells.bucket[rows_],
            n=cells.weight[rows_],
            numerator=cells.sum_y[rows_],
            denominator=cells.weight[rows_],
        )
        interval = stats.prediction_interval(refused, level)
        return Estimate(
            name=f"{self.outcome.name}_with_intervention",
            value=interval.value,
            low=interval.low,
            high=interval.high,
            level=level,
            n=round(float(cells.weight[rows_].sum())),
            n_labeled=0,
            method="mean of the refused, clustered",
            assumptions=self.outcome.notes,
        )


def _effect(
    outcome: _Outcome,
    design: str,
    difference: OutcomeDifference,
    without: Estimate,
    refused: Estimate,
    overlap: float | None,
) -> OutcomeEffect:
    if difference.reason:
        design = "not estimable"
    estimate = _rounded(difference.estimate)
    notes = (*estimate.assumptions, *outcome.notes)
    return OutcomeEffect(
        outcome=outcome.name,
        design=design,
        effect=replace(estimate, assumptions=tuple(dict.fromkeys(notes))),
        without=_known(_rounded(without)),
        with_intervention=_known(_rounded(refused)),
        overlap=None if overlap is None or math.isnan(overlap) else round(overlap, 6),
        reason=difference.reason or "",
    )


def _rounded(found: Estimate) -> Estimate:
    """Six digits: the fit ends at 1e-8, and what lies beyond differs from run to run."""
    value, low, high = (round(x, 6) for x in (found.value, found.low, found.high))
    return replace(found, value=value, low=low, high=high)


def _known(found: Estimate) -> Estimate:
    """Limits mean nothing where the value is unknown."""
    if math.isnan(found.value):
        return replace(found, low=math.nan, high=math.nan)
    return found
