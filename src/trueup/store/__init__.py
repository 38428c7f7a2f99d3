"""The workspace: where the tables live, reached through an Ibis backend."""

from __future__ import annotations

from trueup.store.answers import Answers, answers
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
    "Answers",
    "ImportSummary",
    "Ingested",
    "RecordBatch",
    "Workspace",
    "WorkspaceLocked",
    "WorkspaceMissing",
    "answers",
    "import_batches",
    "quarantine",
]
