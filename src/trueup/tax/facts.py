"""One row per interaction with what every estimate needs: built once, in the engine.

Prompts and responses stay where they are; the row holds numbers, flags and small strings, so that
each GROUP BY afterwards reads a narrow table.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trueup.store.aside import aside
from trueup.tax.survey import OTHER, Survey, Where, chosen, modulo, segment_value

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from trueup.store import Workspace

__all__ = ["BEHAVIOURS", "BLOCKED_STRATUM", "BUCKETS", "PROVIDER", "facts"]

BUCKETS = 256
BEHAVIOURS = ("hedges", "disclaimers", "warnings", "apologies", "judgements", "deflections")
_SOFTENING = ("hedges", "disclaimers", "warnings", "judgements", "deflections")
_BINS = (0.05, 0.2, 0.8)  # of P(refused or partly refused)
BLOCKED_STRATUM = 2 * (len(_BINS) + 1)
PROVIDER = "provider filter"  # blocks that no layer event explains
NOBODY = -1
PROVIDER_CODE = 999
_NO_POSITION = 1_000_000


@contextmanager
def facts(ws: Workspace, found: Survey, where: Where = None) -> Iterator[ir.Table]:
    """The fact table, as a temporary table that goes away at the end.

    Columns: id, bucket, cluster (hash of user, else conversation, else id), period, seg_0…,
    blocked, block (index of the layer, PROVIDER_CODE, or -1), first (index of the first layer that
    fired), n_fired, fired_0…, soft, the flags of `BEHAVIOURS`, refused_hat, partial_hat, legit_hat,
    stratum, usable (false: nobody could tell what the response did), arm, propensity,
    prompt_length and one column `did_KIND` per outcome.
    """
    with aside(ws.con, "facts", _expression(ws, found, where)) as table:
        yield table


def _expression(ws: Workspace, found: Survey, where: Where) -> ir.Table:
    base = _base(chosen(ws, where), found)
    rows = base.inner_join(_annotated(ws), base.id == _annotated(ws).interaction_id)
    rows = rows.drop("interaction_id")
    rows = _joined(rows, _fires(ws, found))
    rows = _joined(rows, _judged_legitimate(ws, found))
    rows = _joined(rows, _judged_compliance(ws, found))
    rows = _joined(rows, _did(ws, found))
    return _derived(rows, found)


def _joined(rows: ir.Table, extra: ir.Table | None) -> ir.Table:
    if extra is None:
        return rows
    return rows.left_join(extra, rows.id == extra.target).drop("target")


def _base(table: ir.Table, found: Survey) -> ir.Table:
    import ibis

    cluster = ibis.coalesce(table.user_id, table.conversation_id, table.id).hash()
    columns: dict[str, Any] = {
        "id": table.id,
        "cluster": cluster,
        "bucket": modulo(cluster, BUCKETS).cast("int32"),
        "period": _period(table, found),
        "arm": table.arm,
        "propensity": table.propensity,
        "prompt_length": table.prompt.length().fill_null(0).cast("int32"),
    }
    for index, column in enumerate(found.segments):
        value = segment_value(table, column.name, column.plain)
        shown = ibis.ifelse(value.isin(column.values), value, OTHER)
        columns[f"seg_{index}"] = ibis.ifelse(value.isnull(), ibis.null("string"), shown)
    return table.select(**columns)


def _period(table: ir.Table, found: Survey) -> Any:
    import ibis

    if found.period is None:
        return ibis.null("timestamp")
    unit = {"day": "D", "week": "W", "month": "M", "year": "Y"}[found.period]
    # Without its zone (UTC) a time is truncated by arithmetic, not by a calendar: far faster.
    return table.at.cast("timestamp").truncate(unit)


def _annotated(ws: Workspace) -> ir.Table:
    table = ws.table("annotations")
    # A verdict without probabilities (a block, a template) is a probability of 1.
    verdict = table.compliance
    columns: dict[str, Any] = {
        "interaction_id": table.interaction_id,
        "undetermined": verdict == "undetermined",
        "by_block": table.basis == "block",
        "certain": table.basis.isin(["block", "template"]),
        "p_refusal": table.p_refusal.fill_null((verdict == "refusal").cast("float64")),
        "p_partial": table.p_partial.fill_null((verdict == "partial").cast("float64")),
    }
    for name in BEHAVIOURS:
        columns[name] = table[name].fill_null(0) > 0
    return table.select(**columns)


def _fires(ws: Workspace, found: Survey) -> ir.Table | None:
    """Per interaction: which layers fired, which came first, which one blocked."""
    if not found.layers:
        return None
    import ibis

    events = ws.table("layer_events")
    events = events.filter(events.fired | (events.action != "allow"))
    index = layer_index(events.layer, found)
    # Stack order and identity in one number: its minimum names the first layer without a sort.
    order = events.position.fill_null(_NO_POSITION).cast("int64") * 1000 + index
    last = ibis.null("int64")
    events = events.select(
        target=events.interaction_id,
        index=index,
        order=order,
        blocking=ibis.ifelse(events.action == "block", order, last),
        softened=events.action.isin(["warn", "rewrite"]),
    )
    columns: dict[str, Any] = {
        "first_order": events.order.min(),
        "block_order": events.blocking.min(),
        "softened": events.softened.any(),
    }
    for number in range(len(found.layers)):
        columns[f"fired_{number}"] = (events["index"] == number).any()
    if found.other_layers:
        columns["fired_rest"] = (events["index"] >= len(found.layers)).any()
    return events.group_by("target").aggregate(**columns)


def layer_index(column: Any, found: Survey) -> Any:
    """Position of a layer in `found.layers`; the layers beyond them share the next number."""
    import ibis

    cases = [(column == name, number) for number, name in enumerate(found.layer_names)]
    return ibis.cases(*cases, else_=len(found.layers)).cast("int64")


def _judged_legitimate(ws: Workspace, found: Survey) -> ir.Table | None:
    if "legitimate" not in found.judge_questions:
        return None
    labels = _judge_labels(ws, "legitimate", ("yes", "no", "mismatch"))
    share = (labels["value"] == "yes").cast("float64").mean()
    return labels.group_by(target=labels.target_id).aggregate(judge_legit=share)


def _judged_compliance(ws: Workspace, found: Survey) -> ir.Table | None:
    if "compliance" not in found.judge_questions:
        return None
    labels = _judge_labels(ws, "compliance", ("full", "partial", "refusal", "unable"))
    return labels.group_by(target=labels.target_id).aggregate(
        judge_refusal=labels["value"].isin(["refusal", "unable"]).cast("float64").mean(),
        judge_partial=(labels["value"] == "partial").cast("float64").mean(),
    )


def _judge_labels(ws: Workspace, question: str, values: tuple[str, ...]) -> ir.Table:
    labels = ws.table("labels")
    return labels.filter(
        labels.source == "judge", labels.question == question, labels["value"].isin(values)
    )


def _did(ws: Workspace, found: Survey) -> ir.Table | None:
    """Per interaction the mean value of each kind of outcome; null where none was recorded."""
    if not found.outcome_kinds:
        return None
    table = ws.table("outcomes")
    columns = {
        f"did_{kind}": table["value"].mean(where=table.kind == kind)
        for kind in sorted(found.outcome_kinds)
    }
    return table.group_by(target=table.interaction_id).aggregate(**columns)


def _derived(rows: ir.Table, found: Survey) -> ir.Table:
    """The predictions, the attribution and the stratum from what was joined."""
    import ibis

    rows = _attributed(rows, found)
    refused, partial = rows.p_refusal, rows.p_partial
    usable = rows.blocked | ~rows.undetermined
    if "judge_refusal" in rows.columns:
        refused = ibis.coalesce(rows.judge_refusal, refused)
        partial = ibis.coalesce(rows.judge_partial, partial)
        usable = usable | rows.judge_refusal.notnull()
    certain = rows.blocked | rows.certain
    rows = rows.mutate(
        refused_hat=ibis.ifelse(certain, 1.0, refused.clip(0.0, 1.0)),
        partial_raw=ibis.ifelse(certain, 0.0, partial.clip(0.0, 1.0)),
        legit_hat=rows.judge_legit.fill_null(1.0)
        if "judge_legit" in rows.columns
        else ibis.literal(1.0),
        usable=usable.fill_null(False),
    )
    rows = rows.mutate(partial_hat=ibis.least(rows.partial_raw, 1.0 - rows.refused_hat))
    soft = rows.softened
    for name in _SOFTENING:
        soft = soft | rows[name]
    rows = rows.mutate(soft=soft, stratum=_stratum(rows))
    return rows.select(*_kept(rows, found))


def _attributed(rows: ir.Table, found: Survey) -> ir.Table:
    import ibis

    nobody = ibis.literal(NOBODY, "int64")
    by_provider = ibis.ifelse(rows.by_block, PROVIDER_CODE, NOBODY).cast("int64")
    if not found.layers:
        return rows.mutate(
            blocked=by_provider != NOBODY,
            block=by_provider,
            first=nobody,
            n_fired=ibis.literal(0, "int64"),
            softened=ibis.literal(False),
        )
    names = [f"fired_{number}" for number in range(len(found.layers))]
    if found.other_layers:
        names.append("fired_rest")
    fired = {name: rows[name].fill_null(False) for name in names}
    total = ibis.literal(0, "int64")
    for value in fired.values():
        total = total + value.cast("int64")
    block = ibis.coalesce(rows.block_order % 1000, by_provider)
    return rows.mutate(
        **fired,
        blocked=block != NOBODY,
        block=block,
        first=ibis.coalesce(rows.first_order % 1000, nobody),
        n_fired=total,
        softened=rows.softened.fill_null(False),
    )


def _stratum(rows: ir.Table) -> Any:
    """0…7: bins of P(refused or partly), each without and with a layer that fired; 8: blocked."""
    import ibis

    risk = rows.refused_hat + rows.partial_hat
    cases = [(risk < edge, 2 * number) for number, edge in enumerate(_BINS)]
    level = ibis.cases(*cases, else_=2 * len(_BINS))
    unblocked = level + ibis.ifelse(rows.n_fired > 0, 1, 0)
    return ibis.ifelse(rows.blocked, BLOCKED_STRATUM, unblocked).cast("int32")


def _kept(rows: ir.Table, found: Survey) -> list[str]:
    names = ["id", "cluster", "bucket", "period", "arm", "propensity", "prompt_length"]
    names += [f"seg_{index}" for index in range(len(found.segments))]
    names += ["blocked", "block", "first", "n_fired", "soft", *BEHAVIOURS]
    names += [name for name in rows.columns if name.startswith(("fired_", "did_"))]
    return [*names, "refused_hat", "partial_hat", "legit_hat", "stratum", "usable"]
