"""Comparing the rows of a published table from the command's side: what is written where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trueup.cli._summary import compare_summary, is_summary
from trueup.errors import UserError

TABLE = "stage,acc_pct,asr_pct\nbase,63.40,60.40\nsafe,32.49,0.80\nbroken,none at all,1\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "stages.csv"
    made.write_text(TABLE)
    return made


def test_it_prints_and_names_the_rows_left_out(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert is_summary(path)
    compare_summary(path)
    out, err = capsys.readouterr()
    assert "−30.91 points (−48.8 %)" in out
    assert "stages.csv, row 4: acc_pct must be a number, got 'none at all'." in err


def test_files_are_written_and_json_on_stdout_is_alone(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    compare_summary(path, html=page, json=Path("-"), baseline="safe", lower=("acc",))
    body = json.loads(capsys.readouterr().out)
    assert body["baseline"] == "safe"
    assert [metric["better"] for metric in body["metrics"]] == ["lower", "lower"]
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_users_mistakes_are_theirs(path: Path) -> None:
    with pytest.raises(UserError, match=r"No row is called 'saef'\. Did you mean 'safe'\?"):
        compare_summary(path, baseline="saef")
    with pytest.raises(UserError, match="no column 'when'"):
        compare_summary(path, order="when")
