"""The process with the clients: `python -m benchmarks.http_api.clients`. It ends with its standard input."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec

from actors import ActorSystem, run

from .subscribers import Http, Native, Subscriber
from .words import Accepts, Answer, Await, Command, Declines, Drop, Latencies, Prepare, Stall, Subscribe

__all__ = ["serve"]

AT_A_TIME = 50
"""That subscribe together: more than the backlog of a listening socket would have to try again."""


class Clients:
    """Does what it is told."""

    def __init__(self, system: ActorSystem) -> None:
        self._system = system
        self._all: list[Subscriber] = []
        self._at_once = 1

    async def do(self, command: Command) -> Answer:
        """Do it, and say when it is done."""
        match command:
            case Subscribe():
                await self._subscribe(command)
            case Await():
                await asyncio.gather(*(each.tally.until(command.events) for each in self._all))
                return Answer([time.monotonic()])
            case Stall():
                first = self._all[0]
                assert isinstance(first, Http)  # noqa: S101 - for the type checker
                first.stream.transport.pause_reading()
            case Latencies():
                ages = [age for each in self._all[1:] for age in each.tally.ages or ()]
                for each in self._all[1:]:
                    each.tally.ages = []
                return Answer(ages)
            case Prepare():
                await self._prepare(self._all[0], command)
            case Accepts():
                return Answer(await self._accepts(self._all[0]))
            case Declines():
                return Answer([await self._declines(self._all[0])])
            case Drop():
                await asyncio.gather(*(each.stop() for each in self._all))
                self._all.clear()
        return Answer()

    async def _subscribe(self, command: Subscribe) -> None:
        new: Sequence[Subscriber]
        names = [f"{command.kind}-{number}" for number in range(command.count)]
        if command.kind == "native":
            new = [Native(self._system, command.address, name) for name in names]
        else:
            new = [Http(command.kind, command.address, name) for name in names]
        for first in range(0, command.count, AT_A_TIME):
            await asyncio.gather(*(each.start() for each in new[first : first + AT_A_TIME]))
        self._all += new

    async def _prepare(self, one: Subscriber, command: Prepare) -> None:
        if isinstance(one, Http) and one.kind == "bare":
            one.tally.offers = one.tally.agents = ["none"] * command.offers
        await one.tally.until_offered(command.offers)
        self._at_once = command.at_once
        await one.prepare(command.at_once)

    async def _accepts(self, one: Subscriber) -> list[float]:
        loop = asyncio.get_running_loop()
        taken = []

        async def accept(number: int, at: int) -> None:
            began = time.perf_counter()
            running: asyncio.Future[None] = loop.create_future()
            one.tally.running[b"task-%d" % number] = running
            await one.accept(number, at)
            await running
            taken.append(time.perf_counter() - began)

        began = time.perf_counter()
        await in_lanes(len(one.tally.offers), self._at_once, accept)
        return [*taken, time.perf_counter() - began]

    async def _declines(self, one: Subscriber) -> float:
        began = time.perf_counter()
        await in_lanes(len(one.tally.offers), self._at_once, one.decline)
        await one.settled()
        return time.perf_counter() - began


async def in_lanes(count: int, lanes: int, do: Callable[[int, int], Coroutine[Any, Any, None]]) -> None:
    """Do something so many times, in each lane one after the other: with its number, and the lane's."""

    async def lane(at: int) -> None:
        for number in range(at, count, lanes):
            await do(number, at)

    await asyncio.gather(*(lane(at) for at in range(lanes)))


async def serve() -> None:
    """Read commands and answer them."""
    # Its pauses are not to be taken for the master's.
    gc.disable()
    decoder: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
    async with ActorSystem("127.0.0.1") as system:
        clients = Clients(system)
        while line := await asyncio.to_thread(sys.stdin.buffer.readline):
            answer = await clients.do(decoder.decode(line))
            sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    run(serve())
