"""Questions that await their replies, and one deadline queue for all of them."""

from __future__ import annotations

import asyncio
import heapq
from typing import Any

from .clock import Clock, Timer
from .errors import AskTimeoutError, PeerGoneError
from .upid import UPID, Address

__all__ = ["Asks"]

SLACK = 1024
"""Deadlines of answered asks that may stay in the queue before they are cleared out."""


class _Ask:
    __slots__ = ("future", "timeout", "to")

    def __init__(self, future: asyncio.Future[Any], to: UPID, timeout: float) -> None:
        self.future = future
        self.to = to
        self.timeout = timeout


class Asks:
    """All open asks of one system.

    One timer serves all deadlines: a timer for each ask would cost more than the rest of the ask.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[int, _Ask] = {}
        self._deadlines: list[tuple[float, int]] = []
        self._timer: Timer | None = None
        self._timer_at = 0.0
        self._last = 0

    def __len__(self) -> int:
        return len(self._open)

    def open(self, to: UPID, timeout: float) -> tuple[int, asyncio.Future[Any]]:
        """Number a new ask; its future ends by reply, failure, timeout, or cancellation."""
        self._last = number = self._last + 1
        future = asyncio.get_running_loop().create_future()
        self._open[number] = _Ask(future, to, timeout)
        if len(self._deadlines) > 2 * len(self._open) + SLACK:
            self._deadlines = [item for item in self._deadlines if item[1] in self._open]
            heapq.heapify(self._deadlines)
        deadline = self._clock.monotonic() + timeout
        heapq.heappush(self._deadlines, (deadline, number))
        if self._timer is None or deadline < self._timer_at:
            self._set_timer(deadline)
        return number, future

    def forget(self, number: int) -> None:
        """Stop waiting for the reply."""
        self._open.pop(number, None)

    def reply(self, number: int, value: Any, peer: Address | None) -> bool:
        """Deliver a reply that came from `peer` (None: from this system). False if nobody waits for it."""
        ask = self._open.get(number)
        if ask is None or (peer is not None and peer != ask.to.address):
            return False
        del self._open[number]
        if not ask.future.done():
            ask.future.set_result(value)
        return True

    def fail(self, number: int, error: Exception, peer: Address | None) -> bool:
        """Deliver a failure in place of a reply."""
        ask = self._open.get(number)
        if ask is None or (peer is not None and peer != ask.to.address):
            return False
        del self._open[number]
        if not ask.future.done():
            ask.future.set_exception(error)
        return True

    def fail_peer(self, address: Address, reason: str) -> None:
        """The connection to that system broke: whoever waits for it hears it now."""
        for number in [n for n, ask in self._open.items() if ask.to.address == address]:
            to = self._open[number].to
            self.fail(number, PeerGoneError(f"{to}: {reason}"), None)

    def close(self) -> None:
        """Fail all that is open."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for number in list(self._open):
            self.fail(number, PeerGoneError("the actor system was closed"), None)

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = when
        self._timer = self._clock.call_at(when, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        deadlines = self._deadlines
        # Asks that were answered stay in the queue, for a while: cheaper than finding each.
        while deadlines and (deadlines[0][0] <= now or deadlines[0][1] not in self._open):
            _, number = heapq.heappop(deadlines)
            ask = self._open.get(number)
            if ask is not None:
                self.fail(number, AskTimeoutError(f"{ask.to} did not reply within {ask.timeout:g} s"), None)
        if deadlines:
            self._set_timer(deadlines[0][0])
