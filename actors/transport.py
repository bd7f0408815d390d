"""What carries messages between systems: the interface, and the transport inside one process."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from .upid import Address, format_address
from .wire import (
    DEFAULT_MAX_FRAME,
    Envelope,
    FrameSplitter,
    MalformedError,
    decode_envelopes,
    encode_envelopes,
)

__all__ = ["InProcessNetwork", "InProcessTransport", "Receiver", "Transport"]


class Receiver(Protocol):
    """What a transport tells its system."""

    def receive(self, peer: Address, envelopes: list[tuple[str, str, int, Any]]) -> None:
        """Envelopes came from that system, in the order they were sent. MalformedError if they are unsound."""

    def peer_lost(self, peer: Address, reason: str, *, nobody: bool = False) -> None:
        """The connection to that system broke, or could not be made. It may still be alive.

        Not if `nobody`: its machine answered that nobody listens there.
        """

    def undeliverable(self, peer: Address, envelope: Envelope, reason: str) -> None:
        """This envelope was not sent."""

    def unencodable(self, peer: Address, envelope: Envelope, reason: str) -> None:
        """This envelope cannot be sent to anybody."""

    def malformed(self, peer: str, reason: str) -> None:
        """Something that is not our protocol came from there; its connection was closed."""

    def refused(self, peer: str, reason: str) -> None:
        """A system from there was not let in."""


class Transport(Protocol):
    """Carries envelopes from one system to others: at most once, in order for each pair of systems."""

    async def start(self, receiver: Receiver) -> Address:
        """Begin to listen; return the address that others reach this system at."""

    def send(self, peer: Address, envelope: Envelope) -> None:
        """Queue for that system; never blocks, never raises for a peer that is gone."""

    def names(self, address: Address) -> set[Address]:
        """All addresses by which that system is known, the given one among them."""

    async def drained(self, address: Address) -> None:
        """Wait until nothing that was sent to that system waits here any more."""

    @property
    def idle(self) -> bool:
        """Nothing is queued or under way, as far as this side can know."""

    async def close(self) -> None:
        """Flush what is queued, close every connection."""


class InProcessNetwork:
    """Joins systems of one process without sockets. Messages are still encoded and decoded on the way."""

    def __init__(self) -> None:
        self.systems: dict[Address, InProcessTransport] = {}
        self._ports = 0

    def transport(self, host: str = "local") -> InProcessTransport:
        """A transport at a free address of this network."""
        self._ports += 1
        return InProcessTransport(self, (host, self._ports))


class InProcessTransport:
    """One system's place in an `InProcessNetwork`."""

    def __init__(self, network: InProcessNetwork, address: Address) -> None:
        self._network = network
        self._address = address
        self._receiver: Receiver | None = None
        self._queues: dict[Address, list[Envelope]] = {}
        self._peers: set[Address] = set()

    async def start(self, receiver: Receiver) -> Address:
        """Join the network."""
        self._receiver = receiver
        self._network.systems[self._address] = self
        return self._address

    def send(self, peer: Address, envelope: Envelope) -> None:
        """Deliver in the next turn of the loop."""
        queue = self._queues.get(peer)
        if queue is None:
            self._queues[peer] = [envelope]
            asyncio.get_running_loop().call_soon(self._flush, peer)
        else:
            queue.append(envelope)

    def _flush(self, peer: Address) -> None:
        envelopes = self._queues.pop(peer, [])
        receiver = self._receiver
        if receiver is None or not envelopes:
            return
        other = self._network.systems.get(peer)
        if other is None or other._receiver is None:
            for envelope in envelopes:
                receiver.undeliverable(peer, envelope, "connection refused")
            receiver.peer_lost(peer, f"no system at {format_address(peer)}", nobody=True)
            return
        self._peers.add(peer)
        other._peers.add(self._address)
        frames, bad = encode_envelopes(envelopes, DEFAULT_MAX_FRAME)
        for envelope, reason in bad:
            receiver.unencodable(peer, envelope, reason)
        for frame in frames:
            for payload in FrameSplitter().feed(frame):
                try:
                    other._receiver.receive(self._address, decode_envelopes(payload))
                except MalformedError as error:
                    other._receiver.malformed(format_address(self._address), str(error))

    def names(self, address: Address) -> set[Address]:
        """That address alone."""
        return {address}

    async def drained(self, address: Address) -> None:
        """Wait for the end of the turn."""
        await asyncio.sleep(0)

    @property
    def idle(self) -> bool:
        """Nothing waits for the next turn."""
        return not self._queues

    def disconnect(self, peer: Address, reason: str = "disconnected") -> None:
        """Break the connection to one peer, for both: what is queued is lost."""
        self._queues.pop(peer, None)
        self._peers.discard(peer)
        if self._receiver is not None:
            self._receiver.peer_lost(peer, reason)
        other = self._network.systems.get(peer)
        if other is not None and self._address in other._peers:
            other.disconnect(self._address, reason)

    async def close(self) -> None:
        """Leave the network; peers lose their connections."""
        for peer in list(self._queues):
            self._flush(peer)
        self.abort()

    def abort(self) -> None:
        """Leave at once, as a crash would: nothing is flushed."""
        self._queues.clear()
        self._network.systems.pop(self._address, None)
        self._receiver = None
        for peer in list(self._peers):
            self.disconnect(peer, "connection closed")
