"""Reading ahead: the next batch is parsed while the last one is being written."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

__all__ = ["read_ahead"]

T = TypeVar("T")

_POLL = 0.1  # seconds after which a waiting reader looks whether it is still wanted


class _End:
    """The last item of the queue: how the reader ended."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def read_ahead(source: Callable[[], Iterator[T]]) -> Iterator[T]:
    """The items of `source()`, produced in a thread that stays at most one item ahead.

    Parsing is Python and a database's insert is not, so that the two overlap. An error in the
    source is raised where its item would have come. When the caller stops early, the source is
    closed before this generator is.
    """
    items: queue.Queue[T | _End] = queue.Queue(maxsize=1)
    stopped = threading.Event()

    def put(item: T | _End) -> bool:
        while not stopped.is_set():
            try:
                items.put(item, timeout=_POLL)
            except queue.Full:
                continue
            return True
        return False

    def run() -> None:
        produced = source()
        try:
            for item in produced:
                if not put(item):
                    return
            put(_End(None))
        except BaseException as error:  # it is raised again in the caller's thread
            put(_End(error))
        finally:
            close = getattr(produced, "close", None)
            if close is not None:
                close()

    reader = threading.Thread(target=run, name="trueup-read-ahead", daemon=True)
    reader.start()
    try:
        while True:
            item = items.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stopped.set()
        reader.join()
