"""What is told of a task says in which container it runs, and under which address it is found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cluster.messages import ContainerStatus, ExecutorInfo, RunTaskGroup, TaskState
from cluster.resources import Resources
from isolation import Exit
from tests.cluster.agent.world import FRAMEWORK, AgentWorld
from tests.cluster.world import task

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[AgentWorld]:
    async with AgentWorld(tmp_path) as world:
        yield world


def container(world: AgentWorld, name: str) -> ContainerStatus:
    return ContainerStatus(world.machine.container(name).id, world.agent.upid.host)


async def test_a_task_from_its_start_to_its_end(world: AgentWorld) -> None:
    await world.run(task("t"))
    (running,) = await world.acknowledge()
    there = container(world, "t")
    assert (running.state, running.container) == (TaskState.RUNNING, there)
    world.machine.container("t").end(Exit(code=0))
    await world.settle()
    (finished,) = await world.acknowledge()
    assert (finished.state, finished.container) == (TaskState.FINISHED, there)


async def test_after_a_restart_of_the_agent(world: AgentWorld) -> None:
    await world.run(task("t"))
    there = container(world, "t")
    await world.crash()
    await world.start()
    statuses = await world.acknowledge()
    assert {status.container for status in statuses} == {there}


async def test_each_task_of_a_group_has_its_own(world: AgentWorld) -> None:
    pod = ExecutorInfo("pod", None, Resources.of(cpus=0.1, mem=32))
    await world.tell(RunTaskGroup(FRAMEWORK, pod, (task("a"), task("b")), "*"))
    statuses = await world.acknowledge()
    assert {status.task_id: status.container for status in statuses} == {
        "a": container(world, "a"),
        "b": container(world, "b"),
    }
