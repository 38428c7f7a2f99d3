"""Exchanges into batches of the tables: every value checked, every row given its id, once, here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from trueup.schema import INTERACTIONS, LABELS, LAYER_EVENTS, OUTCOMES
from trueup.sources.exchange import BadRecordError, Event, Exchange, Label, Outcome
from trueup.sources.guards import is_blocked_reason
from trueup.sources.messages import last_user_text
from trueup.sources.values import (
    action_of,
    flag_of,
    integer_of,
    json_text,
    kind_of,
    label_of,
    number_of,
    outcome_value,
    shown,
    stage_of,
    text_of,
    time_of,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["BadRecord", "Batch", "BatchBuilder"]

BATCH_BYTES = 64_000_000
_EXCERPT = 200
_MAX_CACHED_USERS = 200_000


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that was set aside.

    line: line in the file, or number of the row or record, from 1. reason: one sentence.
    excerpt: at most 200 characters of the record.
    """

    file: str
    line: int
    reason: str
    excerpt: str


@dataclass(frozen=True)
class Batch:
    """Some records of one file, as rows of the tables.

    interactions, layer_events, outcomes, labels: Arrow tables of `trueup.schema`.
    event_rows, outcome_rows, label_rows: int64 arrays, for each row of these tables the row number
    of its interaction in `interactions`.
    lines: int64 array, for each interaction its line (JSON Lines, CSV) or record number, from 1.
    bad: records set aside since the last batch.
    bytes_read: bytes of the file (as it lies on disk) read so far, from its beginning.
    """

    interactions: pa.Table
    layer_events: pa.Table
    outcomes: pa.Table
    labels: pa.Table
    event_rows: np.ndarray
    outcome_rows: np.ndarray
    label_rows: np.ndarray
    lines: np.ndarray
    bad: tuple[BadRecord, ...]
    bytes_read: int


class BatchBuilder:
    """Collects exchanges of one file and hands them out as batches.

    Parameters
    ----------
    file
        Name of the file, as it goes into `source` and into bad records.
    user_key
        Secret under which user ids are hashed, so that they cannot be guessed back.
    batch_size
        Rows per batch; long texts end a batch earlier.
    """

    def __init__(self, file: str, *, user_key: bytes = b"", batch_size: int = 20_000) -> None:
        self.file = file
        self.batch_size = batch_size
        self.done = 0
        self._key = user_key if len(user_key) <= 64 else blake2b(user_key).digest()
        self._users: dict[str, str] = {}
        self._copies: dict[bytes, int] = {}
        self._clear()

    def _clear(self) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._lines: list[int] = []
        self._events: list[tuple[Any, ...]] = []
        self._event_rows: list[int] = []
        self._outcomes: list[tuple[Any, ...]] = []
        self._outcome_rows: list[int] = []
        self._labels: list[tuple[Any, ...]] = []
        self._label_rows: list[int] = []
        self._bad: list[BadRecord] = []
        self._bytes = 0

    @property
    def full(self) -> bool:
        return (
            len(self._rows) >= self.batch_size
            or self._bytes >= BATCH_BYTES
            or len(self._bad) >= self.batch_size
        )

    @property
    def empty(self) -> bool:
        return not self._rows and not self._bad

    def reject(self, line: int, reason: str, raw: object) -> None:
        """Set a record aside. reason: a sentence. raw: its bytes or text, or its cells."""
        self._bad.append(BadRecord(self.file, line, reason, _excerpt(raw)))

    def add(self, exchange: Exchange, line: int) -> None:
        """Check one exchange and append its rows; on `BadRecordError` nothing has been added."""
        x = exchange
        messages = x.messages
        prompt = x.prompt
        if messages is None:
            packed = None
        else:
            packed = _packed(messages)
            if prompt is None:
                prompt = last_user_text(messages)
        response = x.response
        if response is not None and type(response) is not str:
            response = json_text(response)
        finish_reason = x.finish_reason
        if finish_reason is not None:
            finish_reason = _finish_reason(finish_reason)
        sampling = x.sampling
        if sampling is not None:
            sampling = _sampling(sampling)
        propensity = x.propensity
        if propensity is not None:
            propensity = _propensity(propensity)
        segments = x.segments
        user = None if x.user is None else self._pseudonym(x.user)
        columns = (
            None if x.at is None else time_of(x.at, "created_at"),
            _text(x.conversation_id),
            user,
            prompt,
            response,
            finish_reason,
            _text(x.model),
            _text(x.prompt_version),
            _text(x.policy_version),
            sampling,
            _text(x.arm),
            propensity,
            None if x.latency_ms is None else number_of(x.latency_ms, "latency_ms", low=0.0),
            segments,
        )
        content = orjson.dumps(columns, option=orjson.OPT_SORT_KEYS)
        digest = blake2b(content if packed is None else packed + content, digest_size=16).digest()
        own_id = None if x.id is None else _own_id(x.id)
        key = own_id or self._content_id(digest)
        events = [_event_row(key, event, order) for order, event in enumerate(x.events)]
        if finish_reason is not None and is_blocked_reason(finish_reason):
            _add_provider_block(key, finish_reason, events)
        outcomes = [row for item in x.outcomes if (row := _outcome_row(key, item))]
        labels = [row for item in x.labels if (row := _label_row(key, item))]
        if own_id is None:
            self._copies[digest] = self._copies.get(digest, -1) + 1
        place = len(self._rows)
        self._rows.append((key, digest.hex(), packed, columns))
        self._lines.append(line)
        if events:
            self._events += events
            self._event_rows += [place] * len(events)
        if outcomes:
            self._outcomes += outcomes
            self._outcome_rows += [place] * len(outcomes)
        if labels:
            self._labels += labels
            self._label_rows += [place] * len(labels)
        self._bytes += len(content) + (0 if packed is None else len(packed))

    def flush(self) -> Batch:
        """The rows collected since the last flush."""
        batch = Batch(
            interactions=self._interactions(),
            layer_events=_table(LAYER_EVENTS, self._events),
            outcomes=_table(OUTCOMES, self._outcomes),
            labels=_table(LABELS, self._labels),
            event_rows=np.array(self._event_rows, np.int64),
            outcome_rows=np.array(self._outcome_rows, np.int64),
            label_rows=np.array(self._label_rows, np.int64),
            lines=np.array(self._lines, np.int64),
            bad=tuple(self._bad),
            bytes_read=self.done,
        )
        self._clear()
        return batch

    def _interactions(self) -> pa.Table:
        if not self._rows:
            return INTERACTIONS.from_rows(())
        ids, hashes, packed, columns = zip(*self._rows, strict=True)
        at, conversation, user, prompt, response, *rest, segments = zip(*columns, strict=True)
        finish, model, prompt_version, policy_version, sampling, arm, propensity, latency = rest
        return INTERACTIONS.from_columns(
            {
                "id": ids,
                "content_hash": hashes,
                "at": at,
                "conversation_id": conversation,
                "user_id": user,
                "messages": _utf8(packed),
                "prompt": prompt,
                "response": response,
                "finish_reason": finish,
                "model": model,
                "prompt_version": prompt_version,
                "policy_version": policy_version,
                "sampling": sampling,
                "arm": arm,
                "propensity": propensity,
                "latency_ms": latency,
                "segments": _maps(segments),
                "source": _repeated(self.file, len(ids)),
            }
        )

    def _content_id(self, digest: bytes) -> str:
        """Hash of the content and of how many identical records came before it in the file."""
        copies = self._copies.get(digest, -1) + 1
        return blake2b(digest + copies.to_bytes(8, "big"), digest_size=16).hexdigest()

    def _pseudonym(self, user: Any) -> str | None:
        if type(user) is not str:
            user = _text(user)
        name = self._users.get(user)
        if name is None:
            text = _text(user)
            if text is None:
                return None
            name = blake2b(text.encode(), key=self._key, digest_size=6).hexdigest()
            if len(self._users) >= _MAX_CACHED_USERS:
                self._users.clear()
            self._users[user] = name
        return name


def _excerpt(raw: object) -> str:
    if isinstance(raw, bytes):
        text = raw[: 4 * _EXCERPT].decode("utf-8", "replace")
    elif isinstance(raw, str):
        text = raw[:_EXCERPT]
    elif isinstance(raw, Sequence):
        text = ",".join(str(cell)[:_EXCERPT] for cell in raw)
    else:
        text = json_text(raw)
    return text.replace("\0", "�")[:_EXCERPT]


def _packed(messages: list[dict[str, Any]]) -> bytes:
    try:
        return orjson.dumps(messages)
    except TypeError:
        return json_text(messages).encode("utf-8", "replace")


def _text(value: Any) -> str | None:
    if type(value) is str and value and not value[0].isspace() and not value[-1].isspace():
        return value
    return text_of(value)


def _own_id(value: Any) -> str | None:
    if type(value) is float and abs(value) >= 2**53:
        raise BadRecordError(f"id must be text or a whole number of 64 bits, got {value}.")
    return _text(value)


def _finish_reason(value: Any) -> str | None:
    if type(value) is list:
        value = value[0] if value else None
    return _text(value)


def _sampling(value: Any) -> str | None:
    if type(value) is dict:
        return json_text(value) if value else None
    return _text(value)


def _propensity(value: Any) -> float | None:
    number = number_of(value, "propensity")
    if number is not None and not 0.0 < number <= 1.0:
        raise BadRecordError(f"propensity must be in (0, 1], got {shown(value)}.")
    return number


def _id(*parts: Any) -> str:
    return blake2b(orjson.dumps(parts), digest_size=16).hexdigest()


def _event_row(key: str, event: Event, place: int) -> tuple[Any, ...]:
    """A row of layer_events, its columns in the order of the table."""
    logged, position, stage, category, score, threshold, fired, action, latency, config = event
    layer = _text(logged)
    if layer is None:
        raise BadRecordError("A guardrail result must name its guard, got no name.")
    position = place if position is None else integer_of(position, f"position of guard '{layer}'")
    if position is None:
        position = place
    if score is not None:
        score = number_of(score, f"score of guard '{layer}'")
    if threshold is not None:
        threshold = number_of(threshold, f"threshold of guard '{layer}'")
    if latency is not None:
        latency = number_of(latency, f"latency_ms of guard '{layer}'", low=0.0)
    did = None if action is None else action_of(action, f"action of guard '{layer}'")
    flagged = None if fired is None else flag_of(fired, f"fired of guard '{layer}'")
    if score is not None and threshold is not None:
        flagged = score >= threshold
    elif flagged is None:
        if did is None:
            raise BadRecordError(
                f"Guard '{layer}' must have an action, a flag, or a score and a threshold."
            )
        flagged = did != "allow"
    else:
        flagged = flagged or did not in (None, "allow")
    stage, category = stage_of(stage), _text(category)
    return (
        _id(key, layer, stage, category, position),
        key,
        layer,
        position,
        stage,
        category,
        score,
        threshold,
        flagged,
        did or ("block" if flagged else "allow"),
        latency,
        _text(config),
    )


def _add_provider_block(key: str, finish_reason: str, events: list[tuple[Any, ...]]) -> None:
    """A provider that stopped the answer is a layer too, unless a guard is on record for it."""
    if not any(row[9] == "block" for row in events):
        block = Event("provider", len(events), "output", finish_reason, fired=True, action="block")
        events.append(_event_row(key, block, len(events)))


def _outcome_row(key: str, outcome: Outcome) -> tuple[Any, ...] | None:
    kind = kind_of(outcome.kind)
    value = outcome_value(kind, outcome.kind, outcome.value)
    if value is None:
        return None
    at = None if outcome.at is None else time_of(outcome.at, f"feedback.at of '{kind}'")
    simulated = outcome.simulated
    if simulated is not None and type(simulated) is not bool:
        simulated = flag_of(simulated, "feedback.simulated")
    return _id(key, kind, value, at), key, kind, value, at, simulated


def _label_row(key: str, label: Label) -> tuple[Any, ...] | None:
    """A label that came with the log; who gave it is not known, and it was not drawn by trueup."""
    answer = label_of(label.question, label.value)
    if answer is None:
        return None
    label_id = _id(key, label.question, "human", None)
    return label_id, key, label.question, answer, "human", None, None, None, None


def _table(table: Any, rows: list[tuple[Any, ...]]) -> pa.Table:
    if not rows:
        return table.from_rows(())
    return table.from_columns(dict(zip(table.names, zip(*rows, strict=True), strict=True)))


def _utf8(packed: tuple[bytes | None, ...]) -> pa.Array:
    """UTF-8 bytes as a string column, without a detour through Python strings."""
    import pyarrow as pa

    return pa.array(packed, pa.binary()).cast(pa.string())


def _repeated(text: str, size: int) -> pa.Array:
    import pyarrow as pa

    return pa.repeat(pa.scalar(text, pa.string()), size)


def _maps(segments: tuple[dict[str, str] | None, ...]) -> pa.Array:
    """A map column; keys sorted so that equal segments are equal rows."""
    import pyarrow as pa

    if not any(segments):
        return pa.nulls(len(segments), pa.map_(pa.string(), pa.string()))
    items = [None if not entry else sorted(entry.items()) for entry in segments]
    return pa.array(items, pa.map_(pa.string(), pa.string()))
