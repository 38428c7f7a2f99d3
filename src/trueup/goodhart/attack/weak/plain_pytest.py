"""Runs pytest in the repository as the submission left it: exit status 0 is a pass.

    python plain_pytest.py SUBMISSION TASK WORK [--bwrap | --junit]

The task's repository (with its git history, where git is there) and tests are copied, the
submission is laid over them. --bwrap: inside bubblewrap, without a network and with a read-only
root. --junit: the verdict is read from the JUnit report in the working copy, and `python` is found
on a PATH that begins with the repository's own bin.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET


def main(submission: Path, task: Path, work: Path, how: str) -> int:
    for part, place in ((task / "repository", work), (task / "tests", work / "tests")):
        if part.is_dir():
            shutil.copytree(part, place, dirs_exist_ok=True)
    shutil.copytree(submission, work, dirs_exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment |= {"PYTHONPATH": str(work), "PYTHONDONTWRITEBYTECODE": "1"}
    if how == "--junit":
        return with_report(work, environment)
    command = [sys.executable, "-m", "pytest", "-q"]
    if how == "--bwrap":
        command = [*sandbox(work), *command]
    return subprocess.run(command, cwd=work, env=environment).returncode


def sandbox(work: Path) -> list[str]:
    python = [  # which may be below /tmp itself
        word
        for prefix in dict.fromkeys((sys.base_prefix, sys.prefix))
        for word in ("--ro-bind", prefix, prefix)
    ]
    return [
        "bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev",
        "--proc", "/proc", "--tmpfs", "/tmp", *python, "--bind", str(work), str(work),
        "--chdir", str(work), "--",
    ]  # fmt: skip


def with_report(work: Path, environment: dict[str, str]) -> int:
    folders = (str(work / "bin"), str(Path(sys.executable).parent), environment.get("PATH", ""))
    environment["PATH"] = os.pathsep.join(folders)
    command = ["/usr/bin/env", "python", "-m", "pytest", "-q", "--junitxml=results/report.xml"]
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True)
    print(done.stdout[-2000:])
    try:
        root = ET.parse(work / "results" / "report.xml").getroot()
    except (OSError, ET.ParseError):
        return 1
    suite = root if root.tag == "testsuite" else root.find("testsuite")
    counts = {} if suite is None else suite.attrib
    bad = sum(int(counts.get(name, 0)) for name in ("failures", "errors", "skipped"))
    return int(bad > 0 or int(counts.get("tests", 0)) == 0)


if __name__ == "__main__":
    submission, task, work = map(Path, sys.argv[1:4])
    sys.exit(main(submission, task, work, (sys.argv[4:] or [""])[0]))
