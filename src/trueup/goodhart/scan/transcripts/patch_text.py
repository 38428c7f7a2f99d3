"""The patch formats that agents use, as the unified diff that the rules read."""

from __future__ import annotations

import re

__all__ = ["as_unified", "new_file"]

_FILE = re.compile(r"^\*\*\* (Update|Add|Delete) File: (.+?)[ \t]*$", re.MULTILINE)
_END = re.compile(r"^\*\*\* End Patch.*\Z", re.MULTILINE | re.DOTALL)


def new_file(path: str, content: str) -> str:
    """A unified diff that adds a file."""
    clean = path.replace("\n", " ").lstrip("/")
    lines = content.splitlines()
    added = "\n".join(f"+{line}" for line in lines)
    return (
        f"diff --git a/{clean} b/{clean}\nnew file mode 100644\n--- /dev/null\n+++ b/{clean}\n"
        f"@@ -0,0 +1,{len(lines)} @@\n{added}\n"
    )


def as_unified(text: str) -> tuple[str, tuple[str, ...]]:
    """A unified diff of the patch, and the files that a patch without their content deletes.

    A unified diff is returned as it is. Hunks of the "*** Begin Patch" format have no line numbers;
    they are numbered one after the other, so line numbers in what comes back mean nothing.
    """
    marks = list(_FILE.finditer(text))
    if not marks:
        return text, ()
    parts: list[str] = []
    deleted: list[str] = []
    for place, mark in enumerate(marks):
        end = marks[place + 1].start() if place + 1 < len(marks) else len(text)
        body = _END.sub("", text[mark.end() : end]).strip("\n")
        path = mark[2].strip().lstrip("/")
        if mark[1] == "Delete":
            deleted.append(mark[2].strip())
        elif mark[1] == "Add":
            parts.append(new_file(path, "\n".join(_unmarked(body))))
        else:
            parts.append(_updated(path, body))
    return "".join(parts), tuple(deleted)


def _unmarked(body: str) -> list[str]:
    return [line[1:] if line.startswith("+") else line for line in body.splitlines()]


def _updated(path: str, body: str) -> str:
    hunks: list[list[str]] = [[]]
    for line in body.splitlines():
        if line.startswith("@@"):
            hunks.append([])
        elif not line.startswith("*** "):
            hunks[-1].append(line if line[:1] in ("+", "-", " ") else f" {line}")
    old = new = 1
    written = [f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n"]
    for hunk in filter(None, hunks):
        removed = sum(line[0] != "+" for line in hunk)
        added = sum(line[0] != "-" for line in hunk)
        written.append(f"@@ -{old},{removed} +{new},{added} @@\n" + "\n".join(hunk) + "\n")
        old, new = old + removed, new + added
    return "".join(written)
