"""Submitted tasks whose launch was lost, or seems so: launched again only if it is certain that they never ran."""

from __future__ import annotations

import pytest

from cluster.framework import TaskHandle
from cluster.messages import (
    Accept,
    CommandInfo,
    ExecutorInfo,
    FrameworkFailure,
    KillTask,
    LaunchGroup,
    Reason,
    Reconcile,
    Revive,
    Source,
    TaskInfo,
    TaskState,
)
from cluster.resources import Resources
from tests.cluster.framework.stage import ID, Recorder, Stage, ended

ONE = Resources.parse("cpus:1;mem:128")


def command(task_id: str) -> TaskInfo:
    return TaskInfo(task_id, ONE, command=CommandInfo("true"))


async def launched(stage: Stage, framework: Recorder, task: TaskInfo | None = None) -> TaskHandle:
    """Task t (or another), launched on agent A1."""
    handle = framework.submit(task or command("t"))
    await stage.offers(stage.offer(), stage.offer(agent_id="A2"))
    assert [each.task_id for each in stage.launched()] == [handle.task_id]
    stage.master.inbox.clear()
    return handle


async def is_launched_again(stage: Stage) -> bool:
    await stage.offers(stage.offer(agent_id="A9"))
    return [task.task_id for task in stage.launched()] == ["t"]


@pytest.mark.asyncio
async def test_what_was_dropped_waits_with_its_constraint(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    handle = framework.submit(command("t"), where=lambda offer: offer.agent_id == "A2")
    await stage.offers(stage.offer(agent_id="A2"))
    stage.launched()
    await stage.update(
        "t", TaskState.DROPPED, agent_id="", source=Source.MASTER, reason=Reason.INVALID_OFFERS
    )
    assert (handle.state, handle.done, framework.waiting) == (None, False, 1)
    assert framework.states() == []
    assert len(stage.master.take(Revive)) == 1
    await stage.offers(stage.offer(agent_id="A1"))
    assert stage.launched() == []
    await stage.offers(stage.offer(agent_id="A2"))
    assert [task.task_id for task in stage.launched()] == ["t"]


@pytest.mark.asyncio
async def test_what_waits_again_is_not_asked_for_and_survives_an_old_answer(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    handle = await launched(stage, framework)
    await stage.update("t", TaskState.DROPPED)
    await stage.lose()
    await stage.find()
    assert stage.master.take(Reconcile) == []
    await stage.answer("t", TaskState.LOST)
    assert not handle.done
    assert await is_launched_again(stage)
    await stage.update("t", TaskState.FINISHED, agent_id="A9")
    assert ended(handle).state is TaskState.FINISHED


@pytest.mark.asyncio
async def test_a_task_that_was_called_dropped_and_runs_is_not_launched_again(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    handle = await launched(stage, framework)
    await stage.update("t", TaskState.DROPPED)
    await stage.update("t", TaskState.RUNNING)
    assert (handle.state, framework.waiting) == (TaskState.RUNNING, 0)
    assert not await is_launched_again(stage)


@pytest.mark.asyncio
async def test_what_ran_and_is_called_dropped_has_ended(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    handle = await launched(stage, framework)
    await stage.update("t", TaskState.RUNNING)
    await stage.update("t", TaskState.DROPPED)
    assert ended(handle).state is TaskState.DROPPED
    assert framework.states() == ["RUNNING", "DROPPED"]
    assert not await is_launched_again(stage)


@pytest.mark.asyncio
async def test_a_lost_launch_is_asked_for_until_the_answer_and_then_made_again(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    handle = await launched(stage, framework)
    await stage.lose()
    await stage.find("M2")
    asked = stage.master.take(Reconcile)
    assert len(asked) >= 3
    assert {(each.task_ids, each.agent_ids["t"]) for each in asked} == {(("t",), "A1")}
    await stage.answer("t", TaskState.GONE)
    assert (handle.state, framework.waiting, framework.states()) == (None, 1, [])
    await stage.advance(300)
    assert stage.master.take(Reconcile) == []
    assert await is_launched_again(stage)


@pytest.mark.asyncio
@pytest.mark.parametrize("state", [TaskState.LOST, TaskState.UNKNOWN, TaskState.GONE])
async def test_the_master_that_did_not_get_the_launch_says_so(stage: Stage, state: TaskState) -> None:
    framework = await stage.start(Recorder())
    await launched(stage, framework)
    await stage.lose()
    await stage.find()
    await stage.answer("t", state)
    assert await is_launched_again(stage)


@pytest.mark.asyncio
async def test_another_master_is_doubted_until_it_has_offered_the_agent(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    handle = await launched(stage, framework)
    await stage.lose()
    await stage.find("M2")
    stage.master.take(Reconcile)
    await stage.answer("t", TaskState.LOST)
    assert (handle.state, framework.states()) == (TaskState.STAGING, [])
    # To see an offer it must want some.
    assert len(stage.master.take(Revive)) == 1
    await stage.offers()
    assert stage.launched() == []
    await stage.advance(60)
    assert stage.master.take(Reconcile)
    await stage.answer("t", TaskState.LOST)
    assert (handle.state, framework.waiting) == (None, 1)
    assert await is_launched_again(stage)


@pytest.mark.asyncio
async def test_a_doubt_that_lasts_ends_the_task(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    handle = await launched(stage, framework)
    await stage.lose()
    await stage.find("M2")
    for _ in range(6):
        await stage.answer("t", TaskState.LOST)
        await stage.advance(15)
    assert ended(handle).state is TaskState.LOST
    assert framework.states() == ["LOST"]
    assert not await is_launched_again(stage)


@pytest.mark.asyncio
@pytest.mark.parametrize("state", [TaskState.LOST, TaskState.GONE])
async def test_what_was_heard_of_is_lost(stage: Stage, state: TaskState) -> None:
    framework = await stage.start(Recorder())
    handle = await launched(stage, framework)
    await stage.update("t", TaskState.RUNNING)
    await stage.lose()
    await stage.find("M2")
    await stage.answer("t", state)
    assert ended(handle).state is state
    assert not await is_launched_again(stage)


@pytest.mark.asyncio
async def test_an_answer_that_is_older_than_the_launch_says_nothing(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    handle = await launched(stage, framework)
    await stage.lose()
    await stage.find()
    await stage.answer("t", TaskState.LOST)
    assert await is_launched_again(stage)
    # The second answer to a question that was asked twice.
    await stage.answer("t", TaskState.LOST)
    assert (handle.state, framework.waiting) == (TaskState.STAGING, 0)
    assert not await is_launched_again(stage)


@pytest.mark.asyncio
async def test_what_is_lost_with_an_agent_is_asked_for_by_and_by(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    handle = await launched(stage, framework)
    await stage.tell(FrameworkFailure("A1"))
    assert stage.master.take(Reconcile) == []
    await stage.advance(2)
    assert [each.agent_ids for each in stage.master.take(Reconcile)] == [{"t": "A1"}]
    await stage.answer("t", TaskState.LOST, known=True)
    assert ended(handle).state is TaskState.LOST


@pytest.mark.asyncio
async def test_all_that_runs_is_asked_for_every_quarter_of_an_hour(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    await launched(stage, framework)
    await stage.update("t", TaskState.RUNNING)
    await stage.advance(800)
    assert stage.master.take(Reconcile) == []
    await stage.advance(200)
    first, *others = stage.master.take(Reconcile)
    assert first == Reconcile(ID)
    assert {each.task_ids for each in others} == {("t",)}


@pytest.mark.asyncio
async def test_a_lost_launch_that_is_to_be_killed_is_not_made_again(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    handle = await launched(stage, framework)
    await stage.lose()
    framework.kill("t")
    await stage.find()
    assert stage.master.take(KillTask) == [KillTask(ID, "t")]
    await stage.answer("t", TaskState.LOST)
    status = ended(handle)
    assert (status.state, status.message) == (TaskState.KILLED, "killed before it was launched")
    await stage.lose()
    await stage.find()
    assert stage.master.take(KillTask) == []


@pytest.mark.asyncio
async def test_an_executor_that_was_never_started_is_paid_for_again(stage: Stage) -> None:
    executor = ExecutorInfo("e", CommandInfo("run"), Resources.parse("cpus:3"))
    framework = await stage.start(Recorder())
    await launched(stage, framework, TaskInfo("t", ONE, executor=executor))
    await stage.update("t", TaskState.DROPPED, executor_id="e")
    await stage.offers(stage.offer("cpus:3;mem:1024"))
    assert stage.launched() == []
    await stage.offers(stage.offer("cpus:4;mem:1024"))
    assert [task.task_id for task in stage.launched()] == ["t"]


@pytest.mark.asyncio
async def test_an_executor_that_is_heard_of_is_not_paid_for_again(stage: Stage) -> None:
    executor = ExecutorInfo("e", CommandInfo("run"), Resources.parse("cpus:3"))
    framework = await stage.start(Recorder())
    await launched(stage, framework, TaskInfo("t", ONE, executor=executor))
    await stage.lose()
    await stage.find()
    await stage.update("t", TaskState.RUNNING, executor_id="e")
    framework.submit(TaskInfo("u", ONE, executor=executor))
    await stage.offers(stage.offer("cpus:1;mem:128"))
    assert [task.task_id for task in stage.launched()] == ["u"]


# Groups.


@pytest.mark.asyncio
async def test_a_group_is_placed_on_one_offer(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    a, b = framework.submit_group([command("a"), command("b")])
    single = framework.submit(command("c"))
    await stage.offers(stage.offer("cpus:1;mem:128"), stage.offer("cpus:2;mem:256", agent_id="A2"))
    first, second = stage.master.take(Accept)
    assert [task.task_id for task in first.operations[0].tasks] == ["c"]
    assert isinstance(second.operations[0], LaunchGroup)
    assert (single.agent_id, a.agent_id, b.agent_id) == ("A1", "A2", "A2")
    executor = second.operations[0].executor.executor_id
    await stage.update("a", TaskState.FINISHED, agent_id="A2", executor_id=executor)
    await stage.update("b", TaskState.FINISHED, agent_id="A2", executor_id=executor)
    assert [ended(handle).state for handle in (a, b)] == [TaskState.FINISHED] * 2


@pytest.mark.asyncio
async def test_a_group_waits_again_when_all_of_it_was_dropped(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    framework.submit_group([command("a"), command("b")])
    await stage.offers()
    assert len(stage.launched()) == 2
    await stage.update("a", TaskState.DROPPED)
    assert framework.waiting == 0
    await stage.update("b", TaskState.DROPPED)
    assert framework.waiting == 2
    await stage.offers()
    (accept,) = stage.master.take(Accept)
    assert [task.task_id for task in accept.operations[0].tasks] == ["a", "b"]


@pytest.mark.asyncio
async def test_a_group_of_which_something_ran_is_not_launched_again(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    a, b = framework.submit_group([command("a"), command("b")])
    await stage.offers()
    await stage.update("a", TaskState.DROPPED)
    await stage.update("b", TaskState.KILLED)
    assert [ended(handle).state for handle in (a, b)] == [TaskState.DROPPED, TaskState.KILLED]
    assert framework.waiting == 0


@pytest.mark.asyncio
async def test_a_late_answer_about_one_that_was_killed_while_it_waited_is_no_news(stage: Stage) -> None:
    """Found by the campaign (seed 10289): UNREACHABLE was told after DROPPED."""
    framework = await stage.start(Recorder())
    framework.submit(command("a"))
    await stage.offers()
    framework.reconcile("a")
    await stage.update("a", TaskState.DROPPED)
    framework.kill("a")
    await stage.answer("a", TaskState.UNREACHABLE)
    assert "UNREACHABLE" not in framework.states()


@pytest.mark.asyncio
async def test_to_kill_one_that_waits_is_to_kill_its_group(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    a, b = framework.submit_group([command("a"), command("b")])
    framework.kill("a")
    assert [ended(handle).message for handle in (a, b)] == ["killed while waiting", "its group was killed"]
    assert framework.waiting == 0


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("tasks", "executor", "text"),
    [
        ([], None, "no tasks"),
        ([command("a"), command("a")], None, "named twice"),
        ([TaskInfo("a", Resources(), command=CommandInfo("x"))], None, "asks for no resources"),
        ([TaskInfo("a", ONE, executor=ExecutorInfo("e"))], None, "needs a command"),
        ([command("a")], ExecutorInfo("e", CommandInfo("x")), "executor 'e' has a command"),
    ],
)
async def test_what_is_no_group_is_refused(
    stage: Stage, tasks: list[TaskInfo], executor: ExecutorInfo | None, text: str
) -> None:
    framework = await stage.start(Recorder())
    with pytest.raises(ValueError, match=text):
        framework.submit_group(tasks, executor=executor)
    assert framework.waiting == 0
