"""Questions that await their replies, and one timer for all their deadlines."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Generator
from typing import Any, Protocol

from .clock import Clock, Timer
from .errors import AskTimeoutError, PeerGoneError
from .upid import UPID, Address

__all__ = ["Asks"]

SLACK = 1024
"""Deadlines of answered asks that may stay in the heap before they are cleared out."""


class Waiter(Protocol):
    """What an ask ends: a future, or what stands for one."""

    def done(self) -> bool:
        """Whether it has ended."""

    def set_result(self, value: Any, /) -> None:
        """The reply is here."""

    def set_exception(self, error: Exception, /) -> None:
        """There is none, and why."""

    def __await__(self) -> Generator[Any, None, Any]:
        """Wait for that."""


Ask = tuple[Waiter, UPID, float, float]
"""The future, who was asked, the timeout and the deadline, in seconds."""


class Asks:
    """All open asks of one system.

    One timer serves all deadlines: a timer for each ask would cost more than the rest of the ask. Asks with the
    usual timeout end in the order in which they began, and need no heap either.
    """

    def __init__(self, clock: Clock, usual_timeout: float) -> None:
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._usual_timeout = usual_timeout
        self._usual: dict[int, Ask] = {}
        self._others: dict[int, Ask] = {}
        self._deadlines: list[tuple[float, int]] = []
        self._timer: Timer | None = None
        self._timer_at = 0.0
        self._last = 0

    def __len__(self) -> int:
        return len(self._usual) + len(self._others)

    def open(self, to: UPID, timeout: float | None, waiter: Waiter | None = None) -> tuple[int, Waiter]:
        """Number a new ask; its future ends by reply, failure, timeout (None: the usual), or cancellation.

        `waiter` takes the place of a future.
        """
        self._last = number = self._last + 1
        future: Waiter = self._loop.create_future() if waiter is None else waiter
        if timeout is None or timeout == self._usual_timeout:
            deadline = self._clock.monotonic() + self._usual_timeout
            self._usual[number] = (future, to, self._usual_timeout, deadline)
        else:
            deadline = self._clock.monotonic() + timeout
            self._others[number] = (future, to, timeout, deadline)
            if len(self._deadlines) > 2 * len(self._others) + SLACK:
                self._deadlines = [item for item in self._deadlines if item[1] in self._others]
                heapq.heapify(self._deadlines)
            heapq.heappush(self._deadlines, (deadline, number))
        if self._timer is None or deadline < self._timer_at:
            self._set_timer(deadline)
        return number, future

    def forget(self, number: int) -> None:
        """Stop waiting for the reply."""
        if self._usual.pop(number, None) is None:
            self._others.pop(number, None)

    def reply(self, number: int, value: Any, peer: Address | None) -> bool:
        """Deliver a reply that came from `peer` (None: from this system). False if nobody waits for it."""
        future = self._take(number, peer)
        if future is None:
            return False
        if not future.done():
            future.set_result(value)
        return True

    def fail(self, number: int, error: Exception, peer: Address | None) -> bool:
        """Deliver a failure in place of a reply."""
        future = self._take(number, peer)
        if future is None:
            return False
        if not future.done():
            future.set_exception(error)
        return True

    def _take(self, number: int, peer: Address | None) -> Waiter | None:
        asks = self._usual
        ask = asks.get(number)
        if ask is None:
            asks = self._others
            ask = asks.get(number)
        if ask is None or (peer is not None and peer != ask[1].address):
            return None
        del asks[number]
        return ask[0]

    def fail_peer(self, address: Address, reason: str) -> None:
        """The connection to that system broke: whoever waits for it hears it now."""
        for number, (_, to, _, _) in [*self._usual.items(), *self._others.items()]:
            if to.address == address:
                self.fail(number, PeerGoneError(f"{to}: {reason}"), None)

    def close(self) -> None:
        """Fail all that is open."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for number in [*self._usual, *self._others]:
            self.fail(number, PeerGoneError("the actor system was closed"), None)

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = when
        self._timer = self._clock.call_at(when, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        overdue: list[tuple[float, int]] = []
        following: list[float] = []
        for number, (_, _, _, deadline) in self._usual.items():
            if deadline > now:
                following.append(deadline)
                break
            overdue.append((deadline, number))
        deadlines = self._deadlines
        # Asks that were answered stay in the heap, for a while: cheaper than finding each.
        while deadlines and (deadlines[0][0] <= now or deadlines[0][1] not in self._others):
            overdue.append(heapq.heappop(deadlines))
        following += [deadline for deadline, _ in deadlines[:1]]
        for _, number in sorted(overdue):
            ask = self._usual.get(number) or self._others.get(number)
            if ask is not None:
                self.fail(number, AskTimeoutError(f"{ask[1]} did not reply within {ask[2]:g} s"), None)
        if following:
            self._set_timer(min(following))
