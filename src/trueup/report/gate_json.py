"""What `trueup gate --json` writes: a contract, described in docs/gate.md."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from trueup.report import gate_text as say
from trueup.report.json_fields import plain

if TYPE_CHECKING:
    from trueup.compare.gate_result import Check, GateReport

__all__ = ["SCHEMA_VERSION", "gate_json"]

SCHEMA_VERSION = 1  # rises when a key goes or changes its meaning; new keys leave it as it is


def gate_json(report: GateReport) -> dict[str, Any]:
    """The report as plain values, ready for any JSON writer; what is unknown is None, never 0."""
    from trueup import __version__

    here = report.comparison
    return {
        "trueup": __version__,
        "kind": "gate",
        "schema_version": SCHEMA_VERSION,
        "outcome": report.outcome,
        "lets_through": report.lets_through,
        "sentence": plain(say.marked(report.checks[0])),
        "level": report.level,
        "unproven": report.unproven,
        "truth": here.truth,
        "n_labeled": here.n_labeled,
        "before": None if report.alone else plain(here.before.name),
        "after": plain(here.after.name),
        "checks": [_check(check) for check in report.checks],
        "notes": [plain(note) for note in report.notes],
        "assumptions": [plain(one) for one in here.assumptions],
    }


def _check(check: Check) -> dict[str, Any]:
    told = {field.name: plain(getattr(check, field.name)) for field in fields(check)}
    return {**told, "sentence": plain(say.marked(check))}
