"""Inside one process: tell, ask, ring, fan-in, spawn; ours and the floor in turns, in the same process."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from statistics import median

from actors import ActorSystem

from .floor import FloorActor, FloorRing
from .ours import STATUS, Asker, Count, Counter, Go, Hop, Ring, Sender, Status

__all__ = ["Pair", "measure_local"]

BURST = 1000
Round = Callable[[], Awaitable[float]]
"""Runs one round; returns nanoseconds for one operation."""
Pair = tuple[float, float]
"""Ours and the floor: medians of the rounds."""


async def interleave(ours: Round, floor: Round, rounds: int) -> Pair:
    """Run both by turns, the garbage collector in between and not within; return the medians."""
    results: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        for result, run in zip(results, (ours, floor), strict=True):
            gc.collect()
            gc.disable()
            value = await run()
            gc.enable()
            # The first round is for warming up.
            if number:
                result.append(value)
    return median(results[0]), median(results[1])


async def quiet(system: ActorSystem) -> None:
    """Wait until all was handled."""
    while not system.idle:
        await asyncio.sleep(0)


async def tell(system: ActorSystem, bursts: int, rounds: int, targets: int = 1, burst: int = BURST) -> Pair:
    """Bursts of messages, from outside, to one actor or to many in turn."""
    loop = asyncio.get_running_loop()
    upids = [system.spawn(Counter()) for _ in range(targets)]
    actors = [FloorActor(loop) for _ in range(targets)]
    message = Status(**STATUS)
    send = system.send

    async def ours() -> float:
        began = time.perf_counter()
        for number in range(bursts):
            if targets == 1:
                upid = upids[0]
                for _ in range(burst):
                    send(upid, message)
            else:
                start = number * burst
                for index in range(start, start + burst):
                    send(upids[index % targets], message)
            await quiet(system)
        return (time.perf_counter() - began) / (bursts * burst) * 1e9

    async def floor() -> float:
        began = time.perf_counter()
        for number in range(bursts):
            if targets == 1:
                send_floor = actors[0].send
                for _ in range(burst):
                    send_floor(STATUS)
            else:
                start = number * burst
                for index in range(start, start + burst):
                    actors[index % targets].send(STATUS)
            while actors[0].scheduled or actors[-1].scheduled:
                await asyncio.sleep(0)
        return (time.perf_counter() - began) / (bursts * burst) * 1e9

    result = await interleave(ours, floor, rounds)
    for upid in upids:
        system.terminate(upid)
    await quiet(system)
    return result


async def ask(system: ActorSystem, asks: int, rounds: int) -> tuple[Pair, float]:
    """One question after the other, with a deadline, from outside; and by an actor (the third figure)."""
    loop = asyncio.get_running_loop()
    upid = system.spawn(Counter())
    asker = system.spawn(Asker(upid))
    actor = FloorActor(loop)
    inner: list[float] = []

    async def ours() -> float:
        began = time.perf_counter()
        for _ in range(asks):
            await system.ask(upid, Count())
        outer = (time.perf_counter() - began) / asks * 1e9
        began = time.perf_counter()
        await system.ask(asker, Go(asks), timeout=60)
        inner.append((time.perf_counter() - began) / asks * 1e9)
        return outer

    async def floor() -> float:
        began = time.perf_counter()
        for _ in range(asks):
            future = loop.create_future()
            actor.send(future)
            await future
        return (time.perf_counter() - began) / asks * 1e9

    return await interleave(ours, floor, rounds), median(inner[1:])


async def ring(system: ActorSystem, hops: int, rounds: int, size: int = 100) -> Pair:
    """One message around a ring of actors."""
    loop = asyncio.get_running_loop()
    actors = [Ring() for _ in range(size)]
    upids = [system.spawn(actor) for actor in actors]
    floors = [FloorRing(loop) for _ in range(size)]
    for index in range(size):
        actors[index].next = upids[(index + 1) % size]
        floors[index].next = floors[(index + 1) % size]

    async def ours() -> float:
        done = loop.create_future()
        for actor in actors:
            actor.done = done
        began = time.perf_counter()
        system.send(upids[0], Hop(hops))
        await done
        return (time.perf_counter() - began) / hops * 1e9

    async def floor() -> float:
        done = loop.create_future()
        for actor in floors:
            actor.done = done
        began = time.perf_counter()
        floors[0].send(hops)
        await done
        return (time.perf_counter() - began) / hops * 1e9

    return await interleave(ours, floor, rounds)


async def fanin(system: ActorSystem, each: int, rounds: int, senders: int = 1000) -> Pair:
    """A thousand actors send to one."""
    loop = asyncio.get_running_loop()
    target = system.spawn(Counter())
    message = Status(**STATUS)
    upids = [system.spawn(Sender(target, message)) for _ in range(senders)]
    floor_target = FloorActor(loop)

    async def ours() -> float:
        began = time.perf_counter()
        for upid in upids:
            system.send(upid, Go(each))
        await quiet(system)
        return (time.perf_counter() - began) / (senders * each) * 1e9

    async def floor() -> float:
        began = time.perf_counter()
        for _ in range(senders):
            loop.call_soon(_send_many, floor_target, each)
        await asyncio.sleep(0)
        while floor_target.scheduled:
            await asyncio.sleep(0)
        return (time.perf_counter() - began) / (senders * each) * 1e9

    return await interleave(ours, floor, rounds)


def _send_many(target: FloorActor, messages: int) -> None:
    for _ in range(messages):
        target.send(STATUS)


async def spawn(system: ActorSystem, actors: int, rounds: int) -> Pair:
    """Start actors, that end again outside the measurement."""
    loop = asyncio.get_running_loop()

    async def ours() -> float:
        began = time.perf_counter()
        upids = [system.spawn(Counter()) for _ in range(actors)]
        value = (time.perf_counter() - began) / actors * 1e9
        for upid in upids:
            system.terminate(upid)
        await quiet(system)
        return value

    async def floor() -> float:
        began = time.perf_counter()
        registry = {f"counter({number})": FloorActor(loop) for number in range(actors)}
        value = (time.perf_counter() - began) / actors * 1e9
        del registry
        return value

    return await interleave(ours, floor, rounds)


async def million(system: ActorSystem) -> float:
    """A mailbox with a million messages: nanoseconds for each, sent and handled."""
    upid = system.spawn(Counter())
    message = Status(**STATUS)
    began = time.perf_counter()
    for _ in range(1_000_000):
        system.send(upid, message)
    await quiet(system)
    return (time.perf_counter() - began) / 1_000_000 * 1e9


async def measure_local(quick: bool) -> dict[str, Pair]:
    """All of them, by name; `actor_ask` has the floor of `local_ask`, the last ones have a small case for theirs."""
    rounds = 5 if quick else 11
    async with ActorSystem() as system:
        result = {"local_tell": await tell(system, 100, rounds)}
        result["local_ask"], actor_ask = await ask(system, 5_000, rounds)
        result["actor_ask"] = actor_ask, result["local_ask"][1]
        result["ring"] = await ring(system, 50_000, rounds)
        result["spawn"] = await spawn(system, 10_000, rounds)
        result["fanin"] = await fanin(system, 50, rounds)
        # One message each, so that both make as many mailboxes.
        few = (await tell(system, 200, rounds, targets=1_000, burst=1_000))[0]
        many = (await tell(system, 2, max(3, rounds // 3), targets=100_000, burst=100_000))[0]
        result["tell_100k_actors"] = many, few
        result["mailbox_1m"] = await million(system), result["local_tell"][0]
    return result
