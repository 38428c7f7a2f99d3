"""Steps of a transcript file, whatever its format, one conversation after the other.

JSON Lines are streamed: a line may be a message of one conversation, or a conversation of its own.
What cannot be read is set aside with its line and the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from trueup.errors import UserError
from trueup.goodhart.scan.result import Skipped
from trueup.goodhart.scan.transcripts.chat import conversation_in, is_message, message_steps
from trueup.goodhart.scan.transcripts.inspect_log import is_log, is_zip_log, log_steps, zip_steps
from trueup.goodhart.scan.transcripts.plain import looks_plain, plain_steps
from trueup.goodhart.scan.transcripts.steps import Step
from trueup.goodhart.scan.transcripts.swe_agent import (
    is_trajectory,
    submission_step,
    trajectory_steps,
)
from trueup.sources.files import Head, open_head, open_stream
from trueup.sources.json_reading import json_records
from trueup.sources.json_records import decode, loads

__all__ = ["record_steps", "steps_of"]

_LONGEST_TEXT = 50_000_000  # bytes of a plain log
_SURPRISES = (TypeError, ValueError, LookupError, AttributeError, RecursionError)


def steps_of(path: Path, shown: str) -> Iterator[Step | Skipped]:
    """Steps in order, and what could not be read. shown: the path as findings name it."""
    try:
        head = open_head(path)
    except UserError as error:
        yield Skipped(shown, None, error.message)
        return
    if head.container == "zip":
        if is_zip_log(path):
            yield from zip_steps(path, shown)
        else:
            yield Skipped(shown, None, "The zip file is no Inspect log, or it is damaged.")
    elif head.container != "text":
        yield Skipped(shown, None, "The file is not text.")
    elif head.layout == "table" or (not head.records and looks_plain(_head_text(head))):
        yield from _plain(path, shown)
    else:
        yield from _json(head, path, shown)


def _head_text(head: Head) -> str:
    return head.text.decode("utf-8", "replace")


def _plain(path: Path, shown: str) -> Iterator[Step | Skipped]:
    stream = open_stream(path)
    parts: list[bytes] = []
    size = 0
    try:
        while size <= _LONGEST_TEXT and (block := stream.read()):
            parts.append(block)
            size += len(block)
    finally:
        stream.close()
    raw = b"".join(parts)
    if size > _LONGEST_TEXT:
        reason = f"only its first {_LONGEST_TEXT // 1_000_000} MB are read."
        yield Skipped(shown, None, f"A plain log is held in memory: {reason}")
    try:
        text = decode(raw[:_LONGEST_TEXT])
    except UnicodeDecodeError:
        text = raw[:_LONGEST_TEXT].decode("utf-8", "replace")
    yield from plain_steps(text.replace("\r\n", "\n").replace("\0", "\ufffd"))
    if stream.truncated:
        yield Skipped(shown, None, stream.truncated)


def _json(head: Head, path: Path, shown: str) -> Iterator[Step | Skipped]:
    stream = open_stream(path)
    place = 0
    known, alone = False, _alone(head)
    try:
        for number, raw, problem in json_records(head, stream):
            try:
                if problem is not None:
                    raise ValueError(problem)
                value = loads(raw)
            except ValueError as error:
                yield Skipped(shown, number, str(error))
                continue
            if is_message(value):
                known = True
                yield from _careful(message_steps(value, place), shown, number)
                place += 1
                continue
            record = "" if alone else f"record {number}"
            for step in _careful(record_steps(value), shown, number):
                known = True
                yield _labelled(step, record)
    finally:
        stream.close()
    if not known:
        yield Skipped(shown, None, "It holds no messages in a form that is known.")


def _alone(head: Head) -> bool:
    """Whether the file is one record, which may be too long for its head."""
    if head.layout == "values" and head.text.lstrip()[:1] == b"{" and not head.records:
        return True
    return head.whole and len(head.records) == 1


def _labelled(step: Step | Skipped, record: str) -> Step | Skipped:
    if isinstance(step, Skipped) or not record:
        return step
    return replace(step, record=f"{record}, {step.record}" if step.record else record)


def _careful(steps: Iterator[Step], shown: str, number: int) -> Iterator[Step | Skipped]:
    """The steps; a record of a shape that was not foreseen is set aside, never raised."""
    try:
        yield from steps
    except _SURPRISES as error:
        reason = f"The record has a shape that could not be read ({type(error).__name__})."
        yield Skipped(shown, number, reason)


def record_steps(value: Any) -> Iterator[Step]:
    """Steps of one record: a trajectory, a log, or a conversation; nothing for anything else."""
    if is_log(value):
        yield from log_steps(value)
    elif is_trajectory(value):
        yield from trajectory_steps(value)
    elif (messages := conversation_in(value)) is not None:
        for place, message in enumerate(messages):
            yield from message_steps(message, place)
        if isinstance(value, dict):
            yield from submission_step(value, max(0, len(messages) - 1))
    elif isinstance(value, list):
        for place, one in enumerate(value):
            for step in record_steps(one):
                yield replace(step, record=f"{place}, {step.record}" if step.record else str(place))
