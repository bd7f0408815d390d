"""A network between simulated systems: latency, partitions, connections that break."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from typing import Any

import msgspec

from actors.message import encode_hook
from actors.transport import Receiver
from actors.upid import Address, format_address
from actors.wire import (
    DEFAULT_MAX_FRAME,
    Envelope,
    FrameSplitter,
    MalformedError,
    decode_envelopes,
    encode_envelopes,
)

from .latency import Latency, uniform

__all__ = ["SimulatedNetwork", "SimulatedTransport"]

PORT = 1
# Not repr(): the order of a set's is another in every process.
_encoder = msgspec.json.Encoder(enc_hook=encode_hook, order="deterministic")
STALL = 15.0
"""Seconds that a connection waits for a partition to end before it breaks, and a new one to be made."""


class SimulatedTransport:
    """One system's side of the network."""

    def __init__(self, network: SimulatedNetwork, host: str) -> None:
        self.network = network
        self.address: Address = (host, PORT)
        self.receiver: Receiver | None = None
        self.connections: dict[Address, Connection] = {}
        self._queues: dict[Address, list[Envelope]] = {}

    async def start(self, receiver: Receiver) -> Address:
        """Join. OSError if a system of that name is there already."""
        self.network.join(self)
        self.receiver = receiver
        return self.address

    def send(self, peer: Address, envelope: Envelope) -> None:
        """Queue; what one turn of the loop queued for a peer goes as one."""
        queue = self._queues.get(peer)
        if queue is None:
            queue = self._queues[peer] = []
            self.network.loop.call_soon(self._flush, peer)
        queue.append(envelope)

    def _flush(self, peer: Address) -> None:
        envelopes = self._queues.pop(peer, [])
        if envelopes and self.receiver is not None:
            connection = self.connections.get(peer)
            if connection is None:
                connection = Connection(self.network, self, peer)
            connection.send(self, envelopes)

    def names(self, address: Address) -> set[Address]:
        """That address alone."""
        return {address}

    async def drained(self, address: Address) -> None:
        """Wait for the end of the turn: the network holds any amount."""
        await asyncio.sleep(0)

    @property
    def idle(self) -> bool:
        """Nothing waits for the end of this turn. Much may be under way."""
        return not self._queues

    async def close(self) -> None:
        """Send what is queued, and leave; peers see their connections end after all of it."""
        for peer in list(self._queues):
            self._flush(peer)
        self.abort()

    def abort(self, *, silent: bool = False) -> None:
        """Leave at once. Peers see it, unless `silent`: as when a machine loses its power."""
        self._queues.clear()
        self.receiver = None
        self.network.leave(self, silent=silent)
        for connection in list(self.connections.values()):
            connection.end(self, silent=silent)


class Connection:
    """A connection between two systems, as TCP would give: in order, each way, until it breaks for both."""

    def __init__(self, network: SimulatedNetwork, dialler: SimulatedTransport, peer: Address) -> None:
        self.network = network
        self.ends: dict[Address, SimulatedTransport] = {dialler.address: dialler}
        self.open = True
        self._dialler = dialler
        self._peer = peer
        self._established = False
        self._waiting: dict[Address, list[Envelope]] = {}
        self._arrivals: dict[Address, float] = {}
        self._held: dict[Address, list[Callable[[], None]]] = {}
        dialler.connections[peer] = self
        self._carry(dialler.address, self._knock)

    def other(self, address: Address) -> Address:
        """The address of the other end."""
        return self._peer if address == self._dialler.address else self._dialler.address

    def send(self, sender: SimulatedTransport, envelopes: list[Envelope]) -> None:
        """Send in order; before the connection is made, wait for it."""
        if not self._established:
            self._waiting.setdefault(sender.address, []).extend(envelopes)
            return
        frames, bad = encode_envelopes(envelopes, DEFAULT_MAX_FRAME)
        peer = self.other(sender.address)
        for envelope, reason in bad:
            if sender.receiver is not None:
                sender.receiver.unencodable(peer, envelope, reason)
        for frame in frames:
            self._carry(sender.address, partial(self._arrive, sender.address, frame))

    def end(self, leaver: SimulatedTransport, *, silent: bool) -> None:
        """One end leaves: the other hears of it after all that was sent, unless the end is silent.

        What it had not sent yet is gone with it: whoever has its address next must not be taken for its sender.
        """
        leaver.connections.pop(self.other(leaver.address), None)
        self.ends.pop(leaver.address, None)
        self._waiting.pop(leaver.address, None)
        if not silent:
            self._carry(leaver.address, lambda: self.break_("connection closed"))

    def break_(self, reason: str, *, nobody: bool = False) -> None:
        """It is gone: what is under way is lost, and both ends are told."""
        if not self.open:
            return
        self.open = False
        waiting, self._waiting = self._waiting, {}
        for address in sorted(self.ends):
            transport, peer = self.ends[address], self.other(address)
            if transport.connections.get(peer) is self:
                del transport.connections[peer]
            if transport.receiver is None:
                continue
            self.network.note(f"{address[0]} lost {peer[0]}: {reason}")
            for envelope in waiting.get(address, []):
                transport.receiver.undeliverable(peer, envelope, reason)
            transport.receiver.peer_lost(peer, reason, nobody=nobody)

    def released(self, sender: Address) -> None:
        """A partition ended: what it held up goes its way now."""
        for act in self._held.pop(sender, []):
            self._carry(sender, act)

    def _carry(self, sender: Address, act: Callable[[], None]) -> None:
        """Have something happen at the other end when it has got there, after all that was sent before."""
        peer = self.other(sender)
        if self.network.is_blocked(sender, peer):
            if sender not in self._held:
                self.network.hold(self)
                self.network.loop.call_later(STALL, self._stalled, sender, self._held.setdefault(sender, []))
            self._held[sender].append(act)
            return
        now = self.network.loop.time()
        arrival = max(self._arrivals.get(sender, 0.0), now + self.network.draw(sender, peer))
        self._arrivals[sender] = arrival
        # Times that are equal must not change their order: a timer's place among them is not in the contract.
        queue = self.network.at(arrival)
        queue.append(lambda: act() if self.open else None)

    def _stalled(self, sender: Address, held: list[Callable[[], None]]) -> None:
        if self._held.get(sender) is held:
            self.break_("no answer: the network is partitioned")

    def _knock(self) -> None:
        """The dialler's request has come to the other machine."""
        there = self.network.systems.get(self._peer)
        if there is None:
            if self._peer in self.network.dark:
                self.network.loop.call_later(STALL, self.break_, "connecting timed out")
            else:
                refused = "connection refused: nobody listens there"
                self._carry(self._peer, lambda: self.break_(refused, nobody=True))
            return
        rival = there.connections.get(self._dialler.address)
        if rival is not None and rival.open and rival._established:
            # An older connection, whose other end is gone without a word.
            rival.break_("the peer connected anew")
        self._carry(self._peer, self._establish)

    def _establish(self) -> None:
        there = self.network.systems.get(self._peer)
        if there is None or self._dialler.address not in self.ends:
            self.break_("connection closed")
            return
        rival = there.connections.get(self._dialler.address)
        if rival is not None and rival is not self:
            if rival._established or rival._dialler.address < self._dialler.address:
                # Both dialled: the one of the smaller address is kept, and takes what waited here.
                self._give_up_for(rival)
                return
            rival._give_up_for(self)
        self._established = True
        self.ends[self._peer] = there
        there.connections[self._dialler.address] = self
        self.network.note(f"{self._dialler.address[0]} connected to {self._peer[0]}")
        waiting, self._waiting = self._waiting, {}
        for address in sorted(waiting):
            self.send(self.ends[address], waiting[address])

    def _give_up_for(self, kept: Connection) -> None:
        """Another connection between the same two is kept: what waits for this one goes over that."""
        self.open = False
        waiting, self._waiting = self._waiting, {}
        # Not the dialler alone: the other may have given up its own for this one, whose dialler is dead by now.
        for address, transport in self.ends.items():
            transport.connections[self.other(address)] = kept
            kept.ends[address] = transport
            if address in waiting:
                kept.send(transport, waiting[address])

    def _arrive(self, sender: Address, frame: bytes) -> None:
        peer = self.other(sender)
        there = self.ends.get(peer)
        if there is None or there.receiver is None:
            if peer in self.network.dark:
                self.network.loop.call_later(STALL, self.break_, "no answer")
            else:
                # Its machine was started again, and knows nothing of this connection.
                self._carry(peer, lambda: self.break_("connection reset"))
            return
        for payload in FrameSplitter().feed(frame):
            try:
                envelopes = decode_envelopes(payload)
                for to, from_, number, body in envelopes:
                    self.network.note(_line(sender, peer, to, from_, number, body))
                there.receiver.receive(sender, envelopes)
            except MalformedError as error:
                there.receiver.malformed(format_address(sender), str(error))
                self.break_(f"malformed: {error}")


class SimulatedNetwork:
    """Joins simulated systems. Hosts are their names; latency is the same both ways unless set for each."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rng: Random, note: Callable[[str], None]) -> None:
        self.loop = loop
        self.note = note
        self.systems: dict[Address, SimulatedTransport] = {}
        self.dark: dict[Address, None] = {}
        """Machines that are down: nobody there says that nobody is there."""
        self.latency: Latency = uniform(0.0002, 0.0008)
        """Of links for which none was set."""
        self._rng = rng
        self._latencies: dict[tuple[str, str], Latency] = {}
        self._blocked: dict[tuple[str, str], None] = {}
        self._held: dict[Connection, None] = {}
        self._queues: dict[float, list[Callable[[], object]]] = {}

    def set_latency(self, one: str, other: str, latency: Latency, *, one_way: bool = False) -> None:
        """Set the latency between two systems, by name."""
        self._latencies[one, other] = latency
        if not one_way:
            self._latencies[other, one] = latency

    def cut(self, one: str, other: str) -> None:
        """Break the connection between two systems, if there is one: what is under way is lost."""
        transport = self.systems.get((one, PORT))
        connection = transport.connections.get((other, PORT)) if transport is not None else None
        if connection is not None:
            connection.break_("connection reset")

    def partition(self, some: Iterable[str], others: Iterable[str], *, one_way: bool = False) -> None:
        """Let nothing through between two groups, or with `one_way` from the first to the second.

        What is sent waits; a connection for which something waits longer than 15 s breaks.
        """
        others = list(others)
        for one in some:
            for other in others:
                self._blocked[one, other] = None
                if not one_way:
                    self._blocked[other, one] = None
        self.note(f"partition of {sorted(self._blocked)}")

    def heal(self) -> None:
        """End all partitions."""
        self._blocked.clear()
        self.note("healed")
        held, self._held = list(self._held), {}
        for connection in held:
            for address in sorted(connection._held):
                if connection.open:
                    connection.released(address)

    # For connections.

    def join(self, transport: SimulatedTransport) -> None:
        """A system is there. OSError if one of its name is."""
        if transport.address in self.systems:
            raise OSError(f"there is a system at {format_address(transport.address)} already")
        self.systems[transport.address] = transport
        self.dark.pop(transport.address, None)

    def leave(self, transport: SimulatedTransport, *, silent: bool) -> None:
        """A system is gone; with `silent` its machine is, which answers nobody."""
        if self.systems.get(transport.address) is transport:
            del self.systems[transport.address]
            if silent:
                self.dark[transport.address] = None

    def is_blocked(self, sender: Address, receiver: Address) -> bool:
        """Whether a partition is in the way."""
        return (sender[0], receiver[0]) in self._blocked

    def hold(self, connection: Connection) -> None:
        """Something waits for the end of a partition."""
        self._held[connection] = None

    def draw(self, sender: Address, receiver: Address) -> float:
        """Seconds that the next message takes."""
        return self._latencies.get((sender[0], receiver[0]), self.latency)(self._rng)

    def at(self, when: float) -> list[Callable[[], object]]:
        """What happens at that time, in order: one timer for all of it."""
        queue = self._queues.get(when)
        if queue is None:
            queue = self._queues[when] = []
            self.loop.call_at(when, self._happen, when)
        return queue

    def _happen(self, when: float) -> None:
        for act in self._queues.pop(when):
            act()


def _line(sender: Address, receiver: Address, to: str, from_: str, number: int, body: Any) -> str:
    return f"{sender[0]}/{from_ or '-'} -> {receiver[0]}/{to or '-'} {number} {_text(body)}"


def _text(body: Any) -> str:
    try:
        return _encoder.encode(body).decode()
    except TypeError:
        # A dict with keys that JSON has no text for.
        return type(body).__name__
