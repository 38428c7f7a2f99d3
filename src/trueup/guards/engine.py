"""Score records with every layer of a stack, asking nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

from trueup.errors import UserError
from trueup.guards.asking import Answer, Pool, timed
from trueup.guards.cache import VerdictCache
from trueup.guards.endpoints import http_answer, moderation_answer, with_environment
from trueup.guards.local import (
    TimeLimited,
    load_callable,
    regex_answer,
    source_hash,
    words_answer,
)
from trueup.guards.model import Http, Layer, Moderation, Python, Regex, Stack
from trueup.guards.verdict import Failure, Verdict
from trueup.store.keyed import key_of

__all__ = ["Engine", "Record", "Result"]

_GIVE_UP_AFTER = 20  # texts, when a layer has failed on every one of them

Result = Verdict | Failure | None  # None: the record has no text for the layer's stage


@dataclass(frozen=True, slots=True)
class Record:
    """What the layers look at, and the slices that thresholds may depend on."""

    id: str
    prompt: str | None
    response: str | None
    segments: Mapping[str, str]

    def text(self, stage: str) -> str | None:
        """The text that a stage looks at; None when there is none."""
        return (self.prompt if stage == "input" else self.response) or None


class Engine:
    """A stack ready to run. Use as a context manager, from one thread.

    Opening it imports the callables and reads the environment, so that a mistake shows before any
    record is read. Raises `UserError`.
    """

    def __init__(self, stack: Stack, cache_dir: Path) -> None:
        self._done: SimpleQueue[tuple[Any, Verdict | Failure | BaseException]] = SimpleQueue()
        self._layers = [_open(layer, self._done) for layer in stack.layers]
        self._cache = VerdictCache(cache_dir)

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for opened in self._layers:
            if isinstance(opened, _Asked):
                opened.pool.close()
        self._cache.__exit__(kind, error, trace)

    def score(
        self, records: Sequence[Record], settled: Callable[[int], None] | None = None
    ) -> list[list[Result]]:
        """What each layer says of each record: all layers score every record.

        settled: called with the number of answers that have come since the last call.
        Raises `UserError` when a layer cannot succeed on any text.
        """
        settled = settled or (lambda count: None)
        results: list[list[Result]] = [[None] * len(self._layers) for _ in records]
        waiting = 0
        for place, opened in enumerate(self._layers):
            answered = len(records)
            for text, rows in _by_text(records, opened.layer.stage).items():
                known = self._known(opened, text)
                if known is None and isinstance(opened, _Asked):
                    opened.pool.submit((place, text, rows), text)
                    waiting += 1
                    answered -= len(rows)
                for row in rows:
                    results[row][place] = known
            settled(answered)
        while waiting:
            landed = self._landed()
            waiting -= len(landed)
            for (place, _, rows), result in landed:
                for row in rows:
                    results[row][place] = result
                settled(len(rows))
        return results

    def _known(self, opened: _Local | _Asked, text: str) -> Verdict | None:
        if isinstance(opened, _Local):
            return timed(opened.answer, text)
        return self._cache.get(opened.key(text))

    def _landed(self) -> list[tuple[tuple[int, str, list[int]], Verdict | Failure]]:
        """The answers that have come, at least one; verdicts are kept before anything else."""
        found = [self._done.get()]
        try:
            while True:
                found.append(self._done.get_nowait())
        except Empty:
            pass
        verdicts = [
            (self._asked(place).key(text), result)
            for (place, text, _), result in found
            if isinstance(result, Verdict)
        ]
        self._cache.put(verdicts)
        landed = []
        for ticket, result in found:
            if isinstance(result, BaseException):
                raise result
            self._asked(ticket[0]).note(result)
            landed.append((ticket, result))
        return landed

    def _asked(self, place: int) -> _Asked:
        opened = self._layers[place]
        assert isinstance(opened, _Asked)
        return opened


@dataclass(frozen=True)
class _Local:
    """A layer that answers at once and cannot fail."""

    layer: Layer
    answer: Answer


class _Asked:
    """A layer that is asked by threads, and may fail."""

    def __init__(self, layer: Layer, identity: tuple[object, ...], pool: Pool) -> None:
        self.layer = layer
        self.pool = pool
        self._identity = identity
        self._calls = 0
        self._failures: Counter[str] | None = Counter()

    def key(self, text: str) -> str:
        # Thresholds are no part of it: a new one needs no new verdict.
        return key_of(self._identity, self.layer.stated_version, self.layer.stage, text)

    def note(self, result: Verdict | Failure) -> None:
        """Raise `UserError` when every one of the first texts failed."""
        if self._failures is None:
            return
        if isinstance(result, Verdict):
            self._failures = None
            return
        self._failures[result.reason] += 1
        if self._failures.total() >= _GIVE_UP_AFTER:
            reason = self._failures.most_common(1)[0][0]
            raise UserError(
                f"Layer '{self.layer.name}' failed on each of its first {_GIVE_UP_AFTER} texts: "
                f"{reason}.",
                "Correct the layer; what the others scored is kept.",
            )


def _open(
    layer: Layer, done: SimpleQueue[tuple[Any, Verdict | Failure | BaseException]]
) -> _Local | _Asked:
    """A layer ready to answer, and for the cache all that its verdicts depend on."""
    kind = layer.kind
    if isinstance(kind, Python):
        function = load_callable(kind.target, f"Layer '{layer.name}' needs")
        identity: tuple[object, ...] = ("python", kind.target, source_hash(function))
        pool = Pool(layer, lambda: TimeLimited(function, layer.timeout_s), done, waits=False)
        return _Asked(layer, identity, pool)
    if isinstance(kind, Http):
        ask = http_answer(layer, kind)
        url = with_environment(kind.url, layer.name)
        identity = ("http", url, kind.headers, kind.body, kind.score, kind.category)
        return _Asked(layer, identity, Pool(layer, lambda: ask, done, waits=True))
    if isinstance(kind, Moderation):
        moderate = moderation_answer(layer, kind)
        identity = ("moderation", kind.model, kind.api_base)
        return _Asked(layer, identity, Pool(layer, lambda: moderate, done, waits=True))
    return _Local(layer, regex_answer(kind) if isinstance(kind, Regex) else words_answer(kind))


def _by_text(records: Sequence[Record], stage: str) -> dict[str, list[int]]:
    """Row numbers by text: a text that comes twice is asked about once."""
    rows: dict[str, list[int]] = {}
    for row, record in enumerate(records):
        text = record.text(stage)
        if text is not None:
            rows.setdefault(text, []).append(row)
    return rows
