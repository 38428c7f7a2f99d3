"""Outcomes of earlier attacks, kept as a small JSON file for pages that cannot wait for them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from trueup.goodhart.attack.battery import TASKS, attacks
from trueup.goodhart.attack.graders import BUILT_IN
from trueup.goodhart.attack.result import AttackReport, Row

__all__ = ["read_recorded", "write_recorded"]


def write_recorded(reports: Sequence[AttackReport], path: Path) -> None:
    """Write the outcome of every row, and what the grader saw; a grader's old rows are replaced."""
    there = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for report in reports:
        there[report.grader] = {
            f"{row.id} {row.task}": [row.outcome, *(row.seen or ())] for row in report.rows
        }
    lines = [
        f"  {json.dumps(grader)}: {{\n"
        + ",\n".join(f"    {json.dumps(key)}: {json.dumps(rows[key])}" for key in rows)
        + "\n  }"
        for grader, rows in there.items()
    ]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def read_recorded(path: Path) -> list[AttackReport]:
    """The reports in the order of `BUILT_IN`, without details and times.

    Rows that the battery no longer has are left out.
    """
    known = {attack.id: attack for attack in attacks()}
    reports = {}
    for grader, rows in json.loads(path.read_text(encoding="utf-8")).items():
        made = []
        for key, (outcome, *seen) in rows.items():
            name, task = key.split(" ")
            if name in known and task in known[name].tasks:
                attack = known[name]
                made.append(
                    Row(
                        id=name,
                        role=attack.role,
                        task=task,
                        kind=TASKS[task].kind,
                        techniques=attack.exploits,
                        title=attack.title,
                        outcome=outcome,
                        detail="",
                        seconds=float("nan"),
                        seen=tuple(seen) if grader == "trueup" else None,
                    )
                )
        reports[grader] = AttackReport(grader, tuple(made), float("nan"), {})
    return [reports[name] for name in BUILT_IN if name in reports]
