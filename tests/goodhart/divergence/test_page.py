"""The page on watching runs: its commands, its Python and its table of a run."""

from __future__ import annotations

import ast
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from trueup.cli.main import app


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "goodhart_watch.md").read_text(encoding="utf-8")


def fences(page: str, head: str) -> list[str]:
    return re.findall(rf"^```{head}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def test_its_commands_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (table,) = fences(page, "csv run.csv")
    Path("run.csv").write_text(table, encoding="utf-8")
    commands = "".join(fences(page, "sh run")).splitlines()
    assert len(commands) == 2
    said = []
    for command in commands:
        found = CliRunner().invoke(app, shlex.split(command)[1:])
        assert found.exit_code == 0, found.output
        said.append(" ".join(found.stdout.split()))
    assert said[0].startswith("No alarm")
    assert said[1].startswith("Nothing here can tell")
    assert json.loads(Path("watch.json").read_text(encoding="utf-8"))["ndh"] <= 0
    assert Path("watch.html").stat().st_size > 10_000


def test_its_gamed_run_raises_the_alarm_that_it_shows(page: str, root: Path) -> None:
    (shown,) = fences(page, "text")
    command, *said, asked, code = shown.strip().splitlines()
    arguments = shlex.split(command.replace("run.csv", "examples/goodhart/run.csv"))[2:]
    arguments[2] = str(root / arguments[2])
    found = CliRunner().invoke(app, arguments)
    assert (asked, code) == ("$ echo $?", "1")
    assert found.exit_code == 1, found.output
    assert " ".join(found.stdout.split()).startswith(" ".join(" ".join(said).split()))


def test_its_python_says_what_it_shows(page: str) -> None:
    scope: dict[str, Any] = {}
    for snippet in fences(page, "python"):
        exec(compile(snippet, "the page", "exec"), scope)
    assert scope["picked"] == pytest.approx(2 / 3)  # of the subsets {1, 2}, {1, 3} and {2, 3}
    assert scope["kl"][0] == pytest.approx(0.6363, abs=5e-5)
    assert (scope["fell"], scope["kept"]) == (10, 10)
    assert scope["late"] == 5


def test_its_example_of_a_callback_names_what_there_is(page: str) -> None:
    import inspect

    from trueup.train import DivergenceCallback

    (snippet,) = fences(page, "py")
    calls = [one for one in ast.walk(ast.parse(snippet)) if isinstance(one, ast.Call)]
    (made,) = [one for one in calls if getattr(one.func, "id", "") == "DivergenceCallback"]
    known = inspect.signature(DivergenceCallback).parameters
    assert {one.arg for one in made.keywords} <= set(known)
