"""How many events, calls and launches a second, and what of the processor they take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

from cluster.http.v1.media import JSON, PROTOBUF
from cluster.messages import Update
from cluster.v1 import recordio
from cluster.v1.translate import Dialect, translate_event
from cluster.v1.types.scheduler import Event

from .bare import BareServer
from .scene import Clients, Scene, status
from .words import Accepts, Await, Declines, Drop, Kind, Prepare, Subscribe

__all__ = ["Rate", "accepts", "bare_declines", "bare_events", "declines", "events", "operator_events"]

BURST = 100


def record(kind: Kind, task_id: str) -> bytes:
    """The event for a status, as it is written."""
    event = translate_event(Update(status(task_id)), Dialect())
    assert isinstance(event, Event)  # noqa: S101 - for the type checker
    return recordio.encode((PROTOBUF if kind == "protobuf" else JSON).encode(event))


class Rate(NamedTuple):
    """How many a second, and microseconds of processor that the process here has used for each.

    `taken` are the seconds that each took, if that was asked for.
    """

    per_second: float
    processor: float
    taken: list[float]


class _Meter:
    """Measures what is done from when it is made."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self._used = time.process_time()

    def rate(self, count: int, seconds: float, taken: list[float] | None = None) -> Rate:
        """So many were done in those seconds."""
        return Rate(count / seconds, (time.process_time() - self._used) / count * 1e6, taken or [])


async def _told(
    clients: Clients, each: int, deliveries: int, tell: Callable[[int], None], count: int
) -> Rate:
    """Tell what is told, `count` times, until all clients have read so many each."""
    meter = _Meter()
    done = asyncio.ensure_future(clients.do(Await(each)))
    for number in range(count):
        tell(number)
        if number % BURST == 0:
            await asyncio.sleep(0)
    (ended,) = await done
    rate = meter.rate(deliveries, ended - meter.began)
    await clients.do(Drop())
    return rate


async def events(scene: Scene, clients: Clients, kind: Kind, subscribers: int, count: int) -> Rate:
    """Updates, each to one of so many in turn: from when the agent sends the first until all were read."""
    await clients.do(Subscribe(kind, scene.address, subscribers))
    (agent,), ids = scene.agents, scene.frameworks()
    each = count // subscribers
    count = each * subscribers
    rate = await _told(
        clients, each, count, lambda number: agent.tell(ids[number % subscribers], f"task-{number}"), count
    )
    await scene.until_gone()
    return rate


async def operator_events(scene: Scene, clients: Clients, subscribers: int, count: int) -> Rate:
    """Updates of the task that `launch` runs, each to all of so many operators: `count` deliveries."""
    await clients.do(Subscribe("operator", scene.address, subscribers))
    (agent,), (framework_id,) = scene.agents, scene.frameworks()
    each = count // subscribers
    return await _told(clients, each, each * subscribers, lambda _: agent.tell(framework_id, "task-0"), each)


async def bare_events(server: BareServer, clients: Clients, kind: Kind, subscribers: int, count: int) -> Rate:
    """The same records, written by the bare server; that they are made is not counted."""
    await clients.do(Subscribe("bare", server.address, subscribers))
    await server.until(subscribers)
    each = count // subscribers
    count = each * subscribers
    records = [record(kind, f"task-{number}") for number in range(count)]
    return await _told(
        clients, each, count, lambda number: server.put(number % subscribers, records[number]), count
    )


async def accepts(scene: Scene, clients: Clients, kind: Kind, at_once: int) -> Rate:
    """Launches, one on each agent, and the seconds that each took, from ACCEPT to TASK_RUNNING."""
    await clients.do(Subscribe(kind, scene.address, 1))
    await clients.do(Prepare(len(scene.agents), at_once))
    meter = _Meter()
    *taken, total = await clients.do(Accepts())
    rate = meter.rate(len(taken), total, taken)
    await clients.do(Drop())
    await scene.until_gone()
    return rate


async def declines(scene: Scene, clients: Clients, kind: Kind, at_once: int) -> Rate:
    """Declined offers, one of each agent."""
    await clients.do(Subscribe(kind, scene.address, 1))
    await clients.do(Prepare(len(scene.agents), at_once))
    meter = _Meter()
    (seconds,) = await clients.do(Declines())
    rate = meter.rate(len(scene.agents), seconds)
    if scene.master.state.offers:
        raise RuntimeError(f"{len(scene.master.state.offers)} offers are not declined")
    await clients.do(Drop())
    await scene.until_gone()
    return rate


async def bare_declines(server: BareServer, clients: Clients, calls: int, at_once: int) -> Rate:
    """Calls that are read, and no more."""
    await clients.do(Subscribe("bare", server.address, 1))
    await clients.do(Prepare(calls, at_once))
    meter = _Meter()
    (seconds,) = await clients.do(Declines())
    rate = meter.rate(calls, seconds)
    await clients.do(Drop())
    return rate
