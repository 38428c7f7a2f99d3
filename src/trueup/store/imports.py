"""Write imported batches into a workspace, set bad records aside, remember what was imported."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from trueup.schema import IMPORTS, QUARANTINE

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from trueup.store.workspace import Workspace

__all__ = ["BadRow", "ImportSummary", "RecordBatch", "import_batches", "quarantine"]


class BadRow(Protocol):
    """One record that could not be converted."""

    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def excerpt(self) -> str: ...


class RecordBatch(Protocol):
    """What a source yields; see `trueup.sources.Batch`."""

    @property
    def interactions(self) -> pa.Table: ...
    @property
    def layer_events(self) -> pa.Table: ...
    @property
    def outcomes(self) -> pa.Table: ...
    @property
    def labels(self) -> pa.Table: ...
    @property
    def event_rows(self) -> np.ndarray: ...
    @property
    def outcome_rows(self) -> np.ndarray: ...
    @property
    def label_rows(self) -> np.ndarray: ...
    @property
    def lines(self) -> np.ndarray: ...
    @property
    def bad(self) -> Sequence[BadRow]: ...


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """Counts of one file: records read, interactions new and already there, records set aside."""

    file: str
    format: str
    records: int
    added: int
    existing: int
    quarantined: int
    layer_events: int
    outcomes: int
    labels: int


@dataclass(frozen=True, slots=True)
class _Conflict:
    """A record whose id is taken by different content."""

    file: str
    line: int
    reason: str
    excerpt: str


def import_batches(
    ws: Workspace, batches: Iterable[RecordBatch], *, file: str, format: str
) -> ImportSummary:
    """Append every batch, each in one transaction. Repeating an import changes nothing.

    A run that is killed leaves whole batches; the next run passes over them and goes on.
    """
    records = added = existing = quarantined = 0
    before = _child_counts(ws)
    for batch in batches:
        done = ws.ingest(
            batch.interactions,
            batch.layer_events,
            batch.outcomes,
            batch.event_rows,
            batch.outcome_rows,
            batch.labels,
            batch.label_rows,
        )
        bad = [*batch.bad, *(_conflict(batch, row, file) for row in done.conflicts)]
        quarantine(ws, bad)
        records += batch.interactions.num_rows + len(batch.bad)
        added += done.added
        existing += done.existing
        quarantined += len(bad)
    summary = ImportSummary(
        file,
        format,
        records,
        added,
        existing,
        quarantined,
        *(now - then for now, then in zip(_child_counts(ws), before, strict=True)),
    )
    _remember(ws, summary)
    return summary


def _child_counts(ws: Workspace) -> tuple[int, int, int]:
    return ws.count("layer_events"), ws.count("outcomes"), ws.count("labels")


def quarantine(ws: Workspace, bad: Sequence[BadRow]) -> None:
    """Set records aside with file, line and reason; the same ones again change nothing."""
    rows = [
        {
            "id": _digest(record.file, str(record.line), record.reason),
            "file": record.file,
            "line": record.line,
            "reason": record.reason,
            "excerpt": record.excerpt[:200],
        }
        for record in bad
    ]
    if rows:
        ws.append(QUARANTINE.name, QUARANTINE.from_rows(rows))


def _conflict(batch: RecordBatch, row: int, file: str) -> _Conflict:
    key = batch.interactions.column("id")[row].as_py()
    prompt = batch.interactions.column("prompt")[row].as_py() or ""
    return _Conflict(
        file,
        int(batch.lines[row]),
        f"The id {key[:80]!r} is already taken by a record with different content.",
        prompt[:200],
    )


def _remember(ws: Workspace, summary: ImportSummary) -> None:
    row = {
        "id": _digest(summary.file, summary.format),
        "file": summary.file,
        "format": summary.format,
        "records": summary.records,
        "added": summary.added,
        "quarantined": summary.quarantined,
        "at": datetime.now(UTC),
    }
    ws.upsert(IMPORTS.name, IMPORTS.from_rows([row]))


def _digest(*parts: str) -> str:
    return hashlib.blake2b(
        "\x1f".join(parts).encode("utf-8", "surrogateescape"), digest_size=16
    ).hexdigest()
