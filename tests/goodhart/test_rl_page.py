"""The page on rewards and evals runs as it stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.test_docs import executed, runs


def test_the_page_runs(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = runs(root / "docs" / "goodhart_rl.md", tmp_path, least=1)
    monkeypatch.chdir(tmp_path)
    scope = executed(page)
    assert scope["scores"] == [1.0, 0.0, 0.0, 0.0]
    rows = [json.loads(line) for line in Path("rewards.jsonl").read_text().splitlines()]
    assert [row["passed"] for row in rows] == [True, False, False, False]
    assert rows[2]["techniques"]
    assert rows[3]["flags"] == ["no code"]
    named = page.partition("Each line of the log holds `")[2].partition("`")[0]
    assert named.replace(",", "").split() == list(rows[0])
