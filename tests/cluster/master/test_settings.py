"""What frameworks say of themselves and of the offers they want, at first and later."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cluster.messages import (
    HOSTNAME,
    REGION,
    ZONE,
    AttributeConstraint,
    Capability,
    FrameworkInfo,
    FrameworkRefused,
    OperationState,
    Rescind,
    Subscribe,
    TaskState,
    UpdateFramework,
    UpdateOperation,
)
from cluster.resources import Resources
from tests.cluster.world import Peer, World, task


async def update(world: World, framework: Peer, *suppressed: str, **changes: Any) -> list[UpdateOperation]:
    framework.framework = msgspec.structs.replace(framework.framework, **changes)
    world.tell(framework, UpdateFramework(framework.framework, suppressed))
    await world.settle()
    return framework.take(UpdateOperation)


@pytest.mark.asyncio
async def test_a_minimum_offer(world: World) -> None:
    framework = await world.framework(min_offer=(Resources.of(cpus=4), Resources.of(mem=2048)))
    await world.agent("cpus:2;mem:1024")
    assert framework.offers() == []
    await world.agent("cpus:1;mem:2048")
    assert [str(offer.resources) for offer in framework.offers()] == ["cpus:1;mem:2048"]


@pytest.mark.asyncio
async def test_constraints(world: World) -> None:
    rack = AttributeConstraint("rack", "matches", "r[12]")
    new = AttributeConstraint("year", "at_least", 2024)
    framework = await world.framework(constraints=((rack, new),))
    for attributes in ("rack:r1;year:2023", "rack:r3;year:2025", "rack:r2;year:2025"):
        await world.agent(attributes=attributes)
    assert [str(offer.attributes) for offer in framework.offers()] == ["rack:r2;year:2025"]


@pytest.mark.asyncio
async def test_constraints_on_what_every_agent_has_or_none_has(world: World) -> None:
    elsewhere = AttributeConstraint(ZONE, "not_equals", "a")
    framework = await world.framework(constraints=((AttributeConstraint(HOSTNAME, "matches", "h.*"),),))
    other = await world.framework(constraints=((AttributeConstraint(REGION, "exists"),),))
    third = await world.framework(constraints=((AttributeConstraint(HOSTNAME, "equals", "web"), elsewhere),))
    await world.agent("cpus:1;mem:1", hostname="h1", attributes="hostname:web")
    await world.agent("cpus:2;mem:1", hostname="web")
    assert [offer.hostname for offer in framework.offers()] == ["h1"]
    assert other.offers() == []
    assert [offer.hostname for offer in third.offers()] == ["web"]


@pytest.mark.asyncio
async def test_a_restarted_agent_may_have_another_hostname(world: World) -> None:
    framework = await world.framework(constraints=((AttributeConstraint(HOSTNAME, "equals", "new"),),))
    agent = await world.agent(hostname="old")
    assert framework.offers() == []
    agent.info = msgspec.structs.replace(agent.info, hostname="new")
    await world.register(agent, incarnation="next")
    assert [offer.hostname for offer in framework.offers()] == ["new"]


@pytest.mark.asyncio
async def test_who_waits_has_an_agent_kept_for_it(world: World) -> None:
    agent = await world.agent("cpus:4;mem:4")
    small = await world.framework("a")
    await world.accept(small, small.offers(), *(task(name, "cpus:1;mem:1") for name in "abcd"), refuse=0)
    big = await world.framework("b", min_offer=(Resources.of(cpus=4),), hold_after=5.0)
    await world.advance(10)
    for name in "abcd":
        await world.update(agent, small, name, TaskState.FINISHED)
    assert [offer.resources.cpus for offer in big.offers()] == [4.0]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"min_offer": (Resources(),)}, "framework.min_offer holds an alternative that is empty"),
        ({"hold_after": 5.0}, "framework.hold_after needs a min_offer"),
        (
            {"constraints": ((AttributeConstraint("rack", "resembles", "x"),),)},
            "framework.constraints: constraint on attribute 'rack': predicate is 'resembles'",
        ),
        ({"constraints": ((AttributeConstraint("rack", "matches", "("),),)}, "is no regular expression"),
    ],
)
async def test_what_is_refused_at_first_and_later(world: World, fields: dict[str, Any], text: str) -> None:
    peer = world.spawn()
    world.tell(peer, Subscribe(FrameworkInfo("f", **fields)))
    await world.settle()
    assert text in peer.take(FrameworkRefused)[0].message
    framework = await world.framework()
    before = world.master.state.frameworks[framework.id].info
    (told,) = await update(world, framework, **fields)
    assert (told.operation_id, told.state) == ("", OperationState.ERROR)
    assert text in told.message
    assert world.master.state.frameworks[framework.id].info == before


@pytest.mark.asyncio
async def test_roles_can_change_and_tasks_keep_their_charge(world: World) -> None:
    await world.agent("cpus:4;mem:1024")
    framework = await world.framework("a")
    await world.accept(framework, framework.offers(), task("t", "cpus:1;mem:24"), refuse=0)
    await world.advance(1)
    (offer,) = framework.offers()
    assert await update(world, framework, roles=("b",), name="new", failover_timeout=60.0) == []
    assert [m.offer_id for m in framework.take(Rescind)] == [offer.id]
    assert [offer.role for offer in framework.offers()] == ["b"]
    assert world.master.state.allocator.shares()[framework.id, "a"] == 0.25
    assert world.registry.state.frameworks[framework.id] == framework.framework
    await update(world, framework, "b", "c", roles=("b", "c"))
    assert world.master.state.frameworks[framework.id].suppressed == {"b", "c"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"user": "root"}, "framework.user cannot change: it is '', not 'root'"),
        ({"principal": "p"}, "framework.principal cannot change"),
        ({"roles": ()}, "framework.roles is empty"),
    ],
)
async def test_what_cannot_change(world: World, fields: dict[str, Any], text: str) -> None:
    framework = await world.framework()
    (told,) = await update(world, framework, **fields)
    assert text in told.message


@pytest.mark.asyncio
async def test_it_may_become_partition_aware(world: World) -> None:
    agent = await world.agent(checkpoint=True)
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task("t"))
    await update(world, framework, capabilities=(Capability.PARTITION_AWARE,))
    await world.lose(agent)
    assert [s.state for s in framework.statuses()] == [TaskState.UNREACHABLE]
