"""Who takes part: candidates that act when they lead, and watchers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from actors import UPID
from actors.clock import Clock
from cluster.election import MASTER_ID, Contender, Detector, EtcdContender, EtcdDetector
from cluster.etcd import Compare, Etcd, EtcdUnavailableError, Put
from tests.simulation.etcd import ModelEtcdClient, Weather

from .checker import PATH
from .controls import Control, ControlDetector
from .plan import Machine
from .process import Process

if TYPE_CHECKING:
    from .world import World

__all__ = ["Candidate", "Maker", "Makers", "Node", "Watcher"]

WRITES_EVERY = 0.3


class Fenced(Contender, Protocol):
    """A contender in etcd."""

    def guard(self) -> Compare:
        """What its writes compare."""


Maker = Callable[[Etcd, int, Clock, Random], Fenced]


class Makers:
    """Makes what is to be tried: the real thing, or (`control`) one of controls.py."""

    def __init__(self, control: str = "") -> None:
        self.control = control

    def contender(self, etcd: Etcd, ttl: int, clock: Clock, rng: Random) -> Fenced:
        """One for each candidacy."""
        if self.control:
            return Control(etcd, PATH, ttl, clock, self.control)
        return EtcdContender(etcd, PATH, ttl, clock, rng)

    def detector(self, etcd: Etcd, clock: Clock, rng: Random) -> Detector:
        """One for each watcher."""
        if self.control:
            return ControlDetector(etcd, PATH, clock)
        return EtcdDetector(etcd, PATH, clock, rng)


class Node:
    """A machine, and the process that runs there now."""

    def __init__(self, world: World, machine: Machine) -> None:
        self.world = world
        self.machine = machine
        self.name = machine.name
        self.rng = Random(f"election {machine.name}/{world.plan.seed}")
        self.weather = Weather(latency=world.plan.latency)
        self.traps: list[tuple[str, float]] = []
        """Calls at which it will be stopped, and for how many seconds."""
        self.process: Process
        self.client: ModelEtcdClient
        self.lives = 0
        self._numbers = itertools.count(1)

    @property
    def alive(self) -> bool:
        """Whether a process runs."""
        return self.lives > 0 and self.process.alive

    def start(self) -> None:
        """Start a process, unless one runs."""
        if self.alive:
            return
        self.lives += 1
        machine = self.machine
        self.process = Process(self.world.loop, self.name, self.rng, machine.offset, machine.rate)
        self.world.note(f"{self.name} starts")
        self.process.spawn(self.main(self.process))

    async def main(self, process: Process) -> None:
        """What the process does."""
        raise NotImplementedError

    def connect(self) -> ModelEtcdClient:
        """A client of the process."""
        name, plan = f"{self.name}.{next(self._numbers)}", self.world.plan
        rng = Random(f"client {name}/{plan.seed}")
        self.client = ModelEtcdClient(self.world.etcd, name, rng, host=self.name, silence=plan.silence)
        self.client.weather = self.weather
        self.client.on_call = lambda what: self._called(name, what)
        self.client.on_answer = lambda what: self._called(name, f"{what} answered")
        return self.client

    def kill(self) -> None:
        """SIGKILL."""
        if self.alive:
            self.process.kill()
            self.client.kill()
            self.world.note(f"{self.name} is dead")

    def _called(self, name: str, what: str) -> None:
        self.world.note(f"{name}: {what}")
        for trap in self.traps:
            if trap[0] == what:
                self.traps.remove(trap)
                self.world.checker.counts[f"stopped in {what}"] += 1
                self.world.stop(self, trap[1])
                break


class Candidate(Node):
    """Contends; when it leads, it writes; when it does no longer, it ends, or begins anew."""

    contender: Fenced | None = None
    upid: UPID | None = None
    led = False
    """Whether it knows that it has led, and does no longer."""

    @property
    def leads(self) -> bool:
        """Whether its gate is open."""
        return self.contender is not None and self.contender.leads

    async def main(self, process: Process) -> None:
        """Candidacy after candidacy."""
        while True:
            client = self.connect()
            upid = UPID.at(MASTER_ID, (client.name, 1))
            self.world.checker.enter(upid, client.name)
            contender = self.world.makers.contender(client, self.world.plan.ttl, process.clock, self.rng)
            self.contender, self.upid, self.led = contender, upid, False
            await contender.contend(upid)
            writing = asyncio.create_task(self._write(client, contender))
            reason = await contender.lost()
            self.led = True
            self.world.note(f"{client.name} has lost: {reason}")
            self.world.checker.counts[f"lost: {reason.partition(':')[0]}"] += 1
            writing.cancel()
            if self.rng.random() < 0.7:
                self.exit(self.rng.uniform(0.05, 3.0))
                return

    def exit(self, pause: float) -> None:
        """End the process; whoever watches over it starts it again."""
        self.kill()
        self.world.later(pause, self.start)

    def kill(self) -> None:
        """Whatever it believed."""
        super().kill()
        self.contender = None

    async def resign(self) -> None:
        """SIGTERM."""
        contender = self.contender
        if contender is not None:
            await contender.resign()
            self.exit(self.rng.uniform(0.05, 3.0))

    async def _write(self, client: ModelEtcdClient, contender: Fenced) -> None:
        """What a leader does: each write takes its time, others do not wait for it."""
        tasks: list[asyncio.Task[Any]] = []
        for number in itertools.count():
            if contender.leads:
                tasks.append(asyncio.create_task(self._write_one(client, contender, number)))
            await asyncio.sleep(WRITES_EVERY)

    async def _write_one(self, client: ModelEtcdClient, contender: Fenced, number: int) -> None:
        # The gate; behind it the process may yet be stopped, by `on_call`.
        if not contender.leads:
            return
        put = Put(f"{PATH}/registry/{number % 3}", client.name.encode())
        try:
            await client.txn([contender.guard()], [put])
        except EtcdUnavailableError:
            self.world.checker.counts["writes not answered"] += 1


class Watcher(Node):
    """Follows the leader."""

    leader: UPID | None = None

    async def main(self, process: Process) -> None:
        """Watch, for ever."""
        detector = self.world.makers.detector(self.connect(), process.clock, self.rng)
        detector.watch(self._told)

    def _told(self, leader: UPID | None) -> None:
        self.leader = leader
        self.world.checker.told(self.name, leader)
