"""Xoscar: asyncio actors in pools of processes."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import uvloop
import xoscar as xo

from benchmarks.actors.ours import STATUS
from benchmarks.report import quantile

from .rounds import pin, report, resident, rounds_async

BURST = 250


class Counter(xo.Actor):
    """Counts."""

    def __init__(self) -> None:
        self.count = 0

    def status(self, _message: Any) -> None:
        """Count one."""
        self.count += 1

    def total(self) -> int:
        """Tell."""
        return self.count


class Ring(xo.Actor):
    """Hands a hop on until none is left."""

    def __init__(self) -> None:
        self.next: Any = None
        self.done: asyncio.Event | None = None

    def set(self, next_: Any) -> None:
        """Learn who is next."""
        self.next = next_

    async def hop(self, left: int) -> None:
        """Pass it on."""
        if left:
            await self.next.hop.tell(left - 1)
        else:
            FINISHED.set()


class Sender(xo.Actor):
    """One of many that send to one."""

    def __init__(self, to: Any) -> None:
        self.to = to

    async def go(self, messages: int) -> None:
        """Send so many."""
        for _ in range(messages):
            await self.to.status.tell(STATUS)


FINISHED = asyncio.Event()


async def serve() -> None:
    """Be the second process."""
    pool = await xo.create_actor_pool("127.0.0.1:0", n_process=0)
    async with pool:
        await xo.create_actor(Counter, address=pool.external_address, uid="counter")
        print(pool.external_address, flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def create(address: str, kind: Any, uid: str, *args: Any) -> Any:
    """Create an actor; the reference that `create_actor` itself returns is some ten times slower."""
    await xo.create_actor(kind, *args, address=address, uid=uid)
    return await xo.actor_ref(address, uid)


async def measure_local(figures: dict[str, float], address: str) -> None:
    """All that needs one process."""
    counter = await create(address, Counter, "counter")

    async def tell() -> None:
        for _ in range(BURST):
            await counter.status.tell(STATUS)
        await counter.total()

    async def ask() -> None:
        for _ in range(1000):
            await counter.total()

    figures["local_tell"] = await rounds_async(BURST, tell)
    figures["local_ask"] = await rounds_async(1000, ask)
    ring = [await create(address, Ring, f"ring{number}") for number in range(100)]
    for index, each in enumerate(ring):
        await each.set(ring[(index + 1) % 100])

    async def hops() -> None:
        FINISHED.clear()
        await ring[0].hop.tell(5000)
        await FINISHED.wait()

    figures["ring"] = await rounds_async(5000, hops)
    senders = [await create(address, Sender, f"sender{number}", counter) for number in range(1000)]

    async def fanin() -> None:
        for each in senders:
            await each.go.tell(5)
        for each in senders:
            await each.go(0)
        await counter.total()

    figures["fanin"] = await rounds_async(5000, fanin)
    numbers = iter(range(1_000_000))

    async def spawn() -> None:
        for _ in range(500):
            await xo.create_actor(Counter, address=address, uid=f"spawned{next(numbers)}")

    before = resident()
    figures["spawn"] = await rounds_async(500, spawn)
    figures["bytes_per_actor"] = (resident() - before) / next(numbers)


async def measure_remote(figures: dict[str, float]) -> None:
    """Against a second process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.actors.peers.xoscar_peer",
        "serve",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if process.stdout is None or process.stdin is None:
        raise RuntimeError("the second process has no pipes")
    try:
        counter = await xo.actor_ref((await process.stdout.readline()).decode().strip(), "counter")

        async def tell() -> None:
            for _ in range(BURST):
                await counter.status.tell(STATUS)
            await counter.total()

        figures["remote_tell"] = await rounds_async(BURST, tell)
        pin(process.pid)
        taken = []
        for _ in range(500):
            began = time.perf_counter()
            await counter.total()
            taken.append((time.perf_counter() - began) * 1e9)
        figures["remote_ask_p50"], figures["remote_ask_p99"] = quantile(taken, 0.5), quantile(taken, 0.99)
    finally:
        process.stdin.close()
        await process.wait()


async def main() -> None:
    """Measure."""
    figures: dict[str, float] = {}
    async with await xo.create_actor_pool("127.0.0.1:0", n_process=0) as pool:
        await measure_local(figures, pool.external_address)
        await measure_remote(figures)
    report(figures)


if __name__ == "__main__":
    uvloop.run(serve() if "serve" in sys.argv else main())
