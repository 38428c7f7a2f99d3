"""`trueup tune`, `trueup certificate verify` and `trueup watch` from outside."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from scipy.stats import binom
from typer.testing import CliRunner

from trueup.cli.main import app
from trueup.errors import UserError
from trueup.store import Workspace

HOSTILE = "\x1b]0;owned\x07[red]\u202e"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUEUP_WORKSPACE", "")
    monkeypatch.setenv("COLUMNS", "80")


def run(*words: str | Path) -> Result:
    """The command in this process; a user's mistake is raised."""
    return CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)


def done(*words: str | Path) -> Result:
    found = run(*words)
    assert found.exit_code == 0, found.output
    return found


def found_json(*words: str | Path) -> dict[str, Any]:
    return json.loads(done(*words, "--json", "-").stdout)


def mistake(*words: str | Path) -> UserError:
    with pytest.raises(UserError) as caught:
        run(*words)
    assert caught.value.message.endswith((".", "?"))
    return caught.value


Row = dict[str, Any]


def rows(n: int = 400, shift: float = 2.0, seed: int = 0) -> list[Row]:
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    return [
        {
            "harmful": int(y),
            "guard": round(float(rng.normal(shift * y, 1)), 4),
            "other": round(float(rng.normal(y, 1)), 4),
            "text": f"prompt {seed} {k}",
            "user": f"u{k // 2}",
            "p": 0.5,
            "domain": "law" if k % 3 else "code",
        }
        for k, y in enumerate(label)
    ]


def table(path: str | Path, found: Sequence[Row]) -> Path:
    with Path(path).open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, found[0].keys())
        writer.writeheader()
        writer.writerows(found)
    return Path(path)


TUNE = ("tune", "t.csv", "--label", "harmful", "--score", "guard")


# A plain table


def test_the_contract_of_the_json(tmp_path: Path) -> None:
    table("t.csv", rows())
    report = found_json(*TUNE, "--max-miss", "0.1", "--confidence", "0.9")
    names = [
        "certified",
        "threshold",
        "empirical_tax",
        "empirical_risk",
        "risk_bound",
        "alpha",
        "delta",
        "n",
        "n_positive",
        "procedure",
        "reason",
    ]
    assert set(names) <= set(report)
    score = np.array([row["guard"] for row in rows()])
    harmful = np.array([row["harmful"] for row in rows()]) == 1
    n = int(harmful.sum())
    allowed = int(binom.ppf(0.1, n, 0.1))
    while binom.cdf(allowed, n, 0.1) > 0.1:
        allowed -= 1
    flagged = score >= report["threshold"]  # at or above
    assert report["certified"] is True
    assert report["threshold"] <= np.sort(score[harmful])[allowed]
    assert (score >= np.sort(score[harmful])[allowed])[~harmful].mean() == report["empirical_tax"]
    assert report["empirical_tax"] == flagged[~harmful].mean()
    assert report["empirical_risk"] == (~flagged)[harmful].mean()
    assert report["empirical_risk"] < report["risk_bound"] <= 0.1
    assert (report["alpha"], report["delta"]) == (0.1, 0.1)
    assert (report["n"], report["n_positive"]) == (400, n)
    assert report["procedure"] == "fixed sequence testing"
    assert report["reason"].endswith(f"on {n} harmful examples.")
    assert report["thresholds"] == {"guard": report["threshold"]}


def test_nothing_certified_is_an_answer() -> None:
    table("t.csv", rows(40))
    found = done(*TUNE, "--max-miss", "0.01", "--certificate", "c.json")
    assert "too few" in " ".join(found.stdout.split())
    assert "was not written" in found.stderr
    assert not Path("c.json").exists()
    report = found_json(*TUNE, "--max-miss", "0.01")
    assert (report["certified"], report["threshold"], report["risk_bound"]) == (False, None, None)
    assert report["needed"]["needed"] == 299
    assert report["certificate"] is None


def test_what_is_in_force_today() -> None:
    table("t.csv", rows())
    report = found_json(*TUNE, "--max-new-miss", "0.1", "--today", "-0.5")
    assert report["mode"] == "new_miss"
    assert report["today"] == {"guard": -0.5}
    assert report["threshold"] > -0.5
    assert report["won_back"]["value"] > 0
    assert report["newly_pass"] > 0
    off = found_json(*TUNE, "--max-miss", "0.1", "--today", "off")
    assert off["today"] == {"guard": None}
    assert off["won_back"]["value"] < 0
    two = (*TUNE, "--score", "other", "--max-miss", "0.2")
    named = found_json(*two, "--today", "guard=0.1", "--today", "other=off")
    assert named["today"] == {"guard": 0.1, "other": None}
    assert named["threshold"] is None
    assert set(named["thresholds"]) == {"guard", "other"}


def test_costs_weights_users_and_segments() -> None:
    table("t.csv", rows(1200))
    priced = found_json(*TUNE, "--cost-miss", "9", "--cost-block", "1")
    assert (priced["certified"], priced["costs"]) == (False, {"miss": 9.0, "block": 1.0})
    assert priced["threshold"] is not None
    drawn = found_json(*TUNE, "--max-miss", "0.2", "--probability", "p", "--cluster", "user")
    assert drawn["p_value"] == "betting"
    assert drawn["certified"]
    parted = found_json(*TUNE, "--max-miss", "0.2", "--by", "domain")
    assert [one["segment"] for one in parted["segments"]] == ["domain=code", "domain=law"]
    assert [one["delta"] for one in parted["segments"]] == pytest.approx([0.025] * 2)
    assert parted["certified"]
    assert "law" in done(*TUNE, "--max-miss", "0.2", "--by", "domain").stdout


def test_bad_rows_are_named_and_the_rest_goes_on() -> None:
    table("t.csv", rows())
    with Path("t.csv").open("a") as out:
        out.write(f"1,x{HOSTILE},0,t,u,1,law\n1\n")
    found = done(*TUNE, "--max-miss", "0.1")
    assert "row 401: guard must be a finite number" in " ".join(found.stderr.split())
    assert "row 402: The row has 1 cells" in " ".join(found.stderr.split())
    assert "\x1b]" not in found.output


def test_a_score_of_being_fine_is_noticed() -> None:
    table("t.csv", [{**row, "guard": -row["guard"]} for row in rows()])
    report = found_json(*TUNE, "--max-miss", "0.1")
    assert any("Higher must mean more harmful" in note for note in report["warnings"])


def test_files_that_are_asked_for() -> None:
    table("t.csv", rows())
    asked = ("--json", "r.json", "--html", "r.html", "--certificate", "c.json")
    found = done(*TUNE, "--max-miss", "0.1", *asked)
    assert "Wrote r.json" in found.stdout
    assert Path("r.html").read_text(encoding="utf-8").lower().startswith("<!doctype html")
    made = json.loads(Path("c.json").read_text())
    assert json.loads(Path("r.json").read_text())["certificate"]["digest"] == made["digest"]
    assert max(map(len, found.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*TUNE,), "Say one thing"),
        ((*TUNE, "--max-miss", "0.1", "--max-new-miss", "0.1"), "Say one thing"),
        ((*TUNE, "--max-miss", "0.1", "--cost-miss", "1"), "Say one thing"),
        ((*TUNE, "--cost-miss", "1"), "Costs come in pairs"),
        ((*TUNE, "--cost-miss", "-1", "--cost-block", "1"), "0 or more"),
        ((*TUNE, "--cost-miss", "inf", "--cost-block", "1"), "0 or more"),
        ((*TUNE, "--max-miss", "0"), "--max-miss must be between 0 and 1"),
        ((*TUNE, "--max-miss", "5"), "--max-miss must be between 0 and 1"),
        ((*TUNE, "--max-miss", "nan"), "--max-miss must be between 0 and 1"),
        ((*TUNE, "--max-miss", "0.1", "--confidence", "95"), "--confidence must be"),
        ((*TUNE, "--max-new-miss", "0.1"), "--today"),
        ((*TUNE, "--max-miss", "0.1", "--today", "high"), "--today needs a number"),
        ((*TUNE, "--max-miss", "0.1", "--today", "nan"), "--today needs a number"),
        ((*TUNE, "--max-miss", "0.1", "--today", "gard=1"), "Did you mean 'guard'"),
        ((*TUNE, "--score", "other", "--max-miss", "0.1", "--today", "1"), "which score"),
        ((*TUNE, "--score", "gaurd", "--max-miss", "0.1"), "Did you mean 'guard'"),
        ((*TUNE, "--max-miss", "0.1", "--by", "domian"), "Did you mean 'domain'"),
        ((*TUNE[:4], "--max-miss", "0.1"), "both --label and --score"),
        (("tune", "--label", "y", "--score", "s", "--max-miss", "0.1"), "one score table"),
        (("tune", "no.csv", *TUNE[2:], "--max-miss", "0.1"), "There is no file"),
        ((*TUNE, "--max-miss", "0.1", "--json", "no/r.json"), "Cannot write"),
        ((*TUNE, "--max-miss", "0.1", "--write-policy", "p.yaml"), "--stack"),
        ((*TUNE, "--max-miss", "0.1", "--stack", "no.yaml"), "no.yaml"),
        (("tune", "--max-miss", "0.1"), "There is no workspace"),
        (("tune", "--max-miss", "0.1", "--today", "1"), "speak of a score table"),
        (("certificate", "verify", "no.json"), "Cannot read"),
        (("certificate", "verify", "t.csv"), "is not JSON"),
        (("watch", "--certificate", "t.csv"), "is not JSON"),
    ],
)
def test_mistakes_are_a_sentence(words: tuple[str, ...], message: str) -> None:
    table("t.csv", rows())
    error = mistake(*words)
    assert message in f"{error.message} {error.fix}"


def process(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trueup", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80", "TRUEUP_WORKSPACE": ""},
    )


def test_exit_codes() -> None:
    table("t.csv", rows())
    fine = process(*TUNE, "--max-miss", "0.1", "--json", "-")
    assert (fine.returncode, json.loads(fine.stdout)["certified"]) == (0, True)
    nothing = process(*TUNE, "--max-miss", "0.001")
    assert nothing.returncode == 0, nothing.stderr
    wrong = process(*TUNE, "--max-miss", "2")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("trueup: --max-miss must be")
    assert "Traceback" not in wrong.stderr


def test_hostile_names_and_texts_reach_neither_terminal_nor_page() -> None:
    name = f"<script>alert(1)</script>{HOSTILE}"
    made = [{**row, "text": f"{HOSTILE}<img src=x>", name: row["guard"]} for row in rows()]
    for row in made:
        del row["guard"]
    table("t.csv", made)
    words = ("tune", "t.csv", "--label", "harmful", "--score", name, "--max-miss", "0.1")
    found = done(*words, "--today", "-1", "--html", "r.html", "--certificate", "c.json")
    page = Path("r.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page
    assert "<img src=x>" not in page
    for said in (found.output, found.stderr, done("certificate", "verify", "c.json", "--data",
                                                  "t.csv").output):  # fmt: skip
        assert "\x1b]" not in said
        assert "\u202e" not in said
    watched = done("watch", "--certificate", "c.json", "--data", "t.csv")
    assert "\x1b]" not in watched.output
    wrong = process("tune", "t.csv", "--label", "x", "--score", "y", "--max-miss", "0.1")
    assert wrong.returncode == 2
    assert "\x1b" not in wrong.stderr
    assert "\u202e" not in wrong.stderr


# Training data


def test_training_data_must_not_overlap() -> None:
    table("t.csv", rows())
    table("train.csv", [{"text": "prompt  0\n17 "}, {"text": "something else"}])
    words = (*TUNE, "--max-miss", "0.1", "--trained-on", "train.csv")
    assert mistake(*words).message.startswith("1 of the 400 labelled examples are in train.csv")
    table("train.csv", [{"text": "something else"}])
    assert not any("trained on" in note for note in found_json(*words)["warnings"])
    unchecked = found_json(*TUNE, "--max-miss", "0.1")
    assert any("--trained-on" in note for note in unchecked["warnings"])
    table("t.csv", [{"harmful": row["harmful"], "guard": row["guard"]} for row in rows()])
    assert "no text" in mistake(*words).message


STACK = """\
layers:
  - name: guard  # ours
    words: [kill]
    threshold: 0.5
"""


def test_a_policy_is_the_stack_with_new_thresholds() -> None:
    table("t.csv", rows())
    Path("stack.yaml").write_text(STACK)
    words = (*TUNE, "--max-miss", "0.1", "--stack", "stack.yaml", "--write-policy", "new.yaml")
    found = run(*words, "--json", "-")
    assert found.exit_code == 0
    at = json.loads(found.stdout)["threshold"]  # nothing else on stdout
    assert f"\n  +    threshold: {at}\n" in found.stderr
    written = Path("new.yaml").read_text()
    assert written.startswith("layers:\n  - name: guard  # ours\n")
    assert float(written.splitlines()[3].partition(":")[2]) == at
    assert Path("stack.yaml").read_text() == STACK
    assert "Wrote new.yaml" in done(*words).stdout
    Path("new.yaml").unlink()
    table("t.csv", rows(20))
    assert "was not written" in done(*words).stderr
    assert not Path("new.yaml").exists()


# Certificates of tables


def test_a_certificate_verifies_and_a_changed_one_does_not() -> None:
    table("t.csv", rows())
    goal = ("--max-miss", "0.2", "--today", "guard=0.5", "--today", "other=off")
    for more in ((), ("--probability", "p", "--cluster", "user"), ("--by", "domain")):
        done(*TUNE, "--score", "other", *goal, *more, "--certificate", "c.json", "--seed", "3")
        found = done("certificate", "verify", "c.json", "--data", "t.csv")
        assert "Holds" in found.stdout
        assert "at most 20 %" in " ".join(found.stdout.split())
    made = json.loads(Path("c.json").read_text())
    made[1]["alpha"] = 0.1
    Path("c.json").write_text(json.dumps(made))
    found = run("certificate", "verify", "c.json", "--data", "t.csv")
    assert found.exit_code == 1
    assert "Holds for domain=code" in found.stdout
    assert "DOES NOT HOLD for domain=law" in found.stdout
    assert "its digest does not fit" in found.stdout


def test_other_data_do_not_verify() -> None:
    table("t.csv", rows())
    done(*TUNE, "--max-miss", "0.1", "--certificate", "c.json")
    table("t.csv", rows(seed=1))
    found = run("certificate", "verify", "c.json", "--data", "t.csv")
    assert found.exit_code == 1
    assert "their hash differs" in found.stdout
    table("t.csv", rows(10))
    found = run("certificate", "verify", "c.json", "--data", "t.csv")
    assert (found.exit_code, "certify nothing" in found.stdout) == (1, True)
    assert "--data" in mistake("certificate", "verify", "c.json").fix


def test_a_damaged_certificate_is_a_mistake() -> None:
    table("t.csv", rows())
    done(*TUNE, "--max-miss", "0.1", "--certificate", "c.json")
    made = json.loads(Path("c.json").read_text())
    for key, value in (("layers", None), ("thresholds", {}), ("data", {"kind": "table"})):
        Path("c.json").write_text(json.dumps({**made, key: value}))
        for words in (("certificate", "verify", "c.json"), ("watch", "--certificate", "c.json")):
            mistake(*words, "--data", "t.csv")


def test_the_json_of_tune_and_odd_column_names_verify_too() -> None:
    odd = [{"a=b": row["domain"], "y z": row["harmful"], "é": row["guard"]} for row in rows()]
    table("t.csv", odd)
    words = ("tune", "t.csv", "--label", "y z", "--score", "é", "--max-miss", "0.2")
    done(*words, "--by", "a=b", "--json", "r.json")
    assert done("certificate", "verify", "r.json", "--data", "t.csv").stdout.count("Holds") == 2


def test_watching_a_table() -> None:
    table("t.csv", rows())
    done(*TUNE, "--max-miss", "0.1", "--certificate", "c.json")
    table("more.csv", [*rows(), *rows(600, seed=1)])
    watched = ("watch", "--certificate", "c.json", "--data")
    found = json.loads(done(*watched, "more.csv", "--json", "-").stdout)
    (one,) = found["watches"]
    assert (found["alarm"], one["n"], one["alarm"]) == (False, 600, False)
    assert any("first 400 rows" in note for note in one["notes"])
    table("worse.csv", rows(1000, shift=0.5, seed=2))
    found = run(*watched, "worse.csv")
    assert found.exit_code == 1
    assert "ALARM" in found.stdout
    assert "no longer holds" in " ".join(found.stdout.split())
    table("none.csv", rows(400))
    assert "Nothing is known yet" in done(*watched, "none.csv").stdout
    assert "--data" in mistake("watch", "--certificate", "c.json").fix


# The workspace, on the example log


@pytest.fixture(scope="session")
def imported(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the example log and the labels of two thirds of it."""
    path = tmp_path_factory.mktemp("log") / "w.duckdb"
    example = root / "examples" / "assistant_log"
    for words in (
        ("import", example / "log.jsonl.gz", "-w", path),
        ("labels", "import", example / "labels.jsonl", "-w", path),
    ):
        found = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)
        assert found.exit_code == 0, found.output
    return path


@pytest.fixture
def ws(imported: Path, tmp_path: Path) -> Path:
    path = tmp_path / "w.duckdb"
    path.write_bytes(imported.read_bytes())
    return path


def relabelled(root: Path, change: Callable[[Row], Row | None], file: str = "later.jsonl") -> None:
    """Some of all the labels of the example log as a file, changed."""
    lines = (root / "examples/assistant_log/labels_all.jsonl").read_text().splitlines()
    found = [change(json.loads(line)) for line in lines]
    Path(file).write_text("".join(json.dumps(row) + "\n" for row in found if row))


def test_the_example_log(ws: Path, root: Path) -> None:
    words = ("tune", "--max-new-miss", "0.2", "-w", ws)
    report = found_json(*words, "--certificate", "c.json")
    assert report["certified"]
    assert report["won_back"]["value"] > 0
    assert (report["n"], report["mode"]) == (1088, "new_miss")
    assert set(report["thresholds"]) == set(report["today"])
    done(*words)
    with Workspace.open(str(ws)) as opened:  # the same again is kept once
        (kept,) = opened.table("certificates").to_pyarrow().to_pylist()
    assert json.loads(kept["certificate"])["thresholds"] == report["thresholds"]
    verify = ("certificate", "verify", "c.json", "-w", ws)
    assert "Holds" in done(*verify).stdout

    # A month later a second rater has been over all of it: what was labelled before stays out.
    def later(row: Row) -> Row:
        return {**row, "at": "2027-01-01T00:00:00Z", "rater": "second", "probability": 0.5}

    watched = ("watch", "--certificate", "c.json", "-w", ws)
    assert "Nothing is known yet" in done(*watched).stdout
    relabelled(root, later)
    done("labels", "import", "later.jsonl", "-w", ws)
    assert "Holds" in done(*verify).stdout
    found = run(*watched, "--json", "-")
    (one,) = json.loads(found.stdout)["watches"]
    first = (root / "examples/assistant_log/labels.jsonl").read_text()
    assert 0 < one["n"] <= 1088 - first.count('"legitimate"')
    assert one["alarm"] == bool(found.exit_code)
    assert "-w" in mistake("certificate", "verify", "c.json", "--data", "later.jsonl").fix


def test_labels_picked_by_hand_are_no_sample_to_watch(ws: Path, root: Path) -> None:
    done("tune", "--max-new-miss", "0.2", "-w", ws, "--certificate", "c.json")
    relabelled(root, lambda row: {**row, "at": "2027-01-01T00:00:00Z", "rater": "second"})
    done("labels", "import", "later.jsonl", "-w", ws)
    found = done("watch", "--certificate", "c.json", "-w", ws)
    assert "picked by hand and are not used" in " ".join(found.stdout.split())


def test_segments_and_single_layers_of_a_log(ws: Path) -> None:
    words = ("tune", "--max-new-miss", "0.5", "-w", ws)
    found = found_json(*words, "--by", "domain", "--certificate", "c.json")
    assert len(found["segments"]) >= 4
    if Path("c.json").exists():
        assert "Holds" in done("certificate", "verify", "c.json", "-w", ws).stdout
    single = found_json(*words, "--layer", "wordlist")
    assert list(single["thresholds"]) == ["wordlist"]
    assert "Did you mean" in mistake(*words, "--layer", "wordlst").fix
    assert "Did you mean" in mistake(*words, "--by", "domian").fix


def test_log_files_with_labels(root: Path) -> None:
    example = root / "examples" / "assistant_log"
    words = ("tune", example / "log.jsonl.gz", "--max-new-miss", "0.2")
    report = found_json(*words, "--labels", example / "labels.jsonl")
    assert (report["certified"], report["n"]) == (True, 1088)
    assert "No human label" in mistake(*words).message


def test_training_data_of_a_log(ws: Path, root: Path) -> None:
    with gzip.open(root / "examples/assistant_log/log.jsonl.gz", "rt", encoding="utf-8") as file:
        prompts = [
            [m["content"] for m in json.loads(line)["messages"] if m["role"] == "user"][-1]
            for line in file
        ]
    table("train.csv", [{"text": text} for text in prompts])
    error = mistake("tune", "--max-new-miss", "0.2", "-w", ws, "--trained-on", "train.csv")
    assert "which a guard was trained on" in error.message
