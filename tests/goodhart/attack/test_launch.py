"""One command in a session of its own: its output, its end, and nothing left of it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from trueup.errors import UserError
from trueup.goodhart.attack.launch import launch

LEAVES = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    print(os.getpid(), flush=True)
    time.sleep(60)
time.sleep({wait})
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"


@pytest.mark.parametrize("wait", [0.3, 60])
def test_what_leaves_its_session_is_killed_too(tmp_path: Path, wait: float) -> None:
    command = [sys.executable, "-c", LEAVES.format(wait=wait)]
    ended = launch(command, tmp_path, dict(os.environ), 1.0)
    assert (ended.status is None) == (wait == 60)
    left = int(ended.stdout)
    limit = time.monotonic() + 5
    while alive(left) and time.monotonic() < limit:
        time.sleep(0.02)
    assert not alive(left)


def test_it_says_how_it_ended(tmp_path: Path) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    ended = launch([sys.executable, "-c", code], tmp_path, dict(os.environ), 20)
    assert (ended.status, ended.stdout, ended.stderr) == (3, "out\n", "err\n")


def test_much_output_is_cut_to_its_end(tmp_path: Path) -> None:
    code = "print('x' * 3_000_000 + 'end')"
    ended = launch([sys.executable, "-c", code], tmp_path, dict(os.environ), 20)
    assert len(ended.stdout) <= 1 << 20
    assert ended.stdout.endswith("end\n")


def test_what_cannot_be_started_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be started"):
        launch([str(tmp_path / "none")], tmp_path, {}, 1)
