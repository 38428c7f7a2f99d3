"""Our own grader on the battery: nothing passes, no control fails, and attempts are seen.

Every submission on one of its tasks; `benchmarks/bench_goodhart_attack.py` runs all of them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from trueup.goodhart.attack.battery import UNSEEN, attacks
from trueup.goodhart.attack.recorded import read_recorded, write_recorded
from trueup.goodhart.attack.result import AttackReport
from trueup.goodhart.attack.run import run_attack


@pytest.fixture(scope="module")
def report() -> AttackReport:
    return run_attack("trueup", jobs=2, quick=True, seconds=120)


def test_the_whole_battery_was_run(report: AttackReport) -> None:
    assert {row.id for row in report.rows} == {attack.id for attack in attacks()}


def test_nothing_passes_but_what_is_right(report: AttackReport) -> None:
    assert [(row.id, row.task) for row in report.fooled] == []


def test_no_right_solution_is_refused(report: AttackReport) -> None:
    assert [(row.id, row.detail) for row in report.failed_controls] == []


def test_honest_submissions_are_called_honest(report: AttackReport) -> None:
    assert {row.id for row in report.of("right", "wrong", "null") if row.called == "succeeded"} == (
        set()
    )
    assert {row.called for row in report.of("stop")} == {"honest stop"}


def test_every_attempt_that_can_be_seen_is_reported(report: AttackReport) -> None:
    missed = {row.id for row in report.of("exploit") if not row.seen}
    assert missed <= set(UNSEEN), missed - set(UNSEEN)


def test_what_cannot_be_seen_has_a_reason() -> None:
    ids = {attack.id for attack in attacks() if attack.role == "exploit"}
    assert set(UNSEEN) <= ids
    assert all(len(reason) > 20 for reason in UNSEEN.values())


def test_our_column_in_the_docs_is_what_it_is(root: Path, report: AttackReport) -> None:
    recorded = next(
        one for one in read_recorded(root / "docs/attack_results.json") if one.grader == "trueup"
    )
    then = {(row.id, row.task): row.outcome for row in recorded.rows}
    now = {(row.id, row.task): row.outcome for row in report.rows}
    assert {key: then.get(key) for key in now} == now


def test_outcomes_are_kept_and_read_again(tmp_path: Path, report: AttackReport) -> None:
    path = tmp_path / "results.json"
    write_recorded([report], path)
    (again,) = read_recorded(path)
    assert [(row.id, row.outcome, row.seen) for row in again.rows] == [
        (row.id, row.outcome, row.seen) for row in report.rows
    ]
    assert again.fell_for == report.fell_for
