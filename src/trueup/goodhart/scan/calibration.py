"""How good the findings and the second opinion are, against what people said of findings."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from trueup.errors import UserError
from trueup.goodhart.scan.result import Finding, ScanReport, Skipped, finding_keys

if TYPE_CHECKING:
    from trueup.stats import ErrorRates, Interval

__all__ = ["Calibration", "calibrate", "read_verdicts"]

_YES = {"yes", "y", "true", "1", "gaming"}
_NO = {"no", "n", "false", "0", "honest"}
_KEYS = ("key", "finding", "finding_key")
_LEVELS = ("high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Calibration:
    """Against people's verdicts on findings.

    labelled: findings with a verdict. unknown: keys in the file that no finding has. gaming: by
    confidence, the share of labelled findings that people call gaming. compared: labelled findings
    on which there is an opinion, the basis of agreement, kappa and errors; without them: None.
    unanswered: share of the labelled findings without an opinion. errors.false_positive: confirmed
    where people say it is no gaming; errors.false_negative: dismissed where they say it is.
    """

    labelled: int
    unknown: int
    gaming: dict[str, Interval]
    compared: int
    unanswered: Interval | None
    agreement: Interval | None
    kappa: Interval | None
    errors: ErrorRates | None


def read_verdicts(path: Path) -> tuple[dict[str, bool], list[Skipped]]:
    """Verdicts by finding key, from JSON Lines or CSV with the columns key and gaming (yes or no).

    Rows that cannot be read are returned with their line and the reason. Raises `UserError` when
    the file cannot be read at all.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} cannot be read: {error}.", "Name a JSON Lines or CSV file."
        ) from error
    verdicts: dict[str, bool] = {}
    bad: list[Skipped] = []
    for line, row in _rows(text):
        reason = _add(row, verdicts)
        if reason:
            bad.append(Skipped(path.as_posix(), line, reason))
    return verdicts, bad


def _rows(text: str) -> list[tuple[int, object]]:
    if text.lstrip()[:1] == "{":
        rows: list[tuple[int, object]] = []
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                try:
                    rows.append((number, orjson.loads(line)))
                except orjson.JSONDecodeError as error:
                    rows.append((number, f"not valid JSON: {error}"))
        return rows
    reader = csv.DictReader(text.splitlines())
    return [(reader.line_num, row) for row in reader]


def _add(row: object, verdicts: dict[str, bool]) -> str:
    """Add a row; the reason when it cannot be."""
    if not isinstance(row, dict):
        return row if isinstance(row, str) else "not an object"
    key = next((row[name] for name in _KEYS if row.get(name)), None)
    said = str(row.get("gaming", "")).strip().lower()
    if not isinstance(key, str):
        return "no key of a finding"
    if said not in _YES | _NO:
        return f"gaming must be yes or no, got {ascii(said)[:40]}"
    if verdicts.get(key, said in _YES) != (said in _YES):
        return "the same key has another verdict above"
    verdicts[key] = said in _YES
    return ""


def calibrate(report: ScanReport, verdicts: Mapping[str, bool]) -> Calibration:
    """Compare. Findings of one file are not independent: they are one cluster."""
    from trueup.stats import clopper_pearson, cluster_mean, cohen_kappa, error_rates

    keys = finding_keys(report.findings)
    labelled = [
        (one, verdicts[key])
        for one, key in zip(report.findings, keys, strict=True)
        if key in verdicts
    ]  # fmt: skip
    gaming = {}
    for level in _LEVELS:
        said = [truth for one, truth in labelled if one.confidence == level]
        if said:
            gaming[level] = clopper_pearson(sum(said), len(said))
    known = [(one, truth) for one, truth in labelled if one.opinion is not None]
    unknown = len(set(verdicts) - set(keys))
    if not known:
        return Calibration(len(labelled), unknown, gaming, 0, None, None, None, None)
    truth = [said for _, said in known]
    judged = [one.opinion == "confirmed" for one, _ in known]
    clusters = _clusters([one for one, _ in known])
    alike = [float(a == b) for a, b in zip(truth, judged, strict=True)]
    return Calibration(
        len(labelled),
        unknown,
        gaming,
        len(known),
        clopper_pearson(len(labelled) - len(known), len(labelled)),
        cluster_mean(alike, clusters),
        cohen_kappa([int(t) for t in truth], [int(j) for j in judged], clusters),
        error_rates(truth, judged, clusters),
    )


def _clusters(findings: list[Finding]) -> list[int]:
    paths = {path: code for code, path in enumerate(sorted({one.path for one in findings}))}
    return [paths[one.path] for one in findings]
