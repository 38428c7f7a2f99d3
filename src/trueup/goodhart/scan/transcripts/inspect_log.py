"""Inspect's evaluation logs, `.json` and `.eval`: one conversation for each sample and epoch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from trueup.errors import UserError
from trueup.goodhart.scan.result import Skipped
from trueup.goodhart.scan.transcripts.chat import message_steps
from trueup.goodhart.scan.transcripts.steps import Step
from trueup.sources.json_records import loads
from trueup.sources.zip_members import ZipMembers

__all__ = ["is_log", "is_zip_log", "log_steps", "zip_steps"]

_ATTACHMENT = re.compile(r"attachment://([0-9a-zA-Z]+)")
_HEADERS = {"header.json", "_journal/start.json"}


def is_log(record: object) -> bool:
    """True for the object that a `.json` log is."""
    return isinstance(record, dict) and {"eval", "samples"} <= set(record)


def is_zip_log(path: Path) -> bool:
    """True for a zip file with the entries of an `.eval` log; False when it is damaged."""
    try:
        return bool(_HEADERS & set(ZipMembers(path).names))
    except UserError:
        return False


def log_steps(record: dict[str, Any]) -> Iterator[Step]:
    """Steps of every sample in a `.json` log."""
    for sample in record["samples"] or ():
        yield from sample_steps(sample)


def zip_steps(path: Path, shown: str) -> Iterator[Step | Skipped]:
    """Steps of every sample in an `.eval` log; a sample that is damaged is set aside."""
    members = ZipMembers(path)
    for name in members.names:
        if not re.fullmatch(r"samples/[^/]+(\.json|/sample\.json)", name):
            continue
        try:
            sample = loads(members.read(name))
            if name.endswith("/sample.json"):
                sample = _assembled(members, name.removesuffix("sample.json"), sample)
        except (ValueError, TypeError, KeyError) as error:
            yield Skipped(shown, None, f"{name} cannot be read: {error}")
            continue
        yield from sample_steps(sample)


def _assembled(members: ZipMembers, folder: str, shell: Any) -> dict[str, Any]:
    """A large sample: a shell, with messages and attachments in chunks named by first index."""
    sample = dict(shell)
    for kind in ("messages", "attachments"):
        names = [
            (int(found[1]), name)
            for name in members.names
            if (found := re.fullmatch(rf"{re.escape(folder)}{kind}/(\d+)\.json", name))
        ]
        chunks = [item for _, name in sorted(names) for item in loads(members.read(name))]
        if kind == "attachments":
            sample[kind] = {str(place): text for place, text in enumerate(chunks)}
        elif chunks:
            refs = sample.get("message_refs")
            sample[kind] = (
                [message for start, end in refs for message in chunks[start:end]]
                if isinstance(refs, list)
                else chunks
            )
    return sample


def sample_steps(sample: object) -> Iterator[Step]:
    """Steps of one sample; where it has no messages, of what its model calls put out."""
    if not isinstance(sample, dict):
        return
    record = f"sample {sample.get('id')}, epoch {sample.get('epoch')}"
    messages = sample.get("messages") or _outputs(sample.get("events"))
    attachments = sample.get("attachments")
    if isinstance(attachments, dict) and attachments:
        messages = _resolved(messages, attachments)
    for place, message in enumerate(messages if isinstance(messages, list) else ()):
        for step in message_steps(message, place):
            yield replace(step, record=record)


def _outputs(events: object) -> list[Any]:
    found: list[Any] = []
    for event in events if isinstance(events, list) else ():
        if isinstance(event, dict) and event.get("event") == "model":
            choices = (event.get("output") or {}).get("choices") or ()
            found.extend(choice.get("message") for choice in choices if isinstance(choice, dict))
    return found


def _resolved(value: Any, attachments: dict[str, Any]) -> Any:
    """The value with references to attachments replaced by their text."""
    if isinstance(value, str):
        return _ATTACHMENT.sub(lambda found: str(attachments.get(found[1], found[0])), value)
    if isinstance(value, list):
        return [_resolved(item, attachments) for item in value]
    if isinstance(value, dict):
        return {key: _resolved(item, attachments) for key, item in value.items()}
    return value
