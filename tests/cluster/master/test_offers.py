"""The life of an offer: made at once, declined, accepted in part, rescinded; who is offered what next."""

from __future__ import annotations

import pytest

from cluster.messages import Decline, Rescind, Revive, RunTask, Suppress, TaskState
from tests.cluster.world import World, task


@pytest.mark.asyncio
async def test_an_agent_is_offered_at_once(world: World) -> None:
    framework = await world.framework()
    agent = await world.agent("cpus:4;mem:1024;ports:[1-9]", "rack:r1")
    (offer,) = framework.offers()
    assert str(offer.resources) == "cpus:4;mem:1024;ports:[1-9]"
    assert (offer.agent_id, offer.framework_id, offer.role) == (agent.id, framework.id, "*")
    assert str(offer.attributes) == "rack:r1"
    assert offer.address == str(agent.upid)


@pytest.mark.asyncio
async def test_what_one_declines_goes_to_the_next_at_once(world: World) -> None:
    one = await world.framework("a")
    other = await world.framework("b")
    await world.agent()
    frameworks = {"a": one, "b": other}
    first = "a" if one.inbox else "b"
    second = "b" if first == "a" else "a"
    await world.decline(frameworks[first], *frameworks[first].offers())
    assert len(frameworks[second].offers()) == 1


@pytest.mark.asyncio
async def test_a_declined_offer_returns_after_its_filter(world: World) -> None:
    await world.agent()
    framework = await world.framework()
    await world.decline(framework, *framework.offers(), refuse=7)
    await world.advance(6.5)
    assert framework.offers() == []
    await world.advance(1)
    assert len(framework.offers()) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
async def test_a_filter_that_makes_no_sense_is_the_default(world: World, seconds: float) -> None:
    await world.agent()
    framework = await world.framework()
    await world.decline(framework, *framework.offers(), refuse=seconds)
    await world.advance(4.5)
    assert framework.offers() == []
    await world.advance(1)
    assert len(framework.offers()) == 1


@pytest.mark.asyncio
async def test_what_a_launch_leaves_is_offered_to_others_at_once(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    one = await world.framework("a")
    offers = one.offers()
    other = await world.framework("b")
    await world.accept(one, offers, task(resources="cpus:1;mem:24"))
    assert len(agent.take(RunTask)) == 1
    assert [str(offer.resources) for offer in other.offers()] == ["cpus:3;mem:1000"]


@pytest.mark.asyncio
async def test_the_resources_of_an_ended_task_are_offered_at_once(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task(resources="cpus:4;mem:1024"))
    assert framework.offers() == []
    await world.update(agent, framework, "t", TaskState.RUNNING)
    assert framework.offers() == []
    await world.update(agent, framework, "t", TaskState.FINISHED)
    assert [str(offer.resources) for offer in framework.offers()] == ["cpus:4;mem:1024"]


@pytest.mark.asyncio
async def test_revive_forgets_filters(world: World) -> None:
    await world.agent()
    framework = await world.framework()
    await world.decline(framework, *framework.offers(), refuse=3600)
    world.tell(framework, Revive(framework.id))
    await world.settle()
    assert len(framework.offers()) == 1


@pytest.mark.asyncio
async def test_a_suppressed_role_is_offered_nothing_until_revived(world: World) -> None:
    framework = await world.framework()
    world.tell(framework, Suppress(framework.id))
    await world.agent()
    await world.advance(10)
    assert framework.offers() == []
    world.tell(framework, Revive(framework.id))
    await world.settle()
    assert len(framework.offers()) == 1


@pytest.mark.asyncio
async def test_two_roles_share_by_weight() -> None:
    async with World(weights={"gold": 3.0}) as world:
        gold = await world.framework("gold")
        iron = await world.framework("iron")
        for _ in range(8):
            await world.agent("cpus:1;mem:128")
        assert (len(gold.offers()), len(iron.offers())) == (6, 2)


@pytest.mark.asyncio
async def test_declining_twice_does_no_harm(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    offers = framework.offers()
    await world.decline(framework, *offers)
    await world.decline(framework, *offers)
    assert world.free(agent) == "cpus:4;mem:1024"
    assert world.master.state.counters["stale_declines"] == 1


@pytest.mark.asyncio
async def test_a_stranger_cannot_decline_for_a_framework(world: World) -> None:
    await world.agent()
    framework = await world.framework()
    (offer,) = framework.offers()
    stranger = world.spawn()
    world.tell(stranger, Decline(framework.id, (offer.id,)))
    await world.settle()
    assert offer.id in world.master.state.offers
    assert world.master.state.counters["dropped_calls"] == 1


@pytest.mark.asyncio
async def test_an_unanswered_offer_of_the_only_framework_comes_again(world: World) -> None:
    await world.agent()
    framework = await world.framework()
    (first,) = framework.offers()
    await world.advance(31)
    assert [message.offer_id for message in framework.take(Rescind)] == [first.id]
    await world.advance(6)
    (second,) = framework.offers()
    assert second.id != first.id
