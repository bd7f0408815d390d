"""The actors and messages that are measured."""

from __future__ import annotations

import asyncio
from typing import Any

from actors import UPID, Actor, Message, handles

__all__ = [
    "STATUS",
    "Asker",
    "Count",
    "Counter",
    "Flood",
    "Flooder",
    "Go",
    "Hop",
    "Ring",
    "Sender",
    "Status",
    "Total",
    "Watcher",
]


class Status(Message, tag="bench.Status"):
    """About 100 bytes on the wire, such as a cluster sends most."""

    task_id: str
    agent_id: str
    state: str
    timestamp: float
    number: int


STATUS: dict[str, Any] = {
    "task_id": "task-000123",
    "agent_id": "675f2187-A1",
    "state": "TASK_RUNNING",
    "timestamp": 1763700000.25,
    "number": 7,
}


class Count(Message, tag="bench.Count"):
    """Asks how many came."""


class Total(Message, tag="bench.Total"):
    """How many came."""

    count: int


class Hop(Message, tag="bench.Hop"):
    """Hops left."""

    left: int


class Go(Message, tag="bench.Go"):
    """Has a sender send."""

    messages: int


class Counter(Actor):
    """Counts."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    @handles(Status)
    def status(self, _message: Status) -> None:
        """Count one."""
        self.count += 1

    @handles(Count)
    def total(self, _message: Count) -> Total:
        """Tell."""
        return Total(self.count)


class Ring(Actor):
    """Hands a hop on until none is left."""

    __slots__ = ("done", "next")

    def __init__(self) -> None:
        self.next: UPID | None = None
        self.done: asyncio.Future[None] | None = None

    @handles(Hop)
    def hop(self, message: Hop) -> None:
        """Pass it on."""
        if message.left and self.next is not None:
            self.send(self.next, Hop(message.left - 1))
        elif self.done is not None:
            self.done.set_result(None)


class Sender(Actor):
    """One of many that send to one."""

    def __init__(self, to: UPID, message: Status) -> None:
        self.to = to
        self.message = message

    @handles(Go)
    def go(self, message: Go) -> None:
        """Send so many."""
        for _ in range(message.messages):
            self.send(self.to, self.message)


class Flood(Message, tag="bench.Flood"):
    """Has a flooder send to an actor, for ever."""

    to: UPID


class Flooder(Actor):
    """Sends a hundred messages a millisecond, whether they are read or not."""

    def __init__(self, message: Status) -> None:
        self.message = message

    @handles(Flood)
    def flood(self, message: Flood) -> None:
        """Begin."""
        self.every(0.001, self.burst, message.to)

    def burst(self, to: UPID) -> None:
        """Send some."""
        for _ in range(100):
            self.send(to, self.message)


class Watcher(Actor):
    """Is linked to another."""


class Asker(Actor):
    """Asks another, one question after the other."""

    def __init__(self, to: UPID) -> None:
        self.to = to

    @handles(Go, parked=True)
    async def go(self, message: Go) -> None:
        """Ask so many."""
        for _ in range(message.messages):
            await self.ask(self.to, Count())
