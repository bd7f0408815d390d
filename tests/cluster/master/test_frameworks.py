"""Frameworks: subscribe, fail over, end; their tasks with them or not."""

from __future__ import annotations

import pytest

from cluster.messages import (
    FrameworkInfo,
    FrameworkRefused,
    RunTask,
    ShutdownFramework,
    StatusUpdate,
    Subscribe,
    Subscribed,
    TaskState,
    TaskStatus,
    Teardown,
)
from tests.cluster.world import World, executor, task


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("info", "text"),
    [
        (FrameworkInfo("f", roles=()), "framework.roles is empty"),
        (FrameworkInfo("f", roles=("a", "a")), "names a role twice"),
        (FrameworkInfo("f", roles=("a b",)), "role 'a b' is not a valid name"),
        (FrameworkInfo("f", roles=("a/../b",)), "role 'a/../b' is not a valid name"),
        (FrameworkInfo("f", roles=("-a",)), "role '-a' is not a valid name"),
        (FrameworkInfo("f", id="a/b"), "framework.id 'a/b'"),
    ],
)
async def test_a_malformed_framework_is_refused(world: World, info: FrameworkInfo, text: str) -> None:
    peer = world.spawn()
    world.tell(peer, Subscribe(info))
    await world.settle()
    (refused,) = peer.take(FrameworkRefused)
    assert text in refused.message
    assert world.master.state.frameworks == {}


@pytest.mark.asyncio
async def test_subscribing_again_is_answered_and_changes_nothing(world: World) -> None:
    await world.agent()
    framework = await world.framework()
    (offer,) = framework.offers()
    world.tell(framework, Subscribe(FrameworkInfo("test")))
    await world.settle()
    assert [message.framework_id for message in framework.take(Subscribed)] == [framework.id]
    assert list(world.master.state.frameworks) == [framework.id]
    assert list(world.master.state.offers) == [offer.id]


@pytest.mark.asyncio
async def test_teardown_ends_tasks_and_executors_and_frees_all(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task("a"), task("b", executor=executor()))
    assert len(agent.take(RunTask)) == 2
    world.tell(framework, Teardown(framework.id))
    await world.settle()
    assert [message.framework_id for message in agent.take(ShutdownFramework)] == [framework.id]
    assert world.master.state.frameworks == {}
    assert world.free(agent) == "cpus:4;mem:1024"
    world.tell(framework, Subscribe(FrameworkInfo("test", id=framework.id)))
    await world.settle()
    assert "has ended" in framework.take(FrameworkRefused)[0].message


@pytest.mark.asyncio
async def test_only_its_scheduler_can_tear_a_framework_down(world: World) -> None:
    framework = await world.framework()
    world.tell(world.spawn(), Teardown(framework.id))
    await world.settle()
    assert framework.id in world.master.state.frameworks


@pytest.mark.asyncio
async def test_a_framework_without_failover_timeout_ends_with_its_scheduler(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task())
    world.system.terminate(framework.upid)
    await world.settle()
    assert world.master.state.frameworks == {}
    assert len(agent.take(ShutdownFramework)) == 1
    assert world.free(agent) == "cpus:4;mem:1024"


@pytest.mark.asyncio
async def test_a_framework_with_failover_timeout_may_come_back(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    framework = await world.framework(failover_timeout=60.0)
    await world.accept(framework, framework.offers(), task(), refuse=0)
    world.system.terminate(framework.upid)
    await world.settle()
    # Its offer went back, its task runs on.
    assert world.free(agent) == "cpus:3;mem:896"
    await world.advance(50)
    again = world.spawn()
    world.tell(again, Subscribe(FrameworkInfo("test", id=framework.id, failover_timeout=60.0)))
    await world.settle()
    again.id = again.take(Subscribed)[0].framework_id
    assert again.id == framework.id
    await world.advance(60)
    assert world.master.state.frameworks[again.id].tasks["t"].state is TaskState.STAGING
    await world.update(agent, again, "t", TaskState.RUNNING)
    assert [status.state for status in again.statuses()] == [TaskState.RUNNING]


@pytest.mark.asyncio
async def test_a_framework_that_does_not_come_back_in_time_ends(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    framework = await world.framework(failover_timeout=60.0)
    await world.accept(framework, framework.offers(), task())
    world.system.terminate(framework.upid)
    await world.advance(59)
    assert framework.id in world.master.state.frameworks
    await world.advance(2)
    assert world.master.state.frameworks == {}
    assert len(agent.take(ShutdownFramework)) == 1
    assert world.free(agent) == "cpus:4;mem:1024"


@pytest.mark.asyncio
async def test_a_second_scheduler_takes_over_and_the_first_is_told(world: World) -> None:
    await world.agent()
    first = await world.framework(failover_timeout=60.0)
    assert len(first.offers()) == 1
    second = world.spawn()
    world.tell(second, Subscribe(FrameworkInfo("test", id=first.id, failover_timeout=60.0)))
    await world.settle()
    assert "another scheduler" in first.take(FrameworkRefused)[0].message
    assert [message.framework_id for message in second.take(Subscribed)] == [first.id]
    assert len(second.offers()) == 1
    # The end of the first, which comes later, is no longer the framework's.
    world.system.terminate(first.upid)
    await world.settle()
    assert world.master.state.frameworks[first.id].connected


@pytest.mark.asyncio
async def test_another_scheduler_at_the_same_address_does_not_hear_for_the_one_before(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework(failover_timeout=60.0)
    await world.accept(framework, framework.offers(), task())
    before = framework.id
    other = FrameworkInfo("other", id="its-own")
    world.tell(framework, Subscribe(other))
    await world.settle()
    framework.inbox.clear()
    world.tell(agent, StatusUpdate(before, TaskStatus("t", TaskState.RUNNING, uuid="u")))
    await world.settle()
    assert framework.statuses() == []
    assert not world.master.state.frameworks[before].connected
