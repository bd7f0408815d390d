"""Much of everything: what a system bounds, and how a sender learns that it sends too much."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from actors import (
    UPID,
    Actor,
    ActorSystem,
    InProcessNetwork,
    Message,
    PausedClock,
    SelfAskError,
    TooManyActorsError,
    handles,
)
from actors.testing import settle

from .probes import Echo, Note, Probe
from .strangers import Stranger, hello

Two = tuple[ActorSystem, ActorSystem]


@pytest.mark.asyncio
async def test_a_sender_of_much_can_wait_for_who_reads_slowly() -> None:
    async with asyncio.timeout(30), ActorSystem() as system, Stranger() as stranger:
        upid = UPID.at("x", stranger.address)
        system.send(upid, Note("x" * 1000))
        reader, writer = await stranger.accepted.get()
        host, port = stranger.address
        writer.write(hello(host, port))
        await system.drained(upid)
        for _ in range(20_000):
            system.send(upid, Note("x" * 1000))
        waiting = [asyncio.ensure_future(system.drained(upid)) for _ in range(2)]
        # Nobody reads: the sockets' own buffers are far smaller than that.
        for _ in range(100):
            await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        reading = asyncio.ensure_future(reader.read(-1))
        await asyncio.gather(*waiting)
        writer.close()
        assert len(await reading) > 10_000_000


@pytest.mark.asyncio
@pytest.mark.parametrize("end", ["peer", "system"])
async def test_waiting_ends_with_the_connection_or_the_system(end: str) -> None:
    async with asyncio.timeout(30), Stranger() as stranger, ActorSystem() as system:
        upid = UPID.at("x", stranger.address)
        system.send(upid, Note("never read"))
        waiting = asyncio.ensure_future(system.drained(stranger.address))
        _, writer = await stranger.accepted.get()
        assert not waiting.done()
        if end == "peer":
            writer.close()
        else:
            await system.close()
        await waiting


@pytest.mark.asyncio
async def test_nothing_to_wait_for(two: Two) -> None:
    await two[0].drained(two[0].address)
    await two[0].drained(("nobody", 9))
    upid = two[1].spawn(probe := Probe())
    two[0].send(upid, Note())
    await two[0].drained(upid)
    await settle(*two)
    assert len(probe.notes) == 1


@pytest.mark.asyncio
async def test_a_thousand_connections_that_say_nothing_are_closed_in_time() -> None:
    clock = PausedClock()
    async with asyncio.timeout(60), ActorSystem(clock=clock) as system:
        probe = system.spawn(Probe())
        pairs = [await asyncio.open_connection(*system.address) for _ in range(1000)]
        assert await system.ask(probe, Echo()) == Echo()
        while len(system._transport.waiting) < 1000:
            await asyncio.sleep(0)
        clock.step_to(clock.monotonic() + 10)
        for reader, writer in pairs:
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
        assert len(system._transport.waiting) == 0


class Grow(Message, tag="limits.Grow"):
    pass


class Spawner(Actor):
    def initialize(self) -> None:
        self.system.spawn(Spawner())


@pytest.mark.asyncio
async def test_an_actor_that_spawns_without_end(network: InProcessNetwork) -> None:
    async with ActorSystem(transport=network.transport(), max_actors=100) as system:
        probe = system.spawn(Probe())
        system.spawn(Spawner())
        await settle(system)
        # The last one failed, and nobody else.
        assert len(list(system.actors)) == 99
        assert system.counters["handler_failures"] == 1
        assert await system.ask(probe, Echo()) == Echo()
        system.spawn(Probe())
        with pytest.raises(TooManyActorsError, match="100 actors"):
            system.spawn(Probe())


class Narcissus(Actor):
    def __init__(self) -> None:
        self.errors: list[str] = []

    @handles(Note)
    async def note(self, _message: Note) -> None:
        try:
            await self.ask(self.upid, Echo())
        except SelfAskError as error:
            self.errors.append(str(error))

    @handles(Grow, concurrent=True)
    async def grow(self, _message: Grow) -> Echo:
        reply = await self.ask(self.upid, Echo("mirror"))
        assert isinstance(reply, Echo)
        return reply

    @handles(Echo)
    def echo(self, message: Echo) -> Echo:
        return message


@pytest.mark.asyncio
async def test_an_actor_that_asks_itself(system: ActorSystem) -> None:
    actor = Narcissus()
    upid = system.spawn(actor)
    system.send(upid, Note())
    assert await system.ask(upid, Grow()) == Echo("mirror")
    assert len(actor.errors) == 1
    assert "asks itself for Echo" in actor.errors[0]


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.asyncio
@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
async def test_ipv6() -> None:
    async with asyncio.timeout(20), ActorSystem("::1") as one, ActorSystem("::1") as other:
        upid = one.spawn(Probe(), "probe")
        assert str(upid).startswith("probe@[::1]:")
        assert await other.ask(UPID.parse(str(upid)), Echo("six")) == Echo("six")
