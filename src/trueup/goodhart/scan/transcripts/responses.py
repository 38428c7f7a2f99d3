"""Items of OpenAI's Responses API, as a log or a session file of an agent holds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trueup.goodhart.scan.transcripts.anthropic import text_in
from trueup.goodhart.scan.transcripts.steps import Step, arguments_of

__all__ = ["is_item", "item_steps"]

_CALLS = {
    "function_call", "custom_tool_call", "mcp_call", "local_shell_call", "shell_call",
    "apply_patch_call", "code_interpreter_call",
}  # fmt: skip
_OTHERS = {
    "reasoning", "web_search_call", "file_search_call", "computer_call", "image_generation_call",
    "item_reference", "compaction",
}  # fmt: skip


def is_item(value: dict[str, Any]) -> bool:
    """True for an item that is no message; messages look like those of the chat API."""
    kind = value.get("type")
    return isinstance(kind, str) and (
        kind in _CALLS or kind in _OTHERS or kind.endswith("_call_output")
    )


def item_steps(item: dict[str, Any], place: int) -> Iterator[Step]:
    """Steps of one item that is no message."""
    kind = str(item["type"])
    if kind.endswith("_output"):
        yield Step(place, "tool", "result", text_in(item.get("output")))
    elif kind == "reasoning":
        said = text_in(item.get("content")) or text_in(item.get("summary"))
        if said:
            yield Step(place, "agent", "reasoning", said)
    elif kind in _CALLS:
        yield Step(place, "agent", "call", tool=_name(item, kind), arguments=_arguments(item, kind))


def _name(item: dict[str, Any], kind: str) -> str:
    return str(item.get("name") or kind.removesuffix("_call"))


def _arguments(item: dict[str, Any], kind: str) -> dict[str, Any]:
    for key in ("arguments", "action", "operation"):
        if item.get(key):
            return arguments_of(item[key])
    if kind == "code_interpreter_call":
        return {"code": item.get("code")}
    return arguments_of(item.get("input"))
