from __future__ import annotations

import asyncio

import pytest

from actors import (
    UPID,
    Actor,
    ActorSystem,
    AskTimeoutError,
    InProcessNetwork,
    PausedClock,
    PeerGoneError,
    RemoteError,
    SystemClosedError,
    handles,
)
from actors.testing import advance, settle

from .probes import Echo, Fail, Hold, Note, Probe, Quiet, Refuse, Tough

Two = tuple[ActorSystem, ActorSystem]
here_and_there = pytest.mark.parametrize("remote", [False, True], ids=["local", "remote"])


def pick(two: Two, remote: bool) -> ActorSystem:
    return two[1] if remote else two[0]


@pytest.mark.asyncio
@here_and_there
async def test_the_reply_is_what_the_handler_returns(two: Two, remote: bool) -> None:
    upid = pick(two, remote).spawn(Probe())
    assert await two[0].ask(upid, Echo("a")) == Echo("a")
    assert await two[0].ask(upid, Quiet()) is None


@pytest.mark.asyncio
@here_and_there
async def test_no_reply_in_time_is_a_timeout_of_five_seconds_by_default(
    two: Two, clock: PausedClock, remote: bool
) -> None:
    upid = pick(two, remote).spawn(Probe())
    ask = asyncio.ensure_future(two[0].ask(upid, Hold()))
    await advance(clock, 4.999, *two)
    assert not ask.done()
    await advance(clock, 0.001, *two)
    with pytest.raises(AskTimeoutError, match=r"did not reply within 5 s"):
        await ask
    assert issubclass(AskTimeoutError, TimeoutError)


@pytest.mark.asyncio
async def test_many_asks_end_each_at_its_own_time(two: Two, clock: PausedClock) -> None:
    upid = two[1].spawn(Probe())
    start = clock.monotonic()
    ends: dict[int, float] = {}

    async def ask(seconds: int) -> None:
        with pytest.raises(AskTimeoutError):
            await two[0].ask(upid, Hold(), seconds)
        ends[seconds] = clock.monotonic() - start

    seconds = [(n * 37) % 100 + 1 for n in range(100)]
    asks = [asyncio.ensure_future(ask(s)) for s in seconds]
    await advance(clock, 100, *two)
    await asyncio.gather(*asks)
    assert ends == {s: s for s in seconds}


@pytest.mark.asyncio
async def test_an_answered_ask_leaves_the_timeouts_of_others_alone(two: Two, clock: PausedClock) -> None:
    upid, held = two[1].spawn(Probe()), two[1].spawn(Probe())
    waiting = asyncio.ensure_future(two[0].ask(held, Hold(), 3))
    for _ in range(5000):
        await two[0].ask(upid, Echo(), 1)
    await advance(clock, 2.9, *two)
    assert not waiting.done()
    await advance(clock, 0.1, *two)
    with pytest.raises(AskTimeoutError):
        await waiting


@pytest.mark.asyncio
async def test_answered_asks_with_long_timeouts_take_no_room(system: ActorSystem) -> None:
    upid = system.spawn(Probe())
    for _ in range(5000):
        await system.ask(upid, Echo(), 3600)
    assert len(system._asks._deadlines) < 3000
    assert len(system._asks) == 0


@pytest.mark.asyncio
@here_and_there
async def test_what_the_handler_raises_comes_back_with_type_and_text(two: Two, remote: bool) -> None:
    upid = pick(two, remote).spawn(Tough())
    with pytest.raises(RemoteError) as caught:
        await two[0].ask(upid, Fail("bad weather"))
    assert (caught.value.kind, caught.value.text) == ("ValueError", "bad weather")
    assert str(caught.value) == "ValueError: bad weather"


@pytest.mark.asyncio
@here_and_there
async def test_a_refusal_reaches_the_asker_and_the_actor_lives_on(two: Two, remote: bool) -> None:
    home = pick(two, remote)
    upid = home.spawn(Probe())
    with pytest.raises(RemoteError) as caught:
        await two[0].ask(upid, Refuse("not today"))
    assert (caught.value.kind, caught.value.text) == ("Refused", "not today")
    assert await two[0].ask(upid, Echo("alive")) == Echo("alive")
    assert home.counters["handler_failures"] == 0


@pytest.mark.asyncio
@here_and_there
@pytest.mark.parametrize("started", [False, True], ids=["waiting in the mailbox", "being handled"])
async def test_a_target_that_ends_first_fails_the_ask_at_once(two: Two, remote: bool, started: bool) -> None:
    home = pick(two, remote)
    upid = home.spawn(Probe())
    if not started:
        home.send(upid, Hold())
    ask = asyncio.ensure_future(two[0].ask(upid, Hold() if started else Echo()))
    await settle(*two)
    home.terminate(upid)
    with pytest.raises(PeerGoneError):
        await ask


@pytest.mark.asyncio
@here_and_there
async def test_a_missing_target_fails_the_ask_at_once(two: Two, remote: bool) -> None:
    with pytest.raises(PeerGoneError, match="noproc"):
        await two[0].ask(UPID.at("nobody", pick(two, remote).address), Echo())


@pytest.mark.asyncio
async def test_a_broken_connection_fails_the_ask_at_once(two: Two, network: InProcessNetwork) -> None:
    upid = two[1].spawn(Probe())
    ask = asyncio.ensure_future(two[0].ask(upid, Hold()))
    await settle(*two)
    network.systems[two[1].address].disconnect(two[0].address)
    with pytest.raises(PeerGoneError, match="disconnected"):
        await ask


@pytest.mark.asyncio
async def test_asking_a_system_that_is_not_there_fails_at_once(system: ActorSystem) -> None:
    with pytest.raises(PeerGoneError, match="connection refused"):
        await system.ask(UPID("x", "nowhere", 1), Echo())


@pytest.mark.asyncio
@here_and_there
async def test_a_cancelled_ask_is_forgotten_and_its_late_reply_harms_nobody(two: Two, remote: bool) -> None:
    probe = Probe()
    upid = pick(two, remote).spawn(probe)
    ask = asyncio.ensure_future(two[0].ask(upid, Hold()))
    await settle(*two)
    ask.cancel()
    await settle(*two)
    assert ask.cancelled()
    assert len(two[0]._asks) == 0
    probe.gate.set()
    await settle(*two)
    assert two[0].counters["late_replies"] == (1 if remote else 0)
    assert await two[0].ask(upid, Echo("a")) == Echo("a")


@pytest.mark.asyncio
async def test_a_reply_after_the_timeout_is_dropped_and_counted(two: Two, clock: PausedClock) -> None:
    probe = Probe()
    upid = two[1].spawn(probe)
    ask = asyncio.ensure_future(two[0].ask(upid, Hold()))
    await advance(clock, 5, *two)
    with pytest.raises(AskTimeoutError):
        await ask
    probe.gate.set()
    await settle(*two)
    assert two[0].counters["late_replies"] == 1


@pytest.mark.asyncio
@here_and_there
async def test_a_failed_ask_inside_a_handler_is_an_error_of_that_handler(two: Two, remote: bool) -> None:
    # The asker must not believe that the actor it asked is gone: another one is.
    class Middle(Tough):
        @handles(Note)
        async def note(self, _message: Note) -> None:
            await self.ask(UPID.at("nobody", self.upid.address), Echo())

    upid = pick(two, remote).spawn(Middle())
    with pytest.raises(RemoteError) as caught:
        await two[0].ask(upid, Note())
    assert caught.value.kind == "PeerGoneError"


@pytest.mark.asyncio
async def test_a_reply_that_cannot_travel_fails_its_ask(two: Two) -> None:
    class Bad(Actor):
        @handles(Echo)
        def echo(self, _message: Echo) -> Echo:
            return Echo(payload=object())

    with pytest.raises(RemoteError, match="object cannot be part of a message"):
        await two[0].ask(two[1].spawn(Bad()), Echo())


@pytest.mark.asyncio
async def test_an_ask_that_cannot_travel_fails_at_once(two: Two) -> None:
    upid = two[1].spawn(Probe())
    with pytest.raises(PeerGoneError, match="object cannot be part of a message"):
        await two[0].ask(upid, Echo(payload=object()))


@pytest.mark.asyncio
async def test_an_error_text_that_is_not_unicode_still_reaches_the_asker(two: Two) -> None:
    with pytest.raises(RemoteError):
        await two[0].ask(two[1].spawn(Tough()), Fail("x" * 10))

    class Odd(Tough):
        @handles(Quiet)
        def quiet(self, _message: Quiet) -> None:
            raise OSError("file \udc80")

    with pytest.raises(RemoteError):
        await two[0].ask(two[1].spawn(Odd()), Quiet())


@pytest.mark.asyncio
async def test_a_closed_system_refuses_to_ask(network: InProcessNetwork) -> None:
    system = ActorSystem(transport=network.transport())
    with pytest.raises(SystemClosedError):
        await system.ask(UPID("a", "h", 1), Echo())
    await system.start()
    await system.close()
    with pytest.raises(SystemClosedError):
        await system.ask(UPID("a", "h", 1), Echo())


@pytest.mark.asyncio
async def test_open_asks_fail_when_their_own_system_closes(two: Two) -> None:
    upid = two[1].spawn(Probe())
    ask = asyncio.ensure_future(two[0].ask(upid, Hold()))
    await settle(*two)
    await two[0].close()
    with pytest.raises(PeerGoneError):
        await ask


@pytest.mark.asyncio
async def test_asking_again_until_somebody_is_there_lets_others_run(system: ActorSystem) -> None:
    nobody = UPID.at("late", system.address)
    asyncio.get_running_loop().call_soon(system.spawn, Probe(), "late")
    for _ in range(1000):
        try:
            assert await system.ask(nobody, Echo("x")) == Echo("x")
            return
        except PeerGoneError:
            pass
    pytest.fail("it asked 1000 times and nobody else had a turn")
