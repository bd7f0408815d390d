"""What an agent does when its process is started again: nothing is lost, nothing is run twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from cluster.agent import AgentOptions, ReconfigurationPolicy
from cluster.messages import (
    AgentRegistered,
    Capability,
    ExitedExecutor,
    FrameworkInfo,
    KillTask,
    Reason,
    RegisterAgent,
    RunTask,
    ShutdownAgent,
    ShutdownFramework,
    TaskState,
)
from cluster.resources import Resources
from isolation import Exit
from tests.cluster.agent.world import FRAMEWORK, AgentWorld
from tests.cluster.world import task

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[AgentWorld]:
    async with AgentWorld(tmp_path) as world:
        yield world


async def test_tasks_live_on_and_are_found_again(world: AgentWorld) -> None:
    await world.run("a", "b")
    await world.acknowledge()
    await world.crash()
    assert not world.machine.container("a").ended
    await world.start()
    registration = world.master.take(RegisterAgent)[-1]
    assert registration.agent.id == "A1"
    assert [(r.task.task_id, r.status.state) for r in registration.tasks] == [
        ("a", TaskState.RUNNING),
        ("b", TaskState.RUNNING),
    ]
    assert world.machine.launches == ["a", "b"]
    world.machine.container("a").end(Exit(code=0))
    await world.settle()
    assert [(s.task_id, s.state) for s in await world.acknowledge()] == [("a", TaskState.FINISHED)]
    assert [run.executor_id for run in world.agent.state.runs.values()] == ["b"]
    # Its end was dealt with: nothing of it is kept.
    assert len(world.machine.containers) == 1


async def test_each_life_has_a_name_of_its_own(world: AgentWorld) -> None:
    await world.crash()
    await world.start()
    names = [message.incarnation for message in world.master.take(RegisterAgent)]
    assert len(names) == len(set(names)) == 2
    assert "" not in names


async def test_a_task_that_ended_meanwhile(world: AgentWorld) -> None:
    await world.run("t")
    await world.acknowledge()
    await world.crash()
    world.machine.container("t").end(Exit(code=3))
    await world.start()
    (status,) = await world.acknowledge()
    assert (status.state, status.exit_code) == (TaskState.FAILED, 3)
    assert world.machine.containers == {}


async def test_an_update_that_was_not_acknowledged_is_sent_again_as_it_was(world: AgentWorld) -> None:
    await world.run("t")
    (before,) = world.statuses()
    world.machine.container("t").end(Exit(code=0))
    await world.settle()
    await world.crash()
    await world.start()
    first, second = await world.acknowledge()
    assert first == before
    assert second.state is TaskState.FINISHED
    assert world.agent.state.updates.tasks() == []
    assert [key[0] for key in world.machine.disk] == ["agent"]


async def test_a_launch_that_had_not_begun_is_begun(world: AgentWorld) -> None:
    await world.run()
    state = world.agent.state
    state.run_task(RunTask(FrameworkInfo("f", id="F1"), task("t"), "*"), 0.0)
    # It is written down, and the process ends before anything is done about it.
    state.effects.clear()
    world.agent._done()
    await world.settle()
    await world.crash()
    assert world.machine.launches == []
    await world.start()
    assert world.machine.launches == ["t"]
    assert world.told() == ["t RUNNING"]


async def test_a_launch_that_nobody_had_heard_of_is_not_begun_again(world: AgentWorld) -> None:
    await world.run("t")
    assert world.told() == ["t RUNNING"]
    # As if the process had ended between the launch and its being written down.
    key = ("run", "F1", "t")
    await world.crash()
    world.machine.disk[key] = world.machine.disk[key].replace(b"\xa7running", b"\xa9launching")
    assert b"launching" in world.machine.disk[key]
    world.machine.disk.pop(("updates", "F1", "t"))
    await world.start()
    assert world.master.take(RegisterAgent)[-1].agent.id == "A1"
    assert world.machine.launches == ["t"]
    assert world.told() == ["t RUNNING"]


@pytest.mark.parametrize(
    ("capabilities", "state"), [((), TaskState.LOST), ((Capability.PARTITION_AWARE,), TaskState.GONE)]
)
async def test_what_is_gone_is_told(
    world: AgentWorld, capabilities: tuple[Capability, ...], state: TaskState
) -> None:
    framework = FrameworkInfo("f", id="F1", capabilities=capabilities)
    await world.tell(RunTask(framework, task("t"), "*"))
    await world.acknowledge()
    await world.crash()
    world.machine.containers.clear()
    await world.start()
    (status,) = await world.acknowledge()
    assert (status.state, status.reason) == (state, Reason.AGENT_RESTARTED)


async def test_a_kill_is_gone_on_with(world: AgentWorld) -> None:
    world.machine.deaf = True
    await world.run("t")
    await world.acknowledge()
    await world.tell(KillTask("F1", "t", 5.0))
    assert world.machine.container("t").signals == [15]
    await world.crash()
    await world.start()
    assert world.machine.container("t").signals == [15, 15]
    await world.advance(4.9)
    assert not world.machine.container("t").ended
    await world.advance(0.2)
    assert [s.state for s in await world.acknowledge()] == [TaskState.KILLED]


async def test_a_container_that_nobody_knows_is_destroyed(world: AgentWorld) -> None:
    await world.run("t")
    await world.crash()
    stray = world.machine.container("t")
    world.machine.disk.clear()
    await world.start()
    assert stray.ended
    assert world.machine.containers == {}


async def test_what_the_master_believes_here_and_is_not_was_lost_on_the_way(world: AgentWorld) -> None:
    await world.run("here")
    await world.acknowledge()
    world.master.next = AgentRegistered(
        "A1",
        "M",
        1e9,
        tasks=(("F1", "here"), ("F1", "lost"), ("F2", "other")),
        executors=(("F1", "e"),),
    )
    await world.ping(connected=False)
    assert world.told() == ["lost DROPPED", "other DROPPED"]
    (exited,) = world.master.take(ExitedExecutor)
    assert (exited.framework_id, exited.executor_id) == ("F1", "e")
    # They are repeated like any update, also by a later life.
    await world.crash()
    world.master.next = AgentRegistered("A1", "M", 1e9)
    await world.start()
    assert world.told() == ["lost DROPPED", "other DROPPED"]


async def test_orders_of_a_master_that_has_not_answered_yet_are_obeyed(world: AgentWorld) -> None:
    """But for launches: see test_late_launches.py."""
    await world.run("t")
    await world.acknowledge()
    world.master.answers = False
    await world.ping(connected=False)
    assert world.agent.master is None
    await world.tell(KillTask(FRAMEWORK.id, "t"))
    world.master.answers = True
    await world.advance(5.0)
    assert world.told() == ["t KILLED"]


async def test_an_order_for_the_agent_that_was_here_before_is_not_obeyed(world: AgentWorld) -> None:
    await world.run(task("t", agent_id="A0"))
    assert world.machine.launches == []


async def test_updates_are_repeated_with_growing_pauses(world: AgentWorld) -> None:
    await world.run("t")
    assert world.told() == ["t RUNNING"]
    for pause in (10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 600.0, 600.0):
        await world.advance(pause - 0.1)
        assert world.told() == []
        await world.advance(0.1)
        assert world.told() == ["t RUNNING"]


async def test_time_that_a_task_may_run_goes_on_through_a_restart(world: AgentWorld) -> None:
    await world.run(task("t", max_completion_time=60.0))
    await world.advance(50.0)
    await world.crash()
    await world.advance(5.0)
    await world.start()
    await world.advance(4.0)
    assert not world.machine.container("t").ended
    await world.advance(1.5)
    last = (await world.acknowledge())[-1]
    assert (last.state, last.reason) == (TaskState.FAILED, Reason.MAX_COMPLETION_TIME_REACHED)
    assert "60 s" in last.message


async def test_nothing_is_launched_before_there_is_room(world: AgentWorld) -> None:
    world.machine.deaf = True
    await world.run(task("old", "cpus:3;mem:512"))
    await world.acknowledge()
    await world.tell(ShutdownFramework("F1"))
    # To the master its resources may be free by now.
    other = FrameworkInfo("g", id="F2")
    for name, cpus in (("small", 1), ("big", 2), ("killed", 2)):
        await world.tell(RunTask(other, task(name, f"cpus:{cpus};mem:32"), "*"))
    assert world.machine.launches == ["old", "small"]
    await world.tell(KillTask("F2", "killed"))
    assert [(s.task_id, s.state) for s in world.statuses()][-1] == ("killed", TaskState.KILLED)
    # What waits is known here: the master is not to think it lost.
    world.master.next = AgentRegistered("A1", "M", 1e9, tasks=(("F2", "big"),))
    await world.ping(connected=False)
    await world.advance(4.9)
    assert world.machine.launches == ["old", "small"]
    await world.advance(0.2)
    assert world.machine.launches == ["old", "small", "big"]
    assert not any(status.state is TaskState.DROPPED for status in world.statuses())


async def test_a_machine_that_was_started_again_may_have_forgotten_the_last(world: AgentWorld) -> None:
    world.boot = "second"
    await world.crash()
    world.master.next = AgentRegistered("A1", "M", 1e9, tasks=(("F1", "ran"),))
    await world.start()
    assert world.told() == ["ran GONE"]
    # What is sent from now on and does not come, was lost on the way.
    world.master.next = AgentRegistered("A1", "M", 1e9, tasks=(("F1", "ran"), ("F1", "lost")))
    await world.ping(connected=False)
    assert "lost DROPPED" in world.told()


async def test_an_agent_that_is_shut_down_keeps_its_name_and_nothing_else(world: AgentWorld) -> None:
    await world.run("t")
    container = world.machine.container("t")
    await world.tell(ShutdownAgent("agent A1 is gone"))
    assert container.ended
    assert [key[0] for key in world.machine.disk] == ["agent"]
    await world.start()
    assert world.agent.state.info.id == "A1"


async def test_an_agent_whose_machine_is_taken_down_tells_later_what_became_of_its_tasks(
    world: AgentWorld,
) -> None:
    """Found by the campaign (seed 12161): what had finished was taken for never launched when the machine was back."""
    await world.run("done")
    await world.run("runs")
    await world.acknowledge()
    world.machine.container("done").end(Exit(code=0))
    await world.settle()
    container = world.machine.container("runs")
    await world.tell(ShutdownAgent("its machine is down for maintenance", returns=True))
    assert container.ended
    world.told()
    await world.start()
    assert sorted(world.told()) == ["done FINISHED", "runs LOST"]
    assert world.master.take(RegisterAgent)[-1].forgetful


async def test_what_was_being_launched_when_the_machine_was_taken_down_is_not_launched_again(
    world: AgentWorld,
) -> None:
    """Found by the campaign (seed 20169): it was started twice."""
    await world.run("t")
    await world.acknowledge()
    key = ("run", "F1", "t")
    await world.tell(ShutdownAgent("its machine is down for maintenance", returns=True))
    # As if that it had begun to run had not been written down.
    world.machine.disk[key] = world.machine.disk[key].replace(b"\xa7running", b"\xa9launching")
    assert b"launching" in world.machine.disk[key]
    world.machine.containers.clear()
    world.told()
    await world.start()
    assert world.machine.launches == ["t"]
    assert world.told() == ["t LOST"]


async def test_after_another_boot_nothing_is_launched_again(world: AgentWorld) -> None:
    await world.run("t")
    await world.acknowledge()
    await world.crash()
    # The disk lost its end with the power, and the machine all that ran.
    key = ("run", "F1", "t")
    world.machine.disk[key] = world.machine.disk[key].replace(b"\xa7running", b"\xa9launching")
    (container,) = world.machine.containers.values()
    await container.destroy()
    world.machine.containers.clear()
    world.boot = "second"
    await world.start()
    assert world.machine.launches == ["t"]
    assert [status.state for status in await world.acknowledge()] == [TaskState.LOST]


async def test_a_new_update_is_sent_again_in_time_whatever_waits_long(world: AgentWorld) -> None:
    await world.run("old")
    # Its retries are ten minutes apart by now.
    await world.advance(1300.0)
    world.statuses()
    await world.run("new")
    assert world.told() == ["new RUNNING"]
    await world.advance(10.5)
    assert world.told() == ["new RUNNING"]
    await world.advance(20.0)
    assert world.told() == ["new RUNNING"]


async def test_what_is_killed_with_its_launch_is_not_launched(world: AgentWorld) -> None:
    world.master.send(world.agent.upid, RunTask(FRAMEWORK, task("t"), "*"))
    await world.tell(KillTask("F1", "t", 0.0))
    assert world.machine.launches == []
    assert [status.state for status in await world.acknowledge()] == [TaskState.KILLED]
    await world.run("t")
    assert world.machine.launches == ["t"]


async def test_what_is_killed_while_its_uris_wait_is_not_launched_by_the_next_life(world: AgentWorld) -> None:
    world.machine.hold = asyncio.Event()
    await world.run("t")
    await world.tell(KillTask("F1", "t", 30.0))
    await world.crash()
    world.machine.hold = None
    await world.start()
    assert world.machine.launches == []
    assert [status.state for status in await world.acknowledge()] == [TaskState.KILLED]
    assert world.agent.state.runs == {}


async def test_what_another_boot_has_taken_is_not_forgotten_before_a_master_heard(world: AgentWorld) -> None:
    await world.crash()
    world.boot = "second"
    world.master.answers = False
    await world.start()
    await world.crash()
    world.master.answers = True
    world.master.next = AgentRegistered("A1", "M", 1e9, tasks=(("F1", "ran"),))
    await world.start()
    # Not DROPPED, which says that it never ran.
    assert world.told() == ["ran GONE"]
    assert world.master.take(RegisterAgent)[-1].forgetful
    await world.crash()
    world.master.next = AgentRegistered("A1", "M", 1e9, tasks=(("F1", "lost"),))
    await world.start()
    assert "lost DROPPED" in world.told()
    assert not world.master.take(RegisterAgent)[-1].forgetful


async def test_nothing_is_told_that_cannot_be_written_down(world: AgentWorld) -> None:
    await world.run("a")
    await world.acknowledge()
    world.machine.disk_full = True
    await world.run("b")
    world.machine.container("a").end(Exit(code=0))
    await world.settle()
    assert world.statuses() == []
    assert world.machine.launches == ["a"]
    world.machine.disk_full = False
    await world.crash()
    await world.start()
    assert [(s.task_id, s.state) for s in await world.acknowledge()] == [("a", TaskState.FINISHED)]
    assert world.agent.state.runs == {}


async def test_what_waits_is_not_launched_for_a_master_that_does_not_know_it(world: AgentWorld) -> None:
    world.machine.deaf = True
    await world.run(task("old", "cpus:3;mem:512"))
    await world.acknowledge()
    await world.tell(ShutdownFramework("F1"))
    other = FrameworkInfo("g", id="F2")
    await world.tell(RunTask(other, task("waits", "cpus:2;mem:32"), "*"))
    world.statuses()
    # The same master, whose connection broke, still knows it; its successor does not.
    await world.ping(connected=False)
    assert "waits DROPPED" not in world.told()
    world.master.next = AgentRegistered("A1", "M2", 1e9)
    await world.ping(connected=False)
    assert "waits DROPPED" in world.told()
    await world.advance(6.0)
    assert world.machine.launches == ["old"]


async def test_an_agent_that_was_refused_is_still_the_one_it_was(world: AgentWorld) -> None:
    before = world.info
    await world.crash()
    world.info = msgspec.structs.replace(before, resources=Resources.of(cpus=1, mem=64))
    world.options = AgentOptions(reconfiguration_policy=ReconfigurationPolicy.ANY)
    world.master.answers = False
    await world.start()
    await world.crash()
    # The master never took it: what it is held to is what it was.
    world.info, world.options, world.master.answers = before, AgentOptions(), True
    await world.start()
    assert world.agent.master is not None
    assert world.agent.state.info.resources == before.resources


async def test_what_has_ended_is_kept_for_those_who_ask(world: AgentWorld) -> None:
    await world.run("t")
    world.machine.container("t").end(Exit(code=0))
    await world.settle()
    await world.acknowledge()
    assert [(f, task.info.task_id, task.status.state) for f, task in world.agent.state.completed] == [
        ("F1", "t", TaskState.FINISHED)
    ]


async def test_what_the_master_does_not_count_any_more_keeps_its_room(world: AgentWorld) -> None:
    await world.run(task("given-up", "cpus:3;mem:512"))
    await world.run(task("new", "cpus:2;mem:128"))
    assert world.machine.launches == ["given-up"]
    # The master hears of the first, and has it killed.
    await world.tell(KillTask("F1", "given-up"))
    assert world.machine.launches == ["given-up", "new"]


@pytest.mark.parametrize(
    ("capabilities", "state"), [((), TaskState.LOST), ((Capability.PARTITION_AWARE,), TaskState.GONE)]
)
async def test_what_was_killed_on_nobodys_order_is_no_fault_of_the_task(
    world: AgentWorld, capabilities: tuple[Capability, ...], state: TaskState
) -> None:
    """As after another boot: its container is on record, and was ended by the machine."""
    framework = FrameworkInfo("f", id="F1", capabilities=capabilities)
    await world.tell(RunTask(framework, task("t"), "*"))
    await world.acknowledge()
    await world.crash()
    await world.machine.container("t").destroy()
    await world.start()
    (status,) = await world.acknowledge()
    assert (status.state, status.reason) == (state, Reason.AGENT_RESTARTED)


async def test_a_dropped_task_is_launched_once_more_though_its_drop_is_not_acknowledged(
    world: AgentWorld,
) -> None:
    world.master.next = AgentRegistered("A1", "M", 1e9, tasks=(("F1", "t"),))
    await world.ping(connected=False)
    assert world.told() == ["t DROPPED"]
    await world.run("t")
    assert world.machine.launches == ["t"]
    assert [status.state for status in await world.acknowledge()] == [TaskState.RUNNING]
    await world.run("t")
    assert world.machine.launches == ["t"]


async def test_a_second_launch_that_was_lost_is_dropped_anew(world: AgentWorld) -> None:
    """The drop of the first is still to be acknowledged: what is told of the second has a name of its own."""
    world.master.next = AgentRegistered("A1", "M", 1e9, tasks=(("F1", "t"),))
    await world.ping(connected=False)
    (first,) = world.statuses()
    await world.ping(connected=False)
    (second,) = world.statuses()
    assert first.state is second.state is TaskState.DROPPED
    assert first.uuid != second.uuid
