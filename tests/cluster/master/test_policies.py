"""Who is offered what next, in the real master: quotas, priorities, policies by name."""

from __future__ import annotations

import pytest

from cluster.local import LocalCluster
from cluster.master import Master, RoleOptions
from cluster.messages import TaskState
from cluster.resources import Resources
from tests.cluster.world import World, task


def quota(guarantee: str = "", limit: str = "") -> RoleOptions:
    return RoleOptions(Resources.parse(guarantee), Resources.parse(limit))


@pytest.mark.asyncio
@pytest.mark.parametrize("allocator", ["drf", "drf-numba"])
async def test_a_limit_cuts_what_is_offered(allocator: str) -> None:
    if allocator == "drf-numba":
        pytest.importorskip("numba")
    roles = {"eng": quota(limit="cpus:1.5;ports:[1-2]")}
    async with World(allocator=allocator, roles=roles) as world:
        agent = await world.agent("cpus:4;mem:1024;ports:[1-9]")
        framework = await world.framework("eng/dev")
        (offer,) = framework.offers()
        assert str(offer.resources) == "cpus:1.5;mem:1024;ports:[1-2]"
        assert world.free(agent) == "cpus:2.5;ports:[3-9]"
        await world.accept(framework, [offer], task(resources="cpus:1.5;mem:64"))
        assert framework.offers() == []  # memory alone, which it just left, is hidden from it
        other = await world.framework("sales")
        assert [str(offer.resources) for offer in other.offers()] == ["cpus:2.5;mem:960;ports:[1-9]"]
        await world.update(agent, framework, "t", TaskState.FINISHED)
        assert [str(offer.resources) for offer in framework.offers()] == ["cpus:1.5;mem:64"]


@pytest.mark.asyncio
async def test_a_guarantee_is_kept_free_for_who_comes_later() -> None:
    async with World(roles={"prod": quota("cpus:3")}) as world:
        batch = await world.framework("batch")
        await world.agent("cpus:4;mem:1024")
        assert [str(offer.resources) for offer in batch.offers()] == ["cpus:1;mem:1024"]
        prod = await world.framework("prod")
        assert [str(offer.resources) for offer in prod.offers()] == ["cpus:3"]


@pytest.mark.asyncio
async def test_priority_by_its_name() -> None:
    roles = {"prod": RoleOptions(priority=5)}
    async with World(allocator="priority", roles=roles) as world:
        batch, prod = await world.framework("batch"), await world.framework("prod")
        for _ in range(3):
            await world.agent()
        assert (len(batch.offers()), len(prod.offers())) == (0, 3)


@pytest.mark.asyncio
async def test_a_policy_of_ones_own() -> None:
    async with World(allocator="examples.write_a_policy:PatienceFirst") as world:
        one = await world.framework()
        await world.agent("cpus:8;mem:8192")
        other = await world.framework()
        for _ in range(4):
            await world.agent("cpus:1;mem:1024")
        # By dominant shares the other one would have had all four small agents.
        assert (len(one.offers()), len(other.offers())) == (2, 3)


def test_what_cannot_be_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"there is no allocator 'best'"):
        Master(allocator="best")
    with pytest.raises(ValueError, match=r"roles: role '../x' is not a valid name"):
        Master(roles={"../x": RoleOptions()})
    with pytest.raises(
        ValueError, match=r"role 'a': guarantee of 2000 thousandths of cpus is above its limit"
    ):
        Master(roles={"a": quota("cpus:2", "cpus:1")})


@pytest.mark.asyncio
async def test_a_cluster_takes_the_name() -> None:
    with pytest.raises(ValueError, match=r"there is no allocator 'best'"):
        async with LocalCluster(agents=0, allocator="best"):
            pass
