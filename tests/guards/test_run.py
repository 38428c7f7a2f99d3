"""Whole runs: over files and over a workspace, and back in through the importer."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from trueup.cli.main import app
from trueup.errors import UserError
from trueup.schema import LAYER_EVENTS
from trueup.store import Workspace

GUARD = """
def topic(text):
    if "fail" in text:
        raise ValueError("no")
    return {"law": 0.9 if "law" in text else 0.1, "health": 0.6 if "pill" in text else 0.2}
"""
STACK = """
fail: open
layers:
  - name: topic
    python: run_guard:topic
    bands: {warn: 0.5, block: 0.8}
    segments: {"domain=legal": {threshold: 0.95}}
    retries: 0
  - name: strict
    python: run_guard:topic
    stage: output
    threshold: 0.8
    fail: closed
    retries: 0
  - name: words
    words: [bomb]
"""
LOG = [
    {"id": "1", "prompt": "law", "response": "here is the law", "domain": "legal", "model": "m"},
    {"id": "2", "prompt": "law and pill", "response": "fine", "domain": "hr"},
    {"id": "3", "prompt": "fail", "response": "fail"},
    {"id": "4", "prompt": "a bomb", "response": None, "domain": "hr"},
    {"id": "5", "prompt": "<b>\u202e👩‍👩‍👧\x1b[0m</b>", "response": "fine"},
    {"prompt": "twice", "response": "fine"},
    {"prompt": "twice", "response": "fine"},
]


@pytest.fixture
def folder(project: Path) -> Path:
    (project / "run_guard.py").write_text(GUARD, encoding="utf-8")
    (project / "stack.yaml").write_text(STACK, encoding="utf-8")
    write_log(project / "log.jsonl", LOG)
    return project


def write_log(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def trueup(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            return [
                row | {"guardrails": json.loads(row["guardrails"])} for row in csv.DictReader(file)
            ]
        return [json.loads(line) for line in file]


def events(location: Path) -> list[dict[str, Any]]:
    with Workspace.open(location) as ws:
        rows = ws.table("layer_events").to_pyarrow().to_pylist()
    for row in rows:
        if row["layer"] == "words":  # computed anew each time
            row["latency_ms"] = None
    return sorted(rows, key=lambda row: row["id"])


def test_one_row_per_record_in_order(folder: Path) -> None:
    trueup("guards", "run", "stack.yaml", "log.jsonl", "-o", "out.parquet")
    rows = rows_of(folder / "out.parquet")
    assert [row["prompt"] for row in rows] == [row["prompt"] for row in LOG]
    assert [row["id"] for row in rows[:5]] == ["1", "2", "3", "4", "5"]
    assert [row["domain"] for row in rows] == ["legal", "hr", None, "hr", None, None, None]
    assert [row["model"] for row in rows] == ["m", *[None] * 6]
    assert [row["score_topic"] for row in rows[:4]] == [0.9, 0.9, None, 0.2]
    assert [row["score_strict"] for row in rows[:4]] == [0.9, 0.2, None, None]
    assert [row["action"] for row in rows[:5]] == ["block", "block", "block", "block", "allow"]
    assert [row["blocked_by"] for row in rows[:5]] == ["strict", "topic", "strict", "words", None]


def test_what_each_layer_said_is_there(folder: Path) -> None:
    trueup("guards", "run", "stack.yaml", "log.jsonl", "-o", "out.parquet")
    rows = rows_of(folder / "out.parquet")

    def said(row: int, layer: str) -> list[tuple[Any, ...]]:
        names = ("category", "score", "threshold", "fired", "action", "failure")
        found = [event for event in rows[row]["guardrails"] if event["layer"] == layer]
        return [tuple(event[name] for name in names) for event in found]

    assert said(0, "topic") == [("law", 0.9, 0.95, False, "allow", None)]
    assert said(1, "topic") == [
        ("law", 0.9, 0.5, True, "block", None),
        ("health", 0.6, 0.5, True, "warn", None),
    ]
    assert said(2, "topic") == [(None, None, 0.5, False, "allow", "ValueError: no")]
    assert said(2, "strict") == [(None, None, 0.8, True, "block", "ValueError: no")]
    assert said(3, "strict") == []  # there is no response
    assert said(1, "words") == [(None, 0.0, 0.5, False, "allow", None)]  # although topic blocked
    assert rows[2]["guardrails"][0]["latency_ms"] is None
    assert rows[1]["guardrails"][0]["latency_ms"] > 0


@pytest.mark.parametrize("name", ["out.parquet", "out.jsonl", "out.csv"])
def test_the_output_imports_to_the_events_that_a_run_on_the_workspace_writes(
    folder: Path, name: str
) -> None:
    trueup("guards", "run", "stack.yaml", "log.jsonl", "-o", name)
    trueup("import", "log.jsonl", "-w", "log.duckdb")
    trueup("guards", "run", "stack.yaml", "-w", "log.duckdb")
    trueup("import", name, "-w", "again.duckdb")
    found = events(folder / "again.duckdb")
    assert len(found) == 21  # 7 records, 3 layers; one has no response, one two categories
    assert found == events(folder / "log.duckdb")
    LAYER_EVENTS.from_rows(found)


def test_prompts_alone_will_do(folder: Path) -> None:
    for name, text in {
        "p.csv": "question,domain\nthe law,legal\nhello,hr\n",
        "p.jsonl": '{"prompt": "the law", "domain": "legal"}\n{"prompt": "hello"}\n',
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
        trueup("guards", "run", "stack.yaml", name, "-o", "out.jsonl")
        rows = rows_of(folder / "out.jsonl")
        assert [row["score_topic"] for row in rows] == [0.9, 0.2]
        assert [row["score_strict"] for row in rows] == [None, None]
        trueup("import", "out.jsonl", "-w", f"{name}.duckdb")
        assert len(events(folder / f"{name}.duckdb")) == 4


def test_mapped_columns_and_labels_are_carried(folder: Path) -> None:
    (folder / "p.csv").write_text("q,ok,kind\nthe law,yes,a\nhello,no,b\n", encoding="utf-8")
    mapping = "prompt=q,label.legitimate=ok,segment.action=kind"
    trueup("guards", "run", "stack.yaml", "p.csv", "-o", "out.jsonl", "--map", mapping)
    rows = rows_of(folder / "out.jsonl")
    assert [row["legitimate"] for row in rows] == ["yes", "no"]
    assert [row["segment_action"] for row in rows] == ["a", "b"]
    assert [row["action"] for row in rows] == ["block", "allow"]


def test_the_usual_reading_still_refuses_prompts_alone(folder: Path) -> None:
    (folder / "p.csv").write_text("question\nhello\n", encoding="utf-8")
    with pytest.raises(UserError, match="could not be told"):
        trueup("import", "p.csv")


@pytest.mark.parametrize(("rows", "count"), [([], 0), (LOG[:1], 1)])
def test_hardly_any_rows(folder: Path, rows: list[dict[str, Any]], count: int) -> None:
    lines = [",".join([row["prompt"], row["response"]]) for row in rows]
    (folder / "few.csv").write_text("\n".join(["prompt,response", *lines, ""]), encoding="utf-8")
    for name in ("out.parquet", "out.csv", "out.jsonl"):
        shown = trueup("guards", "run", "stack.yaml", "few.csv", "-o", name)
        assert f"Wrote {count} rows" in shown
        assert len(rows_of(folder / name)) == count


def test_an_empty_file_is_a_user_error(folder: Path) -> None:
    (folder / "none.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(UserError):
        trueup("guards", "run", "stack.yaml", "none.jsonl", "-o", "out.jsonl")
    assert not (folder / "out.jsonl").exists()


def test_bad_records_are_named_and_the_rest_goes_on(folder: Path) -> None:
    with (folder / "log.jsonl").open("a", encoding="utf-8") as out:
        out.write("{broken\n")
    done = CliRunner().invoke(app, ["guards", "run", "stack.yaml", "log.jsonl", "-o", "out.csv"])
    assert "Wrote 7 rows" in done.output
    assert "log.jsonl:8:" in done.stderr


def test_a_rerun_on_the_workspace_leaves_no_stale_rows(folder: Path) -> None:
    foreign = {"layer": "other", "action": "block", "stage": "input"}
    write_log(folder / "log.jsonl", [row | {"guardrails": [foreign]} for row in LOG])
    trueup("import", "log.jsonl", "-w", "log.duckdb")
    trueup("guards", "run", "stack.yaml", "-w", "log.duckdb")
    before = events(folder / "log.duckdb")
    trueup("guards", "run", "stack.yaml", "-w", "log.duckdb")
    assert events(folder / "log.duckdb") == before
    swapped = STACK.replace("{warn: 0.5, block: 0.8}", "{block: 0.85}")
    parts = swapped.split("  - name: ")
    (folder / "stack.yaml").write_text(
        parts[0] + "  - name: ".join(["", parts[3], parts[1], parts[2]]), encoding="utf-8"
    )
    trueup("guards", "run", "stack.yaml", "-w", "log.duckdb")
    after = events(folder / "log.duckdb")
    assert sum(row["layer"] == "other" for row in after) == 7
    topic = [row for row in after if row["layer"] == "topic"]
    assert len(topic) == 7  # health no longer fires beside law
    assert {row["position"] for row in topic} == {1}
    assert {row["threshold"] for row in topic} == {0.85, 0.95}


def test_more_records_than_a_chunk(folder: Path) -> None:
    write_log(folder / "log.jsonl", [{"prompt": f"law {i}", "response": "x"} for i in range(1203)])
    assert "Wrote 1,203 rows" in trueup(
        "guards", "run", "stack.yaml", "log.jsonl", "-o", "out.parquet"
    )
    assert [row["prompt"] for row in rows_of(folder / "out.parquet")] == [
        f"law {i}" for i in range(1203)
    ]
    trueup("import", "log.jsonl", "-w", "log.duckdb")
    trueup("guards", "run", "stack.yaml", "-w", "log.duckdb")
    assert len(events(folder / "log.duckdb")) == 3 * 1203


def test_the_summary_fits_80_columns_and_says_why_a_layer_failed(folder: Path) -> None:
    text = STACK.replace("name: words", "name: " + "w" * 200)
    (folder / "stack.yaml").write_text(text, encoding="utf-8")
    shown = trueup("guards", "run", "stack.yaml", "log.jsonl", "-o", "out.csv").splitlines()
    assert max(map(len, shown)) <= 80
    topic = next(line for line in shown if line.startswith("topic "))
    assert topic.split()[1:6] == ["6", "16.7", "%", "16.7", "%"]
    assert "  failed 1, mostly (1): ValueError: no" in shown


@pytest.mark.parametrize("arguments", [["log.jsonl"], ["-o", "out.csv"]])
def test_files_and_output_go_together(folder: Path, arguments: list[str]) -> None:
    with pytest.raises(UserError, match="go together"):
        trueup("guards", "run", "stack.yaml", *arguments)


SLOW = """
import time
def score(text):
    with open("calls.txt", "a") as out:
        print(text, file=out)
    time.sleep(0.005)
    return 0.5
"""


def wait_for(met: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not met():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_killed_run_goes_on_where_it_stopped(folder: Path) -> None:
    """Only what was in flight when the process died is asked again."""
    (folder / "slow_guard.py").write_text(SLOW, encoding="utf-8")
    (folder / "stack.yaml").write_text(
        "fail: open\nlayers: [{name: a, python: 'slow_guard:score', threshold: 0.7}]",
        encoding="utf-8",
    )
    write_log(folder / "log.jsonl", [{"prompt": f"p{i}", "response": "x"} for i in range(600)])
    command = [sys.executable, "-m", "trueup", "guards", "run", "stack.yaml", "log.jsonl"]
    calls = folder / "calls.txt"
    with subprocess.Popen([*command, "-o", "out.jsonl"], stdout=subprocess.DEVNULL) as process:
        wait_for(lambda: calls.exists() and calls.read_text().count("\n") >= 50)
        os.kill(process.pid, signal.SIGKILL)
    before = calls.read_text().count("\n")
    assert 50 <= before < 600
    assert not (folder / "out.jsonl").exists()
    subprocess.run([*command, "-o", "out.jsonl"], check=True, stdout=subprocess.DEVNULL)
    asked = calls.read_text().splitlines()
    assert set(asked) == {f"p{i}" for i in range(600)}
    assert len(asked) <= 601
    assert len(rows_of(folder / "out.jsonl")) == 600
