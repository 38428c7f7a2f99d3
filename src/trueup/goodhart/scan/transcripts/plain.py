"""Transcripts in plain text or Markdown: turns that begin with the name of who speaks.

Lines are lines of the file, so no message is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trueup.goodhart.scan.transcripts.steps import Kind, Role, Step

__all__ = ["looks_plain", "plain_steps"]

_AGENT = "assistant|agent|ai|model|bot|claude|gpt(?:-[\\w.]+)?|chatgpt|gemini|codex|swe-agent"
_THOUGHT = "thoughts?|thinking|reasoning|analysis|plan|scratchpad"
_CALL = "action|tool[ _]call|command|bash|shell|tool[ _]use"
_RESULT = "observation|tool[ _](?:result|output|response)|output|result|tool|environment|stdout"
_USER = "user|human|task|instructions?|prompt|issue"
_SYSTEM = "system|developer"

_NAMES = "|".join((_AGENT, _THOUGHT, _CALL, _RESULT, _USER, _SYSTEM))
# "Assistant:", "**Assistant:**", "### Assistant", "[assistant]", "<|im_start|>assistant",
# "=== USER ===", with a time stamp or a number before or after it.
_TURN = re.compile(
    r"^[ \t]*(?:\[?[\d:.T \-/]{4,30}Z?\]?[ \t]+)?(?:(?P<open><\|(?:im_start|start_header_id)\|>)"
    r"|(?P<head>#{1,6}[ \t]*|[=\-*]{2,6}[ \t]*|\[|<)?)"
    rf"(?P<name>{_NAMES})(?:[ \t]*(?:#?\d+|\([^)\n]{{0,40}}\)))?"
    r"(?P<end>[ \t]*(?:\*{0,2}:\*{0,2}|\]:?|>|[=\-*]{2,6}:?|<\|end_header_id\|>)?)(?P<rest>[^\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_MEANINGS: tuple[tuple[str, Role, Kind], ...] = (
    (_AGENT, "agent", "text"),
    (_THOUGHT, "agent", "reasoning"),
    (_CALL, "agent", "call"),
    (_RESULT, "tool", "result"),
    (_USER, "user", "text"),
    (_SYSTEM, "system", "text"),
)
_GROUPS = tuple((re.compile(words, re.IGNORECASE), role, kind) for words, role, kind in _MEANINGS)
_LEAST_TURNS = 3


def _turns(text: str) -> Iterator[tuple[re.Match[str], Role, Kind]]:
    for found in _TURN.finditer(text):
        end, head = found["end"].strip(), found["head"] or ""
        alone = not found["rest"].strip()
        marked = bool(found["open"]) or end not in ("", "-", "*") or (bool(head.strip()) and alone)
        if not marked or (head == "<" and end != ">") or (head == "[" and "]" not in end):
            continue
        if end == ">" and head != "<":
            continue
        for words, role, kind in _GROUPS:
            if words.fullmatch(found["name"]):
                yield found, role, kind
                break


def looks_plain(text: str) -> bool:
    """True for at least three turns, some of them the agent's and some of them somebody else's."""
    roles: list[Role] = []
    for _, role, _ in _turns(text):
        roles.append(role)
        if len(roles) >= _LEAST_TURNS and "agent" in roles and set(roles) != {"agent"}:
            return True
    return False


def plain_steps(text: str) -> Iterator[Step]:
    """Steps of a plain log; text without any turn is taken for the agent's own."""
    turns = list(_turns(text))
    if not turns:
        yield Step(None, "agent", "text", text)
        return
    line, counted = 1, 0
    for place, (found, role, kind) in enumerate(turns):
        begin = found.start("rest")
        end = turns[place + 1][0].start() if place + 1 < len(turns) else len(text)
        line += text.count("\n", counted, begin)
        counted = begin
        said = text[begin:end]
        if not said.strip():
            continue
        said = " " * (begin - text.rfind("\n", 0, begin) - 1) + said  # columns are the file's
        if kind == "call":
            yield Step(None, role, kind, tool="bash", arguments={"command": _bare(said)}, line=line)
        else:
            yield Step(None, role, kind, said, line=line)


_FENCED = re.compile(r"\A(\s*)```[^\n]*\n(.*?)\n?[ \t]*```\s*\Z", re.DOTALL)


def _bare(said: str) -> str:
    """A command without the fence around it; its lines stay where they are."""
    fenced = _FENCED.match(said)
    return f"{fenced[1]}\n{fenced[2]}" if fenced else said
