"""Messages over TCP: one port for a system, one connection for each pair of systems, HTTP beside them.

A connection opens with a `Hello` each way. Whoever connects sends its messages only after the other's hello,
so that when two systems connect to each other at once one connection can be given up before anything was
sent on it: the one made by the lower address stays. Whoever connected confirms with an empty list that it
keeps the connection: it may find by the hello that it is connected already, under another name of the peer.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable
from typing import Any, Protocol, cast

from .clock import Clock, Timer
from .transport import Receiver
from .upid import Address, format_address
from .wire import (
    DEFAULT_MAX_FRAME,
    PROTOCOL_VERSION,
    Envelope,
    FrameSplitter,
    Hello,
    MalformedError,
    decode_envelopes,
    decode_hello,
    encode_envelopes,
    encode_hello,
)

__all__ = ["TcpTransport"]

log = logging.getLogger("ostrom.actors.tcp")

HELLO_TIMEOUT = 10.0
MAX_HELLO = 4096
"""Bytes of a hello at most."""
MAX_HEAD = 65_536
"""Bytes of a first HTTP request that wait for its head to end."""
MAX_QUEUED = 200_000
CLOSE_TIMEOUT = 5.0
KEEPALIVE = {
    socket.TCP_KEEPIDLE: 10,
    socket.TCP_KEEPINTVL: 5,
    socket.TCP_KEEPCNT: 4,
    socket.TCP_USER_TIMEOUT: 30_000,
}
"""A peer that is gone without a word, its machine off or the network cut, is found so within 30 s: when idle by four
heartbeats of the kernel's that are not answered, else by what was sent and not acknowledged (that one in ms). The
kernel's, as an event loop that is held up would let one of ours fail."""
CONNECT_BEFORE_CLOSE = 2.0
"""Seconds that a closing system waits for connections that it is making, if something waits to be sent."""
CONFIRM = encode_envelopes([], DEFAULT_MAX_FRAME)[0][0]


class Batches(Protocol):
    """Is told when what one read brought comes, and when all of it was handed over: it need not wait a turn."""

    def begin_batch(self) -> bool:
        """It comes."""

    def end_batch(self, scheduled: bool) -> None:
        """It was all."""


class _Connection(asyncio.Protocol):
    """One TCP connection that speaks our protocol, from hello to end."""

    def __init__(
        self, owner: TcpTransport, dialled: Address | None, dialled_for: _Peer | None = None
    ) -> None:
        self.owner = owner
        self.dialled = dialled
        self.dialled_for = dialled_for
        self.peer: _Peer | None = None
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
        self.transport = cast("asyncio.Transport", transport)
        _set_keepalive(self.transport)
        self.owner.connections.add(self)
        self._timer = self.owner.clock.call_at(
            self.owner.clock.monotonic() + HELLO_TIMEOUT, self.abort, "no hello"
        )
        if self.dialled is not None:
            self.transport.write(self.owner.hello_frame())

    def data_received(self, data: bytes) -> None:
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
                # The end that dialled learns it in the same way.
                self.transport.write(self.owner.hello_frame())
                self.transport.close()
            else:
                self.abort("that is this system itself; use the address that it advertises")
            return
        if (hello.host, hello.port) == self.owner.address:
            # Whoever spoke as this system could answer its own asks.
            raise MalformedError("a hello with this system's own address")
        self.owner.greeted(self, (hello.host, hello.port), hello.incarnation)

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        if self.peer is not None:
            self.peer.flush()
            self.peer.wake()

    def connection_lost(self, exc: Exception | None) -> None:
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


class _Peer:
    """Another system: its connection, or the attempt at one, and what waits to be sent."""

    def __init__(self, owner: TcpTransport, address: Address) -> None:
        self.owner = owner
        self.address = address
        self.names = {address}
        self.incarnation = ""
        self.queue: list[Envelope] = []
        self.connection: _Connection | None = None
        self.dialling: asyncio.Task[None] | None = None
        self.spare: tuple[_Connection, Address] | None = None
        self.scheduled = False
        self.waiters: list[asyncio.Future[None]] = []

    def send(self, envelope: Envelope) -> None:
        self.queue.append(envelope)
        if not self.scheduled:
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


class _Accepted(asyncio.Protocol):
    """A connection whose first byte is not here yet: it tells our protocol from HTTP.

    A frame's length begins with a byte far below the letters, an HTTP method with a letter.
    """

    def __init__(self, owner: TcpTransport) -> None:
        self.owner = owner
        self.transport: asyncio.Transport | None = None
        self._timer: Timer | None = None
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.owner.waiting.add(self)
        self._timer = self.owner.clock.call_at(
            self.owner.clock.monotonic() + HELLO_TIMEOUT, self.transport.abort
        )

    def _settle(self) -> None:
        self.owner.waiting.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
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
            protocol = _Connection(self.owner, None)
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        protocol.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle()


def _head_is_open(data: bytes) -> bool:
    """Whether this is the beginning of an HTTP request whose head may still end."""
    if len(data) > MAX_HEAD or b"\r\n\r\n" in data or b"\n\n" in data:
        return False
    line, ended, _ = data.partition(b"\n")
    return not ended or b" HTTP/" in line


class TcpTransport:
    """The TCP transport of one system.

    `host` and `port` are bound (port 0: any free one); `advertise` is what other systems are told, where it
    differs. `http_factory` makes an HTTP protocol for connections that begin as HTTP.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        clock: Clock,
        incarnation: str,
        advertise: str | None = None,
        http_factory: Callable[[], asyncio.Protocol] | None = None,
        max_frame: int = DEFAULT_MAX_FRAME,
    ) -> None:
        self.clock = clock
        self.incarnation = incarnation
        self.http_factory = http_factory
        self.max_frame = max_frame
        self.loop = asyncio.get_running_loop()
        self.connections: set[_Connection] = set()
        self.waiting: set[_Accepted] = set()
        self.corked = False
        self.waiting_peers: list[_Peer] = []
        self.batches: Batches | None = None
        self.receiver: Receiver
        self._bind = (host, port)
        self._advertise = advertise
        self._address: Address = (advertise or host, port)
        self._server: asyncio.Server | None = None
        self._peers: dict[Address, _Peer] = {}
        self._closing = False
        self._settled = asyncio.Event()

    async def start(self, receiver: Receiver) -> Address:
        """Bind and listen. OSError if the port is taken."""
        self.receiver = receiver
        host, port = self._bind
        self._server = await self.loop.create_server(lambda: _Accepted(self), host, port, backlog=4096)
        port = self._server.sockets[0].getsockname()[1]
        if self._advertise is None and host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not bound
            host = socket.gethostname()
        self._address = (self._advertise or host, port)
        return self._address

    def uncork(self) -> None:
        """Write what was sent while `corked` was set, one write for each peer."""
        peers, self.waiting_peers = self.waiting_peers, []
        for peer in peers:
            peer.flush()

    @property
    def address(self) -> Address:
        """The address that other systems are told."""
        return self._address

    def hello_frame(self) -> bytes:
        """This system's hello."""
        return encode_hello(Hello(PROTOCOL_VERSION, *self._address, self.incarnation))

    def send(self, peer: Address, envelope: Envelope) -> None:
        """Queue; connect if there is no connection yet."""
        known = self._peers.get(peer)
        if known is None:
            if self._closing:
                self.receiver.undeliverable(peer, envelope, "the system is closing")
                return
            known = self._peers[peer] = _Peer(self, peer)
            known.dialling = self.loop.create_task(self._dial(known, peer))
        known.send(envelope)

    async def _dial(self, peer: _Peer, address: Address) -> None:
        try:
            async with asyncio.timeout(HELLO_TIMEOUT):
                await self.loop.create_connection(lambda: _Connection(self, address, peer), *address)
        except TimeoutError:
            self._dial_failed(peer, "connecting timed out")
        except (OSError, ValueError, OverflowError) as error:
            # ValueError, OverflowError: what can be no host name, no port.
            if _refused(error):
                self._dial_failed(peer, "connection refused: nobody listens there", nobody=True)
            else:
                self._dial_failed(peer, str(error) or type(error).__name__)

    def _dial_failed(self, peer: _Peer, reason: str, *, nobody: bool = False) -> None:
        peer.dialling = None
        if peer.spare is not None:
            connection, address = peer.spare
            self._adopt(peer, connection, address)
        elif peer.connection is None:
            self._drop(peer, reason, nobody=nobody)

    def greeted(self, connection: _Connection, address: Address, incarnation: str) -> None:
        """The other end of a connection said who it is."""
        if connection.dialled is not None:
            peer = self._peers.get(connection.dialled)
            if peer is None or peer.connection is not None or peer is not connection.dialled_for:
                connection.abort("another connection was kept")
                return
            other = self._peers.get(address)
            if other is not None and other is not peer:
                # Dialled by another name, and connected already: one connection is enough.
                other.names.add(connection.dialled)
                self._peers[connection.dialled] = other
                other.queue.extend(peer.queue)
                peer.queue.clear()
                peer.wake()
                connection.abort("connected already")
                if other.connection is not None:
                    other.flush()
                return
            self._adopt(peer, connection, address)
            return
        peer = self._peers.get(address)
        if peer is None:
            peer = self._peers[address] = _Peer(self, address)
        elif peer.connection is not None:
            connection.unconfirmed = address
            if peer.incarnation == incarnation:
                if connection.transport is not None:
                    connection.answered = True
                    connection.transport.write(self.hello_frame())
            else:
                self.confirmed(connection)
            return
        elif peer.dialling is not None and self._address < address:
            if peer.spare is not None:
                peer.spare[0].abort("the peer connected anew")
            peer.spare = (connection, address)
            return
        self._adopt(peer, connection, address)

    def confirmed(self, connection: _Connection) -> None:
        """The peer keeps this connection, so it knows no more of the one we have: that one is dead."""
        address, connection.unconfirmed = connection.unconfirmed, None
        if address is None:
            return
        peer = self._peers.get(address)
        if peer is not None and peer.connection is not None:
            peer.connection.abort("the peer connected anew")
            self._drop(peer, "the peer connected anew")
            peer = None
        if peer is None:
            peer = self._peers[address] = _Peer(self, address)
        self._adopt(peer, connection, address)

    def _adopt(self, peer: _Peer, connection: _Connection, address: Address) -> None:
        dialling, peer.dialling = peer.dialling, None
        if connection.dialled is None:
            if dialling is not None:
                dialling.cancel()
            if connection.transport is not None and not connection.answered:
                connection.transport.write(self.hello_frame())
        if peer.spare is not None and peer.spare[0] is not connection:
            peer.spare[0].abort("another connection was kept")
        peer.spare = None
        peer.address = address
        peer.names.add(address)
        self._peers[address] = peer
        peer.connection = connection
        self._settled.set()
        peer.incarnation = connection.incarnation
        connection.peer = peer
        if connection.dialled is not None and connection.transport is not None:
            connection.transport.write(CONFIRM)
        peer.flush()

    def lost(self, connection: _Connection) -> None:
        """A connection ended."""
        peer = connection.peer
        if peer is not None:
            if peer.connection is connection:
                self._drop(peer, connection.reason)
            return
        if connection.dialled is None:
            for waiting in self._peers.values():
                if waiting.spare is not None and waiting.spare[0] is connection:
                    waiting.spare = None
        else:
            dialled = self._peers.get(connection.dialled)
            if dialled is None or dialled is not connection.dialled_for or dialled.connection is not None:
                return
            if dialled.spare is not None:
                self._adopt(dialled, *dialled.spare)
            else:
                self._drop(dialled, connection.reason)

    def _drop(self, peer: _Peer, reason: str, *, nobody: bool = False) -> None:
        self._settled.set()
        connection, peer.connection = peer.connection, None
        if connection is not None:
            connection.peer = None
        queue, peer.queue = peer.queue, []
        peer.wake()
        for name in peer.names:
            if self._peers.get(name) is peer:
                del self._peers[name]
        for envelope in queue:
            self.receiver.undeliverable(peer.address, envelope, reason)
        for name in sorted(peer.names):
            self.receiver.peer_lost(name, reason, nobody=nobody)

    def names(self, address: Address) -> set[Address]:
        """All addresses that this peer is known by (dialled by name, advertised as number)."""
        peer = self._peers.get(address)
        return peer.names if peer is not None else {address}

    async def drained(self, address: Address) -> None:
        """Wait until nothing waits for that peer: the socket's own buffers have room for what comes next."""
        peer = self._peers.get(address)
        while peer is not None and peer.is_full:
            waiter = self.loop.create_future()
            peer.waiters.append(waiter)
            await waiter
            peer = self._peers.get(address)

    @property
    def idle(self) -> bool:
        """Nothing waits to be written."""
        return not any(peer.queue for peer in self._peers.values())

    async def close(self) -> None:
        """Stop listening, flush, close; connections that do not close in time are cut."""
        self._closing = True
        if self._server is not None:
            self._server.close()
        await self._connected()
        for peer in set(self._peers.values()):
            if peer.dialling is not None:
                peer.dialling.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await peer.dialling
            peer.flush()
        for accepted in list(self.waiting):
            if accepted.transport is not None:
                accepted.transport.abort()
        open_ = list(self.connections)
        for connection in open_:
            if connection.transport is not None:
                connection.transport.close()
        if open_:
            await asyncio.wait([c.closed for c in open_], timeout=CLOSE_TIMEOUT)
        for connection in list(self.connections):
            connection.abort("closed")
        for peer in set(self._peers.values()):
            peer.queue.clear()
            peer.wake()
        if self._server is not None:
            await self._server.wait_closed()

    async def _connected(self) -> None:
        """Wait, not for long, until what was sent has a connection to leave by, or has none to hope for."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_BEFORE_CLOSE):
                while any(peer.queue and peer.connection is None for peer in self._peers.values()):
                    self._settled.clear()
                    await self._settled.wait()


def _refused(error: Exception) -> bool:
    """Whether a machine answered that nobody listens there, at every address of its name."""
    if isinstance(error, ConnectionRefusedError):
        return True
    # asyncio joins the errors of several addresses into the text of one error without a number.
    text = str(error)
    return (
        isinstance(error, OSError)
        and text.startswith("Multiple exceptions: ")
        and text.count("[Errno ") == text.count(f"[Errno {errno.ECONNREFUSED}]")
    )


def _set_keepalive(transport: Any) -> None:
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE.items():
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
