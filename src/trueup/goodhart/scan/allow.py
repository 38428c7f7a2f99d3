"""`# trueup: allow[rule-id] reason`: findings that somebody looked at and accepted."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from trueup.errors import did_you_mean
from trueup.goodhart.scan.result import Finding

__all__ = ["Allowance", "accept", "allowances"]

_COMMENT = re.compile(r"#\s*trueup:\s*allow\[([^\]\n]*)\][ \t]*([^\n]*)")
MARK = "trueup:"


@dataclass(frozen=True, slots=True)
class Allowance:
    """One comment. line: from 1. rule: as written. reason: "" when none is given."""

    line: int
    rule: str
    reason: str


def allowances(text: str, python: bool = False) -> Iterator[Allowance]:
    """The comments of a text, in order. In Python only true comments count, not text that looks
    like one."""
    if MARK not in text:
        return
    for line, comment in _comments(text, python):
        for match in _COMMENT.finditer(comment):
            for rule in match.group(1).split(","):
                yield Allowance(line, rule.strip(), match.group(2).strip())


def _comments(text: str, python: bool) -> Iterator[tuple[int, str]]:
    if python:
        try:
            tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
            tokens = []
        for token in tokens:
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
        if tokens:
            return
    for place, line in enumerate(text.split("\n"), 1):
        if MARK in line:
            yield place, line


def accept(
    findings: Sequence[Finding], text: str, path: str, rules: Collection[str], python: bool = False
) -> tuple[list[Finding], list[str]]:
    """Mark the findings that a comment on their first line, or on the line above it, accepts.

    Returns them all, in order, and a sentence for every comment that accepts nothing it could:
    without a reason, or of a rule that is not known.
    """
    notes: list[str] = []
    reasons: dict[tuple[int, str], str] = {}
    for one in allowances(text, python):
        where = f"{path}:{one.line}"
        if one.rule == "*":
            notes.append(f"{where}: allow[*] accepts nothing; name the rule.")
        elif one.rule not in rules:
            notes.append(
                f"{where}: no rule is called {one.rule!r}. {did_you_mean(one.rule, rules)}"
            )
        elif not one.reason:
            notes.append(f"{where}: allow[{one.rule}] gives no reason, so it accepts nothing.")
        else:
            reasons[one.line, one.rule] = one.reason
    if not reasons:
        return list(findings), notes
    return [_accepted(one, reasons) for one in findings], notes


def _accepted(one: Finding, reasons: dict[tuple[int, str], str]) -> Finding:
    for line in (one.span.line, one.span.line - 1):
        reason = reasons.get((line, one.rule))
        if reason:
            return replace(one, accepted=reason)
    return one
