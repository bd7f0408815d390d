"""Planned maintenance: who is asked to leave, what is offered, machines down and up."""

from __future__ import annotations

import pytest

from cluster.messages import (
    AcceptInverseOffers,
    Acknowledge,
    Capability,
    DeclineInverseOffers,
    InverseOffers,
    RegisterAgent,
    Rescind,
    RescindInverseOffer,
    ShutdownAgent,
    TaskState,
    Unavailability,
)
from cluster.registry import Window
from cluster.resources import Resources
from tests.cluster.world import Peer, World, running, task

AWARE = (Capability.PARTITION_AWARE,)
SOON = Window(("m1",), 1000.0, 600.0)


def asked(framework: Peer) -> list[str]:
    return [offer.id for message in framework.take(InverseOffers) for offer in message.inverse_offers]


@pytest.mark.asyncio
async def test_offers_tell_of_it_and_frameworks_there_are_asked_to_leave(world: World) -> None:
    agent = await world.agent(hostname="m1")
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task(resources="cpus:1"), refuse=0)
    await world.advance(1)
    (offer,) = framework.offers()
    other = await world.framework()
    assert await world.order("update_schedule", {"w": SOON}) is None
    assert [m.offer_id for m in framework.take(Rescind)] == [offer.id]
    await world.advance(1)
    when = Unavailability(1000.0, 600.0)
    assert [offer.unavailability for offer in (*framework.offers(), *other.offers())] == [when]
    (message,) = framework.take(InverseOffers)
    (inverse,) = message.inverse_offers
    assert (inverse.agent_id, inverse.framework_id, inverse.unavailability) == (agent.id, framework.id, when)
    assert asked(other) == []
    world.tell(other, AcceptInverseOffers(other.id, (inverse.id,)))
    world.tell(framework, DeclineInverseOffers(framework.id, (inverse.id, "nonsense")))
    await world.settle()
    record = world.master.state.inverse_offers[inverse.id]
    assert (record.answer, record.answered_at) == ("DECLINE", world.clock.time())
    world.tell(framework, AcceptInverseOffers(framework.id, (inverse.id,)))
    await world.advance(10)
    assert record.answer == "ACCEPT"
    assert asked(framework) == []
    # It has left: it is let off.
    uuid = await world.update(agent, framework, "t", TaskState.FINISHED)
    world.tell(framework, Acknowledge(framework.id, agent.id, "t", uuid))
    await world.advance(1)
    assert [m.inverse_offer_id for m in framework.take(RescindInverseOffer)] == [inverse.id]


@pytest.mark.asyncio
async def test_in_its_window_nothing_is_offered(world: World) -> None:
    await world.agent(hostname="m1")
    framework = await world.framework()
    start = world.clock.time() + 10
    assert await world.order("update_schedule", {"w": Window(("m1",), start, 20.0)}) is None
    (offer,) = [offer for offer in framework.offers() if offer.unavailability is not None]
    await world.advance(10)
    await world.decline(framework, offer, refuse=0)
    await world.advance(19)
    assert framework.offers() == []
    await world.advance(2)
    assert len(framework.offers()) == 1


@pytest.mark.asyncio
async def test_who_comes_later_is_asked_too_and_who_returns_again(world: World) -> None:
    await world.order("update_schedule", {"w": SOON})
    agent = await world.agent(hostname="m1", checkpoint=True)
    framework = await world.framework(failover_timeout=600.0)
    await world.accept(framework, framework.offers(), task(), refuse=0)
    await world.advance(1)
    assert len(asked(framework)) == 1
    await world.restart()
    await world.register(agent, running(framework))
    await world.subscribe(framework)
    await world.advance(1)
    assert len(asked(framework)) == 1
    # Another scheduler takes over: it knows nothing of what was asked of the one before.
    successor = world.spawn()
    successor.framework, successor.id = framework.framework, framework.id
    await world.subscribe(successor)
    framework = successor
    await world.advance(1)
    (inverse,) = asked(framework)
    assert await world.order("update_schedule", {}) is None
    assert [m.inverse_offer_id for m in framework.take(RescindInverseOffer)] == [inverse]
    assert world.master.state.inverse_offers == {}
    assert world.registry.state.windows == {}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("windows", "text"),
    [
        ({"w": Window((), 1.0)}, "window 'w': it names no machine"),
        ({"": Window(("m",), 1.0)}, "window '': its name is empty"),
        ({"w": Window(("",), 1.0)}, "window 'w': the name of a machine is empty"),
        ({"w": Window(("m",), float("nan"))}, "window 'w': start is nan, not a time"),
        ({"w": Window(("m",), 1.0, 0.0)}, "window 'w': duration is 0.0"),
        ({"w": Window(("m",), 1.0, float("inf"))}, "window 'w': duration is inf"),
        (
            {"a": Window(("m",), 1.0), "b": Window(("m",), 2.0)},
            "machine 'm' is in window 'b' and in window 'a'",
        ),
    ],
)
async def test_a_schedule_that_is_none(world: World, windows: dict[str, Window], text: str) -> None:
    await world.order("update_schedule", {"old": SOON})
    assert text in await world.order("update_schedule", windows)
    assert world.registry.state.windows == {"old": SOON}


@pytest.mark.asyncio
@pytest.mark.parametrize("checkpoint", [True, False])
async def test_machines_down_and_up(world: World, checkpoint: bool) -> None:
    agent = await world.agent("cpus:4;mem:1024", hostname="m1", checkpoint=checkpoint)
    other = await world.agent("cpus:4;mem:1024", hostname="m2")
    aware, plain = await world.framework(capabilities=AWARE), await world.framework()
    if checkpoint:
        await world.order("reserve", agent.id, "eng", Resources.of(cpus=1))
    await world.register(agent, running(aware, "a"), running(plain, "b"))
    aware.inbox.clear()
    plain.inbox.clear()
    assert await world.order("machine_down", ["m1"]) == "machine 'm1' is not in the maintenance schedule"
    windows = {"w": Window(("m1", "m2"), 1000.0, 600.0), "x": Window(("m3",), 5.0)}
    await world.order("update_schedule", windows)
    assert await world.order("machine_down", ["m1"]) is None
    assert [s.state for s in aware.statuses()] == [TaskState.GONE_BY_OPERATOR]
    assert [s.state for s in plain.statuses()] == [TaskState.LOST]
    assert len(agent.take(ShutdownAgent)) == 1
    assert list(world.master.state.agents) == [other.id]
    assert world.registry.state.windows == {
        "w": Window(("m2",), 1000.0, 600.0),
        "w:m1": Window(("m1",), 1000.0, 600.0, True),
        "x": windows["x"],
    }
    world.tell(agent, RegisterAgent(agent.info))
    await world.settle()
    assert agent.take(ShutdownAgent) == [ShutdownAgent("its machine is down for maintenance", returns=True)]
    assert await world.order("machine_up", ["m2"]) == "machine 'm2' is not down for maintenance"
    assert (
        await world.order("update_schedule", {})
        == "machine 'm1' is down: it can leave the schedule when it is up"
    )
    mixed = {"y": Window(("m1", "m2"), 1.0)}
    assert "some of its machines are down" in await world.order("update_schedule", mixed)
    assert await world.order("machine_up", ["m1"]) is None
    assert set(world.registry.state.windows) == {"w", "x"}
    registered = await world.register(agent, running(aware, "a"), running(plain, "b"))
    assert set(registered.kill) == {(aware.id, "a"), (plain.id, "b")}
    assert bool(world.master.state.agents[agent.id].reserved) == checkpoint


@pytest.mark.asyncio
async def test_a_machine_that_is_down_stays_so_for_the_next_master(world: World) -> None:
    agent = await world.agent(hostname="m1", checkpoint=True)
    await world.order("update_schedule", {"w": SOON})
    await world.restart()
    # It has not come back yet, and it shall not.
    assert await world.order("machine_down", ["m1"]) is None
    assert world.master.state.recovering == {}
    await world.restart()
    world.tell(agent, RegisterAgent(agent.info))
    await world.settle()
    assert len(agent.take(ShutdownAgent)) == 1
