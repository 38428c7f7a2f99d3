"""Fenced blocks in Markdown, found in time linear in the text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["Fence", "blanked", "fences"]

_MARK = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*([^\n`]*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fence:
    """Places in the text: of the whole block and of what is in it. label: what stands behind the
    opening mark."""

    start: int
    end: int
    label: str
    body_start: int
    body_end: int


def fences(text: str) -> Iterator[Fence]:
    """Blocks in order. One that is never closed is none, so that it cannot hide what follows."""
    opened: re.Match[str] | None = None
    waiting: list[Fence] = []
    for mark in _MARK.finditer(text):
        if opened is None:
            opened = mark
        elif mark[1].startswith(opened[1]) and not mark[2].strip():
            waiting.append(
                Fence(
                    opened.start(),
                    mark.end(),
                    opened[2].strip(),
                    min(opened.end() + 1, mark.start()),
                    mark.start(),
                )
            )
            opened = None
    yield from waiting


def blanked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with these parts replaced by blanks; every place stays where it was."""
    parts: list[str] = []
    at = 0
    for start, end in spans:
        if start >= at:
            parts.append(text[at:start])
            parts.append(re.sub(r"[^\n]", " ", text[start:end]))
            at = end
    return "".join((*parts, text[at:]))
