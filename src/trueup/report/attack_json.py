"""What `trueup goodhart attack --json` writes: a contract, described in docs/attack.md."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from trueup.report import attack_text as say
from trueup.report.json_fields import plain

if TYPE_CHECKING:
    from trueup.goodhart.attack.result import AttackReport, Row

__all__ = ["SCHEMA_VERSION", "attack_json"]

SCHEMA_VERSION = 1  # rises when a key goes or changes its meaning; new keys leave it as it is


def attack_json(report: AttackReport) -> dict[str, Any]:
    """The report as plain values, ready for any JSON writer."""
    from trueup import __version__

    return {
        "trueup": __version__,
        "kind": "attack",
        "schema_version": SCHEMA_VERSION,
        "grader": plain(report.grader),
        "sentence": plain(say.sentence(report)),
        "holds": report.holds,
        "tried": plain(report.tried),
        "fell_for": plain(report.fell_for),
        "undecided": plain(report.undecided),
        "failed_controls": [plain(row.id) for row in report.failed_controls],
        "void_tasks": plain(report.void_tasks),
        "absent": [
            {"technique": name, "reason": plain(why)} for name, why in report.absent.items()
        ],
        "notes": plain(report.notes),
        "seconds": plain(report.seconds),
        "rows": [_row(row) for row in report.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    return {field.name: plain(getattr(row, field.name)) for field in fields(row)}
