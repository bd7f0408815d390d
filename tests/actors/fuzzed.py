"""A system that is fed bytes as if they came from a connection, and must be none the worse for any."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from actors import ActorSystem, FailurePolicy, PausedClock
from actors.sockets.connection import Connection

from .probes import Echo, Probe
from .strangers import frame, hello

SEEDS = [
    hello(),
    hello() + frame([]),
    hello() + frame([["probe", "x", 0, {"t": "Note", "text": "hello", "number": 5}]]),
    hello() + frame([["probe", "x", 7, {"t": "Echo", "text": "y", "payload": {"a": [1, 2.5, None, b"z"]}}]]),
    hello()
    + frame(
        [["probe", "x", 7, {"t": "Fail"}], ["nobody", "x", 8, {"t": "Nonsense"}], ["probe", "x", -1, None]]
    ),
    hello() + frame([["", "", 0, {"t": "$link", "watcher": "x", "target": "probe"}]]),
    hello() + frame([["", "", 0, {"t": "$unlink", "watcher": "x", "target": "probe"}]]),
    hello() + frame([["", "", 0, {"t": "$exited", "watcher": "probe", "target": "x", "reason": "normal"}]]),
    hello() + frame([["probe", "x", -1, {"t": "$failure", "kind": "noproc", "text": "none"}]]),
    hello() + frame([["probe", "x", 0, {"t": "Who", "upid": "a@host:1"}]]),
    hello() + hello(),
]
"""Streams that are sound, or nearly: what is worth changing a little."""


class Tough(Probe):
    failure_policy = FailurePolicy.RESUME


class Wire(asyncio.Transport):
    """Stands where the socket would be."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert data

    def abort(self) -> None:
        self.closed = True

    close = abort


class Target:
    """One system for many streams. `feed` raises whatever the system let out."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = PausedClock()
        self.errors: list[Any] = []
        self.loop.set_exception_handler(lambda _, context: self.errors.append(context))
        self.system = self.loop.run_until_complete(self._start())

    async def _start(self) -> ActorSystem:
        system = await ActorSystem(clock=self.clock).start()
        system.spawn(Tough(), "probe")
        return system

    def feed(self, chunks: Iterable[bytes]) -> None:
        """Be a connection that brings these bytes and is closed then, and let a second pass."""
        self.loop.run_until_complete(self._feed(chunks))
        self.clock.step_to(self.clock.monotonic() + 1)
        if self.errors:
            raise AssertionError(self.errors.pop())

    async def _feed(self, chunks: Iterable[bytes]) -> None:
        transport = self.system._transport
        connection, wire = Connection(transport, None), Wire()
        connection.connection_made(wire)
        for chunk in chunks:
            if wire.closed:
                break
            connection.data_received(chunk)
            await asyncio.sleep(0)
        connection.connection_lost(None)
        # It answers, and keeps nothing of the stranger.
        (probe,) = self.system.actors
        assert await self.system.ask(probe.upid, Echo("still here")) == Echo("still here")
        probe.notes.clear(), probe.senders.clear(), probe.exits.clear()
        assert transport.connections == set()
        assert transport._peers == {}
        assert not self.system._links.across(("127.0.0.1", 1))

    def close(self) -> None:
        self.loop.run_until_complete(self.system.close())
        self.loop.close()


def cut(data: bytes, sizes: bytes) -> list[bytes]:
    """The same bytes in pieces of these sizes, the last with all that is left."""
    pieces, start = [], 0
    for size in sizes:
        pieces.append(data[start : start + size + 1])
        start += size + 1
    return [piece for piece in (*pieces, data[start:]) if piece]
