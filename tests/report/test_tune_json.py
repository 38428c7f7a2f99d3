from __future__ import annotations

import json
import re
from pathlib import Path

from tests.report import tune_sample as made
from trueup.report.tune_json import tune_json, watch_json

PROMISED = (
    "certified",
    "threshold",
    "empirical_tax",
    "empirical_risk",
    "risk_bound",
    "alpha",
    "delta",
    "n",
    "n_positive",
    "procedure",
    "reason",
)


def test_every_key_is_documented_and_every_documented_key_is_there(root: Path) -> None:
    page = (root / "docs" / "tune.md").read_text(encoding="utf-8").split("## JSON")[1]
    first_cells = [row.split("|")[1] for row in page.splitlines() if row.startswith("| `")]
    documented = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    written = set(tune_json([made.certified()]))
    assert set(PROMISED) <= written
    assert documented == written


def test_unknown_is_null_and_everything_is_json() -> None:
    for report in (made.certified(), made.unknowns(), made.nothing()):
        found = tune_json([report])
        assert json.loads(json.dumps(found, allow_nan=False)) == found
    nothing = tune_json([made.nothing()])
    assert nothing["certified"] is False
    assert nothing["threshold"] is nothing["risk_bound"] is nothing["certificate"] is None


def test_segments_are_listed_and_the_doubt_adds_up() -> None:
    reports = (made.certified(), made.nothing())
    found = tune_json(reports)
    assert found["certified"] is False
    assert len(found["segments"]) == 2
    assert found["delta"] == sum(report.delta for report in reports)


def test_the_watch_says_for_which_segment() -> None:
    found = watch_json([(None, made.watched()), ("domain=legal", made.alarmed())])
    assert found["alarm"] is True
    assert [one["segment"] for one in found["watches"]] == [None, "domain=legal"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
