"""What a tool call does, told from its arguments: tools have many names, arguments have few."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trueup.goodhart.scan.transcripts.steps import Step

__all__ = ["Deed", "deeds"]

Act = Literal["command", "write", "edit", "patch", "python", "read", "delete", "fetch", "say"]


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing a call does. text: the command, content, new text, diff, code or address. before:
    the text that an edit replaces."""

    act: Act
    text: str
    path: str = ""
    before: str = ""


_PATHS = (
    "path", "file_path", "filepath", "filename", "file", "target_file", "relative_path",
    "absolute_path", "file_name", "notebook_path", "abs_path", "target",
)  # fmt: skip
_CONTENTS = (
    "file_text",
    "content",
    "contents",
    "code_edit",
    "file_content",
    "text",
    "new_source",
    "body",
)
_OLDS = ("old_str", "old_string", "old_text", "oldText", "search", "old", "old_code", "find")
_NEWS = (
    "new_str",
    "new_string",
    "new_text",
    "newText",
    "replace",
    "new",
    "new_code",
    "replacement",
)
_COMMANDS = (
    "command",
    "cmd",
    "script",
    "bash_command",
    "keystrokes",
    "shell_command",
    "commands",
    "input",
)
_PATCHES = ("patch", "diff", "patch_text", "patchText", "unified_diff", "input")
_EDITOR = {
    "view",
    "create",
    "str_replace",
    "insert",
    "undo_edit",
    "write",
    "read",
    "edit",
    "delete",
}
_READS = re.compile(r"read|view|open|cat\b|list|ls\b|glob|grep|search|find|get", re.IGNORECASE)
_PYTHON = re.compile(
    r"python|ipython|jupyter|notebook|code_interpreter|execute_code|repl", re.IGNORECASE
)
_TALK = re.compile(
    r"think|finish|submit|complete|answer|final|message|respond|plan|todo|note", re.IGNORECASE
)
_SHELL = re.compile(r"bash|shell|terminal|command|exec|run|process|container", re.IGNORECASE)


def deeds(step: Step) -> Iterator[Deed]:
    """What the call does; nothing for one that is not understood."""
    given = step.arguments
    patch = _patch(given)
    path = _text(given, _PATHS)
    before, after = _first(given, _OLDS), _first(given, _NEWS)
    verb = given.get("command")
    if patch:
        yield Deed("patch", patch, path)
    elif isinstance(given.get("edits"), list):
        for edit in given["edits"]:
            if isinstance(edit, dict):
                yield Deed(
                    "edit", _text(edit, _NEWS), _text(edit, _PATHS) or path, _text(edit, _OLDS)
                )
    elif before is not None and after is not None and path:
        yield Deed("edit", after, path, before)
    elif path and isinstance(verb, str) and verb in _EDITOR:
        yield from _edited(verb, given, path)
    elif path and re.search(r"delete|remove", step.tool, re.IGNORECASE):
        yield Deed("delete", "", path)
    elif path and _first(given, _CONTENTS) is not None and not _READS.search(step.tool):
        yield Deed("write", _text(given, _CONTENTS), path)
    else:
        yield from _ran(step, path)


def _edited(verb: str, given: Mapping[str, Any], path: str) -> Iterator[Deed]:
    if verb in ("create", "write"):
        yield Deed("write", _text(given, _CONTENTS), path)
    elif verb in ("insert", "edit"):
        yield Deed("edit", _text(given, _NEWS) or _text(given, ("insert_text", *_CONTENTS)), path)
    elif verb == "delete":
        yield Deed("delete", "", path)
    elif verb in ("view", "read"):
        yield Deed("read", "", path)


def _ran(step: Step, path: str) -> Iterator[Deed]:
    given = step.arguments
    code = _text(given, ("code", "python_code", "source", "cell", "python"))
    if not code and _PYTHON.search(step.tool):
        code = _text(given, ("input", "command"))
    address = _text(given, ("url", "uri", "link"))
    command = _command(given)
    if code and not _SHELL.fullmatch(step.tool):
        yield Deed("python", code)
    elif command and not _TALK.search(step.tool):
        yield Deed("command", command)
    elif address:
        yield Deed("fetch", address)
    elif path:
        yield Deed("read", "", path)
    elif _TALK.search(step.tool):
        said = _text(
            given, ("thought", "message", "summary", "answer", "text", "content", "result", "input")
        )
        if said:
            yield Deed("say", said)


def _patch(given: Mapping[str, Any]) -> str:
    for key in _PATCHES:
        value = given.get(key)
        if isinstance(value, str) and re.search(
            r"^\*\*\* (?:Begin Patch|(?:Update|Add|Delete) File:)|^diff --git |^--- .*\n\+\+\+ ",
            value,
            re.MULTILINE,
        ):
            return value
    kind, path = given.get("type"), given.get("path")
    if isinstance(path, str) and isinstance(kind, str) and kind.endswith("_file"):
        head = {"create_file": "Add", "delete_file": "Delete"}.get(kind, "Update")
        return f"*** {head} File: {path}\n{given.get('diff') or ''}"
    return ""


def _command(given: Mapping[str, Any]) -> str:
    for key in _COMMANDS:
        value = given.get(key)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, list) and value:
            if all(isinstance(word, str) for word in value):
                return _argv(value)
            return "\n".join(_command(one) for one in value if isinstance(one, dict))
    return ""


def _argv(words: list[str]) -> str:
    """The command of a list: the script of `["bash", "-lc", script]`, else the words quoted."""
    if len(words) == 3 and words[1].startswith("-") and words[1].endswith("c"):
        return words[2]
    if any(" " in word for word in words) and not words[0].startswith("-") and " " in words[0]:
        return "\n".join(words)
    return shlex.join(words)


def _first(given: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    return next((given[key] for key in keys if isinstance(given.get(key), str)), None)


def _text(given: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return _first(given, keys) or ""
