"""Handlers that wait for replies without a task: all that a task would do for them, and what it would not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
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


@pytest.mark.asyncio
async def test_a_failure_beside_it_does_not_keep_its_actor_for_ever(system: ActorSystem) -> None:
    """A concurrent handler ends the actor in the very turn in which the reply to the parked one comes."""

    class Mixed(Actor):
        @handles(Fail, concurrent=True)
        async def fail(self, message: Fail) -> None:
            raise ValueError(message.text)

        @handles(Begin, parked=True)
        async def begin(self, _message: Begin) -> None:
            await self.ask(UPID.at("nobody", self.system.address), Echo())

    upid = system.spawn(Mixed())
    system.send(upid, Fail())
    system.send(upid, Begin())
    assert await system.wait(upid) == "error: ValueError: boom"


@pytest.mark.asyncio
@pytest.mark.parametrize("waits", ["sleep", "future"])
async def test_one_that_becomes_a_task_and_is_ended_in_the_same_pass_cleans_up(
    system: ActorSystem, waits: str
) -> None:
    seen: list[str] = []
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(_self: Asker) -> None:
        try:
            await (asyncio.sleep(0) if waits == "sleep" else future)
        finally:
            await asyncio.sleep(0)
            seen.append("cleaned up")

    class Ender(Actor):
        @handles(Note)
        def note(self, _message: Note) -> None:
            self.system.terminate(asker)

    asker, ender = system.spawn(Asker(run)), system.spawn(Ender())
    system.send(asker, Begin())
    system.send(ender, Note())
    await system.wait(asker)
    assert seen == ["cleaned up"]
    assert future.cancelled() == (waits == "future")


@pytest.mark.asyncio
async def test_each_has_context_variables_of_its_own(system: ActorSystem) -> None:
    user: ContextVar[str] = ContextVar("user")
    other = system.spawn(Probe())

    def as_user(name: str) -> Callable[[Asker], Awaitable[str]]:
        async def run(self: Asker) -> str:
            token = user.set(name)
            await self.ask(other, Echo())
            await asyncio.sleep(0)
            seen = user.get()
            user.reset(token)
            return seen

        return run

    asked = [system.ask(system.spawn(Asker(as_user(name))), Begin()) for name in ("alice", "bob")]
    assert [answer.text for answer in await asyncio.gather(*asked)] == ["alice", "bob"]


@pytest.mark.asyncio
async def test_an_ask_that_fails_before_it_waits_leaves_nothing_behind(
    system: ActorSystem, clock: PausedClock
) -> None:
    other = Probe()
    system.spawn(other)

    def broken(_traced: object) -> None:
        raise LookupError("the tracer")

    async def run(self: Asker) -> str:
        with self.system.trace(broken, ids=other.upid.id), pytest.raises(LookupError):
            await self.ask(other.upid, Echo(), 1)
        assert await self.ask(other.upid, Hold(), 60) == Note("held")
        return "done"

    asked = asyncio.ensure_future(system.ask(system.spawn(Asker(run)), Begin(), 100))
    await other.holding.wait()
    await advance(clock, 2, system)
    other.gate.set()
    assert (await asked).text == "done"
    assert len(system._asks) == 0


@pytest.mark.asyncio
async def test_one_that_is_a_plain_method_and_returns_a_future(system: ActorSystem) -> None:
    future: asyncio.Future[Note] = asyncio.get_running_loop().create_future()

    class Plain(Actor):
        @handles(Begin, parked=True)
        def begin(self, _message: Begin) -> asyncio.Future[Note]:
            return future

    asked = asyncio.ensure_future(system.ask(system.spawn(Plain()), Begin()))
    await settle(system)
    future.set_result(Note("later"))
    assert await asked == Note("later")


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
