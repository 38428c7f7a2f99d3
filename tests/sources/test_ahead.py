"""Reading ahead in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from trueup.errors import UserError
from trueup.sources.ahead import read_ahead


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "trueup-read-ahead"]


def test_items_come_in_order() -> None:
    assert list(read_ahead(lambda: iter(range(1000)))) == list(range(1000))
    assert not readers()


def test_it_stays_at_most_two_items_ahead() -> None:
    """One waits in the queue, one is in the reader's hand."""
    produced: list[int] = []

    def source() -> Iterator[int]:
        for number in range(100):
            produced.append(number)
            yield number

    items = read_ahead(source)
    assert next(items) == 0
    time.sleep(0.3)
    assert len(produced) == 3
    items.close()  # type: ignore[attr-defined]


def test_production_and_use_overlap() -> None:
    busy = threading.Event()
    overlapped = []

    def source() -> Iterator[int]:
        for number in range(5):
            overlapped.append(busy.wait(5) if number else False)
            yield number

    for _ in read_ahead(source):
        busy.set()
    assert overlapped == [False, True, True, True, True]


def test_errors_come_where_the_item_would_have() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise UserError("It broke.", "Mend it.")

    items = read_ahead(source)
    assert next(items) == 1
    with pytest.raises(UserError, match="It broke"):
        next(items)
    assert not readers()


def test_stopping_early_closes_the_source() -> None:
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    items = read_ahead(source)
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert closed.is_set()
    assert not readers()
