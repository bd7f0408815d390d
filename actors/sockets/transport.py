"""The transport over sockets: listens, dials, and keeps one connection for each peer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from ipaddress import IPv6Address

from actors.clock import Clock
from actors.tls import Tls
from actors.transport import Receiver
from actors.upid import Address, format_address, parse_address
from actors.wire import DEFAULT_MAX_FRAME, PROTOCOL_VERSION, Envelope, Hello, encode_envelopes, encode_hello

from .accepted import Accepted
from .connection import HELLO_TIMEOUT, Batches, Connection
from .endpoints import Listener, dial, is_unix, listen, nobody_listens
from .introduction import Introduction, PeerAuthenticator, same_credentials
from .peer import Peer

__all__ = ["SocketTransport"]

CLOSE_TIMEOUT = 5.0
CONNECT_BEFORE_CLOSE = 2.0
"""Seconds that a closing system waits for connections that it is making, if something waits to be sent."""
CONFIRM = encode_envelopes([], DEFAULT_MAX_FRAME)[0][0]


class SocketTransport:
    """One system's transport over TCP or a Unix socket; for the parameters see `ActorSystem`.

    `http_factory` makes an HTTP protocol for connections that begin as HTTP.
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
        tls: Tls | None = None,
        credentials: str = "",
        authenticate: PeerAuthenticator | None = None,
    ) -> None:
        self.clock = clock
        self.incarnation = incarnation
        self.http_factory = http_factory
        self.max_frame = max_frame
        self.loop = asyncio.get_running_loop()
        self.connections: set[Connection] = set()
        self.waiting: set[Accepted] = set()
        self.corked = False
        self.waiting_peers: list[Peer] = []
        self.batches: Batches | None = None
        self.receiver: Receiver
        self._tls = tls
        self._credentials = credentials
        self._authenticate = authenticate or (same_credentials(credentials) if credentials else None)
        self._bind, self._advertised = addresses(host, port, advertise)
        self._address: Address = self._advertised or self._bind
        self._listener: Listener | None = None
        self._peers: dict[Address, Peer] = {}
        self.closing = False
        self._settled = asyncio.Event()

    async def start(self, receiver: Receiver) -> Address:
        """Bind and listen. OSError if the port or the path is taken."""
        self.receiver = receiver
        self._listener = await listen(lambda: Accepted(self), self._bind, self._tls)
        host = self._bind[0]
        if host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not bound
            host = socket.gethostname()
        advertised = self._advertised or (host, 0)
        self._address = (advertised[0], advertised[1] or self._listener.port)
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

    def hello_frame(self, refused: str = "") -> bytes:
        """This system's hello; with `refused` it says only why the other is not let in."""
        credentials = "" if refused else self._credentials
        return encode_hello(Hello(PROTOCOL_VERSION, *self._address, self.incarnation, credentials, refused))

    def refusal(self, peer: Introduction) -> str:
        """Why that system is not let in; empty if it is."""
        if self._tls is not None and peer.uid is None and peer.certificate is None:
            return "no certificate"
        if self._authenticate is not None and not self._authenticate(peer):
            return "not authenticated"
        return ""

    def send(self, peer: Address, envelope: Envelope) -> None:
        """Queue; connect if there is no connection yet."""
        known = self._peers.get(peer)
        if known is None:
            if self.closing:
                self.receiver.undeliverable(peer, envelope, "the system is closing")
                return
            known = self._peers[peer] = Peer(self, peer)
            known.dialling = self.loop.create_task(self._dial(known, peer))
        known.queue.append(envelope)
        if not known.scheduled:
            known.schedule()

    async def _dial(self, peer: Peer, address: Address) -> None:
        try:
            async with asyncio.timeout(HELLO_TIMEOUT):
                await dial(lambda: Connection(self, address, peer), address, self._tls)
        except TimeoutError:
            self._dial_failed(peer, "connecting timed out")
        except (OSError, ValueError, OverflowError) as error:
            # ValueError, OverflowError: what can be no host name, no port.
            if nobody_listens(error):
                self._dial_failed(peer, "connection refused: nobody listens there", nobody=True)
            else:
                self._dial_failed(peer, str(error) or type(error).__name__)

    def _dial_failed(self, peer: Peer, reason: str, *, nobody: bool = False) -> None:
        peer.dialling = None
        if peer.spare is not None:
            connection, address = peer.spare
            self._adopt(peer, connection, address)
        elif peer.connection is None:
            self._drop(peer, reason, nobody=nobody)

    def greeted(self, connection: Connection, address: Address, incarnation: str) -> None:
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
            peer = self._peers[address] = Peer(self, address)
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

    def confirmed(self, connection: Connection) -> None:
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
            peer = self._peers[address] = Peer(self, address)
        self._adopt(peer, connection, address)

    def _adopt(self, peer: Peer, connection: Connection, address: Address) -> None:
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

    def lost(self, connection: Connection) -> None:
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

    def _drop(self, peer: Peer, reason: str, *, nobody: bool = False) -> None:
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
        self.closing = True
        if self._listener is not None:
            self._listener.close()
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
        if self._listener is not None:
            await self._listener.closed()

    async def _connected(self) -> None:
        """Wait, not for long, until what was sent has a connection to leave by, or has none to hope for."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_BEFORE_CLOSE):
                while any(peer.queue and peer.connection is None for peer in self._peers.values()):
                    self._settled.clear()
                    await self._settled.wait()


def addresses(host: str, port: int, advertise: str | None) -> tuple[Address, Address | None]:
    """What is bound, and what is advertised if that differs: `host:port`, or a host with port 0, the one that is bound.

    ValueError for what can be neither.
    """
    if not 0 <= port < 65536:
        raise ValueError(f"port is {port}, not from 0 to 65535")
    if host.startswith("unix:"):
        if advertise is not None:
            raise ValueError(f"advertise is {advertise!r}, but {host} is reached by its path alone")
        return parse_address(host), None
    if host:
        _check_host("host", host)
    if advertise is None:
        return (host, port), None
    try:
        address = parse_address(advertise)
    except ValueError:
        _check_host("advertise", advertise)
        address = (advertise, 0)
    if is_unix(address):
        raise ValueError(f"advertise is {advertise!r}, the path of a Unix socket, but {host}:{port} is bound")
    return (host, port), address


def _check_host(field: str, host: str) -> None:
    try:
        parsed, _ = parse_address(format_address((host, 0)))
        if ":" in host:
            IPv6Address(host)
    except ValueError:
        parsed = ""
    if not host or parsed != host or is_unix((host, 0)):
        raise ValueError(f"{field} is {host!r}, neither a host nor host:port")
