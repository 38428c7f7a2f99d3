"""What a scan finds, as frozen values: made in `scan`, displayed by `report`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

__all__ = [
    "Confidence", "Finding", "Kind", "Rule", "ScanReport", "Skipped", "Span", "finding_keys",
]  # fmt: skip

Confidence = Literal["high", "medium", "low"]
Kind = Literal["code", "patch", "tests", "transcript", "grader", "judge"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing the scan looks for.

    id: stable, lower case with dashes, as in `# trueup: allow[id] reason`. techniques: ids in
    `trueup.goodhart.exploits`. what: one sentence, what was found and why it matters. confirm: one
    sentence, how a person tells gaming from honest use.
    """

    id: str
    kind: Kind
    techniques: tuple[str, ...]
    what: str
    confirm: str


@dataclass(frozen=True, slots=True)
class Span:
    """Where, from 1, the end included. Columns count characters. In a transcript, `message` is the
    place of the message, from 0, and lines count within its text; None elsewhere."""

    line: int
    column: int
    end_line: int
    end_column: int
    message: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. evidence: the quoted span, at most 400 characters; it is hostile text. detail:
    what makes this one more or less likely, a clause, or "". accepted: the reason given in an
    `allow` comment, None when there is none. opinion: what the second opinion said, None when not
    asked or when it failed to answer.
    """

    rule: str
    path: str
    span: Span
    evidence: str
    confidence: Confidence
    detail: str = ""
    accepted: str | None = None
    opinion: Literal["confirmed", "dismissed"] | None = None
    opinion_reason: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or record that could not be read. line: from 1, None for the whole file."""

    path: str
    line: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class ScanReport:
    """findings: by path, then place. files: how many were read. kinds: how many of each kind.
    notes: what to know before one trusts it, a sentence each."""

    findings: tuple[Finding, ...]
    files: int
    kinds: dict[str, int]
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    rules: dict[str, Rule] = field(default_factory=dict)


def finding_keys(findings: Iterable[Finding]) -> tuple[str, ...]:
    """A key for each finding that stays when lines above it come and go.

    It is made of the rule, the path and the evidence without its white space, and of how many such
    findings came before it.
    """
    met: Counter[tuple[str, str, str]] = Counter()
    keys = []
    for one in findings:
        told = (one.rule, one.path, " ".join(one.evidence.split()))
        met[told] += 1
        text = "\0".join((*told, str(met[told])))
        keys.append(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest())
    return tuple(keys)
