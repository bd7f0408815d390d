"""What is promised of messages: in order, each at most once, whatever becomes of the connections; and no favourites."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from actors import UPID, Actor, ActorSystem, Message, handles
from actors.simulation import Simulation, uniform

from .probes import Echo, Probe


class Numbered(Message, tag="delivery.Numbered"):
    number: int
    last: bool = False


class Recorder(Actor):
    """Keeps the numbers that come from each sender."""

    def __init__(self) -> None:
        self.numbers: dict[UPID, list[int]] = {}
        self.over = asyncio.Event()

    @handles(Numbered)
    def numbered(self, message: Numbered, sender: UPID) -> None:
        self.numbers.setdefault(sender, []).append(message.number)
        if message.last:
            self.over.set()


@asynccontextmanager
async def pair(unix: bool, directory: Path) -> AsyncIterator[tuple[ActorSystem, ActorSystem]]:
    hosts = (f"unix:{directory}/one", f"unix:{directory}/other") if unix else ("127.0.0.1", "127.0.0.1")
    async with asyncio.timeout(60), ActorSystem(hosts[0]) as one, ActorSystem(hosts[1]) as other:
        yield one, other


@pytest.mark.asyncio
@pytest.mark.parametrize("unix", [False, True])
@pytest.mark.parametrize("seed", range(5))
async def test_connections_that_break_lose_but_never_repeat_or_reorder(
    tmp_path: Path, seed: int, unix: bool
) -> None:
    rng = random.Random(seed)
    async with pair(unix, tmp_path) as systems:
        recorders = [Recorder(), Recorder()]
        upids = [system.spawn(recorder) for system, recorder in zip(systems, recorders, strict=True)]
        count = itertools.count()
        for _ in range(60):
            for system, own, other in zip(systems, upids, reversed(upids), strict=True):
                for _ in range(rng.randrange(20)):
                    system.send(other, Numbered(next(count)), own)
            for _ in range(rng.randrange(8)):
                await asyncio.sleep(0)
            if rng.random() < 0.3:
                for connection in list(rng.choice(systems)._transport.connections):
                    if rng.random() < 0.5:
                        connection.abort("cut by the test")
                    else:
                        connection.transport.close()
        for system, own, other, there in zip(
            systems, upids, reversed(upids), reversed(recorders), strict=True
        ):
            while not there.over.is_set():
                # A cut may take it too; and nobody is told of a lost message.
                system.send(other, Numbered(next(count), last=True), own)
                await asyncio.sleep(0.001)
        received = [numbers for recorder in recorders for numbers in recorder.numbers.values()]
        assert len(received) == 2
        for numbers in received:
            assert all(one < other for one, other in itertools.pairwise(numbers))
            assert len(numbers) > 100


@pytest.mark.parametrize("seed", range(10))
def test_so_it_is_in_simulations_with_any_latency(seed: int) -> None:
    async def scenario(simulation: Simulation) -> list[list[int]]:
        simulation.network.latency = uniform(0.001, 0.2)
        rng, recorder = random.Random(seed), Recorder()
        upid = (await simulation.start("sink")).spawn(recorder)
        count = itertools.count()
        sources = [await simulation.start(name) for name in ("a", "b", "c")]
        senders = [source.spawn(Probe()) for source in sources]
        for _ in range(50):
            for source, sender in zip(sources, senders, strict=True):
                for _ in range(rng.randrange(10)):
                    source.send(upid, Numbered(next(count)), sender)
            await asyncio.sleep(rng.random() * 0.3)
            if rng.random() < 0.3:
                simulation.network.cut(rng.choice("abc"), "sink")
        await asyncio.sleep(60)
        return list(recorder.numbers.values())

    for numbers in Simulation(seed).run(scenario):
        assert all(one < other for one, other in itertools.pairwise(numbers))
        assert len(numbers) > 50


@pytest.mark.asyncio
@pytest.mark.parametrize("local", [True, False])
async def test_who_is_sent_much_does_not_hold_up_others(local: bool) -> None:
    """On one connection, and in one system: another actor is served long before a full mailbox is empty."""
    async with asyncio.timeout(30), ActorSystem() as here, ActorSystem() as there:
        busy, quick = Recorder(), Probe()
        there.spawn(busy), there.spawn(quick)
        sender = (there if local else here).spawn(Probe())
        system = there if local else here
        for number in range(20_000):
            system.send(busy.upid, Numbered(number), sender)
        assert await system.ask(quick.upid, Echo()) == Echo()
        assert len(busy.numbers.get(sender, ())) < 5_000
