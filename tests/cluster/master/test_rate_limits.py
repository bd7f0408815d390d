"""How fast schedulers may talk, and what they may say of the offers that they want."""

from __future__ import annotations

import pytest

from cluster.master import MasterOptions
from cluster.master.options import RateLimit
from cluster.master.permits import Permits
from cluster.master.rate_limits import RateLimits, Turn
from cluster.messages import FrameworkRefused, Reconcile, Revive, Suppress, Teardown
from tests.cluster.world import World


def test_permits_are_evenly_spaced() -> None:
    permits = Permits((2, 10.0))
    assert [permits.take(now) for now in (0.0, 4.9, 5.0, 5.1, 30.0, 30.1)] == [
        True,
        False,
        True,
        False,
        True,
        False,
    ]
    assert permits.next == 35.0
    free = Permits(None)
    assert free.take(0.0)
    assert free.take(0.0)
    for wrong in ((0, 1.0), (1, 0.0), (1, float("inf"))):
        with pytest.raises(ValueError, match="is no rate"):
            Permits(wrong)


def test_messages_wait_in_order_up_to_the_capacity() -> None:
    limits = RateLimits[str]({"p": RateLimit(2.0, 2)})
    assert limits.arrive("other", "x", 0.0) is Turn.NOW
    turns = [limits.arrive("p", message, 0.0) for message in "abcd"]
    assert turns == [Turn.NOW, Turn.LATER, Turn.LATER, Turn.NEVER]
    assert limits.follow("p", "end")
    assert not limits.follow("other", "end")
    assert limits.next_due() == 0.5
    assert [limits.due(now) for now in (0.4, 0.5, 0.6, 1.1, 9.0)] == [[], ["b"], [], ["c"], ["end"]]
    assert limits.next_due() is None
    # Order: what comes while others wait does not overtake them.
    assert limits.arrive("p", "e", 9.6) is Turn.NOW
    assert limits.arrive("p", "f", 9.7) is Turn.LATER
    assert limits.arrive("p", "g", 10.2) is Turn.LATER


@pytest.mark.parametrize("limit", [(0.0, None), (float("nan"), None), (float("inf"), None), (1.0, -1)])
def test_a_limit_that_is_none(limit: tuple[float, int | None]) -> None:
    with pytest.raises(ValueError, match="rate limit"):
        RateLimit(*limit)


@pytest.mark.asyncio
async def test_a_principals_messages_wait_their_turn() -> None:
    async with World(MasterOptions(rate_limits={"slow": RateLimit(1.0)})) as world:
        slow = await world.framework(principal="slow")
        quick = await world.framework(principal="quick")
        for framework in (slow, quick):
            world.tell(framework, Suppress(framework.id))
            world.tell(framework, Revive(framework.id))
            world.tell(framework, Suppress(framework.id))
        await world.settle()
        suppressed = {f: world.master.state.frameworks[f.id].suppressed for f in (slow, quick)}
        assert (suppressed[slow], suppressed[quick]) == (set(), {"*"})
        await world.advance(1)
        assert suppressed[slow] == {"*"}
        await world.advance(1)
        assert suppressed[slow] == set()
        await world.advance(1)
        assert suppressed[slow] == {"*"}


@pytest.mark.asyncio
async def test_the_end_of_a_scheduler_does_not_overtake_its_last_words() -> None:
    async with World(MasterOptions(rate_limits={"slow": RateLimit(1.0)})) as world:
        slow = await world.framework(principal="slow", failover_timeout=3600.0)
        world.tell(slow, Teardown(slow.id))
        await world.settle()
        world.system.terminate(slow.upid)
        await world.settle()
        assert world.master.state.frameworks[slow.id].connected
        await world.advance(2)
        assert world.master.state.frameworks == {}


@pytest.mark.asyncio
async def test_who_has_too_many_waiting_is_refused() -> None:
    async with World(MasterOptions(rate_limits={"slow": RateLimit(1.0, 2)})) as world:
        slow = await world.framework(principal="slow", failover_timeout=60.0)
        for _ in range(4):
            world.tell(slow, Reconcile(slow.id))
        await world.settle()
        assert [m.message for m in slow.take(FrameworkRefused)] == [
            "principal 'slow': more than 2 messages wait"
        ]
        assert not world.master.state.frameworks[slow.id].connected
        await world.advance(70)
        assert world.master.state.frameworks == {}
