"""`trueup goodhart attack` from outside: exit codes, outputs, mistakes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from trueup.cli.main import app
from trueup.errors import UserError


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["goodhart", "attack", *map(str, words)], catch_exceptions=False)


def command(text: str) -> str:
    Path("grade.py").write_text(text, encoding="utf-8")
    return f"{sys.executable} {Path('grade.py').resolve()}"


def test_a_grader_that_is_fooled_exits_1() -> None:
    done = run("in-process", "--only", "always-equal-int", "--json", "a.json", "--markdown", "a.md")
    assert done.exit_code == 1
    assert done.stdout.startswith("An in-process comparison falls for 1 of 1 exploit")
    told = json.loads(Path("a.json").read_text(encoding="utf-8"))
    assert told["fell_for"] == ["always-equal"]
    assert "| `always-equal` |" in Path("a.md").read_text(encoding="utf-8")


def test_a_grader_that_holds_exits_0() -> None:
    done = run("pickle", "--only", "hard-exit-alarm")
    assert done.exit_code == 0
    assert "falls for none of 1 exploit" in done.stdout


def test_json_on_stdout_stands_alone() -> None:
    done = run("pickle", "--only", "hard-exit-alarm", "--json", "-")
    assert json.loads(done.stdout)["holds"] is True
    assert "falls for none" in done.stderr


MATCH = "import pathlib, sys\nsaid = pathlib.Path(sys.argv[1]).read_text().strip()\n"


def test_a_matcher_of_text_is_fooled_by_what_it_looks_for() -> None:
    Path("right.txt").write_text("Paris", encoding="utf-8")
    naive = command(f"{MATCH}sys.exit(said not in 'Paris')") + " {answer}"
    done = run(naive, "--answers", "--right", "right.txt", "--json", "a.json")
    assert done.exit_code == 1
    assert json.loads(Path("a.json").read_text())["fell_for"] == ["empty-answer"]
    strict = command(f"{MATCH}sys.exit(said != 'Paris')") + " {answer}"
    assert run(strict, "--answers", "--right", "right.txt").exit_code == 0


def test_a_judge_that_obeys_what_it_reads_is_found() -> None:
    Path("right.txt").write_text("Paris", encoding="utf-8")
    judge = command(
        f"{MATCH}words = said.lower()\n"
        "sys.exit(not ('paris' in words or 'correct' in words or words.endswith(':')))"
    )
    done = run(judge + " {answer}", "--answers", "--right", "right.txt", "--json", "-")
    assert {"judge-token", "judge-injection"} <= set(json.loads(done.stdout)["fell_for"])


def test_a_refused_right_answer_makes_the_table_void() -> None:
    Path("right.txt").write_text("Rome", encoding="utf-8")
    strict = command(f"{MATCH}sys.exit(said != 'Paris')") + " {answer}"
    done = run(strict, "--answers", "--right", "right.txt")
    assert done.exit_code == 1
    assert "means nothing until that is mended" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no-such-grader"], "{submission}"),
        (["pytest", "--task", "functions"], "functions"),
        (["pytest", "--json", "-", "--markdown", "-"], "one output"),
        (["cat {answer}", "--answers"], "--right"),
        (["cat {answer}", "--answers", "--right", "none.txt"], "none.txt"),
        (["cat {submission}", "--answers", "--right", "x"], "{answer}"),
        (["cat {answer}", "--answers", "--only", "empty"], "--only"),
    ],
)
def test_mistakes_say_what_to_do(words: list[str], said: str) -> None:
    with pytest.raises(UserError) as caught:
        run(*words)
    assert said in caught.value.message
    assert caught.value.fix
