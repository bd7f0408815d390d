"""A system that closes: in order, to the end, and whoever waits is told."""

from __future__ import annotations

import asyncio

import pytest

from actors import Actor, ActorSystem, PeerGoneError, SystemClosedError
from actors.testing import settle

from .probes import Echo, Hold, Note, Probe

Two = tuple[ActorSystem, ActorSystem]


@pytest.mark.asyncio
async def test_what_is_spawned_in_a_last_turn_ends_too(system: ActorSystem) -> None:
    ended: list[str] = []

    class Child(Actor):
        def finalize(self) -> None:
            ended.append("child")
            with pytest.raises(SystemClosedError):
                self.system.spawn(Child())

    class Parent(Actor):
        def finalize(self) -> None:
            ended.append("parent")
            self.system.spawn(Child())

    system.spawn(Parent())
    async with asyncio.timeout(10):
        await system.close()
    assert ended == ["parent", "child"]
    assert list(system.actors) == []


@pytest.mark.asyncio
async def test_a_supervisor_that_spawns_again_and_again_does_not_keep_it_open(system: ActorSystem) -> None:
    class Supervisor(Probe):
        def initialize(self) -> None:
            self.again()

        def again(self) -> None:
            self.link(self.system.spawn(Probe()))

        def exited(self, upid: object, reason: str) -> None:
            super().exited(upid, reason)
            self.again()

    supervisor = Supervisor()
    system.spawn(supervisor)
    await settle(system)
    async with asyncio.timeout(10):
        await system.close()
    assert supervisor.exits[0][1] == "shutdown"
    assert list(system.actors) == []


@pytest.mark.asyncio
async def test_a_last_turn_that_began_before_is_awaited(system: ActorSystem) -> None:
    log: list[str] = []
    end = asyncio.Event()

    class SlowEnd(Actor):
        async def finalize(self) -> None:
            await end.wait()
            log.append("finalized")

    upid = system.spawn(SlowEnd())
    system.terminate(upid)
    while system.hosts(upid):
        await asyncio.sleep(0)
    closing = asyncio.ensure_future(system.close())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not closing.done()
    end.set()
    async with asyncio.timeout(10):
        await closing
    assert log == ["finalized"]


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["ask here", "ask elsewhere", "call"])
async def test_whoever_waits_is_told(two: Two, kind: str) -> None:
    upid = (two[1] if kind == "ask elsewhere" else two[0]).spawn(Probe())
    if kind == "call":
        waiting = asyncio.ensure_future(two[0].call(upid, asyncio.Event().wait))
    else:
        waiting = asyncio.ensure_future(two[0].ask(upid, Hold()))
    await settle(*two)
    async with asyncio.timeout(10):
        await two[0].close()
        with pytest.raises((PeerGoneError, SystemClosedError)):
            await waiting


@pytest.mark.asyncio
async def test_an_actor_that_asks_elsewhere_in_its_last_turn_gets_its_reply(two: Two) -> None:
    replies: list[object] = []
    upid = two[1].spawn(Probe())

    class Farewell(Actor):
        async def finalize(self) -> None:
            replies.append(await self.ask(upid, Echo("goodbye")))

    two[0].spawn(Farewell())
    async with asyncio.timeout(10):
        await two[0].close()
    assert replies == [Echo("goodbye")]


@pytest.mark.asyncio
async def test_a_closed_system_sends_nothing_and_raises_nothing(two: Two) -> None:
    probe = Probe()
    upid = two[1].spawn(probe)
    await two[0].close()
    await two[0].close()
    before = two[0].counters["dead_letters"]
    two[0].send(upid, Note("too late"))
    await settle(two[1])
    assert probe.notes == []
    assert two[0].counters["dead_letters"] == before + 1


@pytest.mark.asyncio
async def test_over_tcp_an_ask_that_waits_for_a_system_that_closes_fails() -> None:
    async with asyncio.timeout(20), ActorSystem() as here:
        there = await ActorSystem().start()
        probe = Probe()
        upid = there.spawn(probe)
        ask = asyncio.ensure_future(here.ask(upid, Hold()))
        await probe.holding.wait()
        await there.close()
        with pytest.raises(PeerGoneError):
            await ask
