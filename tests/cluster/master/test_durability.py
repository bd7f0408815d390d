"""What must not be forgotten is on record before anybody is told; a new master begins with it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from cluster.master import Master, RoleOptions
from cluster.messages import (
    AgentInfo,
    AgentRegistered,
    FrameworkInfo,
    FrameworkRefused,
    RegisterAgent,
    ShutdownFramework,
    Subscribe,
    Subscribed,
    TaskState,
    Teardown,
)
from cluster.registry import Change, MemoryRegistry, Quota, RegistryError
from cluster.resources import Resources
from tests.cluster.world import World, running, task


class Gated(MemoryRegistry):
    """Writes wait for `gate`, and fail with `error`."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: RegistryError | None = None

    async def write(self, changes: Sequence[Change]) -> None:
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        await super().write(changes)


@pytest.mark.asyncio
async def test_other_turns_go_on_while_a_write_waits_but_nothing_overtakes_it() -> None:
    registry = Gated()
    async with World(registry=registry) as world:
        framework = await world.framework()
        registry.gate.clear()
        peer = world.spawn()
        world.tell(peer, RegisterAgent(AgentInfo("host", Resources.of(cpus=1))))
        await world.settle()
        assert len(world.master.state.agents) == 1
        assert (peer.inbox, framework.inbox) == ([], [])  # the offer of it waits, too
        assert registry.state.agents == {}
        registry.gate.set()
        await world.settle()
        assert len(peer.take(AgentRegistered)) == 1
        assert len(framework.offers()) == 1
        assert len(registry.state.agents) == 1


@pytest.mark.asyncio
async def test_a_registry_that_cannot_be_written_is_the_masters_end_and_nothing_is_told() -> None:
    registry = Gated()
    async with World(registry=registry) as world:
        registry.error = RegistryError("registry x: the disk is full")
        peer = world.spawn()
        world.tell(peer, RegisterAgent(AgentInfo("host", Resources.of(cpus=1))))
        ended = asyncio.ensure_future(world.system.wait(world.master.upid))
        await world.settle()
        assert ended.done()
        assert ended.result() == "registry x: the disk is full"
        assert peer.take(AgentRegistered) == []


@pytest.mark.asyncio
async def test_a_new_master_waits_for_the_frameworks_on_record(world: World) -> None:
    agent = await world.agent(checkpoint=True)
    framework = await world.framework()  # whose failover timeout is 0
    await world.accept(framework, framework.offers(), task())
    await world.restart()
    assert not world.master.state.adopting
    await world.register(agent, running(framework))
    await world.advance(70)
    assert world.master.state.frameworks[framework.id].tasks["t"].state is TaskState.RUNNING
    await world.subscribe(framework)
    await world.advance(100)
    assert list(world.master.state.frameworks) == [framework.id]
    await world.restart()
    await world.advance(74)
    assert list(world.master.state.frameworks) == [framework.id]
    await world.advance(2)
    assert world.master.state.frameworks == {}


@pytest.mark.asyncio
async def test_a_framework_that_ended_is_none_after_a_restart(world: World) -> None:
    agent = await world.agent(checkpoint=True)
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task())
    world.tell(framework, Teardown(framework.id))
    await world.settle()
    await world.restart()
    agent.inbox.clear()
    registered = await world.register(
        agent, running(framework), frameworks=[FrameworkInfo("test", id=framework.id)]
    )
    assert registered.kill == ((framework.id, "t"),)
    assert [m.framework_id for m in agent.take(ShutdownFramework)] == [framework.id]
    assert world.free(agent) == "cpus:4;mem:1024"
    world.tell(framework, Subscribe(FrameworkInfo("test", id=framework.id)))
    await world.settle()
    assert "has ended" in framework.take(FrameworkRefused)[0].message


@pytest.mark.asyncio
async def test_where_the_registry_was_lost_those_who_come_are_believed() -> None:
    async with World() as world:
        peer = world.spawn()
        peer.info = AgentInfo("host", Resources.of(cpus=4, mem=512), id="old-A1", checkpoint=True)
        await world.register(peer, running("old-F1"), frameworks=[FrameworkInfo("f", id="old-F1")])
        assert world.master.state.registry.frameworks.keys() == {"old-F1"}
        # Once it is on record it can bring no framework that is not.
        await world.register(peer, running("old-F1"), frameworks=[FrameworkInfo("f", id="old-F2")])
        assert [m.framework_id for m in peer.take(ShutdownFramework)] == ["old-F2"]
        scheduler = world.spawn()
        world.tell(scheduler, Subscribe(FrameworkInfo("f", id="old-F3")))
        await world.settle()
        assert len(scheduler.take(Subscribed)) == 1


@pytest.mark.asyncio
async def test_an_agent_that_is_not_on_record_is_admitted_under_its_id(world: World) -> None:
    await world.restart()
    peer = world.spawn()
    peer.info = AgentInfo("host", Resources.of(cpus=4, mem=512), id="old-A1")
    registered = await world.register(peer, frameworks=[FrameworkInfo("f", id="old-F1")])
    assert registered.agent_id == "old-A1"
    assert [m.framework_id for m in peer.take(ShutdownFramework)] == ["old-F1"]


@pytest.mark.asyncio
async def test_what_the_command_line_says_of_roles_is_written_over_what_is_stored() -> None:
    registry = MemoryRegistry()
    old = {"a": Quota(limit=Resources.of(cpus=1)), "b": Quota(priority=3)}
    async with World(registry=registry, weights={"a": 2.0, "b": 3.0}, roles=old) as world:
        new = Quota(limit=Resources.of(cpus=2))
        await world.restart(weights={"a": 5.0}, roles={"a": new})
        assert registry.state.weights == {"a": 5.0, "b": 3.0}
        assert registry.state.quotas == {"a": new, "b": Quota(priority=3)}
        framework = await world.framework("a")
        await world.agent()
        assert [str(offer.resources) for offer in framework.offers()] == ["cpus:2;mem:1024"]


@pytest.mark.asyncio
async def test_quotas_that_cannot_be_together_end_the_master_at_once() -> None:
    registry = MemoryRegistry()
    async with World(registry=registry, roles={"a": Quota(limit=Resources.of(cpus=1))}) as world:
        master = Master(registry=registry, roles={"a/b": RoleOptions(guarantee=Resources.of(cpus=2))})
        upid = world.system.spawn(master)
        assert "limit" in await world.system.wait(upid)


class Lead:
    """Whether a master leads."""

    def __init__(self) -> None:
        self.held = True

    def __call__(self) -> bool:
        return self.held


@pytest.mark.asyncio
async def test_a_master_that_leads_no_more_neither_writes_nor_tells() -> None:
    lead, registry = Lead(), Gated()
    async with World(registry=registry) as world:
        await world.restart(leads=lead)
        framework = await world.framework()
        agent = await world.agent("cpus:1")
        (offer,) = framework.offers()
        assert offer.agent_id == agent.id
        before = registry.state.copy()
        ended = asyncio.ensure_future(world.system.wait(world.master.upid))
        lead.held = False
        peer = world.spawn()
        world.tell(peer, RegisterAgent(AgentInfo("host", Resources.of(cpus=1))))
        await world.settle()
        assert await ended == "it does not lead any more"
        assert (peer.inbox, framework.inbox, agent.inbox) == ([], [], [])
        assert registry.state == before


@pytest.mark.asyncio
async def test_what_was_being_written_when_the_lead_was_lost_is_not_told() -> None:
    lead, registry = Lead(), Gated()
    async with World(registry=registry) as world:
        await world.restart(leads=lead)
        registry.gate.clear()
        peer = world.spawn()
        world.tell(peer, RegisterAgent(AgentInfo("host", Resources.of(cpus=1))))
        await world.settle()
        recorded = await world.system.call(world.master.upid, lambda: [world.master.recorded()])
        lead.held = False
        registry.gate.set()
        await world.settle()
        assert peer.inbox == []
        with pytest.raises(RegistryError, match="does not lead any more"):
            await recorded[0]


@pytest.mark.asyncio
async def test_an_order_to_a_master_that_leads_no_more_is_refused() -> None:
    lead = Lead()
    async with World() as world:
        await world.restart(leads=lead)

        def order() -> list[asyncio.Future[None]]:
            lead.held = False
            world.master.set_weights({"eng": 2.0})
            return [world.master.recorded()]

        (recorded,) = await world.system.call(world.master.upid, order)
        with pytest.raises(RegistryError, match="does not lead any more"):
            await recorded
        assert world.registry.state.weights == {}
