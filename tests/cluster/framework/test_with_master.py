"""The library and a real master; agents say what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from actors.testing import intercept
from cluster.framework import Framework
from cluster.messages import (
    Accept,
    AttributeConstraint,
    CommandInfo,
    InverseOffer,
    KillTask,
    OperationState,
    RunTask,
    RunTaskGroup,
    StatusUpdate,
    TaskInfo,
    TaskRecord,
    TaskState,
    TaskStatus,
)
from cluster.registry import Window
from cluster.resources import Resources
from tests.cluster.framework.stage import Holding, Recorder, ended
from tests.cluster.world import Peer, World

ONE = Resources.parse("cpus:1;mem:128")
Run = Callable[[Framework], Any]


def command(task_id: str) -> TaskInfo:
    return TaskInfo(task_id, ONE, command=CommandInfo("true"))


@pytest_asyncio.fixture
async def run(world: World) -> AsyncIterator[Run]:
    """Runs frameworks on the world's master."""
    running: list[asyncio.Task[None]] = []

    async def start(framework: Framework) -> None:
        upid = world.master.upid
        running.append(asyncio.ensure_future(framework.run(upid, system=world.system)))
        await world.settle()
        assert framework.connected

    yield start
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def say(
    world: World, agent: Peer, framework: Framework, task_id: str, state: TaskState, executor: str = ""
) -> None:
    status = TaskStatus(
        task_id, state, agent_id=agent.id, executor_id=executor or task_id, uuid=f"{task_id}-{state}"
    )
    world.tell(agent, StatusUpdate(framework.id, status))
    await world.settle()


async def restart(world: World, *agents: Peer) -> None:
    """Another master begins with the same registry; the framework finds it, these agents too, and run nothing."""
    await world.restart()
    await world.advance(3)
    for agent in agents:
        await world.register(agent)


@pytest.mark.asyncio
async def test_a_launch_that_died_with_its_master_is_made_again(world: World, run: Run) -> None:
    agent = await world.agent()
    framework = Recorder(failover_timeout=600)
    await run(framework)
    with intercept(world.system, world.master.upid) as post:
        post.drop(Accept)
        handle = framework.submit(command("t"))
        await world.settle()
        assert any(isinstance(message, Accept) for message in post.seen)
    assert handle.state is TaskState.STAGING
    await restart(world)
    await world.advance(30)
    # The new master waits for the agent, and says nothing.
    assert handle.state is TaskState.STAGING
    await world.register(agent)
    await world.advance(120)
    assert [message.task.task_id for message in agent.take(RunTask)] == ["t"]
    await say(world, agent, framework, "t", TaskState.RUNNING)
    await say(world, agent, framework, "t", TaskState.FINISHED)
    assert ended(handle).state is TaskState.FINISHED
    assert framework.states() == ["RUNNING", "FINISHED"]


@pytest.mark.asyncio
async def test_what_an_agent_has_is_not_launched_again(world: World, run: Run) -> None:
    agent = await world.agent()
    framework = Recorder(failover_timeout=600)
    await run(framework)
    handle = framework.submit(command("t"))
    await world.settle()
    (launch,) = agent.take(RunTask)
    await restart(world)
    status = TaskStatus("t", TaskState.RUNNING, agent_id=agent.id, executor_id="t", uuid="u")
    await world.register(agent, TaskRecord(framework.id, launch.task, status), frameworks=[framework.info])
    await world.advance(120)
    assert handle.state is TaskState.RUNNING
    assert agent.take(RunTask) == []


@pytest.mark.asyncio
async def test_a_kill_reaches_a_task_through_a_new_master(world: World, run: Run) -> None:
    agent = await world.agent()
    framework = Recorder(failover_timeout=600)
    await run(framework)
    framework.submit(command("t"))
    await world.settle()
    (launch,) = agent.take(RunTask)
    await say(world, agent, framework, "t", TaskState.RUNNING)
    await restart(world)
    framework.kill("t")
    await world.advance(10)
    assert agent.take(KillTask) == []
    status = TaskStatus("t", TaskState.RUNNING, agent_id=agent.id, executor_id="t", uuid="t-RUNNING")
    await world.register(agent, TaskRecord(framework.id, launch.task, status), frameworks=[framework.info])
    await world.advance(120)
    assert [message.task_id for message in agent.take(KillTask)][:1] == ["t"]


@pytest.mark.asyncio
async def test_an_unreachable_task_comes_back(world: World, run: Run) -> None:
    agent = await world.agent(checkpoint=True)
    framework = Recorder(partition_aware=True, failover_timeout=600)
    await run(framework)
    handle = framework.submit(command("t"))
    await world.settle()
    (launch,) = agent.take(RunTask)
    await say(world, agent, framework, "t", TaskState.RUNNING)
    await world.lose(agent)
    assert handle.state is TaskState.UNREACHABLE
    status = TaskStatus("t", TaskState.RUNNING, agent_id=agent.id, executor_id="t", uuid="t-RUNNING")
    await world.register(agent, TaskRecord(framework.id, launch.task, status), frameworks=[framework.info])
    assert handle.state is TaskState.RUNNING
    assert framework.states() == ["RUNNING", "UNREACHABLE", "RUNNING"]


@pytest.mark.asyncio
async def test_a_group_runs_as_one(world: World, run: Run) -> None:
    agent = await world.agent()
    framework = Recorder()
    await run(framework)
    handles = framework.submit_group([command("a"), command("b")])
    await world.settle()
    (launch,) = agent.take(RunTaskGroup)
    assert [task.task_id for task in launch.tasks] == ["a", "b"]
    for name in "ab":
        await say(world, agent, framework, name, TaskState.FINISHED, launch.executor.executor_id)
    assert [ended(handle).state for handle in handles] == [TaskState.FINISHED] * 2


@pytest.mark.asyncio
async def test_what_is_reserved_is_offered_as_reserved(world: World, run: Run) -> None:
    await world.agent("cpus:4;mem:1024")
    framework = Holding(roles=("eng",))
    await run(framework)
    (offer,) = framework.offered
    operation = framework.reserve(offer, "cpus:2", refuse_seconds=0)
    await world.advance(2)
    ((told),) = framework.take("operation")
    assert (told.operation_id, told.state) == (operation, OperationState.FINISHED)
    assert framework.offered[-1].reserved == {"eng": Resources.parse("cpus:2")}
    framework.unreserve(framework.offered[-1], "cpus:2", refuse_seconds=0)
    await world.advance(2)
    assert framework.offered[-1].reserved == {}
    framework.unreserve(framework.offered[-1], "cpus:2")
    await world.settle()
    assert framework.take("operation")[-1].state is OperationState.ERROR


@pytest.mark.asyncio
async def test_offers_are_of_agents_that_the_framework_can_use_and_of_its_size(
    world: World, run: Run
) -> None:
    await world.agent("cpus:1;mem:1024", "disk:ssd")
    await world.agent("cpus:4;mem:1024", "disk:hdd")
    good = await world.agent("cpus:4;mem:1024", "disk:ssd")
    framework = Holding(constraints=[AttributeConstraint("disk", "equals", "ssd")], min_offer="cpus:2")
    await run(framework)
    assert [offer.agent_id for offer in framework.offered] == [good.id]
    framework.update(constraints=[AttributeConstraint("disk", "equals", "hdd")])
    await world.advance(10)
    assert len({offer.agent_id for offer in framework.offered}) == 2


@pytest.mark.asyncio
async def test_offers_follow_the_roles(world: World, run: Run) -> None:
    await world.agent()
    framework = Holding(roles=("a",))
    await run(framework)
    framework.update(roles=("b",))
    await world.advance(10)
    assert [offer.role for offer in framework.offered] == ["a", "b"]
    framework.update(roles=("bad role",))
    await world.settle()
    (told,) = framework.take("operation")
    assert (told.state, "bad role" in told.message) == (OperationState.ERROR, True)


@pytest.mark.asyncio
async def test_a_planned_outage_is_told_and_answered(world: World, run: Run) -> None:
    agent = await world.agent()
    framework = Recorder()
    await run(framework)
    framework.submit(command("t"))
    await world.settle()
    start = world.clock.time() + 3600
    assert await world.order("update_schedule", {"w": Window(("host",), start, 60.0)}) is None
    ((inverse,),) = framework.take("inverse_offers")
    assert isinstance(inverse, InverseOffer)
    assert (inverse.agent_id, inverse.unavailability.start) == (agent.id, start)
    framework.accept_inverse(inverse)
    await world.settle()
    assert await world.order("update_schedule", {}) is None
    assert framework.take("inverse_rescinded") == [inverse.id]


@pytest.mark.asyncio
async def test_a_successor_adopts_what_its_predecessor_launched(world: World, run: Run) -> None:
    agent = await world.agent()
    first = Recorder(failover_timeout=600)
    await run(first)
    first.submit(command("t"))
    await world.settle()
    await say(world, agent, first, "t", TaskState.RUNNING)
    first.stop(failover=True)
    await world.settle()
    second = Recorder(failover_timeout=600, framework_id=first.id)
    handle = second.adopt("t", agent.id)
    await run(second)
    await world.advance(1)
    assert handle.state is TaskState.RUNNING
    await say(world, agent, second, "t", TaskState.FINISHED)
    assert ended(handle).state is TaskState.FINISHED
