"""PyMesos's drivers for operators, unmodified: what they ask and order of masters and agents, and are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cluster.local import LocalCluster
from cluster.master.invariants import violations
from tests.pymesos.remote import (
    LIMIT,
    Remote,
    Schedulers,
    ask,
    launched,
    scalars,
    schedulers,
    value,
)
from tests.system.harness import eventually


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[LocalCluster]:
    async with asyncio.timeout(LIMIT), LocalCluster(agents=1, resources="cpus:4;mem:1024") as cluster:
        yield cluster
        assert violations(cluster.master_node.master.state) == []


@pytest_asyncio.fixture
async def started(pymesos: Path, tmp_path: Path) -> AsyncIterator[Schedulers]:
    async with schedulers(pymesos, tmp_path) as started:
        yield started


@pytest_asyncio.fixture
async def operator(cluster: LocalCluster, started: Schedulers) -> Remote:
    return await started.run("operators.py", "master", cluster.master)


@pytest.mark.asyncio
async def test_what_a_master_is(cluster: LocalCluster, operator: Remote) -> None:
    assert await ask(operator, "getHealth") == {"healthy": True}
    flags = {each["name"]: each.get("value") for each in (await ask(operator, "getFlags"))["flags"]}
    assert flags
    assert (await ask(operator, "getVersion"))["version_info"]["version"] == "1.11.0"
    metrics = {
        each["name"]: each.get("value") for each in (await ask(operator, "getMetrics", 5 * 10**9))["metrics"]
    }
    assert metrics["master/slaves_active"] == 1
    assert metrics["master/elected"] == 1
    info = (await ask(operator, "getMaster"))["master_info"]
    assert f"{info['address']['ip']}:{info['address']['port']}" == cluster.master
    assert await ask(operator, "getLoggingLevel") == {"level": 0}
    await operator.call("setLoggingLevel", 1, 60 * 10**9)
    assert await ask(operator, "getLoggingLevel") == {"level": 1}
    await operator.call("setLoggingLevel", 0, 60 * 10**9)


@pytest.mark.asyncio
async def test_what_a_master_knows(
    cluster: LocalCluster, operator: Remote, started: Schedulers, pymesos: Path
) -> None:
    framework, agent_id = await launched(started, pymesos, cluster.master)
    (framework_id, _) = await framework.event("registered")
    (agent,) = (await ask(operator, "getAgents"))["agents"]
    assert (agent["agent_info"]["id"], agent["active"]) == (agent_id, True)
    (known,) = (await ask(operator, "getFrameworks"))["frameworks"]
    assert known["framework_info"]["id"] == framework_id
    assert known["connected"]
    (running,) = (await ask(operator, "getTasks"))["tasks"]
    assert (running["task_id"], running["state"]) == (value("t"), "TASK_RUNNING")
    (found,) = (await ask(operator, "getExecutors"))["executors"]
    assert (found["executor_info"]["executor_id"], found["agent_id"]) == (value("main"), agent_id)
    state = await ask(operator, "getState")
    assert {"get_tasks", "get_executors", "get_frameworks", "get_agents"} <= state.keys()
    assert state["get_tasks"]["tasks"] == [running]
    roles = {each["name"]: each for each in (await ask(operator, "getRoles"))["roles"]}
    assert roles["*"]["frameworks"] == [framework_id]


@pytest.mark.asyncio
async def test_weights_quota_and_reservations(cluster: LocalCluster, operator: Remote) -> None:
    await operator.call("updateWeights", [{"role": "r", "weight": 2.5}])
    assert {"role": "r", "weight": 2.5} in (await ask(operator, "getWeights"))["weight_infos"]
    await operator.call("setQuota", {"role": "r", "guarantee": scalars("cpus:2")})
    (config,) = (await ask(operator, "getQuota"))["status"]["infos"]
    assert config["role"] == "r"
    await operator.call("removeQuota", "r")
    assert not (await ask(operator, "getQuota"))["status"].get("infos")
    (agent,) = (await ask(operator, "getAgents"))["agents"]
    agent_id = agent["agent_info"]["id"]["value"]
    (reserved,) = scalars("cpus:1")
    reserved |= {"role": "r", "reservation": {"principal": "p"}}
    await operator.call("reserveResources", agent_id, [reserved])

    async def kept() -> list[Any]:
        (agent,) = (await ask(operator, "getAgents"))["agents"]
        return [each for each in agent["total_resources"] if each.get("role", "*") != "*"]

    (found,) = await kept()
    assert (found["name"], found["scalar"], found["role"]) == ("cpus", {"value": 1.0}, "r")
    assert "reservation" in found
    await operator.call("unreserveResources", agent_id, [reserved])
    assert await kept() == []
    volume = scalars("disk:64")[0] | {
        "role": "r",
        "disk": {
            "persistence": {"id": "v", "principal": "p"},
            "volume": {"container_path": "path1", "mode": "RW"},
        },
    }
    # There are none, which is said, and the driver goes on.
    for name in ("createVolumes", "destroyVolumes"):
        assert "there are no persistent volumes here" in await operator.refused(name, agent_id, [volume])
    await ask(operator, "getHealth")


@pytest.mark.asyncio
async def test_maintenance(
    cluster: LocalCluster, operator: Remote, started: Schedulers, pymesos: Path
) -> None:
    framework, agent_id = await launched(started, pymesos, cluster.master)
    (agent,) = (await ask(operator, "getAgents"))["agents"]
    machine = {"hostname": agent["agent_info"]["hostname"], "ip": "127.0.0.1"}
    window = {"machine_ids": [machine], "unavailability": {"start": {"nanoseconds": 4 * 10**18}}}
    await operator.call("updateMaintenanceSchedule", [window])
    assert (await ask(operator, "getMaintenanceSchedule"))["schedule"]["windows"] == [window]
    # The framework is asked to go, and can answer.
    ((inverse,),) = await framework.event("inverseOffers")
    await framework.call("acceptInverseOffers", [inverse["id"]], {"refuse_seconds": 5})
    (draining,) = (await ask(operator, "getMaintenanceStatus"))["status"]["draining_machines"]
    assert draining["id"] == machine
    await operator.call("startMaintenance", [machine])
    # Without an agent nobody knows its address: machines are known by their hostnames.
    (down,) = (await ask(operator, "getMaintenanceStatus"))["status"]["down_machines"]
    assert down == {"hostname": machine["hostname"]}
    assert await framework.event("slaveLost") == [agent_id]
    await operator.call("stopMaintenance", [machine])
    assert not (await ask(operator, "getMaintenanceSchedule"))["schedule"].get("windows")


@pytest.mark.asyncio
async def test_an_agent_is_gone(
    cluster: LocalCluster, operator: Remote, started: Schedulers, pymesos: Path
) -> None:
    framework, agent_id = await launched(started, pymesos, cluster.master)
    await operator.call("markAgentGone", agent_id["value"])
    await framework.status("t", "TASK_LOST")
    assert await framework.event("slaveLost") == [agent_id]
    assert not (await ask(operator, "getAgents")).get("agents")


@pytest.mark.asyncio
async def test_the_stream_of_a_master(
    cluster: LocalCluster, operator: Remote, started: Schedulers, pymesos: Path
) -> None:
    await operator.call("start")
    await eventually(lambda: "Operator client subscribed" in operator.said())
    framework, agent_id = await launched(started, pymesos, cluster.master)
    (framework_id, _) = await framework.event("registered")
    (added,) = await operator.event("frameworkAdded")
    assert added["framework_info"]["id"] == framework_id
    (added,) = await operator.event("taskAdded")
    assert (added["task_id"], added["agent_id"], added["framework_id"]) == (
        value("t"),
        agent_id,
        framework_id,
    )
    (updated,) = await operator.event("taskUpdated", lambda told: told["state"] == "TASK_RUNNING")
    assert (updated["status"]["task_id"], updated["framework_id"]) == (value("t"), framework_id)
    await framework.call("stop", failover=True)
    await framework.end()
    second = await started.start(cluster.master, framework_id=framework_id["value"])
    await second.event("reregistered")
    (told,) = await operator.event("frameworkUpdated", lambda told: told["connected"])
    assert told["framework_info"]["id"] == framework_id
    await second.call("killTask", value("t"))
    await operator.event("taskUpdated", lambda told: told["state"] == "TASK_KILLED")
    await second.call("stop")
    await second.end()
    (removed,) = await operator.event("frameworkRemoved")
    assert removed["id"] == framework_id
    await cluster.add_agent()
    (new,) = await operator.event("agentAdded")
    assert new["active"]
    gone = cluster.agents.pop()
    await gone.stop()
    assert await operator.event("agentRemoved") == [new["agent_info"]["id"]["value"]]
    # Calls go beside the stream.
    assert await ask(operator, "getHealth") == {"healthy": True}
    assert "Traceback" not in operator.said()
