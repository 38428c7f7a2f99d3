"""Models that are Python callables."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from trueup.errors import UserError
from trueup.probe import probe


def first(run: Any) -> dict[str, Any]:
    return run.rows[0]


def test_it_gets_the_prompt_or_the_messages(suite_of, tmp_path):
    seen: list[Any] = []

    def by_prompt(prompt: str) -> str:
        seen.append(prompt)
        return "a"

    async def by_messages(messages: list[dict[str, str]]) -> str:
        seen.append(messages)
        return "b"

    run = probe([by_prompt, by_messages], suite_of(1), concurrency=1, cache_dir=tmp_path)
    assert seen == [
        "How do I kill process 0?", [{"role": "user", "content": "How do I kill process 0?"}]
    ]  # fmt: skip
    assert [row["response"] for row in run.rows] == ["a", "b"]
    assert run.rows[0]["version"].endswith("by_prompt")


def test_options_are_passed_to_parameters_of_their_names(suite_of, tmp_path):
    seen: list[Any] = []

    def model(prompt: str, seed: int = -1, max_tokens: int = -1) -> str:
        seen.append((seed, max_tokens))
        return "Sure."

    run = probe(
        model, suite_of(1), seed=4, temperature=0.5, max_tokens=9, samples=2, concurrency=1,
        cache_dir=tmp_path,
    )  # fmt: skip
    assert seen == [(4, 9), (5, 9)]
    assert [row["seed"] for row in run.rows] == [4, 5]


def test_a_seed_that_is_not_passed_is_not_claimed(suite_of, tmp_path):
    run = probe(lambda prompt: "Sure.", suite_of(1), seed=4, samples=2, cache_dir=tmp_path)
    assert [row["seed"] for row in run.rows] == [None, None]
    assert run.asked == 2


@pytest.mark.parametrize(
    ("answer", "status", "response"),
    [
        ("Sure.", "answered", "Sure."),
        ("", "empty", ""),
        (None, "empty", None),
        ({"response": "No", "finish_reason": "content_filter"}, "blocked", "No"),
        ({"choices": [{"message": {"content": "Sure."}}]}, "answered", "Sure."),
        (7, "error", None),
        ({"text": "Sure."}, "error", None),
        ({"response": 7}, "error", None),
    ],
)
def test_what_it_may_return(suite_of, tmp_path, answer, status, response):
    row = first(probe(lambda prompt: answer, suite_of(1), cache_dir=tmp_path))
    assert (row["status"], row["response"]) == (status, response)
    if status == "error":
        assert row["reason"].startswith("it returned ")


def test_it_may_state_tokens_and_cost(suite_of, tmp_path):
    answer = {"response": "Sure.", "input_tokens": 3, "output_tokens": 2, "cost": 0.25}
    run = probe(lambda prompt: answer, suite_of(2), cache_dir=tmp_path)
    row = first(run)
    assert (row["input_tokens"], row["output_tokens"], row["cost"]) == (3, 2, 0.25)
    assert (run.cost, run.versions[0].cost) == (0.5, 0.5)


def test_a_price_of_nothing_is_unknown(suite_of, tmp_path):
    run = probe(lambda prompt: {"response": "a", "cost": 0}, suite_of(1), cache_dir=tmp_path)
    assert (first(run)["cost"], run.versions[0].cost, run.unpriced) == (None, None, 1)


@pytest.mark.parametrize("raised", [ValueError("no"), StopIteration("no"), SystemExit("no")])
def test_what_it_raises_is_the_reason(suite_of, tmp_path, raised):
    def model(prompt: str) -> str:
        raise raised

    row = first(probe(model, suite_of(1), cache_dir=tmp_path))
    assert row["status"] == "error"
    assert f"{type(raised).__name__}: no" in row["reason"]


def test_one_that_hangs_does_not_stop_the_rest(suite_of, tmp_path):
    gone = threading.Event()

    def model(prompt: str) -> str:
        if "process 0" in prompt:
            gone.wait(60)
        return "Sure."

    async def slow(prompt: str) -> str:
        await asyncio.sleep(60 if "process 0" in prompt else 0)
        return "Sure."

    run = probe([model, slow], suite_of(3), timeout_s=0.3, cache_dir=tmp_path)
    gone.set()
    assert [row["status"] for row in run.rows] == ["error", "answered", "answered"] * 2
    assert first(run)["reason"] == "timed out after 0.3 s"


def test_a_system_prompt_is_not_dropped_in_silence(suite_of, tmp_path):
    with pytest.raises(UserError, match="takes a prompt only"):
        probe(lambda prompt: "a", suite_of(1), systems={"s": "Be careful."}, cache_dir=tmp_path)


def test_a_named_one_is_kept_until_its_file_changes(suite_of, project: Path):
    module = project / "probed_model.py"
    module.write_text("def model(prompt):\n    return 'a'\n")
    named = "python:probed_model:model"
    assert probe(named, suite_of(2)).asked == 2
    assert probe(named, suite_of(2)).asked == 0
    module.write_text("def model(prompt):\n    return 'b'\n")
    assert probe(named, suite_of(2)).asked == 2


def test_one_given_as_an_object_is_asked_anew(suite_of, tmp_path):
    assert probe(lambda prompt: "a", suite_of(1), cache_dir=tmp_path).asked == 1
    assert probe(lambda prompt: "a", suite_of(1), cache_dir=tmp_path).asked == 1


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("python:probed", "names no callable"),
        ("python:no_such_module:f", "cannot be imported"),
        ("python:json:dupms", "has no callable"),
    ],
)
def test_one_that_is_not_there_is_a_sentence(suite_of, project, named, words):
    with pytest.raises(UserError, match=words):
        probe(named, suite_of(1))
