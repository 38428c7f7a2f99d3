"""The workspace's log as scored examples: layers' scores, and which requests were harmful."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.errors import UserError, did_you_mean
from trueup.store import Answers, answers
from trueup.tune.scored import HARMFUL, LEGITIMATE, NEITHER, OFF, UNKNOWN, Scored

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from trueup.store import Workspace

__all__ = ["log_texts", "scored_log"]

FloatArray = NDArray[np.float64]

_MOST_LAYERS = 6  # tuned at once; the others stay as they are
_MOST_ROWS = 2_000_000
_ANSWERS = {"yes": LEGITIMATE, "no": HARMFUL, "mismatch": NEITHER}
_YES_OR_NO = 0.5  # threshold of a layer that gives a verdict and no score


@dataclass(frozen=True, slots=True)
class _Layer:
    """A layer as the log shows it. today: its threshold in force, OFF when it never blocks."""

    name: str
    scored: bool
    today: float


def scored_log(
    ws: Workspace,
    *,
    layers: Sequence[str] | None = None,
    segment: str | None = None,
    after: datetime | None = None,
    until: datetime | None = None,
) -> tuple[Scored, tuple[str, ...]]:
    """The interactions that a layer looked at, with their scores, in the order of their ids.

    Parameters
    ----------
    ws
        The workspace.
    layers
        Which to tune; the others keep their thresholds. Default: those that flag something, at most
        six, the ones that flag most.
    segment
        Column to carry along.
    after, until
        Only labels given after that moment, or until it. With `after`, labelled interactions alone,
        in the order in which their labels were given.

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
    there = _layers(ws)
    tuned = _tuned(there, layers)
    found = _read(ws, there, segment)
    given = answers(ws)
    ids = np.array(found.column("id").to_pylist(), dtype=object)
    times = _label_times(ws)
    given = _within(given, times, after, until)
    label, weight, by_hand = _labels(ids, given)
    if after is None and not (label != UNKNOWN).any():
        raise UserError(
            "No human label says yet which requests were legitimate.",
            "Label some: trueup label --n 60, or bring them: trueup labels import FILE.",
        )
    scores = _scores(found, there, tuned)
    notes = _notes(there, tuned, by_hand, found, ws)
    scored = Scored(
        layers=tuple(one.name for one in tuned),
        scores=scores,
        label=label,
        weight=weight,
        cluster=_codes(found),
        today=np.array([one.today for one in tuned]),
        segments={} if segment is None else {segment: _values(found, "segment_")},
        ids=ids,
        source={"kind": "workspace", "segment": segment, "labels_until": _latest(times)},
    )
    if after is not None:
        rows = np.flatnonzero(label != UNKNOWN)
        scored = scored.where(
            np.array(sorted(rows, key=lambda row: times[ids[row]]), dtype=np.int64)
        )
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


def _label_times(ws: Workspace) -> dict[str, datetime]:
    """When the last human answer to "legitimate?" was given, per interaction that has a time."""
    labels = ws.table("labels")
    mine = labels.filter(
        labels.source == "human", labels.question == "legitimate", labels["at"].notnull()
    )
    found = mine.group_by("target_id").aggregate(at_=mine["at"].max()).to_pyarrow()
    return dict(
        zip(found.column("target_id").to_pylist(), found.column("at_").to_pylist(), strict=True)
    )


def _within(
    given: Answers, times: dict[str, datetime], after: datetime | None, until: datetime | None
) -> Answers:
    if after is None and until is None:
        return given

    def inside(key: str) -> bool:
        at = times.get(key)
        if at is None:
            return after is None
        return (after is None or at > after) and (until is None or at <= until)

    kept = {key: answer for key, answer in given.legitimate.items() if inside(key)}
    return replace(given, legitimate=kept)


def _latest(times: dict[str, datetime]) -> str | None:
    return max(times.values()).isoformat() if times else None


def _layers(ws: Workspace) -> list[_Layer]:
    """All layers in stack order, those that fired most counted first among equals."""
    events = ws.table("layer_events")
    times = ws.table("interactions").select(interaction_id="id", at_="at")
    joined = events.inner_join(times, "interaction_id")
    known = joined.threshold.notnull()
    table = joined.group_by("layer").aggregate(
        position=joined.position.min(),
        n_scored=joined.score.count(),
        fired=joined.fired.cast("int64").sum(),
        blocked=(joined.action == "block").cast("int64").sum(),
        # The threshold of the latest event that has one; without times, the highest.
        threshold=joined.threshold.argmax(joined.at_, where=known & joined.at_.notnull()),
        highest=joined.threshold.max(),
    )
    rows = table.order_by("position", "layer").to_pyarrow().to_pylist()
    if not rows:
        raise UserError(
            "The log has no guard scores to tune.",
            "Import a log whose records carry guardrails, or score one: trueup guards run.",
        )
    return [_layer(row) for row in rows]


def _layer(row: dict[str, Any]) -> _Layer:
    threshold = row["threshold"] if row["threshold"] is not None else row["highest"]
    scored = bool(row["n_scored"])
    if row["fired"] and not row["blocked"]:
        today = OFF  # it fires and lets pass: it only watches
    elif not scored:
        today = _YES_OR_NO
    else:
        today = OFF if threshold is None else float(threshold)
    return _Layer(row["layer"], scored, today)


def _tuned(there: Sequence[_Layer], wanted: Sequence[str] | None) -> list[_Layer]:
    if not wanted:
        return list(there)[:_MOST_LAYERS]
    names = [one.name for one in there]
    for name in wanted:
        if name not in names:
            raise UserError(f"No layer of the log is called {name!r}.", did_you_mean(name, names))
    return [one for one in there if one.name in wanted]


def _read(ws: Workspace, there: Sequence[_Layer], segment: str | None) -> pa.Table:
    """One row per interaction: id, user, and per layer its highest score and its verdicts."""
    import ibis

    events = ws.table("layer_events")
    columns: dict[str, Any] = {}
    for k, one in enumerate(there):
        mine = events.layer == one.name
        failed = events.failure.notnull()
        columns[f"score_{k}"] = events.score.max(where=mine)
        columns[f"fired_{k}"] = (mine & events.fired & ~failed).any()
        columns[f"looked_{k}"] = (mine & ~failed).any()
        columns[f"closed_{k}"] = (mine & failed & (events.action == "block")).any()
    wide = events.group_by(target=events.interaction_id).aggregate(**columns)
    table = ws.table("interactions")
    who = ibis.coalesce(table.user_id, table.conversation_id, table.id)
    kept: dict[str, Any] = {"id": table.id, "who": who}
    if segment is not None:
        kept["segment_"] = _segment(table, segment)
    rows = table.select(**kept)
    rows = rows.inner_join(wide, rows.id == wide.target).drop("target").order_by("id")
    return rows.limit(_MOST_ROWS).to_pyarrow()


def _segment(table: ir.Table, name: str) -> Any:
    if name in ("model", "prompt_version", "policy_version", "arm"):
        return table[name]
    listed = table.select(key=table.segments.keys()).distinct()
    keys = listed.select(key=listed.key.unnest()).distinct().to_pyarrow().column("key").to_pylist()
    if name not in keys:
        raise UserError(f"The log has no column {name!r}.", did_you_mean(name, filter(None, keys)))
    return table.segments.get(name)


def _scores(found: pa.Table, there: Sequence[_Layer], tuned: Sequence[_Layer]) -> FloatArray:
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


def _column(found: pa.Table, k: int, one: _Layer) -> FloatArray:
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


def _notes(
    there: Sequence[_Layer], tuned: Sequence[_Layer], by_hand: int, found: pa.Table, ws: Workspace
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
    return tuple(out)
