"""Whether a file is an agent's transcript, told from its name and its first bytes."""

from __future__ import annotations

import re
from pathlib import Path

from trueup.errors import UserError
from trueup.goodhart.scan.transcripts.inspect_log import is_zip_log
from trueup.goodhart.scan.transcripts.plain import looks_plain

__all__ = ["looks_like_transcript"]

_PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\x00")
_JSON_NAMES = (".json", ".jsonl", ".ndjson", ".traj", ".log", ".txt", "")
_TEXT_NAMES = (".txt", ".log", ".md", ".markdown", ".transcript", ".out", "")
_KEY = r'"%s"\s*:\s*'
_AGENT_TURN = re.compile(
    _KEY % "(?:role|from|source)" + r'"(?:assistant|agent|ai|model|gpt|bot)"', re.IGNORECASE
)
_ANY_TURN = re.compile(
    _KEY % "(?:role|from|source)" + r'"(?:user|human|system|developer|tool|env\w*)"'
)
_SAID = re.compile(_KEY % "(?:content|value|tool_calls|message|parts|action)")
_ITEM = re.compile(
    _KEY % "type" + r'"(?:function_call|custom_tool_call|local_shell_call|tool_use|reasoning'
    r'|function_call_output)"'
)
_STEPS = re.compile(_KEY % "trajectory" + r"\[")
_STEP = re.compile(_KEY % "(?:action|observation|thought|response)")
_INSPECT = re.compile(_KEY % "eval" + r"\{")


def looks_like_transcript(path: Path, head: bytes) -> bool:
    """True for a file that holds an agent's messages.

    head: the file's first bytes, some thousands of them. A zip is opened for its directory, a
    compressed file for its beginning; nothing else is read.
    """
    name = path.name.lower()
    if head.startswith(b"PK"):
        return name.endswith((".eval", ".zip")) and is_zip_log(path)
    if head.startswith(_PACKED):
        head = _unpacked(path)
        name = name.rsplit(".", 1)[0]
    suffix = Path(name).suffix
    if suffix == ".traj":
        return True
    text = _decoded(head)
    if text.lstrip()[:1] in ("{", "[") and suffix in _JSON_NAMES and _json(text):
        return True
    return suffix in _TEXT_NAMES and looks_plain(text)


def _decoded(head: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(mark):
            return head[2:].decode(encoding, "replace")
    return head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")


def _json(text: str) -> bool:
    if _STEPS.search(text) and _STEP.search(text):
        return True
    if _INSPECT.search(text) and re.search(_KEY % "(?:version|status)", text):
        return True
    if _ITEM.search(text):
        return True
    return bool(_AGENT_TURN.search(text) and _SAID.search(text)) or bool(
        _ANY_TURN.search(text)
        and _SAID.search(text)
        and re.search(_KEY % "(?:messages|role)", text)
    )


def _unpacked(path: Path) -> bytes:
    from trueup.sources.files import open_head

    try:
        return open_head(path).text[:65_536]
    except UserError:
        return b""
