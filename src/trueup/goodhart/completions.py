"""From what a model wrote to a folder that can be graded.

Everything here is hostile text: it is cut out and written to files, never run in this process.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from trueup.errors import UserError
from trueup.goodhart.grade.task import FunctionTask, ProgramTask, SuiteTask, Task, TimedTask

__all__ = [
    "Extract",
    "Submitted",
    "check_extract",
    "completion_text",
    "fenced_code",
    "submission_folder",
    "submitted",
]

Extract = Literal["fenced", "whole"] | Callable[[str], str | Mapping[str, str] | None]

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^\n`]*)$")
_PYTHON = {"python", "py", "python3"}
_LONGEST = 200  # bytes of a file's name with its folders
_PLAIN_NAME = re.compile(r"[\w.+-][\w.+ -]*")


@dataclass(frozen=True, slots=True)
class Submitted:
    """Files of one completion, (name, text) each; none when `flag` says why there are none: "no
    code" or "unsafe file name"."""

    files: tuple[tuple[str, str], ...]
    flag: str = ""


def check_extract(task: Task, extract: Extract) -> None:
    """Raise `UserError` when completions for this task cannot be made into files that way."""
    if not callable(extract):
        if extract not in ("fenced", "whole"):
            raise UserError(
                f"extract must be 'fenced', 'whole' or a function, got {extract!r}.",
                "Use 'fenced' for the last fenced block of Python.",
            )
        _one_file(task)


def submitted(task: Task, text: str, extract: Extract) -> Submitted:
    """The files in a completion.

    extract: "fenced", the last fenced block of Python; "whole", all of the text; or a function of
    the text that returns the code, files as a mapping from name to text, or None. What such a
    function raises is not caught.
    """
    if callable(extract):
        found = extract(text)
    else:
        found = fenced_code(text) if extract == "fenced" else text
    if isinstance(found, str):
        found = {_one_file(task): found} if found.strip() else None
    if not found:
        return Submitted((), "no code")
    if not all(_is_safe(name) for name in found) or _is_nested(found):
        return Submitted((), "unsafe file name")
    return Submitted(tuple(sorted((str(name), str(code)) for name, code in found.items())))


@contextmanager
def submission_folder(files: Sequence[tuple[str, str]]) -> Iterator[Path]:
    """A temporary folder with these files. Halves of characters are written as question marks."""
    with tempfile.TemporaryDirectory(prefix="trueup-completion-") as name:
        folder = Path(name)
        for path, code in files:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(code.encode("utf-8", "replace"))
        yield folder


def completion_text(completion: Any) -> str:
    """The text of a completion: a string, or messages, of which the assistant's count.

    A message's content may be a string, None (it only called a tool) or a list of parts.
    """
    if isinstance(completion, str):
        return completion
    if isinstance(completion, Mapping):
        completion = [completion]
    if not isinstance(completion, Sequence):
        return ""
    said = [message for message in completion if isinstance(message, Mapping)]
    texts = [_content(one.get("content")) for one in said if one.get("role") == "assistant"]
    return "\n\n".join(text for text in texts if text)


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return ""
    parts = (part.get("text") for part in content if isinstance(part, Mapping))
    return "\n".join(part for part in parts if isinstance(part, str))


def fenced_code(text: str) -> str | None:
    """The last fenced block marked as Python, else the last that is not marked, else None.

    A block that is never closed ends with the text, as in CommonMark: the answer was cut off.
    """
    marked: dict[bool, str] = {}
    for info, body in _blocks(text):
        word = info.split()[0].lower() if info.split() else ""
        if word in _PYTHON or not word:
            marked[bool(word)] = body
    return marked.get(True, marked.get(False))


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """(what stands behind the opening fence, the lines inside) of each fenced block."""
    fence, info = "", ""
    lines: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        found = _FENCE.match(line)
        if not fence:
            if found:
                fence, info, lines = found[1], found[2], []
        elif found and found[1].startswith(fence) and not found[2].strip():
            yield info, "\n".join(lines) + "\n"
            fence = ""
        else:
            lines.append(line)
    if fence:
        yield info, "\n".join(lines) + "\n"


def _one_file(task: Task) -> str:
    """The name of the file that a completion of one piece of code becomes."""
    match task:
        case FunctionTask(file=name) | TimedTask(file=name):
            return name
        case ProgramTask(command=command):
            named = [word for word in command if word.endswith(".py") and _is_safe(word)]
            if len(named) == 1:
                return named[0]
        case SuiteTask(sources=(name,)) if not set(name) & set("*?["):
            return name
    raise UserError(
        f"The task {task.name} takes more than one file, and a block of code is one.",
        "Pass extract a function that returns a mapping from file name to text.",
    )


def _is_safe(name: Any) -> bool:
    """Whether it is a relative path that stays below the folder, of ordinary characters."""
    if not isinstance(name, str) or name.startswith("/"):
        return False
    if not 0 < len(name.encode("utf-8", "replace")) <= _LONGEST:
        return False
    path = PurePosixPath(name)
    if not path.parts or str(path) != name:
        return False
    return all(part not in (".", "..") and _PLAIN_NAME.fullmatch(part) for part in path.parts)


def _is_nested(names: Iterable[str]) -> bool:
    """Whether one name is a folder of another."""
    paths = [PurePosixPath(name) for name in names]
    return any(path in other.parents for path in paths for other in paths)
