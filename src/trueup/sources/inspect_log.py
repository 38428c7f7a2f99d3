"""Inspect evaluation logs, `.json` and `.eval`: each sample in each epoch is an interaction.

The epochs of one sample share a `conversation_id`, since repeats of a prompt are not independent.
Scores become segments `score.NAME`; they are a scorer's verdicts, not what a user did.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError
from trueup.sources.columns import slices_of
from trueup.sources.exchange import BadRecordError, Exchange
from trueup.sources.json_reading import add, json_records
from trueup.sources.json_records import loads
from trueup.sources.messages import conversation_of, part_text, split
from trueup.sources.values import number_of, text_of
from trueup.sources.zip_members import ZipMembers

if TYPE_CHECKING:
    from trueup.sources.batch import Batch, BatchBuilder
    from trueup.sources.files import ByteStream, Head

__all__ = ["convert", "detect", "read"]

_HEADER = "header.json"
_START = "_journal/start.json"  # stands in for the header while an evaluation is not finished
_ATTACHMENT = re.compile(r"attachment://([0-9a-zA-Z]+)")


def detect(head: Head) -> bool:
    """True for a zip with Inspect's entries, or a JSON object with its keys."""
    if head.container == "zip":
        members = ZipMembers(head.path)
        return _HEADER in members.names or _START in members.names
    if head.records:
        return any(_is_log(set(record)) and "eval" in record for record in head.records)
    return _is_log(set(head.keys))


def _is_log(keys: set[str]) -> bool:
    return {"version", "status", "eval"} <= keys


def read(
    head: Head, stream: ByteStream, builder: BatchBuilder, mapping: object = None
) -> Iterator[Batch]:
    """Read an evaluation log sample by sample. Raises `UserError` for a damaged zip."""
    samples = (
        _zip_samples(head, builder)
        if head.container == "zip"
        else _json_samples(head, stream, builder)
    )
    for number, log, sample, position in samples:
        add(lambda pair: [convert(*pair)], (log, sample), number, _excerpt(sample), builder)
        if builder.full:
            builder.done = position
            yield builder.flush()


def _excerpt(sample: Any) -> object:
    return (
        {key: sample[key] for key in ("id", "epoch", "input") if key in sample}
        if (type(sample) is dict)
        else sample
    )


_Sample = tuple[int, dict[str, Any], Any, int]


def _json_samples(head: Head, stream: ByteStream, builder: BatchBuilder) -> Iterator[_Sample]:
    """Samples of a `.json` log; the file is one object, so it is parsed whole."""
    number = 0
    for record in json_records(head, stream):
        try:
            if record.problem is not None:
                raise ValueError(record.problem)
            log = loads(record.raw)
        except ValueError as error:
            builder.reject(record.number, str(error), record.raw)
            continue
        samples = log.get("samples") if type(log) is dict else None
        if type(samples) is not list:
            builder.reject(record.number, "The log holds no samples.", record.raw)
            continue
        for sample in samples:
            number += 1
            yield number, log, sample, stream.position


def _zip_samples(head: Head, builder: BatchBuilder) -> Iterator[_Sample]:
    """Samples of an `.eval` log, one entry each, or for large ones one folder each."""
    members = ZipMembers(head.path)
    log = _zip_header(members, head)
    shells = [name for name in members.names if _is_sample(name)]
    for number, name in enumerate(shells, start=1):
        try:
            sample = loads(members.read(name))
            if name.endswith("/sample.json"):
                sample = _assembled(members, name, sample)
        except (ValueError, TypeError) as error:
            builder.reject(number, f"{name} cannot be read: {error}", name)
            continue
        yield number, log, sample, head.size * number // len(shells)


def _is_sample(name: str) -> bool:
    if not name.startswith("samples/") or not name.endswith(".json"):
        return False
    return name.count("/") == 1 or (name.count("/") == 2 and name.endswith("/sample.json"))


def _zip_header(members: ZipMembers, head: Head) -> dict[str, Any]:
    name = _HEADER if _HEADER in members.names else _START
    try:
        log = loads(members.read(name))
    except (ValueError, KeyError) as error:
        raise UserError(
            f"{head.path} has no readable {_HEADER}: {error}",
            "Check that it is an Inspect log and was copied whole.",
        ) from error
    return log if type(log) is dict else {}


def _assembled(members: ZipMembers, name: str, shell: Any) -> dict[str, Any]:
    """A large sample: a shell, and its messages and attachments in chunks named by first index."""
    folder = name.removesuffix("sample.json")

    def chunks(kind: str) -> list[Any]:
        prefix = f"{folder}{kind}/"
        names = [
            entry
            for entry in members.names
            if re.fullmatch(rf"{re.escape(prefix)}\d+\.json", entry)
        ]
        names.sort(key=lambda entry: int(entry.removeprefix(prefix).removesuffix(".json")))
        return [item for entry in names for item in loads(members.read(entry))]

    sample = dict(shell)
    attachments = chunks("attachments")
    sample["attachments"] = {str(place): text for place, text in enumerate(attachments)}
    pool = chunks("messages")
    sample["messages"] = _referred(pool, sample.get("message_refs")) or sample.get("messages")
    if f"{folder}metadata.json" in members.names:
        sample["metadata"] = loads(members.read(f"{folder}metadata.json"))
    return sample


def _referred(pool: list[Any], refs: Any) -> list[Any]:
    """The conversation out of the sample's pool of messages, by ranges of their indices."""
    if type(refs) is not list:
        return pool
    return [message for start, end in refs for message in pool[start:end]]


def convert(log: dict[str, Any], sample: Any) -> Exchange:
    """Convert one sample. Raises `BadRecordError`."""
    if type(sample) is not dict or "id" not in sample:
        raise BadRecordError("A sample must be an object with an id.")
    header = _object(log.get("eval"))
    exchange = Exchange()
    _fill_texts(exchange, sample)
    name, epoch = header.get("task"), sample.get("epoch")
    run = header.get("run_id") or header.get("eval_id") or header.get("task_id")
    exchange.id = sample.get("uuid") or f"{run}/{name}/{sample['id']}/{epoch}"
    exchange.conversation_id = f"{name}/{sample['id']}"
    exchange.at = sample.get("started_at") or header.get("created")
    exchange.model = _object(sample.get("output")).get("model") or header.get("model")
    exchange.finish_reason = _choice(sample).get("stop_reason")
    settings = _object(log.get("plan")).get("config")
    exchange.sampling = settings or header.get("model_generate_config")
    seconds = number_of(sample.get("total_time"), "total_time")
    exchange.latency_ms = None if seconds is None else 1000 * seconds
    exchange.segments = _segments(sample, name)
    return exchange


def _object(value: Any) -> dict[str, Any]:
    return value if type(value) is dict else {}


def _choice(sample: dict[str, Any]) -> dict[str, Any]:
    """The model's first choice; empty when the sample failed before there was one."""
    choices = _object(sample.get("output")).get("choices")
    return _object(choices[0]) if type(choices) is list and choices else {}


def _fill_texts(exchange: Exchange, sample: dict[str, Any]) -> None:
    messages = sample.get("messages") or sample.get("input")
    if type(messages) is str:
        messages = [{"role": "user", "content": messages}]
    attachments = _object(sample.get("attachments"))
    if attachments:
        messages = _resolved(messages, attachments)
    exchange.messages, exchange.response = split(conversation_of(messages))
    if exchange.response is None:
        text = part_text(_object(_choice(sample).get("message")).get("content"))
        exchange.response = _resolved(text, attachments) or None


def _resolved(value: Any, attachments: dict[str, str]) -> Any:
    """The value with references to attachments replaced by their text."""
    if type(value) is str:
        return _ATTACHMENT.sub(lambda found: str(attachments.get(found[1], found[0])), value)
    if type(value) is list:
        return [_resolved(item, attachments) for item in value]
    if type(value) is dict:
        return {key: _resolved(item, attachments) for key, item in value.items()}
    return value


def _segments(sample: dict[str, Any], task: Any) -> dict[str, str]:
    segments = slices_of(sample.get("metadata"))
    if text_of(task) is not None:
        segments["task"] = str(task)
    for name, score in _object(sample.get("scores")).items():
        value = score.get("value") if type(score) is dict else score
        if type(value) in (str, int, float, bool):
            segments[f"score.{name}"] = str(text_of(value))
    return segments
