"""Ask all questions: so many at once, kept as they come, nothing twice."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from trueup.errors import UserError
from trueup.guards.verdict import one_line
from trueup.probe.attempts import Asker, Pace, Streak
from trueup.probe.model import Progress, Question, Reply, Settings
from trueup.probe.replies import ReplyCache
from trueup.probe.targets import Local, Target
from trueup.probe.threads import in_thread

__all__ = ["Asked", "ask_all"]

_FLUSH_S = 0.1  # how long an answer may wait for its commit


@dataclass(frozen=True)
class Asked:
    """The reply to each question by its key; asked, cached: how many were and were not asked."""

    replies: dict[str, Reply]
    asked: int
    cached: int
    cost: float
    unpriced: int


async def ask_all(
    targets: Sequence[Target],
    questions: Sequence[Question],
    settings: Settings,
    cache_dir: Path,
    progress: Callable[[Progress], None] | None,
) -> Asked:
    """Ask what the cache does not know. Raises `UserError` when no question can succeed."""
    with ReplyCache(cache_dir) as cache:
        known = cache.get(question.key for question in questions)
        left = [question for question in questions if question.key not in known]
        keeper = _Keeper(cache, known, left, progress)
        try:
            await _ask_remote(targets, left, settings, keeper)
            for place, target in enumerate(targets):
                own = [question for question in left if question.model == place]
                if target.load is not None and own:
                    await _ask_local(target.load, own, keeper)
        finally:
            keeper.close()
        return Asked(known, len(left), len(questions) - len(left), keeper.cost, keeper.unpriced)


async def _ask_remote(
    targets: Sequence[Target], questions: Sequence[Question], settings: Settings, keeper: _Keeper
) -> None:
    """Several at once over all models; the first of each model first, to find a wrong key early."""
    pace = Pace(settings.rate)
    askers = {
        place: Asker(target.remote, target.settings, pace)
        for place, target in enumerate(targets)
        if target.remote is not None
    }
    queue = _first_of_each([question for question in questions if question.model in askers])

    async def work() -> None:
        while queue:
            question = queue.popleft()
            keeper.put(question, await askers[question.model].ask(question))

    workers = [asyncio.create_task(work()) for _ in range(min(settings.concurrency, len(queue)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        for asker in askers.values():
            await asker.remote.close()


def _first_of_each(questions: Sequence[Question]) -> deque[Question]:
    first: dict[int, Question] = {}
    for question in questions:
        first.setdefault(question.model, question)
    ahead = set(map(id, first.values()))
    return deque([*first.values(), *(q for q in questions if id(q) not in ahead)])


async def _ask_local(
    load: Callable[[], Local], questions: Sequence[Question], keeper: _Keeper
) -> None:
    model = await in_thread(load)
    streak = Streak(1)
    try:
        for start in range(0, len(questions), model.batch):
            chunk = questions[start : start + model.batch]
            over = streak.given_up()
            replies = [over] * len(chunk) if over else await _generated(model, chunk)
            for question, reply in zip(chunk, replies, strict=True):
                streak.note(reply)
                keeper.put(question, reply)
    finally:
        model.close()


async def _generated(model: Local, chunk: Sequence[Question]) -> list[Reply]:
    """The replies to a batch. When it fails, each question is tried by itself."""
    stop = Event()
    start = time.perf_counter()
    running = asyncio.ensure_future(in_thread(model.generate, chunk, stop))
    try:
        replies = await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.gather(running, return_exceptions=True)  # native code is not left running
        raise
    except Exception as error:  # out of memory, a template that refuses, …
        if len(chunk) > 1:
            return [(await _generated(model, [question]))[0] for question in chunk]
        return [Reply("error", reason=one_line(f"{type(error).__name__}: {error}"))]
    spent = round(1000 * (time.perf_counter() - start), 3)
    return [replace(reply, latency_ms=spent, at=datetime.now(UTC)) for reply in replies]


class _Keeper:
    """Takes replies in, commits them several times a second, and tells of what is committed."""

    def __init__(
        self,
        cache: ReplyCache,
        replies: dict[str, Reply],
        left: Sequence[Question],
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self._cache = cache
        self._replies = replies
        self._cached = len(replies)
        self._total = len(replies) + len(left)
        self._left = Counter(question.model for question in left)
        self._progress = progress
        self._pending: list[tuple[str, Reply]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._failure: UserError | None = None
        self._start = time.monotonic()
        self._errors = 0
        self._prices: dict[int, list[float]] = {}
        self.cost = 0.0
        self.unpriced = 0
        self._tell()

    def put(self, question: Question, reply: Reply) -> None:
        if self._failure is not None:
            raise self._failure
        self._replies[question.key] = reply
        self._pending.append((question.key, reply))
        self._left[question.model] -= 1
        self._errors += reply.status == "error"
        if reply.cost is not None:
            self.cost += reply.cost
            count_and_sum = self._prices.setdefault(question.model, [0, 0.0])
            count_and_sum[0] += 1
            count_and_sum[1] += reply.cost
        elif reply.status != "error":
            self.unpriced += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_S, self._flush_later)

    def close(self) -> None:
        """Commit the rest. Raises `UserError` when the cache cannot be written."""
        if self._timer is not None:
            self._timer.cancel()
        self._flush()

    def _flush_later(self) -> None:
        self._timer = None
        try:
            self._flush()
        except UserError as error:  # raised by whatever is put next
            self._failure = error

    def _flush(self) -> None:
        if not self._pending:
            return
        try:
            self._cache.put(self._pending)
        except sqlite3.Error as error:
            raise UserError(
                f"The cache cannot be written ({error}).", "Make room for it, then run again."
            ) from error
        self._pending.clear()
        self._tell()

    def _tell(self) -> None:
        if self._progress is None:
            return
        done = len(self._replies)
        asked, left = done - self._cached, self._total - done
        elapsed = time.monotonic() - self._start
        self._progress(
            Progress(
                done=done,
                total=self._total,
                cached=self._cached,
                errors=self._errors,
                seconds_left=elapsed / asked * left if asked else None,
                cost=self.cost,
                projected=self._projected(),
                unpriced=self.unpriced,
            )
        )

    def _projected(self) -> float | None:
        """Cost so far, and for what is left its model's mean; None when nothing has a price."""
        if not self._prices:
            return None
        means = {model: total / count for model, (count, total) in self._prices.items()}
        return self.cost + sum(mean * self._left[model] for model, mean in means.items())
