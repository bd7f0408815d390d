"""Helpers for tests: let the actors work until nothing is left to do, move paused time, stop messages on their way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from .clock import PausedClock
from .mailbox import Item
from .message import Message
from .system import ActorSystem
from .upid import UPID

__all__ = ["Interception", "advance", "intercept", "settle"]

QUIET_TURNS = 8
"""Turns of the loop without work until it counts as quiet: a task that resumes takes up to three."""
M = TypeVar("M", bound=Message)


async def settle(*systems: ActorSystem) -> None:
    """Return when no actor of these systems has anything left to do that needs no time and no outside.

    For systems that speak in-process; what travels through real sockets cannot be known from here.
    """
    quiet = 0
    while quiet < QUIET_TURNS:
        await asyncio.sleep(0)
        quiet = quiet + 1 if all(system.idle for system in systems) else 0


async def advance(clock: PausedClock, seconds: float, *systems: ActorSystem) -> None:
    """Move the clock on by `seconds`, from timer to timer, and settle the systems after each."""
    end = clock.monotonic() + seconds
    await settle(*systems)
    while (due := clock.next_timer()) is not None and due <= end:
        clock.step_to(max(due, clock.monotonic()))
        await settle(*systems)
    clock.step_to(end)
    await settle(*systems)


class _Rule:
    """What is done with messages of one type; `times` is how often still, None: always."""

    def __init__(
        self, type_: type[Message], sender: UPID | None, times: int | None, act: Callable[[Item], Item | None]
    ) -> None:
        self.type = type_
        self.sender = sender
        self.times = times
        self.act = act

    def matches(self, item: Item) -> bool:
        """Whether it is for this message."""
        if self.times == 0 or not isinstance(item[0], self.type):
            return False
        return self.sender is None or self.sender == item[1]


class Interception:
    """Stops the messages for one actor before its mailbox, as `intercept` says: libprocess's FUTURE, DROP and so on.

    Every method can be limited to one sender with `sender`, and to so many messages with `times`. The rule that was
    made first is tried first; a message is done with by one rule.
    """

    def __init__(self, system: ActorSystem, to: UPID) -> None:
        self._system = system
        self._to = to
        self._rules: list[_Rule] = []
        self._waiting: list[tuple[type[Message], UPID | None, asyncio.Future[Any]]] = []
        self._passing: Any = None
        self.seen: list[Message] = []
        """All that came, dropped or not, in order."""

    async def next(self, type_: type[M], *, sender: UPID | None = None, timeout: float = 5.0) -> M:
        """Await the next message of a type, from now on. It goes its way, unless a rule says otherwise.

        TimeoutError, with what came instead, after so many seconds of the event loop: paused time may stand still.
        """
        future: asyncio.Future[M] = asyncio.get_running_loop().create_future()
        self._waiting.append((type_, sender, future))
        try:
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError as error:
            seen = ", ".join(type(message).__name__ for message in self.seen[-20:]) or "nothing"
            raise TimeoutError(
                f"no {type_.__name__} came for {self._to.id} within {timeout:g} s; seen: {seen}"
            ) from error

    def drop(self, type_: type[Message], *, sender: UPID | None = None, times: int | None = 1) -> None:
        """Lose messages of a type, the next one or `times` (None: all). Who asks runs into its time limit."""
        self._rules.append(_Rule(type_, sender, times, lambda _: None))

    def alter(
        self,
        type_: type[M],
        change: Callable[[M], Message],
        *,
        sender: UPID | None = None,
        times: int | None = 1,
    ) -> None:
        """Put another message in the place of the next."""
        self._rules.append(_Rule(type_, sender, times, lambda item: (change(item[0]), item[1], item[2])))

    def delay(
        self, type_: type[Message], seconds: float, *, sender: UPID | None = None, times: int | None = 1
    ) -> None:
        """Let the next message arrive later, by the system's clock; what comes after it overtakes it."""

        def later(item: Item) -> None:
            clock = self._system.clock
            clock.call_at(clock.monotonic() + seconds, self._arrive, item)

        self._rules.append(_Rule(type_, sender, times, later))

    def _arrive(self, item: Item) -> None:
        self._passing = item
        self._system.deliver(self._to, item)
        self._passing = None

    def _watch(self, item: Item) -> Item | None:
        message, sender, _ = item
        if item is self._passing or not isinstance(message, Message):
            return item
        self.seen.append(message)
        for waiting in self._waiting:
            type_, from_, future = waiting
            if isinstance(message, type_) and from_ in (None, sender) and not future.done():
                future.set_result(message)
                self._waiting.remove(waiting)
                break
        for rule in self._rules:
            if rule.matches(item):
                if rule.times is not None:
                    rule.times -= 1
                return rule.act(item)
        return item


@contextmanager
def intercept(system: ActorSystem, to: UPID) -> Iterator[Interception]:
    """Stop the messages for a local actor on their way, as long as the context lasts. KeyError if it is not there.

    >>> async def test(system: ActorSystem, master: UPID, agent: UPID) -> None:
    ...     with intercept(system, master) as post:
    ...         post.drop(Register)
    ...         system.send(agent, Start())
    ...         await post.next(Register)
    """
    interception = Interception(system, to)
    system.watch_mailbox(to, interception._watch)
    try:
        yield interception
    finally:
        if system.hosts(to):
            system.watch_mailbox(to, None)
