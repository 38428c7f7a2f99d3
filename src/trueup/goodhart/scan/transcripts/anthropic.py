"""Content blocks as Anthropic's Messages API has them; OpenAI's parts fit in as well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trueup.goodhart.scan.transcripts.steps import Role, Step, arguments_of

__all__ = ["block_steps", "text_in"]

_TEXT = {"text", "output_text", "input_text", "refusal", "summary_text"}
_THOUGHT = {"thinking", "reasoning", "thought", "think", "reasoning_text"}
_CALLS = {"tool_use", "server_tool_use", "mcp_tool_use", "tool_call", "function_call"}


def block_steps(content: object, role: Role, place: int) -> Iterator[Step]:
    """Steps of a message's content: a string, a block or a list of blocks."""
    if isinstance(content, str):
        if content:
            yield Step(place, role, "result" if role == "tool" else "text", content)
        return
    for block in content if isinstance(content, list) else [content]:
        if isinstance(block, str):
            yield from block_steps(block, role, place)
        elif isinstance(block, dict):
            yield from _block(block, role, place)


def _block(block: dict[str, Any], role: Role, place: int) -> Iterator[Step]:
    kind = block.get("type")
    if kind in _CALLS:
        name = block.get("name") or block.get("function") or ""
        given = block.get("input", block.get("arguments", block.get("args")))
        yield Step(place, role, "call", tool=str(name), arguments=arguments_of(given))
    elif isinstance(kind, str) and kind.endswith(("tool_result", "_result", "_output")):
        yield Step(place, "tool", "result", text_in(block.get("content", block.get("output"))))
    elif kind in _THOUGHT:
        said = block.get("thinking") or block.get("reasoning") or text_in(block)
        if isinstance(said, str) and said:
            yield Step(place, role, "reasoning", said)
    elif kind in _TEXT or "text" in block:
        said = text_in(block)
        if said:
            yield Step(place, role, "result" if role == "tool" else "text", said)


def text_in(value: object) -> str:
    """All the text in a block, a list of blocks or a string."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(filter(None, map(text_in, value)))
    if isinstance(value, dict):
        for key in ("text", "refusal", "content", "summary", "value"):
            if value.get(key):
                return text_in(value[key])
    return ""
