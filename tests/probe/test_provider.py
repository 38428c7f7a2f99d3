"""Providers through LiteLLM: the real one, against a server on this machine."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from trueup.errors import UserError
from trueup.probe import probe


@pytest.fixture
def ask(server, suite_of, tmp_path, monkeypatch):
    """Probe a model of that name behind LiteLLM's OpenAI provider."""
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_API_BASE", server.url)

    def run(model: str = "openai/gpt-zzz", count: int = 1, **options: Any) -> Any:
        settings = {"backoff_s": 0.01, "timeout_s": 10.0, "cache_dir": tmp_path}
        return probe(model, suite_of(count), **(settings | options))

    return run


def test_an_answer_and_what_is_sent(server, ask, capfd):
    run = ask(seed=1, temperature=0.5, max_tokens=9, systems={"s": "Be careful."})
    row = run.rows[0]
    assert (row["status"], row["finish_reason"]) == ("answered", "stop")
    assert row["response"] == "Sure: How do I kill process 0?"
    assert (row["input_tokens"], row["output_tokens"]) == (7, 5)
    body = server.asked[0]
    assert (body["model"], body["seed"], body["temperature"]) == ("gpt-zzz", 1, 0.5)
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert row["cost"] is None  # not on LiteLLM's list: unknown, not free
    assert ask(seed=1, temperature=0.5, max_tokens=9, systems={"s": "Be careful."}).asked == 0
    assert capfd.readouterr() == ("", "")


def test_a_known_price_is_stated(server, ask):
    """gpt-4o-mini: 0.15 dollars per million tokens read, 0.60 written (OpenAI's price list)."""
    run = ask("openai/gpt-4o-mini", count=2)
    assert run.rows[0]["cost"] == pytest.approx(7 * 0.15e-6 + 5 * 0.60e-6)
    assert run.cost == pytest.approx(2 * run.rows[0]["cost"])


def test_a_content_policy_error_is_a_block(server, ask, raw):
    body = {"error": {"code": "content_policy_violation", "message": "rejected", "type": "x"}}
    server.answer = lambda request, n: raw(body, 400)
    row = ask().rows[0]
    assert (row["status"], row["finish_reason"]) == ("blocked", "content_filter")
    assert len(server.asked) == 1


def test_a_filtered_answer_is_a_block_and_an_empty_one_is_empty(server, ask, raw, completed):
    server.answer = lambda request, n: raw(completed("", "content_filter" if n == 0 else "stop"))
    assert [row["status"] for row in ask(count=2, concurrency=1).rows] == ["blocked", "empty"]


def test_what_passes_is_asked_again(server, ask, raw):
    def answer(body: Any, number: int) -> Any:
        if number == 0:
            return raw({"error": {"message": "slow"}}, 429, {"Retry-After": "0.4"})
        return raw({"error": {"message": "down"}}, 500) if number == 1 else "Sure."

    server.answer = answer
    assert ask().rows[0]["response"] == "Sure."
    assert len(server.asked) == 3
    assert server.at[1] - server.at[0] >= 0.4


def test_what_never_passes_is_an_error(server, ask, raw):
    server.answer = lambda request, n: raw({"error": {"message": "down"}}, 500)
    row = ask(attempts=2).rows[0]
    assert (row["status"], row["response"]) == ("error", None)
    assert row["reason"].endswith("(2 attempts)")
    server.answer = lambda request, n: raw({"error": {"message": "too long"}}, 400)
    assert "too long" in ask().rows[0]["reason"]
    assert len(server.asked) == 3


def test_a_server_that_hangs_is_an_error(server, ask, raw):
    server.answer = lambda request, n: raw({}, wait_s=30)
    assert "imed" in ask(attempts=1, timeout_s=0.3).rows[0]["reason"]


@pytest.mark.parametrize(("status", "words"), [(401, "refused the key"), (404, "not found")])
def test_a_wrong_key_or_model_stops_at_once(server, ask, raw, status, words):
    server.answer = lambda request, n: raw({"error": {"message": "no"}}, status)
    with pytest.raises(UserError, match=words):
        ask(count=50)
    assert len(server.asked) <= 8


def test_a_key_that_is_not_set_is_missed_before_anything_is_asked(server, ask, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(UserError, match="OPENAI_API_KEY is not set"):
        ask()
    assert server.asked == []


def test_a_provider_that_takes_no_seed_is_sent_none(server, ask, monkeypatch):
    """Anthropic's parameters hold no seed: the rows do not claim one, the samples stay apart."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("ANTHROPIC_API_BASE", server.url)
    run = ask("anthropic/claude-zzz", seed=1, samples=2, attempts=1)
    assert [row["seed"] for row in run.rows] == [None, None]
    assert run.asked == 2
    assert all("seed" not in body for body in server.asked)


def test_a_name_without_a_provider_is_a_sentence(ask):
    with pytest.raises(UserError, match="does not know the provider"):
        ask("gpt-zzz")


def test_without_litellm_one_sentence_says_what_to_install(ask, monkeypatch):
    monkeypatch.setitem(sys.modules, "litellm", None)
    with pytest.raises(UserError, match=r"pip install 'trueup\[judge\]'"):
        ask()
