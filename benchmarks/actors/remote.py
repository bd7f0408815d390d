"""Between two processes on loopback: tell and ask, ours and the floor in turns against the same second process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from statistics import median
from typing import NamedTuple

import actors
from actors import UPID, ActorSystem, parse_address
from benchmarks.report import quantile

from .floor import FloorLink, FloorServer
from .ours import STATUS, Count, Counter, Flooder, Status

__all__ = ["BURST", "MANY", "Remote", "ask_ours", "measure_remote", "pinned", "second_process"]

BURST = 250
MANY = 10_000
"""Other actors of the second process."""


class Remote(NamedTuple):
    """Medians, ours first, then the floor: nanoseconds for a tell, microseconds for an ask."""

    tell: tuple[float, float]
    ask_p50: tuple[float, float]
    ask_p99: tuple[float, float]


async def serve() -> None:
    """Be the second process: say where both servers are, and serve until stdin ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(FloorServer, "127.0.0.1", 0)
    async with ActorSystem() as system:
        system.spawn(Counter(), "counter")
        system.spawn(Flooder(Status(**STATUS)), "flooder")
        for number in range(MANY):
            system.spawn(Counter(), f"many{number}")
        print(*system.address, server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)
    server.close()


@contextlib.asynccontextmanager
async def second_process() -> AsyncIterator[tuple[int, UPID, int]]:
    """Start it; gives its pid, its counter, and the floor's port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.actors.remote",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if process.stdout is None or process.stdin is None:
        raise RuntimeError("the second process has no pipes")
    try:
        host, port, floor_port = (await process.stdout.readline()).decode().split()
        yield process.pid, UPID.at("counter", parse_address(f"{host}:{port}")), int(floor_port)
    finally:
        process.stdin.close()
        await process.wait()


async def tell_ours(system: ActorSystem, to: UPID, messages: int) -> float:
    """Bursts of so many messages a turn; the last answer says that all were handled."""
    message = Status(**STATUS)
    began = time.perf_counter()
    for _ in range(messages // BURST):
        for _ in range(BURST):
            system.send(to, message)
        await asyncio.sleep(0)
    await system.ask(to, Count(), timeout=60)
    return (time.perf_counter() - began) / messages * 1e9


async def tell_floor(link: FloorLink, messages: int) -> float:
    """The same."""
    began = time.perf_counter()
    for _ in range(messages // BURST):
        for _ in range(BURST):
            link.send(STATUS)
        await asyncio.sleep(0)
    await link.ask(0, STATUS)
    return (time.perf_counter() - began) / messages * 1e9


async def ask_ours(system: ActorSystem, to: UPID, asks: int) -> list[float]:
    """Microseconds for each of many questions, one after the other."""
    taken = []
    for _ in range(asks):
        began = time.perf_counter()
        await system.ask(to, Count())
        taken.append((time.perf_counter() - began) * 1e6)
    return taken


async def ask_floor(link: FloorLink, asks: int) -> list[float]:
    """The same."""
    taken = []
    for number in range(1, asks + 1):
        began = time.perf_counter()
        await link.ask(number, {})
        taken.append((time.perf_counter() - began) * 1e6)
    return taken


@contextlib.contextmanager
def pinned(pid: int) -> Iterator[None]:
    """Have both processes on one processor: else it is the wake of the other that is measured."""
    processors = os.sched_getaffinity(0)
    one = {min(processors)}
    os.sched_setaffinity(0, one)
    os.sched_setaffinity(pid, one)
    try:
        yield
    finally:
        os.sched_setaffinity(0, processors)
        os.sched_setaffinity(pid, processors)


async def measure_remote(quick: bool) -> Remote:
    """All of it."""
    rounds, messages, asks = (5, 20_000, 1_500) if quick else (11, 50_000, 5_000)
    async with second_process() as (pid, to, floor_port), ActorSystem() as system:
        _, link = await asyncio.get_running_loop().create_connection(FloorLink, "127.0.0.1", floor_port)
        tells = [
            (await tell_ours(system, to, messages), await tell_floor(link, messages))
            for _ in range(rounds + 1)
        ]
        with pinned(pid):
            taken = [
                (await ask_ours(system, to, asks), await ask_floor(link, asks)) for _ in range(rounds + 1)
            ]
        if link.transport is not None:
            link.transport.close()

    def of(q: float, which: int) -> float:
        return median(quantile(pair[which], q) for pair in taken[1:])

    return Remote(
        (median(pair[0] for pair in tells[1:]), median(pair[1] for pair in tells[1:])),
        (of(0.5, 0), of(0.5, 1)),
        (of(0.99, 0), of(0.99, 1)),
    )


if __name__ == "__main__":
    actors.run(serve())
