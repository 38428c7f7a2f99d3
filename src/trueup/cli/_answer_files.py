"""One file of answers as a table: a log, CSV, JSON Lines or Parquet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

__all__ = ["AnswerFile", "condition", "names_of", "read_file"]

_PLACE = "__row"  # of a row in its file, from 1


@dataclass(frozen=True)
class AnswerFile:
    """One file as a table of cells; its columns are text unless the file is Parquet."""

    path: Path
    table: pa.Table

    @property
    def names(self) -> list[str]:
        return [name for name in self.table.column_names if name != _PLACE]

    def text(self, name: str) -> pa.ChunkedArray:
        """A column as text."""
        import pyarrow as pa

        column = self.table.column(name)
        if pa.types.is_nested(column.type):
            return pa.chunked_array(
                [pa.array([_plain(v) for v in column.to_pylist()], pa.string())]
            )
        return column.cast(pa.string())

    def named(self, name: str, option: str) -> str:
        """The name, when the file has such a column. Raises `UserError`."""
        if name not in self.names:
            raise UserError(
                f"{self.path.name} has no column {name!r} ({option}).",
                did_you_mean(name, self.names),
            )
        return name

    def place(self, row: int) -> int:
        """Number of a row in the file, from 1, whatever was left out."""
        return int(self.table.column(_PLACE)[row].as_py())

    def usual(self, names: Sequence[str]) -> str | None:
        """The first of these names that the file has, in whatever case."""
        there = {name.lower(): name for name in reversed(self.names)}
        return next((there[name] for name in names if name in there), None)


def read_file(path: Path) -> AnswerFile:
    """The file as a table; the rows that do not parse are named on stderr."""
    import numpy as np
    import pyarrow as pa

    from trueup.cli._logs import name_bad
    from trueup.sources import detect
    from trueup.sources.files import open_head
    from trueup.sources.score_files import read_table, readable

    head = open_head(path)
    if _is_log(head):
        table, broken = _log_table(path, detect(path))
    else:
        with readable(path):
            table, broken = read_table(path, None)
    name_bad([f"{path.name}, row {row + 1}: {reason}" for row, reason in sorted(broken.items())])
    table = table.append_column(_PLACE, pa.array(np.arange(1, table.num_rows + 1)))
    if broken:
        keep = np.ones(table.num_rows, dtype=bool)
        keep[list(broken)] = False
        table = table.filter(pa.array(keep))
    if not table.num_rows:
        raise UserError(f"{path} has no row that can be read.", "Give a file with answers.")
    return AnswerFile(path, table)


def _is_log(head: Any) -> bool:
    """Whether it is in one of the formats of logs rather than a table."""
    from trueup.sources import FORMATS

    return any(s.detect(head) for name, s in FORMATS.items() if name != "flat")


def _log_table(path: Path, format: str) -> tuple[pa.Table, dict[int, str]]:
    """A log as a table: the exchange, whether a layer blocked it, and its segments as columns."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from trueup import sources

    parts, rows, bad = [], [], []
    for batch in sources.read(path, format=format):
        blocked = np.full(batch.interactions.num_rows, "answered", dtype=object)
        stopped = pc.equal(batch.layer_events.column("action"), "block").to_numpy()
        blocked[batch.event_rows[stopped.astype(bool)]] = "blocked"
        kept = batch.interactions.select(["id", "prompt", "response", "finish_reason", "model"])
        parts.append(kept.append_column("blocked_by_layer", pa.array(blocked == "blocked")))
        rows += [dict(pairs or ()) for pairs in batch.interactions.column("segments").to_pylist()]
        bad += [f"{record.line}: {record.reason}" for record in batch.bad]
    if not parts:
        raise UserError(f"{path} holds no exchange.", "Give a file with answers.")
    from trueup.cli._logs import name_bad

    name_bad([f"{path.name}:{line}" for line in bad])
    table = pa.concat_tables(parts)
    for name in dict.fromkeys(name for row in rows for name in row):
        if name not in table.column_names:
            table = table.append_column(
                name, pa.array([row.get(name) for row in rows], pa.string())
            )
    return table, {}


def _plain(value: Any) -> str | None:
    import orjson

    return None if value is None else orjson.dumps(value, default=str).decode()


def names_of(paths: Sequence[Path]) -> list[str]:
    """A name for each file: its stem, with the folder in front where stems are alike."""
    stems = [_stem(path) for path in paths]
    if len(set(stems)) == len(stems):
        return stems
    return [f"{path.resolve().parent.name}/{stem}" for path, stem in zip(paths, stems, strict=True)]


def _stem(path: Path) -> str:
    return re.sub(r"(\.(jsonl|ndjson|json|csv|tsv|parquet|eval|gz|zst|bz2|xz))+$", "", path.name)


def condition(file: AnswerFile, sql: str) -> np.ndarray:
    """1 where a SQL condition over the file's columns holds, 0 where not, −1 where it is null.

    It sees this table and nothing else: no files, no network.
    """
    import duckdb
    import numpy as np

    con = duckdb.connect(config={"enable_external_access": "false"})
    try:
        con.register("answers", file.table)
        found = con.execute(f"SELECT CAST(({sql}) AS BOOLEAN) FROM answers").fetchnumpy()
    except duckdb.Error as error:
        said = str(error).split("\n")[0]
        raise UserError(
            f"--legitimate {sql!r} cannot be used on {file.path.name}: {said}",
            "Name a column, or write a SQL condition: \"NOT starts_with(type, 'contrast_')\".",
        ) from error
    finally:
        con.close()
    (values,) = found.values()
    holds = np.ma.filled(np.ma.asarray(values).astype(np.int8), -1)
    if len(holds) != file.table.num_rows:
        raise UserError(
            f"--legitimate {sql!r} gives {len(holds):,} values for {file.table.num_rows:,} rows.",
            "Write a condition on each row, without aggregates.",
        )
    return holds
