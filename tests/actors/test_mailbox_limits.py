"""Mailboxes with a limit: what becomes of one message too many."""

from __future__ import annotations

import asyncio

import pytest

from actors import (
    UPID,
    Actor,
    ActorSystem,
    AskTimeoutError,
    Message,
    Overflow,
    PausedClock,
    RemoteError,
    handles,
)
from actors.testing import advance, settle

from .probes import Echo, Hold, Note, Probe

Two = tuple[ActorSystem, ActorSystem]


class Small(Probe):
    mailbox_limit = 3


class Oldest(Small):
    mailbox_overflow = Overflow.DROP_OLDEST


class Rejecting(Small):
    mailbox_overflow = Overflow.REJECT


class Blocking(Small):
    mailbox_overflow = Overflow.BLOCK


async def held(system: ActorSystem, probe: Probe) -> UPID:
    """Spawn an actor that handles nothing until its gate opens."""
    upid = system.spawn(probe)
    system.send(upid, Hold())
    await settle(system)
    return upid


async def numbers(system: ActorSystem, probe: Probe) -> list[int]:
    probe.gate.set()
    await settle(system)
    return [note.number for note in probe.notes]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("type_", "kept"),
    [(Small, [0, 1, 2]), (Oldest, [2, 3, 4]), (Rejecting, [0, 1, 2]), (Blocking, [0, 1, 2])],
)
async def test_what_is_kept_of_five(system: ActorSystem, type_: type[Probe], kept: list[int]) -> None:
    probe = type_()
    upid = await held(system, probe)
    for number in range(5):
        system.send(upid, Note(number=number))
    assert system.counters["dead_letters"] == 2
    assert await numbers(system, probe) == kept
    # There is room again.
    system.send(upid, Note(number=9))
    assert (await numbers(system, probe))[-1] == 9


@pytest.mark.asyncio
@pytest.mark.parametrize("remote", [False, True], ids=["local", "remote"])
async def test_who_asks_a_full_mailbox(two: Two, clock: PausedClock, remote: bool) -> None:
    asker = two[1] if remote else two[0]
    for type_, error in ((Rejecting, RemoteError), (Blocking, RemoteError), (Small, AskTimeoutError)):
        upid = await held(two[0], type_())
        for number in range(3):
            two[0].send(upid, Note(number=number))
        asking = asyncio.ensure_future(asker.ask(upid, Echo()))
        await advance(clock, 4.9, *two)
        assert asking.done() == (error is RemoteError)
        await advance(clock, 0.2, *two)
        with pytest.raises(error, match="full" if error is RemoteError else "did not reply"):
            await asking


@pytest.mark.asyncio
async def test_asking_again_until_there_is_room_lets_others_run(system: ActorSystem) -> None:
    upid = system.spawn(Rejecting())
    for number in range(3):
        system.send(upid, Note(number=number))
    for _ in range(1000):
        try:
            assert await system.ask(upid, Echo("x")) == Echo("x")
            return
        except RemoteError as error:
            assert error.kind == "Refused"  # noqa: PT017 - it goes on until there is none
    pytest.fail("it asked 1000 times, and what filled the mailbox had no turn")


@pytest.mark.asyncio
async def test_calls_are_always_taken(system: ActorSystem) -> None:
    probe = Small()
    upid = await held(system, probe)
    for number in range(5):
        system.send(upid, Note(number=number))
        probe.defer(probe.note, Note(number=10 + number), None)
    # Of the messages, two found room; of the calls, all.
    assert await numbers(system, probe) == [0, 10, 1, 11, 12, 13, 14]


class Flood(Message, tag="limits.Flood"):
    messages: int


class Source(Actor):
    def __init__(self, to: UPID) -> None:
        self.to = to
        self.floods = 0

    @handles(Flood)
    def flood(self, message: Flood) -> None:
        self.floods += 1
        for number in range(message.messages):
            self.send(self.to, Note(number=number))


@pytest.mark.asyncio
async def test_a_sender_waits_until_there_is_room(system: ActorSystem) -> None:
    probe = Blocking()
    upid = await held(system, probe)
    source, other = Source(upid), Source(upid)
    floods = [system.spawn(source), system.spawn(other)]
    for _ in range(10):
        for each in floods:
            system.send(each, Flood(2))
    await settle(system)
    # Two turns of the first filled it, and one message too many; the other had the turn that it had begun.
    assert (source.floods, other.floods) == (2, 1)
    probe.gate.set()
    await settle(system)
    assert (source.floods, other.floods) == (10, 10)
    assert len(probe.notes) == 40
    assert system.counters["dead_letters"] == 0


@pytest.mark.asyncio
@pytest.mark.parametrize("kill", [False, True])
async def test_senders_go_on_when_the_actor_they_wait_for_ends(system: ActorSystem, kill: bool) -> None:
    upid = await held(system, Blocking())
    source = Source(upid)
    flood = system.spawn(source)
    for _ in range(5):
        system.send(flood, Flood(4))
    await settle(system)
    assert source.floods == 1
    if kill:
        system.kill(upid)
    else:
        system.terminate(upid)
    await settle(system)
    assert source.floods == 5


@pytest.mark.asyncio
async def test_a_sender_that_waits_can_end(system: ActorSystem) -> None:
    upid = await held(system, Blocking())
    flood = system.spawn(Source(upid))
    system.send(flood, Flood(4))
    await settle(system)
    system.terminate(flood)
    assert await system.wait(flood) == "normal"


@pytest.mark.asyncio
async def test_two_that_fill_each_other_go_on(system: ActorSystem) -> None:
    class Mirror(Actor):
        mailbox_limit = 2
        mailbox_overflow = Overflow.BLOCK
        seen = 0
        to: UPID

        @handles(Note)
        def note(self, message: Note) -> None:
            self.seen += 1
            if message.number:
                for _ in range(2):
                    self.send(self.to, Note(number=message.number - 1))

    one, other = Mirror(), Mirror()
    one.to, other.to = system.spawn(other), system.spawn(one)
    system.send(other.to, Note(number=8))
    await settle(system)
    assert one.seen + other.seen == 2**9 - 1


def test_a_limit_below_one() -> None:
    with pytest.raises(TypeError, match="mailbox_limit is 0"):

        class Nothing(Actor):
            mailbox_limit = 0
