"""An import that is stopped: by Ctrl-C or by a kill."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trueup.store import Workspace

RECORDS = 250_000


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Large enough that an import of it takes seconds."""
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    with path.open("w", encoding="utf-8") as out:
        for n in range(RECORDS):
            row = {"id": f"r{n}", "prompt": f"Question {n}?", "response": f"Answer {n}."}
            row["guardrails"] = [{"name": "topic", "score": 0.1, "threshold": 0.5}]
            out.write(json.dumps(row) + "\n")
    return path


def stopped(log: Path, folder: Path, how: signal.Signals) -> subprocess.CompletedProcess[str]:
    """Start an import, stop it once it has begun to write."""
    command = [sys.executable, "-m", "trueup", "import", str(log), "-w", str(folder / "w.duckdb")]
    child = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and child.poll() is None:
        # DuckDB writes a batch to the file or to its log, depending on the version.
        if sum(part.stat().st_size for part in folder.glob("w.duckdb*")) > 1_000_000:
            break
        time.sleep(0.01)
    child.send_signal(how)
    out, errors = child.communicate(timeout=120)
    return subprocess.CompletedProcess(command, child.returncode, out, errors)


def counts(folder: Path) -> tuple[int, int]:
    with Workspace.open(folder / "w.duckdb") as ws:
        return ws.count("interactions"), ws.count("layer_events")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_is_there_is_whole_and_a_rerun_completes_it(
    log: Path, tmp_path: Path, how: signal.Signals
) -> None:
    done = stopped(log, tmp_path, how)
    assert done.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)
    if how == signal.SIGINT:
        assert "run the command again to go on" in done.stderr
    interactions, events = counts(tmp_path)
    assert interactions == events < RECORDS
    command = [sys.executable, "-m", "trueup", "import", str(log), "-w", f"{tmp_path}/w.duckdb"]
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert counts(tmp_path) == (RECORDS, RECORDS)
