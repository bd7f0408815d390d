"""What a turn may do to its own actor, and what its failure means to whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from actors import UPID, Actor, ActorSystem, AskTimeoutError, PausedClock, PeerGoneError, RemoteError, handles
from actors.testing import advance, settle

from .probes import Echo, Fail, Hold, Note, Probe, Tough, WhoAsks

Two = tuple[ActorSystem, ActorSystem]


@pytest.mark.asyncio
async def test_a_turn_that_terminates_its_own_actor_finishes_and_answers(system: ActorSystem) -> None:
    class Last(Actor):
        @handles(Echo)
        async def echo(self, message: Echo) -> Echo:
            self.terminate("said the last word")
            await asyncio.sleep(0)
            return message

    upid = system.spawn(Last())
    ended = asyncio.ensure_future(system.wait(upid))
    async with asyncio.timeout(10):
        assert await system.ask(upid, Echo("last")) == Echo("last")
        assert await ended == "said the last word"


@pytest.mark.asyncio
@pytest.mark.parametrize("slow", [False, True], ids=["plain", "async"])
async def test_a_turn_that_looks_at_a_cancelled_future_fails_like_any_other(
    system: ActorSystem, slow: bool
) -> None:
    """CancelledError is no Exception: it must not take the scheduler with it."""
    cancelled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    cancelled.cancel()

    class Plain(Tough):
        @handles(Note)
        def note(self, _message: Note) -> None:
            cancelled.result()

    class Slow(Tough):
        @handles(Note)
        async def note(self, _message: Note) -> None:
            await cancelled

    upid = system.spawn(Slow() if slow else Plain())
    other = system.spawn(Probe())
    async with asyncio.timeout(10):
        with pytest.raises(RemoteError, match="was cancelled"):
            await system.ask(upid, Note())
        assert await system.ask(other, Echo("others go on")) == Echo("others go on")
        assert await system.ask(upid, Echo("so does it")) == Echo("so does it")
    assert system.counters["handler_failures"] == 1


@pytest.mark.asyncio
async def test_a_turn_that_never_returns_is_its_actors_alone(system: ActorSystem, clock: PausedClock) -> None:
    stuck = Probe()
    upid, other = system.spawn(stuck), system.spawn(Probe())
    asked = [asyncio.ensure_future(system.ask(upid, message)) for message in (Hold(), Echo("behind it"))]
    await stuck.holding.wait()
    await advance(clock, 4, system)
    assert await system.ask(other, Echo("others go on")) == Echo("others go on")
    view, _ = system.inspect(upid)
    assert (view.waiting_for, view.waiting_seconds, view.mailbox) == ("Hold", 4.0, 1)
    await advance(clock, 1, system)
    assert all(isinstance(each.exception(), AskTimeoutError) for each in asked)
    system.terminate(upid)
    assert await system.wait(upid) == "normal"


def test_an_interrupt_in_a_turn_goes_up_and_the_others_go_on() -> None:
    class Interrupted(Probe):
        @handles(Note)
        def note(self, _message: Note) -> None:
            raise KeyboardInterrupt

    async def begin() -> tuple[ActorSystem, UPID, UPID]:
        system = await ActorSystem().start()
        return system, system.spawn(Interrupted()), system.spawn(Probe())

    async def interrupt(system: ActorSystem, first: UPID, other: UPID) -> None:
        system.send(first, Note())
        system.send(other, Note())
        async with asyncio.timeout(10):
            await asyncio.Event().wait()

    async def go_on(system: ActorSystem, first: UPID, other: UPID) -> None:
        async with asyncio.timeout(10):
            assert await system.ask(other, Echo("a")) == Echo("a")
            assert await system.ask(first, Echo("b")) == Echo("b")
            await system.close()

    with asyncio.Runner() as runner:
        started = runner.run(begin())
        with pytest.raises(KeyboardInterrupt):
            runner.run(interrupt(*started))
        runner.run(go_on(*started))


@pytest.mark.asyncio
@pytest.mark.parametrize("remote", [False, True], ids=["local", "remote"])
async def test_that_an_asked_actor_asked_one_that_ended_is_not_its_own_end(two: Two, remote: bool) -> None:
    home = two[1] if remote else two[0]
    inner = home.spawn(Probe())

    class Middle(Tough):
        @handles(WhoAsks)
        async def who(self, _message: WhoAsks) -> Note:
            return await self.ask(inner, Hold())

    middle = home.spawn(Middle())
    ask = asyncio.ensure_future(two[0].ask(middle, WhoAsks()))
    await settle(*two)
    home.terminate(inner)
    async with asyncio.timeout(10):
        with pytest.raises(RemoteError) as caught:
            await ask
        assert caught.value.kind == "PeerGoneError"
        assert await two[0].ask(middle, Echo("alive")) == Echo("alive")


@pytest.mark.asyncio
async def test_what_a_call_raises_after_its_caller_left_is_logged(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    probe = Probe()
    upid = system.spawn(probe)
    system.send(upid, Hold())

    def wrong() -> None:
        raise LookupError("nobody hears it")

    call = asyncio.ensure_future(system.call(upid, wrong))
    await settle(system)
    call.cancel()
    await settle(system)
    probe.gate.set()
    await settle(system)
    assert "LookupError: nobody hears it" in caplog.text
    async with asyncio.timeout(10):
        assert await system.ask(upid, Echo("alive")) == Echo("alive")


@pytest.mark.asyncio
async def test_an_async_call_that_is_cut_off_by_the_end_fails(system: ActorSystem) -> None:
    upid = system.spawn(Probe())
    call = asyncio.ensure_future(system.call(upid, asyncio.Event().wait))
    await settle(system)
    system.terminate(upid)
    async with asyncio.timeout(10):
        with pytest.raises(PeerGoneError, match="ended") as caught:
            await call
    assert type(caught.value) is PeerGoneError


@pytest.mark.asyncio
async def test_drain_handles_what_came_before_it_and_drops_what_came_after(system: ActorSystem) -> None:
    probe = Probe()
    upid = system.spawn(probe)
    for number in range(3):
        system.send(upid, Note(number=number))
    ask = asyncio.ensure_future(system.ask(upid, Echo("in time")))
    await asyncio.sleep(0)
    system.terminate(upid, "done", drain=True)
    system.send(upid, Note(number=3))
    async with asyncio.timeout(10):
        assert await system.wait(upid) == "done"
        assert await ask == Echo("in time")
    assert [note.number for note in probe.notes] == [0, 1, 2]
    assert system.counters["dead_letters"] == 1


@pytest.mark.asyncio
async def test_an_async_turn_before_a_drain_is_not_cut_off(system: ActorSystem) -> None:
    probe = Probe()
    upid = system.spawn(probe)
    ask = asyncio.ensure_future(system.ask(upid, Hold()))
    await settle(system)
    system.terminate(upid, drain=True)
    await settle(system)
    assert not ask.done()
    probe.gate.set()
    async with asyncio.timeout(10):
        assert await ask == Note("held")
        assert await system.wait(upid) == "noproc"


@pytest.mark.asyncio
@pytest.mark.parametrize("slow", [False, True], ids=["plain", "async"])
async def test_an_initialize_that_raises_ends_the_actor(system: ActorSystem, slow: bool) -> None:
    class Plain(Probe):
        def initialize(self) -> None:
            raise OSError("no disk")

    class Slow(Probe):
        async def initialize(self) -> None:
            await asyncio.sleep(0)
            raise OSError("no disk")

    watcher = Probe()
    system.spawn(watcher)
    upid = system.spawn(Slow() if slow else Plain())
    watcher.link(upid)
    async with asyncio.timeout(10):
        with pytest.raises(PeerGoneError):
            await system.ask(upid, Echo())
        assert await watcher.until_exits() == [(upid, "error: OSError: no disk")]


@pytest.mark.asyncio
async def test_a_concurrent_handler_that_raises_ends_its_actor_and_the_other_handlers(
    system: ActorSystem,
) -> None:
    class Wide(Actor):
        gate = asyncio.Event()

        @handles(Hold, concurrent=True)
        async def hold(self, _message: Hold) -> None:
            await asyncio.Event().wait()

        @handles(Fail, concurrent=True)
        async def fail(self, message: Fail) -> None:
            await self.gate.wait()
            raise ValueError(message.text)

    wide = Wide()
    upid = system.spawn(wide)
    held = asyncio.ensure_future(system.ask(upid, Hold()))
    failing = asyncio.ensure_future(system.ask(upid, Fail("boom")))
    ended = asyncio.ensure_future(system.wait(upid))
    await settle(system)
    wide.gate.set()
    async with asyncio.timeout(10):
        with pytest.raises(RemoteError, match="ValueError: boom"):
            await failing
        with pytest.raises(PeerGoneError):
            await held
        assert await ended == "error: ValueError: boom"


@pytest.mark.asyncio
@pytest.mark.parametrize("use", [ActorSystem.dispatch, ActorSystem.call], ids=["dispatch", "call"])
async def test_a_turn_for_an_actor_elsewhere_is_not_given_to_its_namesake_here(
    two: Two, use: Callable[..., object]
) -> None:
    two[0].spawn(Probe(), "twin")
    there = two[1].spawn(Probe(), "twin")
    called: list[int] = []
    result = use(two[0], there, called.append, 1)
    if asyncio.iscoroutine(result):
        with pytest.raises(PeerGoneError):
            await result
    await settle(*two)
    assert called == []
