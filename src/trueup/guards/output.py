"""The rows of a scored file: what the importer keeps of a record, scores, actions, events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from trueup.guards.events import Row, blocked_by, strictest
from trueup.guards.model import Stack
from trueup.schema import INTERACTIONS, LAYER_EVENTS

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from trueup.store import RecordBatch, Workspace

__all__ = ["CHUNK_ROWS", "Layout", "chunk_rows", "chunks", "stage"]

CHUNK_ROWS = 500  # records in memory, and per transaction
STAGED = "staged"  # scratch table: records in input order, duplicates and all

_ALWAYS = ("id", "prompt", "response")
# Written where the log has them. Not the finish reason: it would import as one more layer's block.
_KEPT = (
    *("at", "conversation_id", "user_id", "model", "prompt_version", "policy_version"),
    *("sampling", "arm", "propensity", "latency_ms"),
)
_EVENT = tuple(name for name in LAYER_EVENTS.names if name not in ("id", "interaction_id"))


def stage(ws: Workspace, batches: Iterable[RecordBatch]) -> ir.Table:
    """Put the records into a scratch table, numbered from 0."""
    import ibis
    import pyarrow as pa

    names = (*_ALWAYS, *_KEPT, "segments")
    fields = [INTERACTIONS.arrow().field(name) for name in names]
    schema = pa.schema([*fields, pa.field("legitimate", pa.string()), pa.field("row", pa.int64())])
    ws.con.create_table(STAGED, schema=ibis.Schema.from_pyarrow(schema))
    start = 0
    for batch in batches:
        size = batch.interactions.num_rows
        columns = [batch.interactions.column(name) for name in names]
        numbers = pa.array(range(start, start + size), pa.int64())
        rows = pa.Table.from_arrays([*columns, _legitimate(batch), numbers], schema=schema)
        if size:
            ws.con.insert(STAGED, ibis.memtable(rows))
        start += size
    return ws.con.table(STAGED)


def _legitimate(batch: RecordBatch) -> pa.Array:
    """For each interaction the log's own label, or null."""
    import pyarrow as pa

    found: list[str | None] = [None] * batch.interactions.num_rows
    labels = batch.labels.select(["question", "value"]).to_pylist()
    for row, label in zip(batch.label_rows.tolist(), labels, strict=True):
        if label["question"] == "legitimate":
            found[row] = label["value"]
    return pa.array(found, pa.string())


def chunks(staged: ir.Table, count: int) -> Iterator[pa.Table]:
    """The staged records in input order, a part at a time."""
    for start in range(0, count, CHUNK_ROWS):
        part = staged.filter((staged.row >= start) & (staged.row < start + CHUNK_ROWS))
        yield part.order_by("row").to_pyarrow()


@dataclass(frozen=True)
class Layout:
    """The columns of the output.

    kept: columns of the record. segments: column of the output by segment of the log.
    """

    staged: ir.Table
    count: int
    schema: pa.Schema
    kept: tuple[str, ...]
    segments: dict[str, str]
    as_text: bool

    @classmethod
    def of(cls, staged: ir.Table, stack: Stack, as_text: bool) -> Layout:
        """What the staged records call for."""
        import pyarrow as pa

        optional = (*_KEPT, "legitimate")
        counts = staged.aggregate(
            n=staged.count(), **{name: staged[name].count() for name in optional}
        )
        known = counts.to_pyarrow().to_pylist()[0]
        kept = (*_ALWAYS, *(name for name in optional if known[name]))
        scores = [f"score_{layer.name}" for layer in stack.layers]
        own = (*kept, *scores, "action", "blocked_by", "guardrails")
        segments = _columns_for(_segment_names(staged), own)
        types = {field.name: field.type for field in INTERACTIONS.arrow()}
        schema = pa.schema(
            [
                *((name, types.get(name, pa.string())) for name in kept),
                *((column, pa.string()) for column in segments.values()),
                *((name, pa.float64()) for name in scores),
                *(("action", pa.string()), ("blocked_by", pa.string())),
                ("guardrails", pa.string() if as_text else pa.list_(_event_type())),
            ]
        )
        return cls(staged, int(known["n"]), schema, kept, segments, as_text)


def _segment_names(staged: ir.Table) -> list[str]:
    filled = staged.filter(staged.segments.notnull())
    names = filled.select(name=filled.segments.keys().unnest()).distinct().to_pyarrow()
    return sorted(names.column("name").to_pylist())


def _columns_for(names: Sequence[str], own: Iterable[str]) -> dict[str, str]:
    """A column for each segment; one that would take another's name is told apart."""
    taken = set(own)
    columns = {}
    for name in names:
        column = name
        while column in taken:
            column = f"segment_{column}"
        taken.add(column)
        columns[name] = column
    return columns


def _event_type() -> pa.StructType:
    import pyarrow as pa

    schema = LAYER_EVENTS.arrow()
    return pa.struct([pa.field(name, schema.field(name).type) for name in _EVENT])


def chunk_rows(
    layout: Layout,
    chunk: pa.Table,
    events: Sequence[Sequence[Row]],
    scores: Sequence[Sequence[float | None]],
) -> Iterator[pa.RecordBatch]:
    """The output rows of a chunk. scores: each layer's highest score, null where it gave none."""
    import pyarrow as pa

    slices = [dict(found or ()) for found in chunk.column("segments").to_pylist()]
    logged = [[{name: event[name] for name in _EVENT} for event in row] for row in events]
    columns: list[Any] = [
        *(chunk.column(name) for name in layout.kept),
        *([found.get(name) for found in slices] for name in layout.segments),
        *([list(layer) for layer in zip(*scores, strict=True)]),
        [strictest(row) for row in events],
        [blocked_by(row) for row in events],
        [orjson.dumps(row).decode() for row in logged] if layout.as_text else logged,
    ]
    arrays = [
        column.combine_chunks().cast(field.type)
        if isinstance(column, pa.ChunkedArray)
        else pa.array(column, field.type)
        for column, field in zip(columns, layout.schema, strict=True)
    ]
    yield pa.RecordBatch.from_arrays(arrays, schema=layout.schema)
