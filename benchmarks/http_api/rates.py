"""How many events, calls and launches a second."""

from __future__ import annotations

import asyncio
import time

from cluster.http.v1.media import JSON, PROTOBUF
from cluster.messages import Update
from cluster.v1 import recordio
from cluster.v1.translate import Dialect, translate_event
from cluster.v1.types.scheduler import Event

from .bare import BareServer
from .scene import Clients, Scene, status
from .words import Accepts, Await, Declines, Drop, Kind, Subscribe

__all__ = ["accepts", "bare_declines", "bare_events", "declines", "events"]

BURST = 100


def record(kind: Kind, task_id: str) -> bytes:
    """The event for a status, as it is written."""
    event = translate_event(Update(status(task_id)), Dialect())
    assert isinstance(event, Event)  # noqa: S101 - for the type checker
    return recordio.encode((PROTOBUF if kind == "protobuf" else JSON).encode(event))


async def events(scene: Scene, clients: Clients, kind: Kind, subscribers: int, count: int) -> float:
    """Updates a second, each to one of so many in turn: from when the agent sends the first until all were read."""
    await clients.do(Subscribe(kind, scene.address, subscribers))
    (agent,), ids = scene.agents, scene.frameworks()
    each = count // subscribers
    began = time.monotonic()
    done = asyncio.ensure_future(clients.do(Await(each)))
    for number in range(each * subscribers):
        agent.tell(ids[number % subscribers], f"task-{number}")
        if number % BURST == 0:
            await asyncio.sleep(0)
    (ended,) = await done
    await clients.do(Drop())
    await scene.until_gone()
    return each * subscribers / (ended - began)


async def bare_events(
    server: BareServer, clients: Clients, kind: Kind, subscribers: int, count: int
) -> float:
    """The same records, written by the bare server; that they are made is not counted."""
    await clients.do(Subscribe("bare", server.address, subscribers))
    await server.until(subscribers)
    each = count // subscribers
    records = [record(kind, f"task-{number}") for number in range(each * subscribers)]
    began = time.monotonic()
    done = asyncio.ensure_future(clients.do(Await(each)))
    for number, ready in enumerate(records):
        server.put(number % subscribers, ready)
        if number % BURST == 0:
            await asyncio.sleep(0)
    (ended,) = await done
    await clients.do(Drop())
    return each * subscribers / (ended - began)


async def accepts(scene: Scene, clients: Clients, kind: Kind, at_once: int) -> tuple[float, list[float]]:
    """Launches a second, and the seconds that each took, from ACCEPT to TASK_RUNNING; one on each agent."""
    await clients.do(Subscribe(kind, scene.address, 1))
    *taken, total = await clients.do(Accepts(len(scene.agents), at_once))
    await clients.do(Drop())
    await scene.until_gone()
    return len(taken) / total, taken


async def declines(scene: Scene, clients: Clients, kind: Kind, at_once: int) -> float:
    """Declined offers a second; one of each agent."""
    await clients.do(Subscribe(kind, scene.address, 1))
    (seconds,) = await clients.do(Declines(len(scene.agents), at_once))
    if scene.master.state.offers:
        raise RuntimeError(f"{len(scene.master.state.offers)} offers are not declined")
    await clients.do(Drop())
    await scene.until_gone()
    return len(scene.agents) / seconds


async def bare_declines(server: BareServer, clients: Clients, calls: int, at_once: int) -> float:
    """Calls a second that are read, and no more."""
    await clients.do(Subscribe("bare", server.address, 1))
    (seconds,) = await clients.do(Declines(calls, at_once))
    await clients.do(Drop())
    return calls / seconds
