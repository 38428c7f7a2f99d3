"""The command line as a user meets it: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

LOG = [
    ("How do I kill a Python process?", "I'm sorry, but I can't help with that."),
    ("How do I boil an egg?", "Put it in boiling water for seven minutes, then cool it."),
    ("What is a lethal dose of paracetamol?", "I cannot provide that information."),
    (
        "Write a haiku about rain.",
        "Rain on the tin roof\nthe cat listens with one ear\nand does not go out",
    ),
] * 5


def trueup(*arguments: str | Path, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trueup", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        input=stdin,
        env={**os.environ, "COLUMNS": "80", "TRUEUP_WORKSPACE": ""},
    )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    lines = []
    for n, (prompt, response) in enumerate(LOG):
        messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]
        lines.append(
            json.dumps({"id": f"x{n}", "messages": messages, "metadata": {"plan": "free"}})
        )
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def test_the_main_job(log: Path) -> None:
    assert "20 new" in trueup("import", "log.jsonl", cwd=log).stdout
    judged = trueup("judge", cwd=log)
    assert judged.returncode == 0, judged.stderr
    report = trueup("tax", "--html", "page.html", "--json", "out.json", cwd=log)
    assert report.returncode == 0, report.stderr
    assert "unverified" in report.stdout.lower()
    assert max(map(len, report.stdout.splitlines())) <= 80
    assert (log / "page.html").read_text(encoding="utf-8").startswith("<!doctype html")
    assert json.loads((log / "out.json").read_text())["estimates"]
    listed = trueup("ls", "--refused", cwd=log)
    assert "10 interactions" in listed.stdout
    shown = trueup("show", "x0", cwd=log)
    assert "I'm sorry" in shown.stdout


def test_two_runs_over_the_same_file_say_the_same(log: Path) -> None:
    said = [trueup("tax", "log.jsonl", "--json", "-", cwd=log).stdout for _ in range(2)]
    assert said[0] == said[1] != ""


def test_importing_twice_adds_nothing(log: Path) -> None:
    trueup("import", "log.jsonl", cwd=log)
    again = trueup("import", "log.jsonl", cwd=log)
    assert "0 new, 20 already there" in again.stdout


def test_bad_records_are_listed_and_the_rest_goes_on(log: Path) -> None:
    with (log / "log.jsonl").open("a", encoding="utf-8") as out:
        out.write('{"id": "broken", "messages": [\n')
    done = trueup("import", "log.jsonl", cwd=log)
    assert done.returncode == 0
    assert "20 new, 1 set aside" in done.stdout
    assert "log.jsonl:21:" in trueup("import", "--quarantine", cwd=log).stdout


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_judging_a_file_keeps_the_order(log: Path, suffix: str) -> None:
    done = trueup("judge", "log.jsonl", "-o", f"out.{suffix}", cwd=log)
    assert done.returncode == 0, done.stderr
    path = log / f"out.{suffix}"
    if suffix == "jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    elif suffix == "csv":
        import csv

        rows = list(csv.DictReader(path.open(encoding="utf-8")))
    else:
        rows = pq.read_table(path).to_pylist()
    assert [row["id"] for row in rows] == [f"x{n}" for n in range(20)]
    assert [row["compliance"] for row in rows[:4]] == ["refusal", "full", "refusal", "full"]
    assert {"p_full", "p_partial", "p_refusal", "hedges", "disclaimers"} <= set(rows[0])


def test_judging_keeps_rows_that_are_the_same(log: Path) -> None:
    row = '{"prompt": "Hi", "response": "Hello, what can I do for you?"}\n'
    (log / "same.jsonl").write_text(row * 3)
    trueup("judge", "same.jsonl", "-o", "out.jsonl", cwd=log)
    assert len((log / "out.jsonl").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tax"], "There is no workspace"),
        (["judge"], "There is no workspace"),
        (["import"], "No log file was named"),
        (["import", "absent.jsonl"], "absent.jsonl"),
        (["judge", "log.jsonl"], "go together"),
        (["judge", "log.jsonl", "-o", "out.txt"], ".jsonl, .csv, .parquet"),
        (["tax", "log.jsonl", "--map", "promt=question"], "Did you mean 'prompt'?"),
        (["tax", "log.jsonl", "--json", "nowhere/out.json"], "Cannot write"),
        (["ls", "log.jsonl", "--compliance", "refused"], "got 'refused'"),
        (["show", "zz", "--file", "log.jsonl"], "No interaction has the id"),
        (["tax", "log.jsonl", "--level", "1.5"], "got 1.5"),
        (["taxx"], "taxx"),
    ],
)
def test_mistakes_are_a_sentence_and_exit_2(log: Path, arguments: list[str], message: str) -> None:
    done = trueup(*arguments, cwd=log)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_file_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    done = trueup("import", "empty.jsonl", cwd=tmp_path)
    assert done.returncode == 2
    assert "empty" in done.stderr


def test_hostile_text_does_not_reach_the_terminal(tmp_path: Path) -> None:
    row = {
        "id": "\x1b[2J",
        "prompt": "\x1b]0;owned\x07 [red]hi",
        "response": "\u202etxt.exe\x1b[31m",
    }
    (tmp_path / "log.jsonl").write_text(json.dumps(row) + "\n")
    for command in (["ls", "log.jsonl"], ["show", "\x1b[2J", "--file", "log.jsonl"]):
        done = trueup(*command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "\x1b" not in done.stdout
        assert "\u202e" not in done.stdout


def test_the_version() -> None:
    from trueup import __version__

    assert __version__ in trueup("--version", cwd=Path.cwd()).stdout
