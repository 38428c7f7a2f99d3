"""Connect to a workspace, append to it, query it.

The embedded default is one DuckDB file. Any Ibis URL works the same way (`postgres://…`): rows are
identified by key, so an append that is repeated changes nothing. On DuckDB a batch is one
transaction; elsewhere each insert is atomic by itself, and a rerun completes what was cut short.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError
from trueup.schema import INTERACTIONS, LABELS, LAYER_EVENTS, OUTCOMES, TABLES, Table

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import numpy as np
    import pyarrow as pa

__all__ = ["DEFAULT_WORKSPACE", "Ingested", "Workspace", "WorkspaceLocked", "WorkspaceMissing"]

DEFAULT_WORKSPACE = "trueup.duckdb"
SCHEMA_VERSION = 2
SCRATCH_KEY = "00" * 32  # no secret, so that two runs over the same files say the same


class WorkspaceMissing(UserError):
    """There is no workspace where one was expected."""


class WorkspaceLocked(UserError):
    """Another process holds the workspace."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of one batch of interactions.

    added, existing: counts of interactions. conflicts: row numbers, within the batch, of records
    whose id is taken by different content; neither they nor their events were stored.
    """

    added: int
    existing: int
    conflicts: tuple[int, ...]


class Workspace:
    """The tables of one project.

    Open with `Workspace.open` (a DuckDB path or an Ibis URL) or `Workspace.scratch`. Use as a
    context manager, or call `close`.
    """

    def __init__(self, con: Any, location: str, user_key: str | None = None) -> None:
        self.con = con
        self.location = location
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._prepare(user_key)

    @classmethod
    def open(cls, location: str | Path | None = None, *, create: bool = False) -> Workspace:
        """Open a workspace.

        Parameters
        ----------
        location
            DuckDB file or Ibis URL. Default: the environment variable TRUEUP_WORKSPACE, else
            `trueup.duckdb` in the current folder.
        create
            Make the file when it is not there. Otherwise `WorkspaceMissing` is raised.
        """
        where = str(location or os.environ.get("TRUEUP_WORKSPACE") or DEFAULT_WORKSPACE)
        if "://" in where:
            return cls(_connect_url(where), where)
        return cls(_connect_file(Path(where), create), where)

    @classmethod
    def scratch(cls) -> Workspace:
        """A workspace that is gone when closed: for commands that work straight on files.

        It lies in a temporary file, not in memory, so that a log of any size fits.
        """
        folder = tempfile.TemporaryDirectory(prefix="trueup-")
        con = _connect_file(Path(folder.name) / "scratch.duckdb", create=True)
        ws = cls(con, "scratch", SCRATCH_KEY)
        ws._folder = folder
        return ws

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.con.disconnect()
        if self._folder:
            self._folder.cleanup()

    @property
    def user_key(self) -> bytes:
        """Secret with which this workspace turns user ids into pseudonyms."""
        return bytes.fromhex(self._meta()["user_key"])

    def setting(self, key: str) -> str | None:
        """A value that `set_setting` stored, or None."""
        return self._meta().get(key)

    def set_setting(self, key: str, value: str) -> None:
        """Remember a value in the workspace, in place of an earlier one."""
        import pyarrow as pa
        import sqlglot.expressions as sge

        column = sge.Column(this=sge.to_identifier("key", quoted=True))
        earlier = sge.Delete(
            this=sge.to_identifier("meta", quoted=True),
            where=sge.Where(this=column.eq(sge.convert(key))),
        )
        with self.transaction():
            self.con.raw_sql(earlier.sql(dialect=self.con.dialect))
            self.con.insert("meta", _memtable(pa.table({"key": [key], "value": [value]})))

    def table(self, name: str) -> ir.Table:
        """One of the declared tables as an Ibis expression."""
        return self.con.table(TABLES[name].name)

    def count(self, name: str) -> int:
        """Number of rows in a table."""
        return int(self.table(name).count().execute())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing on DuckDB; no more than a block elsewhere."""
        if self.con.name != "duckdb":
            yield
            return
        self.con.raw_sql("BEGIN TRANSACTION")
        try:
            yield
        except BaseException:
            self.con.raw_sql("ROLLBACK")
            raise
        self.con.raw_sql("COMMIT")

    def append(self, name: str, rows: pa.Table) -> int:
        """Insert the rows whose key is not there yet; return how many were."""
        table = TABLES[name]
        fresh = self._unseen(table, _first_by_key(rows, table.key))
        if fresh.num_rows:
            self.con.insert(table.name, _memtable(fresh))
        return int(fresh.num_rows)

    def upsert(self, name: str, rows: pa.Table) -> None:
        """Insert rows, replacing those with the same key."""
        table = TABLES[name]
        last = _first_by_key(rows.take(list(range(rows.num_rows))[::-1]), table.key)
        self.replace(name, last.column(table.key), last)

    def replace(self, name: str, old: pa.ChunkedArray, rows: pa.Table) -> None:
        """Insert rows, which differ in key, in place of those whose keys are `old`."""
        table = TABLES[name]
        with self.transaction():
            self._delete_keys(table, old)
            if rows.num_rows:
                self.con.insert(table.name, _memtable(rows))

    def insert_query(self, name: str, query: ir.Table) -> None:
        """Insert the rows of a query, computed where the data lies; the caller sees to its keys."""
        self.con.insert(name, query.select(*TABLES[name].names))

    def clear(self, name: str) -> None:
        """Delete every row of a table."""
        self.con.truncate_table(TABLES[name].name)

    def ingest(
        self,
        interactions: pa.Table,
        layer_events: pa.Table,
        outcomes: pa.Table,
        event_rows: np.ndarray,
        outcome_rows: np.ndarray,
        labels: pa.Table | None = None,
        label_rows: np.ndarray | None = None,
    ) -> Ingested:
        """Append one batch of imported records, atomically on DuckDB.

        `event_rows`, `outcome_rows` and `label_rows` give, for each event, outcome and label, the
        row number of its interaction in this batch. An interaction that is already there is left as
        it is and what is new about it is added; an id taken by different content is a conflict.
        """
        import numpy as np
        import pyarrow as pa

        added, conflicts = self._sort_out(interactions)
        rejected = np.zeros(interactions.num_rows, dtype=bool)
        rejected[conflicts] = True
        with self.transaction():
            if added:
                self.con.insert(INTERACTIONS.name, _memtable(_rows(interactions, added)))
            for name, rows, parents in (
                (LAYER_EVENTS.name, layer_events, event_rows),
                (OUTCOMES.name, outcomes, outcome_rows),
                (LABELS.name, labels, label_rows),
            ):
                if rows is not None and rows.num_rows:
                    kept = rows.filter(pa.array(~rejected[parents])) if conflicts else rows
                    self.append(name, kept)
        existing = interactions.num_rows - len(added) - len(conflicts)
        return Ingested(len(added), existing, tuple(conflicts))

    def _sort_out(self, interactions: pa.Table) -> tuple[Sequence[int], list[int]]:
        """Row numbers of the interactions that are new, and of those in conflict."""
        known = self._known_hashes(interactions)
        if not known and _all_differ(interactions.column("id")):
            return range(interactions.num_rows), []
        ids = interactions.column("id").to_pylist()
        hashes = interactions.column("content_hash").to_pylist()
        added, conflicts = [], []
        for row, (key, content) in enumerate(zip(ids, hashes, strict=True)):
            if key not in known:
                known[key] = content
                added.append(row)
            elif known[key] != content:
                conflicts.append(row)
        return added, conflicts

    def _known_hashes(self, interactions: pa.Table) -> dict[str, str]:
        """Content hashes of those ids of the batch that the workspace already holds."""
        batch = _memtable(interactions.select(["id"]))
        found = (
            self.table(INTERACTIONS.name)
            .select("id", "content_hash")
            .semi_join(batch, "id")
            .to_pyarrow()
        )
        return dict(
            zip(
                found.column("id").to_pylist(),
                found.column("content_hash").to_pylist(),
                strict=True,
            )
        )

    def _unseen(self, table: Table, rows: pa.Table) -> pa.Table:
        """The rows whose key the workspace does not hold."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not rows.num_rows:
            return rows
        batch = _memtable(rows.select([table.key]))
        stored = self.table(table.name).select(table.key)
        seen = stored.semi_join(batch, table.key).to_pyarrow().column(table.key)
        if not len(seen):
            return rows
        mask = pc.is_in(rows.column(table.key), value_set=seen.cast(pa.string()))
        return rows.filter(pc.invert(mask))

    def _delete_keys(self, table: Table, keys: pa.ChunkedArray) -> None:
        """Delete the rows with these keys, in slices that every engine's IN list can take."""
        import sqlglot.expressions as sge

        quoted = sge.to_identifier(table.key, quoted=True)
        for start in range(0, len(keys), 1000):
            part = [sge.convert(key) for key in keys.slice(start, 1000).to_pylist()]
            query = sge.Delete(
                this=sge.to_identifier(table.name, quoted=True),
                where=sge.Where(this=sge.Column(this=quoted).isin(*part)),
            )
            self.con.raw_sql(query.sql(dialect=self.con.dialect))

    def _prepare(self, user_key: str | None) -> None:
        """Create what is missing, also columns; refuse a workspace made by a newer version."""
        import ibis

        there = set(self.con.list_tables())
        if "meta" not in there:
            self._create_meta(user_key or secrets.token_hex(32))
        version = int(self._meta()["schema_version"])
        if version > SCHEMA_VERSION:
            raise UserError(
                f"The workspace {self.location} has schema version {version}; this trueup knows "
                f"{SCHEMA_VERSION}.",
                "Upgrade trueup: pip install -U trueup.",
            )
        for table in TABLES.values():
            if table.name not in there:
                self.con.create_table(table.name, schema=ibis.Schema.from_pyarrow(table.arrow()))
            elif version < SCHEMA_VERSION:
                self._add_columns(table)
        if version < SCHEMA_VERSION:
            self.set_setting("schema_version", str(SCHEMA_VERSION))

    def _add_columns(self, table: Table) -> None:
        """Add the columns that an older version did not know; their values are null."""
        import ibis
        import sqlglot.expressions as sge

        stored = set(self.con.table(table.name).columns)
        schema = ibis.Schema.from_pyarrow(table.arrow())
        for name in table.names:
            if name not in stored:
                column = sge.ColumnDef(
                    this=sge.to_identifier(name, quoted=True),
                    kind=self.con.compiler.type_mapper.from_ibis(schema[name].copy(nullable=True)),
                )
                query = sge.Alter(
                    this=sge.to_identifier(table.name, quoted=True), kind="TABLE", actions=[column]
                )
                self.con.raw_sql(query.sql(dialect=self.con.dialect))

    def _create_meta(self, user_key: str) -> None:
        import pyarrow as pa

        values = {"schema_version": str(SCHEMA_VERSION), "user_key": user_key}
        rows = pa.table({"key": list(values), "value": list(values.values())})
        self.con.create_table("meta", _memtable(rows))

    def _meta(self) -> dict[str, str]:
        rows = self.con.table("meta").to_pyarrow()
        return dict(
            zip(rows.column("key").to_pylist(), rows.column("value").to_pylist(), strict=True)
        )


def _connect_file(path: Path, create: bool) -> Any:
    import duckdb
    import ibis

    if not path.exists() and not create:
        raise WorkspaceMissing(
            f"There is no workspace at {path}.",
            "Make one with: trueup import LOGFILE (or name one with --workspace).",
        )
    if path.is_dir():
        raise UserError(f"The workspace {path} is a folder.", "Name a file, such as trueup.duckdb.")
    if not path.parent.exists():
        raise UserError(f"The folder {path.parent} does not exist.", "Create it first.")
    try:
        con = ibis.duckdb.connect(path)
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise WorkspaceLocked(
                f"Another process is using the workspace {path}.", "Wait for it to end, then retry."
            ) from error
        raise UserError(
            f"{path} cannot be opened as a workspace.", "Is it a DuckDB file, and writable?"
        ) from error
    _configure(con)
    return con


def _connect_url(url: str) -> Any:
    import ibis

    try:
        return ibis.connect(url)
    except (ImportError, ValueError) as error:
        scheme = url.split("://", 1)[0]
        raise UserError(
            f"Cannot connect to a {scheme} workspace: {error}.",
            f"Is it installed? pip install 'ibis-framework[{scheme}]'",
        ) from error


def _configure(con: Any) -> None:
    """Times are UTC whatever the machine's zone, and no progress bar writes over ours."""
    con.raw_sql("SET TimeZone='UTC'")
    con.raw_sql("SET enable_progress_bar=false")
    con.raw_sql("SET preserve_insertion_order=false")


def _memtable(rows: pa.Table) -> ir.Table:
    import ibis

    return ibis.memtable(rows)


def _all_differ(keys: pa.ChunkedArray) -> bool:
    import pyarrow.compute as pc

    return bool(pc.count_distinct(keys, mode="all").as_py() == len(keys))


def _rows(table: pa.Table, rows: Sequence[int]) -> pa.Table:
    """The rows with these numbers, which are in order; no copy when they are all."""
    import pyarrow as pa

    if len(rows) == table.num_rows:
        return table
    return table.take(pa.array(rows, pa.int64()))


def _first_by_key(rows: pa.Table, key: str) -> pa.Table:
    """The first row of each key, in order."""
    if _all_differ(rows.column(key)):
        return rows
    keys: Sequence[str] = rows.column(key).to_pylist()
    first = {value: row for row, value in reversed(list(enumerate(keys)))}
    return _rows(rows, sorted(first.values()))
