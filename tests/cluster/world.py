"""A master in paused time, and actors that play its agents and frameworks, message by message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from actors import NOCONNECTION, UPID, Actor, ActorSystem, InProcessNetwork, Message, PausedClock
from actors.testing import advance, settle
from cluster.attributes import Attributes
from cluster.master import Master, MasterOptions, RoleOptions
from cluster.master.invariants import violations
from cluster.messages import (
    Accept,
    AgentInfo,
    AgentRegistered,
    CommandInfo,
    Decline,
    ExecutorInfo,
    ExecutorState,
    Filters,
    FrameworkInfo,
    Launch,
    Offer,
    Offers,
    Operation,
    PingAgent,
    PongAgent,
    RegisterAgent,
    StatusUpdate,
    Subscribe,
    Subscribed,
    TaskInfo,
    TaskRecord,
    TaskState,
    TaskStatus,
    Update,
    UpdateOperation,
)
from cluster.registry import MemoryRegistry, Registry
from cluster.resources import Resources

M = TypeVar("M", bound=Message)


class Peer(Actor):
    """Keeps what it is sent, and sends what the test says."""

    def __init__(self) -> None:
        self.inbox: list[Message] = []
        self.id = ""
        self.info = AgentInfo("host", Resources())
        self.framework = FrameworkInfo("test")
        self.answers_pings = True

    def unhandled(self, message: Message, sender: UPID | None) -> None:
        if isinstance(message, PingAgent):
            if self.answers_pings and sender is not None:
                self.send(sender, PongAgent(self.id))
            return
        self.inbox.append(message)

    def take(self, kind: type[M]) -> list[M]:
        """The messages of a type that came since the last time."""
        taken = [message for message in self.inbox if isinstance(message, kind)]
        self.inbox = [message for message in self.inbox if not isinstance(message, kind)]
        return taken

    def offers(self) -> list[Offer]:
        """The offers that came since the last time."""
        return [offer for message in self.take(Offers) for offer in message.offers]

    def statuses(self) -> list[TaskStatus]:
        """The statuses that came since the last time."""
        return [message.status for message in self.take(Update)]


class World:
    """The invariants are checked after every turn of the master; `settle` and `advance` assert them."""

    def __init__(
        self,
        options: MasterOptions | None = None,
        registry: Registry | None = None,
        weights: dict[str, float] | None = None,
        allocator: str = "drf",
        roles: dict[str, RoleOptions] | None = None,
    ) -> None:
        self.clock = PausedClock()
        self.network = InProcessNetwork()
        self.system = ActorSystem(clock=self.clock, transport=self.network.transport("world"))
        self.registry = registry or MemoryRegistry()
        self.masters = 0
        self.broken: list[str] = []
        self.master = self._make(options=options, weights=weights, allocator=allocator, roles=roles)

    def _make(self, **settings: Any) -> Master:
        self.masters += 1
        master = Master(registry=self.registry, seed=self.masters, **settings)
        master.on_turn = self._check
        return master

    def _check(self) -> None:
        master = self.master
        self.broken += violations(master.state)
        stored = getattr(self.registry, "state", None)
        if stored is not None and master.durable and stored != master.state.registry:
            self.broken.append(f"on record is {stored}, the master says {master.state.registry}")

    async def __aenter__(self) -> World:
        await self.system.start()
        self.system.spawn(self.master, "master")
        await self.settle()
        return self

    async def restart(self, **settings: Any) -> None:
        """The master ends, and another begins with the same registry, at the same address."""
        self.system.terminate(self.master.upid)
        await settle(self.system)
        self.master = self._make(**settings)
        self.system.spawn(self.master, "master")
        await self.settle()

    async def __aexit__(self, *_: object) -> None:
        await self.system.close()

    async def settle(self) -> None:
        await settle(self.system)
        self._check()
        assert self.broken == []

    async def advance(self, seconds: float) -> None:
        await advance(self.clock, seconds, self.system)
        self._check()
        assert self.broken == []

    def tell(self, peer: Peer, message: Message) -> None:
        """Send to the master in a peer's name."""
        self.system.send(self.master.upid, message, peer.upid)

    def spawn(self) -> Peer:
        peer = Peer()
        self.system.spawn(peer)
        return peer

    async def agent(
        self,
        resources: str = "cpus:4;mem:1024",
        attributes: str = "",
        *,
        hostname: str = "host",
        **fields: Any,
    ) -> Peer:
        """An agent that has registered."""
        agent = self.spawn()
        info = AgentInfo(hostname, Resources.parse(resources), Attributes.parse(attributes), **fields)
        self.tell(agent, RegisterAgent(info))
        await self.settle()
        (registered,) = agent.take(AgentRegistered)
        agent.id = registered.agent_id
        agent.info = msgspec.structs.replace(info, id=agent.id)
        return agent

    async def register(
        self,
        agent: Peer,
        *tasks: TaskRecord,
        frameworks: Sequence[FrameworkInfo] = (),
        executors: Sequence[ExecutorState] = (),
        incarnation: str = "",
        forgetful: bool = False,
        **changes: Any,
    ) -> AgentRegistered:
        """Have an agent register again, with what it runs; it says of itself what it said before, but for changes."""
        agent.info = msgspec.structs.replace(agent.info, **changes)
        message = RegisterAgent(
            agent.info, tuple(frameworks), tuple(executors), tasks, incarnation, forgetful
        )
        self.tell(agent, message)
        await self.settle()
        (registered,) = agent.take(AgentRegistered)
        return registered

    async def disconnect(self, agent: Peer) -> None:
        """The connection to an agent breaks."""
        await self.system.call(self.master.upid, self.master.exited, agent.upid, NOCONNECTION)
        await self.settle()

    async def lose(self, agent: Peer) -> None:
        """An agent does not answer until it is unreachable."""
        agent.answers_pings = False
        await self.disconnect(agent)
        await self.advance(15 * 6)
        agent.answers_pings = True
        assert agent.id in self.master.state.registry.unreachable

    async def order(self, method: str, *arguments: Any) -> Any:
        """Call a method of the master's as an operator's page does."""
        answer = await self.system.call(self.master.upid, getattr(self.master, method), *arguments)
        await self.settle()
        return answer

    async def subscribe(self, framework: Peer) -> None:
        """Have a framework subscribe again, with its id."""
        self.tell(framework, Subscribe(framework.framework))
        await self.settle()
        framework.take(Subscribed)

    async def framework(self, *roles: str, **fields: object) -> Peer:
        """A framework that has subscribed."""
        framework = self.spawn()
        info = FrameworkInfo("test", roles=roles or ("*",), **fields)
        self.tell(framework, Subscribe(info))
        await self.settle()
        (subscribed,) = framework.take(Subscribed)
        framework.id = subscribed.framework_id
        framework.framework = msgspec.structs.replace(info, id=framework.id)
        return framework

    async def accept(
        self, framework: Peer, offers: Sequence[Offer | str], *tasks: TaskInfo, refuse: float = 5.0
    ) -> None:
        ids = tuple(offer if isinstance(offer, str) else offer.id for offer in offers)
        self.tell(framework, Accept(framework.id, ids, (Launch(tasks),), Filters(refuse)))
        await self.settle()

    async def operate(
        self, framework: Peer, offers: Sequence[Offer], *operations: Operation, refuse: float = 10**6
    ) -> list[UpdateOperation]:
        """Accept offers with any operations; returns what the framework is told of those."""
        ids = tuple(offer.id for offer in offers)
        self.tell(framework, Accept(framework.id, ids, operations, Filters(refuse)))
        await self.settle()
        return framework.take(UpdateOperation)

    async def decline(self, framework: Peer, *offers: Offer, refuse: float = 5.0) -> None:
        self.tell(framework, Decline(framework.id, tuple(offer.id for offer in offers), Filters(refuse)))
        await self.settle()

    async def update(
        self, agent: Peer, framework: Peer, task_id: str, state: TaskState, uuid: str = ""
    ) -> str:
        """An agent's status update; returns its uuid."""
        uuid = uuid or f"{task_id}-{state.short}"
        self.tell(agent, StatusUpdate(framework.id, TaskStatus(task_id, state, uuid=uuid)))
        await self.settle()
        return uuid

    def unused(self, agent: Peer) -> str:
        """What nobody uses of an agent: what is free, and what is on offer."""
        state = self.master.state
        record = state.agents[agent.id]
        offers = [state.offers[offer_id][0].resources for offer_id in record.offers]
        return str(sum(offers, record.free))

    def free(self, agent: Peer) -> str:
        """What the master holds for free on an agent."""
        return str(self.master.state.agents[agent.id].free)


def running(
    framework: Peer | str, task_id: str = "t", resources: str = "cpus:1;mem:128", **fields: Any
) -> TaskRecord:
    """A task as its agent says that it runs it."""
    status = TaskStatus(task_id, fields.pop("state", TaskState.RUNNING), uuid=fields.pop("uuid", "u"))
    framework_id = framework if isinstance(framework, str) else framework.id
    return TaskRecord(framework_id, task(task_id, resources), status, **fields)


def task(task_id: str = "t", resources: str = "cpus:1;mem:128", **fields: object) -> TaskInfo:
    fields.setdefault("command", CommandInfo("true") if "executor" not in fields else None)
    return TaskInfo(task_id, Resources.parse(resources), **fields)


def executor(executor_id: str = "e", resources: str = "cpus:0.5;mem:64") -> ExecutorInfo:
    return ExecutorInfo(executor_id, CommandInfo("run"), Resources.parse(resources))
