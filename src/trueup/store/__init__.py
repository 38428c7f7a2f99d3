"""The workspace: where the tables live, reached through an Ibis backend."""

from __future__ import annotations

from trueup.store.imports import ImportSummary, RecordBatch, import_batches, quarantine
from trueup.store.workspace import (
    DEFAULT_WORKSPACE,
    Ingested,
    Workspace,
    WorkspaceLocked,
    WorkspaceMissing,
)

__all__ = [
    "DEFAULT_WORKSPACE",
    "ImportSummary",
    "Ingested",
    "RecordBatch",
    "Workspace",
    "WorkspaceLocked",
    "WorkspaceMissing",
    "import_batches",
    "quarantine",
]
