"""Messages that are stopped on their way, in tests."""

from __future__ import annotations

import asyncio
import re

import pytest

from actors import UPID, ActorSystem, AskTimeoutError, PausedClock
from actors.testing import advance, intercept, settle

from .probes import Echo, Note, Probe

Two = tuple[ActorSystem, ActorSystem]


def numbers(probe: Probe) -> list[int]:
    return [note.number for note in probe.notes]


@pytest.mark.asyncio
async def test_the_next_message_of_a_type(two: Two) -> None:
    probe = Probe()
    upid, sender = two[0].spawn(probe), two[1].spawn(Probe())
    with intercept(two[0], upid) as post:
        waiting = asyncio.ensure_future(post.next(Note, sender=sender))
        await asyncio.sleep(0)
        two[0].send(upid, Note(number=1))
        two[1].send(upid, Echo(), sender)
        two[1].send(upid, Note(number=2), sender)
        assert await waiting == Note(number=2)
        await settle(*two)
        assert post.seen == [Note(number=1), Echo(), Note(number=2)]
    assert numbers(probe) == [1, 2]


@pytest.mark.asyncio
async def test_drop_and_alter(system: ActorSystem, clock: PausedClock) -> None:
    probe = Probe()
    upid = system.spawn(probe)
    with intercept(system, upid) as post:
        post.drop(Note)
        post.alter(Note, lambda note: Note(number=note.number * 10), times=2)
        post.drop(Echo, times=None)
        for number in range(1, 5):
            system.send(upid, Note(number=number))
        for _ in range(2):
            asking = asyncio.ensure_future(system.ask(upid, Echo()))
            await advance(clock, 6, system)
            with pytest.raises(AskTimeoutError):
                await asking
        assert numbers(probe) == [20, 30, 4]
    assert await system.ask(upid, Echo()) == Echo()


@pytest.mark.asyncio
async def test_delay_is_by_the_clock_and_lets_others_pass(system: ActorSystem, clock: PausedClock) -> None:
    probe = Probe()
    upid = system.spawn(probe)
    with intercept(system, upid) as post:
        post.delay(Note, 10)
        for number in (1, 2):
            system.send(upid, Note(number=number))
        asking = asyncio.ensure_future(system.ask(upid, Echo()))
        await settle(system)
        assert numbers(probe) == [2]
        assert await asking == Echo()
        await advance(clock, 10, system)
        assert numbers(probe) == [2, 1]


@pytest.mark.asyncio
async def test_what_waits_already_is_not_lost(system: ActorSystem) -> None:
    probe = Probe()
    upid = system.spawn(probe)
    system.send(upid, Note(number=1))
    with intercept(system, upid) as post:
        system.send(upid, Note(number=2))
    system.send(upid, Note(number=3))
    await settle(system)
    assert numbers(probe) == [1, 2, 3]
    assert post.seen == [Note(number=2)]


@pytest.mark.asyncio
async def test_an_actor_that_is_watched_from_within_its_turn_handles_each_once(system: ActorSystem) -> None:
    class Watching(Probe):
        def note(self, message: Note, sender: UPID | None) -> None:
            super().note(message, sender)
            if message.number == 1:
                system.watch_mailbox(self.upid, lambda item: item)

    for limit in (None, 10):
        probe = type("Limited", (Watching,), {"mailbox_limit": limit})()
        upid = system.spawn(probe)
        for number in range(4):
            system.send(upid, Note(number=number))
        await settle(system)
        assert numbers(probe) == [0, 1, 2, 3]


@pytest.mark.asyncio
async def test_an_actor_that_ends_meanwhile_or_is_not_there(system: ActorSystem) -> None:
    upid = system.spawn(Probe())
    with intercept(system, upid):
        system.terminate(upid)
        await settle(system)
    with pytest.raises(KeyError), intercept(system, upid):
        pass


@pytest.mark.asyncio
async def test_waiting_for_what_does_not_come_ends(system: ActorSystem) -> None:
    upid = system.spawn(Probe())
    with intercept(system, upid) as post:
        system.send(upid, Note())
        with pytest.raises(
            TimeoutError, match=f"no Echo came for {re.escape(upid.id)} within 0.05 s; seen: Note"
        ):
            await post.next(Echo, timeout=0.05)
