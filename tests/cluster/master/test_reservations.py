"""Reservations by frameworks and operators, and revocable resources: in offers, in tasks, on record."""

from __future__ import annotations

import msgspec
import pytest

from cluster.messages import (
    Capability,
    ExecutorInfo,
    ExecutorState,
    Launch,
    LaunchGroup,
    OperationState,
    Rescind,
    Reserve,
    Revive,
    RunTask,
    RunTaskGroup,
    TaskState,
    Unreserve,
)
from cluster.resources import Resources
from tests.cluster.world import World, executor, running, task

ERROR, FINISHED = OperationState.ERROR, OperationState.FINISHED


def res(text: str) -> Resources:
    return Resources.parse(text)


@pytest.mark.asyncio
async def test_reserve_launch_and_unreserve_in_one_call(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024;ports:[1-9]")
    framework = await world.framework("eng/dev")
    told = await world.operate(
        framework,
        framework.offers(),
        Reserve(res("cpus:2;mem:512;ports:[3-5]"), "eng/dev", id="r"),
        Launch((task("t", "cpus:3;mem:100;ports:[5-6]"),)),
        Unreserve(res("mem:412"), "eng/dev", id="u"),
        Unreserve(res("mem:100"), "eng/dev"),
    )
    assert [(each.operation_id, each.state) for each in told] == [
        ("r", FINISHED),
        ("u", FINISHED),
        ("", ERROR),
    ]
    assert "more than is offered of what is reserved for 'eng/dev'" in told[2].message
    (run,) = agent.take(RunTask)
    # What is reserved is used first.
    assert run.reserved == {"eng/dev": res("cpus:2;mem:100;ports:[5-5]")}
    reserved = {"eng/dev": res("cpus:2;mem:100;ports:[3-5]")}
    assert world.registry.state.reservations == {agent.id: reserved}
    await world.update(agent, framework, "t", TaskState.FINISHED)
    (offer,) = [offer for offer in framework.offers() if offer.reserved]
    assert offer.reserved == reserved
    assert world.unused(agent) == "cpus:4;mem:1024;ports:[1-9]"


@pytest.mark.asyncio
async def test_what_is_reserved_is_offered_to_its_role_and_those_below_it_only(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    await world.order("reserve", agent.id, "eng", res("cpus:3;mem:1000"))
    other = await world.framework("sales")
    assert [str(offer.resources) for offer in other.offers()] == ["cpus:1;mem:24"]
    mine = await world.framework("eng/dev")
    (offer,) = mine.offers()
    assert (str(offer.resources), offer.reserved) == ("cpus:3;mem:1000", {"eng": res("cpus:3;mem:1000")})
    await world.accept(mine, [offer], task("t", "cpus:1;mem:10", executor=executor("e", "cpus:1")))
    (run,) = agent.take(RunTask)
    assert (run.reserved, run.executor_reserved) == ({"eng": res("cpus:1;mem:10")}, {"eng": res("cpus:1")})


@pytest.mark.asyncio
async def test_what_is_reserved_for_the_deepest_role_is_used_first(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    framework = await world.framework("eng/dev")
    await world.operate(
        framework,
        framework.offers(),
        Reserve(res("cpus:1"), "eng"),
        Reserve(res("cpus:1"), "eng/dev"),
        Launch((task("a", "cpus:0.5"), task("b", "cpus:3"))),
    )
    assert [run.reserved for run in agent.take(RunTask)] == [
        {"eng/dev": res("cpus:0.5")},
        {"eng/dev": res("cpus:0.5"), "eng": res("cpus:1")},
    ]


@pytest.mark.asyncio
async def test_for_a_role_below_it_is_the_frameworks_no_longer(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    framework = await world.framework("eng")
    told = await world.operate(
        framework,
        framework.offers(),
        Reserve(res("cpus:3"), "eng/dev", id="r"),
        Launch((task("t", "cpus:2"),)),
    )
    assert [(each.operation_id, each.state) for each in told] == [("r", FINISHED)]
    assert [s.state for s in framework.statuses()] == [TaskState.ERROR]
    below = await world.framework("eng/dev")
    assert [offer.reserved for offer in below.offers()] == [{"eng/dev": res("cpus:3")}]
    assert agent.take(RunTask) == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (Reserve(res("cpus:1"), "*"), "nothing can be reserved for role '*'"),
        (Reserve(res("cpus:1"), "a b"), "role 'a b' is not a valid name"),
        (
            Reserve(res("cpus:1"), "sales"),
            "role 'sales' is neither the offer's role 'eng' nor above or below it",
        ),
        (Reserve(res("cpus:5"), "eng"), "more than is offered unreserved: cpus: 5 asked, 4 there"),
        (Reserve(Resources(), "eng"), "resources is empty"),
        (Unreserve(res("cpus:1"), "eng"), "more than is offered of what is reserved for 'eng'"),
    ],
)
async def test_what_cannot_be_reserved(world: World, operation: Reserve | Unreserve, text: str) -> None:
    await world.agent("cpus:4;mem:1024")
    framework = await world.framework("eng")
    (told,) = await world.operate(framework, framework.offers(), operation)
    assert told.state is ERROR
    assert text in told.message
    assert world.registry.state.reservations == {}


@pytest.mark.asyncio
async def test_so_many_that_the_master_would_do_nothing_else_are_refused(world: World) -> None:
    await world.agent("cpus:4;mem:1024")
    framework = await world.framework("eng")
    offers = framework.offers()
    many = [Reserve(res("cpus:0.001"), f"eng/r{number}", str(number)) for number in range(257)]
    told = await world.operate(framework, offers, *many)
    assert {update.message for update in told} == {
        "there are 257 reservations to make or to end, 256 at most can be at once"
    }
    assert world.registry.state.reservations == {}
    world.tell(framework, Revive(framework.id))
    await world.settle()
    told = await world.operate(framework, framework.offers(), *many[:101])
    assert [update.state.value for update in told] == ["OPERATION_FINISHED"] * 100 + ["OPERATION_ERROR"]
    assert "100 roles" in told[-1].message


@pytest.mark.asyncio
async def test_operations_on_offers_that_are_not_valid_are_dropped(world: World) -> None:
    await world.agent()
    framework = await world.framework("eng")
    offers = framework.offers()
    await world.accept(framework, offers)
    (told,) = await world.operate(framework, offers, Reserve(res("cpus:1"), "eng"))
    assert told.state is OperationState.DROPPED


@pytest.mark.asyncio
async def test_an_operator_takes_back_only_the_offers_that_are_in_the_way(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    framework = await world.framework("eng")
    (offer,) = framework.offers()
    await world.accept(framework, [offer], task("t", "cpus:1;mem:24"))
    assert await world.order("reserve", agent.id, "sales", res("cpus:1")) is None
    assert framework.take(Rescind) == []
    other = await world.framework("eng")
    (offer,) = other.offers()
    assert await world.order("reserve", agent.id, "sales", res("cpus:2")) is None
    assert [m.offer_id for m in other.take(Rescind)] == [offer.id]
    problem = await world.order("reserve", agent.id, "sales", res("cpus:1"))
    assert problem == f"agent {agent.id}: not enough that is unreserved and unused: cpus: 1 asked, 0 there"
    assert await world.order("unreserve", agent.id, "sales", res("cpus:3")) is None
    problem = await world.order("unreserve", agent.id, "sales", res("cpus:1"))
    assert "not enough reserved for 'sales' and unused" in problem
    assert world.registry.state.reservations == {}
    assert await world.order("reserve", "A9", "sales", res("cpus:1")) == "agent 'A9' is not registered"
    assert await world.order("reserve", agent.id, "*", res("cpus:1")) is not None


@pytest.mark.asyncio
async def test_reservations_survive_the_master_and_the_agents_absence(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024", checkpoint=True)
    framework = await world.framework("eng", capabilities=(Capability.PARTITION_AWARE,))
    mine = {"eng": res("cpus:3")}
    assert await world.order("reserve", agent.id, "eng", res("cpus:3")) is None
    both = task("t", "cpus:1;mem:24", executor=executor("e", "cpus:1;mem:24"))
    await world.accept(framework, framework.offers(), both, refuse=10**6)
    await world.restart()
    await world.subscribe(framework)
    state = ExecutorState(framework.id, executor("e", "cpus:1;mem:24"), "eng", {"eng": res("cpus:1")})
    ran = running(framework, "t", "cpus:1;mem:24", role="eng", reserved={"eng": res("cpus:1")})
    for _ in range(2):
        await world.register(agent, ran, executors=[state])
        assert world.master.state.agents[agent.id].reserved == mine
        (entry,) = world.master.state.agents[agent.id].tasks.values()
        assert entry.reserved == {"eng": res("cpus:1")}
        assert world.unused(agent) == "cpus:2;mem:976"
        await world.lose(agent)
        assert world.registry.state.reservations == {agent.id: mine}
    await world.order("mark_gone", agent.id)
    assert world.registry.state.reservations == {}


@pytest.mark.asyncio
async def test_a_restart_with_less_than_is_reserved_is_refused(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024", checkpoint=True)
    await world.order("reserve", agent.id, "eng", res("cpus:3"))
    with pytest.raises(ValueError, match="not enough values"):
        await world.register(agent, incarnation="2", resources=res("cpus:2;mem:1024"))
    assert "less than is reserved there" in agent.inbox[-1].message


@pytest.mark.asyncio
async def test_a_group_takes_what_is_reserved_first(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    framework = await world.framework("eng")
    pod = ExecutorInfo("pod", resources=res("cpus:1"))
    await world.operate(
        framework,
        framework.offers(),
        Reserve(res("cpus:1.5"), "eng"),
        LaunchGroup(pod, (task("a", "cpus:1"), task("b", "cpus:1"))),
    )
    (run,) = agent.take(RunTaskGroup)
    assert run.executor_reserved == {"eng": res("cpus:1")}
    assert run.reserved == ({"eng": res("cpus:0.5")}, {})


@pytest.mark.asyncio
async def test_revocable_resources_are_for_those_who_want_them(world: World) -> None:
    agent = await world.agent("cpus:2;mem:1024", revocable=res("cpus:4"), checkpoint=True)
    plain = await world.framework()
    assert [str(offer.revocable) for offer in plain.offers()] == [""]
    framework = await world.framework(
        "eng", capabilities=(Capability.REVOCABLE_RESOURCES, Capability.PARTITION_AWARE)
    )
    (offer,) = framework.offers()
    assert (str(offer.resources), str(offer.revocable)) == ("", "cpus:4")
    tasks = [task("a", "cpus:3", revocable=True), task("b", "cpus:1"), task("c", "cpus:2", revocable=True)]
    await world.accept(framework, [offer], *tasks)
    messages = [status.message for status in framework.statuses()]
    assert messages == [
        "task.resources: 'cpus' is not in the offer ()",
        "more than is offered: cpus: 2 asked, 1 there",
    ]
    assert [message.task.task_id for message in agent.take(RunTask)] == ["a"]
    await world.lose(agent)
    ran = running(framework, "a", "cpus:3", role="eng")
    ran = msgspec.structs.replace(ran, task=msgspec.structs.replace(ran.task, revocable=True))
    await world.register(agent, ran)
    record = world.master.state.agents[agent.id]
    offered = [world.master.state.offers[id_][0].revocable for id_ in record.offers]
    assert sum(offered, record.unused.revocable) == res("cpus:1")
