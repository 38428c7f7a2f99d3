"""Verdicts on disk as they arrive, so that no text is scored twice; failures are not kept."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import orjson

from trueup.guards.verdict import Verdict
from trueup.store.keyed import KeyedFile

__all__ = ["VerdictCache"]

FILE_NAME = "guards.sqlite"

_DDL = """
CREATE TABLE IF NOT EXISTS verdicts (
    key TEXT PRIMARY KEY,
    scores TEXT NOT NULL,
    latency_ms REAL NOT NULL
) WITHOUT ROWID
"""


class VerdictCache(KeyedFile):
    """A SQLite file in `folder`; what is put is committed at once. Use from one thread."""

    def __init__(self, folder: str | Path) -> None:
        super().__init__(folder, FILE_NAME, _DDL)

    def get(self, key: str) -> Verdict | None:
        row = self._db.execute(
            "SELECT scores, latency_ms FROM verdicts WHERE key = ?", (key,)
        ).fetchone()
        if row is None:
            return None
        return Verdict(tuple((name, score) for name, score in orjson.loads(row[0])), row[1])

    def put(self, verdicts: Iterable[tuple[str, Verdict]]) -> None:
        rows = [(key, orjson.dumps(v.scores).decode(), v.latency_ms) for key, v in verdicts]
        with self._db:
            self._db.executemany("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?)", rows)
