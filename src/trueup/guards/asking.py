"""Ask a layer about a text: attempts, waits between them, and threads that never block the exit."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

from trueup.guards.model import Layer
from trueup.guards.verdict import AttemptError, Failure, Verdict, scores_of
from trueup.remote import LONGEST_WAIT_S

__all__ = ["Answer", "Pool", "timed"]

Answer = Callable[[str], Any]

BACKOFF_S = 0.5  # first wait for an endpoint; doubled each time


def timed(answer: Answer, text: str) -> Verdict:
    """One attempt. Raises `AttemptError`."""
    start = time.perf_counter()
    scores = scores_of(answer(text))
    return Verdict(scores, 1000 * (time.perf_counter() - start))


def _ask(
    answer: Answer, text: str, retries: int, backoff_s: float, stop: Event
) -> Verdict | Failure:
    """A verdict, or the reason for having none after the last attempt."""
    reason = ""
    for attempt in range(retries + 1):
        try:
            return timed(answer, text)
        except AttemptError as error:
            reason = error.reason
            if not error.again or attempt == retries:
                break
            wait = error.wait_s
            if wait is None:
                wait = backoff_s * 2**attempt * random.uniform(0.7, 1.3)
            if stop.wait(min(wait, LONGEST_WAIT_S)):
                break
    return Failure(reason)


class Pool:
    """The threads of one layer.

    Parameters
    ----------
    layer
        Says how many threads, and how often a text is tried.
    make
        Called in each thread for what that thread asks.
    done
        Takes (ticket, verdict, failure or exception) for every text submitted.
    waits
        Whether to wait between attempts, as for a server.

    They are daemon threads: one that hangs in a callable does not keep the process alive.
    """

    def __init__(
        self,
        layer: Layer,
        make: Callable[[], Answer],
        done: SimpleQueue[tuple[Any, Verdict | Failure | BaseException]],
        *,
        waits: bool,
    ) -> None:
        self._make = make
        self._done = done
        self._retries = layer.retries
        self._backoff_s = BACKOFF_S if waits else 0.0
        self._stop = Event()
        self._inbox: SimpleQueue[tuple[Any, str] | None] = SimpleQueue()
        self._size = layer.concurrency
        self._threads = 0

    def submit(self, ticket: Any, text: str) -> None:
        if self._threads < self._size:
            self._threads += 1
            Thread(target=self._work, daemon=True).start()
        self._inbox.put((ticket, text))

    def _work(self) -> None:
        answer = self._make()
        while (task := self._inbox.get()) is not None and not self._stop.is_set():
            ticket, text = task
            try:
                result: Verdict | Failure | BaseException = _ask(
                    answer, text, self._retries, self._backoff_s, self._stop
                )
            except BaseException as error:  # raised again by whoever waits for it
                result = error
            self._done.put((ticket, result))
        if hasattr(answer, "close"):
            answer.close()

    def close(self) -> None:
        """End waits and threads; what is being asked is left to end by itself."""
        self._stop.set()
        for _ in range(self._threads):
            self._inbox.put(None)
