"""Names the handler that blocks the event loop, while it blocks it."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Self

from .actor import Actor

__all__ = ["Blocked", "Watchdog"]

log = logging.getLogger("ostrom.actors.watchdog")


@dataclass(frozen=True, slots=True)
class Blocked:
    """What a watchdog saw. `upid` and `handler` are empty when it is no actor's doing; `stack` is what runs."""

    seconds: float
    upid: str
    handler: str
    stack: str


class Watchdog:
    """Watches the loop that it is started on, from a thread of its own: it costs the actors nothing.

    When the loop has not had a turn for `threshold` seconds, `report` is called, in that thread, once until the loop
    goes on: by default a warning is logged, with the actor, its method, and the line of code that it is at.

    >>> async def main() -> None:
    ...     async with ActorSystem() as system, Watchdog(threshold=0.5):
    ...         ...
    """

    def __init__(self, threshold: float = 1.0, report: Callable[[Blocked], object] | None = None) -> None:
        if not threshold > 0:
            raise ValueError(f"threshold is {threshold}, not above 0")
        self.threshold = threshold
        self._report = report or _log
        self._beat = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._ident = threading.get_ident()
        self._tick()
        self._thread = threading.Thread(target=self._watch, name="ostrom-watchdog", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _tick(self) -> None:
        self._beat = time.monotonic()
        self._timer = self._loop.call_later(self.threshold / 4, self._tick)

    def _watch(self) -> None:
        reported = 0.0
        while not self._stop.wait(self.threshold / 4):
            beat = self._beat
            seconds = time.monotonic() - beat
            if seconds > self.threshold and beat != reported:
                reported = beat
                frame = sys._current_frames().get(self._ident)
                if frame is not None:
                    self._report(look(frame, seconds))


def look(frame: FrameType, seconds: float) -> Blocked:
    """Find the actor's method in the frames of a thread: the outermost whose `self` is an actor."""
    stack = "".join(traceback.format_stack(frame))
    upid = handler = ""
    inner: FrameType | None = frame
    while inner is not None:
        owner = inner.f_locals.get("self")
        if isinstance(owner, Actor):
            upid, handler = str(owner.upid), inner.f_code.co_qualname
        inner = inner.f_back
    return Blocked(seconds, upid, handler, stack)


def _log(blocked: Blocked) -> None:
    log.warning(
        "the event loop is blocked for %.1f s by %s\n%s",
        blocked.seconds,
        f"{blocked.upid} in {blocked.handler}" if blocked.upid else "what is no actor",
        blocked.stack,
    )
