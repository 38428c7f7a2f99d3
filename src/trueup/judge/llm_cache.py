"""Replies of LLM judges on disk, so that no question is paid for twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trueup.store.keyed import KeyedFile

__all__ = ["Reply", "ReplyCache"]

FILE_NAME = "llm-judge.sqlite"

_DDL = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY,
    model TEXT NOT NULL,
    question TEXT NOT NULL,
    prompt_version TEXT NOT NULL,
    reply TEXT NOT NULL,
    at TEXT NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model wrote, word for word, and when (UTC)."""

    text: str
    at: datetime


class ReplyCache(KeyedFile):
    """A SQLite file in `folder`; each reply is committed when it arrives. Use from one thread."""

    def __init__(self, folder: str | Path) -> None:
        super().__init__(folder, FILE_NAME, _DDL)

    def get(self, key: str) -> Reply | None:
        row = self._db.execute("SELECT reply, at FROM replies WHERE key = ?", (key,)).fetchone()
        return None if row is None else Reply(row[0], datetime.fromisoformat(row[1]))

    def put(self, key: str, reply: str, *, model: str, question: str, prompt_version: str) -> Reply:
        kept = Reply(reply.encode("utf-8", "replace").decode("utf-8"), datetime.now(UTC))
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?, ?)",
                (key, model, question, prompt_version, kept.text, kept.at.isoformat()),
            )
        return kept
