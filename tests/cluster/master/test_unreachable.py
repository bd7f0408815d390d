"""Agents that do not answer: what their tasks are then, and what becomes of them when the agent is back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from actors import NOCONNECTION, NOPROC
from cluster.http import views
from cluster.master import MasterOptions
from cluster.messages import (
    Acknowledge,
    Capability,
    FrameworkFailure,
    KillTask,
    Reason,
    Rescind,
    Revive,
    TaskState,
)
from tests.cluster.world import Peer, World, executor, running, task

AWARE = (Capability.PARTITION_AWARE,)
LATER = 15 * 6


@pytest_asyncio.fixture
async def limited() -> AsyncIterator[World]:
    async with World(MasterOptions(agent_removal_rate_limit=(1, 60.0))) as world:
        yield world


async def busy(world: World, *, aware: bool = True, checkpoint: bool = True) -> tuple[Peer, Peer]:
    """An agent that runs a task, and its framework, which wants no more."""
    agent = await world.agent(checkpoint=checkpoint)
    framework = await world.framework(capabilities=AWARE if aware else ())
    await world.accept(framework, framework.offers(), task(), refuse=10**6)
    await world.update(agent, framework, "t", TaskState.RUNNING, "u")
    framework.inbox.clear()
    return agent, framework


@pytest.mark.asyncio
@pytest.mark.parametrize("reason", [NOCONNECTION, NOPROC])
async def test_an_agent_that_checkpoints_is_only_disconnected(world: World, reason: str) -> None:
    agent = await world.agent(checkpoint=True)
    framework = await world.framework()
    (offer,) = framework.offers()
    await world.system.call(world.master.upid, world.master.exited, agent.upid, reason)
    await world.advance(10)
    assert [m.offer_id for m in framework.take(Rescind)] == [offer.id]
    assert not world.master.state.agents[agent.id].connected
    assert framework.offers() == []
    await world.register(agent)
    assert len(framework.offers()) == 1


@pytest.mark.asyncio
async def test_the_process_of_one_that_does_not_checkpoint_is_its_tasks_end(world: World) -> None:
    agent, framework = await busy(world, checkpoint=False)
    await world.system.call(world.master.upid, world.master.exited, agent.upid, NOPROC)
    await world.settle()
    assert [status.state for status in framework.statuses()] == [TaskState.GONE]
    assert world.registry.state.agents == {}
    assert world.registry.state.unreachable == {}


@pytest.mark.asyncio
async def test_unreachable_tasks_hold_nothing_and_come_back(world: World) -> None:
    agent, framework = await busy(world)
    await world.lose(agent)
    (status,) = framework.statuses()
    assert (status.state, status.reason, status.uuid) == (
        TaskState.UNREACHABLE,
        Reason.AGENT_REMOVED,
        "",
    )
    assert [failure.agent_id for failure in framework.take(FrameworkFailure)] == [agent.id]
    assert world.master.state.allocator.shares() == {(framework.id, "*"): 0.0}
    assert world.registry.state.unreachable[agent.id].info == agent.info
    registered = await world.register(agent, running(framework))
    assert registered.kill == ()
    (status,) = framework.statuses()
    assert (status.state, status.reason, status.agent_id) == (
        TaskState.RUNNING,
        Reason.AGENT_REREGISTERED,
        agent.id,
    )
    # It is on record until the agent is known to have heard of what must end.
    assert list(world.registry.state.unreachable) == [agent.id]
    assert [row["state"] for row in views.agents(world.master.state)] == ["active"]
    await world.advance(15)
    assert world.registry.state.unreachable == {}
    assert world.unused(agent) == "cpus:3;mem:896"
    # The update that the agent sends again is no news, and is passed on for its acknowledgement.
    await world.update(agent, framework, "t", TaskState.RUNNING, "u")
    assert [status.uuid for status in framework.statuses()] == ["u"]


@pytest.mark.asyncio
async def test_a_master_that_dies_while_an_agent_returns_leaves_it_known_as_unreachable(world: World) -> None:
    """Found by the campaign (seed 7128): FINISHED was told after LOST, of a task that the next master did not end."""
    agent, framework = await busy(world, aware=False)
    await world.lose(agent)
    assert [s.state for s in framework.statuses()] == [TaskState.LOST]
    await world.register(agent, running(framework))
    await world.restart()
    await world.subscribe(framework)
    registered = await world.register(agent, running(framework))
    assert registered.kill == ((framework.id, "t"),)
    assert framework.statuses() == []
    await world.advance(15)
    assert world.registry.state.unreachable == {}


@pytest.mark.asyncio
async def test_an_end_that_a_disk_has_lost_is_told_once_more_and_forgotten(world: World) -> None:
    """Found by the campaign (seed 6653): nobody would ever acknowledge it, and the master kept it for ever."""
    agent, framework = await busy(world)
    await world.update(agent, framework, "t", TaskState.FINISHED, "end")
    framework.statuses()
    await world.register(agent, incarnation="after the power went")
    assert [(s.state, s.uuid) for s in framework.statuses()] == [(TaskState.FINISHED, "")]
    assert framework.id not in {key[0] for key in world.master.state.agents[agent.id].tasks}
    # If its disk has it all the same, it is acknowledged as ever.
    await world.update(agent, framework, "t", TaskState.FINISHED, "end")
    assert [(s.state, s.uuid) for s in framework.statuses()] == [(TaskState.FINISHED, "end")]


@pytest.mark.asyncio
async def test_an_unreachable_task_that_does_not_come_back_is_gone(world: World) -> None:
    agent, framework = await busy(world)
    await world.lose(agent)
    framework.statuses()
    await world.register(agent)
    assert [(s.task_id, s.state) for s in framework.statuses()] == [("t", TaskState.GONE)]


@pytest.mark.asyncio
async def test_a_task_that_was_told_lost_is_killed_when_its_agent_is_back(world: World) -> None:
    agent, framework = await busy(world, aware=False)
    await world.lose(agent)
    assert [s.state for s in framework.statuses()] == [TaskState.LOST]
    registered = await world.register(agent, running(framework))
    assert registered.kill == ((framework.id, "t"),)
    assert framework.statuses() == []
    assert world.unused(agent) == "cpus:4;mem:1024"


@pytest.mark.asyncio
async def test_the_end_of_what_was_told_lost_is_told_until_it_is_acknowledged(world: World) -> None:
    """Found by the campaign (seed 10266): LOST was told in vain, and the next master knew of no task."""
    agent, framework = await busy(world, aware=False)
    await world.lose(agent)
    framework.statuses()
    await world.register(agent, running(framework))
    # So says the agent when it has killed it.
    await world.update(agent, framework, "t", TaskState.LOST, "end")
    assert [(s.state, s.uuid) for s in framework.statuses()] == [(TaskState.LOST, "end")]
    await world.update(agent, framework, "t", TaskState.FINISHED, "other")
    assert framework.statuses() == []
    # A master that knows nothing of all that does not take it for a task that runs.
    await world.restart()
    await world.subscribe(framework)
    registered = await world.register(agent, running(framework, "u", denied=True))
    assert registered.kill == ((framework.id, "u"),)
    assert framework.statuses() == []
    assert world.unused(agent) == "cpus:4;mem:1024"


@pytest.mark.asyncio
async def test_so_it_is_by_the_next_master(world: World) -> None:
    agent, framework = await busy(world, aware=False)
    other_agent = await world.agent(checkpoint=True)
    aware = await world.framework(capabilities=AWARE)
    await world.lose(agent)
    await world.restart()
    await world.subscribe(framework)
    await world.subscribe(aware)
    registered = await world.register(agent, running(framework), running(aware, "t2"))
    assert registered.kill == ((framework.id, "t"),)
    assert [(s.task_id, s.state) for s in aware.statuses()] == [("t2", TaskState.RUNNING)]
    # One that was not unreachable brings what it has.
    registered = await world.register(other_agent, running(framework, "t3"))
    assert registered.kill == ()


@pytest.mark.asyncio
async def test_a_kill_is_remembered_until_the_agent_is_back(world: World) -> None:
    agent, framework = await busy(world)
    await world.lose(agent)
    framework.statuses()
    world.tell(framework, KillTask(framework.id, "t", 7.0))
    await world.settle()
    assert [s.state for s in framework.statuses()] == [TaskState.UNREACHABLE]
    await world.register(agent, running(framework))
    assert agent.take(KillTask) == [KillTask(framework.id, "t", 7.0)]


@pytest.mark.asyncio
async def test_unreachable_tasks_are_bounded_and_the_oldest_is_forgotten() -> None:
    async with World(MasterOptions(max_unreachable_tasks_per_framework=2)) as world:
        agent = await world.agent(checkpoint=True)
        framework = await world.framework(capabilities=AWARE)
        tasks = [task(name, "cpus:1;mem:1") for name in "abc"]
        await world.accept(framework, framework.offers(), *tasks, refuse=10**6)
        await world.lose(agent)
        assert {s.state for s in framework.statuses()} == {TaskState.UNREACHABLE}
        assert list(world.master.state.frameworks[framework.id].unreachable_tasks) == ["b", "c"]


@pytest.mark.asyncio
async def test_an_unreachable_tasks_id_is_in_use(world: World) -> None:
    agent, framework = await busy(world)
    await world.lose(agent)
    other = await world.agent()
    framework.statuses()
    await world.accept(framework, framework.offers(), task("t"))
    (status,) = framework.statuses()
    assert status.message == "task_id 't' is in use by this framework"
    assert other.inbox == []


@pytest.mark.asyncio
async def test_executors_go_with_their_agent_and_come_back_with_it(world: World) -> None:
    agent = await world.agent(checkpoint=True)
    framework = await world.framework(capabilities=AWARE)
    mine = task("t", "cpus:1", executor=executor("e", "cpus:0.5"))
    await world.accept(framework, framework.offers(), mine, refuse=10**6)
    await world.lose(agent)
    assert world.master.state.allocator.shares() == {(framework.id, "*"): 0.0}


@pytest.mark.asyncio
async def test_removals_are_limited_and_who_answers_meanwhile_is_kept(limited: World) -> None:
    agents = [await limited.agent("cpus:1", checkpoint=True) for _ in range(3)]
    for agent in agents:
        agent.answers_pings = False
    await limited.advance(LATER)
    assert list(limited.master.state.registry.unreachable) == [agents[0].id]
    assert list(limited.master.state.doubted) == [agents[1].id, agents[2].id]
    agents[1].answers_pings = True
    await limited.advance(15)
    assert list(limited.master.state.doubted) == [agents[2].id]
    await limited.advance(45)
    assert list(limited.master.state.registry.unreachable) == [agents[0].id, agents[2].id]


@pytest.mark.asyncio
async def test_an_agent_that_does_not_come_to_a_new_master_is_unreachable(limited: World) -> None:
    agents = [await limited.agent("cpus:1", checkpoint=True) for _ in range(3)]
    framework = await limited.framework()
    await limited.restart(options=MasterOptions(agent_removal_rate_limit=(1, 60.0)))
    await limited.subscribe(framework)
    await limited.register(agents[0])
    await limited.advance(599)
    assert limited.master.state.registry.unreachable == {}
    await limited.advance(1)
    assert list(limited.master.state.registry.unreachable) == [agents[1].id]
    assert [failure.agent_id for failure in framework.take(FrameworkFailure)] == [agents[1].id]
    await limited.register(agents[2])
    await limited.advance(200)
    assert list(limited.master.state.registry.unreachable) == [agents[1].id]


@pytest.mark.asyncio
async def test_a_task_id_that_was_used_before_is_no_reason_to_end_the_task(world: World) -> None:
    agent, framework = await busy(world)
    uuid = await world.update(agent, framework, "t", TaskState.FINISHED)
    world.tell(framework, Acknowledge(framework.id, agent.id, "t", uuid))
    world.tell(framework, Revive(framework.id))
    await world.settle()
    await world.accept(framework, framework.offers(), task("t"), refuse=10**6)
    await world.lose(agent)
    registered = await world.register(agent, running(framework))
    assert registered.kill == ()
    assert world.master.state.frameworks[framework.id].tasks["t"].state is TaskState.RUNNING
