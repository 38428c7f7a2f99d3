"""`trueup labels` from outside: import, export, a queue that goes out and comes back, agreement."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from trueup.cli.labels import app
from trueup.errors import UserError
from trueup.schema import INTERACTIONS
from trueup.store import Workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "w.duckdb"
    monkeypatch.setenv("TRUEUP_WORKSPACE", str(path))
    monkeypatch.setenv("USER", "ann")
    monkeypatch.chdir(tmp_path)
    rows = ({"id": f"i{n}", "content_hash": "x", "prompt": "=1+1"} for n in range(20))
    with Workspace.open(path, create=True) as ws:
        ws.append("interactions", INTERACTIONS.from_rows(rows))
    return path


def labels(*words: str) -> str:
    """Output of the command, which must succeed."""
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_import_says_what_became_of_each_record(workspace: Path, tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_text(
        "row,ok,final_label\ni0,yes,1_full_compliance\ni1,,2_full_refusal\nnone\x1b,yes,\n"
        "i2,perhaps,3_partial_refusal\n"
    )
    said = labels("import", "l.csv", "--map", "target_id=row,legitimate=ok", "--rater", "bob")
    assert "4 records; answers: 4 new, 2 blank" in said
    assert "2 set aside" in said
    assert "l.csv:4: No interaction in the workspace has the id" in said
    assert "l.csv:5: legitimate must be one of" in said
    assert "\x1b" not in said
    again = labels("import", "l.csv", "--map", "target_id=row,legitimate=ok", "--rater", "bob")
    assert "0 new, 4 already there" in again


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv"])
def test_export_and_import_back(workspace: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "l.jsonl").write_text('{"id": "i3", "legitimate": true, "compliance": "partial"}')
    labels("import", "l.jsonl", "--rater", "=bob")
    assert "Wrote 2 labels" in labels("export", "-o", name)
    assert "2 already there" in labels("import", name)
    assert "Wrote 1 labels" in labels("export", "-o", name, "--question", "legitimate")
    if name.endswith("csv"):
        with (tmp_path / name).open(newline="") as file:
            assert next(csv.DictReader(file))["rater"] == "'=bob"  # no formula


def test_the_format_can_be_named(workspace: Path, tmp_path: Path) -> None:
    labels("export", "-o", "todo.txt", "--format", "jsonl", "--queue", "3")
    rows = [json.loads(line) for line in (tmp_path / "todo.txt").read_text().splitlines()]
    assert len(rows) == 3


def test_a_queue_for_another_tool(workspace: Path, tmp_path: Path) -> None:
    assert "Wrote 8 interactions to label" in labels("export", "--queue", "8", "-o", "todo.csv")
    with (tmp_path / "todo.csv").open(newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    assert {row["prompt"] for row in rows} == {"'=1+1"}
    assert {row["rater"] for row in rows} == {"ann"}
    assert all(0 < float(row["probability"]) <= 1 for row in rows)
    assert {row["legitimate"] + row["compliance"] for row in rows} == {""}
    for row in rows:
        row.update(legitimate="yes", compliance="full")
    with (tmp_path / "done.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    assert "16 new" in labels("import", "done.csv")
    with Workspace.open(workspace) as ws:
        stored = ws.table("labels").to_pyarrow().to_pylist()
    assert {row["rater"] for row in stored} == {"ann"}
    found = {row["target_id"]: row["probability"] for row in stored}
    for row in rows:
        assert found[row["id"]] == pytest.approx(float(row["probability"]))


def test_agreement(workspace: Path, tmp_path: Path) -> None:
    assert "No human labels yet: agreement unknown." in labels("agreement")
    for rater, answers in (("ann", "yyyynn"), ("bob", "yyynnn")):
        lines = (json.dumps({"id": f"i{n}", "legitimate": a}) for n, a in enumerate(answers))
        (tmp_path / "l.jsonl").write_text("\n".join(lines))
        labels("import", "l.jsonl", "--rater", rater)
        if rater == "ann":
            assert "One rater only: agreement unknown." in labels("agreement")
    said = labels("agreement", "--question", "legitimate")
    assert "Krippendorff's alpha 0.69 (" in said
    assert "ann and bob: 83% alike on 6, kappa 0.67 (" in said
    assert "i3: ann yes, bob no" in said
    assert "compliance" not in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["import", "none.csv"], "does not exist"),
        (["import", "l.csv", "--map", "row"], "--map must be NAME=COLUMN"),
        (["import", "l.csv", "--source", "robot"], "source must be one of"),
        (["export", "-o", "l.txt"], "Cannot tell the output format"),
        (["export", "-o", "l.csv", "--question", "legit"], "question must be one of"),
        (["agreement", "--question", "legit"], "question must be one of"),
    ],
)
def test_user_mistakes(workspace: Path, tmp_path: Path, words: list[str], message: str) -> None:
    (tmp_path / "l.csv").write_text("id,legitimate\ni1,yes\n")
    with pytest.raises(UserError, match=message):
        labels(*words)
