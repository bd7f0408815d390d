"""An agent registers again: whatever was lost between, both sides believe the same after it."""

from __future__ import annotations

import pytest

from cluster.messages import (
    AgentRefused,
    Capability,
    ExecutorState,
    ExitedExecutor,
    KillTask,
    Reason,
    RegisterAgent,
    Rescind,
    RunTask,
    ShutdownFramework,
    TaskState,
)
from cluster.resources import Resources
from tests.cluster.world import Peer, World, executor, running, task


async def refusal(world: World, agent: Peer, message: RegisterAgent) -> str:
    world.tell(agent, message)
    await world.settle()
    (refused,) = agent.take(AgentRefused)
    return refused.message


@pytest.mark.asyncio
async def test_a_launch_that_was_lost_on_the_way_is_asked_for(world: World) -> None:
    agent = await world.agent(checkpoint=True)
    framework = await world.framework()
    mine = task("t", "cpus:1", executor=executor("e", "cpus:1"))
    await world.accept(framework, framework.offers(), mine, refuse=10**6)
    assert len(agent.take(RunTask)) == 1
    await world.disconnect(agent)
    registered = await world.register(agent)
    assert registered.tasks == ((framework.id, "t"),)
    assert registered.executors == ((framework.id, "e"),)
    # From its silence nothing is concluded: it may have arrived since.
    assert world.unused(agent) == "cpus:2;mem:1024"
    await world.update(agent, framework, "t", TaskState.DROPPED)
    world.tell(agent, ExitedExecutor(agent.id, framework.id, "e"))
    await world.settle()
    assert world.unused(agent) == "cpus:4;mem:1024"


@pytest.mark.asyncio
async def test_a_process_that_keeps_nothing_has_lost_what_it_does_not_name(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework(capabilities=(Capability.PARTITION_AWARE,))
    tasks = [task("a", "cpus:1"), task("b", "cpus:1", executor=executor("e", "cpus:1"))]
    await world.accept(framework, framework.offers(), *tasks, refuse=10**6)
    registered = await world.register(agent, running(framework, "a", "cpus:1"), incarnation="2")
    assert (registered.tasks, registered.executors) == ((), ())
    (status,) = framework.statuses()
    assert (status.task_id, status.state, status.reason) == (
        "b",
        TaskState.GONE,
        Reason.AGENT_RESTARTED,
    )
    assert world.unused(agent) == "cpus:3;mem:1024"


@pytest.mark.asyncio
async def test_a_restarted_process_that_keeps_all_is_asked(world: World) -> None:
    agent = await world.agent(checkpoint=True)
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task("a"), refuse=10**6)
    registered = await world.register(agent, incarnation="2")
    assert registered.tasks == ((framework.id, "a"),)
    assert framework.statuses() == []


@pytest.mark.asyncio
async def test_a_restart_may_change_what_it_has(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024", checkpoint=True)
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task("a", "cpus:3;mem:100"), refuse=0)
    await world.advance(1)
    (offer,) = framework.offers()
    assert str(offer.resources) == "cpus:1;mem:924"
    new = Resources.parse("cpus:3;mem:2048")
    await world.register(agent, running(framework, "a", "cpus:3;mem:100"), incarnation="2", resources=new)
    assert [m.offer_id for m in framework.take(Rescind)] == [offer.id]
    assert [str(offer.resources) for offer in framework.offers()] == ["mem:1948"]
    assert world.registry.state.agents[agent.id].resources == new
    # In one life of its process it cannot.
    message = RegisterAgent(agent.info.__class__("host", Resources.of(cpus=9), id=agent.id), incarnation="2")
    assert "other resources" in await refusal(world, agent, message)


@pytest.mark.asyncio
async def test_a_restart_with_less_than_is_used_is_refused(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024", checkpoint=True)
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task("a", "cpus:3;mem:100"), refuse=0)
    info = agent.info.__class__("host", Resources.of(cpus=2, mem=9999), id=agent.id, checkpoint=True)
    assert "more than it has" in await refusal(world, agent, RegisterAgent(info, incarnation="2"))


@pytest.mark.asyncio
async def test_what_a_known_agent_brings_is_adopted_even_if_it_is_on_offer(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024", checkpoint=True)
    framework = await world.framework()
    (offer,) = framework.offers()
    state = ExecutorState(framework.id, executor("e", "cpus:1"))
    registered = await world.register(agent, running(framework, "t", "cpus:2"), executors=[state])
    assert registered.kill == ()
    assert [m.offer_id for m in framework.take(Rescind)] == [offer.id]
    assert [str(offer.resources) for offer in framework.offers()] == ["cpus:1;mem:1024"]
    assert world.master.state.frameworks[framework.id].tasks["t"].state is TaskState.RUNNING


@pytest.mark.asyncio
async def test_a_task_that_runs_elsewhere_is_a_ghost(world: World) -> None:
    one = await world.agent("cpus:4;mem:1024", checkpoint=True)
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task("t"), refuse=10**6)
    other = await world.agent("cpus:4;mem:1024", checkpoint=True)
    framework.inbox.clear()
    registered = await world.register(other, running(framework, "t"))
    assert registered.kill == ((framework.id, "t"),)
    # An update of it is not passed on, and is another chance to end it.
    await world.update(other, framework, "t", TaskState.RUNNING)
    assert [(m.framework_id, m.task_id) for m in other.take(KillTask)] == [(framework.id, "t")]
    await world.update(other, framework, "t", TaskState.FAILED)
    assert other.take(KillTask) == []
    assert framework.statuses() == []
    assert world.master.state.frameworks[framework.id].tasks["t"].agent_id == one.id


@pytest.mark.asyncio
async def test_what_ran_on_while_the_framework_ended_is_shut_down(world: World) -> None:
    agent = await world.agent(checkpoint=True)
    framework = await world.framework()
    mine = task("t", "cpus:1", executor=executor("e", "cpus:1"))
    await world.accept(framework, framework.offers(), mine, refuse=10**6)
    await world.disconnect(agent)
    world.master.end_framework(framework.id, "enough")
    await world.settle()
    agent.inbox.clear()
    state = ExecutorState(framework.id, executor("e", "cpus:1"))
    await world.register(agent, running(framework, "t", "cpus:1"), executors=[state])
    assert [m.framework_id for m in agent.take(ShutdownFramework)] == [framework.id]
    assert world.unused(agent) == "cpus:4;mem:1024"


@pytest.mark.asyncio
async def test_a_kill_that_may_have_been_lost_is_sent_again(world: World) -> None:
    agent = await world.agent(checkpoint=True)
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task("t"), refuse=10**6)
    kill = KillTask(framework.id, "t", 2.0)
    world.tell(framework, kill)
    await world.settle()
    assert agent.take(KillTask) == [kill]
    await world.disconnect(agent)
    world.tell(framework, kill)
    await world.settle()
    assert agent.take(KillTask) == []  # it could not act on it
    await world.register(agent, running(framework))
    assert agent.take(KillTask) == [kill]


@pytest.mark.asyncio
async def test_another_agent_at_the_address_of_one_that_keeps_nothing(world: World) -> None:
    agent = await world.agent()
    first = agent.id
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task("t"), refuse=10**6)
    # Its process died and another began at once, before anybody heard of it.
    registered = await world.register(agent, incarnation="2", id="")
    assert registered.agent_id != first
    assert [(s.state, s.reason) for s in framework.statuses()] == [(TaskState.LOST, Reason.AGENT_RESTARTED)]
    assert list(world.master.state.agents) == [registered.agent_id]


@pytest.mark.asyncio
async def test_another_agent_at_the_address_of_one_that_keeps_all(world: World) -> None:
    agent = await world.agent(checkpoint=True)
    first = agent.id
    registered = await world.register(agent, incarnation="2", id="old-A7")
    agent.id = registered.agent_id
    assert not world.master.state.agents[first].connected
    await world.advance(15 * 6)
    assert list(world.master.state.agents) == ["old-A7"]
    assert list(world.registry.state.unreachable) == [first]


@pytest.mark.asyncio
async def test_an_agent_that_moves(world: World) -> None:
    agent = await world.agent(checkpoint=True)
    moved = world.spawn()
    moved.info = agent.info
    await world.register(moved)
    moved.id = agent.id
    world.system.terminate(agent.upid)
    await world.settle()
    assert world.master.state.agents[agent.id].connected
    assert world.master.state.agents[agent.id].upid == moved.upid
