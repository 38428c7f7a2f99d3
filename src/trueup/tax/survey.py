"""A first look at the log: which layers, segment columns and periods there are.

Small queries only. What they find decides which columns the fact table gets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError, did_you_mean
from trueup.store.aside import aside

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from trueup.store import Workspace

__all__ = ["PERIODS", "Layer", "SegmentColumn", "Survey", "Where", "hash_below", "modulo", "survey"]

Where = Mapping[str, str] | Callable[[Any], Any] | None

PERIODS = ("auto", "day", "week", "month", "year", "none")
OTHER = "other"
MAX_LAYERS = 24
MAX_VALUES = 12  # segment values shown, the rest is "other"
_MOST_VALUES = 30  # a column with more is an identifier, not a segment
_MOST_PERIODS = 31
_ENOUGH = 500_000  # rows from which segment columns and their values are found
_DAYS = {"day": 1.0, "week": 7.0, "month": 30.44, "year": 365.25}
_PLAIN_SEGMENTS = ("model", "prompt_version", "policy_version")


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as logged. `scored`: it carries scores and thresholds."""

    name: str
    events: int
    scored: bool
    timed: bool


@dataclass(frozen=True, slots=True)
class SegmentColumn:
    """A column to cut the log by, and the values that are shown; None covers the rest."""

    name: str
    plain: bool  # a column of `interactions`, not a key of `segments`
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is in the log, after `where`."""

    interactions: int
    annotated: int
    users: int
    conversations: int
    cluster: str
    first: datetime | None
    last: datetime | None
    models: tuple[str, ...]
    layers: tuple[Layer, ...]
    other_layers: tuple[str, ...]
    segments: tuple[SegmentColumn, ...]
    period: str | None
    outcome_kinds: dict[str, tuple[int, float, float]]  # kind -> rows, least value, largest value
    outcomes_simulated: bool
    has_arms: bool
    judge_questions: frozenset[str]
    annotator_version: str
    sources: tuple[str, ...]

    @property
    def layer_names(self) -> tuple[str, ...]:
        return tuple(layer.name for layer in self.layers)


def survey(
    ws: Workspace, *, where: Where = None, segments: Sequence[str] | None = None, period: str
) -> Survey:
    """Look at the log. Raises `UserError` when there is nothing to measure."""
    if period not in PERIODS:
        raise UserError(f"period must be one of {PERIODS}, got {period!r}.")
    _must_be_annotated(ws)
    table = chosen(ws, where)
    head = _head(table)
    if not head["n"]:
        raise UserError(
            "No interaction passes the filter.", "Loosen it, or list what there is: trueup ls."
        )
    annotated, version = _annotated(ws, table)
    if not annotated:
        raise UserError(
            "None of the chosen interactions has been judged.", "Run: trueup judge, then retry."
        )
    layers, rest = _layers(ws)
    kinds, simulated = _outcomes(ws)
    return Survey(
        interactions=head["n"],
        annotated=annotated,
        users=head["users"],
        conversations=head["conversations"],
        cluster="user"
        if head["users"]
        else "conversation"
        if head["conversations"]
        else "interaction",
        first=head["first"],
        last=head["last"],
        models=_most_common(table, "model", 10),
        layers=layers,
        other_layers=rest,
        segments=_found_segments(ws, table, head["n"], segments),
        period=_period(head["first"], head["last"], period),
        outcome_kinds=kinds,
        outcomes_simulated=simulated,
        has_arms=bool(head["arms"] and head["arms"] > 1 and head["propensities"]),
        judge_questions=_judge_questions(ws),
        annotator_version=version,
        sources=_most_common(table, "source", 4),
    )


def chosen(ws: Workspace, where: Where) -> ir.Table:
    """The interactions that pass `where`: column to value, or a predicate on the table."""
    table = ws.table("interactions")
    if where is None:
        return table
    if callable(where):
        return table.filter(where(table))
    keys = _segment_keys(table)
    for name, value in where.items():
        plain = _is_plain(name)
        if not plain and name not in keys:
            raise UserError(
                f"where names {name!r}, which is not a column of the log.",
                did_you_mean(name, [*keys, *_PLAIN_SEGMENTS, "arm"]),
            )
        table = table.filter(segment_value(table, name, plain) == value)
    return table


def segment_value(table: ir.Table, name: str, plain: bool) -> ir.StringColumn:
    """The value of one segment column; empty text counts as none."""
    column = table[name] if plain else table.segments.get(name)
    return column.nullif("")


def hash_below(column: Any, share: float) -> Any:
    """A repeatable random subset: true for about `share` of the values."""
    return modulo(column.hash(), 1_000_003) < int(share * 1_000_003)


def modulo(value: Any, size: int) -> Any:
    """Remainder in [0, size), also of the negative hashes that some engines give."""
    return ((value % size) + size) % size


def rows(expression: ir.Table) -> list[dict[str, Any]]:
    """The rows of a small result as dicts."""
    return list(expression.to_pyarrow().to_pylist())


def _found_segments(
    ws: Workspace, table: ir.Table, n: int, wanted: Sequence[str] | None
) -> tuple[SegmentColumn, ...]:
    """Of a large log a repeatable subset, put aside: enough to know the values that matter."""
    if n <= _ENOUGH:
        return _segments(table, wanted)
    few = table.filter(hash_below(table.id, _ENOUGH / n))
    few = few.select("segments", *_PLAIN_SEGMENTS, "arm", "source")
    with aside(ws.con, "survey", few) as kept:
        return _segments(kept, wanted)


def _is_plain(name: str) -> bool:
    return name in (*_PLAIN_SEGMENTS, "arm", "source")


def _must_be_annotated(ws: Workspace) -> None:
    if not ws.count("interactions"):
        raise UserError("The workspace holds no interactions.", "Run: trueup import LOGFILE.")
    if not ws.count("annotations"):
        raise UserError("The responses have not been judged yet.", "Run: trueup judge, then retry.")


def _head(table: ir.Table) -> dict[str, Any]:
    found = rows(
        table.aggregate(
            n=table.count(),
            users=table.user_id.nunique(),
            conversations=table.conversation_id.nunique(),
            first=table.at.min(),
            last=table.at.max(),
            arms=table.arm.nunique(),
            propensities=table.propensity.count(),
        )
    )[0]
    return {
        key: value if key in ("first", "last") else int(value or 0) for key, value in found.items()
    }


def _annotated(ws: Workspace, table: ir.Table) -> tuple[int, str]:
    annotations = ws.table("annotations")
    if table.equals(ws.table("interactions")):
        mine = annotations
    else:
        mine = annotations.semi_join(table, annotations.interaction_id == table.id)
    found = rows(mine.aggregate(n=mine.count(), version=mine.annotator_version.max()))[0]
    return int(found["n"]), str(found["version"] or "")


def _most_common(table: ir.Table, column: str, limit: int) -> tuple[str, ...]:
    counted = table.group_by(column).aggregate(n=table.count())
    counted = counted.filter(counted[column].notnull())
    top = counted.order_by(counted.n.desc(), counted[column]).limit(limit)
    return tuple(row[column] for row in rows(top))


def _layers(ws: Workspace) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
    """The layers in stack order, and the names of those beyond the most frequent."""
    events = ws.table("layer_events")
    found = rows(
        events.group_by("layer").aggregate(
            events=events.count(),
            fires=events.fired.cast("int64").sum(),
            position=events.position.mean(),
            scores=(events.score.notnull() & events.threshold.notnull()).cast("int64").sum(),
            times=events.latency_ms.count(),
        )
    )
    found.sort(key=lambda row: (-row["fires"], -row["events"], row["layer"]))
    kept, rest = found[:MAX_LAYERS], found[MAX_LAYERS:]
    last = float("inf")
    kept.sort(key=lambda r: (last if r["position"] is None else r["position"], r["layer"]))
    layers = tuple(
        Layer(r["layer"], int(r["events"]), bool(r["scores"]), bool(r["times"])) for r in kept
    )
    return layers, tuple(sorted(r["layer"] for r in rest))


def _outcomes(ws: Workspace) -> tuple[dict[str, tuple[int, float, float]], bool]:
    table = ws.table("outcomes")
    found = rows(
        table.group_by("kind").aggregate(
            n=table.count(),
            least=table["value"].min(),
            largest=table["value"].max(),
            simulated=table.simulated.cast("int64").fill_null(0).max(),
        )
    )
    kinds = {r["kind"]: (int(r["n"]), float(r["least"]), float(r["largest"])) for r in found}
    return kinds, any(r["simulated"] for r in found)


def _judge_questions(ws: Workspace) -> frozenset[str]:
    labels = ws.table("labels")
    mine = labels.filter(labels.source == "judge").select("question").distinct()
    return frozenset(row["question"] for row in rows(mine))


def _segments(table: ir.Table, wanted: Sequence[str] | None) -> tuple[SegmentColumn, ...]:
    keys = _segment_keys(table)
    if wanted is None:
        names = [*keys, *(name for name in _PLAIN_SEGMENTS if name not in keys)]
    else:
        names = list(dict.fromkeys(wanted))
        for name in names:
            if name not in keys and not _is_plain(name):
                known = [*keys, *_PLAIN_SEGMENTS]
                raise UserError(
                    f"segments names {name!r}, which is not a column of the log.",
                    did_you_mean(name, known),
                )
    columns = []
    for name in names:
        plain = _is_plain(name) and name not in keys
        column = _segment_column(table, name, plain, asked=wanted is not None)
        if column:
            columns.append(column)
    return tuple(columns)


def _segment_keys(table: ir.Table) -> list[str]:
    listed = table.select(key=table.segments.keys()).distinct()
    keys = listed.select(key=listed.key.unnest()).distinct()
    return sorted(row["key"] for row in rows(keys) if row["key"])


def _segment_column(
    table: ir.Table, name: str, plain: bool, *, asked: bool
) -> SegmentColumn | None:
    value = segment_value(table, name, plain)
    counted = table.group_by(value=value).aggregate(n=table.count())
    counted = counted.filter(counted["value"].notnull())
    most = 100_000 if asked else _MOST_VALUES
    top = rows(counted.order_by(counted.n.desc(), counted["value"]).limit(most + 1))
    if not asked and not 2 <= len(top) <= most:
        return None
    if not top:
        return None
    shown = MAX_VALUES if len(top) <= MAX_VALUES else MAX_VALUES - 1
    return SegmentColumn(name, plain, tuple(row["value"] for row in top[:shown]))


def _period(first: datetime | None, last: datetime | None, wanted: str) -> str | None:
    """The finest of day, week, month and year that gives at most 31 periods."""
    if first is None or last is None or wanted == "none":
        return None
    if wanted != "auto":
        return wanted
    days = (last - first).total_seconds() / 86_400
    for name, length in _DAYS.items():
        if days / length <= _MOST_PERIODS - 1:
            return name
    return "year"
