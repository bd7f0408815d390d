"""collect, first, Sequence, RateLimiter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from actors import ActorSystem, PausedClock, RateLimiter, Sequence, collect, first
from actors.testing import advance

Act = Callable[[str], None]


class Row:
    """Coroutines that wait until they are let go."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    async def step(self, name: str, error: Exception | None = None) -> str:
        self.log.append(f"+{name}")
        try:
            await self.gates.setdefault(name, asyncio.Event()).wait()
        except asyncio.CancelledError:
            self.log.append(f"x{name}")
            raise
        self.log.append(f"-{name}")
        if error is not None:
            raise error
        return name

    async def go(self, name: str) -> None:
        self.gates.setdefault(name, asyncio.Event()).set()
        for _ in range(8):
            await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_collect_keeps_the_order() -> None:
    row = Row()
    both = asyncio.ensure_future(collect(row.step("a"), row.step("b")))
    await row.go("b")
    await row.go("a")
    assert await both == ["a", "b"]
    assert await collect() == []


@pytest.mark.asyncio
async def test_the_first_error_ends_the_others() -> None:
    row = Row()
    both = asyncio.ensure_future(collect(row.step("a"), row.step("b", OSError("broken"))))
    await row.go("b")
    with pytest.raises(OSError, match="broken"):
        await both
    assert row.log == ["+a", "+b", "-b", "xa"]


@pytest.mark.asyncio
async def test_first_ends_the_others_and_passes_over_errors() -> None:
    row = Row()
    one = asyncio.ensure_future(first(row.step("a"), row.step("b", OSError("b")), row.step("c")))
    await row.go("b")
    assert not one.done()
    await row.go("c")
    assert await one == "c"
    assert row.log[-1] == "xa"
    none = asyncio.ensure_future(first(row.step("d", OSError("d")), row.step("e", OSError("e"))))
    await row.go("e")
    await row.go("d")
    with pytest.raises(OSError, match="d"):
        await none
    with pytest.raises(ValueError, match="of nothing"):
        await first()


@pytest.mark.asyncio
async def test_a_sequence_is_one_after_the_other_whatever_becomes_of_each() -> None:
    row, sequence = Row(), Sequence()
    steps = [
        asyncio.ensure_future(sequence.run(row.step, name, error))
        for name, error in (("a", OSError("a")), ("b", None), ("c", None), ("d", None))
    ]
    for name in "dcb":
        await row.go(name)
    assert row.log == ["+a"]
    steps[1].cancel()
    await asyncio.sleep(0)
    await row.go("c")
    # The place of the one that was cancelled is kept: nobody overtakes the first.
    assert row.log == ["+a"]
    await row.go("a")
    with pytest.raises(OSError, match="a"):
        await steps[0]
    assert await collect(*steps[2:]) == ["c", "d"]
    assert row.log == ["+a", "-a", "+c", "-c", "+d", "-d"]


@pytest.mark.asyncio
async def test_a_rate_limit_is_of_any_window(system: ActorSystem, clock: PausedClock) -> None:
    limiter = RateLimiter(2, 10, clock)
    began = clock.monotonic()
    times: list[float] = []

    async def one() -> None:
        await limiter.acquire()
        times.append(clock.monotonic() - began)

    tasks = [asyncio.ensure_future(one()) for _ in range(5)]
    await advance(clock, 25, system)
    assert times == [0, 0, 10, 10, 20]
    await collect(*tasks)
    await one()
    await advance(clock, 100, system)
    late = asyncio.ensure_future(one())
    await advance(clock, 0, system)
    assert times[-1] == 125
    await late
    assert clock.next_timer() is None


@pytest.mark.parametrize(("permits", "seconds"), [(0, 1.0), (1, 0.0)])
def test_no_limit_at_all(permits: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="is 0"):
        RateLimiter(permits, seconds, PausedClock())
