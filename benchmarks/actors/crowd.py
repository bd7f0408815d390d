"""One system among many: ten thousand links on one connection, and peers that do not keep up beside it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from statistics import median
from typing import NamedTuple, cast

from actors import UPID, ActorSystem
from actors.wire import PROTOCOL_VERSION, Hello, encode_hello
from benchmarks.report import quantile

from .ours import STATUS, Count, Flood, Status, Watcher
from .remote import BURST, MANY, ask_ours, pinned, second_process

__all__ = ["Crowd", "measure_crowd"]


class Crowd(NamedTuple):
    """Nanoseconds for a message over a connection with few links and with many; microseconds of p99 of asks."""

    few: float
    many: float
    alone: float
    beside_deaf: float
    beside_slow: float


async def tell(system: ActorSystem, targets: list[UPID], messages: int) -> float:
    """Bursts of messages, each to the next of the targets; the last answer says that all were handled."""
    message = Status(**STATUS)
    began = time.perf_counter()
    sent = 0
    for _ in range(messages // BURST):
        for _ in range(BURST):
            system.send(targets[sent % len(targets)], message)
            sent += 1
        await asyncio.sleep(0)
    await system.ask(targets[-1], Count(), timeout=60)
    return (time.perf_counter() - began) / messages * 1e9


async def linked(system: ActorSystem, to: UPID, count: int) -> list[UPID]:
    """Have as many actors here linked to as many there."""
    targets = [UPID.at(f"many{number}", to.address) for number in range(count)]
    for target in targets:
        system.link(system.spawn(Watcher()), target)
    await system.ask(targets[-1], Count(), timeout=60)
    return targets


async def p99(system: ActorSystem, to: UPID, quick: bool) -> float:
    """The 99th percentile of an ask, in microseconds: the median of some rounds."""
    rounds, asks = (3, 1_500) if quick else (7, 5_000)
    return median([quantile(await ask_ours(system, to, asks), 0.99) for _ in range(rounds)])


@contextlib.asynccontextmanager
async def deaf(system: ActorSystem, flooder: UPID) -> AsyncIterator[None]:
    """A peer of the second process that is sent much and reads nothing."""

    async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cast("asyncio.Transport", writer.transport).pause_reading()
        writer.write(encode_hello(Hello(PROTOCOL_VERSION, "127.0.0.1", port, "deaf")))
        connected.set_result(writer.transport)

    connected: asyncio.Future[asyncio.BaseTransport] = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    system.send(flooder, Flood(UPID("x", "127.0.0.1", port)))
    transport = await connected
    yield
    server.close()
    transport.close()


@contextlib.asynccontextmanager
async def slow(to: UPID) -> AsyncIterator[None]:
    """A peer of the second process that sends a byte a second."""
    reader, writer = await asyncio.open_connection(*to.address)
    writer.write(encode_hello(Hello(PROTOCOL_VERSION, "127.0.0.1", 1, "slow")) + b"\x00\x00\x10\x00")
    await reader.read(4)

    async def drip() -> None:
        while True:
            writer.write(b"x")
            await asyncio.sleep(1)

    dripping = asyncio.create_task(drip())
    yield
    dripping.cancel()
    writer.close()


async def measure_crowd(quick: bool) -> Crowd:
    """All of it."""
    rounds, messages = (3, 20_000) if quick else (9, 50_000)
    async with second_process() as (pid, to, _), ActorSystem() as few_system, ActorSystem() as many_system:
        few, many = await linked(few_system, to, BURST), await linked(many_system, to, MANY)
        taken = [
            (await tell(few_system, few, messages), await tell(many_system, many, messages))
            for _ in range(rounds + 1)
        ]
        with pinned(pid):
            alone = await p99(few_system, to, quick)
            async with slow(to):
                beside_slow = await p99(few_system, to, quick)
            async with deaf(few_system, UPID.at("flooder", to.address)):
                beside_deaf = await p99(few_system, to, quick)
    return Crowd(
        median(pair[0] for pair in taken[1:]),
        median(pair[1] for pair in taken[1:]),
        alone,
        beside_deaf,
        beside_slow,
    )
