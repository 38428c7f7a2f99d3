"""Calls that an agent writes into its text: fenced commands, tags, saved blocks of code.

Which text acts depends on the harness. A tag that is a call by its form always counts. A fenced
shell command counts where what came back follows it; a fenced block of code counts where a file
name stands before it, or where the conversation has no other calls and the block is its answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from trueup.goodhart.scan.fences import Fence, blanked, fences
from trueup.goodhart.scan.transcripts.steps import Step, arguments_of

__all__ = ["acted_on", "fenced_code", "fenced_commands", "prose_only", "tagged_calls"]

# A body holds no further opening: each is read once, however many are never closed.
_TAGS = re.compile(
    r"<execute_(?P<run>bash|ipython)>(?P<code>(?:(?!</?execute_).)*+)</execute_(?:bash|ipython)>"
    r"|<(?P<form>function|invoke)(?:=| name=\"?)(?P<name>[\w.\-]+)\"?>"
    r"(?P<body>(?:(?!</?(?:function|invoke)\b).)*+)</(?:function|invoke)>"
    r"|<tool_call>(?P<json>(?:(?!</?tool_call>).)*+)</tool_call>"
    r"|\[TOOL_CALLS?\](?P<list>.*?)(?:\[/TOOL_CALLS?\]|\Z)",
    re.DOTALL,
)
_PARAMETER = re.compile(
    r"<parameter(?:=| name=\"?)(?P<key>[\w.\-]+)\"?(?: string=\"\w+\")?>"
    r"(?P<value>(?:(?!</?parameter\b).)*+)</parameter>",
    re.DOTALL,
)
_SHELL = re.compile(r"^(?:ba|z|k)?sh\b|^shell\b|^console\b|^mswea_bash_command\b", re.IGNORECASE)
_PYTHON = re.compile(r"^(?:python|py)\d?\b", re.IGNORECASE)
_CAME_BACK = re.compile(
    r"^\s*(?:<returncode>|<output>|\(?exit code|execution result|observation\b|\[?stdout\]?:|"
    r"OBSERVATION|command output|<stdout>|output:|Result:)",
    re.IGNORECASE,
)
_FILE_NAME = re.compile(
    r"(?:^|[\s`*:(])((?:[\w.\-]+/)*[\w\-]+\.[a-z]{1,5})[`*:)]*\s*$", re.IGNORECASE
)
_DIFF = re.compile(r"^(?:diff|patch)\b", re.IGNORECASE)


def tagged_calls(step: Step) -> Iterator[Step]:
    """Calls written as tags."""
    for found in _TAGS.finditer(step.text) if "<" in step.text or "[TOOL" in step.text else ():
        line = step.line + step.text.count("\n", 0, found.start())
        if found["run"]:
            tool = "bash" if found["run"] == "bash" else "ipython"
            key = "command" if tool == "bash" else "code"
            yield _call(step, tool, {key: found["code"]}, line)
        elif found["form"]:
            given = {
                one["key"]: one["value"].strip("\n") for one in _PARAMETER.finditer(found["body"])
            }
            yield _call(step, found["name"], given, line)
        else:
            yield from _json_calls(step, found["json"] or found["list"] or "", line)


def _json_calls(step: Step, text: str, line: int) -> Iterator[Step]:
    given = arguments_of(text.strip())
    listed = given.get("input") if isinstance(given.get("input"), list) else [given]
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and isinstance(one.get("name"), str):
            inside = arguments_of(one.get("arguments", one.get("parameters")))
            yield _call(step, one["name"], inside, line)


def _call(step: Step, tool: str, arguments: dict[str, Any], line: int) -> Step:
    return replace(step, kind="call", text="", tool=tool, arguments=arguments, line=line)


def acted_on(result: Step) -> bool:
    """Whether a user's message is what came back from a command."""
    return result.role == "tool" or bool(_CAME_BACK.match(result.text))


def fenced_commands(step: Step) -> Iterator[Step]:
    """Fenced shell blocks, for a harness that runs them."""
    for found in fences(step.text):
        if _SHELL.match(found.label):
            body = step.text[found.body_start : found.body_end]
            yield _call(step, "bash", {"command": body}, _line(step, found))


def _line(step: Step, found: Fence) -> int:
    return step.line + step.text.count("\n", 0, found.body_start)


def fenced_code(step: Step, answer: bool) -> Iterator[Step]:
    """Fenced code that is saved: it has a file name, or it is the answer."""
    for found in fences(step.text):
        before = step.text[max(0, found.start - 200) : found.start].rstrip("\n").rsplit("\n", 1)[-1]
        named = _FILE_NAME.search(found.label) or _FILE_NAME.search(before)
        body = step.text[found.body_start : found.body_end]
        if _DIFF.match(found.label) and (named or answer):
            yield _call(step, "patch", {"patch": body}, _line(step, found))
            continue
        is_python = _PYTHON.match(found.label) or (named and named[1].endswith(".py"))
        if is_python and (named or answer):
            name = named[1] if named else "solution.py"
            yield _call(step, "write", {"path": name, "content": body}, _line(step, found))


def prose_only(text: str) -> str:
    """The text with code, quotations and calls blanked out; every place stays where it was."""
    text = blanked(text, ((found.start, found.end) for found in fences(text)))
    for pattern in (_TAGS, _QUOTED_LINE):
        text = blanked(text, (found.span() for found in pattern.finditer(text)))
    return text


_QUOTED_LINE = re.compile(r"^[ \t]*>[^\n]*$", re.MULTILINE)
