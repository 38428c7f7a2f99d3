"""The workspace: where the tables live, reached through an Ibis backend."""

from __future__ import annotations

from trueup.store.workspace import (
    DEFAULT_WORKSPACE,
    Ingested,
    Workspace,
    WorkspaceLocked,
    WorkspaceMissing,
)

__all__ = ["DEFAULT_WORKSPACE", "Ingested", "Workspace", "WorkspaceLocked", "WorkspaceMissing"]
