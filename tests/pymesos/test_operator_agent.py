"""PyMesos's driver for operators of an agent, unmodified."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cluster.local import AgentNode, LocalCluster
from cluster.master.invariants import violations
from tests.pymesos.remote import (
    LIMIT,
    Schedulers,
    ask,
    launched,
    schedulers,
    text,
    value,
)
from tests.system.harness import sandbox


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[LocalCluster]:
    async with asyncio.timeout(LIMIT), LocalCluster(agents=1, resources="cpus:4;mem:1024") as cluster:
        yield cluster
        assert violations(cluster.master_node.master.state) == []


@pytest_asyncio.fixture
async def started(pymesos: Path, tmp_path: Path) -> AsyncIterator[Schedulers]:
    async with schedulers(pymesos, tmp_path) as started:
        yield started


def agent_of(cluster: LocalCluster) -> AgentNode:
    (agent,) = cluster.agents
    assert isinstance(agent, AgentNode)
    return agent


@pytest.mark.asyncio
async def test_what_an_agent_is_and_has(cluster: LocalCluster, started: Schedulers, pymesos: Path) -> None:
    await launched(started, pymesos, cluster.master)
    operator = await started.run("operators.py", "agent", agent_of(cluster).address)
    assert await ask(operator, "getHealth") == {"healthy": True}
    assert (await ask(operator, "getVersion"))["version_info"]["version"] == "1.11.0"
    assert (await ask(operator, "getFlags"))["flags"]
    metrics = {each["name"] for each in (await ask(operator, "getMetrics", 5 * 10**9))["metrics"]}
    assert "slave/tasks_running" in metrics
    (container,) = (await ask(operator, "getContainers"))["containers"]
    assert container["executor_id"] == value("main")
    (known,) = (await ask(operator, "getFrameworks"))["frameworks"]
    assert known["framework_info"]["name"] == "pymesos"
    (found,) = (await ask(operator, "getExecutors"))["executors"]
    assert found["executor_info"]["executor_id"] == value("main")
    (running,) = (await ask(operator, "getTasks"))["launched_tasks"]
    assert running["task_id"] == value("t")
    assert "get_tasks" in await ask(operator, "getState")
    place = str(sandbox(cluster, "main"))
    names = {
        each["path"].rpartition("/")[2] for each in (await ask(operator, "listFiles", place))["file_infos"]
    }
    assert {"stdout", "stderr"} <= names
    read = await ask(operator, "readFile", f"{place}/stderr", 10, 0)
    assert text(read["data"]) == "registered"
    assert read["size"] > 10


@pytest.mark.asyncio
async def test_nested_containers_of_an_agent(
    cluster: LocalCluster, started: Schedulers, pymesos: Path
) -> None:
    await launched(started, pymesos, cluster.master)
    operator = await started.run("operators.py", "agent", agent_of(cluster).address)
    (container,) = (await ask(operator, "getContainers"))["containers"]
    parent = container["container_id"]["value"]
    nested = {"container_id": {"parent": value(parent), "value": "n"}, "command": {"value": "sleep 600"}}
    await operator.call("launchNestedContainer", nested)
    containers = (await ask(operator, "getContainers", True))["containers"]
    assert {each["container_id"]["value"] for each in containers} == {parent, "n"}
    await operator.call("killNestedContainer", "n", parent)
    await operator.call("waitNestedContainer", "n", parent)
    await operator.call("removeNestedContainer", "n", parent)
    containers = (await ask(operator, "getContainers", True))["containers"]
    assert {each["container_id"]["value"] for each in containers} == {parent}
