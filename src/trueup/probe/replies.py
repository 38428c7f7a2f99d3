"""Replies on disk as they arrive, so that nothing is asked or paid for twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from pathlib import Path

import orjson

from trueup.probe.model import Reply
from trueup.store.keyed import KeyedFile

__all__ = ["ReplyCache"]

FILE_NAME = "probe.sqlite"
_CHUNK = 500  # keys per query
_FIELDS = tuple(field.name for field in fields(Reply))

_DDL = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY,
    reply TEXT NOT NULL
) WITHOUT ROWID
"""


class ReplyCache(KeyedFile):
    """A SQLite file in `folder`; what is put is committed at once. Use from one thread.

    Errors are not kept.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__(folder, FILE_NAME, _DDL)

    def get(self, keys: Iterable[str]) -> dict[str, Reply]:
        """The replies that are known, by key."""
        listed = list(keys)
        found: dict[str, Reply] = {}
        for start in range(0, len(listed), _CHUNK):
            chunk = listed[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))
            rows = self._db.execute(f"SELECT key, reply FROM replies WHERE key IN ({marks})", chunk)
            found.update((key, _reply(text)) for key, text in rows)
        return found

    def put(self, replies: Iterable[tuple[str, Reply]]) -> None:
        rows = [
            (key, orjson.dumps({name: getattr(reply, name) for name in _FIELDS}).decode())
            for key, reply in replies
            if reply.status != "error"
        ]
        with self._db:
            self._db.executemany("INSERT OR REPLACE INTO replies VALUES (?, ?)", rows)


def _reply(text: str) -> Reply:
    kept = orjson.loads(text)
    at = kept["at"]
    return Reply(**{**kept, "at": None if at is None else datetime.fromisoformat(at)})
