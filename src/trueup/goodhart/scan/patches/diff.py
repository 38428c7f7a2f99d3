"""Unified diffs, as git and diff write them: which lines of which files went and came."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["FileChange", "Side", "is_diff", "read_diff"]

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)")
_GIT = re.compile(r'diff --git "?a/(.*?)"? "?b/(.*?)"?$')
_MOST_LINES = 2_000_000


@dataclass
class Side:
    """The lines of one side of a file, as far as the diff shows them. places: the line of the diff
    that each came from, from 1. changed: whether each is only on this side."""

    lines: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    changed: list[bool] = field(default_factory=list)

    def add(self, line: str, place: int, changed: bool) -> None:
        self.lines.append(line)
        self.places.append(place)
        self.changed.append(changed)


@dataclass
class FileChange:
    """One file. before, after: its paths, "" where it is not there. whole: the diff shows the whole
    file, because it is new or deleted. start: the line of the diff where it begins."""

    before: str = ""
    after: str = ""
    start: int = 1
    whole: bool = False
    old: Side = field(default_factory=Side)
    new: Side = field(default_factory=Side)

    @property
    def path(self) -> str:
        return self.after or self.before


def is_diff(text: str) -> bool:
    """Whether it reads as a unified diff."""
    return bool(re.search(r"^(diff --git |--- \S.*\n\+\+\+ \S)", text[:200_000], re.MULTILINE))


def read_diff(text: str) -> Iterator[FileChange]:
    """The changed files, in order. Lines that belong to no hunk are passed over."""
    lines = text.split("\n")[:_MOST_LINES]
    change: FileChange | None = None
    at = 0
    while at < len(lines):
        line = lines[at].rstrip("\r")
        git = _GIT.match(line)
        if git:
            if change is not None:
                yield change
            change = FileChange(git.group(1), git.group(2), at + 1)
        elif line.startswith("deleted file mode") and change is not None:
            change.after, change.whole = "", True
        elif line.startswith("new file mode") and change is not None:
            change.before, change.whole = "", True
        elif line.startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ "):
            if change is None or change.old.lines or change.new.lines:
                if change is not None:
                    yield change
                change = FileChange(start=at + 1)
            change.before = _name(line[4:])
            change.after = _name(lines[at + 1].rstrip("\r")[4:])
            change.whole = change.whole or not (change.before and change.after)
            at += 1
        elif change is not None and (hunk := _HUNK.match(line)):
            at = _hunk(change, lines, at, hunk)
            continue
        at += 1
    if change is not None:
        yield change


def _name(text: str) -> str:
    name = text.partition("\t")[0].strip().strip('"')
    if name == "/dev/null":
        return ""
    return name[2:] if name.startswith(("a/", "b/")) else name


def _hunk(change: FileChange, lines: list[str], at: int, hunk: re.Match[str]) -> int:
    """Read the hunk whose header is at `at`; returns the place after it."""
    old, new = int(hunk.group(2) or 1), int(hunk.group(4) or 1)
    heading = hunk.group(5)
    if heading and re.match(r"\s*(async\s+def|def|class)\s", heading):
        closed = heading if heading.rstrip().endswith(":") else f"{heading.partition('(')[0]}():"
        change.old.add(closed, at + 1, False)
        change.new.add(closed, at + 1, False)
    at += 1
    while at < len(lines) and (old > 0 or new > 0):
        line = lines[at].rstrip("\r")
        tag, rest = line[:1], line[1:]
        if tag == "-":
            change.old.add(rest, at + 1, True)
            old -= 1
        elif tag == "+":
            change.new.add(rest, at + 1, True)
            new -= 1
        elif tag in {" ", ""}:
            change.old.add(rest, at + 1, False)
            change.new.add(rest, at + 1, False)
            old -= 1
            new -= 1
        elif tag != "\\":
            break
        at += 1
    return at
