"""Another system, as one side of a connection sees it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from actors.upid import Address
from actors.wire import Envelope, encode_envelopes

from .connection import Connection

if TYPE_CHECKING:
    from .transport import SocketTransport

__all__ = ["Peer"]

MAX_QUEUED = 200_000


class Peer:
    """Another system: its connection, or the attempt at one, and what waits to be sent."""

    def __init__(self, owner: SocketTransport, address: Address) -> None:
        self.owner = owner
        self.address = address
        self.names = {address}
        self.incarnation = ""
        self.queue: list[Envelope] = []
        self.connection: Connection | None = None
        self.dialling: asyncio.Task[None] | None = None
        self.spare: tuple[Connection, Address] | None = None
        self.scheduled = False
        self.waiters: list[asyncio.Future[None]] = []

    def schedule(self) -> None:
        """Have what is queued written, at the end of this turn of the loop: all of it at once."""
        self.scheduled = True
        if self.owner.corked:
            self.owner.waiting_peers.append(self)
        else:
            self.owner.loop.call_soon(self.flush)

    def flush(self) -> None:
        """All that this turn of the loop sent, in one write."""
        self.scheduled = False
        connection = self.connection
        if connection is None or connection.transport is None or not self.queue:
            return
        if connection.paused:
            if len(self.queue) > MAX_QUEUED:
                connection.abort(f"it does not read: {len(self.queue)} messages wait for it")
            return
        envelopes, self.queue = self.queue, []
        frames, bad = encode_envelopes(envelopes, self.owner.max_frame)
        for envelope, reason in bad:
            self.owner.receiver.unencodable(self.address, envelope, reason)
        connection.transport.write(frames[0] if len(frames) == 1 else b"".join(frames))
        self.wake()

    @property
    def is_full(self) -> bool:
        """Something waits to be sent."""
        return bool(self.queue) or (self.connection is not None and self.connection.paused)

    def wake(self) -> None:
        """Tell those who waited that it is not full any more, if so."""
        if self.waiters and not self.is_full:
            waiters, self.waiters = self.waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
