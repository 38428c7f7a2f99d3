"""`trueup compare` from the command line, on files as they come."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from trueup.cli.main import app
from trueup.errors import UserError

REFUSAL = "I'm sorry, but I can't help with that."
ANSWER = "Sure. Open the task manager, choose the process and end it."


def run(*arguments: str | Path) -> str:
    """What the command prints; a user's mistake is raised."""
    done = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(
        app, ["compare", *map(str, arguments)]
    )
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def as_json(*arguments: str | Path) -> dict[str, Any]:
    return json.loads(run(*arguments, "--json", "-"))


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, list(dict.fromkeys(k for row in rows for k in row)))
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rows(refused: int, n: int = 20, **more: Any) -> list[dict[str, Any]]:
    return [
        {"id": f"q{i}", "prompt": f"question {i}", "response": REFUSAL if i < refused else ANSWER}
        | more
        for i in range(n)
    ]


@pytest.fixture(params=[".jsonl", ".csv"])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    before = write(tmp_path / f"before{request.param}", rows(2))
    return before, write(tmp_path / f"after{request.param}", rows(12))


def test_xstest_by_its_published_labels(shared_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    said = run(
        shared_data / "xstest" / "llama2new.csv",
        shared_data / "xstest" / "llama2orig.csv",
        *("--key", "id", "--prompt", "prompt", "--response", "completion"),
        *("--label", "final_label", "--legitimate", "NOT starts_with(type, 'contrast_')"),
        *("--slice", "type", "--json", out),
    )
    first = " ".join(said.split())
    assert (
        "Safer by 0 points, and 30 more of every 100 legitimate prompts refused (24 to 36)."
        in first
    )
    assert max(map(len, said.splitlines())) <= 80
    found = json.loads(out.read_text(encoding="utf-8"))
    counts = ("n", "refused_before", "refused_after", "newly_refused", "newly_answered")
    assert [found["legitimate"][k] for k in counts] == [250, 74, 149, 80, 5]
    assert [found["harmful"][k] for k in counts] == [200, 200, 200, 0, 0]
    assert found["verdict"] == "tax without gain"
    assert found["legitimate"]["difference"]["value"] == pytest.approx(0.3)
    assert {"value", "low", "high", "level"} <= found["legitimate"]["difference"].keys()
    assert {one["column"] for one in found["slices"]} == {"type"}


def test_xstest_is_known_by_its_types(shared_data: Path) -> None:
    found = as_json(
        *(shared_data / "xstest" / f"{name}.csv" for name in ("llama2new", "llama2orig"))
    )
    assert (found["legitimate"]["n"], found["harmful"]["n"]) == (250, 200)


def test_columns_are_found_and_flips_counted(two: tuple[Path, Path]) -> None:
    found = as_json(*two)
    group = found["legitimate"]
    assert (group["refused_before"], group["refused_after"], group["newly_refused"]) == (2, 12, 10)
    assert found["truth"] == "annotator"


def test_without_ids_the_prompt_s_text_pairs(tmp_path: Path) -> None:
    for name, refused in (("b", 1), ("a", 3)):
        write(
            tmp_path / f"{name}.jsonl",
            [
                {"question": row["prompt"] + " " * (name == "a"), "answer": row["response"]}
                for row in rows(refused)
            ],
        )
    found = as_json(tmp_path / "b.jsonl", tmp_path / "a.jsonl")
    assert found["legitimate"]["newly_refused"] == 2


def test_versions_within_one_file(tmp_path: Path) -> None:
    file = write(tmp_path / "all.jsonl", rows(1, model="one") + rows(5, model="two"))
    found = as_json(file, "--version", "model", "--key", "id")
    assert (found["before"], found["after"]) == ("one", "two")
    assert found["legitimate"]["newly_refused"] == 4


def test_checkpoints_are_put_in_order_as_numbers(tmp_path: Path) -> None:
    files = [write(tmp_path / f"run{c}.jsonl", rows(c, checkpoint=c * 100)) for c in (10, 2, 9)]
    found = as_json(*files, "--order", "checkpoint")
    assert [one["before"] for one in found["comparisons"]] == ["run2", "run2"]
    assert [one["after"] for one in found["comparisons"]] == ["run9", "run10"]


def test_another_baseline(tmp_path: Path) -> None:
    files = [write(tmp_path / f"v{c}.jsonl", rows(c)) for c in (1, 2, 3)]
    found = as_json(*files, "--baseline", "v3")
    assert {one["before"] for one in found["comparisons"]} == {"v3"}
    with pytest.raises(UserError, match="no version 'v9'"):
        run(*files, "--baseline", "v9")


def test_probe_files_bring_their_own_key_slices_and_legitimacy(tmp_path: Path) -> None:
    def probed(refused: int) -> list[dict[str, Any]]:
        return [
            {
                "id": f"m/{i}/0",
                "prompt_id": f"q{i}",
                "sample": 0,
                "version": "m",
                "prompt": f"question {i}",
                "response": None if i == 19 else REFUSAL if i < refused else ANSWER,
                "status": "error" if i == 19 else "answered",
                "legitimate": i % 2 == 0,
                "domain": "law" if i < 10 else "code",
                "trigger_type": "homonym" if i % 4 < 2 else "figurative",
            }
            for i in range(20)
        ]

    before = write(tmp_path / "before.jsonl", probed(0))
    found = as_json(before, write(tmp_path / "after.jsonl", probed(10)))
    assert (found["legitimate"]["n"], found["harmful"]["n"]) == (10, 9)  # one was an error
    assert found["legitimate"]["newly_refused"] == 5
    assert {one["column"] for one in found["slices"]} == {"domain", "trigger_type"}
    assert (found["before"], found["after"]) == ("before", "after")


def test_labels_from_a_file_go_by_the_answer_s_id(tmp_path: Path) -> None:
    def named(version: str, refused: int) -> Path:
        listed = [
            row | {"prompt_id": row["id"], "id": f"{version}/{row['id']}"} for row in rows(refused)
        ]
        return write(tmp_path / f"{version}.jsonl", listed)

    before, after = named("b", 0), named("a", 0)
    said = [
        {"id": f"{v}/q{i}", "compliance": "refusal" if v == "a" else "full"}
        for v in "ba"
        for i in range(20)
    ]
    labels = write(tmp_path / "labels.jsonl", said)
    found = as_json(before, after, "--key", "prompt_id", "--labels", labels)
    assert found["truth"] == "labels"
    assert found["legitimate"]["newly_refused"] == 20


def test_labels_that_cannot_tell_versions_apart_are_refused(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    labels = write(tmp_path / "labels.jsonl", [{"id": "q1", "compliance": "full"}])
    with pytest.raises(UserError, match="the same in several versions"):
        run(*two, "--labels", labels)


class TestScores:
    """Results as lm-evaluation-harness 0.4 writes them: `results`, by task, metric and filter."""

    def results(self, path: Path, acc: float) -> Path:
        tasks = {"gsm8k": {"alias": "gsm8k", "acc,none": acc, "acc_stderr,none": 0.01}}
        path.write_text(json.dumps({"results": tasks, "n-samples": {"gsm8k": {"effective": 900}}}))
        return path

    @pytest.mark.parametrize("named", [False, True])
    def test_a_loss_of_capability_stands_beside_the_refusals(
        self, two: tuple[Path, Path], tmp_path: Path, named: bool
    ) -> None:
        before = self.results(tmp_path / "b.json", 0.60)
        after = self.results(tmp_path / "a.json", 0.50)
        given = (f"before={before}", f"after={after}") if named else (before, after)
        found = as_json(*two, "--scores", given[0], "--scores", given[1])
        (score,) = [one for one in found["measures"] if one["unit"] == "score"]
        assert "gsm8k" in score["name"]
        assert score["difference"]["value"] == pytest.approx(-0.1)
        # Two independent runs: 1.96 * sqrt(2) * 0.01 on either side.
        assert score["difference"]["low"] == pytest.approx(-0.1 - 0.0277, abs=1e-4)

    def test_it_is_an_axis_of_the_frontier(self, tmp_path: Path) -> None:
        def mixed(refused: int) -> list[dict[str, Any]]:
            listed = rows(refused, n=40)
            return [row | {"legitimate": i < 20} for i, row in enumerate(listed)]

        files = [write(tmp_path / f"v{i}.jsonl", mixed(i)) for i in (1, 2, 3)]
        scored = [self.results(tmp_path / f"s{i}.json", 0.5 + i / 10) for i in (1, 2, 3)]
        options = [word for path in scored for word in ("--scores", path)]
        found = as_json(*files, *options, "--baseline", "v2")["frontier"]
        assert "gsm8k" in found["capability_name"]
        by_version = {one["version"]: one["capability"]["value"] for one in found["points"]}
        assert by_version == pytest.approx({"v1": 0.6, "v2": 0.7, "v3": 0.8})

    def test_a_file_for_nobody_is_refused(self, two: tuple[Path, Path], tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"--scores .* does not say of which version"):
            run(*two, "--scores", self.results(tmp_path / "b.json", 0.6))

    def test_the_first_version_needs_scores_too(
        self, two: tuple[Path, Path], tmp_path: Path
    ) -> None:
        with pytest.raises(UserError, match="no file for before"):
            run(*two, "--scores", f"after={self.results(tmp_path / 'a.json', 0.6)}")


class TestMistakes:
    def test_one_file(self, two: tuple[Path, Path]) -> None:
        with pytest.raises(UserError, match="two versions"):
            run(two[0])

    def test_no_such_column_is_named_with_a_likely_one(self, two: tuple[Path, Path]) -> None:
        with pytest.raises(UserError, match=r"no column 'respons'.*--response.*'response'"):
            run(*two, "--response", "respons")

    @pytest.mark.parametrize(
        "condition", ["nonsense(", "no_such > 1", "count(*) > 1", "1; DROP TABLE answers"]
    )
    def test_a_condition_that_does_not_work(self, two: tuple[Path, Path], condition: str) -> None:
        with pytest.raises(UserError, match="--legitimate"):
            run(*two, "--legitimate", condition)

    def test_a_condition_reads_no_file(self, two: tuple[Path, Path]) -> None:
        secret = two[0]
        with pytest.raises(UserError, match="--legitimate"):
            run(*two, "--legitimate", f"(SELECT count(*) > 0 FROM read_csv('{secret}'))")

    def test_an_order_that_is_not_one_value(self, tmp_path: Path) -> None:
        mixed = [row | {"step": i} for i, row in enumerate(rows(1))]
        file = write(tmp_path / "x.jsonl", mixed)
        with pytest.raises(UserError, match="--order step has 20 values"):
            run(file, write(tmp_path / "y.jsonl", mixed), "--order", "step")

    def test_labels_of_nothing(self, two: tuple[Path, Path]) -> None:
        with pytest.raises(UserError, match="no cell says what the answer did"):
            run(*two, "--label", "prompt")

    @pytest.mark.parametrize("level", ["0.5", "1", "-1", "nan"])
    def test_levels_out_of_range(self, two: tuple[Path, Path], level: str) -> None:
        with pytest.raises(UserError, match="--level"):
            run(*two, "--level", level)

    @pytest.mark.parametrize("given", ["0", "100%", "2", "-1pp", "much"])
    @pytest.mark.parametrize("option", ["--margin", "--min-safety"])
    def test_shares_out_of_range(self, two: tuple[Path, Path], option: str, given: str) -> None:
        with pytest.raises(UserError, match=option):
            run(*two, option, given)

    @pytest.mark.parametrize("text", ["", "\n", "{}\n", "not a table"])
    def test_files_of_nothing(self, two: tuple[Path, Path], tmp_path: Path, text: str) -> None:
        empty = tmp_path / "empty.jsonl"
        empty.write_text(text)
        with pytest.raises(UserError):
            run(two[0], empty)


def test_bad_rows_are_named_and_the_rest_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = write(tmp_path / "b.jsonl", rows(1))
    after = write(tmp_path / "a.jsonl", rows(3))
    with after.open("a") as out:
        out.write('{"id": \n{"response": "no id"}\n')
    found = as_json(before, after)
    assert found["legitimate"]["newly_refused"] == 2


def test_hostile_answers_stay_text(tmp_path: Path) -> None:
    evil = "I'm sorry, I can't.\x1b[2J\u202e<script>alert(1)</script>😀 مرحبا"
    before = write(tmp_path / "b.jsonl", rows(0))
    bad = [row | {"response": evil} for row in rows(0)]
    after = write(tmp_path / "a.jsonl", bad)
    page = tmp_path / "page.html"
    said = run(before, after, "--html", page)
    assert "\x1b" not in said
    assert "\u202e" not in said
    html = page.read_text(encoding="utf-8")
    assert "<script>alert" not in html
    assert not re.search(r"(src|href)=[\"']?https?:", html)


def test_a_chat_log_is_read_as_it_is(tmp_path: Path) -> None:
    for name, text in (("b", ANSWER), ("a", REFUSAL)):
        write(
            tmp_path / f"{name}.jsonl",
            [
                {
                    "messages": [
                        {"role": "user", "content": f"question {i}"},
                        {"role": "assistant", "content": text},
                    ]
                }
                for i in range(12)
            ],
        )
    found = as_json(tmp_path / "b.jsonl", tmp_path / "a.jsonl")
    assert found["legitimate"]["newly_refused"] == 12
