"""A SQLite file of answers that are not worth asking for twice."""

from __future__ import annotations

import sqlite3
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from trueup.errors import UserError

__all__ = ["KeyedFile", "key_of"]


def key_of(*parts: object) -> str:
    """Key of an answer: a hash of all that it depends on, which must be what JSON can hold."""
    return blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=20).hexdigest()


class KeyedFile:
    """One table in a file of its own; what is written is committed at once. Use from one thread.

    folder: made when it is not there. ddl: creates the table when it is not there. Raises
    `UserError` when the file cannot be written or is damaged.
    """

    def __init__(self, folder: str | Path, name: str, ddl: str) -> None:
        path = Path(folder) / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute(ddl)
            self._db.commit()
        except (OSError, sqlite3.DatabaseError) as error:
            raise UserError(
                f"cache_dir must be a folder that can be written, got {str(folder)!r} ({error}).",
                f"Choose another folder, or delete {path} if it is damaged.",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()
