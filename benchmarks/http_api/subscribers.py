"""Those that are told: frameworks over HTTP, native ones, and readers of a bare server's streams."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Protocol

import msgspec

from actors import UPID, Actor, ActorSystem, handles, parse_address
from cluster import messages as m
from cluster.http.v1.media import JSON, PROTOBUF, Media
from cluster.http.v1.stream import STREAM_ID
from cluster.resources import Resources
from cluster.v1 import types as v1
from cluster.v1.translate.resources import Quantities, write_resources
from cluster.v1.types.scheduler import Call, Event

from .wire import Caller, Stream, request
from .words import Kind

__all__ = ["PATH", "Http", "Native", "Subscriber", "Tally"]

PATH = "/api/v1/scheduler"
OPERATOR_PATH = "/api/v1"
UPDATES = {
    "json": b'{"type":"UPDATE"',
    "protobuf": b"\x08\x04",
    "operator": b'{"type":"TASK_UPDATED"',
}
TASK = Resources.of(cpus=1, mem=32)
COMMAND = "sleep 1000"
NAME = re.compile(rb"task-\d+")
FOR_LONG = 10.0**6
"""Seconds for which what is declined, or left, is not offered again."""


class Tally:
    """What came to one subscriber. `due` is told when as many events have come as are awaited."""

    def __init__(self) -> None:
        self.events = 0
        self.ages: list[float] | None = None
        self.offers: list[str] = []
        self.agents: list[str] = []
        self.subscribed = asyncio.Event()
        self.changed = asyncio.Event()
        self.running: dict[bytes, asyncio.Future[None]] = {}
        self._due = 0

    def event(self, task: bytes, sent: float) -> None:
        """An update."""
        self.events += 1
        if self.ages is not None:
            self.ages.append(time.monotonic() - sent)
        waiting = self.running.pop(task, None)
        if waiting is not None:
            waiting.set_result(None)
        if self.events == self._due:
            self.changed.set()

    def offered(self, offer: str, agent: str) -> None:
        """An offer."""
        self.offers.append(offer)
        self.agents.append(agent)
        self.changed.set()

    async def until(self, events: int) -> None:
        """Wait for so many events in all."""
        self._due = events
        while self.events < events:
            self.changed.clear()
            await self.changed.wait()

    async def until_offered(self, offers: int) -> None:
        """Wait for so many offers in all."""
        while len(self.offers) < offers:
            self.changed.clear()
            await self.changed.wait()


class Subscriber(Protocol):
    """One of them."""

    tally: Tally

    async def start(self) -> None:
        """Subscribe, and return when that is done."""

    async def accept(self, number: int, at: int) -> None:
        """Accept offer `number` with a task; `at` is which of the connections is used."""

    async def decline(self, number: int, at: int) -> None:
        """Decline it."""

    async def prepare(self, at_once: int) -> None:
        """Make what is to be sent ready, for all offers, and so many connections."""

    async def settled(self) -> None:
        """Wait until the master has done what it was told."""

    async def stop(self) -> None:
        """Be no more."""


class Http:
    """A framework by the scheduler API; an operator, or the client of a bare server, is much the same."""

    def __init__(self, kind: Kind, address: str, name: str) -> None:
        self.tally = Tally()
        self.media: Media = PROTOBUF if kind == "protobuf" else JSON
        self.kind = kind
        self.framework_id = ""
        self._address = address
        self._name = name
        self._callers: list[Caller] = []
        self._accepts: list[bytes] = []
        self._declines: list[bytes] = []
        # How an update begins: the type comes first, in both.
        self._update = UPDATES.get(kind, b"")
        self._path = OPERATOR_PATH if kind == "operator" else PATH

    async def start(self) -> None:
        """Subscribe."""
        info = v1.FrameworkInfo(user="root", name=self._name)
        call = Call(type=Call.Type.SUBSCRIBE, subscribe=Call.Subscribe(framework_info=info))
        data = request(self._address, self._path, self.media.type, self.media.encode(call))
        host, _, port = self._address.rpartition(":")
        loop = asyncio.get_running_loop()
        _, self.stream = await loop.create_connection(lambda: Stream(data, self._record), host, int(port))
        if self.kind != "bare":
            await self.tally.subscribed.wait()

    def _record(self, record: bytes) -> None:
        tally = self.tally
        if record.startswith(self._update):
            found = NAME.search(record)
            task = b"" if found is None else found.group()
            tally.event(task, 0.0 if tally.ages is None else _sent(record))
            return
        if self.kind == "operator":
            tally.subscribed.set()
            return
        event = self.media.decode(record, Event)
        if event.subscribed is not None:
            self.framework_id = event.subscribed.framework_id.value
            tally.subscribed.set()
        for offer in () if event.offers is None else event.offers.offers:
            tally.offered(offer.id.value, offer.agent_id.value)

    async def prepare(self, at_once: int) -> None:
        """Connect, and encode the calls."""
        self._callers = [await Caller.connect(self._address) for _ in range(at_once)]
        pairs = list(enumerate(zip(self.tally.offers, self.tally.agents, strict=True)))
        self._accepts = [self._accept(number, offer, agent) for number, (offer, agent) in pairs]
        self._declines = [self._decline(offer) for _, (offer, _) in pairs]

    def _accept(self, number: int, offer: str, agent: str) -> bytes:
        task = v1.TaskInfo(
            name=f"task-{number}",
            task_id=v1.TaskID(value=f"task-{number}"),
            agent_id=v1.AgentID(value=agent),
            resources=write_resources(Quantities(TASK)),
            command=v1.CommandInfo(value=COMMAND),
        )
        launch = v1.Offer.Operation(
            type=v1.Offer.Operation.Type.LAUNCH, launch=v1.Offer.Operation.Launch(task_infos=(task,))
        )
        accept = Call.Accept(
            offer_ids=(v1.OfferID(value=offer),),
            operations=(launch,),
            filters=v1.Filters(refuse_seconds=FOR_LONG),
        )
        return self._request(Call(type=Call.Type.ACCEPT, accept=accept))

    def _decline(self, offer: str) -> bytes:
        decline = Call.Decline(
            offer_ids=(v1.OfferID(value=offer),), filters=v1.Filters(refuse_seconds=FOR_LONG)
        )
        return self._request(Call(type=Call.Type.DECLINE, decline=decline))

    def _request(self, call: Call) -> bytes:
        call = msgspec.structs.replace(call, framework_id=v1.FrameworkID(value=self.framework_id))
        found = re.search(f"{STREAM_ID}: .*\r\n", self.stream.head + "\r\n")
        header = "" if found is None else found.group()
        return request(self._address, PATH, self.media.type, self.media.encode(call), header)

    async def accept(self, number: int, at: int) -> None:
        """ACCEPT."""
        await self._callers[at].call(self._accepts[number])

    async def decline(self, number: int, at: int) -> None:
        """DECLINE."""
        await self._callers[at].call(self._declines[number])

    async def settled(self) -> None:
        """The calls were answered, which is when they were handed to the master."""

    async def stop(self) -> None:
        """Close the connections."""
        for caller in self._callers:
            caller.close()
        self.stream.transport.close()
        await self.stream.lost


class Native(Actor):
    """The least that is a framework in the actors' own protocol."""

    def __init__(self, system: ActorSystem, address: str, name: str) -> None:
        self.tally = Tally()
        self._name = name
        self._in = system
        self._master = UPID.at("master", parse_address(address))
        self._id = ""

    async def start(self) -> None:
        """Subscribe."""
        self._in.spawn(self)
        await self.tally.subscribed.wait()

    def initialize(self) -> None:
        """Subscribe."""
        self.send(self._master, m.Subscribe(m.FrameworkInfo(self._name)))

    @handles(m.Subscribed)
    def subscribed(self, message: m.Subscribed) -> None:
        """It is one."""
        self._id = message.framework_id
        self.tally.subscribed.set()

    @handles(m.Offers)
    def offers(self, message: m.Offers) -> None:
        """Note them."""
        for offer in message.offers:
            self.tally.offered(offer.id, offer.agent_id)

    @handles(m.Update)
    def update(self, message: m.Update) -> None:
        """Note it."""
        self.tally.event(message.status.task_id.encode(), message.status.timestamp)

    async def prepare(self, at_once: int) -> None:
        """There is nothing to be made ready."""

    async def accept(self, number: int, at: int) -> None:
        """Accept."""
        offer, agent = self.tally.offers[number], self.tally.agents[number]
        task = m.TaskInfo(f"task-{number}", TASK, agent_id=agent, command=m.CommandInfo(COMMAND))
        operations = (m.Launch((task,)),)
        self.send(self._master, m.Accept(self._id, (offer,), operations, m.Filters(FOR_LONG)))

    async def decline(self, number: int, at: int) -> None:
        """Decline."""
        self.send(self._master, m.Decline(self._id, (self.tally.offers[number],), m.Filters(FOR_LONG)))

    async def settled(self) -> None:
        """The master does one thing after the other: the answer to a question comes behind all of them."""
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.tally.running[b"task-of-nobody"] = answered
        self.send(self._master, m.Reconcile(self._id, ("task-of-nobody",)))
        await answered

    async def stop(self) -> None:
        """Tear it down: the connection is that of all of them."""
        self.send(self._master, m.Teardown(self._id))
        self._in.terminate(self.upid)


class _Status(msgspec.Struct):
    timestamp: float


class _Update(msgspec.Struct):
    status: _Status


class _Event(msgspec.Struct):
    update: _Update


_EVENT = msgspec.json.Decoder(_Event)


def _sent(record: bytes) -> float:
    return _EVENT.decode(record).update.status.timestamp
