"""A connection that was accepted, until it is known what it speaks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from actors.clock import Timer

from .connection import HELLO_TIMEOUT, Connection

if TYPE_CHECKING:
    from .transport import SocketTransport

__all__ = ["Accepted"]

MAX_HEAD = 65_536
"""Bytes of a first HTTP request that wait for its head to end."""


class Accepted(asyncio.Protocol):
    """A connection whose first byte is not here yet: it tells our protocol from HTTP.

    A frame's length begins with a byte far below the letters, an HTTP method with a letter.
    """

    def __init__(self, owner: SocketTransport) -> None:
        self.owner = owner
        self.transport: asyncio.Transport | None = None
        self._timer: Timer | None = None
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there; its first bytes are due within 10 s."""
        self.transport = cast("asyncio.Transport", transport)
        if self.owner.closing:
            # Its TLS handshake took until now.
            self.transport.abort()
            return
        self.owner.waiting.add(self)
        self._timer = self.owner.clock.call_at(
            self.owner.clock.monotonic() + HELLO_TIMEOUT, self.transport.abort
        )

    def _settle(self) -> None:
        self.owner.waiting.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Hand it to the protocol that its first bytes are of."""
        if self.transport is None or self.transport.is_closing():
            return
        data = self._head + data
        protocol: asyncio.Protocol
        is_http = data[:1].isalpha() and self.owner.http_factory is not None
        if is_http and _head_is_open(data):
            # The HTTP server knows no time limit for a head: until it is here, ours runs.
            self._head = data
            return
        self._settle()
        if is_http and self.owner.http_factory is not None:
            protocol = self.owner.http_factory()
        else:
            protocol = Connection(self.owner, None)
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        protocol.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended before it said anything."""
        self._settle()


def _head_is_open(data: bytes) -> bool:
    """Whether this is the beginning of an HTTP request whose head may still end."""
    if len(data) > MAX_HEAD or b"\r\n\r\n" in data or b"\n\n" in data:
        return False
    line, ended, _ = data.partition(b"\n")
    return not ended or b" HTTP/" in line
