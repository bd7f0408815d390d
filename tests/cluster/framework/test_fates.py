"""Tasks that are unreachable, tasks of an earlier process, statuses that are not acknowledged at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster.framework import TaskFailedError, TaskHandle
from cluster.messages import (
    Acknowledge,
    CommandInfo,
    KillTask,
    Reconcile,
    TaskInfo,
    TaskState,
)
from cluster.resources import Resources
from tests.cluster.framework.stage import ID, Recorder, Stage, ended

ONE = Resources.parse("cpus:1;mem:128")


def command(task_id: str) -> TaskInfo:
    return TaskInfo(task_id, ONE, command=CommandInfo("true"))


async def running(stage: Stage, **options: Any) -> tuple[Recorder, TaskHandle]:
    framework = await stage.start(Recorder(partition_aware=True, **options))
    handle = framework.submit(command("t"))
    await stage.offers()
    await stage.update("t", TaskState.RUNNING)
    framework.take("status")
    stage.master.inbox.clear()
    return framework, handle


# Unreachable.


@pytest.mark.asyncio
async def test_an_unreachable_task_is_waited_for(stage: Stage) -> None:
    framework, handle = await running(stage)
    await stage.update("t", TaskState.UNREACHABLE)
    await stage.advance(86400)
    assert (handle.state, handle.done) == (TaskState.UNREACHABLE, False)
    await stage.update("t", TaskState.RUNNING)
    await stage.update("t", TaskState.FINISHED)
    assert ended(handle).state is TaskState.FINISHED
    assert framework.states() == ["UNREACHABLE", "RUNNING", "FINISHED"]


@pytest.mark.asyncio
async def test_an_unreachable_task_fails_in_time_and_is_killed_for_good(stage: Stage) -> None:
    framework, handle = await running(stage, unreachable_timeout=60)
    await stage.update("t", TaskState.UNREACHABLE)
    await stage.advance(59)
    assert not handle.done
    assert stage.master.take(KillTask) == []
    await stage.advance(1)
    with pytest.raises(TaskFailedError, match="TASK_UNREACHABLE"):
        await asyncio.wait_for(handle.result(), 5)
    assert stage.master.take(KillTask) == [KillTask(ID, "t")]
    # Another master knows nothing of the kill.
    await stage.lose()
    await stage.find("M2")
    assert stage.master.take(KillTask) == [KillTask(ID, "t")]
    await stage.answer("t", TaskState.RUNNING, known=True)
    assert stage.master.take(KillTask) == [KillTask(ID, "t")]
    await stage.update("t", TaskState.KILLED)
    assert framework.states()[-1] == "KILLED"
    await stage.lose()
    await stage.find("M3")
    assert stage.master.take(KillTask) == []


@pytest.mark.asyncio
async def test_the_time_begins_anew_when_it_was_back(stage: Stage) -> None:
    _, handle = await running(stage, unreachable_timeout=60)
    await stage.update("t", TaskState.UNREACHABLE)
    await stage.advance(59)
    await stage.update("t", TaskState.RUNNING)
    await stage.advance(59)
    await stage.update("t", TaskState.UNREACHABLE)
    await stage.advance(59)
    assert not handle.done
    await stage.advance(1)
    assert handle.done


@pytest.mark.asyncio
async def test_what_a_master_without_record_calls_unreachable_is_asked_for_until_more_is_known(
    stage: Stage,
) -> None:
    framework = await stage.start(Recorder(partition_aware=True))
    handle = framework.submit(command("t"))
    await stage.offers()
    await stage.lose()
    await stage.find("M2")
    await stage.answer("t", TaskState.UNREACHABLE)
    assert handle.state is TaskState.UNREACHABLE
    stage.master.take(Reconcile)
    await stage.advance(120)
    assert stage.master.take(Reconcile)
    await stage.answer("t", TaskState.GONE)
    assert (handle.state, framework.waiting) == (None, 1)


# Tasks of an earlier process.


@pytest.mark.asyncio
async def test_a_task_of_an_earlier_process_is_adopted_and_asked_for(stage: Stage) -> None:
    framework = await stage.start(Recorder(framework_id="F7", failover_timeout=60))
    by_info = framework.adopt(command("a"), "A1")
    by_id = framework.adopt("b")
    assert (by_info.agent_id, by_info.state, by_id.info.task_id) == ("A1", None, "b")
    with pytest.raises(ValueError, match="task_id 'a' is in use"):
        framework.adopt("a")
    await stage.advance(3)
    asked = stage.master.take(Reconcile)
    assert len(asked) >= 2
    assert {(each.framework_id, each.task_ids) for each in asked} == {("F7", ("a", "b"))}
    assert asked[0].agent_ids == {"a": "A1"}
    await stage.answer("a", TaskState.RUNNING, known=True)
    assert by_info.state is TaskState.RUNNING
    await stage.update("a", TaskState.FINISHED)
    assert ended(by_info).state is TaskState.FINISHED
    await stage.answer("b", TaskState.GONE, agent_id="")
    assert ended(by_id).state is TaskState.GONE
    assert framework.waiting == 0


@pytest.mark.asyncio
async def test_an_adopted_task_that_nobody_knows_ends_after_a_while(stage: Stage) -> None:
    framework = await stage.start(Recorder(framework_id="F7", partition_aware=True))
    handle = framework.adopt("a")
    await stage.settle()
    await stage.answer("a", TaskState.UNKNOWN)
    assert (handle.done, framework.states()) == (False, [])
    for _ in range(5):
        await stage.advance(15)
        await stage.answer("a", TaskState.UNKNOWN)
    with pytest.raises(TaskFailedError, match="TASK_UNKNOWN"):
        await asyncio.wait_for(handle.result(), 5)


@pytest.mark.asyncio
async def test_an_adopted_task_is_never_launched(stage: Stage) -> None:
    framework = await stage.start(Recorder(framework_id="F7"))
    handle = framework.adopt(command("a"), "A1")
    await stage.update("a", TaskState.DROPPED)
    assert ended(handle).state is TaskState.DROPPED
    assert framework.waiting == 0


# The last state.


@pytest.mark.asyncio
async def test_nothing_is_told_after_the_end_of_a_task(stage: Stage) -> None:
    framework, handle = await running(stage)
    await stage.update("t", TaskState.FINISHED, uuid="u1")
    # Its agent lost the end of its disk.
    await stage.update("t", TaskState.GONE, uuid="u2")
    assert ended(handle).state is TaskState.FINISHED
    assert framework.states() == ["FINISHED"]
    assert [each.uuid for each in stage.master.take(Acknowledge)] == ["u1", "u2"]
    framework.submit(command("t"))
    await stage.offers()
    await stage.update("t", TaskState.GONE, uuid="u3")
    assert framework.states() == ["GONE"]


@pytest.mark.asyncio
async def test_of_what_was_told_to_be_lost_no_other_end_is_told(stage: Stage) -> None:
    """Found by the campaign (seed 20450): a master that knew nothing of it passed on how the task really ended."""
    framework = await stage.start(Recorder())
    await stage.answer("t", TaskState.LOST)
    await stage.update("t", TaskState.FAILED, uuid="u1")
    assert framework.states() == ["LOST"]
    assert [each.uuid for each in stage.master.take(Acknowledge)] == ["u1"]


@pytest.mark.asyncio
async def test_an_end_that_a_new_master_knew_already_is_told_once(stage: Stage) -> None:
    framework, _ = await running(stage)
    await stage.lose()
    await stage.find("M2")
    await stage.answer("t", TaskState.FINISHED, known=True)
    await stage.update("t", TaskState.FINISHED, uuid="u1")
    assert framework.states() == ["FINISHED"]
    assert [each.uuid for each in stage.master.take(Acknowledge)] == ["u1"]
    # That it is asked for is reason to tell it.
    framework.reconcile("t")
    await stage.answer("t", TaskState.FINISHED, known=True)
    assert framework.states() == ["FINISHED"]


@pytest.mark.asyncio
async def test_an_end_is_told_again_to_who_must_acknowledge_it(stage: Stage) -> None:
    framework = await stage.start(Careful())
    await stage.answer("t", TaskState.FINISHED, known=True)
    await stage.update("t", TaskState.FINISHED, uuid="u1")
    assert framework.states() == ["FINISHED", "FINISHED"]
    assert stage.master.take(Acknowledge) == []


@pytest.mark.asyncio
async def test_a_master_that_knows_nothing_says_nothing_after_the_end(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    await stage.update("t", TaskState.DROPPED)
    await stage.answer("t", TaskState.GONE)
    assert framework.states() == ["DROPPED"]
    # It runs after all.
    await stage.update("t", TaskState.RUNNING)
    assert framework.states() == ["RUNNING"]


# Acknowledgements.


class Careful(Recorder):
    explicit_acknowledgements = True


@pytest.mark.asyncio
async def test_a_status_is_acknowledged_at_once_and_told_once(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    for _ in range(2):
        await stage.update("t", TaskState.RUNNING, uuid="u")
    assert framework.states() == ["RUNNING"]
    assert stage.master.take(Acknowledge) == [Acknowledge(ID, "A1", "t", "u")] * 2


@pytest.mark.asyncio
async def test_what_the_program_has_not_acknowledged_is_told_again_and_not_acknowledged(stage: Stage) -> None:
    framework = await stage.start(Careful())
    for _ in range(3):
        await stage.update("t", TaskState.FAILED, uuid="u")
    assert stage.master.take(Acknowledge) == []
    *_, status = framework.take("status")
    assert len(_) == 2
    framework.acknowledge(status)
    await stage.settle()
    assert len(stage.master.take(Acknowledge)) == 1
    await stage.update("t", TaskState.FAILED, uuid="u")
    assert len(stage.master.take(Acknowledge)) == 1
    assert framework.states() == []


@pytest.mark.asyncio
async def test_what_was_acknowledged_without_a_master_is_acknowledged_when_it_comes_again(
    stage: Stage,
) -> None:
    framework = await stage.start(Careful())
    await stage.update("t", TaskState.FAILED, uuid="u")
    (status,) = framework.take("status")
    await stage.lose()
    framework.acknowledge(status)
    await stage.find()
    assert stage.master.take(Acknowledge) == []
    await stage.update("t", TaskState.FAILED, uuid="u")
    assert stage.master.take(Acknowledge) == [Acknowledge(ID, "A1", "t", "u")]
    assert framework.states() == []


@pytest.mark.asyncio
async def test_a_repetition_is_no_news_of_a_task_that_was_submitted_again(stage: Stage) -> None:
    framework = await stage.start(Careful())
    first = framework.submit(command("t"))
    await stage.offers()
    await stage.update("t", TaskState.FAILED, uuid="u")
    assert first.done
    second = framework.submit(command("t"))
    await stage.offers()
    await stage.update("t", TaskState.FAILED, uuid="u")
    assert second.state is TaskState.STAGING
    assert framework.states() == ["FAILED", "FAILED"]


@pytest.mark.asyncio
async def test_what_only_the_library_sees_to_it_acknowledges(stage: Stage) -> None:
    framework = await stage.start(Careful())
    framework.submit(command("t"))
    await stage.offers()
    await stage.update("t", TaskState.DROPPED, uuid="u")
    assert stage.master.take(Acknowledge) == [Acknowledge(ID, "A1", "t", "u")]
    assert framework.states() == []
