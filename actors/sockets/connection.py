"""One connection that speaks our protocol."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, Protocol, cast

from actors.clock import Timer
from actors.upid import Address, format_address
from actors.wire import FrameSplitter, Hello, MalformedError, decode_envelopes, decode_hello

from .introduction import Introduction, introduce

if TYPE_CHECKING:
    from .peer import Peer
    from .transport import SocketTransport

__all__ = ["Batches", "Connection"]

HELLO_TIMEOUT = 10.0
MAX_HELLO = 4096
"""Bytes of a hello at most."""
KEEPALIVE = {
    socket.TCP_KEEPIDLE: 10,
    socket.TCP_KEEPINTVL: 5,
    socket.TCP_KEEPCNT: 4,
    socket.TCP_USER_TIMEOUT: 30_000,
}
"""A peer that is gone without a word, its machine off or the network cut, is found so within 30 s: when idle by four
heartbeats of the kernel's that are not answered, else by what was sent and not acknowledged (that one in ms). The
kernel's, as an event loop that is held up would let one of ours fail."""


class Batches(Protocol):
    """Is told when what one read brought comes, and when all of it was handed over: it need not wait a turn."""

    def begin_batch(self) -> bool:
        """It comes."""

    def end_batch(self, scheduled: bool) -> None:
        """It was all."""


class Connection(asyncio.Protocol):
    """One connection that speaks our protocol, from hello to end."""

    def __init__(
        self, owner: SocketTransport, dialled: Address | None, dialled_for: Peer | None = None
    ) -> None:
        self.owner = owner
        self.dialled = dialled
        self.dialled_for = dialled_for
        self.peer: Peer | None = None
        self.unconfirmed: Address | None = None
        self.greeted = False
        self.answered = False
        self.incarnation = ""
        self.paused = False
        self.closed = asyncio.get_running_loop().create_future()
        self.reason = "connection closed"
        self.transport: asyncio.Transport | None = None
        self._splitter = FrameSplitter(owner.max_frame, min(owner.max_frame, MAX_HELLO))
        self._timer: Timer | None = None

    def where(self) -> str:
        """The other end, for people."""
        if self.peer is not None:
            return format_address(self.peer.address)
        if self.dialled is not None:
            return format_address(self.dialled)
        name = self.transport.get_extra_info("peername") if self.transport is not None else None
        return str(name[0]) if name else "an unknown peer"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there; whoever dialled it says hello."""
        self.transport = cast("asyncio.Transport", transport)
        _set_keepalive(self.transport)
        self.owner.connections.add(self)
        self._timer = self.owner.clock.call_at(
            self.owner.clock.monotonic() + HELLO_TIMEOUT, self.abort, "no hello"
        )
        if self.dialled is not None:
            self.transport.write(self.owner.hello_frame())

    def data_received(self, data: bytes) -> None:
        """Take what one read brought."""
        batches = self.owner.batches
        scheduled = batches is not None and batches.begin_batch()
        try:
            self._take(data)
        finally:
            if batches is not None:
                batches.end_batch(scheduled)

    def _take(self, data: bytes) -> None:
        try:
            for payload in self._splitter.feed(data):
                if self.greeted:
                    envelopes = decode_envelopes(payload)
                    if self.unconfirmed is not None:
                        self.owner.confirmed(self)
                    if self.peer is not None:
                        self.owner.receiver.receive(self.peer.address, envelopes)
                else:
                    self._greet(decode_hello(payload))
                if self.transport is None or self.transport.is_closing():
                    return
        except MalformedError as error:
            self.owner.receiver.malformed(self.where(), str(error))
            self.abort(f"malformed: {error}")

    def _greet(self, hello: Hello) -> None:
        self.greeted = True
        self.incarnation = hello.incarnation
        if self._timer is not None:
            self._timer.cancel()
        if hello.incarnation == self.owner.incarnation:
            if self.dialled is None and self.transport is not None:
                # The end that dialled learns it in the same way. Anybody may say so: no credentials go there.
                self.transport.write(self.owner.hello_frame(refused="this system itself"))
                self.transport.close()
            else:
                self.abort("that is this system itself; use the address that it advertises")
            return
        if (hello.host, hello.port) == self.owner.address:
            # Whoever spoke as this system could answer its own asks.
            raise MalformedError("a hello with this system's own address")
        if hello.refused:
            self.abort(f"it refused this system: {hello.refused[:300]}")
            return
        if self.transport is not None:
            peer = introduce(hello, self.dialled, self.transport.get_extra_info)
            refusal = self.owner.refusal(peer)
            if refusal:
                self._refuse(refusal, peer)
                return
        self.owner.greeted(self, (hello.host, hello.port), hello.incarnation)

    def _refuse(self, reason: str, peer: Introduction) -> None:
        claim = f"it calls itself {format_address(peer.address)}"
        if peer.uid is not None:
            claim += f", and is user {peer.uid}"
        self.owner.receiver.refused(self.where(), f"{reason}; {claim}")
        if self.dialled is not None or self.transport is None:
            self.abort(f"this system refused it: {reason}")
        else:
            self.transport.write(self.owner.hello_frame(refused=reason))
            self.transport.close()

    def pause_writing(self) -> None:
        """The socket's buffers are full."""
        self.paused = True

    def resume_writing(self) -> None:
        """They have room again."""
        self.paused = False
        if self.peer is not None:
            self.peer.flush()
            self.peer.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        if self._timer is not None:
            self._timer.cancel()
        self.owner.connections.discard(self)
        if not self.closed.done():
            self.closed.set_result(None)
        if exc is not None:
            self.reason = str(exc) or type(exc).__name__
        self.owner.lost(self)

    def abort(self, reason: str) -> None:
        """Close at once; what was not sent is lost."""
        self.reason = reason
        if self.transport is not None:
            self.transport.abort()


def _set_keepalive(transport: Any) -> None:
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE.items():
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
