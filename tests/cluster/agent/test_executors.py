"""What the agent's rules make of custom executors, over its own restarts and theirs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from cluster.agent.effects import Deadline, LaunchContainer, Send, StartChecks, StopChecks
from cluster.agent.records import ExecutorRun
from cluster.messages import (
    Check,
    CommandInfo,
    ExecutorAcknowledgement,
    ExecutorInfo,
    ExecutorKillTask,
    FrameworkInfo,
    KillTask,
    RegisterExecutor,
    RunTask,
    RunTaskGroup,
    TaskState,
    TaskStatus,
    TCPCheck,
)
from cluster.messages.executor import ExecutorStatusUpdate
from cluster.resources import Resources
from isolation import Exit
from tests.cluster.agent.test_state import EXECUTOR, FRAMEWORK, Rules
from tests.cluster.world import executor, task


@pytest.fixture
def rules() -> Iterator[Rules]:
    rules = Rules()
    yield rules
    rules.check_written()


def running(rules: Rules, **fields: object) -> ExecutorRun:
    """A custom executor whose task t runs."""
    rules.run_task(RunTask(FRAMEWORK, task("t", executor=executor("e"), **fields), "*"), 0.0)
    (effect,) = rules.take(LaunchContainer)
    run = effect.run
    rules.launched(run, 0.0)
    rules.executor_registered(EXECUTOR, RegisterExecutor("F1", "e", run.container_id), 0.0)
    update = ExecutorStatusUpdate("F1", "e", TaskStatus("t", TaskState.RUNNING))
    rules.executor_update(EXECUTOR, update, 10.0)
    return run


def restarted(rules: Rules) -> Rules:
    """The agent's next life."""
    later = Rules()
    rules.written(into=later)
    later.recovered({run.container_id for run in later.runs.values()}, 40.0)
    return later


def test_its_tasks_end_in_time_after_a_restart_too(rules: Rules) -> None:
    run = running(rules, max_completion_time=60.0)
    (deadline,) = rules.take(Deadline)
    assert (deadline.run, deadline.seconds) == (run, 60.0)
    later = restarted(rules)
    (deadline,) = later.take(Deadline)
    assert deadline.seconds == 30.0
    later.deadline_reached(deadline.run, deadline.task, 70.0)
    # It is not there yet; when it is, it hears.
    later.effects.clear()
    later.executor_registered(EXECUTOR, RegisterExecutor("F1", "e", run.container_id, ("t",)), 71.0)
    kills = [e.message for e in later.take(Send) if isinstance(e.message, ExecutorKillTask)]
    assert kills == [ExecutorKillTask("t", 3.0)]


def test_its_tasks_are_checked_after_a_restart_too_and_until_they_end(rules: Rules) -> None:
    run = running(rules, check=Check(tcp=TCPCheck(80)))
    assert [effect.again for effect in rules.take(StartChecks)] == [False]
    later = restarted(rules)
    (start,) = later.take(StartChecks)
    assert (start.task.info.task_id, start.again) == ("t", True)
    rules.from_executor("t", TaskState.FINISHED)
    assert rules.take(StopChecks) == [StopChecks(run, "t")]


def test_the_deadline_of_a_task_is_not_that_of_the_next_with_its_id(rules: Rules) -> None:
    running(rules, max_completion_time=60.0)
    (deadline,) = rules.take(Deadline)
    rules.from_executor("t", TaskState.FINISHED)
    for _ in range(2):
        (status,) = rules.statuses()
        rules.acknowledge("F1", "t", status.uuid, 50.0)
    rules.run_task(RunTask(FRAMEWORK, task("t", executor=executor("e")), "*"), 50.0)
    rules.deadline_reached(deadline.run, deadline.task, 60.0)
    assert not deadline.run.tasks["t"].killed


WHOLE = "cpus:8;mem:1024"
OTHER = FrameworkInfo("g", id="F2")


def test_what_waits_is_launched_when_the_last_of_a_group_leaves_its_executors_place(rules: Rules) -> None:
    pod = ExecutorInfo("pod", None, Resources.of(cpus=1, mem=32))
    rules.run_group(RunTaskGroup(FRAMEWORK, pod, (task("member"),), "*"), 0.0)
    (effect,) = rules.take(LaunchContainer)
    rules.launched(effect.run, 0.0)
    rules.shutdown_framework("F1")
    rules.run_task(RunTask(OTHER, task("waits", WHOLE), "*"), 0.0)
    assert rules.take(LaunchContainer) == []
    rules.exited(effect.run, Exit(signal=15), 0.0)
    assert [launch.run.executor_id for launch in rules.take(LaunchContainer)] == ["waits"]


@pytest.mark.parametrize("killed", ["while it was away", "before it came"])
def test_what_waits_is_launched_when_an_executor_lost_its_task(rules: Rules, killed: str) -> None:
    if killed == "before it came":
        run = rules.launch("t", custom=True)
        rules.launched(run, 0.0)
    else:
        run = running(rules)
        rules.executor_exited(EXECUTOR)
    rules.kill_task(KillTask("F1", "t"), 0.0)
    queued = killed == "before it came"
    assert [status.task_id for status in rules.statuses() if status.state.terminal] == ["t"] * queued
    rules.run_task(RunTask(OTHER, task("waits", "cpus:7;mem:128"), "*"), 0.0)
    rules.executor_registered(EXECUTOR, RegisterExecutor("F1", "e", run.container_id), 0.0)
    assert [launch.run.executor_id for launch in rules.take(LaunchContainer)] == ["waits"]


def update(rules: Rules, uuid: str, state: TaskState = TaskState.RUNNING, **fields: object) -> TaskStatus:
    """The executor tells something of its task."""
    status = TaskStatus("t", state, uuid=uuid, **fields)
    rules.executor_update(EXECUTOR, ExecutorStatusUpdate("F1", "e", status), 20.0)
    return status


def acknowledged(rules: Rules) -> list[TaskStatus]:
    """What the framework gets, which it acknowledges."""
    found = []
    while statuses := rules.statuses():
        found += statuses
        for status in statuses:
            rules.acknowledge("F1", status.task_id, status.uuid, 20.0)
    return found


@pytest.mark.parametrize("restart", [False, True])
def test_what_the_framework_has_is_not_told_again_when_an_executor_repeats_it(
    rules: Rules, restart: bool
) -> None:
    run = running(rules)
    told = tuple(update(rules, uuid, data=uuid.encode()) for uuid in ("one", "two", "three"))
    assert [status.uuid for status in acknowledged(rules)][1:] == ["one", "two", "three"]
    # The agent's word that it has them was lost.
    rules.executor_exited(EXECUTOR)
    later = restarted(rules) if restart else rules
    new = TaskStatus("t", TaskState.FINISHED, uuid="four")
    later.effects.clear()
    later.executor_registered(
        EXECUTOR, RegisterExecutor("F1", "e", run.container_id, ("t",), (*told, new)), 20.0
    )
    acks = [e.message.uuid for e in later.take(Send) if isinstance(e.message, ExecutorAcknowledgement)]
    assert acks == ["one", "two", "three", "four"]
    assert [status.uuid for status in acknowledged(later)] == ["four"]


@pytest.mark.parametrize("state", [TaskState.UNREACHABLE, TaskState.GONE_BY_OPERATOR, TaskState.UNKNOWN])
def test_what_is_not_an_executors_to_say(rules: Rules, state: TaskState) -> None:
    running(rules)
    acknowledged(rules)
    update(rules, "u", state)
    assert rules.statuses() == []


def test_an_update_that_is_too_large_arrives_without_what_is_too_much(rules: Rules) -> None:
    running(rules)
    acknowledged(rules)
    update(rules, "u", TaskState.FAILED, data=bytes(1 << 24), message="\u00e9" * (1 << 23))
    (status,) = rules.statuses()
    assert status.state is TaskState.FAILED
    assert status.data == b""
    assert "16777216 bytes" in status.message
    assert len(status.message) < 1 << 17
    assert rules.written().updates.stream("F1", "t") == [status]


@pytest.mark.parametrize(("size", "most"), [(0, 110), (1 << 20, 5)])
def test_the_updates_of_a_task_that_talks_too_much_are_bounded(rules: Rules, size: int, most: int) -> None:
    running(rules)
    update(rules, "first")
    for number in range(300):
        update(rules, f"u{number}", data=bytes(size))
    update(rules, "killing", TaskState.KILLING)
    update(rules, "last", TaskState.KILLED)
    waiting = rules.updates.stream("F1", "t")
    assert len(waiting) <= most
    # What is left out is old news: the latest of each state is there, in order.
    found = [status.uuid for status in acknowledged(rules)]
    assert found[-3:] == ["u299", "killing", "last"]


def test_a_registration_has_not_the_data_that_only_executors_and_frameworks_want(rules: Rules) -> None:
    wanted = ExecutorInfo("e", CommandInfo("run"), Resources.of(cpus=0.5, mem=64), data=bytes(1 << 20))
    for name in ("a", "b"):
        rules.run_task(
            RunTask(FRAMEWORK, task(name, "cpus:1;mem:32", executor=wanted, data=bytes(1 << 20)), "*"), 0.0
        )
    (run,) = {effect.run.key: effect.run for effect in rules.take(LaunchContainer)}.values()
    rules.executor_registered(EXECUTOR, RegisterExecutor("F1", "e", run.container_id), 0.0)
    status = TaskStatus("a", TaskState.RUNNING, data=bytes(1 << 20))
    rules.executor_update(EXECUTOR, ExecutorStatusUpdate("F1", "e", status), 0.0)
    message = rules.registration()
    # The executor's, once: it is compared with that of the next task.
    assert len(msgspec.msgpack.encode(message)) < 1.01 * (1 << 20)
    assert message.executors[0].executor == wanted
    assert [(record.task.task_id, record.status.state) for record in message.tasks] == [
        ("a", TaskState.RUNNING),
        ("b", TaskState.STAGING),
    ]


def test_the_data_of_what_is_over_is_not_kept(rules: Rules) -> None:
    running(rules, data=b"large")
    update(rules, "u", TaskState.FINISHED, data=b"larger")
    assert acknowledged(rules)[-1].data == b"larger"
    ((_, ended),) = rules.completed
    assert (ended.info.data, ended.status.data, ended.status.state) == (b"", b"", TaskState.FINISHED)
