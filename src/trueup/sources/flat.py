"""Flat files: CSV, TSV, Parquet and JSON Lines, with columns for the prompt and the response."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError
from trueup.sources.columns import (
    MESSAGES_NAMES,
    PROMPT_NAMES,
    RESPONSE_NAMES,
    Plan,
    fill,
    plan_for,
    segment_text,
)
from trueup.sources.exchange import BadRecordError, Event, Exchange, Label, Outcome
from trueup.sources.guard_libraries import RESULT_KEYS, taken_keys
from trueup.sources.guards import EVENT_KEYS, events_of
from trueup.sources.json_reading import add, json_records
from trueup.sources.json_records import RawRecord, loads
from trueup.sources.mapping import ColumnMap, LayerColumns
from trueup.sources.messages import (
    conversation_of,
    is_messages,
    last_user_text,
    parsed,
    part_text,
    split,
)
from trueup.sources.tables import Row, csv_rows, parquet_rows
from trueup.sources.values import ACTION_WORDS, action_of, json_text, text_of

if TYPE_CHECKING:
    from trueup.sources.batch import Batch, BatchBuilder
    from trueup.sources.files import ByteStream, Head

__all__ = ["Flat", "detect", "read"]

_NOTHING: Mapping[str, str] = MappingProxyType({})
_MAX_PLANS = 1000


def detect(head: Head) -> bool:
    """True when the columns hold a prompt and a response, or one of them and a guard's result."""
    if head.columns:
        return _has_text(head.columns)
    if head.records:
        return any(_has_text(tuple(record)) for record in head.records)
    return _has_text(tuple(head.keys))


def _has_text(columns: tuple[str, ...]) -> bool:
    texts = _Texts.of(columns)
    if texts.messages is not None or (texts.prompt is not None and texts.response is not None):
        return True
    return texts != _Texts() and not RESULT_KEYS.isdisjoint(columns)


def read(
    head: Head, stream: ByteStream, builder: BatchBuilder, mapping: ColumnMap | None = None
) -> Iterator[Batch]:
    """Read a flat file batch by batch.

    Raises `UserError` when the mapping names a column that the file does not have, when a layer's
    column holds a word that says neither yes nor no, or when no column looks like a prompt.
    """
    flat = Flat(mapping or ColumnMap())
    known = head.columns or tuple(dict.fromkeys(key for record in head.records for key in record))
    if known:
        flat.check(known, head)
    for row, position in _rows(head, stream):
        if row.problem is not None:
            builder.reject(row.number, row.problem, row.raw)
        else:
            add(flat.convert, row.cells, row.number, row.raw, builder)
        if builder.full:
            builder.done = position
            yield builder.flush()


def _rows(head: Head, stream: ByteStream) -> Iterator[tuple[Row, int]]:
    """Rows of any table file, and the bytes of the file read so far.

    An empty cell of a CSV file is unknown; only JSON and Parquet can say that a text is empty.
    """
    if head.container == "parquet":
        yield from parquet_rows(head.path)
    elif head.layout == "table":
        for number, cells, raw, problem in csv_rows(head, stream):
            known = {name: cell or None for name, cell in cells.items()}
            yield Row(number, known, raw, problem), stream.position
    else:
        for record in json_records(head, stream):
            yield _json_row(record), stream.position


def _json_row(record: RawRecord) -> Row:
    number, raw, problem = record
    if problem is not None:
        return Row(number, {}, raw, problem)
    try:
        value = loads(raw)
    except ValueError as error:
        return Row(number, {}, raw, str(error))
    if type(value) is not dict:
        return Row(number, {}, raw, "A record must be a JSON object.")
    return Row(number, value, raw)


@dataclass(frozen=True)
class _Texts:
    """Columns that hold the conversation. context: text that belongs to the instruction."""

    messages: str | None = None
    prompt: str | None = None
    context: str | None = None
    system: str | None = None
    response: str | None = None

    @staticmethod
    def of(columns: Sequence[str], mapped: Mapping[str, str] = _NOTHING) -> _Texts:
        """The mapped columns, and for the rest those with a usual name."""
        by_name = {name.lower(): name for name in reversed(columns)}
        free = dict.fromkeys(name for name in columns if name not in mapped.values())

        def find(names: Sequence[str]) -> str | None:
            found = (by_name[name] for name in names if by_name.get(name) in free)
            return next(found, None)

        prompt = mapped.get("prompt") if "prompt" in mapped else find(PROMPT_NAMES)
        messages = mapped.get("messages") if "messages" in mapped else find(MESSAGES_NAMES)
        free.pop(prompt or "", None)
        context = None
        if "prompt" not in mapped and prompt is not None and prompt.lower() == "instruction":
            context = find(("input", "context"))
            free.pop(context or "", None)
        response = mapped.get("response") if "response" in mapped else find(RESPONSE_NAMES)
        if prompt is None and messages is None and {"user", "assistant"} <= by_name.keys():
            prompt = by_name["user"]
        system = find(("system_prompt", "system", "system_message"))
        return _Texts(messages or None, prompt or None, context, system, response or None)


@dataclass(frozen=True)
class _Columns:
    """How rows with one set of columns are read."""

    texts: _Texts
    plan: Plan
    guarded: bool


class Flat:
    """Converts rows under one mapping."""

    def __init__(self, mapping: ColumnMap) -> None:
        self._map = mapping
        self._columns: dict[tuple[str, ...], _Columns] = {}
        self._constants: dict[str, float] = {}
        self._understood: set[str] = set()

    def check(self, columns: Sequence[str], head: Head) -> None:
        """Raise `UserError` unless every mapped column is there and there is something to read."""
        for name in self._map.columns:
            if name not in columns and not self._is_constant(name):
                raise UserError(
                    f"--map names the column '{name}', which {head.path.name} does not have.",
                    f"It has: {', '.join(columns)}.",
                )
        texts = _Texts.of(columns, self._map.fields)
        used = (texts.messages, texts.prompt, texts.context, texts.system, texts.response)
        for name in filter(None, (*self._map.columns, *used)):
            if columns.count(name) > 1:
                raise UserError(
                    f"{head.path.name} has two columns '{name}'.", "Rename one of them."
                )
        if texts == _Texts(system=texts.system, context=texts.context):
            raise UserError(
                f"No column of {head.path.name} looks like a prompt or a response; "
                f"it has: {', '.join(columns)}.",
                "Name them with --map prompt=COLUMN,response=COLUMN.",
            )

    def _is_constant(self, name: str) -> bool:
        """A threshold may be given as a number in place of a column."""
        if any(layer.threshold == name for layer in self._map.layers.values()):
            try:
                self._constants[name] = float(name)
            except ValueError:
                return False
            return True
        return False

    def convert(self, row: dict[str, Any]) -> tuple[Exchange]:
        """Convert one row. Raises `BadRecordError`."""
        columns = self._for(tuple(row))
        exchange = Exchange()
        fill(exchange, row, columns.plan)
        self._fill_texts(exchange, row, columns.texts)
        self._fill_mapped(exchange, row)
        guarded = self._guarded(exchange, row) if columns.guarded else ()
        empty = exchange.messages is None and exchange.response is None and not guarded
        if empty and columns.texts.prompt not in row:
            raise BadRecordError("The record has neither a prompt nor a response.")
        exchange.events = (*exchange.events, *guarded)
        return (exchange,)

    def _guarded(self, exchange: Exchange, row: Mapping[str, Any]) -> list[Event]:
        """The guardrail results in the columns that the mapping leaves."""
        free = {
            key: parsed(value) if key in EVENT_KEYS else value
            for key, value in row.items()
            if key not in self._map.columns
        }
        texts = last_user_text(exchange.messages or []), exchange.response
        return events_of(free, bool(exchange.response), texts)

    def _fill_mapped(self, exchange: Exchange, row: Mapping[str, Any]) -> None:
        """Segments, outcomes, labels and layers that the user's mapping names."""
        texts = {name: segment_text(row.get(key)) for name, key in self._map.segments.items()}
        segments = {name: text for name, text in texts.items() if text is not None}
        if segments:
            exchange.segments = (exchange.segments or {}) | segments
        outcomes = [
            Outcome(kind, row[key])
            for kind, key in self._map.outcomes.items()
            if text_of(row.get(key)) is not None
        ]
        if outcomes:
            exchange.outcomes = (*exchange.outcomes, *outcomes)
        if self._map.labels:
            exchange.labels = [Label(name, row.get(key)) for name, key in self._map.labels.items()]
        layers = enumerate(self._map.layers.items())
        events = [self._event(row, name, layer, place) for place, (name, layer) in layers]
        if events:
            exchange.events = [event for event in events if event is not None]

    def _for(self, keys: tuple[str, ...]) -> _Columns:
        columns = self._columns.get(keys)
        if columns is None:
            if len(self._columns) >= _MAX_PLANS:
                self._columns.clear()
            columns = self._columns[keys] = self._plan(keys)
        return columns

    def _plan(self, keys: tuple[str, ...]) -> _Columns:
        mapped = self._map.fields
        texts = _Texts.of(keys, mapped)
        used = (texts.messages, texts.prompt, texts.context, texts.system, texts.response)
        names = (*used, *self._map.columns, *EVENT_KEYS, *taken_keys(keys))
        taken = [key for key in names if key]
        plan = plan_for(keys, taken, mapped)
        guarded = any(key in keys and key not in self._map.columns for key in EVENT_KEYS)
        return _Columns(texts, plan, guarded)

    def _fill_texts(self, exchange: Exchange, row: Mapping[str, Any], texts: _Texts) -> None:
        messages = _conversation(row.get(texts.messages)) if texts.messages else None
        if messages is None and texts.prompt is not None:
            messages = _prompt(row.get(texts.prompt), row.get(texts.context or ""))
        if messages and texts.system is not None and messages[0]["role"] != "system":
            system = part_text(row.get(texts.system))
            if system.strip():
                messages = [{"role": "system", "content": system}, *messages]
        response = None if texts.response is None else _response(row.get(texts.response))
        if messages and response is None and texts.response is None:
            messages, response = split(messages)
        exchange.messages, exchange.response = messages, response

    def _event(
        self, row: Mapping[str, Any], name: str, layer: LayerColumns, place: int
    ) -> Event | None:
        """What one mapped guard said of a row; None when its cells are blank."""

        def cell(column: str | None) -> Any:
            return None if column is None else row.get(column)

        action, score = cell(layer.action), cell(layer.score)
        fired = cell(layer.flag)
        if layer.equals is not None:
            fired = None if text_of(fired) is None else text_of(fired) == layer.equals
        elif action is None:
            action, fired = self._action(name, fired), None
        if text_of(score) is None and text_of(action) is None and text_of(fired) is None:
            return None
        return Event(
            name,
            place,
            cell(layer.stage),
            cell(layer.category),
            score,
            self._constants.get(layer.threshold or "", cell(layer.threshold)),
            fired,
            action,
            cell(layer.latency_ms),
        )

    def _action(self, name: str, value: Any) -> str | None:
        """What a verdict's word stands for; the first word in a column must be known."""
        try:
            action = action_of(value, f"layer.{name}")
        except BadRecordError as error:
            if name in self._understood:
                raise
            raise UserError(
                f"{str(error).rstrip('.')}.",
                f"Accepted words are: {', '.join(ACTION_WORDS)}. "
                f"Or name the value that means that it fired: layer.{name}=COLUMN==VALUE.",
            ) from None
        if action is not None:
            self._understood.add(name)
        return action


def _conversation(value: Any) -> list[dict[str, Any]] | None:
    value = parsed(value)
    if value is None or value == "" or value == []:
        return None
    if type(value) is str:
        return [{"role": "user", "content": value}]
    return conversation_of(value)


def _prompt(value: Any, context: Any) -> list[dict[str, Any]] | None:
    value = parsed(value) if type(value) is str and value.startswith("[{") else value
    if is_messages(value):
        return conversation_of(value)
    text = value if type(value) is str else None if text_of(value) is None else part_text(value)
    if text is None or not text.strip():
        return None
    if type(context) is str and context.strip():
        text = f"{text}\n\n{context}"
    return [{"role": "user", "content": text}]


def _response(value: Any) -> Any:
    if type(value) is str:
        return value
    if type(value) is bytes:
        return value.decode("utf-8", "replace")
    if is_messages(value):
        return split(conversation_of(value))[1]
    if type(value) is dict and ("content" in value or "text" in value):
        return part_text(value)
    return None if text_of(value) is None else json_text(value)
