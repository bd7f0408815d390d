"""Timers, on paused time and on the loop's."""

from __future__ import annotations

import asyncio

import pytest

from actors import Actor, ActorSystem, PausedClock
from actors.testing import advance, settle

from .probes import Hold, Note, Probe


class Ticks(Probe):
    def __init__(self) -> None:
        super().__init__()
        self.ticks: list[float] = []

    def tick(self) -> None:
        self.ticks.append(self.clock.monotonic() - 1_000_000)


@pytest.mark.asyncio
async def test_after_calls_once_at_its_time(system: ActorSystem, clock: PausedClock) -> None:
    actor = Ticks()
    system.spawn(actor)
    actor.after(5, actor.tick)
    await advance(clock, 4.9, system)
    assert actor.ticks == []
    await advance(clock, 100, system)
    assert actor.ticks == [5]


@pytest.mark.asyncio
async def test_every_calls_again_without_drift(system: ActorSystem, clock: PausedClock) -> None:
    actor = Ticks()
    system.spawn(actor)
    timer = actor.every(10, actor.tick)
    await advance(clock, 35, system)
    assert actor.ticks == [10, 20, 30]
    timer.cancel()
    await advance(clock, 100, system)
    assert len(actor.ticks) == 3


@pytest.mark.asyncio
async def test_a_cancelled_timer_does_nothing(system: ActorSystem, clock: PausedClock) -> None:
    actor = Ticks()
    system.spawn(actor)
    actor.after(5, actor.tick).cancel()
    await advance(clock, 10, system)
    assert actor.ticks == []


@pytest.mark.asyncio
async def test_the_timers_of_an_ended_actor_stop(system: ActorSystem, clock: PausedClock) -> None:
    actor = Ticks()
    upid = system.spawn(actor)
    actor.every(1, actor.tick)
    actor.after(5, actor.tick)
    await advance(clock, 2, system)
    system.terminate(upid)
    await settle(system)
    await advance(clock, 10, system)
    assert actor.ticks == [1, 2]
    assert clock.next_timer() is None


@pytest.mark.asyncio
async def test_a_timer_is_a_turn_like_any_other(system: ActorSystem, clock: PausedClock) -> None:
    actor = Ticks()
    upid = system.spawn(actor)
    actor.after(1, actor.tick)
    system.send(upid, Hold())
    await advance(clock, 5, system)
    assert actor.ticks == []
    actor.gate.set()
    await settle(system)
    assert actor.ticks == [5]


@pytest.mark.asyncio
async def test_a_coroutine_may_be_called_later(system: ActorSystem, clock: PausedClock) -> None:
    done: list[str] = []

    class Later(Actor):
        def initialize(self) -> None:
            self.after(1, self.work, "x")

        async def work(self, text: str) -> None:
            await asyncio.sleep(0)
            done.append(text)

    system.spawn(Later())
    await advance(clock, 1, system)
    assert done == ["x"]


@pytest.mark.asyncio
@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
async def test_every_needs_some_time_between(system: ActorSystem, seconds: float) -> None:
    actor = Ticks()
    system.spawn(actor)
    with pytest.raises(ValueError, match="seconds"):
        actor.every(seconds, actor.tick)


def test_paused_time_fires_in_order_and_never_goes_back() -> None:
    clock = PausedClock(100.0)
    fired: list[str] = []
    clock.call_at(103, fired.append, "late")
    clock.call_at(101, fired.append, "early")
    clock.call_at(101, fired.append, "as early, set later")
    clock.call_at(102, lambda: clock.call_at(102.5, fired.append, "set on the way"))
    clock.step_to(110)
    assert fired == ["early", "as early, set later", "set on the way", "late"]
    with pytest.raises(ValueError, match="go back"):
        clock.step_to(109)


@pytest.mark.asyncio
async def test_on_the_loops_clock() -> None:
    async with asyncio.timeout(10), ActorSystem() as system:
        probe = Probe()
        upid = system.spawn(probe)
        probe.after(0.001, system.send, upid, Note("now"))
        assert [note.text for note in await probe.until(1)] == ["now"]
