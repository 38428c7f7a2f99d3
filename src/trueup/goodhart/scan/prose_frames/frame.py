"""What a frame is, and the pattern that several of them share."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trueup.goodhart.scan.prose_words import Verbs
from trueup.goodhart.scan.result import Confidence

__all__ = ["PASS", "Frame", "frame"]

PASS = r"(?:pass|green|succeed|success|quiet|clean|happy|get\s+through)\w*"


@dataclass(frozen=True, slots=True)
class Frame:
    """rule: without its prefix. level: of a firm statement. pattern: begins at the act, which is
    its group `verb`. first: words that the act begins with. before: what must stand before it.
    noun: the act is named by a thing, "a table of the answers"."""

    rule: str
    level: Confidence
    pattern: re.Pattern[str]
    first: frozenset[str]
    before: re.Pattern[str] | None
    noun: bool


def frame(
    rule: str,
    level: Confidence,
    verb: Verbs | str,
    *rest: str,
    first: str = "",
    before: str = "",
) -> Frame:
    """A frame of an act and what follows it. first: its first words, where it is a pattern."""
    act = verb if isinstance(verb, Verbs) else Verbs(verb, frozenset(first.split()))
    pattern = re.compile(rf"(?P<verb>{act.pattern})" + "".join(rest), re.IGNORECASE)
    lead = re.compile(rf"{before}\Z", re.IGNORECASE) if before else None
    return Frame(rule, level, pattern, act.first, lead, isinstance(verb, str))
