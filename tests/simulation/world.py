"""A simulated cluster: all of its nodes, what they share, and whether it is quiet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from random import Random
from typing import Any

from actors import UPID
from actors.simulation import Simulation, exponential
from cluster.election import MASTER_ID, Detector, StandaloneDetector
from cluster.master import Master
from cluster.registry import MemoryRegistry

from .checker import Checker
from .election import SimulatedDetector, SimulatedElection
from .etcd_election import EtcdElection
from .nodes import AgentNode, FrameworkNode, MasterNode, Node
from .plan import Plan
from .storage import Disk

__all__ = ["World"]

KEEPALIVE = 20.0
"""Seconds until the kernel sees that the machine at the other end is gone, though nothing is sent."""


class World:
    """The cluster of a plan, in a simulation that runs."""

    def __init__(self, simulation: Simulation, plan: Plan, checker: Checker) -> None:
        self.simulation = simulation
        self.plan = plan
        self.checker = checker
        self.rng = Random(f"world/{plan.seed}")
        self.registry = MemoryRegistry()
        self.draining = False
        self._disks: dict[str, Disk] = {}
        self._partitions: dict[object, tuple[list[str], list[str], bool]] = {}
        self._starts: set[asyncio.Task[Any]] = set()
        self._detectors: dict[str, Detector] = {}
        simulation.network.latency = exponential(*plan.latency)
        self.election = SimulatedElection(simulation.loop, Random(f"election/{plan.seed}"), simulation.note)
        self.in_etcd = EtcdElection(simulation, plan.seed, plan.lease_ttl) if plan.lease_ttl else None
        self.masters = [MasterNode(self, name) for name in plan.masters]
        self.agents = [AgentNode(self, each) for each in plan.agents]
        self.frameworks = [FrameworkNode(self, each) for each in plan.frameworks]
        self.nodes: dict[str, Node] = {
            node.name: node for node in [*self.masters, *self.agents, *self.frameworks]
        }

    async def start(self) -> None:
        """Start all nodes."""
        for node in self.nodes.values():
            await node.start()

    @property
    def leader(self) -> MasterNode | None:
        """The master that leads, if it does by now."""
        return next(
            (node for node in self.masters if node.up and node.master is not None and node.leads), None
        )

    def detector(self, node: Node) -> Detector:
        """How a process learns who leads."""
        if self.plan.standalone:
            return StandaloneDetector(UPID.at(MASTER_ID, (self.plan.masters[0], 1)))
        former = self._detectors.get(node.name)
        if former is not None:
            former.close()
        if self.in_etcd is not None:
            assert node.system is not None
            following = self._detectors[node.name] = self.in_etcd.detector(node.name, node.system.clock)
            return following
        detector = self._detectors[node.name] = SimulatedDetector(self.election)
        return detector

    def disk(self, name: str) -> Disk:
        """How a disk behaves."""
        if name not in self._disks:
            self._disks[name] = Disk(Random(f"disk {name}/{self.plan.seed}"))
        return self._disks[name]

    def later(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        """Do something after a while."""

        async def main() -> None:
            await asyncio.sleep(seconds)
            await act()

        task = asyncio.get_running_loop().create_task(main())
        self._starts.add(task)
        task.add_done_callback(self._starts.discard)

    # The network.

    def partition(self, key: object, some: list[str], others: list[str], *, one_way: bool) -> None:
        """Begin a partition."""
        self._partitions[key] = (some, others, one_way)
        self.simulation.network.partition(some, others, one_way=one_way)
        if self.in_etcd is not None and Random(f"etcd {key}/{self.plan.seed}").random() < 0.5:
            # etcd is on the side of those who are more.
            few = some if len(some) < len(others) else others
            to, back = few is some or not one_way, few is others or not one_way
            self.in_etcd.block(key, few, to=to, back=back)

    def heal(self, key: object) -> None:
        """End that partition; others last."""
        if self.in_etcd is not None:
            self.in_etcd.unblock(key)
        if self._partitions.pop(key, None) is not None:
            self.simulation.network.heal()
            for some, others, one_way in self._partitions.values():
                self.simulation.network.partition(some, others, one_way=one_way)

    def keepalive(self, name: str) -> None:
        """The kernels of its peers find out, some time later, that a machine has lost its power."""

        def probe() -> None:
            address = (name, 1)
            for transport in list(self.simulation.network.systems.values()):
                connection = transport.connections.get(address)
                if connection is not None and connection.open and address not in connection.ends:
                    connection.break_("keepalive: no answer")

        self.simulation.loop.call_later(KEEPALIVE, probe)

    async def operate(self, call: str, *args: Any) -> None:
        """Have an operator call the master that leads, if one does."""
        leader = self.leader
        if leader is not None and leader.master is not None and leader.master.durable:
            master = leader.master
            problem = await master.system.call(master.upid, lambda: getattr(master, call)(*args))
            self.simulation.note(f"operator: {call} {args}: {problem or 'done'}")

    # The end.

    async def recover(self) -> None:
        """End all faults: everything heals, everybody is up."""
        for key in list(self._partitions):
            self.heal(key)
        self.simulation.network.heal()
        for disk in self._disks.values():
            disk.delay, disk.failing = 0.0, False
        for node in self.nodes.values():
            await node.start()

    async def led(self) -> Master:
        """Wait until a master leads, and has written what it knows."""
        while True:
            leader = self.leader
            if leader is not None and leader.master is not None and leader.master.durable:
                return leader.master
            await asyncio.sleep(1)

    async def clean_up(self) -> None:
        """What an operator does when all is over: agents that never come back are gone, all others are offered."""
        registry = (await self.led()).state.registry
        alive = {node.agent.state.info.id for node in self.agents if node.agent is not None}
        for agent_id in {**registry.agents, **registry.unreachable}:
            if agent_id not in alive:
                await self.led()
                await self.operate("mark_gone", agent_id)
        for agent_id in list(registry.drains):
            await self.led()
            await self.operate("reactivate", agent_id)
        for node in self.agents:
            await node.renew()

    def drain(self) -> None:
        """All frameworks come to an end with their tasks."""
        self.draining = True
        for node in self.frameworks:
            node.drain()

    def unquiet(self, *, final: bool) -> Iterator[str]:
        """What is not yet as it must be when all is over; `final`: when all frameworks have left, too."""
        for node in self.nodes.values():
            # A drain that ends late takes its agent away after an operator has cleaned up.
            away = node.gone if isinstance(node, FrameworkNode) else getattr(node, "retired", False)
            if not node.up and not away:
                yield f"{node.name} is down"
        leader = self.leader
        if leader is None or leader.master is None:
            yield "nobody leads"
            return
        state = leader.master.state
        yield from self._agents_unquiet(leader.master)
        for key, task in [(k, t) for agent in state.agents.values() for k, t in agent.tasks.items()]:
            yield f"the master has task {key}: {task.state.short}"
        for node in self.frameworks:
            framework = node.framework
            if framework is None or not node.up or node.gone:
                continue
            if not framework.connected:
                yield f"{node.name} is not subscribed"
            for task_id in framework.unheard:
                yield f"{node.name} has not heard of the end of {self.checker.truth(framework.id, task_id)}"
            if framework.waiting:
                yield f"{node.name}: {framework.waiting} tasks wait for resources"
        if final:
            yield from (f"the master waits for agent {agent_id}" for agent_id in state.recovering)
            yield from (f"the master has framework {f.id} ({f.info.name})" for f in state.frameworks.values())
            yield from (f"the master has offer {offer_id}" for offer_id in state.offers)
            for kind in ("quotas", "reservations", "windows", "drains"):
                if left := getattr(state.registry, kind):
                    yield f"operators have put back all {kind}, but there are {left}"
            for agent in state.agents.values():
                if agent.free != agent.info.resources:
                    yield f"agent {agent.id}: free {agent.free} of {agent.info.resources}"

    def _agents_unquiet(self, master: Master) -> Iterator[str]:
        records = dict(master.state.agents)
        for node in self.agents:
            agent = node.agent
            if agent is None:
                continue
            if agent.master != master.upid:
                yield f"{node.name} is not registered"
            record = records.pop(agent.state.info.id, None)
            if record is None or not record.connected or record.upid != agent.upid:
                yield f"the master does not know {node.name} ({agent.state.info.id}) as connected"
            else:
                here = {key for key, run in agent.state.runs.items() if run.info is not None}
                if here != set(record.executors):
                    yield f"{node.name} runs executors {sorted(here)}, the master has {sorted(record.executors)}"
            for run in agent.state.runs.values():
                for task_id in run.tasks:
                    yield f"{node.name} has {self.checker.truth(run.framework.id, task_id)}"
            for key in agent.state.finished:
                yield f"{node.name} has not been told that the end is known of {self.checker.truth(*key)}"
            if len(agent.state.updates):
                yield f"{node.name}: {len(agent.state.updates)} updates are not acknowledged"
            for container in node.machine.running:
                if container.task_id:
                    yield f"on {node.name} runs {self.checker.truth(container.framework_id, container.task_id)}"
                elif (
                    container.framework_id,
                    container.spec.env["OSTROM_EXECUTOR_ID"],
                ) not in agent.state.runs:
                    yield f"on {node.name} runs an executor that its agent does not know"
        for record in records.values():
            yield f"the master has agent {record.id} at {record.upid}, that is no more"
