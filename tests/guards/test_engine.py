"""A stack at work: verdicts, failures, retries, what is kept and when it stops."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from trueup.errors import UserError
from trueup.guards import asking
from trueup.guards.engine import Engine, Record, Result
from trueup.guards.stack import Stack
from trueup.guards.verdict import Failure, Verdict

Make = Callable[[str], Stack]


def records(*texts: str | None) -> list[Record]:
    return [Record(str(place), text, None, {}) for place, text in enumerate(texts)]


def score(stack: Stack, *texts: str | None) -> list[Result]:
    """What the first layer says of each prompt."""
    with Engine(stack, stack.path.parent / "cache") as engine:
        return [row[0] for row in engine.score(records(*texts))]


def scores(results: Sequence[Result]) -> list[Any]:
    """Scores by category, or the reason of a failure."""
    return [r.reason if isinstance(r, Failure) else r and dict(r.scores) for r in results]


@pytest.fixture
def http(server: Any, stack_of: Make) -> Callable[..., Stack]:
    """A stack of one endpoint, which is the scripted server."""

    def make(more: str = "", retries: int = 2, timeout_s: float = 5) -> Stack:
        return stack_of(
            f"fail: open\nlayers: [{{name: a, http: '{server.url}/score', threshold: 0.5, "
            f"retries: {retries}, timeout_s: {timeout_s}{more}}}]"
        )

    return make


def test_an_endpoint_is_asked_as_the_stack_says(
    server: Any, http: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUARD_KEY", "secret\n")
    server.script(reply({"out": [{"p": 0.25, "label": "hate"}]}))
    stack = http(
        ", headers: {Authorization: 'Bearer ${GUARD_KEY}'}, body: {inputs: ['{text}'], n: 1}, "
        "score: out.0.p, category: out.0.label"
    )
    assert scores(score(stack, "hi {text}")) == [{"hate": 0.25}]
    asked = server.asked[0]
    assert asked.path == "/score"
    assert asked.headers["Authorization"] == "Bearer secret"
    assert asked.body == {"inputs": ["hi {text}"], "n": 1}


def reply(body: Any = None, status: int = 200, wait_s: float = 0.0, **headers: str) -> Any:
    from types import SimpleNamespace

    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return SimpleNamespace(body=body, status=status, headers=names, wait_s=wait_s)


GOOD = {"score": 0.9}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (reply(status=500), "HTTP 500"),
        (reply(status=429, Retry_After="0"), "HTTP 429"),
        (reply(status=408), "HTTP 408"),
        (reply(status=425), "HTTP 425"),
        (reply(b"<html>", 200), "the answer is not JSON"),
        (reply(b'{"score": "\xff"}', 200), "the answer is not JSON"),
        (reply(b"[" * 100_000, 200), "the answer is not JSON"),
        (reply(b'{"score": NaN}', 200), "the score is NaN"),
        (reply({"score": None}), "the score is not a number but NoneType"),
        (reply({"scores": 1}), "the answer has no score"),
        (reply([1]), "the answer has no score"),
    ],
)
def test_what_passes_is_tried_again_and_what_stays_is_a_failure(
    server: Any, http: Callable[..., Stack], bad: Any, reason: str
) -> None:
    server.script(bad, reply(GOOD))
    assert scores(score(http(), "x")) == [{None: 0.9}]
    server.asked.clear()
    server.script(bad)
    assert scores(score(http(), "y")) == [reason]
    assert len(server.asked) == 3


@pytest.mark.parametrize("status", [400, 413, 422, 302])
def test_a_refused_text_is_not_sent_again(
    server: Any, http: Callable[..., Stack], status: int
) -> None:
    server.script(reply(status=status))
    assert scores(score(http(), "x")) == [f"HTTP {status}"]
    assert len(server.asked) == 1


def test_a_slow_endpoint_times_out(server: Any, http: Callable[..., Stack]) -> None:
    server.script(reply(GOOD, wait_s=60.0))
    assert scores(score(http(retries=0, timeout_s=0.2), "x")) == ["timed out after 0.2 s"]


def test_nobody_there(http: Callable[..., Stack], stack_of: Make, server: Any) -> None:
    stack = stack_of(
        "fail: open\nlayers: [{name: a, http: 'http://127.0.0.1:9/x', threshold: 1, retries: 0}]"
    )
    (reason,) = scores(score(stack, "x"))
    assert reason.startswith("cannot connect to 127.0.0.1")


@pytest.mark.parametrize(
    ("asked", "low", "high"),
    [("7", 7, 7), ("1e9", 60, 60), ("soon", 0, 0), ("DATE", 20, 31)],
)
def test_retry_after_is_heeded_up_to_a_minute(
    server: Any,
    http: Callable[..., Stack],
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
    low: float,
    high: float,
) -> None:
    waits: list[float] = []

    class Stop:
        def wait(self, seconds: float) -> bool:
            waits.append(seconds)
            return False

        def is_set(self) -> bool:
            return False

        def set(self) -> None:
            pass

    monkeypatch.setattr(asking, "Event", Stop)
    value = formatdate(time.time() + 30, usegmt=True) if asked == "DATE" else asked
    layer = http().layers[0]
    server.script(reply(status=503, Retry_After=value), reply(GOOD))
    with Engine(Stack(Path("s"), (layer,)), Path("cache")) as engine:
        engine.score(records("x"))
    assert len(waits) == 1
    assert low <= waits[0] <= high


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_would_fail_for_every_text_stops_the_run(
    server: Any, http: Callable[..., Stack], status: int
) -> None:
    server.script(reply(status=status))
    with pytest.raises(UserError, match=f"Layer 'a': 127.0.0.1 answered {status}") as caught:
        score(http(), *map(str, range(100)))
    assert caught.value.fix
    assert len(server.asked) < 100


def test_a_layer_that_always_fails_stops_the_run(server: Any, http: Callable[..., Stack]) -> None:
    server.script(reply(status=500))
    with pytest.raises(UserError, match="each of its first 20 texts: HTTP 500"):
        score(http(retries=0), *map(str, range(500)))
    assert len(server.asked) < 100


def test_a_layer_that_fails_often_does_not(server: Any, http: Callable[..., Stack]) -> None:
    server.answer = lambda asked: reply(GOOD) if asked.body["text"] == "3" else reply(status=500)
    found = score(http(", concurrency: 1", retries=0), *map(str, range(60)))
    assert sum(isinstance(result, Failure) for result in found) == 59


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (", headers: {A: '${NOT_SET}'}", "environment variable NOT_SET"),
        (', headers: {A: "a\\nb"}', "cannot be sent"),
        (", headers: {A: 'é'}", "cannot be sent"),
    ],
)
def test_what_is_wrong_shows_before_anything_is_read(
    http: Callable[..., Stack], more: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        score(http(more))


def test_moderation_gives_every_category(
    server: Any, stack_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k1")
    server.script(
        reply(status=500),
        reply({"results": [{"category_scores": {"hate": 0.1, "violence": 0.8, "new": None}}]}),
    )
    stack = stack_of(
        f"fail: closed\nlayers: [{{name: a, moderation: omni, api_base: '{server.url}/v1/', "
        "threshold: 0.5}]"
    )
    assert scores(score(stack, "x")) == [{"violence": 0.8, "hate": 0.1}]
    asked = server.asked[-1]
    assert (asked.path, asked.body) == ("/v1/moderations", {"model": "omni", "input": "x"})
    assert asked.headers["Authorization"] == "Bearer k1"


def test_moderation_without_a_key(stack_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UserError, match="OPENAI_API_KEY is not set"):
        score(stack_of("fail: open\nlayers: [{name: a, moderation: omni, threshold: 1}]"))


CALLS = """
from pathlib import Path
def score(text):
    with open("calls.txt", "a") as out:
        print(ascii(text), file=out)
    if "bad" in text:
        raise ValueError("not today")
    return {"a": 0.2, "b": 0.7}
"""


@pytest.fixture
def callable_stack(project: Path, stack_of: Make) -> Callable[..., Stack]:
    (project / "own_guard.py").write_text(CALLS, encoding="utf-8")

    def make(more: str = "") -> Stack:
        layer = f"name: a, python: 'own_guard:score'{more or ', threshold: 1'}"
        return stack_of(f"fail: open\nlayers: [{{{layer}}}]")

    return make


def calls() -> list[str]:
    path = Path("calls.txt")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def kept() -> int:
    """Verdicts on disk."""
    with closing(sqlite3.connect("cache/guards.sqlite")) as db:
        return int(db.execute("SELECT count(*) FROM verdicts").fetchone()[0])


def test_no_verdict_is_asked_for_twice(callable_stack: Callable[..., Stack]) -> None:
    first = score(callable_stack(), "x", "y", "x", None, "")
    assert scores(first) == [{"b": 0.7, "a": 0.2}] * 3 + [None, None]
    assert len(calls()) == 2
    again = score(callable_stack(), "x", "y", "z")
    assert again[:2] == first[:2]  # with the latency of then
    assert len(calls()) == 3


@pytest.mark.parametrize(
    "more",
    [
        ", threshold: 0.1",
        ", bands: {warn: 0.3}",
        ", categories: {a: {threshold: 0.1}}",
        ", threshold: 1, timeout_s: 3, retries: 0, concurrency: 3, fail: closed",
    ],
)
def test_what_does_not_change_the_verdict_needs_no_new_one(
    callable_stack: Callable[..., Stack], more: str
) -> None:
    score(callable_stack(), "x")
    score(callable_stack(more), "x")
    assert len(calls()) == 1


def test_what_may_change_the_verdict_asks_anew(
    callable_stack: Callable[..., Stack], project: Path
) -> None:
    score(callable_stack(), "x")
    score(callable_stack(", threshold: 1, version: v2"), "x")
    assert len(calls()) == 2
    with Engine(callable_stack(", threshold: 1, stage: output"), project / "cache") as engine:
        engine.score([Record("1", None, "x", {})])
    assert len(calls()) == 3
    with (project / "own_guard.py").open("a", encoding="utf-8") as out:
        out.write("# edited\n")
    score(callable_stack(), "x")
    assert len(calls()) == 4


def test_failures_are_tried_again_and_not_kept(callable_stack: Callable[..., Stack]) -> None:
    assert scores(score(callable_stack(), "bad", "x")) == [
        "ValueError: not today",
        {"b": 0.7, "a": 0.2},
    ]
    assert calls().count("'bad'") == 3
    score(callable_stack(), "bad", "x")
    assert (calls().count("'bad'"), calls().count("'x'")) == (6, 1)


def test_verdicts_outlive_an_error_in_another_layer(
    server: Any, stack_of: Make, callable_stack: Callable[..., Stack]
) -> None:
    callable_stack()

    def refuse(asked: Any) -> Any:
        while not kept():
            time.sleep(0.01)
        return reply(status=401)

    server.answer = refuse
    stack = stack_of(
        "fail: open\nlayers:\n - {name: a, python: 'own_guard:score', threshold: 1}\n"
        f" - {{name: b, http: '{server.url}', threshold: 1}}"
    )
    with pytest.raises(UserError, match="answered 401"):
        score(stack, "x")
    score(stack_of("fail: open\nlayers: [{name: a, python: 'own_guard:score', threshold: 1}]"), "x")
    assert len(calls()) == 1


def test_hostile_text_reaches_every_layer_as_it_is(
    server: Any, stack_of: Make, callable_stack: Callable[..., Stack]
) -> None:
    texts = [
        "\x1b[31mred\x07",
        "\u202egnirts",
        "👩‍👩‍👧",
        "<script>",
        "a\r\nb\tc",
        '"}{',
        "\ufeff",
        "é" * 9999,
    ]
    callable_stack()
    stack = stack_of(
        "fail: open\nlayers:\n - {name: a, python: 'own_guard:score', threshold: 1}\n"
        f" - {{name: b, http: '{server.url}', threshold: 1}}\n - {{name: c, words: [red]}}"
    )
    with Engine(stack, Path("cache")) as engine:
        found = engine.score(records(*texts))
    assert all(isinstance(result, Verdict) for row in found for result in row)
    assert {asked.body["text"] for asked in server.asked} == set(texts)
    assert set(calls()) == set(map(ascii, texts))


def test_what_settles_adds_up(callable_stack: Callable[..., Stack]) -> None:
    settled: list[int] = []
    with Engine(callable_stack(), Path("cache")) as engine:
        engine.score(records("x", "x", None, "bad"), settled.append)
        assert sum(settled) == 4
        engine.score(records("x"), settled.append)
    assert sum(settled) == 5


def test_a_damaged_cache_is_a_user_error(callable_stack: Callable[..., Stack]) -> None:
    Path("cache").mkdir()
    Path("cache/guards.sqlite").write_bytes(b"not a database, by any means" * 100)
    with pytest.raises(UserError, match="cache_dir must be a folder that can be written"):
        score(callable_stack(), "x")
