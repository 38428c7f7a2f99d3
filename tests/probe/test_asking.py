"""Asking an OpenAI-compatible server: what it may answer, and how it may fail."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from trueup.errors import UserError
from trueup.probe import Progress, Prompt, Suite, probe
from trueup.remote import retry_after
from trueup.schema import RESPONSES


def only(run: Any) -> dict[str, Any]:
    assert len(run.rows) == 1
    return run.rows[0]


def test_an_answer_becomes_a_row_with_all_that_is_known(server, suite_of, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    prompt = Prompt("m-1", "Is it lethal?", True, "pair 1", "medical", "lethal", "professional")
    row = only(
        server.probe(
            Suite("medical@1", (prompt,)), tmp_path, seed=3, temperature=0.5, max_tokens=64
        )
    )
    request = server.asked[0]
    assert request["_path"] == "/v1/chat/completions"
    assert request["_key"] == "Bearer secret"
    assert request["messages"] == [{"role": "user", "content": "Is it lethal?"}]
    assert (request["model"], request["seed"]) == ("org/model", 3)
    assert (request["temperature"], request["max_tokens"]) == (0.5, 64)
    assert RESPONSES.from_rows([row]).num_rows == 1
    assert row | {"at": None, "latency_ms": None} == {
        "id": "org/model|m-1|0", "prompt_id": "m-1", "sample": 0, "version": "org/model",
        "suite": "medical@1", "model": "org/model", "prompt_version": None,
        "policy_version": None, "prompt": "Is it lethal?", "response": "Sure: Is it lethal?",
        "status": "answered", "reason": None, "finish_reason": "stop", "legitimate": True,
        "pair": "pair 1", "domain": "medical", "trigger": "lethal",
        "trigger_type": "professional", "seed": 3,
        "sampling": '{"max_tokens":64,"temperature":0.5}', "guardrails": None,
        "latency_ms": None, "input_tokens": 7, "output_tokens": 5, "cost": None, "at": None,
    }  # fmt: skip
    assert row["at"] is not None
    assert row["latency_ms"] > 0


def test_nothing_is_sent_that_was_not_asked_for(server, suite_of, tmp_path):
    row = only(server.probe(suite_of(1), tmp_path))
    assert {"seed", "temperature", "max_tokens"}.isdisjoint(server.asked[0])
    assert (row["seed"], row["sampling"]) == (None, None)


@pytest.mark.parametrize(
    ("finish", "text", "status", "reason", "kept"),
    [
        ("content_filter", None, "blocked", "provider: content_filter", None),
        ("content_filter", "Half an ans", "blocked", "provider: content_filter", "Half an ans"),
        ("refusal", "", "blocked", "provider: refusal", None),
        ("SAFETY", None, "blocked", "provider: SAFETY", None),
        ("stop", "", "empty", None, ""),
        ("stop", None, "empty", None, None),
        ("stop", " \n\t", "empty", None, " \n\t"),
        ("length", "", "empty", "ended at the token limit", ""),
        ("length", "Half", "answered", None, "Half"),
        (None, "Sure.", "answered", None, "Sure."),
    ],
)
def test_blocked_and_empty_are_two_things(
    server, suite_of, tmp_path, raw, completed, finish, text, status, reason, kept
):
    server.answer = lambda body, n: raw(completed(text, finish))
    row = only(server.probe(suite_of(1), tmp_path))
    assert (row["status"], row["reason"], row["response"]) == (status, reason, kept)
    assert row["finish_reason"] == finish


# Shapes of the providers' documentation: Azure OpenAI, OpenAI, a gateway's moderation.
BLOCKS = [
    (400, {"error": {"code": "content_filter", "innererror": {"code": "X"}, "status": 400}}),
    (400, {"error": {"code": None, "innererror": {"code": "ResponsibleAIPolicyViolation"}}}),
    (400, {"error": {"type": "invalid_request_error", "code": "content_policy_violation"}}),
    (403, {"error": {"code": 403, "metadata": {"reasons": ["v"], "flagged_input": "kill"}}}),
    (200, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}),
]


@pytest.mark.parametrize(("status", "body"), BLOCKS)
def test_a_provider_that_refuses_the_prompt_has_blocked_it(
    server, suite_of, tmp_path, raw, status, body
):
    server.answer = lambda request, n: raw(body, status)
    row = only(server.probe(suite_of(1), tmp_path))
    assert (row["status"], row["response"], row["finish_reason"]) == (
        "blocked", None, "content_filter",
    )  # fmt: skip
    assert row["reason"].startswith("provider: ")
    assert len(server.asked) == 1


def test_the_models_own_refusal_is_an_answer(server, suite_of, tmp_path, raw, completed):
    """OpenAI puts it beside the content, which is then null."""
    server.answer = lambda body, n: raw(completed(None, refusal="I can't help with that."))
    row = only(server.probe(suite_of(1), tmp_path))
    assert (row["status"], row["response"]) == ("answered", "I can't help with that.")


def test_text_in_parts_is_joined(server, suite_of, tmp_path, raw, completed):
    parts = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]
    server.answer = lambda body, n: raw(completed(parts))
    assert only(server.probe(suite_of(1), tmp_path))["response"] == "ab"


@pytest.mark.parametrize("status", [429, 500, 503, 529, 408])
def test_what_passes_is_asked_again(server, suite_of, tmp_path, raw, status):
    server.answer = lambda body, n: raw({"error": {"message": "no"}}, status) if n < 2 else "Sure."
    row = only(server.probe(suite_of(1), tmp_path))
    assert row["response"] == "Sure."
    assert len(server.asked) == 3


def test_retry_after_is_obeyed(server, suite_of, tmp_path, raw):
    server.answer = lambda body, n: raw(None, 429, {"Retry-After": "0.5"}) if n == 0 else "Sure."
    server.probe(suite_of(1), tmp_path)
    assert server.at[1] - server.at[0] >= 0.5


def test_retry_after_may_be_a_date():
    past = {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}  # the example of RFC 9110, 10.2.3
    assert retry_after(past) == 0.0
    assert retry_after({"retry-after": "7"}) == 7.0
    for odd in ("", "soon", "nan", "inf"):
        assert retry_after({"retry-after": odd}) is None


@pytest.mark.parametrize("status", [500, 429])
def test_what_never_passes_is_an_error_and_asked_again_next_time(
    server, suite_of, tmp_path, raw, status
):
    server.answer = lambda body, n: raw({"error": {"message": "busy"}}, status)
    row = only(server.probe(suite_of(1), tmp_path, attempts=3))
    assert (row["status"], row["response"]) == ("error", None)
    assert row["reason"] == f"HTTP {status}: busy (3 attempts)"
    assert len(server.asked) == 3
    server.answer = lambda body, n: "Sure."
    assert only(server.probe(suite_of(1), tmp_path))["status"] == "answered"


def test_a_bad_request_is_not_repeated(server, suite_of, tmp_path, raw):
    server.answer = lambda body, n: raw({"error": {"message": "too long"}}, 400)
    row = only(server.probe(suite_of(1), tmp_path))
    assert (row["status"], row["reason"]) == ("error", "HTTP 400: too long")
    assert len(server.asked) == 1


def test_a_server_that_hangs_is_an_error(server, suite_of, tmp_path, raw):
    server.answer = lambda body, n: raw({}, wait_s=30)
    row = only(server.probe(suite_of(1), tmp_path, attempts=2, timeout_s=0.2))
    assert row["reason"] == "timed out after 0.2 s (2 attempts)"
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "body",
    [b"", b"Sorry!", b"[" * 100_000, b'{"choices": ', b"[]", b"{}", b"null", b'{"choices": []}',
     b'{"choices": [3]}', b'{"choices": [{"message": "hi"}]}', b"\xff\xfe",
     b'{"choices": [{"message": {"content": 7}}]}', b'{"error": {"message": "over"}}'],
)  # fmt: skip
def test_what_cannot_be_read_is_an_error_with_a_reason(server, suite_of, tmp_path, raw, body):
    server.answer = lambda request, n: raw(body)
    row = only(server.probe(suite_of(1), tmp_path, attempts=2))
    assert row["status"] == "error"
    assert row["reason"].startswith(("the answer", "the content", "the server said: over"))


def test_odd_numbers_of_tokens_are_unknown(server, suite_of, tmp_path, raw, completed):
    body = completed("Sure.") | {"usage": {"prompt_tokens": -1, "completion_tokens": 1e999}}
    server.answer = lambda request, n: raw(body)
    row = only(server.probe(suite_of(1), tmp_path))
    assert (row["status"], row["input_tokens"], row["output_tokens"]) == ("answered", None, None)


def test_hostile_text_is_kept_as_data(server, suite_of, tmp_path, raw):
    text = '{"choices": [{"message": {"content": "\\ud800 \\u0000 \\u001b[2J"}}]}'
    server.answer = lambda request, n: raw(text.encode())
    first = only(server.probe(suite_of(1), tmp_path))
    assert first["response"] == "? \0 \x1b[2J"
    assert only(server.probe(suite_of(1), tmp_path))["response"] == first["response"]
    assert RESPONSES.from_rows([first]).num_rows == 1


@pytest.mark.parametrize(
    ("status", "words"), [(401, "refused the key"), (403, "refused the key"), (404, "not found")]
)
def test_a_wrong_key_or_model_stops_at_once(server, suite_of, tmp_path, raw, status, words):
    server.answer = lambda body, n: raw({"error": {"message": "no"}}, status)
    with pytest.raises(UserError, match=words):
        server.probe(suite_of(200), tmp_path)
    assert len(server.asked) <= 8


def test_a_key_that_lapses_later_costs_no_row(server, suite_of, tmp_path, raw):
    server.answer = lambda body, n: "Sure." if n < 3 else raw(None, 401)
    run = server.probe(suite_of(6), tmp_path, concurrency=1)
    assert [row["status"] for row in run.rows] == ["answered"] * 3 + ["error"] * 3


def test_the_key_of_each_model_is_tried_first(server, suite_of, tmp_path, raw):
    server.answer = lambda body, n: raw(None, 404) if body["model"] == "b" else "Sure."
    with pytest.raises(UserError, match="'b' was not found"):
        probe(["a", "b"], suite_of(50), api_base=server.url, concurrency=1, cache_dir=tmp_path)
    assert len(server.asked) == 2


def test_a_server_that_is_gone_is_not_asked_for_ever(server, suite_of, tmp_path, raw):
    server.answer = lambda body, n: raw(None, 503)
    run = server.probe(suite_of(60), tmp_path, attempts=1, concurrency=2)
    assert len(server.asked) <= 22
    assert [row["status"] for row in run.rows] == ["error"] * 60
    assert run.rows[-1]["reason"] == "not asked: 20 in a row had failed before"
    assert run.versions[0].errors == 60


def test_concurrency_is_bounded(server, suite_of, tmp_path, raw, completed):
    server.answer = lambda body, n: raw(completed("Sure."), wait_s=0.05)
    server.probe(suite_of(12), tmp_path, concurrency=3)
    assert 1 < server.most_in_flight <= 3


def test_the_rate_counts_attempts(server, suite_of, tmp_path, raw):
    """600 a minute with bursts of one second: ten at once, then one every 0.1 s."""
    server.answer = lambda body, n: raw(None, 500) if n == 0 else "Sure."
    server.probe(suite_of(13), tmp_path, rate=600, concurrency=16)
    assert len(server.asked) == 14
    assert server.at[13] - server.at[0] >= 0.35


def test_progress_tells_of_what_is_kept(server, suite_of, tmp_path):
    seen: list[Progress] = []
    server.probe(suite_of(4), tmp_path)
    server.probe(suite_of(10), tmp_path, progress=seen.append)
    assert (seen[0].done, seen[0].total, seen[0].cached) == (4, 10, 4)
    assert seen[0].seconds_left is None
    assert (seen[-1].done, seen[-1].seconds_left) == (10, 0.0)
    assert seen[-1].projected is None  # a server of one's own has no price
    assert seen[-1].unpriced == 6


def test_equal_questions_are_asked_once(server, tmp_path):
    twins = Suite("twins@1", (Prompt("a", "Same?"), Prompt("b", "Same?")))
    run = server.probe(twins, tmp_path)
    assert len(server.asked) == 1
    assert [row["prompt_id"] for row in run.rows] == ["a", "b"]


@pytest.mark.parametrize(
    "changed",
    [{"temperature": 0.7}, {"max_tokens": 5}, {"seed": 1}, {"systems": {"s": "Be careful."}}],
)
def test_what_an_answer_depends_on_is_part_of_its_key(server, suite_of, tmp_path, changed):
    server.probe(suite_of(1), tmp_path)
    assert server.probe(suite_of(1), tmp_path, **changed).asked == 1
    assert server.probe(suite_of(1), tmp_path, **changed).asked == 0
    assert server.probe(suite_of(1), tmp_path).asked == 0


def test_more_samples_keep_those_that_are_there(server, suite_of, tmp_path):
    server.probe(suite_of(2), tmp_path, samples=2, seed=10)
    run = server.probe(suite_of(2), tmp_path, samples=3, seed=10)
    assert (run.asked, run.cached) == (2, 4)
    assert sorted(body["seed"] for body in server.asked) == [10, 10, 11, 11, 12, 12]
    assert [row["seed"] for row in run.rows] == [10, 11, 12] * 2


def test_samples_without_a_seed_are_asked_apart(server, suite_of, tmp_path):
    assert server.probe(suite_of(1), tmp_path, samples=3).asked == 3


def test_a_damaged_cache_is_a_sentence(server, suite_of, tmp_path):
    (tmp_path / "probe.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(UserError, match="damaged"):
        server.probe(suite_of(1), tmp_path)


def test_an_address_that_cannot_be_one_is_a_sentence(suite_of, tmp_path):
    for url in ("ftp://x/v1", "localhost:8000", "http://", "http://x:port"):
        with pytest.raises(UserError, match="api-base"):
            probe("m", suite_of(1), api_base=url, cache_dir=tmp_path)


def test_a_server_that_is_not_there_is_an_error(suite_of, tmp_path):
    run = probe("m", suite_of(1), api_base="http://127.0.0.1:9/v1", attempts=1, cache_dir=tmp_path)
    assert run.rows[0]["reason"].startswith("cannot connect to 127.0.0.1")


def test_it_works_where_a_loop_is_running_already(server, suite_of, tmp_path):
    """As in a notebook."""
    import asyncio

    async def cell() -> Any:
        return server.probe(suite_of(2), tmp_path)

    assert len(asyncio.run(cell()).rows) == 2


def test_an_answer_that_never_ends_is_cut_off(server, suite_of, tmp_path, raw, monkeypatch):
    monkeypatch.setattr("trueup.probe.endpoint._MAX_ANSWER", 10_000)
    server.answer = lambda body, n: raw(json.dumps("x" * 20_000).encode())
    start = time.monotonic()
    row = only(server.probe(suite_of(1), tmp_path))
    assert row["reason"] == "the answer is longer than 10,000 bytes"
    assert time.monotonic() - start < 60
