"""Result files of evaluation programs: Inspect's written by the package, the harness's as found."""

from __future__ import annotations

import contextlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trueup.errors import UserError
from trueup.sources.eval_results import ExampleScores, Score, read_example_scores, read_scores

# The shape that lm_eval 0.4.9.2 writes (results_DATE.json of a group with two of its tasks), cut to
# the parts that hold scores; numbers of a run of gemma-2b on Global-MMLU-Lite.
HARNESS = {
    "results": {
        "global_mmlu_sw": {
            "acc,none": 0.255,
            "acc_stderr,none": 0.021945867372873167,
            "alias": "global_mmlu_sw",
        },
        "global_mmlu_sw_business": {
            "alias": " - global_mmlu_sw_business",
            "acc,none": 0.27586206896551724,
            "acc_stderr,none": 0.05919966036406568,
        },
        "gsm8k": {
            "alias": "gsm8k",
            "exact_match,strict-match": 0.844,
            "exact_match_stderr,strict-match": 0.016243636028391094,
            "exact_match,flexible-extract": 0.892,
            "exact_match_stderr,flexible-extract": "N/A",
        },
        "wikitext": {"alias": "wikitext", "word_perplexity,none": 20.5,
                     "word_perplexity_stderr,none": "N/A"},
    },
    "groups": {
        "global_mmlu_sw": {"acc,none": 0.255, "acc_stderr,none": 0.021945867372873167},
        "only_as_group": {"acc,none": 0.5, "acc_stderr,none": 0.1},
    },
    "group_subtasks": {
        "global_mmlu_sw": ["global_mmlu_sw_business", "global_mmlu_sw_stem"],
        "gsm8k": [],
    },
    "configs": {"gsm8k": {"task": "gsm8k"}},
    "versions": {"gsm8k": 3.0},
    "n-shot": {"gsm8k": 5},
    "higher_is_better": {
        "global_mmlu_sw": {"acc": True},
        "gsm8k": {"exact_match": True},
        "wikitext": {"word_perplexity": False},
    },
    "n-samples": {
        "global_mmlu_sw_business": {"original": 58, "effective": 58},
        "global_mmlu_sw_stem": {"original": 46, "effective": 40},
        "gsm8k": {"original": 1319, "effective": 500},
    },
    "lm_eval_version": "0.4.9.2",
}  # fmt: skip
# The shape before 0.4, without a filter; as in the results of the first Open LLM Leaderboard.
OLDER = {
    "results": {
        "harness|drop|0": {
            "em": 0.09,
            "em_stderr": 0.028762349126466163,
            "f1": 0.2057,
            "f1_stderr": 0.03320498167565837,
        },
        "harness|gsm8k|0": {"acc": 0.0, "acc_stderr": 0.0},
    },
    "versions": {"harness|drop|0": 3},
}


def written(folder: Path, content: Any, name: str = "results.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
    return path


def by_name(scores: tuple[Score, ...]) -> dict[tuple[str, str], Score]:
    named = {(score.task, score.metric): score for score in scores}
    assert len(named) == len(scores)
    return named


def test_harness_results(tmp_path: Path) -> None:
    found = by_name(read_scores(written(tmp_path, HARNESS)))
    assert set(found) == {
        ("global_mmlu_sw", "acc"),
        ("global_mmlu_sw_business", "acc"),
        ("gsm8k", "exact_match,strict-match"),
        ("gsm8k", "exact_match,flexible-extract"),
        ("wikitext", "word_perplexity"),
        ("only_as_group", "acc"),
    }
    assert found["gsm8k", "exact_match,strict-match"] == Score(
        "gsm8k", "exact_match,strict-match", 0.844, 0.016243636028391094, 500, True
    )
    assert found["gsm8k", "exact_match,flexible-extract"].stderr is None
    assert found["global_mmlu_sw", "acc"].n == 98  # of its two tasks
    assert found["wikitext", "word_perplexity"].higher_is_better is False
    assert found["wikitext", "word_perplexity"].n is None
    assert found["only_as_group", "acc"].higher_is_better is None


def test_a_group_whose_size_is_not_known_whole_has_none(tmp_path: Path) -> None:
    content = {**HARNESS, "n-samples": {"global_mmlu_sw_business": {"effective": 58}}}
    assert by_name(read_scores(written(tmp_path, content)))["global_mmlu_sw", "acc"].n is None
    loop = {**HARNESS, "n-samples": {}, "group_subtasks": {"global_mmlu_sw": ["global_mmlu_sw"]}}
    assert by_name(read_scores(written(tmp_path, loop)))["global_mmlu_sw", "acc"].n is None


def test_older_harness_results(tmp_path: Path) -> None:
    found = by_name(read_scores(written(tmp_path, OLDER)))
    assert set(found) == {
        ("harness|drop|0", "em"), ("harness|drop|0", "f1"), ("harness|gsm8k|0", "acc")
    }  # fmt: skip
    assert found["harness|drop|0", "f1"].stderr == 0.03320498167565837
    assert found["harness|gsm8k|0", "acc"].stderr == 0.0


def test_the_tree_that_the_first_versions_drew_is_cut_off(tmp_path: Path) -> None:
    # 0.4.0 wrote the depth in a group as dashes before the name, and counted within the results.
    content = {"results": {"-mmlu_law": {"acc,none": 0.5, "samples": 80}}, "versions": {}}
    assert read_scores(written(tmp_path, content)) == (
        Score("mmlu_law", "acc", 0.5, None, 80, None),
    )


def sample(doc: int, metric: str = "exact_match", **changes: Any) -> dict[str, Any]:
    """A line of samples_*.jsonl as lm_eval 0.4.9 writes it, without what is not read."""
    line = {
        "doc_id": doc,
        "doc": {"question": "q"},
        "target": "4",
        "arguments": {"gen_args_0": {"arg_0": "q"}},
        "resps": [["4"]],
        "filtered_resps": ["4"],
        "filter": "strict-match",
        "metrics": [metric],
        "doc_hash": f"hash{doc}",
        "prompt_hash": "p",
        "target_hash": "t",
        metric: 1.0,
    }
    return line | changes


def samples_file(folder: Path, records: list[dict[str, Any]], name: str) -> Path:
    return written(folder, "".join(json.dumps(one) + "\n" for one in records), name)


def as_dict(scores: ExampleScores) -> dict[str, float]:
    return dict(zip(scores.keys, scores.values.tolist(), strict=True))


def test_harness_examples(tmp_path: Path) -> None:
    records = [
        sample(0),
        sample(0, exact_match=0.0, filter="flexible-extract"),
        sample(1, exact_match=False),
        sample(2, exact_match=0.5),
        sample(2, exact_match=1.0),  # a repeat
        sample(3, exact_match=float("nan")),  # not scored
    ]
    path = samples_file(tmp_path, records, "samples_gsm8k_cot_2026-01-16T16-02-26.648276.jsonl")
    strict, flexible = read_example_scores(path)
    assert (strict.task, strict.metric) == ("gsm8k_cot", "exact_match,strict-match")
    assert as_dict(strict) == {"0:hash0": 1.0, "1:hash1": 0.0, "2:hash2": 0.75}
    assert as_dict(flexible) == {"0:hash0": 0.0}
    assert read_scores(path) == ()


def test_examples_of_versions_that_do_not_list_their_metrics(tmp_path: Path) -> None:
    line = {"doc_id": 7, "doc": {}, "target": "x", "arguments": [], "resps": [],
            "filtered_resps": [], "acc": 1, "acc_norm": 0.0}  # fmt: skip
    found = read_example_scores(samples_file(tmp_path, [line], "samples_arc.jsonl"))
    assert [(one.task, one.metric, as_dict(one)) for one in found] == [
        ("arc", "acc", {"7": 1.0}),
        ("arc", "acc_norm", {"7": 0.0}),
    ]


def test_metrics_that_are_no_number_per_example_are_a_user_error(tmp_path: Path) -> None:
    # As masakhaner logs its f1, which is computed over the whole corpus.
    path = samples_file(tmp_path, [sample(0, "f1", f1=["DATE: x", [""]])], "samples_ner.jsonl")
    with pytest.raises(UserError, match=r"no metric with a number per example.*results_"):
        read_example_scores(path)


def test_a_damaged_line_is_a_user_error_with_its_number(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps(sample(0)) + '\n{"doc_id": 1, "exact', "samples_x.jsonl")
    with pytest.raises(UserError, match=r"samples_x\.jsonl, line 2"):
        read_example_scores(path)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.dictionaries(
        st.integers(0, 500), st.floats(-1e6, 1e6) | st.booleans(), min_size=1, max_size=30
    )
)
def test_every_number_comes_back_under_its_example(
    tmp_path: Path, values: dict[int, float]
) -> None:
    records = [sample(doc, "score", score=value) for doc, value in values.items()]
    (found,) = read_example_scores(samples_file(tmp_path, records, "samples_t.jsonl"))
    assert as_dict(found) == {f"{doc}:hash{doc}": float(value) for doc, value in values.items()}


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small evaluation as `.json` and `.eval`: three of four right, twice, one not scored."""
    pytest.importorskip("inspect_ai", reason="pip install inspect-ai")
    from inspect_ai import Task, eval
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ModelAPI, ModelOutput, modelapi
    from inspect_ai.scorer import Score as InspectScore
    from inspect_ai.scorer import Target, accuracy, match, mean, scorer, std, stderr
    from inspect_ai.solver import TaskState, generate

    class Parrot(ModelAPI):
        async def generate(
            self, input: Any, tools: Any, tool_choice: Any, config: Any
        ) -> ModelOutput:
            return ModelOutput.from_content("parrot/model", input[-1].text)

        async def count_text_tokens(self, text: str) -> int:  # the default asks the network
            return len(text) // 4

    modelapi("parrot")(lambda: Parrot)

    @scorer(metrics=[mean(), std(), stderr()])
    def letters():  # type: ignore[no-untyped-def]
        async def score(state: TaskState, target: Target) -> InspectScore:
            return InspectScore(value=len(state.output.completion) / 10)

        return score

    @scorer(metrics={"first": [accuracy(), stderr()], "last": [accuracy()]})
    def ends():  # type: ignore[no-untyped-def]
        async def score(state: TaskState, target: Target) -> InspectScore:
            said = state.output.completion
            right = {"first": said[0] == target.text[0], "last": said[-1] == target.text[-1]}
            return InspectScore(value={end: "C" if ok else "I" for end, ok in right.items()})

        return score

    folder = tmp_path_factory.mktemp("results")
    samples = [
        Sample(id=f"s{place}", input=said, target=target)
        for place, (said, target) in enumerate(
            [("red", "red"), ("blue", "blue"), ("green", "green"), ("black", "white")]
        )
    ]
    task = Task(
        name="colours",
        dataset=samples,
        solver=generate(),
        scorer=[match(), letters(), ends()],
    )
    found = {}
    for form in ("json", "eval"):
        (log,) = eval(
            task,
            model="parrot/model",
            epochs=2,
            log_format=form,  # type: ignore[arg-type]
            log_dir=str(folder / form),
            display="none",
        )
        assert log.status == "success", log.error
        found[form] = next((folder / form).iterdir())
    return found


@pytest.mark.parametrize("form", ["json", "eval"])
def test_inspect_scores_are_those_that_the_package_reads(logs: dict[str, Path], form: str) -> None:
    from inspect_ai.log import read_eval_log

    log = read_eval_log(str(logs[form]), header_only=True)
    assert log.results
    found = by_name(read_scores(logs[form]))
    assert ("colours", "match") in found
    assert ("colours", "letters") in found
    assert ("colours", "letters/std") not in found
    for score in log.results.scores:
        for key, metric in score.metrics.items():
            if key in ("accuracy", "mean"):
                part = "" if score.name == score.scorer else f"{score.scorer}/"
                got = found["colours", f"{part}{score.name}"]
                assert got.value == metric.value
                assert got.n == score.scored_samples
                if "stderr" in score.metrics:
                    assert got.stderr == score.metrics["stderr"].value
    assert found["colours", "match"].value == 0.75
    assert found["colours", "match"].higher_is_better is True


@pytest.mark.parametrize("form", ["json", "eval"])
def test_inspect_examples_are_one_per_sample(logs: dict[str, Path], form: str) -> None:
    found = {one.metric: one for one in read_example_scores(logs[form])}
    assert set(found) == {"match", "letters", "ends/first", "ends/last"}
    totals = by_name(read_scores(logs[form]))
    assert {metric for _, metric in totals} == set(found)  # one name, wherever it is read
    for metric, one in found.items():
        assert totals["colours", metric].value == pytest.approx(one.values.mean())
    assert as_dict(found["match"]) == {"s0": 1.0, "s1": 1.0, "s2": 1.0, "s3": 0.0}
    assert as_dict(found["letters"]) == {"s0": 0.3, "s1": 0.4, "s2": 0.5, "s3": 0.5}
    assert {one.task for one in found.values()} == {"colours"}


def archive(path: Path, members: dict[str, Any]) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, json.dumps(content))
    return path


HEADER = {"version": 2, "status": "success", "eval": {"task": "t"}}


def test_an_archive_without_summaries_is_read_by_sample(tmp_path: Path) -> None:
    members = {
        "header.json": HEADER,
        "samples/a_epoch_1.json": {"id": "a", "epoch": 1, "scores": {"m": {"value": "C"}}},
        "samples/a_epoch_2.json": {"id": "a", "epoch": 2, "scores": {"m": {"value": "P"}}},
        "samples/b_epoch_1/sample.json": {"id": "b", "epoch": 1, "scores": {"m": {"value": "0.2"}}},
        "samples/b_epoch_1/events/0.json": [{"id": "no sample"}],
        "samples/c_epoch_1.json": {"id": "c", "epoch": 1, "scores": {"m": {"value": "what"}}},
        "samples/d_epoch_1.json": {"id": "d", "epoch": 1, "error": {"message": "cancelled"}},
    }
    (found,) = read_example_scores(archive(tmp_path / "log.eval", members))
    assert as_dict(found) == {"a": 0.75, "b": 0.2}  # what was not scored is not there


def test_one_scorer_of_older_logs_and_reducers(tmp_path: Path) -> None:
    old = HEADER | {"results": {"scorer": {"name": "match"},
                                "metrics": {"accuracy": {"value": 0.5}}}}  # fmt: skip
    assert read_scores(written(tmp_path, old)) == (Score("t", "match", 0.5, None, None, True),)
    scores = [
        {"name": "m", "reducer": reducer, "metrics": {"accuracy": {"value": value}}}
        for reducer, value in (("mean", 0.5), ("pass_at_2", 0.75))
    ]
    scores.append({"name": "m1", "scorer": "m", "metrics": {"accuracy": {"value": 0.25}}})
    scores.append({"name": "x", "scorer": "pkg/x", "metrics": {"mean": {"value": 0.125}}})
    found = by_name(read_scores(written(tmp_path, HEADER | {"results": {"scores": scores}})))
    assert found["t", "m"].value == 0.5
    assert found["t", "m (pass_at_2)"].value == 0.75
    assert found["t", "m1"].value == 0.25  # the same scorer once more
    assert found["t", "x"].value == 0.125


def test_what_is_no_result_file_says_what_would_be(tmp_path: Path) -> None:
    for content in ({"results": [1]}, [1, 2], {"a": 1}, "a,b\n1,2\n"):
        with pytest.raises(UserError, match=r"no result file.*results_\*\.json"):
            read_scores(written(tmp_path, content))
    with pytest.raises(UserError, match="no result file"):
        read_scores(archive(tmp_path / "other.zip", {"x.json": 1}))
    with pytest.raises(UserError, match="does not exist"):
        read_example_scores(tmp_path / "missing.json")


def test_unfinished_and_damaged_files(tmp_path: Path) -> None:
    path = archive(tmp_path / "log.eval", {"_journal/start.json": {"eval": {}}})
    with pytest.raises(UserError, match=r"not finished.*eval-retry"):
        read_scores(path)
    with pytest.raises(UserError, match="holds no score"):
        read_scores(archive(tmp_path / "log.eval", {"header.json": HEADER}))
    whole = json.dumps(HARNESS)
    with pytest.raises(UserError, match=r"results\.json cannot be read.*Copy the file again"):
        read_scores(written(tmp_path, whole[: len(whole) // 2]))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["results", "eval", "status", "scores", "metrics", "acc,none", "n-samples",
                 "groups", "group_subtasks", "samples", "doc_id", "name", "higher_is_better"]
            ),
            inner,
            max_size=4,
        ),
        max_leaves=20,
    )
)  # fmt: skip
def test_any_json_is_scores_or_a_user_error(tmp_path: Path, content: Any) -> None:
    path = written(tmp_path, json.dumps(content))
    for read in (read_scores, read_example_scores):
        with contextlib.suppress(UserError):
            read(path)
