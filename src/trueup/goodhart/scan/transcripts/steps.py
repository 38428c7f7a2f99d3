"""What every transcript format becomes: who said or did what, one step after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

__all__ = ["Kind", "Role", "Step", "arguments_of", "role_of"]

Role = Literal["agent", "system", "user", "tool"]
Kind = Literal["text", "reasoning", "call", "result"]

_ROLES: dict[str, Role] = {
    "assistant": "agent", "agent": "agent", "ai": "agent", "model": "agent", "gpt": "agent",
    "bot": "agent", "chatbot": "agent", "system": "system", "developer": "system",
    "tool": "tool", "function": "tool", "observation": "tool", "environment": "tool",
    "ipython": "tool",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One piece of a transcript.

    message: place of its message in its conversation, from 0; None where lines of the file say
    where it is. record: which conversation of the file, "" when there is one. text: what was
    written; of a call, "". tool, arguments: of a call. line: of the text's first line, from 1; it
    matters only without a message.
    """

    message: int | None
    role: Role
    kind: Kind
    text: str = ""
    tool: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    record: str = ""
    line: int = 1


def role_of(name: object) -> Role:
    """The role that a transcript's own word for it means; a word nobody knows is a user's."""
    return _ROLES.get(name.lower(), "user") if isinstance(name, str) else "user"


def arguments_of(given: object) -> dict[str, Any]:
    """A call's arguments as an object: many formats hold them as JSON in a string."""
    if isinstance(given, dict):
        return given
    if isinstance(given, str):
        try:
            value = orjson.loads(given)
        except orjson.JSONDecodeError:
            return {"input": given}
        return value if isinstance(value, dict) else {"input": given}
    if isinstance(given, list):
        return {"input": given}
    return {}
