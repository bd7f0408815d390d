"""Agents that are gone or end by themselves, and what reconciliation tells of those that are away."""

from __future__ import annotations

import pytest

from cluster.master import MasterOptions
from cluster.messages import (
    AgentRegistered,
    Capability,
    Reason,
    Reconcile,
    RegisterAgent,
    ShutdownAgent,
    TaskState,
    UnregisterAgent,
)
from tests.cluster.world import Peer, World, task

AWARE = (Capability.PARTITION_AWARE,)
LATER = 15 * 6


async def busy(world: World, *, aware: bool = True, checkpoint: bool = True) -> tuple[Peer, Peer]:
    """An agent that runs a task, and its framework, which wants no more."""
    agent = await world.agent(checkpoint=checkpoint)
    framework = await world.framework(capabilities=AWARE if aware else ())
    await world.accept(framework, framework.offers(), task(), refuse=10**6)
    await world.update(agent, framework, "t", TaskState.RUNNING, "u")
    framework.inbox.clear()
    return agent, framework


@pytest.mark.asyncio
async def test_gone_is_for_good(world: World) -> None:
    agent, framework = await busy(world)
    assert await world.order("mark_gone", agent.id) is None
    (status,) = framework.statuses()
    assert (status.state, status.reason) == (
        TaskState.GONE_BY_OPERATOR,
        Reason.AGENT_REMOVED_BY_OPERATOR,
    )
    assert len(agent.take(ShutdownAgent)) == 1
    assert world.registry.state.agents == {}
    await world.restart()
    world.tell(agent, RegisterAgent(agent.info))
    await world.settle()
    assert "is gone" in agent.take(ShutdownAgent)[0].message
    assert await world.order("mark_gone", agent.id) is None
    assert await world.order("mark_gone", "nonsense") == "agent 'nonsense' is not known"


@pytest.mark.asyncio
async def test_an_unreachable_agent_can_be_gone(world: World) -> None:
    agent, framework = await busy(world)
    await world.lose(agent)
    assert await world.order("mark_gone", agent.id) is None
    assert [s.state for s in framework.statuses()] == [TaskState.UNREACHABLE, TaskState.GONE_BY_OPERATOR]
    assert world.registry.state.unreachable == {}


@pytest.mark.asyncio
async def test_what_is_unreachable_or_gone_is_forgotten_with_age_and_number() -> None:
    options = MasterOptions(registry_max_agent_age=3600.0, registry_max_agent_count=1)
    async with World(options) as world:
        first, second = await world.agent(), await world.agent()
        await world.order("mark_gone", first.id)
        await world.advance(1)
        await world.order("mark_gone", second.id)
        assert list(world.registry.state.gone) == [first.id, second.id]
        await world.advance(900)
        assert list(world.registry.state.gone) == [second.id]
        await world.advance(3600)
        assert world.registry.state.gone == {}


@pytest.mark.asyncio
@pytest.mark.parametrize(("aware", "state"), [(True, TaskState.GONE), (False, TaskState.LOST)])
async def test_an_agent_that_ends_by_itself(world: World, aware: bool, state: TaskState) -> None:
    agent, framework = await busy(world, aware=aware)
    world.tell(agent, UnregisterAgent(agent.id))
    await world.settle()
    assert [s.state for s in framework.statuses()] == [state]
    assert world.registry.state.agents == {}


@pytest.mark.asyncio
@pytest.mark.parametrize("aware", [True, False])
async def test_reconciliation_tells_the_fate_of_the_agent(world: World, aware: bool) -> None:
    framework = await world.framework(capabilities=AWARE if aware else ())
    here, lost, gone, coming = [await world.agent("cpus:1", checkpoint=True) for _ in range(4)]
    await world.lose(lost)
    await world.order("mark_gone", gone.id)
    framework.inbox.clear()

    async def told(*agents: str) -> list[TaskState]:
        asked = {f"t{number}": agent for number, agent in enumerate(agents)}
        message = Reconcile(framework.id, tuple(asked), {id_: agent for id_, agent in asked.items() if agent})
        world.tell(framework, message)
        await world.settle()
        return [status.state for status in framework.statuses()]

    states = [
        TaskState.GONE,
        TaskState.UNREACHABLE,
        TaskState.GONE_BY_OPERATOR,
        TaskState.UNKNOWN,
        TaskState.UNKNOWN,
    ]
    expected = states if aware else [TaskState.LOST] * 5
    assert await told(here.id, lost.id, gone.id, "nonsense", "") == expected
    await world.restart()
    await world.subscribe(framework)
    await world.register(here)
    # Of `coming`, and where no agent is named, it cannot be known yet.
    assert await told(coming.id) == []
    assert await told("") == []
    assert await told(here.id, lost.id, gone.id, "nonsense") == expected[:4]
    await world.register(coming)
    assert await told(coming.id, "") == [expected[0], expected[4]]


@pytest.mark.asyncio
async def test_what_a_machine_that_was_started_again_does_not_have_may_have_run(world: World) -> None:
    """Found by the campaign (seed 8172): its framework took it for one that was never launched."""
    agent, framework = await busy(world)
    await world.restart()
    await world.subscribe(framework)
    await world.register(agent, forgetful=True)
    world.tell(framework, Reconcile(framework.id, ("t",), {"t": agent.id}))
    await world.settle()
    (status,) = framework.statuses()
    assert (status.state, status.reason) == (TaskState.GONE, Reason.AGENT_RESTARTED)


@pytest.mark.asyncio
async def test_a_task_that_ended_is_told_so_while_it_is_remembered(world: World) -> None:
    agent, framework = await busy(world)
    await world.update(agent, framework, "t", TaskState.FINISHED)
    framework.statuses()
    await world.lose(agent)
    world.tell(framework, Reconcile(framework.id, ("t",), {"t": agent.id}))
    await world.settle()
    assert [s.state for s in framework.statuses()] == [TaskState.FINISHED]
    world.tell(framework, Reconcile(framework.id))
    await world.settle()
    assert framework.statuses() == []


@pytest.mark.asyncio
async def test_the_answer_names_what_the_master_has_and_the_agent_did_not_name(world: World) -> None:
    agent, framework = await busy(world)
    registered: AgentRegistered = await world.register(agent)
    assert registered.tasks == ((framework.id, "t"),)
    assert framework.statuses() == []
    await world.update(agent, framework, "t", TaskState.DROPPED)
    assert [s.state for s in framework.statuses()] == [TaskState.DROPPED]
    assert world.unused(agent) == "cpus:4;mem:1024"
