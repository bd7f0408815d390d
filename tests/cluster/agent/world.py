"""An agent in paused time, on a machine whose containers outlive it, and an actor that plays its master."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import TypeVar

from actors import UPID, Actor, ActorSystem, InProcessNetwork, Message, PausedClock
from actors.testing import advance, settle
from cluster.agent import Agent, AgentOptions, CheckpointError, MemoryStore
from cluster.agent.checkpoint import RecordKey
from cluster.agent.gc import Disk
from cluster.election import StandaloneDetector
from cluster.messages import (
    AgentInfo,
    AgentRegistered,
    FrameworkInfo,
    PingAgent,
    RegisterAgent,
    RunTask,
    StatusUpdate,
    StatusUpdateAcknowledgement,
    TaskInfo,
    TaskStatus,
)
from cluster.resources import Resources
from isolation import ContainerSpec, Exit, Limits, Usage
from tests.cluster.world import task

M = TypeVar("M", bound=Message)
FRAMEWORK = FrameworkInfo("f", id="F1")


class FakeContainer:
    """Runs until it is told to end."""

    def __init__(self, spec: ContainerSpec, machine: Machine) -> None:
        self.spec, self.id, self.pid = spec, spec.id, 0
        self.signals: list[int] = []
        self.limits = [spec.limits]
        self._machine = machine
        self._exit: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()

    @property
    def ended(self) -> bool:
        return self._exit.done()

    def end(self, exit_: Exit) -> None:
        if not self.ended:
            self._exit.set_result(exit_)

    async def wait(self) -> Exit:
        return await asyncio.shield(self._exit)

    def signal(self, number: int) -> None:
        self.signals.append(number)
        if number == signal.SIGTERM and not self._machine.deaf:
            self.end(Exit(signal=number))

    async def destroy(self) -> Exit:
        self.end(Exit(signal=9, destroyed=True))
        return await self.wait()

    def usage(self) -> Usage:
        return Usage(1.5, 0.5, 4096, 2, 3)

    def update(self, limits: Limits) -> None:
        self.limits.append(limits)

    def forget(self) -> None:
        assert self.ended
        self._machine.containers.pop(self.id, None)


class Machine:
    """What is there whatever becomes of the agent's process."""

    runs_executors = True

    def __init__(self) -> None:
        self.containers: dict[str, FakeContainer] = {}
        self.disk: dict[RecordKey, bytes] = {}
        self.launches: list[str] = []
        self.disk_full = False
        self.deaf = False
        self.hold: asyncio.Event | None = None
        self.can_hold: frozenset[str] = frozenset()

    async def start(self) -> None:
        pass

    async def launch(self, spec: ContainerSpec) -> FakeContainer:
        if self.hold is not None:
            await self.hold.wait()
        names = (spec.env.get(name) for name in ("OSTROM_TASK_ID", "OSTROM_EXECUTOR_ID"))
        self.launches.append(next((name for name in names if name), spec.id))
        container = self.containers[spec.id] = FakeContainer(spec, self)
        return container

    def held(self) -> frozenset[str]:
        return self.can_hold

    async def recover(self, specs: Mapping[str, ContainerSpec]) -> list[FakeContainer]:
        self.recovered = specs
        return list(self.containers.values())

    async def detach(self) -> None:
        pass

    async def close(self) -> None:
        for container in list(self.containers.values()):
            await container.destroy()

    def container(self, task_id: str) -> FakeContainer:
        """The container of a task or executor that runs."""
        (found,) = [c for c in self.containers.values() if c.spec.env.get("OSTROM_EXECUTOR_ID") == task_id]
        return found


class MachineStore(MemoryStore):
    """The agent's records on the machine's disk, which may be full."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine.disk)
        self._machine = machine

    def commit(self, changes: Mapping[RecordKey, bytes | None]) -> Awaitable[None] | None:
        if self._machine.disk_full:
            raise CheckpointError("no space left on device")
        return super().commit(changes)


class FakeMaster(Actor):
    """Takes every agent, keeps what it is sent."""

    def __init__(self) -> None:
        self.inbox: list[Message] = []
        self.answers = True
        self.agent: UPID | None = None
        self.next: AgentRegistered = AgentRegistered("A1", "M", 1e9)

    def unhandled(self, message: Message, sender: UPID | None) -> None:
        assert sender is not None
        self.inbox.append(message)
        if isinstance(message, RegisterAgent) and self.answers:
            self.agent = sender
            self.send(sender, self.next)

    def take(self, kind: type[M]) -> list[M]:
        taken = [message for message in self.inbox if isinstance(message, kind)]
        self.inbox = [message for message in self.inbox if not isinstance(message, kind)]
        return taken


class AgentWorld:
    """One agent and its master; `crash` and `start` end and begin lives of the agent's process."""

    def __init__(self, work_dir: Path, options: AgentOptions | None = None) -> None:
        self.clock = PausedClock()
        self.network = InProcessNetwork()
        self.system = ActorSystem(clock=self.clock, transport=self.network.transport("master"))
        self.master = FakeMaster()
        self.machine = Machine()
        self.options = options or AgentOptions()
        self.info = AgentInfo("host", Resources.of(cpus=4, mem=1024), checkpoint=True)
        self.work_dir = work_dir
        self.home: ActorSystem | None = None
        self.agent: Agent
        self.lives = 0
        self.boot = "first"
        self.disk: Disk | None = None

    async def __aenter__(self) -> AgentWorld:
        await self.system.start()
        self.system.spawn(self.master, "master")
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.home is not None:
            await self.home.close()
        for container in list(self.machine.containers.values()):
            await container.destroy()
        await self.system.close()

    async def start(self) -> None:
        self.lives += 1
        self.home = ActorSystem(clock=self.clock, transport=self.network.transport(f"agent-{self.lives}"))
        await self.home.start()
        self.agent = Agent(
            self.info,
            StandaloneDetector(self.master.upid),
            self.machine,
            self.work_dir,
            options=self.options,
            store=MachineStore(self.machine),
            disk=self.disk,
            boot_id=self.boot,
            key=b"of the agent on its disk",
            seed=1,
        )
        self.home.spawn(self.agent, "agent")
        await self.settle()

    async def crash(self) -> None:
        """As kill -9 would."""
        assert self.home is not None
        self.home.abort()
        self.home = None
        # What a process takes with it when it ends; here it is in ours.
        await self.agent.runner.close(detach=True)
        for waiting in list(self.agent._tasks):
            waiting.cancel()
        await self.settle()

    async def settle(self) -> None:
        systems = [self.system, *([self.home] if self.home is not None else [])]
        await settle(*systems)

    async def advance(self, seconds: float) -> None:
        systems = [self.system, *([self.home] if self.home is not None else [])]
        await advance(self.clock, seconds, *systems)

    async def tell(self, message: Message) -> None:
        """The master sends."""
        self.master.send(self.agent.upid, message)
        await self.settle()

    async def run(self, *tasks: TaskInfo | str) -> None:
        for item in tasks:
            info = task(item) if isinstance(item, str) else item
            self.master.send(self.agent.upid, RunTask(FRAMEWORK, info, "*"))
        await self.settle()

    def statuses(self) -> list[TaskStatus]:
        """What the master was told since the last time."""
        return [message.status for message in self.master.take(StatusUpdate)]

    def told(self) -> list[str]:
        return [f"{status.task_id} {status.state.short}" for status in self.statuses()]

    async def acknowledge(self) -> list[TaskStatus]:
        """Acknowledge updates until there are no more; return them."""
        found: list[TaskStatus] = []
        while statuses := self.statuses():
            found += statuses
            for status in statuses:
                self.master.send(
                    self.agent.upid, StatusUpdateAcknowledgement(FRAMEWORK.id, status.task_id, status.uuid)
                )
            await self.settle()
        return found

    async def ping(self, *, connected: bool = True) -> None:
        await self.tell(PingAgent("A1", connected))
