"""Work in threads, that a cancelled task does not leave behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, TypeVar

__all__ = ["Stop", "StoppedError", "Workers", "in_thread", "to_end"]

P = ParamSpec("P")
T = TypeVar("T")


class StoppedError(Exception):
    """Nobody waits any more for what this thread does."""


class Stop:
    """Tells a thread to stop: it checks between one piece of its work and the next."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """The next check raises."""
        self._event.set()

    def check(self) -> None:
        """StoppedError if it is to stop."""
        if self._event.is_set():
            raise StoppedError


class Workers:
    """Threads for long work: copying and extracting.

    They are not the loop's, which it needs for resolving names and for the short work of others.
    """

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, "fetching")

    async def run(self, function: Callable[Concatenate[Stop, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function returns. Cancelled, this ends when the function has stopped."""
        stop = Stop()
        work = self._pool.submit(function, stop, *args, **kwargs)
        future = asyncio.wrap_future(work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            stop.set()
            if not work.cancel():
                await _settled(future)
            raise

    def close(self) -> None:
        """Take no more work."""
        self._pool.shutdown(wait=False)


async def to_end(work: Coroutine[Any, Any, T]) -> T:
    """What the coroutine returns. Cancelled, this lets it come to its end first."""
    task = asyncio.get_running_loop().create_task(work)
    if await _settled(task):
        raise asyncio.CancelledError
    return task.result()


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a function returns that does a short piece of work. Cancelled, this lets it come to its end first."""
    return await to_end(asyncio.to_thread(function, *args, **kwargs))


async def _settled(future: asyncio.Future[Any]) -> bool:
    """Wait until it is done, whatever it came to. True if this was cancelled meanwhile."""
    cancelled = False
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            cancelled = True
    if not future.cancelled():
        future.exception()
    return cancelled
