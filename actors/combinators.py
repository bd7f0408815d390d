"""Futures together: all of them, the first of them, one after the other, so many a second."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from .clock import Clock

__all__ = ["RateLimiter", "Sequence", "collect", "first"]

T = TypeVar("T")


async def collect(*awaitables: Awaitable[T]) -> list[T]:
    """Await all; return their results in order. The first error ends the others and is raised.

    libprocess's `collect`.
    """
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        await _cancel(tasks)


async def first(*awaitables: Awaitable[T]) -> T:
    """Await the first to succeed, and end the others; raise the last error if none does. ValueError for none."""
    if not awaitables:
        raise ValueError("first: of nothing")
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        for done in asyncio.as_completed(tasks):
            try:
                return await done
            except Exception as error:  # noqa: BLE001 - another may succeed; the last is raised
                failure = error
        raise failure
    finally:
        await _cancel(tasks)


async def _cancel(tasks: Iterable[asyncio.Future[Any]]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Sequence:
    """Runs coroutine functions one after the other, in the order in which they were given (libprocess's Sequence)."""

    def __init__(self) -> None:
        self._last: asyncio.Future[None] | None = None

    async def run(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Call when all that was given before has ended, however it ended; return or raise what it does."""
        before, own = self._last, asyncio.get_running_loop().create_future()
        self._last = own
        try:
            if before is not None:
                await asyncio.shield(before)
            return await function(*args)
        finally:
            if before is None or before.done():
                own.set_result(None)
            else:
                # Cancelled while it waited: its place in the row is passed on, not given up.
                before.add_done_callback(lambda _: own.set_result(None))


class RateLimiter:
    """Lets `permits` through in any `seconds`, in order (libprocess's RateLimiter). `clock` is the actor system's."""

    def __init__(self, permits: int, seconds: float, clock: Clock) -> None:
        if permits < 1:
            raise ValueError(f"permits is {permits}, below 1")
        if not seconds > 0:
            raise ValueError(f"seconds is {seconds}, not above 0")
        self._permits = permits
        self._seconds = seconds
        self._clock = clock
        self._granted: deque[float] = deque(maxlen=permits)

    async def acquire(self) -> None:
        """Wait for a permit. One that is cancelled while it waits is used up."""
        now = self._clock.monotonic()
        at = now
        if len(self._granted) == self._permits:
            at = max(now, self._granted[0] + self._seconds)
        self._granted.append(at)
        if at > now:
            future = asyncio.get_running_loop().create_future()
            timer = self._clock.call_at(at, _resolve, future)
            try:
                await future
            finally:
                timer.cancel()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
