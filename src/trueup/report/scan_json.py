"""What `trueup goodhart scan --json` writes: a contract, described in docs/scan.md."""

from __future__ import annotations

from typing import Any

from trueup.goodhart.scan.result import Finding, Rule, ScanReport, Skipped, finding_keys
from trueup.report import scan_text as say
from trueup.report.json_fields import plain

__all__ = ["SCHEMA_VERSION", "scan_json"]

SCHEMA_VERSION = 1  # rises when a key goes or changes its meaning; new keys leave it as it is


def scan_json(report: ScanReport) -> dict[str, Any]:
    """The report as plain values; every finding, of every confidence. Evidence is as it was written
    and therefore hostile; only what JSON cannot hold is replaced."""
    from trueup import __version__

    keys = finding_keys(report.findings)
    return {
        "trueup": __version__,
        "kind": "goodhart scan",
        "schema_version": SCHEMA_VERSION,
        "sentence": plain(say.sentence(report)),
        "files": report.files,
        "kinds": plain(report.kinds),
        "counts": say.counts(report),
        "findings": [
            _finding(one, key) for one, key in zip(report.findings, keys, strict=True)
        ],
        "rules": [_rule(rule) for rule in report.rules.values()],
        "skipped": [_skipped(one) for one in report.skipped],
        "notes": [plain(note) for note in report.notes],
    }  # fmt: skip


def _finding(one: Finding, key: str) -> dict[str, Any]:
    span = one.span
    return {
        "key": key,
        "rule": one.rule,
        "path": plain(one.path),
        "message": span.message,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "evidence": plain(one.evidence),
        "confidence": one.confidence,
        "detail": plain(one.detail),
        "accepted": plain(one.accepted),
        "opinion": one.opinion,
        "opinion_reason": plain(one.opinion_reason),
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "kind": rule.kind,
        "techniques": list(rule.techniques),
        "what": rule.what,
        "confirm": rule.confirm,
    }


def _skipped(one: Skipped) -> dict[str, Any]:
    return {"path": plain(one.path), "line": one.line, "reason": plain(one.reason)}
