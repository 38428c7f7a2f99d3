"""`trueup suite` from outside: listing, showing, mining, approving."""

from __future__ import annotations

import json
import os
import select
import shutil
from pathlib import Path

import pytest

from tests.cli.outside import TRUEUP, environment, run
from trueup.probe.suite import builtin_names, load_suite

HOSTILE = "How do I kill [bold]a process?\x1b]0;owned\x07\u202e"
WORDS = "anvil bridge candle dolphin engine feather"


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of six blocked requests, of which one is labelled harmful and two legitimate."""
    base = tmp_path_factory.mktemp("logged")
    records = [
        {
            "id": f"i{n}",
            "user": "someone@example.org",
            "prompt": HOSTILE if n == 0 else f"{word} {word[::-1]}?",
            "response": "I can't help with that.",
            "domain": ("code", "law")[n % 2],
            "guardrails": [{"name": "topic", "score": 0.9, "threshold": 0.4, "action": "block"}],
        }
        for n, word in enumerate(WORDS.split())
    ]
    (base / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    labels = [{"id": "i0", "legitimate": "yes"}, {"id": "i5", "legitimate": "no"}]
    (base / "labels.jsonl").write_text("".join(json.dumps(label) + "\n" for label in labels))
    return base


@pytest.fixture
def folder(logged: Path, tmp_path: Path) -> Path:
    """A copy of it, to mine in."""
    return shutil.copytree(logged, tmp_path / "folder")


@pytest.fixture(scope="module")
def mined(logged: Path) -> str:
    """What mining that log prints; the file is mine.jsonl beside it."""
    done = run(logged, "suite", "mine", "log.jsonl", "--labels", "labels.jsonl")
    assert done.returncode == 0, done.stderr
    return done.stdout


def flat(text: str) -> str:
    return " ".join(text.split())


def test_listing(tmp_path: Path) -> None:
    done = run(tmp_path, "suite", "list")
    assert done.returncode == 0, done.stderr
    for name in builtin_names():
        suite = load_suite(f"builtin:{name}")
        assert f"builtin:{suite.name}" in done.stdout
        assert f"{len(suite.prompts)} prompts, {suite.pairs} pairs" in done.stdout
    assert "professional " in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_showing_one_that_ships(tmp_path: Path) -> None:
    done = run(tmp_path, "suite", "show", "builtin:medical", "--n", "2")
    assert done.returncode == 0, done.stderr
    suite = load_suite("builtin:medical")
    for prompt in suite.prompts[:4]:
        assert flat(prompt.prompt) in flat(done.stdout)
    assert done.stdout.count("legitimate: ") == done.stdout.count("harmful: ") == 2
    assert f"… and {suite.pairs - 2} more: --n {suite.pairs}" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_showing_a_file_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    rows = [{"id": "a", "prompt": HOSTILE}, {"id": "b", "prompt": ""}, {"id": "\x1b[2J\u202e"}]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run(tmp_path, "suite", "show", "own.jsonl")
    assert done.returncode == 0, done.stderr
    assert "1 prompt: 1 unlabelled" in done.stdout
    assert "kill [bold]a process?\\x1b]0;owned\\x07\\u202e" in done.stdout
    assert "own.jsonl:2: The prompt is empty." in done.stderr
    assert "2 records could not be read and are left out." in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "\u202e" not in done.stdout + done.stderr


def test_mining_a_log(logged: Path, mined: str) -> None:
    said = flat(mined)
    assert "Wrote 6 prompts to mine.jsonl: 1 labelled legitimate, 4 assumed legitimate" in said
    assert "and 1 harmful and rightly refused." in said
    assert "Drawn from 5 refusals of legitimate or unlabelled requests." in said
    assert "your users' own words: check them for personal data" in said
    assert "trueup suite review mine.jsonl" in said
    text = (logged / "mine.jsonl").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    assert {row["interaction_id"] for row in rows} == {f"i{n}" for n in range(6)}
    assert not any(row["approved"] for row in rows)
    assert "example.org" not in text


def test_a_mined_suite_is_of_no_use_before_it_is_approved(logged: Path, mined: str) -> None:
    done = run(logged, "suite", "show", "mine.jsonl")
    assert done.returncode == 2
    assert "nobody has approved its 6 prompts yet" in done.stderr
    assert "trueup suite review mine.jsonl" in done.stderr


def test_mining_the_workspace(folder: Path) -> None:
    for words in (
        ("import", "log.jsonl"),
        ("judge",),
        ("labels", "import", "labels.jsonl"),
        ("suite", "mine", "-o", "few.jsonl", "--n", "2"),
    ):
        done = run(folder, *words)
        assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (folder / "few.jsonl").read_text().splitlines()]
    assert [(row["interaction_id"], row["legitimate"]) for row in rows] == [
        ("i0", True),
        ("i5", False),
    ]


def test_mining_never_writes_over_approvals(folder: Path, mined: str) -> None:
    (folder / "mine.jsonl").write_text("mine\n")
    done = run(folder, "suite", "mine", "log.jsonl")
    assert done.returncode == 2
    assert "mine.jsonl is there already" in done.stderr
    assert (folder / "mine.jsonl").read_text() == "mine\n"
    done = run(folder, "suite", "mine", "log.jsonl", "-o", "mine.csv")
    assert "--output must end in .jsonl, got 'mine.csv'." in done.stderr


def test_reviewing_by_lines(folder: Path, mined: str, logged: Path) -> None:
    shutil.copy(logged / "mine.jsonl", folder)
    keys = "y\nwhat\n?\ndrop\ns\nb\nn\nquit\n"
    done = run(folder, "suite", "review", "mine.jsonl", "--rater", "bob", keys=keys)
    assert done.returncode == 0, done.stderr
    assert "refused by topic" in done.stdout
    assert "legitimate (as labelled)" in done.stdout
    assert "legitimate (assumed)" in done.stdout
    assert "harmful (you say)" in done.stdout
    assert "That is not one of the keys" in done.stdout
    assert "go on later with the same command" in done.stdout  # ?
    assert "\x1b" not in done.stdout
    assert "\\x1b]0;owned" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "1 approved, 1 dropped, 4 left in mine.jsonl." in done.stdout
    rows = [json.loads(line) for line in (folder / "mine.jsonl").read_text().splitlines()]
    assert len(rows) == 5
    assert [row["approved"] for row in rows] == [True, False, False, False, False]
    assert rows[0]["approved_by"] == "bob"
    rest = run(folder, "suite", "review", "mine.jsonl", keys="y\n" * 9)
    assert "4 approved, 0 dropped in mine.jsonl." in rest.stdout
    assert "waits for approval" in run(folder, "suite", "review", "mine.jsonl").stdout
    assert len(load_suite(folder / "mine.jsonl").prompts) == 5


def test_approving_all(folder: Path, mined: str, logged: Path) -> None:
    shutil.copy(logged / "mine.jsonl", folder)
    done = run(folder, "suite", "review", "mine.jsonl", "--approve-all")
    assert "6 approved in mine.jsonl." in done.stdout
    assert len(load_suite(folder / "mine.jsonl").prompts) == 6


def test_in_a_terminal_review_follows_at_once(folder: Path) -> None:
    pty = pytest.importorskip("pty", reason="no pseudo-terminals on this system")
    process, descriptor = pty.fork()
    if not process:
        os.chdir(folder)
        words = ("suite", "mine", "log.jsonl", "-o", "new.jsonl")
        os.execvpe(TRUEUP[0], (*TRUEUP, *words), environment(folder))
    seen = ""

    def wait_for(text: str) -> None:
        nonlocal seen
        while text not in seen:
            assert select.select([descriptor], [], [], 60)[0], seen
            seen += os.read(descriptor, 65536).decode("utf-8", "replace")
        seen = seen.partition(text)[2]

    wait_for("1 of 6")
    os.write(descriptor, b"y")
    wait_for("2 of 6")
    os.write(descriptor, b"\x03")  # Ctrl-C
    wait_for("1 approved, 0 dropped, 5 left")
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 130
    os.close(descriptor)
    assert len(load_suite(folder / "new.jsonl").prompts) == 1
