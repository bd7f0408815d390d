"""Processes of a simulated cluster: masters, agents and frameworks that can be crashed and started again."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Coroutine
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from actors import UPID, ActorSystem, handles
from cluster.agent import Agent
from cluster.election import MASTER_ID
from cluster.framework import FrameworkRefusedError
from cluster.master import Master, MasterOptions, RateLimit
from cluster.messages import AgentInfo, KillTask
from cluster.registry import Registry
from cluster.resources import Resources

from .election import SimulatedContender
from .etcd_election import Candidacy
from .machine import MachineContainerizer, SimulatedMachine
from .plan import AgentPlan, FrameworkPlan
from .storage import SimulatedRegistry, SimulatedStore, lose_tail
from .tempers import TEMPER_CLASSES, Client

if TYPE_CHECKING:
    from .world import World

__all__ = ["AgentNode", "FrameworkNode", "MasterNode", "Node"]

AGENT_ID = "agent"
WHY_MASTERS_END = ("the simulated disk failed", "does not lead any more", "leads no longer", "master leads")
KILLED_WITHIN = 60.0
"""Seconds beyond the grace period in which a task has ended of which an agent was told to end it."""


class Node:
    """A place in the cluster, and the process that runs there now, if one does."""

    def __init__(self, world: World, name: str, offset: float = 0.0, rate: float = 1.0) -> None:
        self.world = world
        self.name = name
        self.offset = offset
        self.rate = rate
        self.rng = Random(f"{name}/{world.plan.seed}")
        self.system: ActorSystem | None = None
        self.lives = 0
        self._tasks: list[asyncio.Task[Any]] = []

    @property
    def up(self) -> bool:
        """Whether a process runs."""
        return self.system is not None

    async def start(self) -> None:
        """Start the process, if none runs."""
        if self.up:
            return
        self.lives += 1
        self.system = await self.world.simulation.start(self.name, offset=self.offset, rate=self.rate)
        self._tasks = []
        self.run()

    def run(self) -> None:
        """What the process does."""
        raise NotImplementedError

    def background(self, work: Coroutine[Any, Any, Any]) -> None:
        """Have the process do something; it ends with the process."""
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    def crash(self, *, silent: bool = False, lose_disk: bool = False) -> None:
        """The process is killed; with `silent` its machine loses power."""
        if not self.up:
            return
        self.system = None
        self.world.simulation.crash(self.name, silent=silent, lose_disk=lose_disk)
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        if silent:
            self.world.keepalive(self.name)

    def alive_in(self, life: int) -> bool:
        """Whether the process of that life still runs."""
        return self.up and self.lives == life

    def later(self, seconds: float) -> None:
        """Have whoever watches over processes start it again."""
        self.world.later(seconds, self.start)

    def ended(self, what: str, reason: str, *, expected: bool) -> None:
        """The actor that is all of this process has ended: the process exits, and is started again."""
        self.world.simulation.note(f"{self.name}: {what} ended: {reason}")
        if not expected:
            self.world.checker.violation("actor-died", f"{what} on {self.name}: {reason}")
        self.crash()
        self.later(self.rng.uniform(0.5, 3.0))


class MasterNode(Node):
    """A master: contends, leads, and ends when it no longer does."""

    master: Master | None = None
    contender: SimulatedContender | None = None
    candidacy: Candidacy | None = None

    def run(self) -> None:
        """As the node of cluster.local does: contend, then be the master."""
        self.master = None
        self.background(self._main())

    @property
    def leads(self) -> bool:
        """Whether it would act now."""
        return self.candidacy is None or self.candidacy.contender.leads

    async def _main(self) -> None:
        world, life, system = self.world, self.lives, self.system
        assert system is not None
        upid = UPID.at(MASTER_ID, system.address)
        if world.in_etcd is not None:
            self.candidacy = candidacy = world.in_etcd.candidacy(self.name, system.clock)
            await candidacy.contender.contend(upid)
        elif not world.plan.standalone:
            self.contender = SimulatedContender(world.election)
            await self.contender.contend(upid)
        plan = world.plan
        options = MasterOptions(
            offer_timeout=plan.offer_timeout,
            ping_interval=plan.ping_interval,
            max_missed_pings=plan.max_missed_pings,
            agent_reregister_timeout=plan.agent_reregister_timeout,
            agent_removal_rate_limit=plan.removal_limit,
            rate_limits={"p": RateLimit(plan.qps)} if plan.qps is not None else {},
        )
        registry: Registry = (
            self.candidacy.registry
            if self.candidacy is not None
            else SimulatedRegistry(world.registry, world.disk("registry"), lambda: self.alive_in(life))
        )
        contender = self.candidacy.contender if self.candidacy is not None else self.contender
        self.master = Master(
            options=options,
            registry=registry,
            allocator=plan.allocator,
            leads=None if contender is None else lambda: contender.leads,
            seed=self.rng.getrandbits(32),
        )
        state = self.master.state
        self.master.on_turn = lambda: world.checker.master_turn(state)
        system.spawn(self.master, MASTER_ID)
        lost = asyncio.ensure_future(contender.lost()) if contender is not None else None
        waits = asyncio.ensure_future(system.wait(upid))
        await asyncio.wait([waits, lost] if lost else [waits], return_when=asyncio.FIRST_COMPLETED)
        if waits.done():
            reason = waits.result()
            self.ended("the master", reason, expected=any(text in reason for text in WHY_MASTERS_END))
        else:
            waits.cancel()
            self.ended("the lead", lost.result() if lost else "", expected=True)

    def crash(self, *, silent: bool = False, lose_disk: bool = False) -> None:
        """Its session ends some time later."""
        if self.candidacy is not None:
            self.candidacy.kill()
            self.candidacy = None
        if self.up and self.contender is not None:
            self.contender.crash(self.rng.uniform(2, 8) if silent else self.rng.uniform(0, 2))
            self.contender = None
        self.master = None
        super().crash(silent=silent, lose_disk=lose_disk)


class _WatchedAgent(Agent):
    """An agent that tells of its turns, as a master does."""

    on_turn: Any = None
    on_kill: Any = None

    @handles(KillTask)
    def kill_task(self, message: KillTask, sender: UPID | None) -> None:
        if sender is not None and sender == self.master:
            self.on_kill(message)
        super().kill_task(message, sender)

    def _done(self) -> None:
        super()._done()
        self.on_turn()


class _Sandboxes:
    """In no file system."""

    def create(self, agent_id: str, framework_id: str, executor_id: str) -> Path:
        return Path("/simulated") / agent_id / framework_id / executor_id

    def remember(self, agent_id: str, framework_id: str, executor_id: str, name: str) -> None:
        pass

    def latest(self, agent_id: str, framework_id: str, executor_id: str) -> Path | None:
        return None

    def forget(self, path: Path) -> None:
        pass


class AgentNode(Node):
    """An agent on a machine of its own. Crashed softly, the machine's containers live on, if agents recover."""

    def __init__(self, world: World, plan: AgentPlan) -> None:
        super().__init__(world, plan.name, plan.offset, plan.rate)
        self.plan = plan
        self.agent: _WatchedAgent | None = None
        self.retired = False
        """The master has shut it down for good: it stays down until an operator makes it another agent."""
        self.boots = 0
        self.machine = SimulatedMachine(
            plan.name, world.simulation, world.checker, self.rng, world.plan.launch_failures
        )

    def run(self) -> None:
        """Be the agent."""
        world, life, system = self.world, self.lives, self.system
        assert system is not None
        info = AgentInfo(
            self.name,
            Resources.of(cpus=self.plan.cpus, mem=self.plan.mem),
            checkpoint=self.plan.checkpoint,
            revocable=Resources.of(cpus=self.plan.revocable) if self.plan.revocable else Resources(),
        )
        containerizer = MachineContainerizer(self.machine, lambda: self.alive_in(life))
        agent = _WatchedAgent(
            info,
            world.detector(self),
            containerizer,
            Path("/simulated"),
            boot_id=f"boot {self.boots}",
            key=b"on the disk",
            seed=self.rng.getrandbits(32),
            **self._store(life),
        )
        agent.sandboxes = agent.runner._sandboxes = _Sandboxes()  # type: ignore[assignment]
        agent.on_turn = lambda: world.checker.agent_turn(self.name, life, agent.state)
        agent.on_kill = lambda message: self._killed(message, life)
        self.agent = agent
        upid = system.spawn(agent, AGENT_ID)
        self.background(self._wait(upid))

    async def start(self) -> None:
        """Start the process, unless this agent is never to run again."""
        if not self.retired:
            await super().start()

    async def renew(self) -> None:
        """What an operator does with a machine whose agent is gone for good: it becomes another."""
        if self.retired:
            self.retired = False
            self.world.simulation.disks.pop(self.name, None)
            await self.start()

    def _killed(self, message: KillTask, life: int) -> None:
        """The agent is told to end a task that runs, or is about to: if the process lives, it does."""
        truth = self.world.checker.truth(message.framework_id, message.task_id)

        def check() -> None:
            if self.alive_in(life) and truth.runs and truth.starts[-1][1] == self.name:
                self.world.checker.violation("kill-ignored", f"{self.name}: {truth}")

        self.world.simulation.loop.call_later(max(message.grace_period, 5.0) + KILLED_WITHIN, check)

    def _store(self, life: int) -> dict[str, Any]:
        if not self.plan.checkpoint:
            return {}
        place = self.world.simulation.disk(self.name)
        return {"store": SimulatedStore(place, self.world.disk(self.name), lambda: self.alive_in(life))}

    async def _wait(self, upid: UPID) -> None:
        assert self.system is not None
        reason = await self.system.wait(upid)
        self.world.checker.counts[f"agent ended: {reason.partition(':')[0]}"] += 1
        # One whose machine is down for maintenance is refused until it is up again.
        self.retired = "shut down by the master" in reason and "maintenance" not in reason
        expected = ("refused", "shut down by the master", "the simulated disk failed")
        self.ended("the agent", reason, expected=any(text in reason for text in expected))

    def crash(self, *, silent: bool = False, lose_disk: bool = False, machine: bool = False) -> None:
        """The process, or with `machine` all that runs there."""
        super().crash(silent=silent, lose_disk=lose_disk)
        self.agent = None
        if silent or machine or lose_disk:
            self.boots += 1
            self.world.checker.rebooted(self.name)
            self.machine.power_off()
        elif not self.plan.checkpoint:
            self.machine.power_off()
        if silent:
            lose_tail(self.world.simulation.disk(self.name), self.rng)


class FrameworkNode(Node):
    """A framework's scheduler. What it must not forget is on its disk."""

    def __init__(self, world: World, plan: FrameworkPlan) -> None:
        super().__init__(world, plan.name, plan.offset)
        self.plan = plan
        self.framework: Client | None = None
        self.gone = False
        """It has left for good."""

    def run(self) -> None:
        """Be the framework."""
        disk = self.world.simulation.disk(self.name)
        self.framework = TEMPER_CLASSES[self.plan.temper](self.plan, disk, self.rng, self.world.checker)
        self.background(self._main(self.framework))
        if self.world.draining:
            self.drain()

    def drain(self) -> None:
        """Come to an end with its tasks."""
        if self.framework is not None and self.up:
            self.background(self.framework.drain())

    async def _main(self, framework: Client) -> None:
        try:
            await framework.run(self.world.detector(self), system=self.system)
        except FrameworkRefusedError as error:
            self.world.simulation.note(f"{self.name} is refused: {error}")
            self.world.checker.counts["frameworks refused"] += 1
            # What it knew is void: it begins anew, under another id.
            self.world.simulation.disk(self.name).clear()
            self.crash()
            self.later(self.rng.uniform(0.5, 3.0))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            text = "".join(traceback.format_exception(error))
            self.world.checker.violation("framework-raised", f"{self.name}: {text}")
            self.crash()
            self.later(self.rng.uniform(0.5, 3.0))
        else:
            self.gone = True
            self.crash()

    def crash(self, *, silent: bool = False, lose_disk: bool = False) -> None:
        """Its process."""
        super().crash(silent=silent, lose_disk=lose_disk)
        self.framework = None
