"""The docs run: commands in the README are executed, generated pages are compared."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FENCE = re.compile(r"^```sh run\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAMED_FENCE = re.compile(r"^```\w+ (\S+\.\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
MACHINE = re.compile(r"/(?:root|work)/\w|https?://(?:[\w.-]*pypi|[\w.-]*artifact)[\w./-]*")


def commands(text: str) -> list[str]:
    lines = "".join(FENCE.findall(text)).splitlines()
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def folder_with_log(root: Path, tmp_path: Path) -> Path:
    example = root / "examples" / "assistant_log"
    with gzip.open(example / "log.jsonl.gz") as log:
        (tmp_path / "logs.jsonl").write_bytes(log.read())
    (tmp_path / "labels.jsonl").write_bytes((example / "labels.jsonl").read_bytes())
    return tmp_path


def test_the_readme_runs(root: Path, folder_with_log: Path) -> None:
    listed = commands((root / "README.md").read_text(encoding="utf-8"))
    assert len(listed) >= 5
    for command in listed:
        done = run(command, folder_with_log)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert (folder_with_log / "report.html").stat().st_size > 10_000
    assert (folder_with_log / "verdicts.csv").exists()


def test_the_labels_page_runs(root: Path, folder_with_log: Path) -> None:
    listed = commands((root / "docs" / "labels.md").read_text(encoding="utf-8"))
    assert len(listed) >= 4
    for command in listed:
        done = run(command, folder_with_log)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def test_the_tuning_page_runs(root: Path, folder_with_log: Path) -> None:
    page = (root / "docs" / "tune.md").read_text(encoding="utf-8")
    listed = commands(page)
    assert len(listed) >= 5
    for command in listed:
        done = run(command, folder_with_log)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert (folder_with_log / "tune.html").stat().st_size > 10_000
    scope: dict[str, Any] = {}
    for snippet in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        exec(compile(snippet, "docs/tune.md", "exec"), scope)
    assert scope["dial"].settings[scope["found"].chosen] == "middle"


def test_the_guards_page_runs(root: Path, folder_with_log: Path) -> None:
    from trueup.guards.stack import load_stack

    page = (root / "docs" / "guards.md").read_text(encoding="utf-8")
    for name, text in NAMED_FENCE.findall(page):
        (folder_with_log / name).write_text(text, encoding="utf-8")
    listed = commands(page)
    assert len(listed) >= 4
    for command in listed:
        done = run(command, folder_with_log)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert len(load_stack(folder_with_log / "endpoints.yaml").layers) == 2


def test_the_demo_runs(root: Path, tmp_path: Path) -> None:
    if not (root / ".venv" / "bin" / "python").exists():
        pytest.skip("there is no .venv: run the tests with `make test`")
    done = run(f"make -C {root} demo DEMO={tmp_path}/demo REPORT={tmp_path}/report.html", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "<html" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_generated_pages_are_fresh(root: Path) -> None:
    done = run(f"{sys.executable} scripts/make_docs.py --check", root)
    assert done.returncode == 0, done.stderr


def test_no_machine_is_named_in_what_is_published(root: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*.md", "*.py", "*.toml", "Makefile", "*.sh"],
        cwd=root, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    named = [
        path
        for path in listed
        if path != "tests/test_docs.py"
        and MACHINE.search((root / path).read_text(encoding="utf-8", errors="replace"))
    ]
    assert named == []
