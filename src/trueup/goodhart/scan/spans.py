"""Where a piece of text lies in the text that it was cut from."""

from __future__ import annotations

from trueup.goodhart.scan.result import Span

__all__ = ["span_at"]


def span_at(text: str, start: int, shown: str) -> Span:
    """The span of `shown`, which begins at index `start` of the text; both ends are included."""
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    height = shown.count("\n")
    last = shown.rsplit("\n", 1)[-1]
    end = len(last) if height else column + len(last) - 1
    return Span(line, column, line + height, max(1, end))
