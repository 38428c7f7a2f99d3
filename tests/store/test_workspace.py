from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from trueup.errors import UserError
from trueup.schema import INTERACTIONS, LABELS, LAYER_EVENTS, OUTCOMES, TABLES
from trueup.store import Workspace, WorkspaceMissing
from trueup.store.workspace import SCHEMA_VERSION

NONE = np.array([], dtype=int)


def records(*pairs: tuple[str, str]) -> pa.Table:
    return INTERACTIONS.from_rows([{"id": key, "content_hash": text} for key, text in pairs])


def events(*targets: str) -> pa.Table:
    return LAYER_EVENTS.from_rows(
        [
            {"id": f"e{n}", "interaction_id": t, "layer": "l", "fired": True, "action": "block"}
            for n, t in enumerate(targets)
        ]
    )


@pytest.fixture
def ws(tmp_path: Path):
    with Workspace.open(tmp_path / "w.duckdb", create=True) as made:
        yield made


def ingest(ws: Workspace, rows: pa.Table, marks: pa.Table | None = None, parents=NONE):
    marks = events() if marks is None else marks
    return ws.ingest(rows, marks, OUTCOMES.from_rows([]), np.asarray(parents, int), NONE)


def test_every_declared_table_is_there_with_its_types(ws: Workspace) -> None:
    for table in TABLES.values():
        assert ws.table(table.name).schema().names == table.names


def test_ingesting_again_changes_nothing(ws: Workspace) -> None:
    rows, marks = records(("a", "1"), ("b", "2")), events("a", "b")
    first = ingest(ws, rows, marks, [0, 1])
    again = ingest(ws, rows, marks, [0, 1])
    assert (first.added, first.existing) == (2, 0)
    assert (again.added, again.existing) == (0, 2)
    assert (ws.count("interactions"), ws.count("layer_events")) == (2, 2)


def test_an_id_with_other_content_is_a_conflict_and_never_overwrites(ws: Workspace) -> None:
    ingest(ws, records(("a", "1")))
    done = ingest(ws, records(("a", "other"), ("b", "2")), events("a", "b"), [0, 1])
    assert done.conflicts == (0,)
    assert ws.table("interactions").to_pyarrow().to_pydict()["content_hash"] == ["1", "2"]
    assert ws.table("layer_events").to_pyarrow().column("interaction_id").to_pylist() == ["b"]


def test_a_conflict_within_one_batch_keeps_the_first(ws: Workspace) -> None:
    done = ingest(ws, records(("a", "1"), ("a", "1"), ("a", "2")))
    assert (done.added, done.existing, done.conflicts) == (1, 1, (2,))


def test_new_events_are_added_to_an_interaction_that_is_there(ws: Workspace) -> None:
    ingest(ws, records(("a", "1")))
    ingest(ws, records(("a", "1")), events("a"), [0])
    assert ws.count("layer_events") == 1


def test_upsert_replaces_by_key(ws: Workspace) -> None:
    row = {"id": "1", "target_id": "a", "question": "legitimate", "source": "human"}
    ws.upsert("labels", LABELS.from_rows([{**row, "value": "yes"}]))
    ws.upsert("labels", LABELS.from_rows([{**row, "value": "no"}]))
    assert ws.table("labels").to_pyarrow().column("value").to_pylist() == ["no"]


def test_hostile_keys_are_only_keys(ws: Workspace) -> None:
    key = "'; DROP TABLE labels; --"
    row = {"id": key, "target_id": "a", "question": "legitimate", "source": "human"}
    for value in ("yes", "no"):
        ws.upsert("labels", LABELS.from_rows([{**row, "value": value}]))
    assert ws.count("labels") == 1


def test_a_missing_workspace_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceMissing, match="trueup import"):
        Workspace.open(tmp_path / "none.duckdb")


def test_a_file_that_is_no_workspace_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.duckdb"
    path.write_text("shopping list, not a database\n" * 200)
    with pytest.raises(UserError, match="cannot be opened"):
        Workspace.open(path)


def test_a_newer_workspace_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with Workspace.open(path, create=True) as ws:
        ws.con.raw_sql(
            f"UPDATE meta SET value = '{SCHEMA_VERSION + 1}' WHERE key = 'schema_version'"
        )
    with pytest.raises(UserError, match="Upgrade trueup"):
        Workspace.open(path)


def test_an_older_workspace_gains_the_new_columns(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with Workspace.open(path, create=True) as ws:
        ws.con.raw_sql("ALTER TABLE layer_events DROP COLUMN failure")
        ws.con.raw_sql("DROP TABLE certificates")
        ws.set_setting("schema_version", "1")
    with Workspace.open(path) as ws:
        assert ws.table("layer_events").columns == LAYER_EVENTS.names
        assert ws.count("certificates") == 0
        assert ws.setting("schema_version") == str(SCHEMA_VERSION)


def test_scratch_leaves_nothing_behind() -> None:
    ws = Workspace.scratch()
    folder = Path(ws._folder.name)
    assert folder.exists()
    ws.close()
    assert not folder.exists()


def _write_forever(path: str) -> None:
    with Workspace.open(path, create=True) as ws:
        for batch in range(10_000):
            names = [f"{batch}-{n}" for n in range(200)]
            rows = records(*((name, name) for name in names))
            ingest(ws, rows, _marks(names), range(200))


def _marks(names: list[str]) -> pa.Table:
    return LAYER_EVENTS.from_rows(
        [
            {"id": f"e{n}", "interaction_id": n, "layer": "l", "fired": True, "action": "block"}
            for n in names
        ]
    )


def test_a_kill_leaves_whole_batches(tmp_path: Path) -> None:
    path = str(tmp_path / "w.duckdb")
    child = multiprocessing.get_context("spawn").Process(target=_write_forever, args=(path,))
    child.start()
    deadline = time.monotonic() + 60
    while not os.path.exists(path + ".wal") and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    with Workspace.open(path) as ws:
        stored = ws.count("interactions")
        assert stored % 200 == 0
        assert ws.count("layer_events") == stored
        ingest(ws, records(("new", "1")))
        assert ws.count("interactions") == stored + 1
