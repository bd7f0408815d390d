"""What containers are held to: the resources of what they run, while they run it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cluster.agent import AgentOptions
from cluster.agent.limiting import limits_of
from cluster.agent.records import AgentTask, ExecutorRun
from cluster.messages import (
    ExecutorStatusUpdate,
    Reason,
    RegisterExecutor,
    RunTask,
    TaskInfo,
    TaskState,
    TaskStatus,
)
from isolation import Exit, Limitation, Limits
from tests.cluster.agent.world import FRAMEWORK, AgentWorld
from tests.cluster.world import executor, task


def registration(world: AgentWorld, run: ExecutorRun) -> RegisterExecutor:
    token = world.agent.tokens.of(run.container_id)
    return RegisterExecutor(FRAMEWORK.id, run.executor_id, run.container_id, token=token)


ALL = frozenset({"cpus", "cpu_quota", "memory", "disk", "ports", "best_effort"})
MIB = 1 << 20


def run_of(*tasks: TaskInfo, custom: bool = False) -> ExecutorRun:
    info = executor("e") if custom else None
    run = ExecutorRun(FRAMEWORK, "e", "*", "c", executor("e").command, info)
    for each in tasks:
        run.tasks[each.task_id] = AgentTask(each, TaskStatus(each.task_id, TaskState.STAGING))
    return run


def test_a_commands_are_its_tasks() -> None:
    run = run_of(task("t", "cpus:1.5;mem:100;disk:10;ports:[5-7]"))
    assert limits_of(run, ALL, quota=True) == Limits(
        cpus=1.5, cpu_quota=1.5, memory=100 * MIB, disk=10 * MIB, ports=((5, 7),)
    )
    assert limits_of(run, ALL, quota=False).cpu_quota is None


def test_an_executors_are_its_own_and_those_of_its_tasks() -> None:
    run = run_of(task("a", "cpus:1;mem:100"), task("b", "cpus:0.25;mem:10"), custom=True)
    limits = limits_of(run, ALL, quota=False)
    assert (limits.cpus, limits.memory) == (1.75, 174 * MIB)


def test_what_nobody_holds_is_not_asked_for() -> None:
    run = run_of(task("t", "cpus:1;mem:100"))
    assert limits_of(run, frozenset(), quota=True) == Limits()
    assert limits_of(run, {"memory"}, quota=True) == Limits(memory=100 * MIB)


def test_with_almost_nothing_it_has_the_least_there_is() -> None:
    limits = limits_of(run_of(task("t", "gpus:1")), ALL, quota=True)
    assert (limits.cpus, limits.cpu_quota, limits.memory, limits.ports) == (0.01, 0.01, 32 * MIB, ())


def test_what_runs_on_revocable_resources_has_what_others_leave() -> None:
    assert limits_of(run_of(task("t", revocable=True)), ALL, quota=False).best_effort
    mixed = run_of(task("a", revocable=True), task("b"), custom=True)
    assert not limits_of(mixed, ALL, quota=False).best_effort


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[AgentWorld]:
    world = AgentWorld(tmp_path, AgentOptions(cpu_quota=True))
    world.machine.can_hold = frozenset({"cpus", "memory"})
    async with world:
        yield world


@pytest.mark.asyncio
async def test_a_container_begins_with_its_limits(world: AgentWorld) -> None:
    await world.run(task("t", "cpus:1;mem:100"))
    assert world.machine.container("t").limits == [Limits(cpus=1.0, memory=100 * MIB)]


@pytest.mark.asyncio
async def test_an_executor_grows_and_shrinks_with_its_tasks(world: AgentWorld) -> None:
    await world.run(task("a", "cpus:1;mem:100", executor=executor("e")))
    container = world.machine.container("e")
    assert container.limits[0].memory == 164 * MIB
    run = world.agent.state.runs[FRAMEWORK.id, "e"]
    world.master.send(world.agent.upid, registration(world, run))
    await world.settle()
    world.master.send(
        world.agent.upid,
        RunTask(FRAMEWORK, task("b", "cpus:1;mem:50", executor=executor("e")), "*", launch_executor=False),
    )
    await world.settle()
    assert container.limits[-1].memory == 214 * MIB
    end = ExecutorStatusUpdate(FRAMEWORK.id, "e", TaskStatus("a", TaskState.FINISHED, uuid="u"))
    world.master.send(world.agent.upid, end)
    await world.settle()
    assert container.limits[-1] == Limits(cpus=1.5, memory=114 * MIB)


@pytest.mark.asyncio
async def test_what_an_agent_finds_again_is_held_to_the_same(world: AgentWorld) -> None:
    await world.run(task("t", "cpus:1;mem:100"))
    await world.acknowledge()
    await world.crash()
    await world.start()
    (spec,) = world.machine.recovered.values()
    assert spec.limits == Limits(cpus=1.0, memory=100 * MIB)
    assert spec.id == world.machine.container("t").id


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("memory", Reason.CONTAINER_LIMITATION_MEMORY),
        ("disk", Reason.CONTAINER_LIMITATION_DISK),
        ("ports", Reason.CONTAINER_LIMITATION),
    ],
)
@pytest.mark.parametrize("custom", [False, True])
async def test_a_limit_that_is_hit_is_the_reason(
    world: AgentWorld, kind: str, reason: Reason, custom: bool
) -> None:
    await world.run(task("t", executor=executor("e")) if custom else task("t"))
    limitation = Limitation(kind, "memory limit 5 MiB: 6 MiB used")
    container = world.machine.container("e" if custom else "t")
    container.end(Exit(signal=9, destroyed=True, limitation=limitation))
    await world.settle()
    status = (await world.acknowledge())[-1]
    assert (status.state, status.reason) == (TaskState.FAILED, reason)
    assert "killed by SIGKILL: memory limit 5 MiB: 6 MiB used" in status.message
