"""Agents: admitted durably, pinged, lost, back again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from actors import NOCONNECTION, NOPROC, UPID
from cluster.messages import (
    AgentInfo,
    AgentRefused,
    AgentRegistered,
    FrameworkFailure,
    FrameworkInfo,
    Reason,
    RegisterAgent,
    Rescind,
    Subscribe,
    Subscribed,
    TaskRecord,
    TaskState,
    TaskStatus,
    UnregisterAgent,
)
from cluster.registry import Change, MemoryRegistry
from cluster.resources import Resources
from tests.cluster.world import World, task


@pytest.mark.asyncio
async def test_an_agent_that_ends_is_gone_at_once_with_its_tasks(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task(resources="cpus:1"), refuse=0)
    await world.advance(1)
    (offer,) = framework.offers()
    world.tell(agent, UnregisterAgent(agent.id))
    await world.settle()
    assert [message.offer_id for message in framework.take(Rescind)] == [offer.id]
    (status,) = framework.statuses()
    assert (status.state, status.reason) == (TaskState.LOST, Reason.AGENT_REMOVED)
    (failure,) = framework.take(FrameworkFailure)
    assert (failure.agent_id, failure.executor_id) == (agent.id, "")
    assert world.master.state.agents == {}
    assert world.master.registry.state.agents == {}


@pytest.mark.asyncio
async def test_a_stranger_cannot_unregister_an_agent(world: World) -> None:
    agent = await world.agent()
    world.tell(world.spawn(), UnregisterAgent(agent.id))
    await world.settle()
    assert agent.id in world.master.state.agents


@pytest.mark.asyncio
async def test_an_agent_process_that_dies_is_gone_and_a_new_one_used_at_once(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task(resources="cpus:4;mem:1024"))
    world.system.terminate(agent.upid)
    await world.settle()
    assert [status.state for status in framework.statuses()] == [TaskState.LOST]
    new = await world.agent("cpus:8;mem:64")
    assert [offer.agent_id for offer in framework.offers()] == [new.id]


@pytest.mark.asyncio
async def test_a_link_to_see_whether_an_agent_lives_is_repeated_when_it_breaks_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed may still take connections when those that it had are closed."""
    agent = await world.agent()
    links: list[float] = []
    began = world.clock.monotonic()
    monkeypatch.setattr(world.master, "link", lambda _upid: links.append(world.clock.monotonic() - began))
    for _ in range(4):
        await world.system.call(world.master.upid, world.master.exited, agent.upid, NOCONNECTION)
        await world.advance(1)
    assert links == pytest.approx([0.0, 1.05, 2.1, 3.2])
    await world.system.call(world.master.upid, world.master.exited, agent.upid, NOPROC)
    assert world.master.state.agents == {}


@pytest.mark.asyncio
async def test_an_agent_that_came_back_is_not_probed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = await world.agent()
    links: list[UPID] = []
    monkeypatch.setattr(world.master, "link", links.append)
    for _ in range(2):
        await world.system.call(world.master.upid, world.master.exited, agent.upid, NOCONNECTION)
    info = AgentInfo("host", Resources.parse("cpus:4;mem:1024"), id=agent.id)
    world.tell(agent, RegisterAgent(info))
    await world.advance(1)
    # The first probe, and the link of the registration.
    assert links == [agent.upid] * 2


@pytest.mark.asyncio
async def test_an_agent_that_answers_no_pings_is_removed(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    agent.answers_pings = False
    await world.advance(15 * 5)
    assert agent.id in world.master.state.agents
    await world.advance(15)
    assert world.master.state.agents == {}
    assert [failure.agent_id for failure in framework.take(FrameworkFailure)] == [agent.id]


@pytest.mark.asyncio
async def test_an_agent_that_answers_stays(world: World) -> None:
    agent = await world.agent()
    await world.advance(600)
    assert world.master.state.agents[agent.id].connected


@pytest.mark.asyncio
async def test_an_agent_is_on_record_before_it_is_told() -> None:
    registry = MemoryRegistry()
    order: list[str] = []

    class Slow(MemoryRegistry):
        async def write(self, changes: Sequence[Change]) -> None:
            await super().write(changes)
            order.extend(
                f"{change.id} stored, told {len(peer.take(AgentRegistered))}"
                for change in changes
                if change.kind == "agents"
            )

    registry = Slow()
    async with World(registry=registry) as world:
        peer = world.spawn()
        world.tell(peer, RegisterAgent(AgentInfo("host", Resources.of(cpus=1))))
        await world.settle()
        (registered,) = peer.take(AgentRegistered)
        assert order == [f"{registered.agent_id} stored, told 0"]


@pytest.mark.asyncio
async def test_two_registrations_before_the_answer_are_one_agent(world: World) -> None:
    peer = world.spawn()
    for _ in range(2):
        world.tell(peer, RegisterAgent(AgentInfo("host", Resources.of(cpus=1))))
    await world.settle()
    first, second = peer.take(AgentRegistered)
    assert first.agent_id == second.agent_id
    assert len(world.master.state.agents) == 1


@pytest.mark.asyncio
async def test_an_agent_without_resources_is_refused(world: World) -> None:
    peer = world.spawn()
    world.tell(peer, RegisterAgent(AgentInfo("host", Resources())))
    await world.settle()
    assert [message.message for message in peer.take(AgentRefused)] == ["it has no resources"]


@pytest.mark.asyncio
async def test_a_registered_agent_with_other_resources_is_refused(world: World) -> None:
    agent = await world.agent("cpus:4")
    world.tell(agent, RegisterAgent(AgentInfo("host", Resources.of(cpus=9), id=agent.id)))
    await world.settle()
    (message,) = agent.take(AgentRefused)
    assert "other resources" in message.message
    assert world.free(agent) == "cpus:4"


def running(framework_id: str, task_id: str, resources: str = "cpus:1") -> TaskRecord:
    status = TaskStatus(task_id, TaskState.RUNNING, uuid="u")
    return TaskRecord(framework_id, task(task_id, resources), status)


@pytest.mark.asyncio
async def test_an_agent_whose_tasks_use_more_than_it_has_is_refused(world: World) -> None:
    peer = world.spawn()
    info = AgentInfo("host", Resources.of(cpus=1), id="old-A1")
    frameworks = (FrameworkInfo("f", id="old-F1"),)
    world.tell(peer, RegisterAgent(info, frameworks, (), (running("old-F1", "t", "cpus:2"),)))
    await world.settle()
    assert "more than it has" in peer.take(AgentRefused)[0].message
    assert world.master.state.agents == {}


@pytest.mark.asyncio
async def test_a_new_master_takes_over_what_an_agent_runs(world: World) -> None:
    """The former master is gone: the agent comes with its tasks, then their framework comes back."""
    peer = world.spawn()
    info = AgentInfo("host", Resources.of(cpus=4), id="old-A1")
    frameworks = (FrameworkInfo("f", id="old-F1"),)
    world.tell(peer, RegisterAgent(info, frameworks, (), (running("old-F1", "t"),)))
    await world.settle()
    (registered,) = peer.take(AgentRegistered)
    assert (registered.agent_id, registered.kill) == ("old-A1", ())
    assert str(world.master.state.agents["old-A1"].free) == "cpus:3"
    scheduler = world.spawn()
    world.tell(scheduler, Subscribe(FrameworkInfo("f", id="old-F1")))
    await world.settle()
    assert [message.framework_id for message in scheduler.take(Subscribed)] == ["old-F1"]
    assert [str(offer.resources) for offer in scheduler.offers()] == ["cpus:3"]


@pytest.mark.asyncio
async def test_tasks_whose_framework_does_not_come_back_end(world: World) -> None:
    peer = world.spawn()
    peer.id = "old-A1"
    info = AgentInfo("host", Resources.of(cpus=4), id="old-A1")
    frameworks = (FrameworkInfo("f", id="old-F1"),)
    world.tell(peer, RegisterAgent(info, frameworks, (), (running("old-F1", "t"),)))
    await world.advance(120)
    assert world.master.state.frameworks == {}
    assert str(world.master.state.agents["old-A1"].free) == "cpus:4"


@pytest.mark.asyncio
async def test_tasks_of_an_unknown_framework_are_to_end(world: World) -> None:
    peer = world.spawn()
    info = AgentInfo("host", Resources.of(cpus=4), id="old-A1")
    world.tell(peer, RegisterAgent(info, (), (), (running("old-F1", "t"),)))
    await world.settle()
    assert peer.take(AgentRegistered)[0].kill == (("old-F1", "t"),)
    assert str(world.master.state.agents["old-A1"].free) == "cpus:4"
