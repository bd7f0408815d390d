"""Task groups at the agent: they live and die together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cluster.messages import (
    ExecutorInfo,
    ExitedExecutor,
    KillTask,
    Reason,
    RegisterAgent,
    RunTaskGroup,
    ShutdownExecutor,
    TaskState,
)
from cluster.resources import Resources
from isolation import Exit
from tests.cluster.agent.world import FRAMEWORK, AgentWorld
from tests.cluster.world import task

pytestmark = pytest.mark.asyncio
EXECUTOR = ExecutorInfo("pod", None, Resources.of(cpus=0.1, mem=32))


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[AgentWorld]:
    async with AgentWorld(tmp_path) as world:
        yield world


async def launch(world: AgentWorld, *names: str) -> None:
    tasks = tuple(task(name) for name in names)
    await world.tell(RunTaskGroup(FRAMEWORK, EXECUTOR, tasks, "*"))


def exited(world: AgentWorld) -> list[str]:
    return [message.executor_id for message in world.master.take(ExitedExecutor)]


async def test_they_run_side_by_side_and_end_one_by_one(world: AgentWorld) -> None:
    await launch(world, "a", "b")
    assert world.told() == ["a RUNNING", "b RUNNING"]
    await world.acknowledge()
    world.machine.container("a").end(Exit(code=0))
    await world.settle()
    # One that ends well leaves the others alone, and the executor holds its resources.
    assert [run.executor_id for run in world.agent.state.runs.values()] == ["pod", "b"]
    assert exited(world) == []
    world.machine.container("b").end(Exit(code=0))
    await world.settle()
    assert exited(world) == ["pod"]
    assert world.agent.state.runs == {}


@pytest.mark.parametrize("exit_", [Exit(code=1), Exit(signal=9)])
async def test_one_that_fails_takes_the_others_with_it(world: AgentWorld, exit_: Exit) -> None:
    await launch(world, "a", "b", "c")
    await world.acknowledge()
    world.machine.container("b").end(exit_)
    await world.settle()
    statuses = {status.task_id: status for status in await world.acknowledge()}
    assert {task_id: status.state for task_id, status in statuses.items() if status.state.terminal} == {
        "a": TaskState.KILLED,
        "b": TaskState.FAILED,
        "c": TaskState.KILLED,
    }
    assert "task 'b' of its group" in statuses["a"].message
    assert exited(world) == ["pod"]


async def test_a_kill_of_one_is_a_kill_of_all(world: AgentWorld) -> None:
    await launch(world, "a", "b")
    await world.acknowledge()
    await world.tell(KillTask("F1", "a"))
    ends = {s.task_id: s.state for s in await world.acknowledge()}
    assert ends == {"a": TaskState.KILLED, "b": TaskState.KILLED}
    assert exited(world) == ["pod"]


async def test_the_executor_can_be_shut_down(world: AgentWorld) -> None:
    await launch(world, "a", "b")
    await world.acknowledge()
    await world.tell(ShutdownExecutor("F1", "A1", "pod"))
    assert {s.state for s in await world.acknowledge()} == {TaskState.KILLED}
    assert exited(world) == ["pod"]


async def test_all_or_none(world: AgentWorld) -> None:
    await world.run("b")
    await world.acknowledge()
    await launch(world, "a", "pod")
    ends = await world.acknowledge()
    assert {(s.task_id, s.state, s.reason) for s in ends} == {
        (name, TaskState.DROPPED, Reason.TASK_GROUP_INVALID) for name in ("a", "pod")
    }
    assert world.machine.launches == ["b"]
    # A group that names a task which is here is the same group, sent twice, or one that the master would not send.
    await launch(world, "x", "b")
    assert "x" not in world.machine.launches


async def test_a_group_lives_on_through_a_restart(world: AgentWorld) -> None:
    await launch(world, "a", "b")
    await world.acknowledge()
    await world.crash()
    world.machine.container("a").end(Exit(code=1))
    await world.start()
    registration = world.master.take(RegisterAgent)[-1]
    assert [state.executor.executor_id for state in registration.executors] == ["pod"]
    ends = {s.task_id: s.state for s in await world.acknowledge()}
    assert ends == {"a": TaskState.FAILED, "b": TaskState.KILLED}
    assert exited(world) == ["pod"]


async def test_an_executor_that_ends_between_a_registration_and_its_answer(world: AgentWorld) -> None:
    await launch(world, "a")
    await world.acknowledge()
    world.master.answers = False
    await world.ping(connected=False)
    world.machine.container("a").end(Exit(code=0))
    await world.settle()
    assert exited(world) == []
    # The answer to the registration that named it.
    await world.tell(world.master.next)
    assert exited(world) == ["pod"]


async def test_the_end_of_an_executor_that_no_registration_names_is_not_told(world: AgentWorld) -> None:
    """The master may have launched another with its id since then, of which the agent has not heard yet."""
    await launch(world, "a")
    await world.acknowledge()
    world.master.answers = False
    await world.ping(connected=False)
    world.machine.container("a").end(Exit(code=0))
    await world.settle()
    world.master.take(RegisterAgent)
    world.master.answers = True
    await world.advance(10.0)
    (registration,) = world.master.take(RegisterAgent)
    assert registration.executors == ()
    assert exited(world) == []
