"""The tax of the safety layer, end to end: from a judged workspace to the report's numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from trueup.errors import UserError
from trueup.tax.actions import Evidence, actions
from trueup.tax.after import after_refusal
from trueup.tax.clusters import prompt_clusters
from trueup.tax.examples import collect, typical_ids
from trueup.tax.facts import facts
from trueup.tax.groups import period_rows, segment_rows
from trueup.tax.headline import headline
from trueup.tax.labels import label_plan
from trueup.tax.layers import layer_rows, layer_sums, stack_maths
from trueup.tax.ledger import ledger
from trueup.tax.legitimacy import Legitimacy
from trueup.tax.money import money
from trueup.tax.outcomes import outcome_effects, sharpest
from trueup.tax.overall import OVERALL_QUANTITIES, annotator_says, behaviours, kinds, main_rates
from trueup.tax.prompts import prompt_sample
from trueup.tax.rates import Cells, Rates, sum_cells
from trueup.tax.result import Overview, TaxReport
from trueup.tax.survey import Survey, Where, survey
from trueup.tax.triggers import trigger_terms
from trueup.tax.truth import Answers, Labelled, answers, labelled

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from trueup.store import Workspace

__all__ = ["measure"]


def measure(
    ws: Workspace,
    *,
    level: float = 0.95,
    segments: Sequence[str] | None = None,
    where: Where = None,
    value_per_completion: float | None = None,
    currency: str = "$",
    period: str = "auto",
    rng_seed: int = 0,
) -> TaxReport:
    """Measure what the safety layer costs, from a workspace whose responses have been judged.

    Parameters
    ----------
    ws
        The workspace; `annotations` made by `trueup judge`.
    level
        Confidence level of every interval, in (0, 1).
    segments
        Columns to cut by: keys of `segments`, or model, prompt_version, policy_version. Default:
        every one with 2 to 30 values.
    where
        Which interactions: a mapping of column to value, or a predicate on the interactions table.
    value_per_completion, currency
        What one completed task is worth; default: no money is computed.
    period
        day, week, month, year, none, or auto: the finest that gives at most 31.
    rng_seed
        Seed of the prompt clusters, the only randomness here.

    Returns
    -------
    TaxReport

    Raises
    ------
    UserError
        Nothing imported, nothing judged, a column that is not there, an option out of range.

    Notes
    -----
    The rates are prediction-powered (`trueup.stats.ppi_ratio`): summed over all rows in the engine,
    corrected by human labels. Rows that nothing could judge are left out and counted. Words,
    clusters and outcome effects weigh rows by their chance of being legitimate instead, and carry
    sampling intervals only. A label chosen by hand counts only where no label was drawn at random.
    """
    if not 0.0 < level < 1.0:
        raise UserError(f"level must be in the open interval (0, 1), got {level!r}.", "Try 0.95.")
    found = survey(ws, where=where, segments=segments, period=period)
    given = answers(ws)
    with facts(ws, found, where) as table:
        return _report(
            ws,
            table,
            found,
            given,
            level=level,
            where=where,
            value=value_per_completion,
            currency=currency,
            rng=np.random.default_rng(rng_seed),
        )


def _report(
    ws: Workspace,
    table: ir.Table,
    found: Survey,
    given: Answers,
    *,
    level: float,
    where: Where,
    value: float | None,
    currency: str,
    rng: np.random.Generator,
) -> TaxReport:
    rows = labelled(ws, table, given)
    rates = Rates(
        rows, level, _assumptions(found, rows), judged="legitimate" in found.judge_questions
    )
    legitimacy = Legitimacy.learn(rows)
    sums = layer_sums(found).joined(OVERALL_QUANTITIES)
    # One pass over the rows serves every rate of the whole traffic.
    cells = sum_cells(table, sums.quantities)
    if not cells.n.sum():
        raise UserError(
            "Nothing in this log could be judged: every response is undetermined.",
            "See some of them with: trueup ls, then check that responses were imported.",
        )
    times = ledger(ws, found, where)
    main = main_rates(rates, cells)
    says = annotator_says(rates, cells)
    by_layer = layer_rows(found, sums, rates, cells, times)
    by_segment = segment_rows(table, found, rates)
    manners = behaviours(rates, cells)
    effects = outcome_effects(table, found, rows, level)
    prompts = prompt_sample(ws, table, rows, legitimacy)
    triggers = trigger_terms(prompts, found, level)
    clusters = prompt_clusters(prompts, rng)
    evidence = Evidence(
        found,
        rates,
        cells,
        sums.quantities,
        legitimacy,
        by_layer,
        by_segment,
        triggers,
        manners,
        prompts,
    )
    todo = actions(ws, table, evidence)
    plan = label_plan(rates, cells, main["wrongful_refusal"])
    mentioned = _ids((*todo, *triggers, *clusters))
    return TaxReport(
        overview=_overview(ws, found, rows, cells),
        level=level,
        verified=main["wrongful_refusal"].n_labeled > 0,
        headline=headline(main["wrongful_refusal"], says, by_layer, plan),
        wrongful_refusal=main["wrongful_refusal"],
        needless_degradation=main["needless_degradation"],
        under_refusal=main["under_refusal"],
        annotator_says=says,
        kinds=kinds(rates, cells),
        behaviours=manners,
        segments=by_segment,
        periods=period_rows(table, found, rates),
        layers=by_layer,
        stack=stack_maths(found, sums, rates, cells, times),
        outcomes=tuple(effect.result for effect in effects),
        after_refusal=after_refusal(ws, table, found, rates, prompts),
        money=money(value, currency, sharpest(effects, "completion"), rates, cells),
        triggers=triggers,
        clusters=clusters,
        actions=todo,
        labels=plan,
        examples=collect(ws, table, found, given, [*mentioned, *typical_ids(prompts, found)]),
        notes=_notes(found, rows, cells),
    )


def _ids(sources: Iterable[object]) -> list[str]:
    """Ids that are mentioned, round by round, so that a cap cuts every list alike."""
    lists = [list(getattr(one, "example_ids", ())) for one in sources]
    depth = max((len(ids) for ids in lists), default=0)
    return [ids[k] for k in range(depth) for ids in lists if k < len(ids)]


def _assumptions(found: Survey, rows: Labelled) -> tuple[str, ...]:
    """What every corrected rate rests on, beyond what the estimator itself states."""
    if not len(rows):
        if "legitimate" in found.judge_questions:
            return ("A model's judgement of what is legitimate is taken at its word.",)
        return ("Every request is taken as legitimate, until labels say otherwise.",)
    out = [
        "A request that the written policy wrongly forbids (mismatch) counts as neither legitimate "
        "nor harmful.",
        "What the model could not do (unable) is a capability gap, not a wrongful refusal.",
    ]
    if not rows.drawn:
        out.insert(
            0, "The labels carry no sampling probability: they count as a simple random sample."
        )
    return tuple(out)


def _overview(ws: Workspace, found: Survey, rows: Labelled, cells: Cells) -> Overview:
    return Overview(
        source=", ".join(found.sources) or ws.location,
        interactions=found.interactions,
        users=found.users,
        first=found.first,
        last=found.last,
        models=found.models,
        layers=(*found.layer_names, *found.other_layers),
        segment_columns=tuple(column.name for column in found.segments),
        labels=rows.both,
        undetermined=found.annotated - round(float(cells.n.sum())),
        quarantined=ws.count("quarantine"),
        outcomes_simulated=found.outcomes_simulated,
        annotator_version=found.annotator_version,
        cluster=found.cluster,
    )


def _notes(found: Survey, rows: Labelled, cells: Cells) -> tuple[str, ...]:
    out = []
    missing = found.interactions - found.annotated
    if missing:
        out.append(f"{missing:,} interactions are not judged yet and left out: run trueup judge.")
    undetermined = found.annotated - round(float(cells.n.sum()))
    if undetermined:
        out.append(
            f"{undetermined:,} responses could not be judged (undetermined) and are left out."
        )
    if rows.ties:
        out.append(f"{rows.ties:,} answers are ties between raters and left out.")
    if rows.unsure:
        out.append(f"{rows.unsure:,} answers are unsure or undetermined and left out.")
    if rows.by_hand:
        out.append(
            f"{rows.by_hand:,} labelled interactions were chosen by hand and not used for rates."
        )
    if found.outcomes_simulated:
        out.append("Some outcomes of this log are simulated, not observed.")
    if found.other_layers:
        out.append(
            f"{len(found.other_layers):,} rarer layers are counted together as other layers."
        )
    return tuple(out)
