"""A name may be used again; the successor inherits nothing."""

from __future__ import annotations

import asyncio

import pytest

from actors import Actor, ActorSystem, PausedClock
from actors.testing import advance, settle

from .probes import Note, Probe


class SlowEnd(Probe):
    def __init__(self) -> None:
        super().__init__()
        self.end = asyncio.Event()

    async def finalize(self) -> None:
        await self.end.wait()


@pytest.mark.asyncio
async def test_timers_of_the_one_before_do_not_fire_in_its_successor(
    system: ActorSystem, clock: PausedClock
) -> None:
    fired: list[str] = []
    first = Probe()
    upid = system.spawn(first, "name")
    first.after(5, fired.append, "after")
    first.every(5, fired.append, "every")
    system.terminate(upid)
    await settle(system)
    system.spawn(Probe(), "name")
    await advance(clock, 20, system)
    assert fired == []
    assert clock.next_timer() is None


@pytest.mark.asyncio
async def test_a_name_is_taken_until_the_last_turn_is_over(system: ActorSystem) -> None:
    actor = SlowEnd()
    upid = system.spawn(actor, "name")
    system.terminate(upid, "enough")
    await settle_but_for_finalize(system)
    assert not system.hosts(upid)
    with pytest.raises(ValueError, match="'name' is taken"):
        system.spawn(Probe(), "name")
    waiting = asyncio.ensure_future(system.wait(upid))
    await settle_but_for_finalize(system)
    assert not waiting.done()
    actor.end.set()
    async with asyncio.timeout(10):
        assert await waiting == "enough"
    assert system.spawn(Probe(), "name") == upid


@pytest.mark.asyncio
async def test_who_spawns_itself_anew_in_finalize_is_told_that_the_name_is_taken(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    class Phoenix(Actor):
        def finalize(self) -> None:
            self.system.spawn(Phoenix(), self.upid.id)

    upid = system.spawn(Phoenix(), "phoenix")
    system.terminate(upid)
    async with asyncio.timeout(10):
        await system.wait(upid)
    assert "'phoenix' is taken" in caplog.text
    assert list(system.actors) == []


@pytest.mark.asyncio
async def test_a_supervisor_may_use_the_name_again_when_it_is_told(system: ActorSystem) -> None:
    class Supervisor(Probe):
        def exited(self, upid: object, reason: str) -> None:
            super().exited(upid, reason)
            self.system.spawn(Probe(), "child")

    supervisor = Supervisor()
    system.spawn(supervisor)
    child = SlowEnd()
    upid = system.spawn(child, "child")
    supervisor.link(upid)
    child.end.set()
    system.terminate(upid)
    async with asyncio.timeout(10):
        assert await supervisor.until_exits() == [(upid, "normal")]
    await settle(system)
    assert system.hosts(upid)
    assert [actor for actor in system.actors if actor is child] == []


@pytest.mark.asyncio
async def test_sends_to_a_name_reach_whoever_has_it(system: ActorSystem) -> None:
    upid = system.spawn(Probe(), "name")
    system.terminate(upid)
    await settle(system)
    system.send(upid, Note("nobody"))
    successor = Probe()
    system.spawn(successor, "name")
    system.send(upid, Note("somebody"))
    await settle(system)
    assert [note.text for note in successor.notes] == ["somebody"]
    assert system.counters["dead_letters"] == 1


async def settle_but_for_finalize(system: ActorSystem) -> None:
    """`settle` would wait for the last turn too."""
    for _ in range(20):
        await asyncio.sleep(0)
