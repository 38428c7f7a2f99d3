"""Run what blocks in threads that never keep the process alive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import Any, TypeVar

__all__ = ["in_thread", "run_to_end"]

T = TypeVar("T")


async def in_thread(function: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """The function's result. When cancelled, the thread is left to end by itself.

    Python cannot end a thread; a daemon thread does not keep the process alive.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if found.done():
            return
        if error is not None:
            found.set_exception(error)
        else:
            found.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        try:
            result, error = function(*arguments, **named), None
        except BaseException as raised:
            result, error = None, raised
            if isinstance(raised, StopIteration) or not isinstance(raised, Exception):
                # No future holds these; SystemExit fails one question, not the run.
                error = RuntimeError(f"{type(raised).__name__}: {raised}")
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result, error)

    Thread(target=work, daemon=True).start()
    return await found


def run_to_end(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in a loop of its own, also where one is running already, as in a notebook.

    When the caller is interrupted, the coroutine is cancelled and waited for.
    """
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = Future()
    ended: Future[T] = Future()

    async def whole() -> T:
        task = asyncio.current_task()
        assert task is not None
        started.set_result((asyncio.get_running_loop(), task))
        return await main()

    def work() -> None:
        try:
            ended.set_result(asyncio.run(whole()))
        except BaseException as error:  # raised again by the caller
            ended.set_exception(error)

    thread = Thread(target=work, name="trueup-probe", daemon=True)
    thread.start()
    try:
        return ended.result()
    except BaseException:
        if not ended.done():
            loop, task = started.result()
            loop.call_soon_threadsafe(task.cancel)
            thread.join()
        raise
