"""Exchanges into batches of the tables: every value checked, every row given its id, once, here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from trueup.schema import INTERACTIONS, LABELS, LAYER_EVENTS, OUTCOMES, Table
from trueup.sources.exchange import BadRecordError, Event, Exchange, Label, Outcome
from trueup.sources.guards import is_blocked_reason
from trueup.sources.messages import last_user_text
from trueup.sources.values import (
    action_of,
    flag_of,
    integer_of,
    is_observation,
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


# The columns that a builder collects one value at a time; segments and source are made whole.
_MADE = ("segments", "source")
_HASHED_APART = ("id", "content_hash", "messages")
_CHECKED = tuple(name for name in INTERACTIONS.names if name not in (*_MADE, *_HASHED_APART))
_COLUMNS = (*_HASHED_APART, *_CHECKED)
_FINISH_REASON = _CHECKED.index("finish_reason")
_ACTION = LAYER_EVENTS.names.index("action")


def _columns(values: list[Any], names: tuple[str, ...]) -> dict[str, list[Any]]:
    """Columns out of the rows' values, which lie one row after the other.

    One flat list costs less than a tuple per row, and gives the garbage collector nothing to do.
    """
    return {name: values[place :: len(names)] for place, name in enumerate(names)}


class _Rows:
    """Rows of a child table, and for each the row number of its interaction."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows: list[Any] = []
        self.parents: list[int] = []

    def extend(self, rows: Iterable[tuple[Any, ...]], parent: int) -> None:
        for row in rows:
            self._rows += row
            self.parents.append(parent)

    def table(self) -> pa.Table:
        return self._table.from_columns(_columns(self._rows, self._table.names))


class _Segments:
    """The segments of each interaction, as the parts of an Arrow map column."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._values: list[str] = []
        self._starts: list[int | None] = []

    def add(self, segments: dict[str, str] | None) -> None:
        self._starts.append(len(self._keys) if segments else None)
        if segments:
            self._keys += segments
            self._values += segments.values()

    def array(self) -> pa.Array:
        """The column; an interaction without segments is null (a null offset)."""
        import pyarrow as pa

        offsets = pa.array([*self._starts, len(self._keys)], pa.int32())
        keys, values = pa.array(self._keys, pa.string()), pa.array(self._values, pa.string())
        return pa.MapArray.from_arrays(offsets, keys, values)


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

    `full` says that it is time to `flush`.
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
        self._values: list[Any] = []
        self._segments = _Segments()
        self._lines: list[int] = []
        self._events = _Rows(LAYER_EVENTS)
        self._outcomes = _Rows(OUTCOMES)
        self._labels = _Rows(LABELS)
        self._bad: list[BadRecord] = []
        self._bytes = 0
        self.full = False

    @property
    def empty(self) -> bool:
        return not self._lines and not self._bad

    def reject(self, line: int, reason: str, raw: object) -> None:
        """Set a record aside. reason: a sentence. raw: its bytes or text, or its cells."""
        self._bad.append(BadRecord(self.file, line, reason, _excerpt(raw)))
        self.full = self.full or len(self._bad) >= self.batch_size

    def add(self, exchange: Exchange, line: int) -> None:
        """Check one exchange and append its rows; on `BadRecordError` nothing has been added."""
        values = self._checked(exchange)
        messages = b"" if exchange.messages is None else _packed(exchange.messages)
        content = messages + orjson.dumps((values, exchange.segments), option=orjson.OPT_SORT_KEYS)
        digest = blake2b(content, digest_size=16).digest()
        own_id = None if exchange.id is None else _own_id(exchange.id)
        key = own_id or self._content_id(digest)
        reason = values[_FINISH_REASON]
        blocked = reason is not None and is_blocked_reason(reason)
        events = (
            _event_rows(key, exchange.events, reason, blocked)
            if (exchange.events or blocked)
            else ()
        )
        outcomes = _outcome_rows(key, exchange.outcomes) if exchange.outcomes else ()
        labels = _label_rows(key, exchange.labels) if exchange.labels else ()
        if own_id is None:
            self._copies[digest] = self._copies.get(digest, -1) + 1
        place = len(self._lines)
        self._values += (key, digest.hex(), messages or None, *values)
        self._segments.add(exchange.segments)
        self._lines.append(line)
        if events:
            self._events.extend(events, place)
        if outcomes:
            self._outcomes.extend(outcomes, place)
        if labels:
            self._labels.extend(labels, place)
        self._bytes += len(content)
        if place + 1 >= self.batch_size or self._bytes >= BATCH_BYTES:
            self.full = True

    def _checked(self, x: Exchange) -> tuple[Any, ...]:
        """The values of the columns `_CHECKED`, in their order."""
        prompt, response = x.prompt, x.response
        if prompt is None and x.messages is not None:
            prompt = last_user_text(x.messages)
        if response is not None and type(response) is not str:
            response = json_text(response)
        get = vars(x).get  # what is set; the rest is None
        return (
            None if (at := get("at")) is None else time_of(at, "created_at"),
            None if (talk := get("conversation_id")) is None else text_of(talk),
            None if (user := get("user")) is None else self._pseudonym(user),
            prompt,
            response,
            None if (reason := get("finish_reason")) is None else _finish_reason(reason),
            None if (model := get("model")) is None else text_of(model),
            None if (version := get("prompt_version")) is None else text_of(version),
            None if (policy := get("policy_version")) is None else text_of(policy),
            None if (sampling := get("sampling")) is None else _sampling(sampling),
            None if (arm := get("arm")) is None else text_of(arm),
            None if (chance := get("propensity")) is None else _propensity(chance),
            None if (late := get("latency_ms")) is None else number_of(late, "latency_ms", 0.0),
        )

    def flush(self) -> Batch:
        """The rows collected since the last flush."""
        import pyarrow as pa

        size = len(self._lines)
        columns: dict[str, Any] = _columns(self._values, _COLUMNS)
        columns["messages"] = pa.array(columns["messages"], pa.binary()).cast(pa.string())
        columns["segments"] = self._segments.array()
        columns["source"] = pa.repeat(pa.scalar(self.file, pa.string()), size)
        batch = Batch(
            interactions=INTERACTIONS.from_columns(columns),
            layer_events=self._events.table(),
            outcomes=self._outcomes.table(),
            labels=self._labels.table(),
            event_rows=np.array(self._events.parents, np.int64),
            outcome_rows=np.array(self._outcomes.parents, np.int64),
            label_rows=np.array(self._labels.parents, np.int64),
            lines=np.array(self._lines, np.int64),
            bad=tuple(self._bad),
            bytes_read=self.done,
        )
        self._clear()
        return batch

    def _content_id(self, digest: bytes) -> str:
        """Hash of the content and of how many identical records came before it in the file."""
        copies = self._copies.get(digest, -1) + 1
        return blake2b(digest + copies.to_bytes(8, "big"), digest_size=16).hexdigest()

    def _pseudonym(self, user: Any) -> str | None:
        if type(user) is not str:
            user = text_of(user)
        name = self._users.get(user)
        if name is None:
            text = text_of(user)
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


def _own_id(value: Any) -> str | None:
    if type(value) is float and abs(value) >= 2**53:
        raise BadRecordError(f"id must be text or a whole number of 64 bits, got {value}.")
    return text_of(value)


def _finish_reason(value: Any) -> str | None:
    if type(value) is list:
        value = value[0] if value else None
    return text_of(value)


def _sampling(value: Any) -> str | None:
    if type(value) is dict:
        return json_text(value) if value else None
    return text_of(value)


def _propensity(value: Any) -> float | None:
    number = number_of(value, "propensity")
    if number is not None and not 0.0 < number <= 1.0:
        raise BadRecordError(f"propensity must be in (0, 1], got {shown(value)}.")
    return number


def _id(*parts: Any) -> str:
    return blake2b(orjson.dumps(parts), digest_size=16).hexdigest()


def _event_row(key: str, event: Event, place: int) -> tuple[Any, ...]:
    """A row of layer_events, its columns in the order of the table."""
    logged, position, stage, category, score, threshold, fired, action, latency, config, failure = (
        event
    )
    layer, reason = text_of(logged), text_of(failure)
    if layer is None:
        raise BadRecordError("A guardrail result must name its guard, got no name.")
    of = f" of guard '{layer}'"
    position = place if position is None else integer_of(position, "position", of)
    if position is None:
        position = place
    if score is not None:
        score = number_of(score, "score", of=of)
    if threshold is not None:
        threshold = number_of(threshold, "threshold", of=of)
    if latency is not None:
        latency = number_of(latency, "latency_ms", 0.0, of=of)
    did = None if action is None else action_of(action, "action", of)
    flagged = None if fired is None else flag_of(fired, "fired", of)
    if reason is not None:
        score, flagged = None, did not in (None, "allow")
    elif score is not None and threshold is not None:
        flagged = score >= threshold
    elif flagged is None:
        if did is None:
            raise BadRecordError(
                f"Guard '{layer}' must have an action, a flag, or a score and a threshold."
            )
        flagged = did != "allow" or is_observation(action)
    else:
        flagged = flagged or did not in (None, "allow")
    stage, category = stage_of(stage), text_of(category)
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
        text_of(config),
        reason,
    )


def _distinct(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows without those that repeat the id of an earlier one."""
    if len(rows) < 2:
        return rows
    first: dict[str, tuple[Any, ...]] = {}
    for row in rows:
        first.setdefault(row[0], row)
    return list(first.values())


def _event_rows(
    key: str, logged: Sequence[Event], reason: str | None, blocked: bool
) -> list[tuple[Any, ...]]:
    """Rows of layer_events.

    A provider that stopped the answer is a layer too, unless a guard's block is on record for it.
    """
    rows = [_event_row(key, event, order) for order, event in enumerate(logged)]
    if blocked and not any(row[_ACTION] == "block" for row in rows):
        block = Event("provider", None, "output", reason, fired=True, action="block")
        rows.append(_event_row(key, block, len(rows)))
    return _distinct(rows)


def _outcome_rows(key: str, logged: Sequence[Outcome]) -> list[tuple[Any, ...]]:
    return _distinct([row for item in logged if (row := _outcome_row(key, item))])


def _label_rows(key: str, logged: Sequence[Label]) -> list[tuple[Any, ...]]:
    return _distinct([row for item in logged if (row := _label_row(key, item))])


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
