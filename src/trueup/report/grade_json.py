"""What `trueup goodhart grade --json` writes: a contract, described in docs/grade.md."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from trueup.report import grade_text as say
from trueup.report.json_fields import plain

if TYPE_CHECKING:
    from trueup.goodhart.grade.result import Attempt, Tally, Verdict

__all__ = ["SCHEMA_VERSION", "grade_json"]

SCHEMA_VERSION = 1  # rises when a key goes or changes its meaning; new keys leave it as it is


def grade_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as plain values, ready for any JSON writer; what is unknown is None, never 0."""
    from trueup import __version__

    return {
        "trueup": __version__,
        "kind": "grade",
        "schema_version": SCHEMA_VERSION,
        "task": plain(verdict.task),
        "task_kind": verdict.kind,
        "outcome": say.outcome(verdict),
        "sentence": plain(say.sentence(verdict)),
        "passed": verdict.passed,
        "score": plain(verdict.score),
        "visible": _tally(verdict.visible),
        "held_out": _tally(verdict.held_out),
        "generated": _tally(verdict.generated),
        "controls": _tally(verdict.controls),
        "tampering": [_sign(sign) for sign in verdict.tampering],
        "attempted": verdict.attempted,
        "succeeded": verdict.succeeded,
        "honest_stop": verdict.honest_stop,
        "isolation": verdict.isolation,
        "seconds": plain(verdict.seconds),
        "speedup": plain(verdict.speedup),
        "speedup_low": plain(verdict.speedup_low),
        "speedup_high": plain(verdict.speedup_high),
        "cases": [_all(case) for case in verdict.cases],
        "notes": [plain(note) for note in verdict.notes],
    }


def _tally(tally: Tally) -> dict[str, int]:
    return {"passed": tally.passed, "total": tally.total}


def _sign(sign: Attempt) -> dict[str, Any]:
    return {**_all(sign), "what": plain(say.what(sign))}


def _all(value: Any) -> dict[str, Any]:
    return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
