"""SWE-agent's trajectories, `.traj`: a list of steps with thought, action and observation.

The message of a step is its place in the list. `history` holds the same again, with demonstrations
and the task before it, and is read only where there is no list of steps. mini-SWE-agent's files
hold chat messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trueup.goodhart.scan.transcripts.anthropic import block_steps, text_in
from trueup.goodhart.scan.transcripts.chat import message_steps
from trueup.goodhart.scan.transcripts.steps import Step

__all__ = ["is_trajectory", "submission_step", "trajectory_steps"]


def is_trajectory(record: object) -> bool:
    """True for an object with a list of steps that hold actions."""
    if not isinstance(record, dict) or not isinstance(record.get("trajectory"), list):
        return False
    steps = record["trajectory"]
    return not steps or any(
        isinstance(one, dict) and {"action", "observation"} & set(one) for one in steps
    )


def trajectory_steps(record: dict[str, Any]) -> Iterator[Step]:
    """Steps of the whole trajectory, and of the patch that was submitted at its end."""
    steps = [one for one in record["trajectory"] if isinstance(one, dict)]
    if not steps and isinstance(record.get("history"), list):
        own = (one for one in record["history"] if isinstance(one, dict) and not one.get("is_demo"))
        for place, message in enumerate(own):
            yield from message_steps(message, place)
    for place, step in enumerate(steps):
        yield from _step(step, place)
    yield from submission_step(record, max(0, len(steps) - 1))


def _step(step: dict[str, Any], place: int) -> Iterator[Step]:
    for block in step.get("thinking_blocks") or ():
        yield from block_steps(block, "agent", place)
    thought, response = text_in(step.get("thought")), text_in(step.get("response"))
    if thought:
        yield Step(place, "agent", "reasoning", thought)
    if response and not thought:
        yield Step(place, "agent", "text", response)
    action, calls = step.get("action"), step.get("tool_calls")
    if isinstance(action, str) and action.strip():
        yield Step(place, "agent", "call", tool="bash", arguments={"command": action})
    elif isinstance(calls, list):
        yield from message_steps({"role": "assistant", "tool_calls": calls}, place)
    observation = text_in(step.get("observation"))
    if observation:
        yield Step(place, "tool", "result", observation)


def submission_step(record: dict[str, Any], place: int) -> Iterator[Step]:
    """The patch that was handed in, as a call that applies it."""
    info = record.get("info")
    patch = info.get("submission") if isinstance(info, dict) else None
    if isinstance(patch, str) and "\n+++ " in f"\n{patch}":
        yield Step(place, "agent", "call", tool="submission", arguments={"patch": patch})
