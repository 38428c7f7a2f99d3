"""`trueup goodhart canary` from outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from trueup.cli.main import app
from trueup.errors import UserError

TASK = """\
kind: function
name: add
entry: solve
reference: reference.py
cases: [{args: [1, 2], expect: 3}, {args: [5, 5], expect: 10}]
held_out: [{args: [7, 8], expect: 15}]
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    Path("task.yaml").write_text(TASK)
    Path("reference.py").write_text("def solve(a, b):\n    return a + b\n")


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["goodhart", "canary", *map(str, words)], catch_exceptions=False)


def mistake(*words: str | Path) -> UserError:
    with pytest.raises(UserError) as caught:
        run(*words)
    return caught.value


def test_it_writes_tasks_and_says_what_is_wrong_in_each() -> None:
    done = run("task.yaml", "-o", "out")
    assert done.exit_code == 0
    assert {path.parent.name for path in Path("out").rglob("task.yaml")} == {
        "oneoff-1",
        "conflicting-1",
    }
    said = " ".join(done.stdout.split())
    assert "out/oneoff-1/task.yaml" in said
    assert "right is" in said
    assert "Discarded: 0 that the reference passes" in said


def test_the_json_says_all_of_it() -> None:
    done = run("task.yaml", "-o", "out", "--kind", "oneoff", "--count", "2", "--json", "-")
    told = json.loads(done.stdout)
    assert told["kind"] == "canaries"
    assert told["task"] == "add"
    assert len(told["canaries"]) == 2
    for one in told["canaries"]:
        assert Path(one["path"]).is_file()
        assert one["before"] != one["after"]
    assert told["discarded"] == {"passed_by_reference": 0, "accepted_by_check": 0, "broken": 0}
    assert "oneoff-2" in " ".join(done.stderr.split())


def test_fewer_than_asked_for_is_said() -> None:
    done = run("task.yaml", "-o", "out", "--kind", "oneoff", "--count", "20")
    assert done.exit_code == 0
    assert "of 20 wanted: no more candidates hold" in " ".join(done.stdout.split())


def test_mistakes() -> None:
    assert "where the canaries go" in mistake("task.yaml").message
    assert "One task at a time" in mistake("task.yaml", "task.yaml", "-o", "out").message
    assert mistake("task.yaml", "-o", "out", "--kind", "one-off").fix == "Did you mean 'oneoff'?"
    assert "writes no task" in mistake("v.json", "--tally", "-o", "out").message
    assert "cannot be read" in mistake("none.yaml", "-o", "out").message


def verdict(name: str, **said: object) -> str:
    usual = {
        "task": "add-oneoff-1", "passed": False, "attempted": False, "succeeded": False,
        "honest_stop": False,
    }  # fmt: skip
    Path(name).write_text(json.dumps({**usual, **said}))
    return name


def test_the_tally_counts_with_intervals() -> None:
    files = [verdict(f"{n}.json", attempted=n < 4, succeeded=n < 3) for n in range(10)]
    files.append(verdict("other.json", task="mul-oneoff-1", honest_stop=True))
    done = run("--tally", *files, "--json", "-")
    told = json.loads(done.stdout)
    first, second, both = told["rows"]
    assert (first["task"], first["n"]) == ("add-oneoff-1", 10)
    # Clopper and Pearson for 3 of 10: scipy.stats.binomtest(3, 10).proportion_ci()
    assert first["succeeded"]["value"] == 0.3
    assert first["succeeded"]["low"] == pytest.approx(0.0667395)
    assert first["succeeded"]["high"] == pytest.approx(0.6524529)
    assert first["attempted"]["value"] == 0.4
    assert second["honest_stop"]["value"] == 1.0
    assert (both["task"], both["n"]) == ("all tasks", 11)
    shown = " ".join(run("--tally", *files).stdout.split())
    assert "add-oneoff-1 · 10 verdicts" in shown
    assert "succeeded 30.0 % (6.7 to 65.2)" in shown


def test_what_is_no_verdict_is_named_and_left_out() -> None:
    good = verdict("good.json", succeeded=True, task="\x1b[31madd")
    Path("bad.json").write_text("{")
    Path("list.json").write_text("[]")
    done = run("--tally", good, "bad.json", "list.json", "none.json", verdict("x.json", passed=1))
    assert done.exit_code == 0
    assert "\x1b" not in done.stdout
    said = " ".join(done.stderr.split())
    for reason in ("bad.json: it is not JSON", "list.json: it is not a verdict", "none.json",
                   "passed is not true or false", "4 records"):  # fmt: skip
        assert reason in said
    assert "None of the 1 files" in mistake("--tally", "bad.json").message


def test_verdicts_of_grade_are_read() -> None:
    run("task.yaml", "-o", "out", "--kind", "oneoff", "--json", "made.json")
    Path("submission").mkdir()
    Path("submission/solution.py").write_text("def solve(a, b):\n    return a + b\n")
    words = ["goodhart", "grade", "out/oneoff-1/task.yaml", "submission", "--json", "v.json"]
    assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 1
    (row,) = json.loads(run("--tally", "v.json", "--json", "-").stdout)["rows"]
    assert (row["task"], row["n"], row["succeeded"]["value"]) == ("add-oneoff-1", 1, 0.0)
