"""Run a program on the fastest event loop there is, until it is told to end."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["run", "until_signalled"]

log = logging.getLogger("ostrom")

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T], *, debug: bool | None = None) -> T:
    """As `asyncio.run`, on uvloop where it is installed."""
    with asyncio.Runner(debug=debug, loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _loop_factory() -> Any:
    if sys.platform == "win32":
        return None
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def until_signalled(*numbers: signal.Signals) -> signal.Signals:
    """Return the first of these signals (SIGTERM or SIGINT if none is named): what surrounds it can end in order.

    In the main thread only.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[signal.Signals] = loop.create_future()

    def received(number: signal.Signals) -> None:
        if not future.done():
            future.set_result(number)

    numbers = numbers or (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, received, number)
    try:
        first = await future
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
    log.info("%s received, ending", first.name)
    return first
