"""Stacks in files, callables in modules, and a server that does as it is told."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from trueup.guards import asking
from trueup.guards.stack import Stack, load_stack


@dataclass
class Reply:
    """status, body (JSON, or bytes as they are) and headers of one answer; wait_s before it."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0


@dataclass
class Asked:
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Server:
    """`answer` makes the reply to each request; `asked` holds the requests in order."""

    url: str
    asked: list[Asked] = field(default_factory=list)
    answer: Callable[[Asked], Reply] = lambda asked: Reply({"score": 0.9})

    def script(self, *replies: Reply) -> None:
        """Give these replies in order, the last one for ever."""
        left = list(replies)
        self.answer = lambda asked: left.pop(0) if len(left) > 1 else left[0]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(asking, "BACKOFF_S", 0.0)
    gone = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"]))
            asked = Asked(self.path, dict(self.headers), json.loads(text))
            found.asked.append(asked)
            reply = found.answer(asked)
            gone.wait(reply.wait_s)
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # the client had waited long enough
                pass

        def log_message(self, *arguments: Any) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Server(f"http://127.0.0.1:{running.server_port}")
    threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
    yield found
    gone.set()
    running.shutdown()
    running.server_close()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder; modules that are written there are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # modules change within a second
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def stack_of(project: Path) -> Callable[[str], Stack]:
    """A stack from the text of its file."""

    def make(text: str) -> Stack:
        (project / "stack.yaml").write_text(text, encoding="utf-8")
        return load_stack(project / "stack.yaml")

    return make
