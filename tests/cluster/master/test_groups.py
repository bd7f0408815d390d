"""Groups of tasks: all of one are launched, or none; operations fail each by itself."""

from __future__ import annotations

import pytest

from cluster.messages import (
    CommandInfo,
    ExecutorInfo,
    ExitedExecutor,
    Launch,
    LaunchGroup,
    OperationState,
    Reason,
    RunTask,
    RunTaskGroup,
    TaskState,
)
from cluster.resources import Resources
from tests.cluster.world import World, executor, task

DEFAULT = ExecutorInfo("pod", resources=Resources.parse("cpus:0.5;mem:32"))


@pytest.mark.asyncio
async def test_a_group_is_launched_whole_with_its_executor(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    framework = await world.framework()
    group = LaunchGroup(DEFAULT, (task("a", "cpus:1"), task("b", "cpus:2")), id="g")
    (told,) = await world.operate(framework, framework.offers(), group)
    assert (told.operation_id, told.state, told.message) == ("g", OperationState.FINISHED, "")
    (run,) = agent.take(RunTaskGroup)
    assert (run.executor, run.role, run.framework.id) == (DEFAULT, "*", framework.id)
    assert [(each.task_id, each.agent_id, each.executor_id) for each in run.tasks] == [
        ("a", agent.id, "pod"),
        ("b", agent.id, "pod"),
    ]
    assert world.unused(agent) == "cpus:0.5;mem:992"
    for name in "ab":
        await world.update(agent, framework, name, TaskState.FINISHED)
    assert {status.executor_id for status in framework.statuses()} == {"pod"}
    assert world.unused(agent) == "cpus:3.5;mem:992"
    world.tell(agent, ExitedExecutor(agent.id, framework.id, "pod"))
    await world.settle()
    assert world.unused(agent) == "cpus:4;mem:1024"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("group", "text"),
    [
        (LaunchGroup(DEFAULT, ()), "the group has no tasks"),
        (LaunchGroup(DEFAULT, (task("a"), task("a"))), "task 'a': it is in the group twice"),
        (
            LaunchGroup(DEFAULT, (task("a", "cpus:2"), task("b", "cpus:2"))),
            "task 'b': more than is offered: cpus",
        ),
        (
            LaunchGroup(DEFAULT, (task("a", executor=executor()),)),
            "task 'a': a task of a group has a command",
        ),
        (
            LaunchGroup(ExecutorInfo("e", CommandInfo(""), Resources.of(cpus=0.1)), (task("a"),)),
            "executor.command.value is empty",
        ),
        (LaunchGroup(ExecutorInfo("x/y"), (task("a"),)), "executor_id 'x/y'"),
        (
            LaunchGroup(ExecutorInfo("pod", resources=Resources.of(cpus=5)), (task("a"),)),
            "the executor needs more than is offered: cpus",
        ),
        (LaunchGroup(DEFAULT, (task("a"), task("b", command=CommandInfo("")))), "task 'b': command"),
        (LaunchGroup(DEFAULT, (task("a"), task("../b"))), "task '../b': task_id"),
    ],
)
async def test_a_malformed_group_is_refused_whole(world: World, group: LaunchGroup, text: str) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    framework = await world.framework()
    assert await world.operate(framework, framework.offers(), group) == []
    statuses = framework.statuses()
    assert [status.task_id for status in statuses] == [each.task_id for each in group.tasks]
    for status in statuses:
        assert (status.state, status.reason) == (TaskState.ERROR, Reason.TASK_GROUP_INVALID)
        assert text in status.message
    assert agent.inbox == []
    assert world.unused(agent) == "cpus:4;mem:1024"


@pytest.mark.asyncio
async def test_an_executor_id_in_use_is_refused(world: World) -> None:
    await world.agent("cpus:4;mem:1024")
    framework = await world.framework()
    mine = [Launch((task("c", "cpus:1"),)), LaunchGroup(DEFAULT, (task("a", "cpus:1"),))]
    again = LaunchGroup(DEFAULT, (task("b", "cpus:1"),), id="again")
    named_like_a_task = LaunchGroup(ExecutorInfo("c"), (task("d", "cpus:0.5"),), id="c")
    told = await world.operate(framework, framework.offers(), *mine, again, named_like_a_task)
    assert [(each.operation_id, each.state) for each in told] == [
        ("again", OperationState.ERROR),
        ("c", OperationState.ERROR),
    ]
    assert told[0].message == "executor_id 'pod' is in use on the agent"


@pytest.mark.asyncio
async def test_a_group_on_offers_that_are_not_valid_is_dropped(world: World) -> None:
    await world.agent()
    framework = await world.framework()
    offers = framework.offers()
    await world.accept(framework, offers)
    group = LaunchGroup(DEFAULT, (task("a"), task("b")), id="g")
    (told,) = await world.operate(framework, offers, group)
    assert (told.operation_id, told.state) == ("g", OperationState.DROPPED)
    assert [(s.task_id, s.state, s.reason) for s in framework.statuses()] == [
        ("a", TaskState.DROPPED, Reason.INVALID_OFFERS),
        ("b", TaskState.DROPPED, Reason.INVALID_OFFERS),
    ]


@pytest.mark.asyncio
async def test_operations_are_done_in_order_on_what_is_left_and_fail_each_by_itself(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    framework = await world.framework()
    operations = [
        Launch((task("a", "cpus:1"),), id="1"),
        LaunchGroup(DEFAULT, (task("b", "cpus:9"),), id="2"),
        LaunchGroup(DEFAULT, (task("c", "cpus:2"),), id="3"),
        Launch((task("d", "cpus:1"),), id="4"),
        Launch((task("e", "cpus:0.5"), task("f", "cpus:1")), id="5"),
    ]
    told = await world.operate(framework, framework.offers(), *operations)
    done, failed = OperationState.FINISHED, OperationState.ERROR
    assert [(each.operation_id, each.state) for each in told] == [
        ("1", done),
        ("2", failed),
        ("3", done),
        ("4", failed),
        ("5", done),
    ]
    assert {s.task_id for s in framework.statuses()} == {"b", "d", "f"}
    assert [message.task.task_id for message in agent.take(RunTask)] == ["a", "e"]
    assert world.unused(agent) == "mem:992"


@pytest.mark.asyncio
async def test_the_default_executor_is_for_groups(world: World) -> None:
    await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task("a", executor=DEFAULT))
    (status,) = framework.statuses()
    assert (status.state, status.reason) == (TaskState.ERROR, Reason.TASK_INVALID)
    assert "runs groups" in status.message


@pytest.mark.asyncio
async def test_a_group_for_an_executor_of_the_framework(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    framework = await world.framework()
    groups = [
        LaunchGroup(executor(), (task(name, "cpus:1", command=None), task(name * 2, "cpus:0.5")), id=name)
        for name in "ab"
    ]
    told = await world.operate(framework, framework.offers(), *groups)
    assert [(each.operation_id, each.state) for each in told] == [
        ("a", OperationState.FINISHED),
        ("b", OperationState.FINISHED),
    ]
    first, second = agent.take(RunTaskGroup)
    # It is launched once, and charged once.
    assert (first.launch_executor, second.launch_executor) == (True, False)
    assert [each.task_id for each in second.tasks] == ["b", "bb"]
    left = Resources.of(cpus=4, mem=1024) - executor().resources - Resources.of(cpus=3)
    assert world.unused(agent) == str(left)


@pytest.mark.asyncio
async def test_a_group_for_an_executor_that_runs_as_another_is_refused(world: World) -> None:
    await world.agent("cpus:4;mem:1024")
    framework = await world.framework()
    other = ExecutorInfo(executor().executor_id, CommandInfo("other"), executor().resources)
    groups = [
        LaunchGroup(each, (task(name, "cpus:1"),), id=name)
        for name, each in (("a", executor()), ("b", other))
    ]
    told = await world.operate(framework, framework.offers(), *groups)
    assert [(each.operation_id, each.state) for each in told] == [
        ("a", OperationState.FINISHED),
        ("b", OperationState.ERROR),
    ]
    assert "runs on the agent with another ExecutorInfo" in told[1].message
