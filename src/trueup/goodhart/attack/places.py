"""What surrounds a run: the task's folder, a repository with history, a server on loopback."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from trueup.goodhart.attack.battery import TASKS, BatteryTask, write_files

__all__ = ["repository", "task_folder", "web"]

_PRIVATE = ("reference", "make.py", "held_out/")  # what a task keeps to itself
_PRIVATE_KEYS = ("generated:", "reference:")


def task_folder(task: BatteryTask, to: Path) -> None:
    """Write the task as graders get it: task.yaml and tests, no reference."""
    files = {path: text for path, text in task.files.items() if not path.startswith(_PRIVATE)}
    if task.kind == "function":
        files["task.yaml"] = "".join(
            line
            for line in files["task.yaml"].splitlines(keepends=True)
            if not line.startswith(_PRIVATE_KEYS)
        )
    write_files(files, to)


def repository(task: BatteryTask, to: Path) -> None:
    """The repository of a pytest task, with the commit that solves it on a branch that came later.

    Nothing for other kinds. Without git it has no history.
    """
    if task.kind != "pytest":
        return
    files = task.files
    for part, message in (("base/", "Begin"), ("reference/", "Solve it")):
        write_files(
            {p.removeprefix(part): text for p, text in files.items() if p.startswith(part)}, to
        )
        if shutil.which("git"):
            if not (to / ".git").exists():
                _git(to, "init", "--quiet")
            _git(to, "add", "--all")
            _git(to, "commit", "--quiet", "--message", message)
    write_files(
        {p.removeprefix("base/"): text for p, text in files.items() if p.startswith("base/")}, to
    )
    if shutil.which("git"):
        _git(to, "branch", "later")
        _git(to, "reset", "--quiet", "--hard", "HEAD~1")


def _git(folder: Path, *words: str) -> None:
    settings = ("user.name=battery", "user.email=battery@localhost", "commit.gpgsign=false")
    given = [word for setting in settings for word in ("-c", setting)]
    subprocess.run(["git", *given, *words], cwd=folder, check=True, capture_output=True)


class _Answers(BaseHTTPRequestHandler):
    """The web as far as the battery knows it: a solution for each task."""

    def do_GET(self) -> None:
        task = TASKS.get(self.path.strip("/"))
        text = solution(task) if task else ""
        self.send_response(200 if text else 404)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


def solution(task: BatteryTask) -> str:
    """The source of the reference; "" when there is none."""
    return task.files.get("reference.py") or task.files.get(f"reference/{task.file}", "")


@contextmanager
def web() -> Iterator[str]:
    """A server on the loopback address while the battery runs; yields its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
