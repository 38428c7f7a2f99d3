"""A server that speaks chat completions and does as it is told, and small suites to ask of it."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from trueup.probe import ProbeRun, Prompt, Suite, probe

Answer = Callable[[dict[str, Any], int], Any]


@dataclass
class Server:
    """`answer(body, number of the request)` gives the text of the answer, or a `Raw`."""

    url: str
    answer: Answer = lambda body, number: f"Sure: {body['messages'][-1]['content']}"
    asked: list[dict[str, Any]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def probe(self, suite: Suite, cache: Path, **options: Any) -> ProbeRun:
        settings: dict[str, Any] = {"backoff_s": 0.01, "timeout_s": 10.0, "api_base": self.url}
        return probe("org/model", suite, cache_dir=cache, **(settings | options))


@dataclass
class Raw:
    """An answer as it goes over the wire: body is JSON, or bytes as they are; wait_s before it."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0


def completion(text: Any, finish: str | None = "stop", **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": text, **message}
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": finish, "message": said}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12},
    }


@pytest.fixture
def raw() -> type[Raw]:
    return Raw


@pytest.fixture
def completed() -> Callable[..., dict[str, Any]]:
    return completion


@pytest.fixture
def server() -> Iterator[Server]:
    gone = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with found.lock:
                number = len(found.asked)
                found.asked.append(body | {"_path": self.path, **self._key()})
                found.at.append(time.monotonic())
                found.in_flight += 1
                found.most_in_flight = max(found.most_in_flight, found.in_flight)
            try:
                reply = found.answer(body, number)
                if not isinstance(reply, Raw):
                    reply = Raw(completion(reply))
                gone.wait(reply.wait_s)
            finally:
                with found.lock:
                    found.in_flight -= 1
            self._send(reply)

        def _key(self) -> dict[str, Any]:
            return {"_key": self.headers.get("Authorization")}

        def _send(self, reply: Raw) -> None:
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            try:
                self.send_response(reply.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # the client had waited long enough
                pass

        def log_message(self, *arguments: Any) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    found = Server(f"http://127.0.0.1:{running.server_port}/v1")
    thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield found
    gone.set()
    running.shutdown()
    running.server_close()


def prompts(count: int) -> Suite:
    return Suite(
        "small@1",
        tuple(
            Prompt(f"p{i}", f"How do I kill process {i}?", legitimate=True) for i in range(count)
        ),
    )


@pytest.fixture
def suite_of() -> Callable[[int], Suite]:
    """A suite of so many prompts."""
    return prompts


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder; modules that are written there are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
