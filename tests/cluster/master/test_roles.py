"""Weights and quotas, set while the master runs: in force at once, and on record."""

from __future__ import annotations

import pytest

from cluster.registry import Quota
from cluster.resources import Resources
from tests.cluster.world import World, task


def quota(guarantee: str = "", limit: str = "") -> Quota:
    return Quota(Resources.parse(guarantee), Resources.parse(limit))


@pytest.mark.asyncio
async def test_a_weight(world: World) -> None:
    one, other = await world.framework("a"), await world.framework("b")
    assert await world.order("set_weights", {"a": 3, "b": 1.0}) is None
    assert world.registry.state.weights == {"a": 3.0, "b": 1.0}
    for _ in range(4):
        agent = await world.agent("cpus:1;mem:64")
        for framework in (one, other):
            for offer in framework.offers():
                await world.accept(framework, [offer], task(agent.id, "cpus:1;mem:64"))
    shares = world.master.state.allocator.shares()
    assert (shares[one.id, "a"], shares[other.id, "b"]) == (0.75, 0.25)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("weights", "text"),
    [
        ({"a": 2.0, "b c": 1.0}, "role 'b c' is not a valid name"),
        ({"a": 2.0, "b": 0.0}, "role 'b': weight must be a number above zero, not 0.0"),
        ({"a": 2.0, "b": float("nan")}, "role 'b': weight must be a number above zero, not nan"),
    ],
)
async def test_weights_that_are_none_set_nothing(world: World, weights: dict[str, float], text: str) -> None:
    assert await world.order("set_weights", weights) == text
    assert world.registry.state.weights == {}


@pytest.mark.asyncio
async def test_a_limit_takes_offers_back_at_once(world: World) -> None:
    await world.agent("cpus:4;mem:1024")
    framework = await world.framework("a")
    framework.offers()
    assert await world.order("set_quota", "a", quota(limit="cpus:1")) is None
    assert [str(offer.resources) for offer in framework.offers()] == ["cpus:1;mem:1024"]
    assert world.registry.state.quotas == {"a": quota(limit="cpus:1")}
    assert await world.order("remove_quota", "a") is None
    assert [str(offer.resources) for offer in framework.offers()] == ["cpus:4;mem:1024"]
    assert world.registry.state.quotas == {}
    assert await world.order("remove_quota", "a") == "role 'a' has no quota"


@pytest.mark.asyncio
async def test_a_guarantee_takes_from_who_holds_offers(world: World) -> None:
    await world.agent("cpus:4;mem:1024")
    batch = await world.framework("batch")
    batch.offers()
    prod = await world.framework("prod")
    assert await world.order("set_quota", "prod", quota("cpus:3")) is None
    assert sum(offer.resources.cpus for offer in prod.offers()) >= 3
    assert sum(offer.resources.cpus for offer in batch.offers()) <= 1


@pytest.mark.asyncio
async def test_a_quota_that_cannot_be(world: World) -> None:
    await world.agent("cpus:4;mem:1024")
    assert "above" in await world.order("set_quota", "a", quota("cpus:2", "cpus:1"))
    assert "cpus" in await world.order("set_quota", "a", quota("cpus:5"))
    assert "not a valid name" in await world.order("set_quota", "../a", quota())
    assert world.registry.state.quotas == {}
