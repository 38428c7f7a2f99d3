"""Which exploits each built-in grader falls for: python benchmarks/bench_goodhart_attack.py

Runs the whole battery against every grader and prints the table, with the seconds that each took.
--graders takes some of them. --write FILE keeps the outcomes, for docs/attack.md (`make docs` puts
the table there): python benchmarks/bench_goodhart_attack.py --write docs/attack_results.json
"""

from __future__ import annotations

import argparse
from pathlib import Path

from trueup.goodhart.attack.graders import BUILT_IN
from trueup.goodhart.attack.recorded import write_recorded
from trueup.goodhart.attack.result import AttackReport
from trueup.goodhart.attack.run import run_attack
from trueup.report.attack_markdown import attack_table
from trueup.report.attack_text import sentence


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--graders", default=",".join(BUILT_IN))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", type=Path)
    chosen = parser.parse_args()
    reports = []
    for name in chosen.graders.split(","):
        report = run_attack(name, jobs=chosen.jobs, seconds=120)
        reports.append(report)
        print(f"{sentence(report)} {report.seconds:.0f} s")
        for line in (*report.notes, *_odd(report)):
            print(f"  {line}")
        if chosen.write:
            write_recorded([report], chosen.write)
    print()
    print(attack_table(reports))


def _odd(report: AttackReport) -> list[str]:
    """Controls that failed, what passed without an exploit, and what is not known."""
    return [
        f"{row.id} on {row.task}: {row.outcome}: {row.detail}"
        for row in report.rows
        if row.outcome in ("refused", "timeout", "unread", "void")
        or (row.outcome == "fooled" and row.role != "exploit")
    ]


if __name__ == "__main__":
    main()
