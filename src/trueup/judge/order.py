"""The permanent order of a log, read from the engine: strata counted, the first rows fetched."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trueup.judge.design import (
    BINS,
    BLOCKED,
    FIRED,
    UNKNOWN_BIN,
    Design,
    Stratum,
    frontier_for,
)

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from trueup.store import Workspace

__all__ = [
    "Row",
    "arrays",
    "count_strata",
    "first_rows",
    "permanent_number",
    "places",
    "usual_segment",
]

_MOST_SEGMENTS = 20
_SURVEYED = 2000  # rows looked at to choose the segment column
_DIGITS = 13  # hexadecimal digits of the permanent random number: 52 bits, exact in a float
_REFUSED_BINS = (3, 4, 5, 6)  # P(refused) of 0.3 and more


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the order.

    place: u / size. size: its chance is min(1, frontier · size). group: the file it came from, and
    whether it was blocked or the annotator sees a refusal.
    """

    id: str
    place: float
    size: float
    group: tuple[str, bool]


def usual_segment(ws: Workspace) -> str | None:
    """The segment key that most rows have and that takes a few values only."""
    table = ws.table("interactions").select("segments").limit(_SURVEYED)
    values: dict[str, list[str]] = defaultdict(list)
    for row in table.to_pyarrow().column("segments").to_pylist():
        for key, value in row or ():
            values[key].append(value)
    usable = {k: len(v) for k, v in values.items() if 2 <= len(set(v)) <= _MOST_SEGMENTS}
    return min(usable, key=lambda key: (-usable[key], key), default=None)


def count_strata(ws: Workspace, design: Design) -> list[Stratum]:
    """The one GROUP BY: rows per stratum. Rare segment values are pooled as ""."""
    table = _classified(ws, ws.table("interactions"), design)
    counted = table.group_by("bin", "layers", "segment").aggregate(n=table.count())
    rows = counted.to_pyarrow().to_pylist()
    totals: dict[str, int] = defaultdict(int)
    for row in rows:
        totals[row["segment"]] += row["n"]
    kept = set(design.boosts) or set(
        sorted(totals, key=lambda value: (-totals[value], value))[:_MOST_SEGMENTS]
    )
    merged: dict[tuple[int, int, str], int] = defaultdict(int)
    for row in rows:
        segment = row["segment"] if row["segment"] in kept else ""
        merged[row["bin"], row["layers"], segment] += row["n"]
    return [Stratum(*key, n) for key, n in sorted(merged.items())]


def arrays(counts: Sequence[Stratum], design: Design) -> tuple[np.ndarray, np.ndarray]:
    """Rows and size per stratum, each of shape (strata,)."""
    n = np.array([stratum.n for stratum in counts], dtype=float)
    size = np.array([design.size(s.bin, s.layers, s.segment) for s in counts], dtype=float)
    return n, size


def first_rows(
    ws: Workspace, design: Design, counts: Sequence[Stratum], wanted: float
) -> tuple[list[Row], bool]:
    """The one scan: the first rows of the order, about `wanted` and a margin; True when all."""
    reach = frontier_for(wanted + 4 * math.sqrt(wanted) + 10, *arrays(counts, design))
    return _ordered(ws, design, ws.table("interactions"), reach), math.isinf(reach)


def places(ws: Workspace, design: Design, ids: Sequence[str]) -> list[float]:
    """Places in the order of the interactions with these ids."""
    import ibis
    import pyarrow as pa

    batch = ibis.memtable(pa.table({"id": pa.array(ids, pa.string())}))
    table = ws.table("interactions")
    rows = _ordered(ws, design, table.semi_join(batch, table.id == batch.id), math.inf)
    return [row.place for row in rows]


def permanent_number(digest: str) -> float:
    """The number in (0, 1) that belongs to an MD5 digest in hexadecimal."""
    return (int(digest[:_DIGITS], 16) + 0.5) / 16.0**_DIGITS


def _ordered(ws: Workspace, design: Design, table: ir.Table, reach: float) -> list[Row]:
    """Rows with a place below `reach`, in order; ties, which do not occur in practice, by id.

    Hexadecimal digests sort like the numbers they stand for, so that the filter is a comparison of
    text, which every engine has.
    """
    import ibis

    table = table.mutate(digest=(ibis.literal(f"{design.seed}:") + table.id).hexdigest("md5"))
    below = reach * design.largest
    if below < 1.0:
        table = table.filter(table.digest < f"{math.ceil(below * 16**_DIGITS):0{_DIGITS}x}")
    rows = _classified(ws, table, design)
    found = rows.select("id", "digest", "bin", "layers", "segment", "source").to_pyarrow()
    out = []
    for row in found.to_pylist():
        size = design.size(row["bin"], row["layers"], row["segment"])
        place = permanent_number(row["digest"]) / size
        if place < reach:
            refused = row["layers"] == BLOCKED or row["bin"] in _REFUSED_BINS
            out.append(Row(row["id"], place, size, (row["source"] or "", refused)))
    return sorted(out, key=lambda row: (row.place, row.id))


def _classified(ws: Workspace, table: ir.Table, design: Design) -> ir.Table:
    """The rows with annotator bin, what the layers did, segment value, and `digest` if any."""
    import ibis

    verdicts = _verdicts(ws)
    layers = _layer_states(ws)
    segment = (
        table.segments.get(design.segment).fill_null("") if design.segment else ibis.literal("")
    )
    columns = {"id": table.id, "source": table.source, "segment": segment}
    if "digest" in table.columns:
        columns["digest"] = table.digest
    rows = table.select(**columns)
    rows = rows.left_join(verdicts, rows.id == verdicts.judged).drop("judged")
    rows = rows.left_join(layers, rows.id == layers.seen).drop("seen")
    state = ibis.ifelse(rows.provider_block.fill_null(False), BLOCKED, rows.state.fill_null(0))
    return rows.mutate(bin=rows.bin.fill_null(UNKNOWN_BIN), layers=state.cast("int64"))


def _verdicts(ws: Workspace) -> ir.Table:
    import ibis

    table = ws.table("annotations")
    said = {c: (table.compliance == c).cast("float64") for c in ("refusal", "partial")}
    risk = table.p_refusal.fill_null(said["refusal"]) + table.p_partial.fill_null(said["partial"])
    risk = ibis.ifelse(table.basis.isin(["block", "template"]), 1.0, risk)
    edges = [(table.compliance == "undetermined", UNKNOWN_BIN)]
    edges += [(risk < edge, number) for number, edge in enumerate(BINS)]
    return table.select(
        judged=table.interaction_id,
        bin=ibis.cases(*edges, else_=len(BINS)).cast("int64"),
        provider_block=table.basis == "block",
    )


def _layer_states(ws: Workspace) -> ir.Table:
    import ibis

    events = ws.table("layer_events")
    events = events.filter(events.fired | (events.action != "allow"))
    state = ibis.ifelse(events.action == "block", BLOCKED, FIRED)
    events = events.select(seen=events.interaction_id, state=state)
    return events.group_by("seen").aggregate(state=events.state.max())
