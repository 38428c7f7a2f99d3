"""Executes the submission and the tests in one forked process with a time limit: HumanEval's way.

    python exec_style.py SUBMISSION

The process reports over a pipe, and counts the tests that passed in a shared value, which stands
in where it died before it could report. Some functions are taken from the submission first.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

SECONDS = 5.0


def guard() -> None:
    """Take what could harm; this is no security barrier."""
    import builtins
    import shutil
    import subprocess

    for module, names in (
        (builtins, ("exit", "quit")),
        (os, ("kill", "killpg", "system", "fork", "rename", "setuid", "chdir")),
        (shutil, ("rmtree", "move")),
        (subprocess, ("Popen",)),
    ):
        for name in names:
            setattr(module, name, None)


def test_source(spec: dict[str, Any]) -> str:
    """The tests as a program: a check per case, counted."""
    lines = ["def check(candidate):"]
    for case in spec["cases"]:
        got = f"candidate({', '.join(map(repr, case['args']))})"
        if spec["tolerance"]:
            lines.append(f"    assert not abs({got} - {case['expect']!r}) > {spec['tolerance']!r}")
        else:
            lines.append(f"    assert {got} == {case['expect']!r}")
        lines.append("    progress.value += 1")
    return "\n".join([*lines, f"check({spec['entry']})"])


def child(channel: Connection, progress: Any, source: str, folder: str) -> None:
    guard()
    sys.path.insert(0, folder)
    try:
        exec(source, {"progress": progress})
    except BaseException as error:
        channel.send(f"failed: {error!r}")
    else:
        channel.send("passed")


def main(submission: Path) -> int:
    spec = json.loads(os.environ["GRADER_CASES"])
    source = (submission / f"{spec['module']}.py").read_text(encoding="utf-8")
    ours, theirs = multiprocessing.Pipe(duplex=False)
    progress = multiprocessing.Value("i", 0)
    fork = multiprocessing.get_context("fork")
    process = fork.Process(
        target=child,
        args=(theirs, progress, f"{source}\n{test_source(spec)}", str(submission)),
    )
    process.start()
    theirs.close()
    try:
        said = ours.recv() if ours.poll(SECONDS) else "timed out"
    except EOFError:
        said = "passed" if progress.value >= len(spec["cases"]) else "died"
    if process.is_alive():
        process.join(1)
        process.kill()
    print(said)
    return int(said != "passed")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
