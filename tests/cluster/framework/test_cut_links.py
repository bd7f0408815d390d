"""Simulated time: connections are cut and masters die at random, and each submitted task runs exactly once."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Any

import pytest

from actors import UPID, Actor, Timer, handles
from actors.simulation import Simulation, uniform
from cluster.framework import Framework
from cluster.master import Master, MasterOptions
from cluster.messages import (
    AgentInfo,
    AgentRegistered,
    CommandInfo,
    FrameworkInfo,
    PingAgent,
    PongAgent,
    RegisterAgent,
    RunTask,
    Source,
    StatusUpdate,
    StatusUpdateAcknowledgement,
    TaskInfo,
    TaskRecord,
    TaskState,
    TaskStatus,
)
from cluster.registry import MemoryRegistry
from cluster.resources import Resources

MASTER = UPID.at("master", ("master", 1))
TASKS = 30


class Machine(Actor):
    """An agent in small: runs tasks for some seconds, and says so until that is acknowledged."""

    def __init__(self, rng: Random, started: Counter[str]) -> None:
        self.rng = rng
        self.started = started
        self.info = AgentInfo("machine", Resources.parse("cpus:4;mem:4096"), checkpoint=True)
        self.master: UPID | None = None
        self.tasks: dict[str, tuple[FrameworkInfo, TaskInfo, list[TaskStatus]]] = {}
        self._timer: Timer | None = None

    def initialize(self) -> None:
        self.register()

    def register(self) -> None:
        self._timer = None
        if self.master is None:
            records = tuple(
                TaskRecord(framework.id, task, unsaid[0]) for framework, task, unsaid in self.tasks.values()
            )
            frameworks = {framework.id: framework for framework, _, _ in self.tasks.values()}
            self.link(MASTER)
            self.send(MASTER, RegisterAgent(self.info, tuple(frameworks.values()), (), records, "1"))
            self._timer = self.after(self.rng.uniform(1, 3), self.register)

    @handles(AgentRegistered)
    def registered(self, message: AgentRegistered, sender: UPID | None) -> None:
        self.master = sender
        self.info = AgentInfo("machine", self.info.resources, id=message.agent_id, checkpoint=True)
        for framework_id, task_id in message.tasks:
            if task_id not in self.tasks:
                self.say(framework_id, self.status(task_id, TaskState.DROPPED))
        for task_id in self.tasks:
            self.repeat(task_id)

    @handles(PingAgent)
    def ping(self, message: PingAgent, sender: UPID | None) -> None:
        if sender is not None:
            self.send(sender, PongAgent(self.info.id))
        if not message.connected and self._timer is None:
            self.master = None
            self.register()

    @handles(RunTask)
    def run(self, message: RunTask, sender: UPID | None) -> None:
        if sender != self.master:
            return
        task_id = message.task.task_id
        self.started[task_id] += 1
        running = [self.status(task_id, TaskState.RUNNING)]
        self.tasks[task_id] = message.framework, message.task, running
        self.after(self.rng.uniform(1, 20), self.finish, task_id)
        self.repeat(task_id)

    def finish(self, task_id: str) -> None:
        self.tasks[task_id][2].append(self.status(task_id, TaskState.FINISHED))

    def status(self, task_id: str, state: TaskState) -> TaskStatus:
        uuid = f"{task_id}/{state}/{self.started[task_id]}"
        return TaskStatus(task_id, state, Source.AGENT, agent_id=self.info.id, executor_id=task_id, uuid=uuid)

    def repeat(self, task_id: str) -> None:
        """Say the first that is not acknowledged, again and again."""
        if task_id in self.tasks:
            framework, _, unsaid = self.tasks[task_id]
            self.say(framework.id, unsaid[0])
            self.after(5, self.repeat, task_id)

    def say(self, framework_id: str, status: TaskStatus) -> None:
        if self.master is not None:
            self.send(self.master, StatusUpdate(framework_id, status))

    @handles(StatusUpdateAcknowledgement)
    def acknowledged(self, message: StatusUpdateAcknowledgement) -> None:
        unsaid = self.tasks[message.task_id][2] if message.task_id in self.tasks else []
        if unsaid and unsaid[0].uuid == message.uuid:
            if unsaid[0].state.terminal:
                del self.tasks[message.task_id]
            elif len(unsaid) > 1:
                unsaid.pop(0)

    def exited(self, upid: UPID, reason: str) -> None:
        self.master = None
        if self._timer is None:
            self.register()


class Client(Framework):
    """Submits tasks and awaits them."""

    async def registered(self) -> None:
        tasks = []
        for number in range(TASKS):
            task = TaskInfo(f"t{number}", Resources.parse("cpus:1;mem:64"), command=CommandInfo("x"))
            tasks.append(self.submit(task))
            await asyncio.sleep(1)
        self.ends = Counter([(await task).state for task in tasks])
        self.stop()


class Story:
    def __init__(self, seed: int) -> None:
        self.rng = Random(f"story/{seed}")
        self.started: Counter[str] = Counter()
        self.registry = MemoryRegistry()
        self.lives = 0
        self.client = Client("client", failover_timeout=3600, partition_aware=bool(seed % 2), seed=seed)

    async def master(self, simulation: Simulation) -> None:
        self.lives += 1
        system = await simulation.start("master")
        system.spawn(Master(registry=self.registry, options=MasterOptions(), seed=self.lives), "master")

    async def faults(self, simulation: Simulation) -> None:
        while True:
            await asyncio.sleep(self.rng.expovariate(0.3))
            choice = self.rng.random()
            if choice < 0.7:
                simulation.network.cut("framework", "master")
            elif choice < 0.9:
                simulation.network.cut(self.rng.choice(["m0", "m1"]), "master")
            else:
                simulation.crash("master")
                await asyncio.sleep(self.rng.uniform(0, 3))
                await self.master(simulation)

    async def run(self, simulation: Simulation) -> None:
        # Slow, so that much is on its way when a connection is cut.
        simulation.network.latency = uniform(0.01, 0.4)
        await self.master(simulation)
        for name in ("m0", "m1"):
            (await simulation.start(name)).spawn(Machine(Random(f"{name}/{self.rng.random()}"), self.started))
        faults = asyncio.ensure_future(self.faults(simulation))
        system = await simulation.start("framework")
        running: Any = self.client.run(MASTER, system=system)
        async with asyncio.timeout(3000):
            await running
        faults.cancel()


@pytest.mark.parametrize("seed", range(12))
def test_each_task_runs_once_whatever_is_lost(seed: int) -> None:
    story = Story(seed)
    Simulation(seed, keep_trace=False).run(story.run)
    assert story.client.ends == {TaskState.FINISHED: TASKS}
    assert story.started == {f"t{number}": 1 for number in range(TASKS)}
