"""The page on the other kinds of task runs as it stands."""

from __future__ import annotations

import json
from pathlib import Path

from tests.test_docs import runs


def test_the_page_runs(root: Path, tmp_path: Path) -> None:
    runs(root / "docs" / "grade_kinds.md", tmp_path, least=7)
    forged = json.loads((tmp_path / "forged.json").read_text())
    assert not forged["passed"]
    assert forged["score"] == 0
    assert "patch-report" in {one["technique"] for one in forged["tampering"] if one["proven"]}
