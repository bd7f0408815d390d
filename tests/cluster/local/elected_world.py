"""Masters that elect one of them in the model of etcd, each in a simulated process that can be stopped and killed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, TypeVar

from actors import ActorSystem
from actors.transport import Receiver
from actors.upid import Address
from actors.wire import DEFAULT_MAX_FRAME, Envelope, FrameSplitter, decode_envelopes, encode_envelopes
from cluster.election import EtcdContender, EtcdDetector
from cluster.local import MasterNode
from cluster.master import MasterOptions
from cluster.registry import EtcdRegistry
from tests.simulation.elections.process import Process, ProcessLoop
from tests.simulation.etcd import ModelEtcd, ModelEtcdClient

T = TypeVar("T")

PATH = "/test"


class Wires:
    """A network. What has left one process is of the process that it comes to."""

    def __init__(self, loop: ProcessLoop) -> None:
        self.loop = loop
        self.ends: dict[Address, Wire] = {}

    def end(self, process: Process) -> Wire:
        """One process's way to the others."""
        return Wire(self, process, (process.name, len(self.ends) + 1))


class Wire:
    """A transport. `sending` is told of each message, before it leaves: it may stop the process there."""

    idle = True

    def __init__(self, wires: Wires, process: Process, address: Address) -> None:
        self.process = process
        self.sending: Callable[[Any], object] = lambda _message: None
        self._wires = wires
        self._address = address
        self._receiver: Receiver | None = None
        self._queues: dict[Address, list[Envelope]] = {}

    async def start(self, receiver: Receiver) -> Address:
        self._receiver = receiver
        self._wires.ends[self._address] = self
        return self._address

    def send(self, peer: Address, envelope: Envelope) -> None:
        queue = self._queues.setdefault(peer, [])
        if not queue:
            self._wires.loop.call_soon(self._flush, peer)
        queue.append(envelope)
        self.sending(envelope[3])

    def _flush(self, peer: Address) -> None:
        envelopes, other = self._queues.pop(peer), self._wires.ends.get(peer)
        assert self._receiver is not None
        if other is None:
            self._receiver.peer_lost(peer, "nobody there", nobody=True)
            return
        frames, bad = encode_envelopes(envelopes, DEFAULT_MAX_FRAME)
        assert not bad
        for frame in frames:
            self._wires.loop.call_soon(
                other.arrive, self._address, frame, context=other.process.context.copy()
            )

    def arrive(self, peer: Address, frame: bytes) -> None:
        if self._receiver is not None:
            for payload in FrameSplitter().feed(frame):
                self._receiver.receive(peer, decode_envelopes(payload))

    def names(self, address: Address) -> set[Address]:
        return {address}

    async def drained(self, address: Address) -> None:
        await asyncio.sleep(0)

    async def close(self) -> None:
        self._receiver = None
        self._wires.ends.pop(self._address, None)
        for other in list(self._wires.ends.values()):
            self._wires.loop.call_soon(other.lost, self._address, context=other.process.context.copy())

    def lost(self, peer: Address) -> None:
        if self._receiver is not None:
            self._receiver.peer_lost(peer, "closed")


class Host:
    """A process, and what it has in the model of etcd."""

    def __init__(self, world: ElectedWorld, name: str) -> None:
        self.world = world
        self.name = name
        self.rng = Random(name)
        self.process = Process(world.loop, name, self.rng, offset=100.0, rate=1.0)
        self.wire = world.wires.end(self.process)

    def client(self, **options: Any) -> ModelEtcdClient:
        return ModelEtcdClient(self.world.etcd, self.name, self.rng, host=self.name, **options)

    def detector(self) -> EtcdDetector:
        return EtcdDetector(self.client(), PATH, self.process.clock, self.rng, spread=0.0)

    def system(self) -> ActorSystem:
        return ActorSystem(clock=self.process.clock, transport=self.wire)

    async def run(self, main: Awaitable[T]) -> T:
        """Do something in the process."""

        async def it() -> T:
            return await main

        task: asyncio.Task[T] = self.process.spawn(it())
        return await task


class Candidate(Host):
    """A master."""

    def __init__(self, world: ElectedWorld, name: str) -> None:
        super().__init__(world, name)
        self.contender = EtcdContender(
            self.client(silence=float(world.ttl)), PATH, world.ttl, self.process.clock, self.rng
        )
        self.registry = EtcdRegistry(self.client(), PATH, self.contender.guard, lambda: self.contender.leads)
        self.node = MasterNode(
            contender=self.contender,
            detector=self.detector(),
            registry=self.registry,
            options=MasterOptions(ping_interval=1.0),
            clock=self.process.clock,
            transport=self.wire,
            seed=1,
        )

    @property
    def leads(self) -> bool:
        return self.contender.leads

    @property
    def master(self) -> bool:
        """Whether it is the master by now, with all that it has read, and has done since, on record."""
        return self.node.system.hosts(self.node.upid) and self.node.master.durable


class ElectedWorld:
    def __init__(self, loop: ProcessLoop, ttl: int) -> None:
        self.loop = loop
        self.ttl = ttl
        self.etcd = ModelEtcd(loop, Random(0))
        self.wires = Wires(loop)

    @property
    def now(self) -> float:
        return self.loop.true_time

    async def start(self, name: str) -> Candidate:
        candidate = Candidate(self, name)
        await candidate.run(candidate.node.start())
        return candidate

    async def until(self, condition: Callable[[], object], within: float = 120.0) -> None:
        """Return when something holds; a thousandth of a virtual second is nothing."""
        end = self.now + within
        while not condition():
            assert self.now < end, "it never came to be"
            await asyncio.sleep(0.001)


def simulated(scenario: Callable[[ElectedWorld], Awaitable[T]], ttl: int = 10) -> T:
    """Run a scenario in virtual time; at its end all is dropped as it is."""
    loop = ProcessLoop()
    try:
        asyncio.set_event_loop(loop)

        async def main() -> T:
            return await scenario(ElectedWorld(loop, ttl))

        return loop.run_until_complete(asyncio.wait_for(main(), 3600))
    finally:
        loop.over = True
        # What is cancelled may begin something, to end in order.
        while left := [task for task in loop.tasks if not task.done()]:
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.wait(left))
        asyncio.set_event_loop(None)
        loop.close()
