"""Agents that are deactivated, or drained of what they run."""

from __future__ import annotations

import pytest

from cluster.messages import (
    Acknowledge,
    Capability,
    ExitedExecutor,
    KillPolicy,
    KillTask,
    Reason,
    Rescind,
    ShutdownAgent,
    ShutdownExecutor,
    TaskState,
)
from cluster.registry import Drain
from tests.cluster.world import Peer, World, executor, running, task

PATIENT = KillPolicy(60.0)


async def end(world: World, agent: Peer, framework: Peer, task_id: str) -> None:
    uuid = await world.update(agent, framework, task_id, TaskState.KILLED)
    world.tell(framework, Acknowledge(framework.id, agent.id, task_id, uuid))
    await world.settle()


@pytest.mark.asyncio
async def test_a_deactivated_agent_is_offered_no_more_but_runs_on(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task(resources="cpus:1"), refuse=0)
    await world.advance(1)
    (offer,) = framework.offers()
    assert await world.order("deactivate", agent.id) is None
    assert [m.offer_id for m in framework.take(Rescind)] == [offer.id]
    await world.advance(10)
    record = world.master.state.agents[agent.id]
    assert (framework.offers(), agent.take(KillTask), record.active, record.drain_state()) == (
        [],
        [],
        False,
        "",
    )
    assert await world.order("reactivate", agent.id) is None
    assert len(framework.offers()) == 1
    assert await world.order("reactivate", agent.id) is None
    assert await world.order("deactivate", "A9") == "agent 'A9' is not known"
    assert await world.order("reactivate", "A9") == "agent 'A9' is not known"


@pytest.mark.asyncio
async def test_it_stays_so_for_the_next_master(world: World) -> None:
    agent = await world.agent(checkpoint=True)
    framework = await world.framework()
    await world.order("deactivate", agent.id)
    await world.restart()
    await world.subscribe(framework)
    framework.inbox.clear()
    await world.register(agent)
    await world.disconnect(agent)
    await world.register(agent)
    assert framework.offers() == []


@pytest.mark.asyncio
async def test_a_drain_ends_tasks_then_executors(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    framework = await world.framework()
    tasks = [
        task("a", "cpus:1", kill_policy=PATIENT),
        task("b", "cpus:1", executor=executor("e", "cpus:1")),
    ]
    await world.accept(framework, framework.offers(), *tasks, refuse=0)
    agent.inbox.clear()
    assert await world.order("drain", agent.id, 10.0, False) is None
    draining = Reason.AGENT_DRAINING
    assert agent.take(KillTask) == [
        KillTask(framework.id, "a", 10.0, draining),
        KillTask(framework.id, "b", 3.0, draining),
    ]
    record = world.master.state.agents[agent.id]
    assert record.drain_state() == "DRAINING"
    assert await world.order("reactivate", agent.id) == f"agent {agent.id} is still draining"
    await end(world, agent, framework, "a")
    assert agent.take(ShutdownExecutor) == []
    await end(world, agent, framework, "b")
    assert agent.take(ShutdownExecutor) == [ShutdownExecutor(framework.id, agent.id, "e")]
    assert record.drain_state() == "DRAINING"
    world.tell(agent, ExitedExecutor(agent.id, framework.id, "e"))
    await world.advance(5)
    assert record.drain_state() == "DRAINED"
    assert (agent.take(KillTask), agent.take(ShutdownExecutor), framework.offers()) == ([], [], [])
    assert await world.order("reactivate", agent.id) is None
    assert len(framework.offers()) == 1


@pytest.mark.asyncio
async def test_drained_and_gone(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task(), refuse=0)
    await world.order("drain", agent.id, None, True)
    assert [kill.grace_period for kill in agent.take(KillTask)] == [-1.0]
    uuid = await world.update(agent, framework, "t", TaskState.KILLED)
    # Its end is not acknowledged: were the agent gone now, it might never be told.
    assert agent.id in world.master.state.agents
    world.tell(framework, Acknowledge(framework.id, agent.id, "t", uuid))
    await world.settle()
    assert list(world.registry.state.gone) == [agent.id]
    assert len(agent.take(ShutdownAgent)) == 1
    assert world.registry.state.drains == {}


@pytest.mark.asyncio
async def test_an_agent_that_was_away_is_drained_when_it_is_back(world: World) -> None:
    agent = await world.agent(checkpoint=True)
    framework = await world.framework(capabilities=(Capability.PARTITION_AWARE,))
    await world.accept(framework, framework.offers(), task(), refuse=0)
    await world.lose(agent)
    assert await world.order("drain", agent.id, 2.0, False) is None
    assert world.registry.state.drains == {agent.id: Drain(True, 2.0)}
    await world.register(agent, running(framework))
    assert [kill.reason for kill in agent.take(KillTask)] == [Reason.AGENT_DRAINING]
    await world.disconnect(agent)
    await world.register(agent, running(framework))
    assert [kill.reason for kill in agent.take(KillTask)] == [Reason.AGENT_DRAINING]
    await world.restart()
    await world.register(agent, running(framework))
    assert [kill.reason for kill in agent.take(KillTask)] == [Reason.AGENT_DRAINING]


@pytest.mark.asyncio
async def test_a_second_drain_may_hurry(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task(kill_policy=PATIENT), refuse=0)
    await world.order("drain", agent.id, None, False)
    await world.order("drain", agent.id, 1.0, False)
    assert [kill.grace_period for kill in agent.take(KillTask)] == [-1.0, 1.0]
    problem = await world.order("drain", agent.id, -1.0, False)
    assert problem == "max_grace_period is -1.0, not a number of seconds"
