"""Run a stack over a workspace or over a stream of records, in chunks that can be interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.guards.engine import Engine, Record
from trueup.guards.events import Row, events_of
from trueup.guards.model import Stack
from trueup.guards.output import CHUNK_ROWS, Layout, chunk_rows, chunks, stage
from trueup.guards.tally import Tally
from trueup.schema import LAYER_EVENTS

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from trueup.store import RecordBatch, Workspace

__all__ = ["FileRun", "run_batches", "run_workspace"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class FileRun:
    """Scored rows of `schema`, made while they are read; `tally` is complete after the last one."""

    schema: pa.Schema
    rows: Iterator[pa.RecordBatch]
    tally: Tally


def run_workspace(
    ws: Workspace, stack: Stack, *, cache_dir: Path, progress: Progress | None = None
) -> Tally:
    """Score every interaction; the events of these layers take the place of their earlier ones."""
    tally = Tally(stack)
    runner = _Runner(stack, tally, ws.count("interactions"), progress)
    with Engine(stack, cache_dir) as engine:
        for chunk in _pages(ws.table("interactions")):
            events = [row for rows in runner.events(engine, chunk) for row in rows]
            ws.replace("layer_events", _earlier(ws, stack, chunk), LAYER_EVENTS.from_rows(events))
    return tally


def _earlier(ws: Workspace, stack: Stack, chunk: pa.Table) -> pa.ChunkedArray:
    """Keys of what is stored of these layers for these interactions."""
    import ibis

    events = ws.table("layer_events")
    of_stack = events.filter(events.layer.isin([layer.name for layer in stack.layers]))
    ids = ibis.memtable(chunk.select(["id"]).rename_columns(["interaction_id"]))
    return of_stack.semi_join(ids, "interaction_id").select("id").to_pyarrow().column("id")


def _pages(interactions: ir.Table) -> Iterator[pa.Table]:
    """The interactions in parts, in order of their ids; each is a query of its own."""
    columns = interactions.select("id", "prompt", "response", "segments")
    last: str | None = None
    while True:
        rest = columns if last is None else columns.filter(columns.id > last)
        page = rest.order_by("id").limit(CHUNK_ROWS).to_pyarrow()
        if not page.num_rows:
            return
        yield page
        last = page.column("id")[-1].as_py()


def run_batches(
    ws: Workspace,
    batches: Iterable[RecordBatch],
    stack: Stack,
    *,
    cache_dir: Path,
    events_as_text: bool = False,
    progress: Progress | None = None,
) -> FileRun:
    """Score records in input order, one output row per record.

    `ws` is a scratch workspace: the records are staged there first, because the columns of the
    output depend on all of them. events_as_text: the events of a row as one JSON text, for CSV.
    """
    engine = Engine(stack, cache_dir)  # before anything is read: it finds the stack's mistakes
    layout = Layout.of(stage(ws, batches), stack, events_as_text)
    tally = Tally(stack)

    def rows() -> Iterator[pa.RecordBatch]:
        runner = _Runner(stack, tally, layout.count, progress)
        with engine:
            for chunk in chunks(layout.staged, layout.count):
                yield from chunk_rows(layout, chunk, runner.events(engine, chunk), runner.scores)

    return FileRun(layout.schema, rows(), tally)


class _Runner:
    """Events of one chunk after the other, counted and shown."""

    def __init__(self, stack: Stack, tally: Tally, count: int, progress: Progress | None) -> None:
        self._stack = stack
        self._tally = tally
        self._total = count * len(stack.layers)
        self._done = 0
        self._progress = progress
        self.scores: list[list[float | None]] = []

    def events(self, engine: Engine, chunk: pa.Table) -> list[list[Row]]:
        """The events of each record of a chunk; `scores` then holds the layers' highest scores."""
        records = [
            Record(row["id"], row["prompt"], row["response"], dict(row["segments"] or ()))
            for row in chunk.select(["id", "prompt", "response", "segments"]).to_pylist()
        ]
        results = engine.score(records, self._settled)
        events = []
        for record, found in zip(records, results, strict=True):
            events.append(events_of(self._stack, record, found))
            self._tally.add(found, events[-1])
        self.scores = [[getattr(result, "highest", None) for result in row] for row in results]
        return events

    def _settled(self, count: int) -> None:
        self._done += count
        if self._progress:
            self._progress(self._done, self._total)
