"""Groups of tasks for an executor of the framework's, and executors that come back by themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors import Message
from cluster.agent.effects import LaunchContainer, Send, WatchRegistration
from cluster.agent.records import ExecutorRun, Phase
from cluster.messages import (
    CommandInfo,
    ExecutorInfo,
    ExecutorKillTask,
    ExecutorStatusUpdate,
    HealthCheck,
    KillTask,
    LaunchTask,
    LaunchTaskGroup,
    RegisterExecutor,
    RunTask,
    RunTaskGroup,
    TaskInfo,
    TaskState,
    TaskStatus,
)
from tests.cluster.agent.test_executors import restarted
from tests.cluster.agent.test_state import EXECUTOR, FRAMEWORK, Rules
from tests.cluster.world import executor, task


@pytest.fixture
def rules() -> Iterator[Rules]:
    rules = Rules()
    yield rules
    rules.check_written()


def member(name: str) -> TaskInfo:
    return task(name, "cpus:0.1;mem:16", executor=executor("e"))


def group(*names: str, launch: bool = True) -> RunTaskGroup:
    tasks = tuple(member(name) for name in names)
    return RunTaskGroup(FRAMEWORK, executor("e"), tasks, "*", launch_executor=launch)


def launched(rules: Rules, *messages: RunTaskGroup) -> ExecutorRun:
    for message in messages:
        rules.run_group(message, 0.0)
    (effect,) = rules.take(LaunchContainer)
    rules.launched(effect.run, 0.0)
    return effect.run


def register(rules: Rules, run: ExecutorRun, *tasks: str, by_itself: bool = False) -> list[Message]:
    """What the executor is sent when it registers, but for the answer."""
    rules.effects.clear()
    message = RegisterExecutor("F1", "e", run.container_id, tasks, by_itself=by_itself)
    assert rules.executor_registered(EXECUTOR, message, 0.0)
    return [
        effect.message
        for effect in rules.take(Send)
        if isinstance(effect.message, LaunchTask | LaunchTaskGroup | ExecutorKillTask)
    ]


def names(message: Message) -> list[str]:
    assert isinstance(message, LaunchTaskGroup)
    return [info.task_id for info in message.tasks]


def test_a_group_waits_for_its_executor_and_comes_whole(rules: Rules) -> None:
    run = launched(rules, group("a", "b"), group("c", "d", launch=False))
    rules.run_task(RunTask(FRAMEWORK, member("single"), "*", launch_executor=False), 0.0)
    single, first, second = register(rules, run)
    assert isinstance(single, LaunchTask)
    assert (names(first), names(second)) == (["a", "b"], ["c", "d"])


def test_a_group_for_an_executor_that_runs(rules: Rules) -> None:
    run = launched(rules, group("a"))
    register(rules, run)
    rules.effects.clear()
    rules.run_group(group("b", "c", launch=False), 0.0)
    (send,) = rules.take(Send)
    assert (send.to, names(send.message)) == (EXECUTOR, ["b", "c"])
    # The same order once more, as after a lost acknowledgement, is none.
    rules.run_group(group("b", "c", launch=False), 0.0)
    assert rules.take(Send) == []


def test_what_belongs_together_is_known_after_a_restart(rules: Rules) -> None:
    run = launched(rules, group("a", "b"))
    register(rules, run)
    later = restarted(rules)
    (sent,) = register(later, later.runs["F1", "e"])
    assert names(sent) == ["a", "b"]


def test_a_kill_before_the_executor_is_there_ends_the_group(rules: Rules) -> None:
    run = launched(rules, group("a", "b"), group("c", launch=False))
    rules.kill_task(KillTask("F1", "a"), 1.0)
    assert sorted(each.task_id for each in rules.statuses()) == ["a", "b"]
    (sent,) = register(rules, run)
    assert names(sent) == ["c"]


@pytest.mark.parametrize("phase", [None, Phase.TERMINATING])
def test_a_group_for_an_executor_that_ends_is_dropped(rules: Rules, phase: Phase | None) -> None:
    if phase is not None:
        launched(rules, group("first")).phase = phase
    rules.run_group(group("a", "b", launch=phase is not None), 0.0)
    told = [(each.task_id, each.state) for each in rules.statuses()]
    assert told == [("a", TaskState.DROPPED), ("b", TaskState.DROPPED)]


def test_a_group_with_a_check_that_is_none_is_refused(rules: Rules) -> None:
    bad = task("b", "cpus:0.1", executor=executor("e"), health_check=HealthCheck())
    rules.run_group(RunTaskGroup(FRAMEWORK, executor("e"), (member("a"), bad), "*"), 0.0)
    assert [each.state for each in rules.statuses()] == [TaskState.ERROR, TaskState.ERROR]
    assert rules.runs == {}


def test_the_room_for_a_group_is_that_of_its_tasks_if_the_executor_runs(rules: Rules) -> None:
    large = ExecutorInfo("e", CommandInfo("run"), rules.info.resources - member("a").resources)
    tasks = tuple(task(name, "cpus:0.05;mem:8", executor=large) for name in "ab")
    rules.run_group(RunTaskGroup(FRAMEWORK, large, tasks[:1], "*"), 0.0)
    rules.run_group(RunTaskGroup(FRAMEWORK, large, tasks[1:], "*", launch_executor=False), 0.0)
    assert rules.waiting == []
    assert set(rules.runs["F1", "e"].tasks) == {"a", "b"}


# Executors that come back by themselves.


def running(rules: Rules) -> ExecutorRun:
    """An executor of Mesos's API with a task that runs, and one of which nothing was heard."""
    run = launched(rules, group("runs"), group("staging", launch=False))
    register(rules, run, by_itself=True)
    rules.executor_update(
        EXECUTOR, ExecutorStatusUpdate("F1", "e", TaskStatus("runs", TaskState.RUNNING, uuid="u")), 1.0
    )
    rules.effects.clear()
    return run


def test_one_that_names_few_tasks_has_the_others_all_the_same(rules: Rules) -> None:
    run = running(rules)
    # It names no task of which an update was acknowledged.
    (sent,) = register(rules, run, by_itself=True)
    assert names(sent) == ["staging"]
    assert set(run.tasks) == {"runs", "staging"}
    assert register(rules, run, "staging", by_itself=True) == []


def test_one_that_names_all_its_tasks_has_lost_the_others(rules: Rules) -> None:
    run = running(rules)
    register(rules, run, "staging")
    assert set(run.tasks) == {"staging"}


def test_a_kill_that_it_may_not_have_heard_is_told_again(rules: Rules) -> None:
    run = running(rules)
    rules.executor_exited(EXECUTOR)
    rules.kill_task(KillTask("F1", "runs"), 2.0)
    kills = register(rules, run, "staging", by_itself=True)
    assert kills == [ExecutorKillTask("runs", 3.0)]


def test_it_has_longer_to_come_back_as_it_cannot_be_asked(rules: Rules) -> None:
    running(rules)
    rules.executor_exited(EXECUTOR)
    assert [each.seconds for each in rules.take(WatchRegistration)] == [20.0]
    later = restarted(rules)
    assert [each.seconds for each in later.take(WatchRegistration)] == [20.0]
    assert later.take(Send) == []
