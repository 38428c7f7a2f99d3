"""A scan as SARIF 2.1.0 (OASIS, errata 01), for code scanning.

A message of a transcript has no line of its own in the file: its logical location names it, and the
region of such a result is the file's first line.
"""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import quote

from trueup.goodhart.exploits import EXPLOITS
from trueup.goodhart.scan.result import Finding, Rule, ScanReport, Skipped, finding_keys
from trueup.report.json_fields import plain
from trueup.report.text import neutralise, shorten

__all__ = ["scan_sarif"]

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {"high": "error", "medium": "warning", "low": "note"}
_SEVERITY = {"high": "error", "medium": "warning", "low": "recommendation"}
_SHOWN = 200  # characters of evidence in a message


def scan_sarif(report: ScanReport) -> dict[str, Any]:
    """The report as a SARIF log with one run; every finding, of every confidence."""
    from trueup import __version__

    rules = _rules(report)
    index = {rule["id"]: place for place, rule in enumerate(rules)}
    keys = finding_keys(report.findings)
    run = {
        "tool": {
            "driver": {
                "name": "trueup goodhart scan",
                "semanticVersion": _semantic(__version__),
                "version": __version__,
                "rules": rules,
            }
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [_notification(one) for one in report.skipped],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(one, key, index) for one, key in zip(report.findings, keys, strict=True)
        ],
        "properties": {"notes": [plain(neutralise(note)) for note in report.notes]},
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _semantic(version: str) -> str:
    """The version as semver has it: at least three numbers."""
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    parts = (numbers[0] if numbers else "0").split(".")
    return ".".join([*parts, "0", "0"][:3])


def _rules(report: ScanReport) -> list[dict[str, Any]]:
    """Descriptors of all rules that are named, with the worst confidence found as their level."""
    worst: dict[str, str] = {}
    for one in report.findings:
        if one.rule not in worst or _order(one.confidence) < _order(worst[one.rule]):
            worst[one.rule] = one.confidence
    known = dict(report.rules)
    for name in worst:
        known.setdefault(name, Rule(name, "code", (), name, "Look at the place."))
    return [_rule(rule, worst.get(rule.id, "medium")) for rule in known.values()]


def _order(confidence: str) -> int:
    return list(_LEVELS).index(confidence)


def _rule(rule: Rule, confidence: str) -> dict[str, Any]:
    known = [EXPLOITS[name] for name in rule.techniques if name in EXPLOITS]
    listed = "".join(f"\n- `{one.id}`: {one.title}" for one in known)
    shown = f"{rule.what}\n\nTo confirm: {rule.confirm}"
    return {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in rule.id.split("-")),
        "shortDescription": {"text": _escaped(rule.what)},
        "fullDescription": {"text": _escaped(rule.what)},
        "help": {
            "text": _escaped(shown),
            "markdown": shown + (f"\n\nTechniques:\n{listed}" if listed else ""),
        },
        "defaultConfiguration": {"level": _LEVELS[confidence]},
        "properties": {
            "tags": ["goodhart", rule.kind, *rule.techniques],
            "precision": confidence,
            "problem.severity": _SEVERITY[confidence],
        },
    }


def _result(one: Finding, key: str, index: dict[str, int]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": one.rule,
        "ruleIndex": index[one.rule],
        "level": _LEVELS[one.confidence],
        "message": {"text": _message(one)},
        "locations": [_location(one)],
        "partialFingerprints": {"trueupEvidence/v1": key},
        "properties": {
            "confidence": one.confidence,
            "detail": plain(neutralise(one.detail)),
            "opinion": one.opinion,
            "opinionReason": plain(neutralise(one.opinion_reason)),
        },
    }
    if one.accepted is not None:
        result["suppressions"] = [
            {
                "kind": "inSource",
                "status": "accepted",
                "justification": plain(neutralise(one.accepted)),
            }
        ]
    return result


def _message(one: Finding) -> str:
    detail = f" ({shorten(one.detail, _SHOWN)})" if one.detail else ""
    return _escaped(f"{one.rule}{detail}: {shorten(one.evidence, _SHOWN)}")


_SPECIAL = re.compile(r"([\\\[\]])")


def _escaped(text: str) -> str:
    """Text of a message in which nothing is a link or a placeholder (SARIF, 3.11)."""
    return _SPECIAL.sub(r"\\\1", plain(text)).replace("{", "{{").replace("}", "}}")


def _location(one: Finding) -> dict[str, Any]:
    span = one.span
    physical: dict[str, Any] = {"artifactLocation": _artifact(one.path)}
    location: dict[str, Any] = {"physicalLocation": physical}
    if span.message is None:
        physical["region"] = {
            "startLine": max(1, span.line),
            "startColumn": max(1, span.column),
            "endLine": max(1, span.line, span.end_line),
            "endColumn": _end(one),
            "snippet": {"text": neutralise(one.evidence, keep_newlines=True)},
        }
    else:
        physical["region"] = {"startLine": 1}
        location["logicalLocations"] = [
            {
                "name": f"message {span.message}",
                "fullyQualifiedName": f"messages[{span.message}]",
                "kind": "element",
                "properties": {"line": span.line, "column": span.column},
            }
        ]
    return location


def _end(one: Finding) -> int:
    """SARIF's end is the column after the last, and never before the start."""
    span = one.span
    start = span.column if span.end_line <= span.line else 0
    return max(span.end_column, start, 1) + 1


def _artifact(path: str) -> dict[str, Any]:
    """A relative reference, or a file address for an absolute path."""
    plain_path = path.replace("\\", "/")
    try:
        raw = os.fsencode(plain_path)
    except UnicodeEncodeError:  # halves of characters that no file system gave
        raw = plain_path.encode("utf-8", "replace")
    written = quote(raw, safe="/")
    if written.startswith("/"):
        return {"uri": f"file://{written}"}
    return {"uri": written.removeprefix("./"), "uriBaseId": "%SRCROOT%"}


def _notification(one: Skipped) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": _artifact(one.path)}
    if one.line is not None:
        physical["region"] = {"startLine": max(1, one.line)}
    return {
        "level": "warning",
        "message": {"text": _escaped(shorten(one.reason, 2 * _SHOWN) or "not read")},
        "locations": [{"physicalLocation": physical}],
    }
