"""Text in comments and strings that is meant for a judge rather than for a reader of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from trueup.goodhart.scan.python.source import Source
from trueup.goodhart.scan.result import Finding, Span

__all__ = ["SIGNS", "find"]

SIGNS = re.compile(
    r"(ignore|disregard|forget|override).{0,40}(instruction|prompt|rubric|previous|above|criteri)"
    r"|(dear|note to|attention|to the|as the|hello|hi|you are (a|an|the)).{0,24}"
    r"(grader|judge|evaluator|reviewer|examiner|llm|language model|ai\b|assistant|marker)"
    r"|(full|maximum|highest|perfect|top) (marks?|scores?|grades?|points|rating|credit)"
    r"|(grade|score|mark|rate|label|judge) "
    r"(this|it|the (answer|solution|submission|code|response)) (as|with|a)\b"
    r"|(must|should) (be )?(graded|scored|marked|rated|accepted|judged|pass)\b"
    r"|system prompt|<\|?(im_start|system)|\[\[?[a-e]\]\]|final verdict|output only",
    re.IGNORECASE,
)
_MOST = 20  # texts of one file that are looked at
_CHARACTERS = 4000


def find(source: Source) -> Iterator[Finding]:
    """What the rules for judges say of the lines around each sign."""
    if source.place == "library" or source.installed or not SIGNS.search(source.text):
        return
    from trueup.goodhart.scan.judges import judge_findings

    seen: set[int] = set()
    for count, match in enumerate(SIGNS.finditer(source.text)):
        if count >= _MOST:
            return
        line = source.text.count("\n", 0, match.start()) + 1
        if line in seen:
            continue
        first, last = _around(source, line)
        seen.update(range(first, last + 1))
        text = "\n".join(source.lines[first - 1 : last])[:_CHARACTERS]
        for found in judge_findings(text, source.path):
            span = found.span
            moved = Span(
                span.line + first - 1, span.column, span.end_line + first - 1, span.end_column
            )
            yield replace(found, span=moved)


def _around(source: Source, line: int) -> tuple[int, int]:
    """The comment or string that the line is in, as the lines up to a blank one, at most ten."""
    first = last = line
    while first > 1 and line - first < 5 and source.lines[first - 2].strip():
        first -= 1
    while last < len(source.lines) and last - line < 5 and source.lines[last].strip():
        last += 1
    return first, last
