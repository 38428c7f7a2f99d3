"""Ask one question until there is an answer, or a reason for having none."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from trueup.errors import UserError
from trueup.guards.verdict import AttemptError
from trueup.probe.model import Question, Reply, Settings
from trueup.remote import FATAL_STATUS, LONGEST_WAIT_S, is_passing

__all__ = ["Asker", "Pace", "Remote", "Streak", "failure_of_status"]

GIVE_UP_AFTER = 20  # questions that have failed in a row, or as many as are in flight if more


class Remote(Protocol):
    """A model that is asked one question at a time, by several at once."""

    name: str
    where: str  # "the provider", or the server's address

    async def ask(self, question: Question) -> Reply:
        """One attempt. Raises `AttemptError`."""
        ...

    async def close(self) -> None: ...


class RefusedError(AttemptError):
    """A failure that every question would meet: the key or the model is wrong."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason, again=False)
        self.status = status


def failure_of_status(status: int, reason: str, wait_s: float | None = None) -> AttemptError:
    """What an HTTP status stands for."""
    if status in FATAL_STATUS:
        return RefusedError(status, reason)
    return AttemptError(reason, again=is_passing(status), wait_s=wait_s)


class Pace:
    """A token bucket: at most `rate` requests per minute, a second's worth of them at once."""

    def __init__(self, rate: float | None) -> None:
        self._interval = 60 / rate if rate else 0.0
        self._burst = max(0.0, 1.0 - self._interval)
        self._due = 0.0

    async def turn(self) -> None:
        """Wait for the next turn; turns are given in the order in which they were asked for."""
        if not self._interval:
            return
        now = time.monotonic()
        self._due = max(self._due, now - self._burst) + self._interval
        wait = self._due - self._interval - now
        if wait > 0:
            await asyncio.sleep(wait)


class Streak:
    """Counts failures in a row; after so many, to go on asking is pointless.

    answers: questions that did not fail.
    """

    def __init__(self, concurrency: int) -> None:
        self.answers = 0
        self._failed = 0
        self._limit = max(GIVE_UP_AFTER, concurrency)

    def note(self, reply: Reply) -> None:
        failed = reply.status == "error"
        self.answers += not failed
        self._failed = self._failed + 1 if failed else 0

    def given_up(self) -> Reply | None:
        """The reply to whatever comes next, when that is not asked any more."""
        if self._failed < self._limit:
            return None
        return Reply("error", reason=f"not asked: {self._limit} in a row had failed before")


class Asker:
    """Asks one model, and stops when that has become pointless."""

    def __init__(self, remote: Remote, settings: Settings, pace: Pace) -> None:
        self.remote = remote
        self._settings = settings
        self._pace = pace
        self._streak = Streak(settings.concurrency)

    async def ask(self, question: Question) -> Reply:
        """A reply, which may be an error. Raises `UserError` when no question can succeed."""
        over = self._streak.given_up()
        if over is not None:
            return over
        try:
            reply = await self._attempts(question)
        except RefusedError as error:
            if not self._streak.answers:
                raise _user_error(self.remote, error) from error
            reply = Reply("error", reason=error.reason)
        self._streak.note(reply)
        return reply

    async def _attempts(self, question: Question) -> Reply:
        attempts = self._settings.attempts
        for attempt in range(1, attempts + 1):
            await self._pace.turn()
            try:
                return await self._once(question)
            except RefusedError:
                raise
            except AttemptError as error:
                if not error.again or attempts == 1:
                    return Reply("error", reason=error.reason)
                if attempt == attempts:
                    return Reply("error", reason=f"{error.reason} ({attempts} attempts)")
                wait_s = self._wait(error, attempt)
            await asyncio.sleep(wait_s)
        raise AssertionError("attempts is at least 1")

    async def _once(self, question: Question) -> Reply:
        start = time.perf_counter()
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                reply = await self.remote.ask(question)
        except TimeoutError:
            raise AttemptError(f"timed out after {self._settings.timeout_s:g} s") from None
        spent = round(1000 * (time.perf_counter() - start), 3)
        return replace(reply, latency_ms=spent, at=datetime.now(UTC))

    def _wait(self, error: AttemptError, attempt: int) -> float:
        jitter = random.uniform(0.7, 1.3)
        if error.wait_s is not None:  # never earlier than the server asked, nor all at once
            return min(error.wait_s, LONGEST_WAIT_S) + 0.1 * jitter * bool(error.wait_s)
        return min(self._settings.backoff_s * 2 ** (attempt - 1), LONGEST_WAIT_S) * jitter


def _user_error(remote: Remote, error: RefusedError) -> UserError:
    if error.status == 404:
        return UserError(
            f"Model {remote.name!r} was not found at {remote.where} ({error.reason}).",
            "Check --model and --api-base (which usually ends in /v1).",
        )
    return UserError(
        f"Model {remote.name!r}: {remote.where} refused the key ({error.reason}).",
        "Set the provider's key, for instance OPENAI_API_KEY.",
    )
