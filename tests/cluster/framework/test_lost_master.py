"""Calls without a master are kept; kills outlive any number of masters; subscriptions in races."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import pytest

from actors import UPID
from cluster.framework import FrameworkEndedError, FrameworkRefusedError
from cluster.messages import (
    Accept,
    CommandInfo,
    Decline,
    ExecutorInfo,
    FrameworkFailure,
    FrameworkRefused,
    KillTask,
    Launch,
    OperationState,
    Reason,
    Reconcile,
    Reserve,
    Revive,
    ShutdownExecutor,
    Subscribe,
    Subscribed,
    Suppress,
    TaskInfo,
    TaskState,
    Teardown,
    UpdateFramework,
)
from cluster.resources import Resources
from tests.cluster.framework.stage import ID, FakeMaster, Holding, Recorder, Stage

ONE = Resources.parse("cpus:1;mem:128")


def command(task_id: str) -> TaskInfo:
    return TaskInfo(task_id, ONE, command=CommandInfo("true"))


# Subscribing.


@pytest.mark.asyncio
async def test_subscriptions_are_repeated_with_growing_pauses_until_one_is_answered(stage: Stage) -> None:
    stage.master.answers = False
    framework = await stage.start(Recorder())
    stage.master.take(Subscribe)
    times = [stage.clock.monotonic()]
    while len(times) < 9:
        await stage.advance(0.1)
        times += [stage.clock.monotonic()] * len(stage.master.take(Subscribe))
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    for pause, most in zip(pauses, [2, 4, 8, 16, 32, 60, 60, 60], strict=True):
        assert most / 2 - 0.1 <= pause <= most + 0.1
    await stage.find()
    assert framework.told[0] == ("registered",)
    stage.master.take(Subscribe)
    await stage.advance(600)
    assert stage.master.take(Subscribe) == []


@pytest.mark.asyncio
async def test_a_leader_that_is_not_there_yet_is_asked_again_soon_then_less_often(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    framework = await stage.start(Recorder())
    driver = framework._driver
    assert driver is not None
    times: list[float] = []
    link = driver.link

    def noted(upid: UPID) -> None:
        times.append(stage.clock.monotonic())
        link(upid)

    monkeypatch.setattr(driver, "link", noted)
    stage.systems[-1].terminate(stage.master.upid)
    while len(times) < 12:
        await stage.advance(0.01)
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    for pause, most in zip(pauses, [0.1 * 2**n for n in range(9)] + [51.2, 60], strict=True):
        assert most / 2 - 0.01 <= pause <= most + 0.01
    # It is there, and elected once more.
    stage.detector.lead(None)
    stage.detector.lead(stage.master.upid)
    await stage.settle()
    stage.systems[-1].spawn(FakeMaster("M2"), "master")
    await stage.advance(0.1)
    assert framework.connected


@pytest.mark.asyncio
async def test_at_least_ten_subscriptions_fit_into_the_failover_timeout(stage: Stage) -> None:
    stage.master.answers = False
    await stage.start(Recorder(failover_timeout=5))
    await stage.advance(5)
    assert len(stage.master.take(Subscribe)) >= 11


@pytest.mark.asyncio
async def test_a_new_leader_is_told_the_id_and_an_old_one_is_not_heard(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    old = stage.master
    old.answers = False
    new = await stage.new_master("M2")
    new.answers = False
    await stage.settle()
    assert framework.take("disconnected") == [()]
    assert [each.framework.id for each in new.take(Subscribe)] == [ID]
    driver = framework._driver
    assert driver is not None
    old.send(driver.upid, Subscribed(ID, "M1"))
    old.send(driver.upid, FrameworkRefused("you are another's"))
    await stage.settle()
    assert not framework.connected
    await stage.find()
    assert framework.take("reregistered") == [()]
    # The old one leads again.
    old.answers = True
    stage.master = old
    stage.detector.lead(old.upid)
    await stage.settle()
    assert framework.connected


@pytest.mark.asyncio
async def test_an_answer_that_comes_after_the_connection_of_its_question_broke_is_none(stage: Stage) -> None:
    """The master has seen the connection break too, and drops what it hears of the framework: it is asked again."""
    stage.master.answers = False
    framework = await stage.start(Recorder())
    assert len(stage.master.take(Subscribe)) == 1
    await stage.lose()
    await stage.tell(Subscribed(ID, "M1"))
    assert not framework.connected
    await stage.advance(5.0)
    assert {subscribe.attempt for subscribe in stage.master.take(Subscribe)} == {1}
    # Nor when it comes over the next connection (found by the campaign, seed 12620): the framework was another by then.
    await stage.tell(Subscribed("of-before", "M1"))
    assert not framework.connected
    await stage.tell(Subscribed(ID, "M1", 1))
    assert (framework.id, framework.connected) == (ID, True)
    await stage.lose()
    assert not framework.connected


@pytest.mark.asyncio
async def test_it_keeps_its_id_though_a_first_subscription_came_late_to_a_new_master(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    assert framework.id == ID
    stage.master.answers = False
    await stage.lose()
    await stage.advance(5.0)
    await stage.tell(Subscribed("another", "M2", 1))
    assert (framework.id, framework.connected) == (ID, False)
    await stage.tell(Subscribed(ID, "M2", 1))
    assert framework.connected


@pytest.mark.asyncio
async def test_who_is_refused_ends(stage: Stage) -> None:
    stage.master.answers = False
    await stage.start(Recorder(failover_timeout=60, framework_id="F9"))
    await stage.tell(FrameworkRefused("no"))
    assert stage.running is not None
    with pytest.raises(FrameworkRefusedError, match="no"):
        await stage.running


# Suppress, revive, update.


@pytest.mark.asyncio
async def test_suppressed_roles_are_in_the_next_subscription(stage: Stage) -> None:
    framework = await stage.start(Recorder(roles=("a", "b")))
    await stage.lose()
    framework.suppress("a")
    stage.master.take(Subscribe)
    await stage.find()
    assert {each.suppressed_roles for each in stage.master.take(Subscribe)} == {("a",)}
    # The master may have got the first, from before.
    assert stage.master.take(Suppress) == [Suppress(ID, ("a",))]


@pytest.mark.asyncio
async def test_a_revival_between_two_subscriptions_is_said_again(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    framework.suppress()
    await stage.lose()
    framework.submit(command("t"))
    await stage.find()
    subscribes = [each.suppressed_roles for each in stage.master.take(Subscribe)[1:]]
    assert set(subscribes) == {("*",), ()}
    assert Revive(ID, ("*",)) in stage.master.take(Revive)


@pytest.mark.asyncio
async def test_a_revival_without_a_master_lifts_the_filters_of_the_next(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    await stage.lose()
    framework.revive()
    await stage.find()
    assert stage.master.take(Revive) == [Revive(ID, ("*",))]


@pytest.mark.asyncio
async def test_an_update_between_two_subscriptions_is_said_again(stage: Stage) -> None:
    framework = await stage.start(Recorder(roles=("a",)))
    await stage.lose()
    framework.update(roles=("b",))
    assert stage.master.take(UpdateFramework) == []
    await stage.find()
    assert stage.master.take(Subscribe)[-1].framework.roles == ("b",)
    assert [each.framework.roles for each in stage.master.take(UpdateFramework)] == [("b",)]


# Offers.


@pytest.mark.asyncio
async def test_what_is_launched_without_a_master_is_told_to_be_dropped(stage: Stage) -> None:
    framework = await stage.start(Holding())
    await stage.offers()
    (offer,) = framework.offered
    await stage.lose()
    framework.accept(offer, [Reserve(ONE, "*", "r"), Launch((command("t"),))])
    framework.decline(offer)
    await stage.settle()
    (status,) = framework.take("status")
    assert (status.task_id, status.state) == ("t", TaskState.DROPPED)
    assert status.reason is Reason.MASTER_DISCONNECTED
    assert [(told.operation_id, told.state) for told in framework.take("operation")] == [
        ("r", OperationState.DROPPED)
    ]
    await stage.find()
    assert stage.master.take(Accept) == []
    assert stage.master.take(Decline) == []


@pytest.mark.asyncio
async def test_what_was_launched_by_hand_is_asked_for_too(stage: Stage) -> None:
    framework = await stage.start(Holding())
    await stage.offers()
    framework.launch(framework.offered, [command("t")])
    await stage.lose()
    await stage.find("M2")
    assert {each.agent_ids["t"] for each in stage.master.take(Reconcile)} == {"A1"}
    await stage.answer("t", TaskState.LOST)
    assert framework.states() == ["LOST"]
    await stage.advance(2000)
    assert {each.task_ids for each in stage.master.take(Reconcile)} == {()}


# Kills.


@pytest.mark.asyncio
async def test_a_kill_without_a_master_is_sent_to_each_until_the_task_has_ended(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    framework.submit(command("t"))
    await stage.offers()
    await stage.update("t", TaskState.RUNNING)
    await stage.lose()
    framework.kill("t", 5.0)
    await stage.find("M2")
    assert stage.master.take(KillTask) == [KillTask(ID, "t", 5.0)]
    await stage.lose()
    await stage.find("M3")
    assert stage.master.take(KillTask) == [KillTask(ID, "t", 5.0)]
    await stage.update("t", TaskState.KILLED)
    await stage.lose()
    await stage.find("M4")
    assert stage.master.take(KillTask) == []


@pytest.mark.asyncio
async def test_a_kill_is_sent_again_when_a_new_master_has_the_task(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    framework.submit(command("t"))
    await stage.offers()
    await stage.update("t", TaskState.RUNNING)
    await stage.lose()
    await stage.find("M2")
    # The master is silent: the task's agent is not back.
    framework.kill("t")
    await stage.settle()
    assert stage.master.take(KillTask) == [KillTask(ID, "t")]
    await stage.answer("t", TaskState.RUNNING, known=True)
    assert stage.master.take(KillTask) == [KillTask(ID, "t")]
    await stage.update("t", TaskState.RUNNING)
    assert stage.master.take(KillTask) == []


@pytest.mark.asyncio
async def test_a_kill_of_what_the_master_has_is_sent_once(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    framework.submit(command("t"))
    await stage.offers()
    framework.kill("t")
    await stage.update("t", TaskState.RUNNING)
    await stage.advance(600)
    assert stage.master.take(KillTask) == [KillTask(ID, "t")]
    assert stage.master.take(Reconcile) == []


@pytest.mark.asyncio
async def test_a_kill_of_a_task_that_nobody_knows_is_given_up(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    framework.kill("x")
    await stage.advance(0)
    assert [each.task_ids for each in stage.master.take(Reconcile)] == [("x",)]
    await stage.answer("x", TaskState.UNKNOWN)
    stage.master.take(KillTask)
    await stage.lose()
    await stage.find()
    assert stage.master.take(KillTask) == []


# Executors.


@pytest.mark.asyncio
async def test_the_end_of_an_executor_is_asked_for_until_it_has_come(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    await stage.lose()
    framework.shutdown_executor("A1", "e")
    framework.shutdown_executor("A1", "f")
    await stage.find()
    assert len(stage.master.take(ShutdownExecutor)) == 2
    await stage.tell(FrameworkFailure("A1", "e", "ended"))
    await stage.lose()
    await stage.find()
    assert stage.master.take(ShutdownExecutor) == [ShutdownExecutor(ID, "A1", "f")]
    # It is wanted again.
    framework.submit(TaskInfo("t", ONE, executor=ExecutorInfo("f", CommandInfo("run"))))
    await stage.offers()
    await stage.lose()
    await stage.find()
    assert stage.master.take(ShutdownExecutor) == []


# The end.


@pytest.mark.asyncio
async def test_who_ends_without_a_master_waits_for_one_to_say_so(stage: Stage) -> None:
    framework = await stage.start(Recorder(failover_timeout=3600))
    handle = framework.submit(command("t"))
    await stage.lose()
    framework.stop()
    await stage.settle()
    assert stage.running is not None
    assert not stage.running.done()
    with pytest.raises(FrameworkEndedError):
        await handle
    with pytest.raises(FrameworkEndedError):
        framework.submit(command("u"))
    framework.told.clear()
    stage.master.answers = True
    await stage.advance(5)
    assert stage.master.take(Teardown) == [Teardown(ID)]
    await stage.running
    assert framework.told == []


@pytest.mark.asyncio
@pytest.mark.parametrize(("failover_timeout", "waited"), [(0, 0), (20, 20), (3600, 60)])
async def test_it_does_not_wait_for_ever(stage: Stage, failover_timeout: float, waited: float) -> None:
    framework = await stage.start(Recorder(failover_timeout=failover_timeout))
    await stage.lose()
    framework.stop()
    running = stage.running
    assert running is not None
    if waited:
        await stage.advance(waited - 0.1)
        assert not running.done()
    await stage.advance(0.1)
    await running


@pytest.mark.asyncio
@pytest.mark.parametrize(("failover_timeout", "torn_down"), [(0, [Teardown(ID)]), (60, [])])
async def test_what_fails_leaves_its_tasks_to_a_successor_if_there_may_be_one(
    stage: Stage, failover_timeout: float, torn_down: list[Teardown]
) -> None:
    framework = await stage.start(Recorder(failover_timeout=failover_timeout))
    framework.fail(RuntimeError("broken"))
    assert stage.running is not None
    with pytest.raises(RuntimeError, match="broken"):
        await stage.running
    await stage.settle()
    assert stage.master.take(Teardown) == torn_down


@pytest.mark.asyncio
async def test_who_hands_over_does_not_wait(stage: Stage) -> None:
    framework = await stage.start(Recorder(failover_timeout=3600))
    await stage.lose()
    framework.stop(failover=True)
    assert stage.running is not None
    await stage.running
    assert stage.master.take(Teardown) == []


@pytest.mark.asyncio
async def test_all_do_not_come_to_a_new_leader_at_once(stage: Stage) -> None:
    stage.detector.spread = 10.0
    framework = await stage.start(Recorder())
    assert framework.connected
    new = await stage.new_master("M2")
    await stage.advance(0.5)
    assert new.inbox == []
    await stage.advance(9.5)
    assert len(new.take(Subscribe)) == 1
    assert framework.connected


class Nowhere:
    """An election in which nobody ever leads."""

    spread = 0.0
    closed = False

    async def on_this_machine(self) -> bool:
        await asyncio.get_running_loop().create_future()
        return True

    def watch(self, changed: Callable[[UPID | None], None]) -> None:
        raise AssertionError("nobody leads")

    def close(self) -> None:
        self.closed = True


@pytest.mark.asyncio
async def test_a_framework_can_be_stopped_before_anybody_has_led() -> None:
    detector, framework = Nowhere(), Recorder()
    running = asyncio.ensure_future(framework.run(detector))
    await asyncio.sleep(0)
    framework.stop()
    await running
    assert detector.closed
    detector, framework = Nowhere(), Recorder()
    running = asyncio.ensure_future(framework.run(detector))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert detector.closed
