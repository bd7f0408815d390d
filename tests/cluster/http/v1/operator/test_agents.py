"""What is done with agents and frameworks, by Mesos's calls."""

from __future__ import annotations

from typing import Any

import pytest

from cluster import messages as m
from cluster.registry import Drain, RegistryError
from cluster.resources import Resources
from tests.cluster.http.served import Served
from tests.cluster.http.v1.operator.client import Operator, scalar, value
from tests.cluster.master.test_durability import Gated
from tests.cluster.world import task


def reserved(cpus: float = 1, role: str = "eng", newer: bool = False) -> dict[str, Any]:
    if newer:
        return scalar("cpus", cpus, reservations=[{"type": "DYNAMIC", "role": role, "principal": "me"}])
    return scalar("cpus", cpus, role=role, reservation={"principal": "me"})


@pytest.mark.asyncio
@pytest.mark.parametrize("newer", [False, True])
async def test_reservations(served: Served, operator: Operator, newer: bool) -> None:
    agent = await served.agent("cpus:4;mem:1024")
    part = {"agent_id": value(agent.id), "resources": [reserved(3, newer=newer)]}
    await operator.done("RESERVE_RESOURCES", 202, **part, source=[scalar("cpus", 3)])
    assert served.registry.state.reservations == {agent.id: {"eng": Resources.of(cpus=3)}}
    text = await operator.refused("RESERVE_RESOURCES", **part)
    assert text.startswith(f"409 agent {agent.id}: not enough that is unreserved and unused: ")
    await operator.done("UNRESERVE_RESOURCES", 202, **part)
    assert served.registry.state.reservations == {}
    text = await operator.refused("UNRESERVE_RESOURCES", **part)
    assert text.startswith(f"409 agent {agent.id}: not enough reserved for 'eng' and unused: ")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({}, "agent_id is missing"),
        ({"agent_id": value("A")}, "resources is empty"),
        ({"agent_id": value("A"), "resources": None}, "resources is empty"),
        ({"agent_id": value("A"), "resources": [reserved()]}, "agent_id: agent 'A' is not registered"),
        ({"agent_id": value("A"), "resources": [scalar("cpus", 1)]}, "resources: some are not for a role"),
        (
            {"agent_id": value("A"), "resources": [reserved(), reserved(role="ops")]},
            "resources: must be of one role here, not of 'eng', 'ops'",
        ),
        (
            {"agent_id": value("A"), "resources": [scalar("cpus", 1, revocable={})]},
            "resources: what is revocable cannot be reserved",
        ),
        ({"agent_id": value("A"), "resources": [{"name": "cpus"}]}, "resources[0].type is missing"),
    ],
)
async def test_reservations_that_are_none(json_operator: Operator, part: Any, text: str) -> None:
    for kind in ("RESERVE_RESOURCES", "UNRESERVE_RESOURCES"):
        status, found = await json_operator.send({"type": kind, kind.lower(): part})
        assert (status, found.startswith(f"{kind.lower()}.{text}")) == (400, True), found


@pytest.mark.asyncio
async def test_what_is_reserved_is_not_reserved_for_another(served: Served, operator: Operator) -> None:
    agent = await served.agent()
    text = await operator.refused(
        "RESERVE_RESOURCES",
        agent_id=value(agent.id),
        source=[reserved()],
        resources=[reserved(role="ops")],
    )
    assert text == "400 reserve_resources.source: only what is unreserved can be reserved here"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("kind", "part"),
    [
        ("CREATE_VOLUMES", {"agent_id": value("A"), "volumes": [reserved()]}),
        ("DESTROY_VOLUMES", {"agent_id": value("A"), "volumes": [reserved()]}),
        ("GROW_VOLUME", {"volume": reserved(), "addition": reserved()}),
        ("SHRINK_VOLUME", {"volume": reserved(), "subtract": {"value": 1}}),
    ],
)
async def test_there_are_no_volumes(operator: Operator, kind: str, part: Any) -> None:
    text = await operator.refused(kind, **part)
    assert text == f"400 {kind.lower()}: there are no persistent volumes here"


@pytest.mark.asyncio
async def test_drain(served: Served, operator: Operator) -> None:
    agent = await served.agent()
    framework = await served.framework()
    await served.accept(framework, framework.offers(), task("t"))
    grace = {"seconds": 2, "nanos": 500_000_000}
    await operator.done("DRAIN_AGENT", agent_id=value(agent.id), max_grace_period=grace)
    assert served.registry.state.drains == {agent.id: Drain(True, 2.5, False)}
    (kill,) = agent.take(m.KillTask)
    assert kill.grace_period == 2.5
    text = await operator.refused("REACTIVATE_AGENT", agent_id=value(agent.id))
    assert text == f"400 agent {agent.id} is still draining"
    await operator.done("DRAIN_AGENT", agent_id=value(agent.id), mark_gone=True)
    assert served.registry.state.drains == {agent.id: Drain(True, None, True)}
    await served.update(agent, framework, "t", m.TaskState.KILLED, "end")
    served.tell(framework, m.Acknowledge(framework.id, agent.id, "t", "end"))
    await served.settle()
    assert agent.id in served.master.state.registry.gone


@pytest.mark.asyncio
@pytest.mark.parametrize("grace", [{"seconds": -1}, {"nanos": -1}, {"nanos": 10**9}, {"seconds": 2**62}])
async def test_no_duration(json_operator: Operator, grace: Any) -> None:
    text = await json_operator.refused("DRAIN_AGENT", agent_id=value("A"), max_grace_period=grace)
    assert text.startswith("400 drain_agent.max_grace_period is ")


@pytest.mark.asyncio
async def test_deactivate_and_reactivate(served: Served, operator: Operator) -> None:
    agent = await served.agent()
    for _ in range(2):
        await operator.done("DEACTIVATE_AGENT", agent_id=value(agent.id))
        assert served.registry.state.drains == {agent.id: Drain()}
    await operator.done("REACTIVATE_AGENT", agent_id=value(agent.id))
    assert served.registry.state.drains == {}
    text = await operator.refused("REACTIVATE_AGENT", agent_id=value(agent.id))
    assert text == f"400 reactivate_agent.agent_id: agent {agent.id!r} is not deactivated"
    # One that cannot be reached may be, too.
    await served.lose(agent)
    await operator.done("DEACTIVATE_AGENT", agent_id=value(agent.id))
    assert served.registry.state.drains == {agent.id: Drain()}
    await operator.done("REACTIVATE_AGENT", agent_id=value(agent.id))


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["DRAIN_AGENT", "DEACTIVATE_AGENT", "REACTIVATE_AGENT"])
async def test_agents_that_are_not_known(operator: Operator, kind: str) -> None:
    text = await operator.refused(kind, agent_id=value("nobody"))
    assert text == f"400 {kind.lower()}.agent_id: agent 'nobody' is not known"


@pytest.mark.asyncio
async def test_gone(served: Served, operator: Operator) -> None:
    agent = await served.agent()
    for _ in range(2):
        await operator.done("MARK_AGENT_GONE", agent_id=value(agent.id))
        assert agent.id in served.registry.state.gone
    text = await operator.refused("MARK_AGENT_GONE", agent_id=value("nobody"))
    assert text == "404 mark_agent_gone.agent_id: agent 'nobody' is not known"
    text = await operator.refused("DRAIN_AGENT", agent_id=value(agent.id))
    assert text == f"400 drain_agent.agent_id: agent {agent.id!r} is not known"


@pytest.mark.asyncio
async def test_teardown(served: Served, operator: Operator) -> None:
    framework = await served.framework(failover_timeout=100.0)
    await operator.done("TEARDOWN", framework_id=value(framework.id))
    assert framework.id in served.registry.state.ended
    assert [each.message for each in framework.take(m.FrameworkRefused)] == ["torn down by an operator"]
    text = await operator.refused("TEARDOWN", framework_id=value(framework.id))
    assert text == f"400 teardown.framework_id: there is no framework {framework.id!r}"


@pytest.mark.asyncio
async def test_an_answer_comes_when_it_is_on_record() -> None:
    registry = Gated()
    async with Served(registry=registry) as served, Operator(served) as operator:
        registry.error = RegistryError("the disk is full")
        part = {"weight_infos": [{"role": "a", "weight": 1}]}
        status, text = await operator.call("UPDATE_WEIGHTS", **part)
        assert (status, text) == (503, "it may be forgotten: the disk is full")
        # There is no master any more.
        assert (await operator.call("GET_HEALTH"))[0] in (404, 503)


@pytest.mark.asyncio
async def test_what_was_done_is_seen_at_once_everywhere(served: Served, json_operator: Operator) -> None:
    await served.get("/ostrom/weights")
    await json_operator.done("UPDATE_WEIGHTS", weight_infos=[{"role": "a", "weight": 2}])
    assert await served.get("/ostrom/weights") == {"a": 2.0}
