"""What there is, as operators are shown it."""

from __future__ import annotations

from typing import Any

import pytest

from cluster import messages as m
from cluster.messages import TaskState
from cluster.resources import Resources
from tests.cluster.http.served import Served
from tests.cluster.http.v1.operator.client import Operator, scalar, value
from tests.cluster.world import executor, running, task


def amounts(resources: list[Any]) -> dict[str, float]:
    return {each["name"]: each["scalar"]["value"] for each in resources}


@pytest.mark.asyncio
async def test_nothing_at_all(operator: Operator) -> None:
    state = await operator.get("GET_STATE")
    assert set(state) == {"get_tasks", "get_executors", "get_frameworks", "get_agents"}
    for part in state.values():
        assert not any(part.values())


@pytest.mark.asyncio
async def test_agents(served: Served, operator: Operator) -> None:
    agent = await served.agent(
        "cpus:4;mem:1024;ports:[31000-31009]", "rack:r1", revocable=Resources.of(cpus=2)
    )
    await served.order("reserve", agent.id, "eng", Resources.of(cpus=1))
    framework = await served.framework("eng")
    (offer,) = framework.offers()
    own = executor()
    await served.accept(framework, [offer], task("t", "cpus:2;ports:[31000-31001]", executor=own))
    (found,) = (await operator.get("GET_AGENTS"))["agents"]
    info = found["agent_info"]
    assert (info["id"], info["hostname"]) == (value(agent.id), "host")
    assert info["attributes"] == [{"name": "rack", "type": "TEXT", "text": {"value": "r1"}}]
    assert (found["active"], found["deactivated"], found["version"]) == (True, False, "1.11.0")
    assert found["pid"].startswith("slave(1)@")
    assert found["registered_time"] == {"nanoseconds": round(served.clock.time() * 10**9)}
    assert "reregistered_time" not in found
    whose = {}
    for each in found["total_resources"]:
        whose[each["name"], each["role"], "revocable" in each] = each
    assert whose["cpus", "eng", False]["scalar"] == {"value": 1}
    assert whose["cpus", "eng", False]["reservation"] == {}
    assert whose["cpus", "eng", False]["reservations"] == [{"type": "DYNAMIC", "role": "eng"}]
    assert whose["cpus", "*", False]["scalar"] == {"value": 3}
    assert whose["cpus", "*", True]["scalar"] == {"value": 2}
    assert whose["ports", "*", False]["ranges"] == {"range": [{"begin": 31000, "end": 31009}]}
    used = found["allocated_resources"]
    assert all(each["allocation_info"] == {"role": "eng"} for each in used)
    assert [(each["name"], each["role"], each.get("scalar")) for each in used] == [
        ("cpus", "*", {"value": 1.5}),
        ("mem", "*", {"value": 64}),
        ("ports", "*", None),
        ("cpus", "eng", {"value": 1}),
    ]
    await served.advance(5)
    offered = (await operator.get("GET_AGENTS"))["agents"][0]["offered_resources"]
    assert amounts([each for each in offered if "scalar" in each and "revocable" not in each]) == {
        "cpus": 1.5,
        "mem": 960,
    }
    kinds = {each["type"] for each in found["capabilities"]}
    assert "AGENT_DRAINING" in kinds


@pytest.mark.asyncio
async def test_agents_by_their_standing(served: Served, operator: Operator) -> None:
    agent = await served.agent()
    await served.disconnect(agent)
    (found,) = (await operator.get("GET_AGENTS"))["agents"]
    assert (found["active"], found["deactivated"]) == (False, False)
    await served.register(agent)
    await served.order("deactivate", agent.id)
    (found,) = (await operator.get("GET_AGENTS"))["agents"]
    assert (found["active"], found["deactivated"]) == (False, True)
    assert "reregistered_time" in found
    assert "drain_info" not in found
    await served.order("drain", agent.id, 2.5, False)
    (found,) = (await operator.get("GET_AGENTS"))["agents"]
    config = {"max_grace_period": {"nanoseconds": 2_500_000_000}, "mark_gone": False}
    assert found["drain_info"] == {"state": "DRAINED", "config": config}
    await served.lose(agent)
    assert (await operator.get("GET_AGENTS")).get("agents", []) == []


@pytest.mark.asyncio
async def test_a_new_master_waits_for_agents_and_frameworks(served: Served, operator: Operator) -> None:
    agent = await served.agent()
    framework = await served.framework("eng", failover_timeout=100.0)
    await served.restart()
    found = await operator.get("GET_AGENTS")
    assert [each["id"] for each in found["recovered_agents"]] == [value(agent.id)]
    assert not found.get("agents")
    (found,) = (await operator.get("GET_FRAMEWORKS"))["frameworks"]
    assert (found["recovered"], found["active"], found["connected"]) == (True, False, False)
    assert "registered_time" not in found
    await served.register(agent)
    await served.subscribe(framework)
    found = await operator.get("GET_AGENTS")
    assert not found.get("recovered_agents")
    assert len(found["agents"]) == 1
    (found,) = (await operator.get("GET_FRAMEWORKS"))["frameworks"]
    assert (found["recovered"], found["connected"]) == (False, True)
    assert "registered_time" in found


@pytest.mark.asyncio
async def test_frameworks(served: Served, operator: Operator) -> None:
    agent = await served.agent("cpus:4;mem:1024;ports:[31000-31009]")
    other = await served.agent("cpus:4;mem:1024;ports:[31000-31009]", hostname="other")
    framework = await served.framework("eng", "ops", failover_timeout=100.0)
    for number, offer in enumerate(framework.offers()):
        await served.accept(
            framework, [offer], task(f"t{number}", "cpus:1;ports:[31000-31000]"), refuse=10**6
        )
    (found,) = (await operator.get("GET_FRAMEWORKS"))["frameworks"]
    info = found["framework_info"]
    assert (info["id"], info["name"], info["roles"]) == (value(framework.id), "test", ["eng", "ops"])
    assert (found["active"], found["connected"], found["recovered"]) == (True, True, False)
    now = {"nanoseconds": round(served.clock.time() * 10**9)}
    assert (found["registered_time"], found["reregistered_time"]) == (now, now)
    used = [each for each in found["allocated_resources"] if each["name"] == "cpus"]
    assert sum(each["scalar"]["value"] for each in used) == 2
    # The same port of two agents.
    ports = [each for each in found["allocated_resources"] if each["name"] == "ports"]
    assert {str(each["ranges"]) for each in ports} == {"{'range': [{'begin': 31000, 'end': 31000}]}"}
    assert agent.id != other.id

    window = {"machines": ["host"], "start": served.clock.time() + 100, "duration": 60}
    await served.done("/ostrom/maintenance/schedule", {"windows": [window]})
    (found,) = (await operator.get("GET_FRAMEWORKS"))["frameworks"]
    assert [each["agent_id"] for each in found["inverse_offers"]] == [value(agent.id)]

    await served.advance(1)
    await served.order("end_framework", framework.id, "enough")
    frameworks = await operator.get("GET_FRAMEWORKS")
    (ended,) = frameworks["completed_frameworks"]
    assert ended["framework_info"]["id"] == value(framework.id)
    assert ended["unregistered_time"] == {"nanoseconds": round(served.clock.time() * 10**9)}
    assert ended["registered_time"] == now
    assert (ended["active"], ended["connected"]) == (False, False)
    assert not frameworks.get("frameworks")


@pytest.mark.asyncio
async def test_offers_of_frameworks(served: Served, operator: Operator) -> None:
    await served.agent()
    framework = await served.framework("eng")
    (offer,) = framework.offers()
    (found,) = (await operator.get("GET_FRAMEWORKS"))["frameworks"]
    (shown,) = found["offers"]
    assert (shown["id"], shown["allocation_info"]) == (value(offer.id), {"role": "eng"})
    assert amounts(found["offered_resources"]) == {"cpus": 4, "mem": 1024}


@pytest.mark.asyncio
async def test_tasks_and_executors(served: Served, operator: Operator) -> None:
    agent = await served.agent()
    framework = await served.framework("eng", capabilities=(m.Capability.PARTITION_AWARE,))
    (offer,) = framework.offers()
    labelled = task("t", labels={"a": "b"}, discovery=m.DiscoveryInfo("web", "CLUSTER"))
    await served.accept(framework, [offer], labelled, task("u", executor=executor()))
    tasks = await operator.get("GET_TASKS")
    first, second = tasks["tasks"]
    assert (first["task_id"], first["state"]) == (value("t"), "TASK_STAGING")
    assert (first["framework_id"], first["agent_id"]) == (value(framework.id), value(agent.id))
    assert "executor_id" not in first
    assert first["labels"] == {"labels": [{"key": "a", "value": "b"}]}
    assert first["discovery"] == {"visibility": "CLUSTER", "name": "web"}
    assert first["resources"][0] == scalar("cpus", 1, role="*", allocation_info={"role": "eng"})
    assert second["executor_id"] == value("e")
    (found,) = (await operator.get("GET_EXECUTORS"))["executors"]
    assert found["agent_id"] == value(agent.id)
    assert found["executor_info"]["executor_id"] == value("e")
    assert found["executor_info"]["framework_id"] == value(framework.id)

    uuid = await served.update(agent, framework, "t", TaskState.RUNNING, "a3921f814bf8424f9821181157a157e9")
    first = (await operator.get("GET_TASKS"))["tasks"][0]
    assert (first["state"], first["status_update_state"]) == ("TASK_RUNNING", "TASK_RUNNING")
    (status,) = first["statuses"]
    assert status["uuid"] == first["status_update_uuid"] == "o5IfgUv4Qk+YIRgRV6FX6Q=="
    assert status["task_id"] == value("t")
    assert uuid

    await served.update(agent, framework, "t", TaskState.FINISHED, "end")
    assert (await operator.get("GET_TASKS"))["tasks"][0]["state"] == "TASK_FINISHED"
    served.tell(framework, m.Acknowledge(framework.id, agent.id, "t", "end"))
    await served.settle()
    tasks = await operator.get("GET_TASKS")
    assert [each["task_id"] for each in tasks["completed_tasks"]] == [value("t")]
    assert [each["task_id"] for each in tasks["tasks"]] == [value("u")]
    await served.lose(agent)
    tasks = await operator.get("GET_TASKS")
    (lost,) = tasks["unreachable_tasks"]
    assert (lost["task_id"], lost["state"]) == (value("u"), "TASK_UNREACHABLE")
    assert not tasks.get("tasks")


@pytest.mark.asyncio
async def test_the_state_is_all_of_it(served: Served, operator: Operator) -> None:
    agent = await served.agent()
    framework = await served.framework("eng")
    await served.register(agent, running(framework), incarnation="1")
    state = await operator.get("GET_STATE")
    for kind in ("GET_TASKS", "GET_EXECUTORS", "GET_FRAMEWORKS", "GET_AGENTS"):
        assert state[kind.lower()] == await operator.get(kind)


@pytest.mark.asyncio
async def test_operations_are_none(operator: Operator) -> None:
    assert (await operator.get("GET_OPERATIONS")).get("operations", []) == []
