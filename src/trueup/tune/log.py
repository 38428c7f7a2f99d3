"""The workspace's log as scored examples: layers' scores, and which requests were harmful."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.errors import UserError, did_you_mean
from trueup.store import Answers, answers
from trueup.tune.layers import LogLayer, log_layers, tuned_layers
from trueup.tune.scored import HARMFUL, LEGITIMATE, NEITHER, OFF, UNKNOWN, Scored

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from trueup.store import Workspace

__all__ = ["log_texts", "scored_log"]

FloatArray = NDArray[np.float64]

_MOST_ROWS = 2_000_000
_PLAIN = ("model", "prompt_version", "policy_version", "arm")
_ANSWERS = {"yes": LEGITIMATE, "no": HARMFUL, "mismatch": NEITHER}


def scored_log(
    ws: Workspace,
    *,
    layers: Sequence[str] | None = None,
    segment: str | None = None,
    after: datetime | None = None,
    until: datetime | None = None,
    asked_until: datetime | None = None,
) -> tuple[Scored, tuple[str, ...]]:
    """The interactions that a layer looked at, with their scores, in the order of their ids.

    Parameters
    ----------
    ws
        The workspace.
    layers
        Which to tune; the others keep their thresholds. Default: at most six, those that fire most.
        A layer whose categories have different thresholds counts once per category.
    segment
        Column to carry along.
    after, until
        Labels as they were at the moment `until`. With `after`, only the interactions that were
        first labelled after that moment, in that order.
    asked_until
        Only interactions until that moment.

    Returns
    -------
    Scored, notes
        `today` holds the threshold each layer had last. A layer with no score of its own but a
        verdict counts as a score of 0 or 1. Notes are sentences for the reader.

    Raises
    ------
    UserError
        No layer events, no human label, a layer or column that is not there.

    Notes
    -----
    Human answers to "legitimate?" decide: no is harmful, yes is legitimate, a mismatch (the policy
    is wrong) is neither, the rest is unknown.
    Where some were drawn with a probability, those picked by hand are left out.
    """
    import pyarrow.compute as pc

    value = None if segment is None else _segment_of(ws, segment)
    there = log_layers(ws, value)
    tuned = tuned_layers(there, layers)
    found = _read(ws, there, value, asked_until)
    given = answers(ws, until=until)
    ids = np.array(found.column("id").to_pylist(), dtype=object)
    times = _first_labelled(ws)
    given = given if after is None else _later(given, times, after)
    label, weight, by_hand = _labels(ids, given)
    if after is None and not (label != UNKNOWN).any():
        raise UserError(
            "No human label says yet which requests were legitimate.",
            "Label some: trueup label --n 60, or bring them: trueup labels import FILE.",
        )
    scores = _scores(found, there, tuned)
    notes = _notes(there, tuned, by_hand, found)
    scored = Scored(
        layers=tuple(one.name for one in tuned),
        scores=scores,
        label=label,
        weight=weight,
        cluster=_codes(found),
        today=np.array([one.today for one in tuned]),
        today_by={} if segment is None else _today_by(found, tuned),
        segments={} if segment is None else {segment: _values(found, "segment_")},
        ids=ids,
        source={
            "kind": "workspace",
            "segment": segment,
            "labels_until": _iso(_last_label(ws)),
            "asked_until": _iso(pc.max(found.column("at")).as_py()),
        },
    )
    if after is not None:
        rows = np.flatnonzero(label != UNKNOWN)
        order = np.argsort([times[str(ids[row])].timestamp() for row in rows], kind="stable")
        scored = scored.where(rows[order])
    return scored, notes


def log_texts(ws: Workspace, ids: Sequence[str]) -> Callable[[Sequence[int]], list[str]]:
    """Row numbers to the prompts of these interactions, read when they are asked for."""

    def texts(rows: Sequence[int]) -> list[str]:
        wanted = [str(ids[row]) for row in rows]
        if not wanted:
            return []
        table = ws.table("interactions")
        found = table.filter(table.id.isin(wanted)).select("id", "prompt").to_pyarrow().to_pylist()
        by_id = {row["id"]: row["prompt"] or "" for row in found}
        return [by_id.get(key, "") for key in wanted]

    return texts


def _timed(ws: Workspace) -> ir.Table:
    """The human answers to "legitimate?" that have a time."""
    labels = ws.table("labels")
    return labels.filter(
        labels.source == "human", labels.question == "legitimate", labels["at"].notnull()
    )


def _first_labelled(ws: Workspace) -> dict[str, datetime]:
    mine = _timed(ws)
    found = mine.group_by("target_id").aggregate(at_=mine["at"].min()).to_pyarrow()
    return dict(
        zip(found.column("target_id").to_pylist(), found.column("at_").to_pylist(), strict=True)
    )


def _last_label(ws: Workspace) -> datetime | None:
    mine = _timed(ws)
    found = mine.aggregate(at_=mine["at"].max()).to_pyarrow().column("at_").to_pylist()
    return found[0] if found else None


def _later(given: Answers, times: dict[str, datetime], after: datetime) -> Answers:
    kept = {
        key: answer
        for key, answer in given.legitimate.items()
        if key in times and times[key] > after
    }
    return replace(given, legitimate=kept)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _read(
    ws: Workspace,
    there: Sequence[LogLayer],
    segment: Callable[[ir.Table], Any] | None,
    until: datetime | None,
) -> pa.Table:
    """One row per interaction: id, user, and per layer its highest score and its verdicts."""
    import ibis

    events = ws.table("layer_events")
    columns: dict[str, Any] = {}
    for k, one in enumerate(there):
        mine = one.mine(events)
        failed = events.failure.notnull()
        columns[f"score_{k}"] = events.score.max(where=mine)
        columns[f"fired_{k}"] = (mine & events.fired & ~failed).any()
        columns[f"looked_{k}"] = (mine & ~failed).any()
        columns[f"closed_{k}"] = (mine & failed & (events.action == "block")).any()
    wide = events.group_by(target=events.interaction_id).aggregate(**columns)
    table = ws.table("interactions")
    if until is not None:
        table = table.filter(table["at"].isnull() | (table["at"] <= until))
    who = ibis.coalesce(table.user_id, table.conversation_id, table.id)
    kept: dict[str, Any] = {"id": table.id, "who": who, "at": table["at"]}
    if segment is not None:
        kept["segment_"] = segment(table)
    rows = table.select(**kept)
    rows = rows.inner_join(wide, rows.id == wide.target).drop("target").order_by("id")
    return rows.limit(_MOST_ROWS).to_pyarrow()


def _segment_of(ws: Workspace, name: str) -> Callable[[ir.Table], Any]:
    """A function of the interactions table: its column of that name, or a key of its segments."""
    if name in _PLAIN:
        return lambda table: table[name]
    table = ws.table("interactions")
    listed = table.select(key=table.segments.keys()).distinct()
    keys = listed.select(key=listed.key.unnest()).distinct().to_pyarrow().column("key").to_pylist()
    if name not in keys:
        raise UserError(f"The log has no column {name!r}.", did_you_mean(name, filter(None, keys)))
    return lambda table: table.segments.get(name)


def _scores(found: pa.Table, there: Sequence[LogLayer], tuned: Sequence[LogLayer]) -> FloatArray:
    """Shape (n, tuned layers); rows that an untouched layer flags are flagged always."""
    columns, always = [], np.zeros(found.num_rows, dtype=bool)
    for k, one in enumerate(there):
        score = _column(found, k, one)
        if one in tuned:
            columns.append(score)
        else:
            always |= score >= one.today
    scores = np.stack(columns, axis=1)
    scores[always, 0] = np.inf
    return scores


def _column(found: pa.Table, k: int, one: LogLayer) -> FloatArray:
    def flag(name: str) -> NDArray[np.bool_]:
        return np.array(found.column(f"{name}_{k}").fill_null(False).to_numpy(), dtype=bool)

    if one.scored:
        raw = np.asarray(found.column(f"score_{k}").to_numpy(), dtype=np.float64)
        score = np.where(np.isnan(raw), -np.inf, raw)
    else:
        score = np.where(flag("looked"), flag("fired").astype(np.float64), -np.inf)
    return np.where(flag("closed"), np.inf, score)


def _labels(
    ids: NDArray[np.object_], given: Answers
) -> tuple[NDArray[np.int8], FloatArray | None, int]:
    """Labels, weights (None without probabilities), and how many were left out as hand-picked."""
    label = np.full(len(ids), UNKNOWN, dtype=np.int8)
    weight = np.ones(len(ids))
    by_hand = 0
    for row, key in enumerate(ids):
        answer = _ANSWERS.get(given.legitimate.get(key, ""))
        if answer is None:
            continue
        chance = given.probability.get(key)
        if given.random and chance is None:
            by_hand += 1
            continue
        label[row] = answer
        weight[row] = 1.0 / chance if chance else 1.0
    return label, weight if given.random else None, by_hand


def _codes(found: pa.Table) -> NDArray[np.int64] | None:
    """Codes of the users, None when each has a single interaction.

    They count up in the order of the rows: pseudonyms differ from workspace to workspace, and the
    split that rests on the codes must not.
    """
    column = found.column("who").combine_chunks().dictionary_encode()
    codes = np.asarray(column.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
    return codes if len(column.dictionary) < len(codes) else None


def _values(found: pa.Table, name: str) -> NDArray[np.object_]:
    return np.array(found.column(name).to_pylist(), dtype=object)


def _today_by(found: pa.Table, tuned: Sequence[LogLayer]) -> dict[str, FloatArray]:
    """The thresholds in force for each value of the segment column."""
    return {
        value: np.array([one.by_segment.get(value, one.today) for one in tuned])
        for value in found.column("segment_").unique().to_pylist()
        if value is not None
    }


def _notes(
    there: Sequence[LogLayer], tuned: Sequence[LogLayer], by_hand: int, found: pa.Table
) -> tuple[str, ...]:
    out = []
    fixed = [one.name for one in there if one not in tuned]
    if fixed:
        out.append(f"Left as they are: {', '.join(fixed)}. Tune them with --layer.")
    if by_hand:
        out.append(f"{by_hand:,} labels were picked by hand and are not used.")
    if found.num_rows == _MOST_ROWS:
        out.append(f"Only the first {_MOST_ROWS:,} interactions, by id, were read.")
    watching = [one.name for one in tuned if one.today == OFF]
    if watching:
        out.append(f"Never blocked, so taken as off today: {', '.join(watching)}.")
    for one in tuned:
        if one.banded:
            out.append(
                f"{one.name} does something milder below its block; the lowest score that it "
                f"blocked, {one.today:g}, is taken as its threshold today."
            )
        elif one.had > 1 and one.today != OFF:
            out.append(
                f"{one.name} had {one.had} thresholds in this log; the latest, {one.today:g}, is "
                "taken as today's."
            )
    return tuple(out)
