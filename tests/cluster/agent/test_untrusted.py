"""What frameworks and executors send is not trusted: nothing of it ends an agent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cluster.messages import (
    CommandCheck,
    CommandInfo,
    ExecutorInfo,
    HealthCheck,
    Reason,
    RunTaskGroup,
    TaskState,
)
from cluster.resources import Resources
from tests.cluster.agent.world import FRAMEWORK, AgentWorld
from tests.cluster.world import task

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[AgentWorld]:
    async with AgentWorld(tmp_path) as world:
        yield world


async def test_a_name_that_no_file_can_have(world: AgentWorld) -> None:
    # 200 characters, which are 400 bytes.
    await world.run("\u00e9" * 200)
    (status,) = await world.acknowledge()
    assert (status.state, status.reason) == (TaskState.FAILED, Reason.CONTAINER_LAUNCH_FAILED)
    await world.run("t")
    assert world.told() == ["t RUNNING"]


async def test_a_second_sandbox_whose_name_would_be_too_long(world: AgentWorld) -> None:
    name = "x" * 254
    await world.run(name)
    await world.acknowledge()
    await world.machine.container(name).destroy()
    await world.settle()
    await world.acknowledge()
    await world.run(name)
    assert [status.state for status in await world.acknowledge()] == [TaskState.FAILED]
    await world.run("t")
    assert world.told() == ["t RUNNING"]


NONSENSE = HealthCheck(command=CommandCheck("true"), interval_seconds=-1.0)


async def test_a_check_that_makes_no_sense(world: AgentWorld) -> None:
    await world.run(task("t", health_check=NONSENSE))
    (status,) = await world.acknowledge()
    assert (status.state, status.reason) == (TaskState.ERROR, Reason.TASK_INVALID)
    assert "interval_seconds" in status.message
    assert world.machine.launches == []


async def test_a_group_with_a_check_that_makes_no_sense(world: AgentWorld) -> None:
    executor = ExecutorInfo("pod", None, Resources.of(cpus=0.1, mem=32))
    await world.tell(RunTaskGroup(FRAMEWORK, executor, (task("a"), task("b", health_check=NONSENSE)), "*"))
    statuses = await world.acknowledge()
    assert {(s.task_id, s.state) for s in statuses} == {("a", TaskState.ERROR), ("b", TaskState.ERROR)}
    assert world.machine.launches == []
    assert world.agent.state.runs == {}


async def test_a_command_that_cannot_be_one(world: AgentWorld) -> None:
    await world.run(task("t", command=CommandInfo("true", environment={"A=B": "C"})))
    (status,) = await world.acknowledge()
    assert (status.state, status.reason) == (TaskState.FAILED, Reason.CONTAINER_LAUNCH_FAILED)
