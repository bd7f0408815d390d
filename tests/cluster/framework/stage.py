"""A framework in paused time, and a master that does what the test says, message by message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from actors import UPID, Actor, ActorSystem, InProcessNetwork, InProcessTransport, Message, PausedClock
from actors.testing import advance, settle
from cluster.framework import Framework, TaskHandle
from cluster.messages import (
    Accept,
    InverseOffer,
    Launch,
    LaunchGroup,
    Offer,
    Offers,
    Reason,
    Source,
    Subscribe,
    Subscribed,
    TaskInfo,
    TaskState,
    TaskStatus,
    Update,
    UpdateOperation,
)
from cluster.resources import Resources

M = TypeVar("M", bound=Message)
F = TypeVar("F", bound=Framework)

ID = "F1"


def ended(handle: TaskHandle) -> TaskStatus:
    """The last status of a task that has ended."""
    assert handle.done
    assert handle.status is not None
    return handle.status


class Recorder(Framework):
    """Remembers each callback: its name and what it was given."""

    def __init__(self, name: str = "recorder", **options: Any) -> None:
        options.setdefault("seed", 1)
        super().__init__(name, **options)
        self.told: list[tuple[Any, ...]] = []

    def take(self, name: str) -> list[Any]:
        """What a callback was given since the last time."""
        taken = [call[1] if len(call) == 2 else call[1:] for call in self.told if call[0] == name]
        self.told = [call for call in self.told if call[0] != name]
        return taken

    def states(self) -> list[str]:
        """The states that `status` was told since the last time."""
        return [status.state.short for status in self.take("status")]

    async def registered(self) -> None:
        self.told.append(("registered",))

    async def reregistered(self) -> None:
        self.told.append(("reregistered",))

    async def disconnected(self) -> None:
        self.told.append(("disconnected",))

    async def rescinded(self, offer_id: str) -> None:
        self.told.append(("rescinded", offer_id))

    async def inverse_offers(self, inverse_offers: Sequence[InverseOffer]) -> None:
        self.told.append(("inverse_offers", inverse_offers))

    async def inverse_rescinded(self, inverse_offer_id: str) -> None:
        self.told.append(("inverse_rescinded", inverse_offer_id))

    async def operation(self, update: UpdateOperation) -> None:
        self.told.append(("operation", update))

    async def status(self, status: TaskStatus) -> None:
        self.told.append(("status", status))

    async def agent_lost(self, agent_id: str, text: str) -> None:
        self.told.append(("agent_lost", agent_id))


class Holding(Recorder):
    """Keeps its offers, for the test to use."""

    def __init__(self, name: str = "holding", **options: Any) -> None:
        super().__init__(name, **options)
        self.offered: list[Offer] = []

    async def offers(self, offers: Sequence[Offer]) -> None:
        self.offered += offers
        self.hold(*offers)


class FakeMaster(Actor):
    """Keeps what it is sent. `id` names its life; it takes frameworks if `answers`."""

    def __init__(self, master_id: str) -> None:
        self.id = master_id
        self.answers = True
        self.inbox: list[Message] = []

    def unhandled(self, message: Message, sender: UPID | None) -> None:
        self.inbox.append(message)
        if isinstance(message, Subscribe) and self.answers and sender is not None:
            self.send(sender, Subscribed(message.framework.id or ID, self.id))

    def take(self, kind: type[M]) -> list[M]:
        """The messages of a type that came since the last time."""
        taken = [message for message in self.inbox if isinstance(message, kind)]
        self.inbox = [message for message in self.inbox if not isinstance(message, kind)]
        return taken


class StageDetector:
    """Says who leads as the test does."""

    spread = 0.0

    def __init__(self) -> None:
        self.leader: UPID | None = None
        self.changed: Callable[[UPID | None], None] | None = None

    async def on_this_machine(self) -> bool:
        return True

    def watch(self, changed: Callable[[UPID | None], None]) -> None:
        self.changed = changed
        changed(self.leader)

    def lead(self, leader: UPID | None) -> None:
        """Another leads now."""
        self.leader = leader
        if self.changed is not None:
            self.changed(leader)

    def close(self) -> None:
        self.changed = None


class Stage:
    """One framework in a system of its own, and masters in theirs: `master` is the one that leads."""

    def __init__(self) -> None:
        self.clock = PausedClock()
        self.network = InProcessNetwork()
        self.transport: InProcessTransport = self.network.transport("framework")
        self.system = ActorSystem(clock=self.clock, transport=self.transport)
        self.systems = [self.system]
        self.detector = StageDetector()
        self.master: FakeMaster
        self.running: asyncio.Task[None] | None = None
        self._offers = 0

    async def __aenter__(self) -> Stage:
        await self.system.start()
        self.master = await self.new_master("M1")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.running is not None:
            self.running.cancel()
            await asyncio.gather(self.running, return_exceptions=True)
        for system in self.systems:
            await system.close()

    async def new_master(self, master_id: str) -> FakeMaster:
        """Another master, at an address of its own, that leads from now on."""
        system = ActorSystem(clock=self.clock, transport=self.network.transport("master"))
        await system.start()
        self.systems.append(system)
        master = FakeMaster(master_id)
        system.spawn(master, "master")
        self.detector.lead(master.upid)
        self.master = master
        return master

    async def start(self, framework: F) -> F:
        """Run a framework; return it when it is subscribed, if the master answers."""
        self.framework = framework
        self.running = asyncio.ensure_future(framework.run(self.detector, system=self.system))
        await self.settle()
        return framework

    async def settle(self) -> None:
        await settle(*self.systems)

    async def advance(self, seconds: float) -> None:
        await advance(self.clock, seconds, *self.systems)

    # The master.

    async def tell(self, message: Message) -> None:
        """The master sends."""
        driver = self.framework._driver
        assert driver is not None
        self.master.send(driver.upid, message)
        await self.settle()

    async def lose(self) -> None:
        """The connection breaks, and the master does not answer until `find`."""
        self.master.answers = False
        self.transport.disconnect(self.master.upid.address)
        await self.settle()

    async def find(self, master_id: str = "") -> None:
        """The master takes the framework again; with an id, in another life."""
        self.master.id = master_id or self.master.id
        self.master.answers = True
        await self.advance(60)
        assert self.framework.connected

    def offer(self, resources: str = "cpus:4;mem:1024", agent_id: str = "A1", **fields: Any) -> Offer:
        self._offers += 1
        return Offer(f"O{self._offers}", ID, agent_id, "host", Resources.parse(resources), **fields)

    async def offers(self, *offers: Offer) -> None:
        """Make offers: by default one of agent A1."""
        await self.tell(Offers(offers or (self.offer(),)))

    async def update(self, task_id: str, state: TaskState, uuid: str = "", **fields: Any) -> None:
        """An agent tells a state."""
        fields.setdefault("agent_id", "A1")
        fields.setdefault("executor_id", task_id)
        fields.setdefault("source", Source.AGENT)
        await self.tell(Update(TaskStatus(task_id, state, uuid=uuid, **fields)))

    async def answer(
        self, task_id: str, state: TaskState, *, known: bool = False, agent_id: str = "A1"
    ) -> None:
        """The master answers a reconciliation; `known`: it has the task in its books."""
        status = TaskStatus(task_id, state, reason=Reason.RECONCILIATION, agent_id=agent_id)
        if known:
            status = msgspec.structs.replace(status, executor_id=task_id)
        await self.tell(Update(status))

    def launched(self) -> list[TaskInfo]:
        """The tasks of the Accepts that came since the last time."""
        return [
            task
            for accept in self.master.take(Accept)
            for operation in accept.operations
            if isinstance(operation, Launch | LaunchGroup)
            for task in operation.tasks
        ]
