"""Handlers that wait for replies without a task: all that a task would do for them, and what it would not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from actors import (
    UPID,
    Actor,
    ActorSystem,
    AskTimeoutError,
    FailurePolicy,
    Message,
    Overflow,
    PausedClock,
    PeerGoneError,
    RemoteError,
    SelfAskError,
    handles,
)
from actors.testing import advance, settle

from .probes import Echo, Fail, Hold, Note, Probe

Two = tuple[ActorSystem, ActorSystem]


class Begin(Message, tag="parked.Begin"):
    times: int = 1


class Asker(Probe):
    """Runs what a test gives it as a parked handler."""

    failure_policy = FailurePolicy.RESUME

    def __init__(self, run: Callable[[Asker], Awaitable[Any]]) -> None:
        super().__init__()
        self.run = run

    @handles(Begin, parked=True)
    async def begin(self, message: Begin) -> Note:
        result = None
        for _ in range(message.times):
            result = await self.run(self)
        return Note(result if isinstance(result, str) else "", message.times)


@pytest.mark.asyncio
async def test_no_task_and_no_turn_of_the_loop_is_needed(system: ActorSystem) -> None:
    other = system.spawn(Probe())
    asker = system.spawn(Asker(lambda self: self.ask(other, Echo("x"))))
    asked = asyncio.ensure_future(system.ask(asker, Begin(50)))
    await asyncio.sleep(0)
    before = asyncio.all_tasks()
    # One turn of the loop is one pass over the actors: all fifty questions are asked and answered in it.
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert system.inspect(asker)[0].waiting is False
    assert (await asked).number == 50


@pytest.mark.asyncio
@pytest.mark.parametrize("remote", [False, True])
async def test_replies_and_failures_come_as_to_a_task(two: Two, remote: bool) -> None:
    system, there = two
    far = (there if remote else system).spawn(Probe())

    async def run(self: Asker) -> str:
        assert await self.ask(far, Echo("1")) == Echo("1")
        with pytest.raises(RemoteError, match="ValueError: boom"):
            await self.ask(far, Fail())
        with pytest.raises(PeerGoneError):
            await self.ask(far, Echo("it ended by that"))
        with pytest.raises(PeerGoneError):
            await self.ask(UPID.at("nobody", far.address), Echo())
        return "done"

    assert await system.ask(system.spawn(Asker(run)), Begin()) == Note("done", 1)


@pytest.mark.asyncio
async def test_no_reply_in_time_is_a_timeout(system: ActorSystem, clock: PausedClock) -> None:
    other = system.spawn(Probe())
    asker = system.spawn(Asker(lambda self: self.ask(other, Hold(), 3)))
    asked = asyncio.ensure_future(system.ask(asker, Begin()))
    await advance(clock, 2, system)
    view, _ = system.inspect(asker)
    assert (view.waiting_for, view.waiting_seconds) == ("Begin", 2.0)
    await advance(clock, 1, system)
    error = asked.exception()
    assert isinstance(error, RemoteError)
    assert error.kind == AskTimeoutError.__name__
    assert await system.ask(asker, Echo("it goes on")) == Echo("it goes on")


@pytest.mark.asyncio
async def test_it_holds_the_mailbox(system: ActorSystem) -> None:
    other = Probe()
    system.spawn(other)
    asker = Asker(lambda self: self.ask(other.upid, Hold()))
    system.spawn(asker)
    asked = asyncio.ensure_future(system.ask(asker.upid, Begin()))
    await other.holding.wait()
    system.send(asker.upid, Note("behind it"))
    await settle(system)
    assert asker.notes == []
    other.gate.set()
    await asked
    await settle(system)
    assert asker.notes == [Note("behind it")]


@pytest.mark.asyncio
@pytest.mark.parametrize("first", ["sleep", "future", "gather"])
async def test_what_awaits_anything_else_goes_on_as_a_task(system: ActorSystem, first: str) -> None:
    other = system.spawn(Probe())
    gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def run(self: Asker) -> str:
        await self.ask(other, Echo())
        assert asyncio.current_task() is None
        if first == "sleep":
            await asyncio.sleep(0)
        elif first == "future":
            assert await gate == "open"
        else:
            assert await asyncio.gather(*(self.ask(other, Echo(str(n))) for n in range(3))) == [
                Echo(str(n)) for n in range(3)
            ]
        async with asyncio.timeout(10):
            assert await self.ask(other, Echo("again")) == Echo("again")
        return "done"

    asked = asyncio.ensure_future(system.ask(system.spawn(Asker(run)), Begin()))
    await settle(system)
    gate.set_result("open")
    assert (await asked).text == "done"


@pytest.mark.asyncio
async def test_what_wants_a_task_says_so(system: ActorSystem) -> None:
    async def run(_self: Asker) -> None:
        async with asyncio.timeout(1):
            await asyncio.sleep(0)

    with pytest.raises(RemoteError, match="should be used inside a task"):
        await system.ask(system.spawn(Asker(run)), Begin())


@pytest.mark.asyncio
@pytest.mark.parametrize("answer_first", [False, True])
async def test_its_actors_end_cancels_it(system: ActorSystem, answer_first: bool) -> None:
    other = Probe()
    system.spawn(other)
    seen: list[str] = []

    async def run(self: Asker) -> None:
        try:
            await self.ask(other.upid, Hold())
        except asyncio.CancelledError:
            seen.append("cancelled")
            # It may still ask, and wait, on its way out.
            await self.ask(other.upid, Note())
            await asyncio.sleep(0)
            seen.append("cleaned up")
            raise

    asker = system.spawn(Asker(run))
    asked = asyncio.ensure_future(system.ask(asker, Begin()))
    await other.holding.wait()
    if answer_first:
        other.gate.set()
        await asyncio.sleep(0)
    system.terminate(asker)
    other.gate.set()
    assert await system.wait(asker) == "normal"
    assert seen == ["cancelled", "cleaned up"]
    assert isinstance(
        asked.exception() if asked.done() else await asyncio.wait_for(_error(asked), 1), PeerGoneError
    )


async def _error(asked: asyncio.Future[Any]) -> BaseException | None:
    await asyncio.wait([asked])
    return asked.exception()


@pytest.mark.asyncio
async def test_it_may_end_its_own_actor_and_finish(system: ActorSystem) -> None:
    other = system.spawn(Probe())

    async def run(self: Asker) -> str:
        await self.ask(other, Echo())
        self.terminate("the last word")
        await self.ask(other, Echo())
        return "finished"

    asker = system.spawn(Asker(run))
    ended = asyncio.ensure_future(system.wait(asker))
    assert (await system.ask(asker, Begin())).text == "finished"
    assert await ended == "the last word"


@pytest.mark.asyncio
async def test_asking_oneself_is_an_error_and_not_a_deadlock(system: ActorSystem) -> None:
    asker = system.spawn(Asker(lambda self: self.ask(self.upid, Echo())))
    with pytest.raises(RemoteError) as raised:
        await system.ask(asker, Begin())
    assert raised.value.kind == SelfAskError.__name__


@pytest.mark.asyncio
async def test_a_chain_of_a_thousand_needs_no_deep_stack(system: ActorSystem) -> None:
    last = system.spawn(Probe())
    for _ in range(1000):
        before = last
        last = system.spawn(
            Asker(lambda self, to=before: self.ask(to, Begin() if "asker" in to.id else Echo()))
        )
    assert (await system.ask(last, Begin())).number == 1


@pytest.mark.asyncio
async def test_two_that_ask_each_other_run_into_their_time_limits(
    system: ActorSystem, clock: PausedClock
) -> None:
    second = Asker(lambda self: self.ask(first.upid, Echo()))
    first = Asker(lambda self: self.ask(second.upid, Begin()))
    system.spawn(first), system.spawn(second)
    asked = asyncio.ensure_future(system.ask(first.upid, Begin(), 60))
    await advance(clock, 5, system)
    assert isinstance(asked.exception(), RemoteError)
    assert await system.ask(second.upid, Echo()) == Echo()


def test_an_interrupt_inside_goes_up_and_the_others_go_on() -> None:
    async def begin() -> tuple[ActorSystem, UPID, UPID]:
        system = await ActorSystem().start()
        other = system.spawn(Probe())

        async def run(self: Asker) -> None:
            await self.ask(other, Echo())
            raise KeyboardInterrupt

        return system, system.spawn(Asker(run)), other

    async def interrupt(system: ActorSystem, asker: UPID) -> None:
        system.send(asker, Begin())
        await asyncio.Event().wait()

    async def go_on(system: ActorSystem, asker: UPID, other: UPID) -> None:
        async with asyncio.timeout(10):
            for upid in (asker, other):
                assert await system.ask(upid, Echo("on")) == Echo("on")
            await system.close()

    with asyncio.Runner() as runner:
        system, asker, other = runner.run(begin())
        with pytest.raises(KeyboardInterrupt):
            runner.run(interrupt(system, asker))
        runner.run(go_on(system, asker, other))


@pytest.mark.asyncio
@pytest.mark.parametrize("remote", [False, True])
async def test_one_that_waits_for_room_still_gets_its_reply(two: Two, remote: bool) -> None:
    class Full(Probe):
        mailbox_limit = 1
        mailbox_overflow = Overflow.BLOCK

    system, there = two
    other, full = Probe(), Full()
    (there if remote else system).spawn(other), system.spawn(full)
    holding = asyncio.ensure_future(system.ask(full.upid, Hold()))
    await full.holding.wait()

    async def run(self: Asker) -> str:
        for _ in range(3):
            self.send(full.upid, Note())
        await self.ask(other.upid, Echo())
        return "done"

    assert (await system.ask(system.spawn(Asker(run)), Begin())).text == "done"
    full.gate.set()
    await holding


def test_parked_and_concurrent_exclude_each_other() -> None:
    with pytest.raises(TypeError, match="concurrent or parked"):
        handles(Note, concurrent=True, parked=True)


@pytest.mark.asyncio
async def test_an_override_that_is_no_coroutine(system: ActorSystem) -> None:
    class Plain(Actor):
        @handles(Begin, parked=True)
        def begin(self, message: Begin) -> Note:
            return Note("plain", message.times)

    assert await system.ask(system.spawn(Plain()), Begin(7)) == Note("plain", 7)
