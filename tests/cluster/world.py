"""A master in paused time, and actors that play its agents and frameworks, message by message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from actors import UPID, Actor, ActorSystem, InProcessNetwork, Message, PausedClock
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
    Filters,
    FrameworkInfo,
    Launch,
    Offer,
    Offers,
    PingAgent,
    PongAgent,
    RegisterAgent,
    StatusUpdate,
    Subscribe,
    Subscribed,
    TaskInfo,
    TaskState,
    TaskStatus,
    Update,
)
from cluster.registry import MemoryRegistry, Registry
from cluster.resources import Resources

M = TypeVar("M", bound=Message)


class Peer(Actor):
    """Keeps what it is sent, and sends what the test says."""

    def __init__(self) -> None:
        self.inbox: list[Message] = []
        self.id = ""
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
        self.master = Master(
            options=options,
            registry=registry or MemoryRegistry(),
            weights=weights,
            allocator=allocator,
            roles=roles,
            seed=1,
        )
        self.broken: list[str] = []
        self.master.on_turn = self._check

    def _check(self) -> None:
        self.broken += violations(self.master.state)

    async def __aenter__(self) -> World:
        await self.system.start()
        self.system.spawn(self.master, "master")
        await self.settle()
        return self

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

    async def agent(self, resources: str = "cpus:4;mem:1024", attributes: str = "") -> Peer:
        """An agent that has registered."""
        agent = self.spawn()
        info = AgentInfo("host", Resources.parse(resources), Attributes.parse(attributes))
        self.tell(agent, RegisterAgent(info))
        await self.settle()
        (registered,) = agent.take(AgentRegistered)
        agent.id = registered.agent_id
        return agent

    async def framework(self, *roles: str, **fields: object) -> Peer:
        """A framework that has subscribed."""
        framework = self.spawn()
        info = FrameworkInfo("test", roles=roles or ("*",), **fields)
        self.tell(framework, Subscribe(info))
        await self.settle()
        (subscribed,) = framework.take(Subscribed)
        framework.id = subscribed.framework_id
        return framework

    async def accept(
        self, framework: Peer, offers: Sequence[Offer | str], *tasks: TaskInfo, refuse: float = 5.0
    ) -> None:
        ids = tuple(offer if isinstance(offer, str) else offer.id for offer in offers)
        self.tell(framework, Accept(framework.id, ids, (Launch(tasks),), Filters(refuse)))
        await self.settle()

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

    def free(self, agent: Peer) -> str:
        """What the master holds for free on an agent."""
        return str(self.master.state.agents[agent.id].free)


def task(task_id: str = "t", resources: str = "cpus:1;mem:128", **fields: object) -> TaskInfo:
    fields.setdefault("command", CommandInfo("true") if "executor" not in fields else None)
    return TaskInfo(task_id, Resources.parse(resources), **fields)


def executor(executor_id: str = "e", resources: str = "cpus:0.5;mem:64") -> ExecutorInfo:
    return ExecutorInfo(executor_id, CommandInfo("run"), Resources.parse(resources))
