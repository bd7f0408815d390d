"""Simulated processes: what is stopped does not run, what is killed never does, and each has its own time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from random import Random
from typing import Any

import pytest

from .elections.process import Process, ProcessLoop


@pytest.fixture
def loop() -> Iterator[ProcessLoop]:
    loop = ProcessLoop()
    yield loop
    loop.over = True
    for task in loop.tasks:
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def process(loop: ProcessLoop, *, rate: float = 1.0, offset: float = 0.0) -> Process:
    return Process(loop, "p", Random(1), offset, rate)


def ticking(
    seen: list[float], loop: ProcessLoop, step: float = 1.0
) -> Callable[[], Coroutine[Any, Any, None]]:
    async def main() -> None:
        while True:
            await asyncio.sleep(step)
            seen.append(loop.true_time)

    return main


def test_time_is_that_of_the_process(loop: ProcessLoop) -> None:
    seen: list[float] = []
    fast = process(loop, rate=2.0, offset=100.0)

    async def main() -> None:
        assert asyncio.get_running_loop().time() == 100.0
        fast.clock.call_at(104.0, lambda: seen.append(loop.true_time))
        await asyncio.create_task(asyncio.sleep(1.0))
        seen.append(loop.true_time)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await asyncio.sleep(60.0)
        seen.append(loop.true_time)
        assert asyncio.get_running_loop().time() == fast.clock.monotonic() == 102.0

    task = fast.spawn(main())
    loop.run_until_complete(asyncio.sleep(10.0))
    task.result()
    assert seen == [0.5, 1.0, 2.0]


def test_what_is_stopped_runs_when_it_goes_on(loop: ProcessLoop) -> None:
    seen: list[float] = []
    one, other_seen = process(loop), list[float]()
    one.spawn(ticking(seen, loop)())
    process(loop).spawn(ticking(other_seen, loop)())

    async def story() -> None:
        await asyncio.sleep(1.5)
        one.stop()
        one.stop()
        await asyncio.sleep(3.0)
        assert seen == [1.0]
        one.go_on()
        await asyncio.sleep(1.0)
        assert seen == [1.0]
        one.go_on()
        await asyncio.sleep(0.2)

    loop.run_until_complete(story())
    assert seen == [1.0, 5.5]
    assert other_seen == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert one.clock.monotonic() == loop.true_time


def test_what_came_in_and_the_timers_that_were_due_run_in_any_order(loop: ProcessLoop) -> None:
    orders: set[tuple[str, ...]] = set()

    def once() -> None:
        seen: list[str] = []
        one = process(loop)
        one._rng = rng

        async def main() -> None:
            for when in (1.0, 2.0):
                asyncio.get_running_loop().call_later(when, seen.append, f"t{when:g}")

        async def story() -> None:
            one.spawn(main())
            await asyncio.sleep(0.5)
            one.stop()
            for name in ("a", "b"):
                loop.call_soon(seen.append, name, context=one.context.copy())
            await asyncio.sleep(3.0)
            assert seen == []
            one.go_on()
            await asyncio.sleep(0)

        loop.run_until_complete(story())
        assert [each for each in seen if each in "ab"] == ["a", "b"]
        assert [each for each in seen if each not in "ab"] == ["t1", "t2"]
        orders.add(tuple(seen))

    rng = Random(1)
    for _ in range(60):
        once()
    assert {("a", "b", "t1", "t2"), ("t1", "t2", "a", "b"), ("a", "t1", "b", "t2")} <= orders


def test_of_what_is_killed_not_even_the_end_runs(loop: ProcessLoop) -> None:
    seen: list[str] = []
    one = process(loop)

    async def main() -> None:
        try:
            await asyncio.sleep(1.0)
        finally:
            seen.append("finally")

    async def story() -> None:
        one.spawn(main())
        await asyncio.sleep(0.5)
        one.kill()
        await asyncio.sleep(5.0)

    loop.run_until_complete(story())
    assert seen == []


def test_an_ambush_stops_it_between_two_callbacks(loop: ProcessLoop) -> None:
    seen: list[float] = []
    one = process(loop)
    one.ambush = 4, one.stop
    one.spawn(ticking(seen, loop)())

    async def story() -> None:
        await asyncio.sleep(5.5)
        assert seen == [1.0]
        one.go_on()
        await asyncio.sleep(1.0)

    loop.run_until_complete(story())
    assert seen[1] == 5.5
