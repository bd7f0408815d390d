"""Tasks in the master: updates to the framework, acknowledgements to the agent, kill, reconciliation."""

from __future__ import annotations

import pytest

from cluster.messages import (
    Acknowledge,
    ExecutorToFramework,
    ExitedExecutor,
    FrameworkFailure,
    FrameworkInfo,
    FrameworkToExecutor,
    KillTask,
    Reason,
    Reconcile,
    RunTask,
    ShutdownExecutor,
    StatusUpdateAcknowledgement,
    Subscribe,
    Suppress,
    TaskState,
)
from tests.cluster.world import World, executor, running, task


@pytest.mark.asyncio
async def test_updates_pass_to_the_framework_and_acknowledgements_to_the_agent(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task())
    for state in (TaskState.STARTING, TaskState.RUNNING, TaskState.FINISHED):
        uuid = await world.update(agent, framework, "t", state)
        (status,) = framework.statuses()
        assert (status.state, status.agent_id, status.executor_id) == (state, agent.id, "t")
        world.tell(framework, Acknowledge(framework.id, agent.id, "t", uuid))
        await world.settle()
        assert [m.uuid for m in agent.take(StatusUpdateAcknowledgement)] == [uuid]
    assert world.master.state.frameworks[framework.id].tasks == {}
    assert world.master.state.agents[agent.id].tasks == {}


@pytest.mark.asyncio
async def test_an_ended_task_is_known_until_its_end_is_acknowledged(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task())
    await world.update(agent, framework, "t", TaskState.FINISHED, "u1")
    assert "t" in world.master.state.frameworks[framework.id].tasks
    # The same update again: sent on again, its resources are not returned again (the invariants see to that).
    await world.update(agent, framework, "t", TaskState.FINISHED, "u1")
    assert len(framework.statuses()) == 2


@pytest.mark.asyncio
async def test_an_update_that_cannot_follow_is_not_passed_on(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task())
    await world.update(agent, framework, "t", TaskState.FINISHED, "u1")
    framework.statuses()
    await world.update(agent, framework, "t", TaskState.RUNNING, "u2")
    assert [m.uuid for m in agent.take(StatusUpdateAcknowledgement)] == ["u2"]
    # The agent has lost the end that it told: nobody would ever ask for its acknowledgement again.
    (again,) = framework.statuses()
    assert (again.state, again.reason, again.uuid) == (TaskState.FINISHED, Reason.RECONCILIATION, "")
    assert world.master.state.frameworks[framework.id].tasks == {}


@pytest.mark.asyncio
async def test_an_update_of_a_task_that_the_master_forgot_is_passed_on(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.update(agent, framework, "forgotten", TaskState.DROPPED, "u")
    assert [(s.task_id, s.state, s.agent_id) for s in framework.statuses()] == [
        ("forgotten", TaskState.DROPPED, agent.id)
    ]
    world.tell(framework, Acknowledge(framework.id, agent.id, "forgotten", "u"))
    await world.settle()
    assert [m.uuid for m in agent.take(StatusUpdateAcknowledgement)] == ["u"]


@pytest.mark.asyncio
async def test_an_update_of_an_unknown_framework_is_acknowledged_by_the_master(world: World) -> None:
    agent = await world.agent()
    stranger = world.spawn()
    stranger.id = "F9"
    await world.update(agent, stranger, "t", TaskState.RUNNING, "u")
    assert [m.uuid for m in agent.take(StatusUpdateAcknowledgement)] == ["u"]


@pytest.mark.asyncio
async def test_what_follows_an_end_that_was_told_is_acknowledged_by_the_master(world: World) -> None:
    agent = await world.agent(checkpoint=True)
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task())
    await world.update(agent, framework, "t", TaskState.RUNNING, "u1")
    await world.lose(agent)
    assert [s.state for s in framework.statuses()] == [TaskState.RUNNING, TaskState.LOST]
    await world.register(agent)
    await world.update(agent, framework, "t", TaskState.KILLED, "u2")
    assert framework.statuses() == []
    assert [m.uuid for m in agent.take(StatusUpdateAcknowledgement)] == ["u2"]


@pytest.mark.asyncio
async def test_an_end_that_is_not_acknowledged_survives_the_agents_absence(world: World) -> None:
    agent = await world.agent(checkpoint=True)
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task())
    await world.update(agent, framework, "t", TaskState.FINISHED, "u1")
    await world.lose(agent)
    await world.register(agent, running(framework, state=TaskState.FINISHED, uuid="u1"))
    framework.statuses()
    await world.update(agent, framework, "t", TaskState.FINISHED, "u1")
    assert [(s.state, s.uuid) for s in framework.statuses()] == [(TaskState.FINISHED, "u1")]
    world.tell(framework, Acknowledge(framework.id, agent.id, "t", "u1"))
    await world.settle()
    assert [m.uuid for m in agent.take(StatusUpdateAcknowledgement)] == ["u1"]


@pytest.mark.asyncio
async def test_a_stranger_cannot_update_a_task(world: World) -> None:
    await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task())
    await world.update(world.spawn(), framework, "t", TaskState.FINISHED)
    assert framework.statuses() == []
    assert world.master.state.frameworks[framework.id].tasks["t"].state is TaskState.STAGING


@pytest.mark.asyncio
async def test_kill_goes_to_the_agent(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task())
    world.tell(framework, KillTask(framework.id, "t", 7.0))
    await world.settle()
    assert agent.take(KillTask) == [KillTask(framework.id, "t", 7.0)]


@pytest.mark.asyncio
async def test_killing_an_unknown_task_answers_that_it_is_lost(world: World) -> None:
    framework = await world.framework()
    world.tell(framework, KillTask(framework.id, "nonsense"))
    await world.settle()
    (status,) = framework.statuses()
    assert (status.task_id, status.state) == ("nonsense", TaskState.LOST)


@pytest.mark.asyncio
async def test_reconciliation_tells_the_latest_state(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task("a"), task("b"))
    await world.update(agent, framework, "a", TaskState.RUNNING)
    framework.statuses()
    world.tell(framework, Reconcile(framework.id, ("a", "nonsense")))
    await world.settle()
    told = {status.task_id: status for status in framework.statuses()}
    assert {name: status.state for name, status in told.items()} == {
        "a": TaskState.RUNNING,
        "nonsense": TaskState.LOST,
    }
    assert {status.reason for status in told.values()} == {Reason.RECONCILIATION}
    assert {status.uuid for status in told.values()} == {""}
    world.tell(framework, Reconcile(framework.id))
    await world.settle()
    assert {status.task_id for status in framework.statuses()} == {"a", "b"}


@pytest.mark.asyncio
async def test_messages_both_ways(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    down = FrameworkToExecutor(framework.id, agent.id, "e", b"down")
    up = ExecutorToFramework(framework.id, agent.id, "e", b"up")
    world.tell(framework, down)
    world.tell(agent, up)
    world.tell(framework, ShutdownExecutor(framework.id, agent.id, "e"))
    await world.settle()
    assert agent.take(FrameworkToExecutor) == [down]
    assert framework.take(ExecutorToFramework) == [up]
    assert len(agent.take(ShutdownExecutor)) == 1


@pytest.mark.asyncio
async def test_an_executor_holds_its_own_resources_until_it_ends(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    framework = await world.framework()
    both = [task(name, "cpus:1", executor=executor("e", "cpus:0.5")) for name in ("a", "b")]
    await world.accept(framework, framework.offers(), *both, refuse=3600)
    assert len(agent.take(RunTask)) == 2
    assert world.free(agent) == "cpus:1.5;mem:1024"
    world.tell(framework, Suppress(framework.id))
    await world.update(agent, framework, "a", TaskState.FINISHED)
    await world.update(agent, framework, "b", TaskState.FINISHED)
    assert world.free(agent) == "cpus:3.5;mem:1024"
    world.tell(agent, ExitedExecutor(agent.id, framework.id, "e", "it exited with status 3", 3 << 8))
    await world.settle()
    (failure,) = framework.take(FrameworkFailure)
    assert (failure.agent_id, failure.executor_id, failure.status) == (agent.id, "e", 3 << 8)
    assert world.free(agent) == "cpus:4;mem:1024"


@pytest.mark.asyncio
async def test_the_drop_of_an_earlier_launch_says_nothing_of_the_next(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task(), refuse=0)
    await world.update(agent, framework, "t", TaskState.DROPPED, "first")
    world.tell(framework, Acknowledge(framework.id, agent.id, "t", "first"))
    await world.advance(1)
    framework.statuses()
    agent.inbox.clear()
    await world.accept(framework, framework.offers(), task())
    # Repeated, as its acknowledgement was lost.
    await world.update(agent, framework, "t", TaskState.DROPPED, "first")
    assert framework.statuses() == []
    assert [m.uuid for m in agent.take(StatusUpdateAcknowledgement)] == ["first"]
    assert world.master.state.frameworks[framework.id].tasks["t"].state is TaskState.STAGING
    await world.update(agent, framework, "t", TaskState.DROPPED, "second")
    assert [status.uuid for status in framework.statuses()] == ["second"]


@pytest.mark.asyncio
async def test_a_dropped_task_is_launched_once_more_before_that_is_acknowledged(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task(), refuse=0)
    await world.update(agent, framework, "t", TaskState.DROPPED, "first")
    await world.advance(1)
    framework.statuses()
    agent.take(RunTask)
    await world.accept(framework, framework.offers(), task())
    assert framework.statuses() == []
    assert len(agent.take(RunTask)) == 1


@pytest.mark.asyncio
async def test_offers_of_a_former_master_are_not_answered_while_agents_are_to_come(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework(failover_timeout=60.0)
    offers = framework.offers()
    await world.restart()
    world.tell(framework, Subscribe(FrameworkInfo("test", id=framework.id, failover_timeout=60.0)))
    await world.settle()
    # Had the former master taken it, the agent would bring the task yet.
    await world.accept(framework, offers, task())
    assert framework.statuses() == []
    await world.register(agent)
    await world.accept(framework, offers, task())
    assert [status.state for status in framework.statuses()] == [TaskState.DROPPED]


@pytest.mark.asyncio
async def test_a_second_launch_that_is_dropped_too_is_told_as_the_first_was(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    offers = framework.offers()
    await world.accept(framework, offers, task(), refuse=0)
    await world.update(agent, framework, "t", TaskState.DROPPED, "first")
    world.tell(framework, Acknowledge(framework.id, agent.id, "t", "first"))
    await world.settle()
    framework.statuses()
    # The offer is void: what is told is of this launch, and no repetition.
    await world.accept(framework, offers, task())
    (status,) = framework.statuses()
    assert (status.state, status.reason) == (TaskState.DROPPED, Reason.INVALID_OFFERS)
