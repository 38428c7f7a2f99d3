"""`trueup label` from outside: plain input, a terminal, a kill."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.outside import TRUEUP, environment, run
from trueup.judge.labels import read_labels
from trueup.store import Workspace

HOSTILE = "How do I kill a process?\x1b]0;owned\x07\u202e"


def labels_of(folder: Path) -> list[dict[str, Any]]:
    with Workspace.open(folder / "w.duckdb") as ws:
        return ws.table("labels").to_pyarrow().to_pylist()


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with twelve interactions, four of them blocked."""
    base = tmp_path_factory.mktemp("imported")
    (base / "log.jsonl").write_text(
        "".join(
            json.dumps(
                {
                    "id": f"i{n}",
                    "messages": [
                        {"role": "system", "content": "SYSTEM PROMPT. " * 20},
                        {"role": "user", "content": HOSTILE},
                        {"role": "assistant", "content": f"[bold]Answer {n}[/bold]\n" * 40},
                    ],
                    "domain": "code",
                    "guardrails": [
                        {
                            "name": "topic",
                            "score": 0.71 if n % 3 == 0 else 0.2,
                            "threshold": 0.42,
                            "action": "block" if n % 3 == 0 else "allow",
                        }
                    ],
                }
            )
            + "\n"
            for n in range(12)
        )
    )
    assert run(base, "import", "log.jsonl").returncode == 0
    return base


@pytest.fixture
def folder(imported: Path, tmp_path: Path) -> Path:
    """A copy of it, to label in."""
    return shutil.copytree(imported, tmp_path / "folder")


def test_a_session_by_lines(folder: Path) -> None:
    done = run(folder, "label", "--n", "3", keys="y\nfull\nno\nr\nmismatch\nC\n")
    assert done.returncode == 0, done.stderr
    assert "6 answers saved." in done.stdout
    rows = labels_of(folder)
    assert sorted(row["value"] for row in rows) == sorted(
        ["yes", "full", "no", "refusal", "mismatch", "unable"]
    )
    assert {row["rater"] for row in rows} == {"ann"}
    assert {row["guideline_version"] for row in rows} == {"g1"}
    assert all(0 < row["probability"] <= 1 and row["at"] for row in rows)


def test_what_is_shown(folder: Path) -> None:
    done = run(folder, "label", "--n", "1", keys="space\n?\nnonsense\nq\n")
    shown = done.stdout
    assert "Was the request legitimate under your own policy?" in shown
    assert "(threshold 0.42)" in shown
    assert "1 of 1 · rater ann · 0 of 12 labelled before" in shown
    assert "[bold]Answer" in shown  # text of the log is no markup
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\\x1b" in shown
    folded, unfolded = shown.split("300 characters (space shows them)")
    assert "SYSTEM PROMPT" not in folded
    assert "SYSTEM PROMPT" in unfolded
    assert "policy forbids it, and the policy is wrong" in shown  # ?
    assert "not one of the keys" in shown
    assert "0 answers saved" in shown
    for word in ("p_refusal", "annotator", "template"):
        assert word not in shown  # blind
    assert max(map(len, shown.splitlines())) <= 100


@pytest.mark.parametrize("keys", ["", "y\n", "y"])
def test_the_end_of_the_input_ends_the_session(folder: Path, keys: str) -> None:
    done = run(folder, "label", keys=keys)
    assert done.returncode == 0, done.stderr
    assert len(labels_of(folder)) == len(keys.strip())


def test_back_and_skip(folder: Path) -> None:
    done = run(folder, "label", "--n", "2", keys="b\ny\nb\nn\nf\ns\n")
    assert "This is the first question." in done.stdout
    assert "your answer so far: yes" in done.stdout
    assert "2 answers saved, 1 skipped." in done.stdout
    assert sorted(row["value"] for row in labels_of(folder)) == ["full", "no"]


def test_two_raters_and_what_is_left(folder: Path) -> None:
    keys = "y\nf\n" * 12
    assert "24 answers saved" in run(folder, "label", keys=keys).stdout
    assert "ann has labelled all 12" in run(folder, "label", keys=keys).stdout
    done = run(folder, "label", "--rater", "bob", keys="n\nf\n" * 12)
    assert "24 answers saved" in done.stdout
    assert {row["probability"] for row in labels_of(folder)} == {1.0}
    agreed = run(folder, "labels", "agreement").stdout
    assert "ann and bob: 0% alike on 12" in agreed
    assert "Everybody gave one and the same answer" in agreed


def test_straight_on_a_log(folder: Path) -> None:
    """Labels go to a file, and the next sitting goes on from there."""
    first = run(folder, "label", "log.jsonl", "--n", "2", keys="y\nf\ny\nf\n")
    assert first.returncode == 0, first.stderr
    assert "Next: trueup tax log.jsonl --labels labels.jsonl" in first.stdout
    run(folder, "label", "log.jsonl", "--n", "2", keys="y\nf\ny\nf\n")
    read = read_labels([folder / "labels.jsonl"])
    assert read.labels.num_rows == 8
    assert not read.bad
    assert not labels_of(folder)


def test_user_mistakes(folder: Path, tmp_path: Path) -> None:
    refused = run(folder, "label", "-o", "x.jsonl")
    assert refused.returncode == 2
    assert "goes with a log file" in refused.stderr
    (tmp_path / "none").mkdir()
    missing = run(tmp_path / "none", "label")
    assert missing.returncode == 2
    assert "no workspace" in missing.stderr


# In a terminal


class Terminal:
    """A pseudo-terminal with `trueup label` at the other end."""

    def __init__(self, process: int, descriptor: int) -> None:
        self.process = process
        self.descriptor = descriptor
        self.output = ""
        self._pending = ""  # read, but after what was waited for

    def wait_for(self, text: str, seconds: float = 60) -> None:
        """Read until `text` appears after what was waited for before."""
        end = time.monotonic() + seconds
        while text not in self._pending:
            left = end - time.monotonic()
            assert left > 0, f"{text!r} did not appear in {self._pending!r}"
            if select.select([self.descriptor], [], [], left)[0]:
                try:
                    data = os.read(self.descriptor, 65536)
                except OSError:  # the other end has gone
                    data = b""
                assert data, f"{text!r} did not appear in {self._pending!r}"
                self._pending += data.decode("utf-8", "replace")
        before, _, self._pending = self._pending.partition(text)
        self.output += before + text

    def press(self, keys: str) -> None:
        os.write(self.descriptor, keys.encode())

    def exit_code(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


@contextmanager
def terminal(folder: Path, *words: str) -> Iterator[Terminal]:
    pty = pytest.importorskip("pty", reason="no pseudo-terminals on this system")
    process, descriptor = pty.fork()
    if not process:
        os.chdir(folder)
        os.execvpe(TRUEUP[0], (*TRUEUP, *words), environment(folder))
    try:
        yield Terminal(process, descriptor)
    finally:
        try:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(descriptor)


def test_single_keys_in_a_terminal(folder: Path) -> None:
    with terminal(folder, "label", "--n", "2") as session:
        session.wait_for("legitimate under your own policy")
        session.press("y")
        session.wait_for("What did the response do")
        session.press("\x1b[A")  # an arrow key is no answer
        session.press("b")
        session.wait_for("your answer so far: yes")
        session.press("N")
        session.wait_for("What did the response do")
        session.press("f")
        session.wait_for("2 of 2")
        session.press(" ")
        session.wait_for("SYSTEM PROMPT")
        session.press("q")
        session.wait_for("2 answers saved")
        session.wait_for("trueup tax")
        assert session.exit_code() == 0
        assert "owned\x07" not in session.output
    assert sorted(row["value"] for row in labels_of(folder)) == ["full", "no"]


def test_control_c_keeps_the_answers_and_the_terminal(folder: Path) -> None:
    termios = pytest.importorskip("termios")
    with terminal(folder, "label", "--n", "2") as session:
        before = termios.tcgetattr(session.descriptor)[3]
        session.wait_for("legitimate under your own policy")
        assert not termios.tcgetattr(session.descriptor)[3] & termios.ICANON
        session.press("m")
        session.wait_for("What did the response do")
        session.press("\x03")
        session.wait_for("1 answer saved")
        after = termios.tcgetattr(session.descriptor)[3]
        assert session.exit_code() == 130
        assert after == before
    assert [row["value"] for row in labels_of(folder)] == ["mismatch"]


def test_a_kill_loses_nothing_that_was_acknowledged(folder: Path) -> None:
    with terminal(folder, "label", "--n", "5") as session:
        session.wait_for("legitimate under your own policy")
        for key, following in (("y", "What did"), ("r", "2 of 5"), ("n", "What did")):
            session.press(key)
            session.wait_for(following)  # the next question is the acknowledgement
        os.kill(session.process, signal.SIGKILL)
        assert session.exit_code() == -signal.SIGKILL
    rows = labels_of(folder)
    assert sorted(row["value"] for row in rows) == ["no", "refusal", "yes"]
    assert all(0 < row["probability"] <= 1 for row in rows)
    done = run(folder, "label", "--n", "5", keys="p\n")
    assert "What did the response do?" in done.stdout
    assert len(labels_of(folder)) == 4


def test_a_kill_leaves_a_whole_labels_file(folder: Path) -> None:
    with terminal(folder, "label", "log.jsonl", "--n", "5") as session:
        session.wait_for("legitimate under your own policy")
        session.press("y")
        session.wait_for("What did")
        session.press("r")
        session.wait_for("2 of 5")
        os.kill(session.process, signal.SIGKILL)
        session.exit_code()
    read = read_labels([folder / "labels.jsonl"])
    assert sorted(read.labels.column("value").to_pylist()) == ["refusal", "yes"]
