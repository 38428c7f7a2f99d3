from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from trueup.cli.main import app
from trueup.errors import UserError

ASKED = ("--proxy", "reward", "--truth", "holdout")


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["goodhart", "watch", *map(str, arguments)])


def mistake(*arguments: object) -> UserError:
    error = run(*arguments).exception
    assert isinstance(error, UserError), error
    return error


def told(*arguments: object) -> dict[str, object]:
    found = run(*arguments, "--json", "-")
    assert found.exit_code in (0, 1), found.exception
    return json.loads(found.stdout)


def rows(n: int = 120, fall: float = 0.4, seed: int = 0) -> list[dict[str, float]]:
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, n)
    truth = 0.8 - fall * np.maximum(x - 0.4, 0) - 0.4 * np.maximum(0.4 - x, 0)
    truth += rng.normal(0, 0.01, n)
    proxy = x + rng.normal(0, 0.01, n)
    return [
        {"step": 10 * i, "reward": float(p), "holdout": float(t)}
        for i, (p, t) in enumerate(zip(proxy, truth, strict=True))
    ]


def table(name: str, made: list[dict[str, object]], mark: str = ",") -> Path:
    lines = [mark.join(made[0])]
    lines += [mark.join("" if v is None else str(v) for v in row.values()) for row in made]
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Path(name)


def test_exit_codes() -> None:
    assert run(table("bad.csv", rows()), *ASKED).exit_code == 1
    quiet = run(table("good.csv", rows(fall=0.0)), *ASKED)
    assert quiet.exit_code == 0
    assert quiet.stdout.startswith("No alarm")
    assert run("good.csv", "--proxy", "reward").exit_code == 0


def test_every_format_says_the_same() -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = rows()
    table("run.csv", made)
    table("run.tsv", made, "\t")
    Path("run.jsonl").write_text("\n".join(map(json.dumps, made)), encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(made), "run.parquet")
    found = [told(f"run.{kind}", *ASKED) for kind in ("csv", "tsv", "jsonl", "parquet")]
    for one in found:
        one.pop("source")
    assert found[0]["alarm"] is True
    assert all(one == found[0] for one in found)


def test_the_usual_names_are_found_and_others_can_be_given() -> None:
    shuffled = rows()[::-1]
    assert told(table("run.csv", shuffled), *ASKED)["columns"]["step"] == "step"
    renamed = [
        {"when": row["step"], **{k: row[k] for k in ("reward", "holdout")}} for row in rows()
    ]
    one = told(table("other.csv", renamed[::-1]), *ASKED, "--step", "when")
    assert one["alarm_step"] == told("run.csv", *ASKED)["alarm_step"]


def test_sparse_truth_and_bad_rows() -> None:
    made: list[dict[str, object]] = [
        {**row, "holdout": row["holdout"] if i % 3 == 0 else ("NaN" if i % 2 else None)}
        for i, row in enumerate(rows(400))
    ]
    made[5]["reward"] = "oops"
    made[7]["step"] = None
    found = run(table("run.csv", made), *ASKED, "--json", "-")
    assert "row 6: reward must be a finite number, got 'oops'." in found.stderr
    assert "row 8: step is empty." in found.stderr
    said = json.loads(found.stdout)
    assert said["runs"][0]["n_truth"] == 134
    assert said["notes"] == ["2 rows could not be read and are left out."]
    assert said["alarm"] is True


def test_several_runs_each_and_together() -> None:
    made = [{"run": seed, **row} for seed in (1, 2, 3) for row in rows(seed=seed)]
    found = told(table("runs.csv", made), *ASKED)
    assert [one["name"] for one in found["runs"]] == ["1", "2", "3", "together"]
    assert all(one["delta"] == pytest.approx(0.0125) for one in found["runs"])
    assert all(one["alarm"] for one in found["runs"])


def test_together_only_where_every_run_was_measured() -> None:
    """Run 2 is worse and stops early: the mean must not jump where it ends."""
    short = [{"run": 2, **row, "holdout": row["holdout"] - 5} for row in rows(fall=0.0)[:60]]
    made = [{"run": 1, **row} for row in rows(fall=0.0)] + short
    found = told(table("runs.csv", made), *ASKED)
    assert found["runs"][-1]["n_truth"] == 60
    assert found["alarm"] is False


def test_rows_by_example() -> None:
    rng = np.random.default_rng(0)
    ease = rng.random(300)
    made = [
        {"step": s, "example": e, "reward": s + 0.0, "holdout": int(ease[e] < rate)}
        for s, rate in enumerate([0.4, 0.6, 0.7, 0.5, 0.3])
        for e in range(300)
    ]
    found = told(table("run.csv", made), *ASKED)
    assert found["runs"][0]["regime"] == "paired"
    assert found["best_step"] == 2
    assert found["alarm"] is True
    clustered = told("run.csv", *ASKED, "--cluster", "example")
    assert clustered["runs"][0]["n_units"] == 300
    assert run("run.csv", *ASKED, "--range", "0:10").exit_code in (0, 1)


def test_best_of_n_of_samples_and_of_a_table() -> None:
    rng = np.random.default_rng(0)
    made = [
        {"prompt": p, "reward": g + rng.normal(), "holdout": g}
        for p in range(30)
        for g in rng.normal(size=8)
    ]
    found = told(table("samples.csv", made), *ASKED, "--prompt", "prompt")
    assert found["best_of_n"]["n"] == [1, 2, 4, 8]
    assert found["runs"] == []
    means = [{"n": 4**k, "reward": k, "holdout": k - 0.3 * k * k} for k in range(6)]
    page = run(table("means.csv", means), *ASKED, "--n", "n", "--html", "bon.html")
    assert page.exit_code == 0
    assert page.stdout.startswith("Picking the best of n by reward: holdout is highest at n = ")
    assert "Gao" in Path("bon.html").read_text(encoding="utf-8")


def test_kl_fits_the_form_for_rl() -> None:
    made = [{**row, "kl": (i / 30) ** 2} for i, row in enumerate(rows())]
    (fit,) = told(table("run.csv", made), *ASKED, "--kl", "kl")["scaling"]
    assert fit["form"] == "rl"


def test_outputs() -> None:
    found = run(table("run.csv", rows()), *ASKED, "--html", "w.html", "--json", "w.json")
    assert found.exit_code == 1
    assert "Wrote w.html" in found.stdout
    assert json.loads(Path("w.json").read_text(encoding="utf-8"))["kind"] == "divergence"
    assert "<svg" in Path("w.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run.csv", "--proxy", "rewrd"), "no column 'rewrd' (--proxy)"),
        (("run.csv", *ASKED, "--example", "who"), "no column 'who'"),
        (("none.csv", *ASKED), "There is no file"),
        (("run.csv", *ASKED, "--level", "95"), "--level must be between 0 and 1"),
        (("run.csv", *ASKED, "--memory", "1"), "--memory must be between 0 and 0.95"),
        (("run.csv", *ASKED, "--range", "1"), "--range must be LOW:HIGH"),
        (("run.csv", *ASKED, "--range", "0:0.1"), "but the truth goes from"),
        (("run.csv", *ASKED, "--json", "-", "--html", "-"), "Only one output"),
        (("run.csv", *ASKED, "--json", "no/place.json"), "Cannot write"),
        (("empty.csv", *ASKED), "no usable row"),
        (("run.csv", "--proxy", "reward", "--n", "step"), "must be at least 1"),
        (("pos.csv", "--proxy", "reward", "--n", "step"), "Best of n needs a truth"),
    ],
)
def test_mistakes(arguments: tuple[str, ...], said: str) -> None:
    table("run.csv", rows(20))
    table("pos.csv", [{**row, "step": row["step"] + 1} for row in rows(20)])
    Path("empty.csv").write_text("step,reward,holdout\n", encoding="utf-8")
    if said == "must be at least 1":
        assert said in run(*arguments).stderr
        return
    error = mistake(*arguments)
    assert said in error.message
    assert error.fix


def test_a_typo_is_guessed() -> None:
    assert mistake(table("run.csv", rows(20)), "--proxy", "rewrd").fix == "Did you mean 'reward'?"
