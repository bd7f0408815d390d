"""What frameworks do wrong: a clear error for each, nothing leaks, and others do not notice."""

from __future__ import annotations

import pytest

from cluster.messages import (
    AgentInfo,
    AgentRegistered,
    Check,
    CommandInfo,
    HealthCheck,
    Reason,
    RegisterAgent,
    Rescind,
    RunTask,
    TaskInfo,
    TaskState,
    TCPCheck,
)
from cluster.resources import ResourceError, Resources
from tests.cluster.world import Peer, World, executor, task


async def refused(world: World, framework: Peer, agent: Peer, *tasks: TaskInfo) -> str:
    """Launch tasks of which the last is malformed; return its error."""
    before = world.free(agent)
    offers = framework.offers()
    await world.accept(framework, offers, *tasks, refuse=0)
    status = framework.statuses()[-1]
    assert (status.state, status.reason) == (TaskState.ERROR, Reason.TASK_INVALID)
    assert agent.take(RunTask) == []
    # What was refused came back, and is offered again.
    await world.advance(1)
    assert [offer.resources for offer in framework.offers()] == [offer.resources for offer in offers]
    assert world.free(agent) == before
    return status.message


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (task(resources="cpus:5;mem:128"), "more than is offered: cpus"),
        (task(resources="cpus:1;mem:128;gpus:1"), "'gpus' is not in the offer"),
        (task(resources="cpus:1;ports:[1-2]"), "'ports' is not in the offer"),
        (TaskInfo("t", Resources(), command=CommandInfo("true")), "task.resources is empty"),
        (TaskInfo("t", Resources.of(cpus=1)), "a command or an executor"),
        (task(executor=executor(), command=CommandInfo("true")), "a command or an executor"),
        (task(executor=executor(resources="cpus:3.5")), "with its executor, more than is offered: cpus"),
        (task(task_id="a/b"), "task_id 'a/b'"),
        (task(task_id=".."), "task_id '..'"),
        (task(task_id=""), "task_id ''"),
        (task(task_id="\u00e9" * 200), "1 to 255 bytes"),
        (task(executor=executor("x/y")), "executor_id 'x/y'"),
        (task(health_check=HealthCheck()), "task.health_check has 0 of command, http and tcp"),
        (task(check=Check(tcp=TCPCheck(0))), "task.check.tcp.port is 0"),
        (task(command=CommandInfo("")), "command"),
        (task(command=CommandInfo("a\0b")), "command"),
        (task(agent_id="other"), "task.agent_id is 'other'"),
    ],
)
async def test_a_malformed_task(world: World, wrong: TaskInfo, text: str) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.settle()
    assert text in await refused(world, framework, agent, wrong)


@pytest.mark.asyncio
async def test_the_tasks_beside_a_malformed_one_are_launched(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    framework = await world.framework()
    tasks = [task("a"), task("b", "cpus:9"), task("c", "cpus:3;mem:100"), task("d")]
    await world.accept(framework, framework.offers(), *tasks)
    assert [message.task.task_id for message in agent.take(RunTask)] == ["a", "c"]
    assert {s.task_id: s.state for s in framework.statuses()} == {"b": TaskState.ERROR, "d": TaskState.ERROR}
    assert world.free(agent) == "mem:796"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("check", "text"),
    [
        ({"health_check": HealthCheck(tcp=TCPCheck(0))}, "task.health_check.tcp.port is 0"),
        ({"check": Check()}, "task.check"),
    ],
)
async def test_a_check_that_is_none(world: World, check: dict[str, object], text: str) -> None:
    await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task("t", **check))
    (status,) = framework.statuses()
    assert (status.state, status.reason) == (TaskState.ERROR, Reason.TASK_INVALID)
    assert text in status.message


@pytest.mark.asyncio
async def test_a_duplicate_task_id(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task("t"), refuse=0)
    assert len(agent.take(RunTask)) == 1
    await world.advance(1)
    await world.accept(framework, framework.offers(), task("t"))
    (status,) = framework.statuses()
    # An end would be told of the task that has the id. It may be the same call, come twice.
    assert (status.state, status.reason) == (TaskState.STAGING, Reason.RECONCILIATION)
    assert status.message == "task_id 't' is in use by this framework"
    assert agent.take(RunTask) == []
    assert world.master.state.frameworks[framework.id].tasks["t"].state is TaskState.STAGING


@pytest.mark.asyncio
async def test_another_framework_may_use_the_same_task_id(world: World) -> None:
    agent = await world.agent()
    one = await world.framework("a")
    offers = one.offers()
    other = await world.framework("b")
    await world.accept(one, offers, task("t"), refuse=60)
    await world.accept(other, other.offers(), task("t"), refuse=60)
    assert len(agent.take(RunTask)) == 2


@pytest.mark.asyncio
async def test_an_unknown_offer(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.accept(framework, ["nonsense"], task())
    (status,) = framework.statuses()
    assert (status.state, status.reason) == (TaskState.DROPPED, Reason.INVALID_OFFERS)
    assert "offer 'nonsense' is not valid" in status.message
    assert agent.take(RunTask) == []


@pytest.mark.asyncio
async def test_an_offer_used_twice(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    offers = framework.offers()
    await world.accept(framework, offers, task("first"), refuse=0)
    await world.accept(framework, offers, task("second"))
    (status,) = framework.statuses()
    assert (status.task_id, status.state, status.reason) == (
        "second",
        TaskState.DROPPED,
        Reason.INVALID_OFFERS,
    )
    assert [message.task.task_id for message in agent.take(RunTask)] == ["first"]


@pytest.mark.asyncio
async def test_an_offer_named_twice_in_one_call(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    (offer,) = framework.offers()
    await world.accept(framework, [offer, offer], task())
    assert [status.message for status in framework.statuses()] == ["an offer is named twice"]
    await world.advance(1)
    assert agent.take(RunTask) == []
    assert [again.resources for again in framework.offers()] == [offer.resources]


@pytest.mark.asyncio
async def test_one_valid_and_one_unknown_offer(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    (offer,) = framework.offers()
    await world.accept(framework, [offer, "nonsense"], task())
    assert [status.state for status in framework.statuses()] == [TaskState.DROPPED]
    await world.advance(1)
    assert agent.take(RunTask) == []
    assert [again.resources for again in framework.offers()] == [offer.resources]


@pytest.mark.asyncio
async def test_offers_of_two_agents_in_one_call(world: World) -> None:
    await world.agent()
    await world.agent()
    framework = await world.framework()
    offers = framework.offers()
    assert len(offers) == 2
    await world.accept(framework, offers, task())
    assert [s.message for s in framework.statuses()] == ["the offers are of different agents or roles"]
    await world.advance(1)
    assert len(framework.offers()) == 2


@pytest.mark.asyncio
async def test_the_offer_of_another_framework(world: World) -> None:
    agent = await world.agent()
    owner = await world.framework("a")
    (offer,) = owner.offers()
    thief = await world.framework("b")
    await world.accept(thief, [offer], task())
    assert [status.reason for status in thief.statuses()] == [Reason.INVALID_OFFERS]
    await world.accept(owner, [offer], task())
    assert len(agent.take(RunTask)) == 1


@pytest.mark.asyncio
async def test_a_framework_that_never_answers_loses_its_offers_to_others(world: World) -> None:
    agent = await world.agent()
    silent = await world.framework("a")
    (offer,) = silent.offers()
    other = await world.framework("b")
    assert other.offers() == []
    await world.advance(29)
    assert silent.take(Rescind) == []
    await world.advance(2)
    assert [message.offer_id for message in silent.take(Rescind)] == [offer.id]
    (got,) = other.offers()
    assert str(got.resources) == str(world.master.state.agents[agent.id].info.resources)
    await world.accept(silent, [offer], task())
    assert [status.reason for status in silent.statuses()] == [Reason.INVALID_OFFERS]
    await world.accept(other, [got], task())
    assert len(agent.take(RunTask)) == 1


@pytest.mark.asyncio
async def test_the_same_executor_id_with_another_command(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task("a", executor=executor("e")), refuse=0)
    await world.advance(1)
    other = executor("e", resources="cpus:0.25")
    await world.accept(framework, framework.offers(), task("b", executor=other))
    (status,) = framework.statuses()
    assert status.message == "executor_id 'e' runs on the agent with another ExecutorInfo"
    assert len(agent.take(RunTask)) == 1


@pytest.mark.parametrize("text", ["cpus:-1", "cpus:x", "cpus", "ports:[5-1]", ":1", "cpus:nan", "cpus:1e400"])
def test_resources_that_do_not_parse(text: str) -> None:
    with pytest.raises(ResourceError) as raised:
        Resources.parse(text)
    assert text.partition(":")[0] in str(raised.value)


@pytest.mark.asyncio
async def test_a_registered_agent_registers_twice(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task(), refuse=60)
    first = agent.id
    # It says that it runs nothing: the answer to its first registration crossed the task on the wire.
    world.tell(agent, RegisterAgent(AgentInfo("host", Resources.parse("cpus:4;mem:1024"))))
    await world.settle()
    assert [message.agent_id for message in agent.take(AgentRegistered)] == [first]
    assert list(world.master.state.agents) == [first]
    assert world.master.state.frameworks[framework.id].tasks["t"].state is TaskState.STAGING
