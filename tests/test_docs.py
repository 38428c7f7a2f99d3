"""The docs run: commands in the README are executed, generated pages are compared."""

from __future__ import annotations

import gzip
import json
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


def runs(page: Path, folder: Path, *, least: int) -> str:
    """Run a page's commands in a folder with its named fences in it; return the page."""
    text = page.read_text(encoding="utf-8")
    for name, content in NAMED_FENCE.findall(text):
        (folder / name).write_text(content, encoding="utf-8")
    listed = commands(text)
    assert len(listed) >= least
    for command in listed:
        done = run(command, folder)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return text


def executed(page: str) -> dict[str, Any]:
    """What the page's Python leaves behind."""
    scope: dict[str, Any] = {}
    for snippet in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        exec(compile(snippet, "the page", "exec"), scope)
    return scope


@pytest.fixture
def folder_with_log(root: Path, tmp_path: Path) -> Path:
    example = root / "examples" / "assistant_log"
    with gzip.open(example / "log.jsonl.gz") as log:
        (tmp_path / "logs.jsonl").write_bytes(log.read())
    (tmp_path / "labels.jsonl").write_bytes((example / "labels.jsonl").read_bytes())
    return tmp_path


def test_the_readme_runs(root: Path, folder_with_log: Path) -> None:
    runs(root / "README.md", folder_with_log, least=5)
    assert (folder_with_log / "report.html").stat().st_size > 10_000
    assert (folder_with_log / "verdicts.csv").exists()


def test_the_labels_page_runs(root: Path, folder_with_log: Path) -> None:
    runs(root / "docs" / "labels.md", folder_with_log, least=4)


def test_the_tuning_page_runs(root: Path, folder_with_log: Path) -> None:
    page = runs(root / "docs" / "tune.md", folder_with_log, least=5)
    assert (folder_with_log / "tune.html").stat().st_size > 10_000
    scope = executed(page)
    assert scope["dial"].settings[scope["found"].chosen] == "middle"


def test_the_guards_page_runs(root: Path, folder_with_log: Path) -> None:
    from trueup.guards.stack import load_stack

    runs(root / "docs" / "guards.md", folder_with_log, least=4)
    assert len(load_stack(folder_with_log / "endpoints.yaml").layers) == 2


def test_the_suites_page_runs(root: Path, folder_with_log: Path) -> None:
    runs(root / "docs" / "suites.md", folder_with_log, least=8)


def test_the_probe_page_runs(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = runs(root / "docs" / "probe.md", tmp_path, least=4)
    monkeypatch.chdir(tmp_path)
    scope = executed(page)
    assert scope["run"].versions[0].answered == 10


def test_the_comparison_page_runs(root: Path, tmp_path: Path) -> None:
    page = runs(root / "docs" / "compare.md", tmp_path, least=2)
    assert (tmp_path / "compare.html").stat().st_size > 10_000
    found = json.loads((tmp_path / "compare.json").read_text(encoding="utf-8"))
    assert found["legitimate"]["newly_refused"] == 1
    assert executed(page)["found"].verdict == "more refusals"


def test_the_gate_s_file_of_limits_is_read(root: Path) -> None:
    from trueup.compare.limits import gate_table, parse_limits

    page = (root / "docs" / "gate.md").read_text(encoding="utf-8")
    files = dict(NAMED_FENCE.findall(page))
    assert parse_limits({}, gate_table(files["trueup.toml"], "trueup.toml")).min_safety == 0.95


def test_the_grading_page_runs(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = runs(root / "docs" / "grade.md", tmp_path, least=3)
    monkeypatch.chdir(tmp_path)
    assert not executed(page)["verdict"].passed


def test_the_attack_page_runs(root: Path, tmp_path: Path) -> None:
    runs(root / "docs" / "attack.md", tmp_path, least=4)


def test_the_task_of_the_readme_tells_two_submissions_apart(root: Path) -> None:
    from trueup import goodhart

    folder = root / "examples" / "goodhart"
    task = goodhart.read_task(folder / "task.yaml")
    honest, gaming = (goodhart.grade_submission(task, folder / f) for f in ("honest", "gaming"))
    assert honest.passed
    assert not honest.attempted
    assert not gaming.passed
    assert any(one.proven for one in gaming.tampering)
    assert {one.technique for one in gaming.tampering} == {"caller-frames"}


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
