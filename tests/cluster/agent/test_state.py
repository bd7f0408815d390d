"""The agent's rules, without actors: from each event to what is to be done."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TypeVar

import pytest

from actors import UPID
from cluster.agent import AgentOptions, MemoryStore
from cluster.agent.books import Books
from cluster.agent.checkpoint import RecordKey, changes, restore
from cluster.agent.effects import (
    CancelLaunch,
    Destroy,
    DestroyAfter,
    Effect,
    LaunchContainer,
    Link,
    Send,
    ToMaster,
    UpdateLimits,
    WatchRegistration,
)
from cluster.agent.records import ExecutorRun, Phase
from cluster.agent.state import AgentState
from cluster.messages import (
    AgentInfo,
    ExecutorAcknowledgement,
    ExecutorKillTask,
    ExecutorMessage,
    ExecutorRegistered,
    ExecutorShutdown,
    ExecutorToFramework,
    ExitedExecutor,
    FrameworkInfo,
    FrameworkToExecutor,
    KillTask,
    LaunchTask,
    Reason,
    RegisterExecutor,
    RunTask,
    StatusUpdate,
    TaskState,
    TaskStatus,
)
from cluster.messages.executor import ExecutorStatusUpdate
from cluster.resources import Resources
from isolation import Exit
from tests.cluster.world import executor, task

E = TypeVar("E", bound=Effect)
FRAMEWORK = FrameworkInfo("f", id="F1")
EXECUTOR = UPID("executor", "127.0.0.1", 5)
STRANGER = UPID("executor", "127.0.0.1", 6)


class Rules(AgentState):
    """The state, with the effects taken out by type, and shorthands."""

    def __init__(self) -> None:
        numbers = itertools.count(1)
        super().__init__(
            AgentInfo("host", Resources.of(cpus=8, mem=2048), id="A1"),
            lambda: f"u{next(numbers)}",
            options=AgentOptions(executor_shutdown_grace=5.0),
        )
        self.disk: dict[RecordKey, bytes] = {}

    def take(self, kind: type[E]) -> list[E]:
        taken = [effect for effect in self.effects if isinstance(effect, kind)]
        self.effects = [effect for effect in self.effects if not isinstance(effect, kind)]
        return taken

    def told(self) -> list[tuple[str, TaskState]]:
        """The updates on their way to the master: task and state."""
        return [(s.task_id, s.state) for s in self.statuses()]

    def statuses(self) -> list[TaskStatus]:
        effects = self.take(ToMaster)
        others = [effect for effect in effects if not isinstance(effect.message, StatusUpdate)]
        self.effects += others
        return [effect.message.status for effect in effects if isinstance(effect.message, StatusUpdate)]

    def launch(self, *names: str, custom: bool = False) -> ExecutorRun:
        for name in names:
            wanted = task(name, executor=executor("e")) if custom else task(name)
            self.run_task(RunTask(FRAMEWORK, wanted, "*"), 0.0)
        (effect,) = self.take(LaunchContainer)
        return effect.run

    def running(self, name: str = "t") -> ExecutorRun:
        """A command task that runs, its update acknowledged."""
        run = self.launch(name)
        self.launched(run, 0.0)
        (status,) = self.statuses()
        self.acknowledge("F1", name, status.uuid, 0.0)
        return run

    def registered(self, *names: str) -> ExecutorRun:
        """A custom executor that has registered, with tasks."""
        run = self.launch(*names, custom=True)
        self.launched(run, 0.0)
        assert self.executor_registered(EXECUTOR, RegisterExecutor("F1", "e", run.container_id), 0.0)
        self.effects.clear()
        return run

    def from_executor(self, name: str, state: TaskState, sender: UPID = EXECUTOR) -> None:
        self.executor_update(sender, ExecutorStatusUpdate("F1", "e", TaskStatus(name, state)), 0.0)

    def written(self, into: Books | None = None) -> Books:
        """What the next life of the agent would begin with."""
        store: dict[RecordKey, bytes] = self.disk
        MemoryStore(store).commit(changes(self))
        books = into or Books(self.info, self.new_uuid)
        restore(books, store)
        return books

    def check_written(self) -> None:
        """Whatever a test did: what it left is what was written down of it."""
        books = self.written()
        assert books.runs == self.runs
        assert books.finished == self.finished
        assert books.frameworks == self.frameworks
        assert {key: books.updates.stream(*key) for key in books.updates.tasks()} == {
            key: self.updates.stream(*key) for key in self.updates.tasks()
        }


@pytest.fixture
def rules() -> Iterator[Rules]:
    rules = Rules()
    yield rules
    rules.check_written()


def test_a_command_runs_and_ends(rules: Rules) -> None:
    run = rules.launch("t")
    assert run.command.value == "true"
    rules.launched(run, 1.0)
    (running,) = rules.statuses()
    assert (running.state, running.timestamp) == (TaskState.RUNNING, 1.0)
    rules.exited(run, Exit(code=0), 2.0)
    # In order: the end waits until the beginning is acknowledged.
    assert rules.told() == []
    rules.acknowledge("F1", "t", running.uuid, 2.0)
    (finished,) = rules.statuses()
    assert (finished.state, finished.exit_code) == (TaskState.FINISHED, 0)
    assert [record.task.task_id for record in rules.registration().tasks] == ["t"]
    rules.acknowledge("F1", "t", finished.uuid, 2.0)
    assert rules.registration().tasks == ()
    assert rules.frameworks == {}


@pytest.mark.parametrize(
    ("exit_", "killed", "state"),
    [
        (Exit(code=0), False, TaskState.FINISHED),
        (Exit(code=1), False, TaskState.FAILED),
        (Exit(signal=11), False, TaskState.FAILED),
        (Exit(code=0), True, TaskState.KILLED),
        (Exit(code=1), True, TaskState.KILLED),
        (Exit(signal=9, destroyed=True), True, TaskState.KILLED),
    ],
)
def test_how_a_command_ended(rules: Rules, exit_: Exit, killed: bool, state: TaskState) -> None:
    run = rules.running()
    if killed:
        rules.kill_task(KillTask("F1", "t", 2.0), 0.0)
        assert rules.take(DestroyAfter) == [DestroyAfter(run, 2.0, terminate=True)]
    rules.exited(run, exit_, 0.0)
    assert rules.told() == [("t", state)]


def test_a_kill_without_a_grace_period_uses_the_tasks_own(rules: Rules) -> None:
    run = rules.running()
    rules.kill_task(KillTask("F1", "t"), 0.0)
    assert rules.take(DestroyAfter) == [DestroyAfter(run, 3.0, terminate=True)]


def test_a_kill_before_the_command_runs_is_not_lost(rules: Rules) -> None:
    run = rules.launch("t")
    rules.kill_task(KillTask("F1", "t", 1.0), 0.0)
    assert rules.take(CancelLaunch) == [CancelLaunch(run)]
    rules.launched(run, 0.0)
    assert rules.take(DestroyAfter) == [DestroyAfter(run, 1.0, terminate=True)]


def test_a_later_kill_can_only_shorten_the_grace(rules: Rules) -> None:
    run = rules.running()
    for grace in (4.0, 9.0, 2.0):
        rules.kill_task(KillTask("F1", "t", grace), 0.0)
    assert run.tasks["t"].grace == 2.0


def test_a_task_that_is_here_is_not_launched_again(rules: Rules) -> None:
    rules.running()
    rules.run_task(RunTask(FRAMEWORK, task("t"), "*"), 0.0)
    assert rules.effects == []


def test_a_launch_that_fails_is_told_with_its_reason(rules: Rules) -> None:
    run = rules.launch("t")
    rules.launch_failed(run, "command nope: No such file or directory", 0.0)
    (status,) = rules.statuses()
    assert (status.state, status.reason) == (TaskState.FAILED, Reason.CONTAINER_LAUNCH_FAILED)
    assert rules.runs == {}


def test_tasks_wait_for_their_executor(rules: Rules) -> None:
    run = rules.launch("a", "b", custom=True)
    rules.launched(run, 0.0)
    assert rules.take(WatchRegistration) == [WatchRegistration(run, 60.0, 1)]
    # It was launched for the first, and has two.
    assert rules.take(UpdateLimits) == [UpdateLimits(run)]
    assert rules.effects == []
    assert rules.executor_registered(EXECUTOR, RegisterExecutor("F1", "e", run.container_id), 0.0)
    sent = [effect.message for effect in rules.take(Send)]
    assert isinstance(sent[0], ExecutorRegistered)
    assert [m.task.task_id for m in sent[1:] if isinstance(m, LaunchTask)] == ["a", "b"]
    rules.run_task(RunTask(FRAMEWORK, task("c", executor=executor("e")), "*"), 0.0)
    (effect,) = rules.take(Send)
    assert isinstance(effect.message, LaunchTask)
    assert rules.take(UpdateLimits) == [UpdateLimits(run)]
    assert rules.effects == [Link(EXECUTOR)]


@pytest.mark.parametrize("container", ["", "other"])
def test_a_stranger_cannot_register_as_an_executor(rules: Rules, container: str) -> None:
    rules.launch("a", custom=True)
    assert not rules.executor_registered(STRANGER, RegisterExecutor("F1", "e", container), 0.0)
    assert not rules.executor_registered(STRANGER, RegisterExecutor("F1", "nonsense", container), 0.0)
    assert rules.effects == []


def test_an_executor_that_does_not_register_is_destroyed(rules: Rules) -> None:
    run = rules.launch("a", custom=True)
    rules.launched(run, 0.0)
    rules.effects.clear()
    rules.registration_overdue(run, run.waits)
    assert rules.take(Destroy) == [Destroy(run)]
    rules.exited(run, Exit(signal=9, destroyed=True), 0.0)
    assert rules.told() == [("a", TaskState.FAILED)]
    (effect,) = rules.take(ToMaster)
    assert isinstance(effect.message, ExitedExecutor)
    assert effect.message.status == 9


def test_one_that_has_registered_is_not_overdue(rules: Rules) -> None:
    run = rules.registered("a")
    rules.registration_overdue(run, run.waits)
    assert rules.effects == []


def test_updates_of_an_executor_keep_to_the_table(rules: Rules) -> None:
    rules.registered("a")
    rules.from_executor("a", TaskState.RUNNING)
    rules.from_executor("a", TaskState.STAGING)
    rules.from_executor("nonsense", TaskState.RUNNING)
    rules.from_executor("a", TaskState.FINISHED, STRANGER)
    (running,) = rules.statuses()
    rules.from_executor("a", TaskState.FINISHED)
    rules.from_executor("a", TaskState.RUNNING)
    rules.acknowledge("F1", "a", running.uuid, 0.0)
    assert rules.told() == [("a", TaskState.FINISHED)]


def test_killing_a_task_of_an_executor_is_its_business(rules: Rules) -> None:
    rules.registered("a")
    rules.kill_task(KillTask("F1", "a", 7.0), 0.0)
    assert rules.take(Send) == [Send(EXECUTOR, ExecutorKillTask("a", 7.0))]


def test_killing_a_task_that_waits_for_its_executor(rules: Rules) -> None:
    run = rules.launch("a", "b", custom=True)
    rules.kill_task(KillTask("F1", "a"), 0.0)
    assert rules.told() == [("a", TaskState.KILLED)]
    rules.launched(run, 0.0)
    rules.executor_registered(EXECUTOR, RegisterExecutor("F1", "e", run.container_id), 0.0)
    launched = [effect.message for effect in rules.take(Send) if isinstance(effect.message, LaunchTask)]
    assert [message.task.task_id for message in launched] == ["b"]


def test_an_executor_whose_tasks_were_killed_before_it_was_there_is_not_left_idle(rules: Rules) -> None:
    run = rules.launch("a", custom=True)
    rules.kill_task(KillTask("F1", "a"), 0.0)
    rules.launched(run, 0.0)
    assert rules.executor_registered(EXECUTOR, RegisterExecutor("F1", "e", run.container_id), 0.0)
    assert run.phase is Phase.TERMINATING
    assert ExecutorShutdown(5.0) in [effect.message for effect in rules.take(Send)]


def test_an_executor_that_has_done_its_work_may_idle(rules: Rules) -> None:
    run = rules.registered("a")
    rules.from_executor("a", TaskState.FINISHED)
    rules.executor_exited(EXECUTOR)
    assert rules.executor_registered(EXECUTOR, RegisterExecutor("F1", "e", run.container_id), 0.0)
    assert run.phase is Phase.RUNNING


def test_an_executor_whose_process_ends_takes_its_tasks_with_it(rules: Rules) -> None:
    run = rules.registered("a", "b")
    rules.executor_exited(EXECUTOR)
    assert rules.take(WatchRegistration) == [WatchRegistration(run, 2.0, 2)]
    rules.exited(run, Exit(code=3), 0.0)
    assert rules.told() == [("a", TaskState.FAILED), ("b", TaskState.FAILED)]
    (effect,) = rules.take(ToMaster)
    assert isinstance(effect.message, ExitedExecutor)
    assert effect.message.message == "the executor exited with status 3"
    assert effect.message.status == 3 << 8


def test_an_executor_that_does_not_come_back_is_destroyed(rules: Rules) -> None:
    run = rules.registered("a")
    rules.from_executor("a", TaskState.RUNNING)
    rules.executor_exited(EXECUTOR)
    rules.registration_overdue(run, 1)
    assert rules.take(Destroy) == []
    rules.registration_overdue(run, 2)
    assert rules.take(Destroy) == [Destroy(run)]
    rules.exited(run, Exit(signal=9, destroyed=True), 0.0)
    (running,) = rules.statuses()
    rules.acknowledge("F1", "a", running.uuid, 0.0)
    (failed,) = rules.statuses()
    assert (failed.state, failed.reason) == (TaskState.FAILED, Reason.EXECUTOR_REREGISTRATION_TIMEOUT)


def test_an_executor_that_comes_back_gets_what_it_missed(rules: Rules) -> None:
    run = rules.registered("a", "b", "c", "d")
    for name in "abc":
        rules.from_executor(name, TaskState.RUNNING)
    rules.executor_exited(EXECUTOR)
    rules.kill_task(KillTask("F1", "b", 7.0), 0.0)
    rules.run_task(RunTask(FRAMEWORK, task("new", executor=executor("e")), "*"), 0.0)
    rules.effects.clear()
    ended = TaskStatus("c", TaskState.FINISHED, uuid="c-end")
    back = RegisterExecutor("F1", "e", run.container_id, ("a", "b", "c"), (ended,))
    assert rules.executor_registered(STRANGER, back, 0.0)
    assert run.upid == STRANGER
    sent = [effect.message for effect in rules.take(Send)]
    assert ExecutorAcknowledgement("c", "c-end") in sent
    assert ExecutorKillTask("b", 7.0) in sent
    # It has never heard of these two: the first was lost with the connection.
    assert [m.task.task_id for m in sent if isinstance(m, LaunchTask)] == ["d", "new"]
    assert "c" not in run.tasks
    # What it had, and has no more, cannot be asked for again.
    assert rules.executor_registered(STRANGER, RegisterExecutor("F1", "e", run.container_id, ("b",)), 0.0)
    assert "a" not in run.tasks


def test_an_update_that_is_sent_again_is_one(rules: Rules) -> None:
    rules.registered("a")
    for _ in range(3):
        status = TaskStatus("a", TaskState.RUNNING, uuid="once")
        rules.executor_update(EXECUTOR, ExecutorStatusUpdate("F1", "e", status), 0.0)
    assert len(rules.take(Send)) == 3
    assert rules.told() == [("a", TaskState.RUNNING)]
    rules.acknowledge("F1", "a", "once", 0.0)
    assert rules.told() == []
    rules.executor_update(EXECUTOR, ExecutorStatusUpdate("F1", "e", status), 0.0)
    assert rules.told() == []


def test_a_task_for_an_executor_that_is_ending_is_dropped(rules: Rules) -> None:
    rules.registered("a")
    rules.shutdown_executor("F1", "e")
    rules.run_task(RunTask(FRAMEWORK, task("c", executor=executor("e")), "*"), 0.0)
    assert rules.told() == [("c", TaskState.DROPPED)]


def test_a_task_for_an_executor_that_has_ended_is_dropped(rules: Rules) -> None:
    wanted = task("c", executor=executor("e"))
    rules.run_task(RunTask(FRAMEWORK, wanted, "*", launch_executor=False), 0.0)
    assert rules.told() == [("c", TaskState.DROPPED)]
    assert rules.take(LaunchContainer) == []


def test_shutting_an_executor_down_gives_it_a_moment(rules: Rules) -> None:
    run = rules.registered("a")
    rules.shutdown_executor("F1", "e")
    assert rules.take(Send) == [Send(EXECUTOR, ExecutorShutdown(5.0))]
    assert rules.take(DestroyAfter) == [DestroyAfter(run, 5.0, terminate=False)]
    rules.shutdown_executor("F1", "e")
    assert rules.effects == []
    rules.exited(run, Exit(code=0), 0.0)
    assert rules.told() == [("a", TaskState.KILLED)]


def test_a_framework_that_ends_takes_all_with_it(rules: Rules) -> None:
    command, custom = rules.running("c"), rules.registered("a")
    rules.shutdown_framework("F1")
    assert rules.take(DestroyAfter) == [
        DestroyAfter(command, 5.0, terminate=True),
        DestroyAfter(custom, 5.0, terminate=False),
    ]
    rules.effects.clear()
    rules.exited(command, Exit(signal=15), 0.0)
    rules.exited(custom, Exit(code=0), 0.0)
    ends = rules.statuses()
    assert [(end.task_id, end.state) for end in ends] == [("c", TaskState.KILLED), ("a", TaskState.KILLED)]
    assert rules.runs == {}
    for end in ends:
        rules.acknowledge("F1", end.task_id, end.uuid, 0.0)
    assert (rules.finished, rules.frameworks, len(rules.updates)) == ({}, {}, 0)


def test_a_framework_that_ends_while_its_task_starts(rules: Rules) -> None:
    run = rules.launch("t")
    rules.shutdown_framework("F1")
    rules.launched(run, 0.0)
    assert rules.take(Destroy) == [Destroy(run)] * 2
    rules.exited(run, Exit(signal=9, destroyed=True), 0.0)
    assert rules.told() == [("t", TaskState.KILLED)]


def test_messages_both_ways(rules: Rules) -> None:
    rules.registered("a")
    rules.message_to_executor(FrameworkToExecutor("F1", "A1", "e", b"down"))
    rules.message_to_executor(FrameworkToExecutor("F1", "A1", "nonsense", b"down"))
    assert rules.take(Send) == [Send(EXECUTOR, ExecutorMessage("F1", "e", b"down"))]
    rules.executor_message(EXECUTOR, ExecutorMessage("F1", "e", b"up"))
    rules.executor_message(STRANGER, ExecutorMessage("F1", "e", b"forged"))
    assert rules.take(ToMaster) == [ToMaster(ExecutorToFramework("F1", "A1", "e", b"up"))]


def test_what_it_says_of_itself_to_a_new_master(rules: Rules) -> None:
    rules.running("c")
    rules.registered("a")
    message = rules.registration()
    assert [(r.task.task_id, r.status.state) for r in message.tasks] == [
        ("c", TaskState.RUNNING),
        ("a", TaskState.STAGING),
    ]
    assert [state.executor.executor_id for state in message.executors] == ["e"]
    assert message.frameworks == (FRAMEWORK,)


def test_a_task_to_end_unheard(rules: Rules) -> None:
    run = rules.running()
    rules.kill_unheard("F1", "t")
    assert rules.take(Destroy) == [Destroy(run)]
    assert run.phase is Phase.TERMINATING
    assert [task.denied for task in rules.registration().tasks] == [True]
    rules.kill_unheard("F1", "nonsense")
    assert rules.effects == []
    # What the framework was told without an acknowledgement it is told with one.
    rules.exited(run, Exit(code=None, signal=9, destroyed=True), 0.0)
    assert rules.statuses()[-1].state is TaskState.LOST
